//! A run whose routes adopt what somebody else has made live goes on from there, as if it had done so itself.

use jiff::Timestamp;
use weir_api::traffic_shift::Run;
use weir_api::weighted_route::DriftPolicy;

use crate::object::ShiftObject;
use crate::weights;

use super::progress::RouteProgress;
use super::run::{RunState, renumber};

/// Whether somebody else has changed routes of the run, and all of these adopt it.
pub(super) fn applies(routes: &[RouteProgress<'_>], shift: &ShiftObject, run: &Run) -> bool {
    let is_free = RunState::of(run) == RunState::Advancing && run.hold.is_none();
    let changed: Vec<&RouteProgress<'_>> =
        routes.iter().filter(|route| route.foreign_change(shift, run).is_some()).collect();
    let may = |route: &&RouteProgress<'_>| {
        let live = weights::carrying(route.live());
        route.object.spec.drift == DriftPolicy::Adopt
            && route.has_other_weights(shift, run)
            && !live.is_empty()
            && weights::without(&live, &run.to).len() < route.limits().members
    };
    is_free && !changed.is_empty() && changed.iter().all(may)
}

/// Makes what is live the present change of the run. The traffic would go back to what else carries it now.
pub(super) fn take_over(routes: &[RouteProgress<'_>], shift: &ShiftObject, run: &mut Run, now: Timestamp) {
    let changed: Vec<bool> = routes.iter().map(|route| route.foreign_change(shift, run).is_some()).collect();
    for ((part, route), changed) in run.routes.iter_mut().zip(routes).zip(changed) {
        if !changed {
            part.before.clone_from(&part.weights);
            continue;
        }
        let live = weights::carrying(route.live());
        let others = weights::without(&live, &run.to);
        part.before.clone_from(&live);
        part.weights = if weights::of(&live, &run.to) > 0 { live } else { weights::blend(&live, &run.to, 0) };
        if !others.is_empty() {
            part.from = others;
        }
    }
    run.weight = run.routes.iter().map(|part| weights::percent(&part.weights, &run.to)).min().unwrap_or(run.weight);
    run.progressed_at = now;
    renumber(run);
}
