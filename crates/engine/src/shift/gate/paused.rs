//! `spec.paused`: no run starts, takes over or goes on.

use weir_api::traffic_shift::{GateName, Phase};

use crate::reader::{Asked, Reader};
use crate::reason::Reason;

use super::{Check, Gate, Station, Wait};

pub(super) const CHECK: Check = Check { name: GateName::Paused, release: None, judge };

fn judge(station: &Station<'_>, _: &mut Reader<'_>) -> Asked<Gate> {
    if !station.shift.spec.paused {
        return Some(Gate::Open);
    }
    let has_started = station.shift.status.run.as_ref().is_some_and(|run| run.id == station.run.id);
    let (phase, what) = match station.before {
        Some(_) => (Phase::Held, format!("the run to {} takes over", station.run.to)),
        None if has_started => (Phase::Held, "the run goes on".to_owned()),
        None => (Phase::Pending, "the run starts".to_owned()),
    };
    Some(Gate::Wait(Wait::new(phase, Reason::Paused, format!("spec.paused is true; {what} when it is false"))))
}
