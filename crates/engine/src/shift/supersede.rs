//! Replaces a run that the user does not want any more: it goes back, lets another run take over, or keeps the new wish for
//! the end of this one.

use weir_api::traffic_shift::{OnChange, Outcome, Run};

use crate::reader::{Asked, Reader};
use crate::reason::Reason;

use super::draft::Draft;
use super::plan::Plan;
use super::run::{RunState, is_set_back, wants_another};
use super::start;

/// Goes back where the shift's wish was taken back: the emergency brake waits for nothing.
pub(super) fn brake(draft: &mut Draft<'_>) {
    let Some(run) = draft.status.run.as_ref() else { return };
    let is_free = RunState::of(run) == RunState::Advancing && draft.shift.deleted.is_none();
    if is_free && is_set_back(draft.shift, run) {
        let message = format!("to was set back to {}, which carried the traffic before", draft.shift.spec.to);
        let _ = draft.turn_round(Reason::SetBack, message);
    }
}

/// Lets the run to what `to` names now take over, if it may; true when that has decided what happens. While it cannot
/// begin, the present run stays where it is, so that its candidate is still watched and it can still go back.
pub(super) fn replace(draft: &mut Draft<'_>, run: &Run, plan: &Plan, reader: &mut Reader<'_>) -> Asked<bool> {
    if draft.shift.spec.to == run.to || !may_be_replaced(draft) {
        return Some(false);
    }
    match start::successor(draft, run, plan, reader)? {
        Ok(next) => take_over(draft, next, ""),
        Err(refusal) => start::refuse(draft, refusal),
    }
    Some(true)
}

/// Lets the run to what `to` names now take over from a rollback that waits for capacity; true when it has.
pub(super) fn replace_rollback(draft: &mut Draft<'_>, run: &Run, plan: &Plan, reader: &mut Reader<'_>) -> Asked<bool> {
    if !wants_another(draft.shift, run) || !may_be_replaced(draft) {
        return Some(false);
    }
    let next = start::successor(draft, run, plan, reader)?.ok();
    let has_taken_over = next.is_some();
    if let Some(next) = next {
        take_over(draft, next, " while the traffic was going back");
    }
    Some(has_taken_over)
}

fn may_be_replaced(draft: &Draft<'_>) -> bool {
    draft.shift.deleted.is_none() && draft.shift.spec.on_change == OnChange::Replace
}

fn take_over(draft: &mut Draft<'_>, next: Run, when: &str) {
    draft.end(Outcome::Superseded, &format!("to was changed to {}{when}", next.to));
    start::launch(draft, next);
}
