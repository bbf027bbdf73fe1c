//! A value over time: what it was, is and, if nothing intervenes, will be.
//!
//! Everything in the world that changes by itself (the health of a target, a setting on its way to the data plane)
//! is written down with the instant at which it comes true. Reading is then a look-up, so hours cost nothing, and
//! the past stays exact however late it is asked for.

use jiff::Timestamp;

/// Values by the instant from which each one holds, in order of time.
#[derive(Clone, Debug)]
pub(crate) struct Timeline<T> {
    entries: Vec<(Timestamp, T)>,
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T> Timeline<T> {
    /// A timeline that begins with this value.
    pub(crate) fn starting(at: Timestamp, value: T) -> Self {
        Self { entries: vec![(at, value)] }
    }

    /// Holds this value from this instant on, and forgets what was expected from then on.
    pub(crate) fn set(&mut self, at: Timestamp, value: T) {
        self.forget_from(at);
        self.entries.push((at, value));
    }

    /// Expects this value at this instant, or directly after what is already expected.
    pub(crate) fn then(&mut self, at: Timestamp, value: T) {
        match self.entries.last_mut() {
            Some(last) if last.0 >= at => last.1 = value,
            _ => self.entries.push((at, value)),
        }
    }

    /// Forgets what was expected after this instant.
    pub(crate) fn forget_after(&mut self, at: Timestamp) {
        self.entries.truncate(self.entries.partition_point(|entry| entry.0 <= at));
    }

    /// Forgets what held before this instant and does no more.
    pub(crate) fn forget_before(&mut self, at: Timestamp) {
        let held = self.entries.partition_point(|entry| entry.0 <= at).saturating_sub(1);
        self.entries.drain(..held);
    }

    /// Whether nothing begins to hold after this instant.
    pub(crate) fn rests_since(&self, at: Timestamp) -> bool {
        self.entries.last().is_none_or(|last| last.0 <= at)
    }

    /// Every instant up to this one at which a value began to hold.
    pub(crate) fn instants_until(&self, at: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.entries.iter().map(|entry| entry.0).take_while(move |instant| *instant <= at)
    }

    fn forget_from(&mut self, at: Timestamp) {
        self.entries.truncate(self.entries.partition_point(|entry| entry.0 < at));
    }

    /// The value that holds at this instant; `None` before the first.
    pub(crate) fn at(&self, at: Timestamp) -> Option<&T> {
        let after = self.entries.partition_point(|entry| entry.0 <= at);
        after.checked_sub(1).map(|last| &self.entries[last].1)
    }

    /// The first instant after this one at which the value changes, as far as is known.
    pub(crate) fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        let after = self.entries.partition_point(|entry| entry.0 <= at);
        self.entries.get(after).map(|entry| entry.0)
    }
}

#[cfg(test)]
mod tests;
