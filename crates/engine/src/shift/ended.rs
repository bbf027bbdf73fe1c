//! Runs that have ended here: what is on record of them, in the status and by a tag on AWS, so that none is replayed.

use weir_api::traffic_shift::{Outcome, Run};
use weir_api::weighted_route::RunMemory;

use crate::route::can_remember;
use crate::weights;

use super::draft::Draft;
use super::progress::RouteProgress;

/// Whether a run did not get to its environment.
pub(super) fn is_failure(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::RolledBack | Outcome::Failed)
}

/// Whether nothing is left to be put on record of a route where everything is on `to`: its tag says so, or could not be
/// written by the time the run had to end.
pub(super) fn is_on_record(draft: &Draft<'_>, route: &RouteProgress<'_>, to: &str) -> bool {
    let success = RunMemory { shift: draft.shift.key.to_string(), to: to.to_owned(), outcome: Outcome::Succeeded };
    if route.object.status.last_run.as_ref() == Some(&success) {
        return true;
    }
    let Some(run) = last_run(draft, route).filter(|run| ended(run, to) == Some(Outcome::Succeeded)) else {
        return false;
    };
    if !can_remember(route.object) {
        return true;
    }
    // What was remembered once and is gone is put there again.
    let intent = route.object.status.intent.as_ref();
    let was_remembered = intent.is_some_and(|intent| {
        intent.uid == draft.shift.uid && (intent.run, intent.seq) == (run.id, run.seq) && intent.verified_at.is_some()
    });
    !was_remembered
}

/// The last run that the shift has on record, where it has moved a route.
fn last_run<'a>(draft: &'a Draft<'_>, route: &RouteProgress<'_>) -> Option<&'a Run> {
    draft.status.run.as_ref().filter(|run| run.routes.iter().any(|part| part.name == route.part.name))
}

/// How the run of this shift to an environment ended on a route, if that is the last run that ended there. A run that
/// another took over from did not end there.
fn remembers(draft: &Draft<'_>, route: &RouteProgress<'_>, to: &str) -> Option<Outcome> {
    let by_tag = route.object.status.last_run.as_ref();
    let by_tag = by_tag.filter(|memory| memory.shift == draft.shift.key.to_string() && memory.to == to);
    let by_tag = by_tag.filter(|memory| memory.outcome != Outcome::Succeeded || !was_led_away(draft, route, to));
    let outcome = last_run(draft, route).and_then(|run| ended(run, to)).or(by_tag.map(|memory| memory.outcome));
    outcome.filter(|outcome| *outcome != Outcome::Superseded)
}

/// Whether a run has moved a route away from `to` since the tag was written that says that everything got there. Such
/// a run need not have ended, or its end could not be remembered.
fn was_led_away(draft: &Draft<'_>, route: &RouteProgress<'_>, to: &str) -> bool {
    let by_another = last_run(draft, route).is_some_and(|run| {
        run.ended_at.is_some() && run.outcome != Some(Outcome::RolledBack) && ended(run, to).is_none()
    });
    let intent = route.object.status.intent.as_ref().filter(|intent| !intent.uid.is_empty());
    by_another || intent.is_some_and(|intent| !weights::carries_all(&intent.weights, to))
}

/// How a run ended as one to an environment. One that went back to what `to` named by then has fulfilled that wish, and
/// none other.
pub(super) fn ended(run: &Run, to: &str) -> Option<Outcome> {
    run.ended_at?;
    match &run.returned_to {
        Some(returned_to) => (returned_to == to).then_some(Outcome::Succeeded),
        None => run.outcome.filter(|_| run.to == to),
    }
}

/// How a run to an environment has ended on these routes already: it failed on one of them, or no route that is not
/// there yet is new to it.
pub(super) fn ended_before(draft: &Draft<'_>, routes: &[RouteProgress<'_>], to: &str) -> Option<Outcome> {
    let is_behind = |route: &&RouteProgress<'_>| !weights::carries_all(route.live(), to);
    let failure = routes.iter().filter_map(|route| remembers(draft, route, to)).find(|outcome| is_failure(*outcome));
    let are_known = || routes.iter().filter(is_behind).all(|route| remembers(draft, route, to).is_some());
    failure.or_else(|| are_known().then_some(Outcome::Succeeded))
}
