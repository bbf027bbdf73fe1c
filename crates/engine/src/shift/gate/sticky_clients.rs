//! No client sticks to the old side any more: it stays attached until then.

use jiff::{SignedDuration, Timestamp};
use weir_api::traffic_shift::{GateName, Phase};

use crate::reader::{Asked, Reader};
use crate::reason::Reason;
use crate::shift::progress::RouteProgress;

use super::{Check, Gate, Station, Wait};

pub(super) const CHECK: Check = Check {
    name: GateName::StickyClients,
    release: Some("clients that stick to the old side are not waited for"),
    judge,
};

fn judge(station: &Station<'_>, _: &mut Reader<'_>) -> Asked<Gate> {
    let Some(until) = stick_until(station).filter(|until| station.now < *until) else { return Some(Gate::Open) };
    let message = format!("clients that stick to the old side may still be answered there until {until:.0}");
    let wait = Wait::new(Phase::Baking, Reason::StickyClients, message);
    Some(Gate::Wait(Wait { until: Some(until), ..wait }))
}

/// Until when clients may stick to the old side of a run whose candidate has all the weight.
pub(super) fn stick_until(station: &Station<'_>) -> Option<Timestamp> {
    let seconds = station.routes.iter().filter_map(RouteProgress::sticky_seconds).max()?;
    let applied_at = station.run.applied_at.filter(|_| station.run.weight == 100)?;
    Some(applied_at + SignedDuration::from_secs(i64::from(seconds)))
}
