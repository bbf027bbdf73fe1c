//! How long a run stays at its weight: as the strategy says now, but a pause that has begun is not lost because the
//! strategy was changed.

use jiff::Timestamp;
use weir_api::traffic_shift::{HeldBy, Hold, Run, Wait, Waiting};

use crate::reason::Reason;

use super::Draft;
use super::plan::{Plan, StepPause};

/// How long a run stays at its weight, which has been live since an instant.
pub(super) fn at(draft: &Draft<'_>, run: &Run, plan: &Plan, applied_at: Timestamp) -> StepPause {
    let until = || begun(draft, run).and_then(|pause| pause.until);
    plan.pause_at(run.weight)
        .or_else(|| until().map(|until| StepPause::For(until.duration_since(applied_at))))
        .unwrap_or(StepPause::None)
}

/// Holds a run whose pause had no end, where the strategy has no step at its weight any more: nobody has said that the
/// pause is over.
pub(super) fn outlast(draft: &mut Draft<'_>, run: &Run, plan: &Plan) -> Option<Hold> {
    let is_open = begun(draft, run).is_some_and(|pause| pause.until.is_none());
    if plan.pause_at(run.weight).is_some() || !is_open || run.is_released(Wait::StepPause) {
        return None;
    }
    let message = format!(
        "{} was to stay until told, and spec.strategy, which has changed since, has no step at {} %: give the command \
         resume to go on from there, or abort to go back",
        run.summary, run.weight
    );
    let hold = Hold { by: HeldBy::StrategyChanged, message, since: draft.now };
    draft.status.run.as_mut()?.hold = Some(hold.clone());
    Some(hold)
}

/// The pause of its step in which the run was when it was last looked at.
fn begun<'a>(draft: &Draft<'a>, run: &Run) -> Option<&'a Waiting> {
    let is_same = draft.shift.status.run.as_ref().is_some_and(|before| (before.id, before.seq) == (run.id, run.seq));
    draft.shift.status.waiting.as_ref().filter(|waiting| is_same && waiting.reason == Reason::StepPause)
}
