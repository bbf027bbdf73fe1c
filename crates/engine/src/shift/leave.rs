//! Leaves a run that the user does not want any more: goes back, lets another run take over, or keeps the new wish for
//! the end of this one.

use weir_api::traffic_shift::{OnChange, Outcome, Phase, Run};

use crate::sight::Sight;
use crate::weights;

use super::plan::Plan;
use super::{Draft, rollback, start};

/// Whether `to` names what carried everything before the run, or before the first of those that took over from each
/// other.
pub(super) fn is_set_back(draft: &Draft<'_>, run: &Run) -> bool {
    let to = &draft.shift.spec.to;
    *to != run.to && run.routes.iter().all(|part| weights::carries_all(part.home(), to))
}

/// Goes back where the shift's wish was taken back: the emergency brake waits for nothing.
pub(super) fn brake(draft: &mut Draft<'_>, run: &Run) {
    if draft.shift.deleted.is_none() && is_set_back(draft, run) {
        let message = format!("to was set back to {}, which carried the traffic before", draft.shift.spec.to);
        let _ = rollback::begin(draft, "SetBack", message);
    }
}

/// Lets the run to what `to` names now take over, if it may; true when that has decided what happens. While it cannot
/// begin, the present run stays where it is, so that its candidate is still watched and it can still go back.
pub(super) fn replace(draft: &mut Draft<'_>, run: &Run, plan: &Plan, sight: &mut Sight<'_>) -> Option<bool> {
    let spec = &draft.shift.spec;
    if spec.to == run.to || draft.shift.deleted.is_some() || spec.on_change == OnChange::Queue {
        return Some(false);
    }
    if spec.paused {
        let message = format!("spec.paused is true; the run to {} takes over when it is false", spec.to);
        draft.wait(Phase::Paused, "Paused", message, None);
        return Some(true);
    }
    match start::successor(draft, run, plan, sight)? {
        Ok(next) => {
            let message = format!("to was changed to {}", next.to);
            draft.end(Outcome::Superseded, &message);
            start::launch(draft, next);
        }
        Err(refusal) => start::refuse(draft, refusal),
    }
    Some(true)
}

/// Lets the run to what `to` names now take over from a rollback that waits for capacity; true when it has.
pub(super) fn replace_rollback(draft: &mut Draft<'_>, run: &Run, plan: &Plan, sight: &mut Sight<'_>) -> Option<bool> {
    let spec = &draft.shift.spec;
    let is_wanted = spec.to != run.to && !is_set_back(draft, run) && !spec.paused;
    if !is_wanted || draft.shift.deleted.is_some() || spec.on_change == OnChange::Queue {
        return Some(false);
    }
    let next = start::successor(draft, run, plan, sight)?;
    if let Ok(next) = next {
        let message = format!("to was changed to {} while the traffic was going back", next.to);
        draft.end(Outcome::Superseded, &message);
        start::launch(draft, next);
        return Some(true);
    }
    Some(false)
}

/// The environment whose run waits for the end of the one that is moving.
pub(super) fn queued(draft: &Draft<'_>) -> Option<String> {
    let run = draft.status.run.as_ref().filter(|run| run.ended_at.is_none())?;
    let spec = &draft.shift.spec;
    let waits = spec.on_change == OnChange::Queue || run.rollback.is_some() || run.outcome.is_some();
    let is_wanted = spec.to != run.to && draft.shift.deleted.is_none() && !is_set_back(draft, run);
    (waits && is_wanted).then(|| spec.to.clone())
}
