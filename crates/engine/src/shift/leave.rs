//! Leaves a run that the user does not want any more: goes back, lets another run take over, or keeps the new wish for
//! the end of this one.

use weir_api::traffic_shift::{OnChange, Outcome, Phase, Run};

use crate::object::ShiftObject;
use crate::reason::Reason;
use crate::sight::{Asked, Sight};
use crate::weights;

use super::plan::Plan;
use super::{Draft, rollback, start};

/// Whether `to` names what carried everything before the run, or before the first of those that took over from each
/// other.
pub(super) fn is_set_back(shift: &ShiftObject, run: &Run) -> bool {
    let to = &shift.spec.to;
    *to != run.to && run.routes.iter().all(|part| weights::carries_all(part.home(), to))
}

/// Whether the run has turned round because its wish was taken back, and not because it failed.
pub(super) fn was_set_back(run: &Run) -> bool {
    run.rollback.as_ref().is_some_and(|cause| cause.reason == Reason::SetBack)
}

/// Whether `to` names something that neither the run nor its way back leads to. A wish that was taken back, and then
/// wished again, is a new one.
pub(super) fn wants_another(shift: &ShiftObject, run: &Run) -> bool {
    (shift.spec.to != run.to || was_set_back(run)) && !is_set_back(shift, run)
}

/// The environment for which the run is going back: what `to` names, or named when it was set back, whatever it names
/// since.
pub(super) fn returns_to(shift: &ShiftObject, run: &Run) -> Option<String> {
    if is_set_back(shift, run) {
        return Some(shift.spec.to.clone());
    }
    let home = run.routes.first().filter(|_| was_set_back(run))?.home();
    home.iter().map(|entry| &entry.environment).find(|name| weights::carries_all(home, name)).cloned()
}

/// Goes back where the shift's wish was taken back: the emergency brake waits for nothing.
pub(super) fn brake(draft: &mut Draft<'_>) {
    let Some(run) = draft.status.run.as_ref() else { return };
    let is_free = run.rollback.is_none() && run.outcome.is_none() && draft.shift.deleted.is_none();
    if is_free && is_set_back(draft.shift, run) {
        let message = format!("to was set back to {}, which carried the traffic before", draft.shift.spec.to);
        let _ = rollback::begin(draft, Reason::SetBack, message);
    }
}

/// Lets the run to what `to` names now take over, if it may; true when that has decided what happens. While it cannot
/// begin, the present run stays where it is, so that its candidate is still watched and it can still go back.
pub(super) fn replace(draft: &mut Draft<'_>, run: &Run, plan: &Plan, sight: &mut Sight<'_>) -> Asked<bool> {
    let spec = &draft.shift.spec;
    if spec.to == run.to || draft.shift.deleted.is_some() || spec.on_change == OnChange::Queue {
        return Some(false);
    }
    if spec.paused {
        let message = format!("spec.paused is true; the run to {} takes over when it is false", spec.to);
        draft.wait(Phase::Held, Reason::Paused, message, None);
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
pub(super) fn replace_rollback(draft: &mut Draft<'_>, run: &Run, plan: &Plan, sight: &mut Sight<'_>) -> Asked<bool> {
    let spec = &draft.shift.spec;
    let is_wanted = wants_another(draft.shift, run) && !spec.paused;
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
    (waits && wants_another(draft.shift, run) && draft.shift.deleted.is_none()).then(|| spec.to.clone())
}
