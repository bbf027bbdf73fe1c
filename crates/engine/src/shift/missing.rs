//! Routes of a run that are gone, or cannot follow, while others go on: what moves together is not left split.

use jiff::{SignedDuration, Timestamp};
use weir_api::condition::{STALLED, Truth, find};
use weir_api::traffic_shift::{Outcome, Run, RunRoute};

use crate::object::{KindName, ObjectRef};
use crate::reason::Reason;
use crate::sight::{Asked, Sight};

use super::lane::Lane;
use super::plan::Plan;
use super::{Draft, advance, deletion, leave, watch};

/// How long a route may be gone, as when it is made anew, before the run goes on without it.
const GONE_GRACE: SignedDuration = SignedDuration::from_secs(60);
/// How long one route of several may be kept from a change that others have made.
const STALLED_GRACE: SignedDuration = SignedDuration::from_secs(300);

/// What is known of the routes of a run.
pub(super) enum Routes {
    /// The run can be decided on; those that are gone for good are no part of it any more.
    Present,
    /// Some are gone, and what happens is decided.
    Awaited,
}

/// Sees whether routes of the run are gone. Those that the shift does not name any more are taken out of the run. One
/// that it names may be made anew for a while; then the run has failed, and the others go back or hold.
pub(super) fn look(draft: &mut Draft<'_>, run: &Run, plan: &Plan, sight: &mut Sight<'_>) -> Asked<Routes> {
    let is_gone = |part: &RunRoute| deletion::following(draft.cluster, draft.shift, run, part).is_none();
    let gone: Vec<&str> = run.routes.iter().filter(|part| is_gone(part)).map(|part| part.name.as_str()).collect();
    if gone.is_empty() {
        return Some(Routes::Present);
    }
    let names = gone.join(", ");
    let is_refused = |name: &&str| {
        let route = ObjectRef::new(KindName::WeightedRoute, draft.shift.key.beside(*name));
        draft.cluster.refused.contains(&route)
    };
    let (what, remedy) = if gone.iter().all(is_refused) {
        (format!("the spec of the WeightedRoute {names} cannot be read"), "correct it")
    } else {
        (format!("the WeightedRoute {names} is gone"), "create it again")
    };
    let message = format!("{what}; {remedy}, or abort or delete the shift");
    let lost = format!("{what}, by which its target group is known");
    if gone.len() == run.routes.len() {
        draft.wait(advance::phase_of(run), Reason::RouteGone, message, None);
        watch::lose_sight(draft, run, &lost);
        give_up_at_deadline(draft, run, "all routes of the run are gone");
        return Some(Routes::Awaited);
    }
    let is_named = gone.iter().any(|name| draft.shift.spec.routes.iter().any(|named| named == name));
    if !is_named || run.outcome.is_some() {
        let run = draft.status.run.as_mut()?;
        run.routes.retain(|part| !gone.contains(&part.name.as_str()));
        run.note = Some(format!("what is live on the WeightedRoute {names}, which is gone, stays"));
        return Some(Routes::Present);
    }
    if leave::replace(draft, run, plan, sight)? {
        return Some(Routes::Awaited);
    }
    if let Some(hold) = &run.hold {
        draft.wait(hold.by.phase(), hold.by, format!("{}; {message}", hold.message), None);
        watch::present(draft, run, sight)?;
        watch::lose_sight(draft, run, &lost);
        return Some(Routes::Awaited);
    }
    let until = draft.waiting_since(Reason::RouteGone) + GONE_GRACE;
    if draft.now < until {
        draft.wait(advance::phase_of(run), Reason::RouteGone, message, Some(until));
        watch::present(draft, run, sight)?;
        watch::lose_sight(draft, run, &lost);
    } else if !advance::fail(draft, Reason::RouteGone, what) {
        draft.wait(advance::phase_of(run), Reason::RouteGone, message, None);
        give_up_at_deadline(draft, run, "a route of the run is gone, and there is nothing to go back to");
    }
    Some(Routes::Awaited)
}

/// A run that can be neither finished nor brought back ends at its deadline, unless it holds for somebody's word.
fn give_up_at_deadline(draft: &mut Draft<'_>, run: &Run, why: &str) {
    if draft.status.run.as_ref().is_some_and(|run| run.hold.is_some()) {
        return;
    }
    let deadline = run.progressed_at + SignedDuration::from(draft.shift.spec.progress_deadline);
    if draft.now < deadline {
        draft.wake_at(deadline);
    } else {
        draft.end(Outcome::Failed, why);
    }
}

/// Why the run has failed, if one of several routes is kept for long from a change that others have made.
pub(super) fn left_behind(draft: &mut Draft<'_>, run: &Run, lanes: &[Lane<'_>]) -> Option<String> {
    let (ahead, behind): (Vec<&Lane<'_>>, Vec<&Lane<'_>>) =
        lanes.iter().partition(|lane| lane.is_applied(draft.shift, run));
    if ahead.is_empty() || run.weight == 0 {
        return None;
    }
    let (since, lane) = behind
        .into_iter()
        .filter_map(|lane| Some((stalled_since(lane)?.max(draft.counted_from), lane)))
        .min_by_key(|(since, _)| *since)?;
    let until = since + STALLED_GRACE;
    if draft.now < until {
        draft.wake_at(until);
        return None;
    }
    Some(lane.says())
}

fn stalled_since(lane: &Lane<'_>) -> Option<Timestamp> {
    let stalled = find(&lane.route.status.conditions, STALLED)?;
    (stalled.status == Truth::True).then_some(stalled.last_transition_time)
}
