//! The end of a run: clients that stick to the old side, the first deployment's health, and the memory on AWS.

use jiff::{SignedDuration, Timestamp};
use weir_api::traffic_shift::{Outcome, Phase, Run, Wait};

use crate::reason::Reason;
use crate::sight::{Asked, Sight, all};
use crate::weights;

use super::lane::Lane;
use super::{Draft, HEALTH_AGE, HEALTH_INTERVAL, advance, change, health, leave};

/// How long the end of a run may take to be remembered once the user wants something else.
const MOMENT: SignedDuration = SignedDuration::from_secs(30);

/// For how long after its end a first deployment is looked at for its health.
const JUST_ENDED: SignedDuration = SignedDuration::from_secs(60);

/// The candidate carries everything: waits for sticky clients, drops the old side where it must, and asks the routes
/// to remember the end.
pub(super) fn finish(draft: &mut Draft<'_>, run: &Run, lanes: &[Lane<'_>], sight: &mut Sight<'_>) -> Asked<()> {
    if let Some(until) = sticks_until(run, lanes)
        && draft.now < until
        && !run.is_released(Wait::StickyClients)
    {
        let message = format!("clients that stick to the old side may still be answered there until {until:.0}");
        draft.wait(Phase::Baking, Wait::StickyClients, message, Some(until));
        return Some(());
    }
    if run.routes.iter().all(|part| part.from.is_empty()) && !settle_first(draft, run, lanes, sight)? {
        return Some(());
    }
    let sticky: Vec<bool> = lanes.iter().map(|lane| lane.sticky_seconds().is_some()).collect();
    let now = draft.now;
    let Some(run) = draft.status.run.as_mut() else { return Some(()) };
    change(run, |index, part| if sticky[index] { weights::carrying(&part.weights) } else { part.weights.clone() });
    run.outcome = Some(Outcome::Succeeded);
    // However long clients were waited for, its end has all the time to be remembered.
    run.progressed_at = now;
    draft.wait(Phase::Shifting, Reason::Remembering, "the run's end is being remembered on AWS", None);
    Some(())
}

/// Until when clients may stick to the old side of a run whose candidate has all the weight.
pub(super) fn sticks_until(run: &Run, lanes: &[Lane<'_>]) -> Option<Timestamp> {
    if run.weight < 100 {
        return None;
    }
    let seconds = lanes.iter().filter_map(Lane::sticky_seconds).max()?;
    Some(run.applied_at? + SignedDuration::from_secs(i64::from(seconds)))
}

/// A first deployment ends once it is known how its targets are, and says so; true when it may end.
fn settle_first(draft: &mut Draft<'_>, run: &Run, lanes: &[Lane<'_>], sight: &mut Sight<'_>) -> Asked<bool> {
    let since = sight.began - HEALTH_AGE;
    let found = all(lanes.iter().map(|lane| health::of(lane, &run.to, since, sight)))?;
    let mut words = Vec::new();
    let mut starting = false;
    for health in found {
        match health {
            Ok(health) => {
                starting |= health.hopeful() > health.able();
                let unchecked = if health.unchecked > 0 { " or get requests unchecked" } else { "" };
                words.push(format!("{} of {} targets are healthy{unchecked}", health.able(), health.registered()));
            }
            Err(message) => words.push(message),
        }
    }
    let late = draft.now >= advance::deadline(draft, run, lanes);
    if starting && !late {
        draft.wait(
            Phase::Shifting,
            Reason::FirstHealth,
            format!("waiting to know the health of {}: {}", run.to, words.join("; ")),
            None,
        );
        draft.wake_at(sight.began + HEALTH_INTERVAL);
        return Some(false);
    }
    let run = draft.status.run.as_mut()?;
    run.note = Some(format!("the first deployment of its routes completes healthy or not; {}", words.join("; ")));
    Some(true)
}

/// A first deployment completes healthy or not, and whoever has no healthy target by then is said to have none, until one
/// is seen. After that its health is the balancer's affair, as that of everything at rest.
pub(super) fn watch_first(draft: &mut Draft<'_>, lanes: &[Lane<'_>], sight: &mut Sight<'_>) -> Asked<()> {
    let Some(run) = draft.status.run.clone() else { return Some(()) };
    let is_told = draft.shift.status.waiting.as_ref().is_some_and(|waiting| waiting.reason == Reason::NoHealthyTarget);
    let is_new = run.ended_at.is_some_and(|ended| draft.now < ended + JUST_ENDED);
    let is_first = run.outcome == Some(Outcome::Succeeded) && run.routes.iter().all(|part| part.from.is_empty());
    if !is_first || !(is_new || is_told) {
        return Some(());
    }
    let since = sight.began - HEALTH_AGE;
    let found = all(lanes.iter().map(|lane| health::of(lane, &run.to, since, sight)))?;
    for (lane, health) in lanes.iter().zip(found) {
        if let Some(health) = health.ok().filter(|health| health.able() == 0) {
            let message = format!(
                "{} carries all the traffic of route {}, and none of its {} targets is healthy: requests fail until one is",
                run.to,
                lane.part.name,
                health.registered()
            );
            draft.wait(Phase::Succeeded, Reason::NoHealthyTarget, message, None);
            draft.wake_at(sight.began + HEALTH_INTERVAL);
            return Some(());
        }
    }
    Some(())
}

/// The run has come to its end; it is over once the routes remember that, or after the deadline without.
pub(super) fn conclude(draft: &mut Draft<'_>, run: &Run, lanes: &[Lane<'_>]) {
    let Some(outcome) = run.outcome else { return };
    let deadline = run.progressed_at + SignedDuration::from(draft.shift.spec.progress_deadline);
    // Whoever wants something else meanwhile waits for the memory a moment only; the next run leaves its own.
    let is_all = draft.shift.spec.to == run.to && !leave::was_set_back(run);
    let deadline = if is_all { deadline } else { deadline.min(run.progressed_at + MOMENT) };
    let late = draft.now >= deadline;
    // What somebody else has set since then is theirs; the run did get to its end.
    let foreign = lanes.iter().find_map(|lane| lane.foreign_change(draft.shift, run));
    let is_overtaken = foreign.is_some() && run.applied_at.is_none();
    if run.applied_at.is_none() && !late && !is_overtaken {
        draft.wait(advance::phase_of(run), Reason::Remembering, "the run's end is being remembered on AWS", None);
        draft.wake_at(deadline);
        return;
    }
    let left = lanes.iter().find(|lane| lane.is_left(draft.shift, run));
    let mut message = match (outcome, &run.rollback) {
        (Outcome::RolledBack, Some(cause)) if left.is_some() => {
            let says = left.map(Lane::says).unwrap_or_default();
            format!("{} carries nothing, and what does is left: {}. {says}", run.to, cause.message)
        }
        (Outcome::Succeeded, _) if is_overtaken => format!("{} carried all the traffic", run.to),
        (Outcome::Succeeded, _) => format!("{} carries all the traffic", run.to),
        (Outcome::RolledBack, Some(cause)) => {
            format!("the traffic is back on {}: {}", carrying_words(lanes), cause.message)
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
fn carrying_words(lanes: &[Lane<'_>]) -> String {
    lanes.first().map(|lane| weights::words(&weights::carrying(&lane.part.weights))).unwrap_or_default()
}
