//! Says how a shift stands: phase, what it waits for, and conditions.

use weir_api::condition::COMPLETE;
use weir_api::traffic_shift::{Outcome, Phase};

use crate::reason::Reason;
use crate::standing::{Standing, StatusConditions, because};
use crate::weights;

use super::lane::Lane;
use super::{Draft, leave};

/// A run to this environment has ended here before: nothing happens, and why is said. A success is told only of traffic
/// that is there.
pub(super) fn rest_after_end(draft: &mut Draft<'_>, outcome: Outcome, lanes: &[Lane<'_>]) {
    let to = &draft.shift.spec.to;
    match outcome {
        Outcome::RolledBack => draft.status.phase = Some(Phase::RolledBack),
        Outcome::Failed => draft.status.phase = Some(Phase::Failed),
        Outcome::Succeeded | Outcome::Superseded => {
            let behind = lanes.iter().find(|lane| !weights::carries_all(lane.live(), to));
            let live = behind.map(|lane| {
                format!(", and since then route {} was changed to {}", lane.part.name, weights::words(lane.live()))
            });
            let message = format!(
                "the run to {to} has succeeded before{}; give the command retry to move the traffic again",
                live.unwrap_or_default()
            );
            draft.wait(Phase::Superseded, Reason::MovedAway, message, None);
        }
    }
}

/// Sets the conditions, and the beginning of a new count towards the deadline where a pause has ended.
pub(super) fn conclude(draft: &mut Draft<'_>) {
    let was_paused = draft.shift.status.phase.is_some_and(|phase| phase.rests() || phase == Phase::Pending);
    let goes_on = matches!(draft.status.phase, Some(Phase::Verifying | Phase::Shifting | Phase::Baking));
    if let Some(run) = draft.status.run.as_mut().filter(|_| was_paused && goes_on) {
        run.progressed_at = draft.now;
    }
    draft.status.queued = leave::queued(draft);
    draft.status.weights = weights_of_first(draft);
    let standing = standing(draft);
    let conditions = StatusConditions::after(&draft.shift.status.conditions, draft.now, draft.shift.generation);
    let conditions = conditions.standing(&standing);
    let is_over = draft.stalled.is_none() && !draft.is_moving() && draft.status.phase != Some(Phase::Pending);
    draft.status.conditions = conditions.set(COMPLETE, is_over, standing.explanation()).finish();
}

fn weights_of_first(draft: &Draft<'_>) -> Option<String> {
    if let Some(run) = draft.status.run.as_ref().filter(|run| run.ended_at.is_none()) {
        return Some(run.summary.clone());
    }
    let first = draft.shift.spec.routes.first()?;
    draft.cluster.routes.get(&draft.shift.key.beside(first))?.status.live.clone()
}

fn standing(draft: &Draft<'_>) -> Standing {
    if let Some(reason) = &draft.stalled {
        return Standing::Stalled(reason.clone());
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
        Phase::Succeeded if waiting.is_none() => Standing::Ready(reason),
        Phase::Succeeded | Phase::RolledBack | Phase::Superseded => Standing::Resting(reason),
        Phase::Failed => Standing::Stalled(reason),
        Phase::Pending
        | Phase::Verifying
        | Phase::Shifting
        | Phase::Paused
        | Phase::Held
        | Phase::Degraded
        | Phase::Baking
        | Phase::RollingBack => Standing::Working(reason),
    }
}
