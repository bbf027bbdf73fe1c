//! The trace of a world as one number: every call, request, change and event, in order.
//!
//! The same seed gives the same number, twice in one process and in two processes; if it does not, something drew
//! chance or order from elsewhere, and no failure found in the world could be played again.

use std::fmt::{self, Write};

use crate::journal::{Entry, What};
use crate::world::World;

/// The trace of everything that has happened in a world so far.
pub fn trace(world: &World) -> u64 {
    let mut hash = Fnv::default();
    let evidence = world.evidence();
    for entry in &evidence.entries {
        hash.add(Line(entry));
    }
    for call in &evidence.calls {
        hash.add(format_args!("{call:?}"));
    }
    for effect in world.aws().effects() {
        hash.add(format_args!("{effect:?}"));
    }
    for event in world.events() {
        hash.add(format_args!("{event:?}"));
    }
    hash.0
}

/// An entry as one line. Objects are written as compact JSON.
struct Line<'a>(&'a Entry);

impl fmt::Display for Line<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { at, process, what } = self.0;
        write!(formatter, "{at} {process} ")?;
        match what {
            What::Kube(request) => {
                let object = request.object.as_ref().map(ToString::to_string).unwrap_or_default();
                write!(formatter, "{} {} {:?} {object}", request.method, request.path, request.status)
            }
            other => write!(formatter, "{other:?}"),
        }
    }
}

/// The hash of Fowler, Noll and Vo with 64 bits (1a): the same on every machine and in every version of the compiler.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, line: impl fmt::Display) {
        writeln!(self, "{line}").expect("a hash takes all that it is given");
    }
}

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
