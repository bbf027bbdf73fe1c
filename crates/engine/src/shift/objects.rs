//! Objects that are changed in the middle of a run: what it moves is what it recorded, so it holds, and neither its candidate
//! nor its way back is lost sight of.

use weir_api::traffic_shift::Run;

use crate::backend;
use crate::object::{Cluster, ShiftObject};
use crate::route::place_changed;

use super::lane::Lane;

/// What the objects do not say any more of what the run moves, in words.
pub(super) fn changed(cluster: &Cluster, shift: &ShiftObject, lanes: &[Lane<'_>], run: &Run) -> Option<String> {
    lanes.iter().find_map(|lane| {
        let said = place_changed(cluster, lane.route).or_else(|| environments(cluster, shift, lane, run))?;
        Some(format!("route {}: {said}, or give the command abort to go back by what the run recorded", lane.part.name))
    })
}

/// What the traffic is moved to must stay as it was. The old side may go with the release that replaces it, or change: its
/// group is on record, and its route says so.
fn environments(cluster: &Cluster, shift: &ShiftObject, lane: &Lane<'_>, run: &Run) -> Option<String> {
    let candidate = &run.to;
    if !cluster.environments.contains_key(&shift.key.beside(candidate)) {
        return Some(format!("the Environment {candidate}, to which the run moves, is gone; create it again"));
    }
    if !lane.route.spec.backends.iter().any(|backend| backend.environment == *candidate) {
        return Some(format!("spec.backends does not name {candidate} any more, to which the run moves; add it again"));
    }
    let said = backend::renamed(cluster, lane.route, &lane.groups, candidate)?;
    let lent = lane.group(candidate).ok()?;
    Some(format!(
        "the Environment {candidate} names the target group {said} now, and the run moves to {lent}; name that one again"
    ))
}
