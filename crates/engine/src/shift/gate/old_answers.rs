//! No resolver has kept an answer any more that leads to the old side of a name: it must run until then.

use jiff::Timestamp;
use weir_api::traffic_shift::{GateName, Phase};

use crate::reader::{Asked, Reader};
use crate::reason::Reason;
use crate::shift::progress::RouteProgress;

use super::{Check, Gate, Station, Wait};

pub(super) const CHECK: Check = Check {
    name: GateName::OldAnswers,
    release: Some("resolvers that have kept an answer that leads to the old side are not waited for"),
    judge,
};

fn judge(station: &Station<'_>, _: &mut Reader<'_>) -> Asked<Gate> {
    let Some(until) = until(station).filter(|until| station.now < *until) else { return Some(Gate::Open) };
    let message = format!(
        "resolvers may have kept an answer that leads to the old side until {until:.0}: some clients come to it until then"
    );
    let wait = Wait::new(Phase::Baking, Reason::OldAnswers, message);
    Some(Gate::Wait(Wait { until: Some(until), ..wait }))
}

/// Until when resolvers may lead clients to the old side of a run whose candidate has all the weight.
pub(super) fn until(station: &Station<'_>) -> Option<Timestamp> {
    let is_over = station.run.applied_at.is_some() && station.run.weight == 100;
    station.routes.iter().filter(|_| is_over).filter_map(RouteProgress::answers_until).max()
}
