//! Objects that are changed in the middle of a run: what it moves is what it recorded, so it holds, and neither its candidate
//! nor its way back is lost sight of.

use weir_api::traffic_shift::Run;

use crate::backend;
use crate::object::{Cluster, ShiftObject};
use crate::route::place_changed;

use super::progress::RouteProgress;

/// What the objects do not say any more of what the run moves, in words.
pub(super) fn changed(
    cluster: &Cluster,
    shift: &ShiftObject,
    routes: &[RouteProgress<'_>],
    run: &Run,
) -> Option<String> {
    routes.iter().find_map(|route| {
        let said = place_changed(cluster, route.object).or_else(|| environments(cluster, shift, route, run))?;
        Some(format!(
            "route {}: {said}, or give the command abort to go back by what the run recorded",
            route.part.name
        ))
    })
}

/// What the traffic is moved to must stay as it was. The old side may go with the release that replaces it, or change: its
/// group is on record, and its route says so.
fn environments(cluster: &Cluster, shift: &ShiftObject, route: &RouteProgress<'_>, run: &Run) -> Option<String> {
    let candidate = &run.to;
    if !cluster.environments.contains_key(&shift.key.sibling(candidate)) {
        return Some(format!("the Environment {candidate}, to which the run moves, is gone; create it again"));
    }
    if !route.object.spec.backends.iter().any(|backend| backend.environment == *candidate) {
        return Some(format!("spec.backends does not name {candidate} any more, to which the run moves; add it again"));
    }
    let said = backend::renamed(cluster, route.object, &route.members, candidate)?;
    let in_use = &route.member(candidate).ok()?.arn;
    Some(format!("the Environment {candidate} names {said} now, and the run moves to {in_use}; name that one again"))
}
