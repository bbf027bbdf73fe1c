//! Says how a shift stands: phase, what it waits for, and conditions.

use jiff::SignedDuration;
use weir_api::condition::COMPLETE;
use weir_api::traffic_shift::{HeldBy, Phase};

use crate::ready_state::{ReadyState, StatusConditions, because};
use crate::reason::Reason;

use super::draft::Draft;
use super::run::{self, RunState};
use super::watch::Worry;

/// How long it may be unknown how a candidate is before that is said: one look that fails says nothing.
const BLIND_GRACE: SignedDuration = SignedDuration::from_secs(30);

/// Says what somebody should know of the candidate, beside what the shift waits for.
pub(super) fn tell_worry(draft: &mut Draft<'_>) {
    let worry = draft.worry.take();
    let known = draft.shift.status.run.as_ref().map(|run| (run.id, run.blind_since));
    let now = draft.now;
    let Some(run) = draft.status.run.as_mut() else { return };
    run.blind_since = None;
    if RunState::of(run) != RunState::Advancing {
        return;
    }
    let (to, hold) = (run.to.clone(), run.hold.as_ref().map(|hold| hold.by));
    match worry {
        Some(Worry::Blind(why)) => {
            let since = known.filter(|(id, _)| *id == run.id).and_then(|(_, since)| since).unwrap_or(now);
            run.blind_since = Some(since);
            if now < since + BLIND_GRACE {
                draft.wake_at(since + BLIND_GRACE);
                return;
            }
            add(
                draft,
                &format!("how {to} is has not been known since {since:.0}, so nothing goes back by itself: {why}"),
            );
        }
        Some(Worry::Failing(failure)) => match hold {
            None => add(draft, &failure),
            Some(HeldBy::Failure) => add(draft, &format!("{failure} still, and nothing goes back by itself")),
            Some(
                HeldBy::Command
                | HeldBy::ForeignChange
                | HeldBy::HandedBack
                | HeldBy::ObjectsChanged
                | HeldBy::StrategyChanged,
            ) => warn(draft, &failure),
        },
        Some(Worry::Well) => add(draft, &format!("{to} has the healthy targets by now that it needs")),
        None => {}
    }
}

/// Adds to what the shift waits for.
fn add(draft: &mut Draft<'_>, more: &str) {
    if let Some(waiting) = draft.status.waiting.as_mut() {
        waiting.message = format!("{}; {more}", waiting.message);
    }
}

/// A run that is held does not turn round, though its candidate fails: that is what somebody must know first.
fn warn(draft: &mut Draft<'_>, failure: &str) {
    let (Some(phase), Some(waiting)) = (draft.status.phase, draft.status.waiting.take()) else { return };
    let message = format!(
        "{failure}, and the traffic does not go back by itself, since other weights are live than the run has set; the \
         command abort brings it back: {}",
        waiting.message
    );
    draft.wait(phase, Reason::NotGoingBack, message, waiting.until);
}

/// Sets the conditions, and the beginning of a new count towards the deadline where a pause has ended.
pub(super) fn conclude(draft: &mut Draft<'_>) {
    let goes_on = matches!(draft.status.phase, Some(Phase::Verifying | Phase::Shifting | Phase::Baking));
    if let Some(run) = draft.status.run.as_mut().filter(|_| run::was_paused(draft.shift) && goes_on) {
        run.progressed_at = draft.now;
    }
    draft.status.queued = draft.status.run.as_ref().and_then(|run| run::queued(draft.shift, run));
    draft.status.weights = weights_of_first(draft);
    let ready_state = ready_state(draft);
    let conditions = StatusConditions::after(&draft.shift.status.conditions, draft.now, draft.shift.generation);
    let conditions = conditions.ready_state(&ready_state);
    let is_over = draft.stalled.is_none() && !draft.is_moving() && draft.status.phase != Some(Phase::Pending);
    draft.status.conditions = conditions.set(COMPLETE, is_over, ready_state.explanation()).finish();
}

fn weights_of_first(draft: &Draft<'_>) -> Option<String> {
    if let Some(run) = draft.status.run.as_ref().filter(|run| run.ended_at.is_none()) {
        return Some(run.summary.clone());
    }
    let first = draft.shift.spec.routes.first()?;
    draft.cluster.routes.get(&draft.shift.key.sibling(first))?.status.live.clone()
}

fn ready_state(draft: &Draft<'_>) -> ReadyState {
    if let Some(reason) = &draft.stalled {
        return ReadyState::Stalled(reason.clone());
    }
    let phase = draft.status.phase.unwrap_or(Phase::Pending);
    let waiting = draft.status.waiting.as_ref().map(|waiting| waiting.message.clone());
    let ended = || {
        let same = draft.status.history.first().filter(|past| past.to == draft.shift.spec.to);
        same.map(|past| past.message.clone())
    };
    let to = &draft.shift.spec.to;
    let message = waiting.clone().or_else(ended).unwrap_or_else(|| match phase {
        Phase::Succeeded => format!("{to} carries all the traffic"),
        _ => {
            format!("the run to {to} has ended before, as a tag on AWS remembers; change to, or give the command retry")
        }
    });
    let message = match &draft.status.queued {
        Some(next) => format!("{message}; the run to {next} follows when this one has ended"),
        None => message,
    };
    let reason = because(phase, message);
    match phase {
        Phase::Succeeded if waiting.is_none() => ReadyState::Ready(reason),
        Phase::Succeeded | Phase::RolledBack | Phase::Superseded => ReadyState::Resting(reason),
        Phase::Failed => ReadyState::Stalled(reason),
        Phase::Pending
        | Phase::Verifying
        | Phase::Shifting
        | Phase::Paused
        | Phase::Held
        | Phase::Degraded
        | Phase::Baking
        | Phase::RollingBack => ReadyState::Working(reason),
    }
}
