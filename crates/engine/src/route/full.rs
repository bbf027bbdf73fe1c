//! Which environments have carried all the traffic of a route: what a later run may take for known to be good.

use weir_api::WeightedRouteStatus;
use weir_api::traffic_shift::Outcome;
use weir_api::weighted_route::FullTraffic;

use crate::Arn;
use crate::weights;

use super::observed::Looked;
use super::target::RunTarget;

/// How many environments are remembered.
const REMEMBERED: usize = 10;

/// Takes note of who carries everything by the live weights in the status. An environment with another target group
/// is another environment. A candidate counts once its run has succeeded, and not at all if it failed: to have been
/// tried is not to be good.
pub(super) fn note(looked: &Looked<'_>, status: &mut WeightedRouteStatus) {
    let (now, members) = (looked.context.now, looked.members);
    let whole = status.weights.iter().find(|entry| weights::carries_all(&status.weights, &entry.environment));
    let whole = whole.and_then(|entry| {
        let member = members.get(&entry.environment)?.as_ref().ok()?;
        Some((entry.environment.clone(), member.groups.iter().map(Arn::to_string).collect::<Vec<String>>()))
    });
    let is_same = |known: &FullTraffic, environment: &str, groups: &[String]| {
        known.environment == environment && known.target_groups == groups
    };
    let mut is_known = false;
    for known in status.full_traffic.iter_mut().filter(|known| known.until.is_none()) {
        let lasts = whole.as_ref().is_some_and(|(environment, groups)| is_same(known, environment, groups));
        is_known |= lasts;
        known.until = (!lasts).then_some(now);
    }
    let Some((environment, target_groups)) = whole.filter(|_| !is_known) else { return };
    if is_on_trial(&environment, looked.run(), status) {
        return;
    }
    status.full_traffic.retain(|known| !is_same(known, &environment, &target_groups));
    status.full_traffic.insert(0, FullTraffic { environment, target_groups, since: now, until: None });
    status.full_traffic.truncate(REMEMBERED);
}

/// Whether an environment has yet to prove itself: it is the candidate of a run that moves, or of the last one, and
/// that run has not succeeded.
fn is_on_trial(environment: &str, run: Option<&RunTarget<'_>>, status: &WeightedRouteStatus) -> bool {
    match (run, &status.last_run) {
        (Some(run), _) if run.run.to == environment => run.run.outcome != Some(Outcome::Succeeded),
        (None, Some(last)) if last.to == environment => {
            matches!(last.outcome, Outcome::RolledBack | Outcome::Failed)
        }
        _ => false,
    }
}
