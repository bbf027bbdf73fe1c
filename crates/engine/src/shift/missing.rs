//! Routes of a run that are gone, or cannot follow, while others go on: what moves together is not left split.

use jiff::{SignedDuration, Timestamp};
use weir_api::condition::{STALLED, Truth, find};
use weir_api::traffic_shift::{Outcome, Run, RunRoute};

use crate::sight::Sight;

use super::lane::Lane;
use super::{Draft, advance, farewell, leave};

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

/// Sees whether routes of the run are gone. Those that the shift does not name any more, or that are gone for long, or
/// hold up a rollback, are taken out of the run. A run has failed where a route that it shall move is gone.
pub(super) fn look(draft: &mut Draft<'_>, run: &Run, sight: &mut Sight<'_>) -> Option<Routes> {
    let is_gone = |part: &&RunRoute| farewell::following(draft.cluster, draft.shift, run, part).is_none();
    let gone: Vec<String> = run.routes.iter().filter(is_gone).map(|part| part.name.clone()).collect();
    if gone.is_empty() {
        return Some(Routes::Present);
    }
    let message =
        format!("the WeightedRoute {} is gone; create it again, or abort or delete the shift", gone.join(", "));
    if gone.len() == run.routes.len() {
        draft.wait(advance::phase_of(run), "RouteGone", message, None);
        give_up_at_deadline(draft, run);
        return Some(Routes::Awaited);
    }
    let until = draft.waiting_since("RouteGone") + GONE_GRACE;
    let is_leaving = run.rollback.is_some() || leave::is_set_back(draft, run) || draft.shift.deleted.is_some();
    let is_named = gone.iter().any(|name| draft.shift.spec.routes.contains(name));
    if is_named && !is_leaving && run.outcome.is_none() && draft.now < until {
        draft.wait(advance::phase_of(run), "RouteGone", message, Some(until));
        advance::watch_present(draft, run, sight)?;
        return Some(Routes::Awaited);
    }
    let words = format!("the WeightedRoute {} was gone and is left as it was", gone.join(", "));
    let run = draft.status.run.as_mut()?;
    run.routes.retain(|part| !gone.contains(&part.name));
    run.note = Some(words.clone());
    if is_named && !is_leaving && run.outcome.is_none() && advance::fail(draft, "RouteGone", words) {
        return Some(Routes::Awaited);
    }
    Some(Routes::Present)
}

/// A run whose routes are all gone cannot be brought back; it ends at its deadline.
fn give_up_at_deadline(draft: &mut Draft<'_>, run: &Run) {
    let deadline = run.progressed_at + SignedDuration::from(draft.shift.spec.progress_deadline);
    if draft.now < deadline {
        draft.wake_at(deadline);
    } else {
        draft.end(Outcome::Failed, "all routes of the run are gone");
    }
}

/// Why the run has failed, if one of several routes is kept for long from a change that others have made.
pub(super) fn left_behind(draft: &mut Draft<'_>, run: &Run, lanes: &[Lane<'_>]) -> Option<String> {
    let (ahead, behind): (Vec<&Lane<'_>>, Vec<&Lane<'_>>) =
        lanes.iter().partition(|lane| lane.is_applied(draft.shift, run));
    if ahead.is_empty() || run.weight == 0 {
        return None;
    }
    let (since, lane) =
        behind.into_iter().filter_map(|lane| Some((stalled_since(lane)?, lane))).min_by_key(|(since, _)| *since)?;
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
