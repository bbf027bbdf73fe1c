//! The end of a run: the old side is dropped, the routes are asked to remember the end, and the run is over.

use jiff::SignedDuration;
use weir_api::traffic_shift::{Outcome, Phase};

use crate::reader::{Asked, Reader, all};
use crate::reason::Reason;
use crate::weights;

use super::draft::Draft;
use super::progress::RouteProgress;
use super::run::{phase, was_set_back};
use super::{HEALTH_AGE, HEALTH_INTERVAL, health};

/// How long the end of a run may take to be remembered once the user wants something else.
const MOMENT: SignedDuration = SignedDuration::from_secs(30);

/// For how long after its end a first deployment is looked at for its health.
const JUST_ENDED: SignedDuration = SignedDuration::from_secs(60);

/// The candidate carries everything: drops the old side where it must, and asks the routes to remember the end. Of a first
/// deployment it is noted how its targets are.
pub(super) fn finish(draft: &mut Draft<'_>, routes: &[RouteProgress<'_>], first: Option<String>) {
    if let (Some(run), Some(words)) = (draft.status.run.as_mut(), first) {
        run.note = Some(format!("the first deployment of its routes completes healthy or not; {words}"));
    }
    let sticky: Vec<bool> = routes.iter().map(|route| route.sticky_seconds().is_some()).collect();
    draft.remember(Outcome::Succeeded, |index, part| {
        if sticky[index] { weights::carrying(&part.weights) } else { part.weights.clone() }
    });
}

/// A first deployment completes healthy or not, and whoever has no healthy target by then is said to have none, until one
/// is seen. After that its health is the balancer's affair, as that of everything at rest.
pub(super) fn watch_first(draft: &mut Draft<'_>, routes: &[RouteProgress<'_>], reader: &mut Reader<'_>) -> Asked<()> {
    let Some(run) = draft.status.run.clone() else { return Some(()) };
    let is_told = draft.shift.status.waiting.as_ref().is_some_and(|waiting| waiting.reason == Reason::NoHealthyTarget);
    let is_new = run.ended_at.is_some_and(|ended| draft.now < ended + JUST_ENDED);
    let is_first = run.outcome == Some(Outcome::Succeeded) && run.routes.iter().all(|part| part.from.is_empty());
    if !is_first || !(is_new || is_told) {
        return Some(());
    }
    let since = reader.began - HEALTH_AGE;
    let found = all(routes.iter().map(|route| health::of(route, &run.to, since, reader)))?;
    for (route, health) in routes.iter().zip(found) {
        if let Some(health) = health.ok().filter(|health| health.able() == 0) {
            let message = format!(
                "{} carries all the traffic of route {}, and none of its {} targets is healthy: requests fail until one is",
                run.to,
                route.part.name,
                health.registered()
            );
            draft.wait(Phase::Succeeded, Reason::NoHealthyTarget, message, None);
            draft.wake_at(reader.began + HEALTH_INTERVAL);
            return Some(());
        }
    }
    Some(())
}

/// The run has come to its end; it is over once the routes remember that, or after the deadline without.
pub(super) fn conclude(draft: &mut Draft<'_>, outcome: Outcome, routes: &[RouteProgress<'_>]) {
    let Some(run) = draft.status.run.as_ref() else { return };
    let whole = draft.deadline_since(run.progressed_at);
    // Whoever wants something else meanwhile waits for the memory a moment only; the next run leaves its own.
    let is_all = draft.shift.spec.to == run.to && !was_set_back(run);
    let deadline = if is_all { whole } else { whole.min(run.progressed_at + MOMENT) };
    let late = draft.now >= deadline && run.applied_at.is_none();
    // What somebody else has set since then is theirs; the run did get to its end.
    let foreign = routes.iter().find_map(|route| route.foreign_change(draft.shift, run));
    let is_overtaken = foreign.is_some() && run.applied_at.is_none();
    if run.applied_at.is_none() && !late && !is_overtaken {
        draft.wait(phase(run), Reason::Remembering, "the run's end is being remembered on AWS", None);
        draft.wake_at(deadline);
        return;
    }
    let left = routes.iter().find(|route| route.is_left(draft.shift, run));
    let answers_until = routes.iter().filter_map(RouteProgress::answers_until).max().filter(|until| draft.now < *until);
    let may_wait = outcome == Outcome::RolledBack && run.applied_at.is_some() && left.is_none() && draft.now < whole;
    if let Some(until) = answers_until.filter(|_| may_wait) {
        let message = format!(
            "{} is live again for all name servers. Resolvers may have kept an answer that leads to {} until {until:.0}: some \
             clients come to it until then, so that it must run",
            carrying_words(routes),
            run.to
        );
        draft.wait(Phase::RollingBack, Reason::OldAnswers, message, Some(until));
        draft.wake_at(whole);
        return;
    }
    let mut message = match (outcome, &run.rollback) {
        (Outcome::RolledBack, Some(cause)) if left.is_some() => {
            let says = left.map(RouteProgress::says).unwrap_or_default();
            format!("{} carries nothing, and what does is left: {}. {says}", run.to, cause.message)
        }
        (Outcome::Succeeded, _) if is_overtaken => format!("{} carried all the traffic", run.to),
        (Outcome::Succeeded, _) => format!("{} carries all the traffic", run.to),
        (Outcome::RolledBack, Some(cause)) => {
            format!("the traffic is back on {}: {}", carrying_words(routes), cause.message)
        }
        (Outcome::Failed, Some(cause)) => format!("the traffic could not be brought back: {}", cause.message),
        _ => format!("{outcome:?}"),
    };
    let unremembered = (late || is_overtaken).then(|| "the end could not be remembered on AWS".to_owned());
    for extra in run.note.iter().cloned().chain(foreign.filter(|_| is_overtaken)).chain(unremembered) {
        message = format!("{message} ({extra})");
    }
    draft.end(outcome, &message);
}

/// What carries the traffic at the end.
fn carrying_words(routes: &[RouteProgress<'_>]) -> String {
    routes.first().map(|route| weights::words(&weights::carrying(&route.part.weights))).unwrap_or_default()
}
