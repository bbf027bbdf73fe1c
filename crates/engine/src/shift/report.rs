//! Says how a shift stands: phase, what it waits for, and conditions.

use weir_api::condition::COMPLETE;
use weir_api::traffic_shift::{Outcome, Phase};

use crate::standing::{Conditions, Standing, because};
use crate::weights;

use super::lane::Lane;
use super::{Draft, leave, start};

/// A run to this environment has ended here before: nothing happens, and why is said.
pub(super) fn rest_after_end(draft: &mut Draft<'_>, lanes: &[Lane<'_>]) {
    let to = &draft.shift.spec.to;
    let by_status = draft.status.run.as_ref().and_then(|run| start::ended(run, to));
    let by_tag = lanes.iter().find_map(|lane| lane.route.status.last_run.as_ref().map(|memory| memory.outcome));
    draft.status.phase = Some(match by_status.or(by_tag) {
        Some(Outcome::Succeeded) | None => Phase::Succeeded,
        Some(Outcome::RolledBack) => Phase::RolledBack,
        Some(Outcome::Failed) => Phase::Failed,
        Some(Outcome::Superseded) => Phase::Superseded,
    });
    if draft.status.phase == Some(Phase::Succeeded) {
        let live = lanes.first().map(|lane| weights::words(lane.live())).unwrap_or_default();
        let message = format!(
            "the run to {to} has succeeded before, and since then somebody else has changed the weights to {live}; give \
             the command retry to move the traffic again"
        );
        draft.wait(Phase::Succeeded, "MovedAway", message, None);
    }
}

/// Sets the conditions, and the beginning of a new count towards the deadline where a pause has ended.
pub(super) fn conclude(draft: &mut Draft<'_>) {
    let was_paused = matches!(draft.shift.status.phase, Some(Phase::Paused | Phase::Pending));
    let goes_on = matches!(draft.status.phase, Some(Phase::Verifying | Phase::Shifting | Phase::Baking));
    if let Some(run) = draft.status.run.as_mut().filter(|_| was_paused && goes_on) {
        run.progressed_at = draft.now;
    }
    draft.status.queued = leave::queued(draft);
    let standing = standing(draft);
    let conditions = Conditions::after(&draft.shift.status.conditions, draft.now, draft.shift.generation);
    let conditions = conditions.standing(&standing);
    let is_over = draft.stalled.is_none() && !draft.is_moving() && draft.status.phase != Some(Phase::Pending);
    draft.status.conditions = conditions.set(COMPLETE, is_over, standing.reason()).finish();
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
    let reason = because(&format!("{phase:?}"), message);
    match phase {
        Phase::Succeeded if waiting.is_none() => Standing::Ready(reason),
        Phase::Succeeded | Phase::RolledBack | Phase::Superseded => Standing::Resting(reason),
        Phase::Failed => Standing::Stalled(reason),
        Phase::Pending | Phase::Verifying | Phase::Shifting | Phase::Paused | Phase::Baking | Phase::RollingBack => {
            Standing::Working(reason)
        }
    }
}
