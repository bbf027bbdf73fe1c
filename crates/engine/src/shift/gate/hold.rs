//! What holds a run until somebody gives a word, or until it is undone.

use weir_api::traffic_shift::{GateName, HeldBy};

use crate::reader::{Asked, Reader};

use super::{Check, Gate, Station, Wait};

pub(in crate::shift) const CHECK: Check = Check { name: GateName::Hold, release: None, judge };

fn judge(station: &Station<'_>, _: &mut Reader<'_>) -> Asked<Gate> {
    let hold = station.run.hold.as_ref();
    Some(hold.map_or(Gate::Open, |hold| Gate::Wait(held_by(hold.by, hold.message.clone()))))
}

/// What a run waits for that is held.
pub(in crate::shift) fn held_by(by: HeldBy, message: String) -> Wait {
    Wait::new(by.phase(), by, message)
}
