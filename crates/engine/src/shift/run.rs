//! Where a run stands, and what `spec.to` says of it by now.

use jiff::Timestamp;
use weir_api::traffic_shift::{OnChange, Outcome, Phase, Run, RunRoute};
use weir_api::weighted_route::EnvironmentWeight;

use crate::object::ShiftObject;
use crate::reason::Reason;
use crate::weights;

/// Where a run stands: of all that its fields could say together, one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunState {
    /// It moves the traffic to its environment, or is held on the way.
    Advancing,
    /// It brings the traffic back.
    RollingBack,
    /// It has got to its end, which the routes are asked to remember.
    Remembering(Outcome),
    /// It is over.
    Ended,
}

impl RunState {
    pub fn of(run: &Run) -> Self {
        match (run.ended_at, run.outcome, &run.rollback) {
            (Some(_), ..) => Self::Ended,
            (None, Some(outcome), _) => Self::Remembering(outcome),
            (None, None, Some(_)) => Self::RollingBack,
            (None, None, None) => Self::Advancing,
        }
    }
}

/// The phase of a run that waits for nothing that has a phase of its own.
pub(super) fn phase(run: &Run) -> Phase {
    match (&run.rollback, run.weight) {
        (Some(_), _) => Phase::RollingBack,
        (None, 0) => Phase::Verifying,
        (None, _) => Phase::Shifting,
    }
}

/// Whether the run was not to make progress when the shift was looked at last: the time since does not count.
pub(super) fn was_paused(shift: &ShiftObject) -> bool {
    shift.status.phase.is_some_and(|phase| phase.rests() || phase == Phase::Pending)
}

/// Makes the next change of a run: every route gets new weights, which start from the ones before, under the next number.
pub(super) fn change(run: &mut Run, next: impl Fn(usize, &RunRoute) -> Vec<EnvironmentWeight>) {
    for (index, part) in run.routes.iter_mut().enumerate() {
        let weights = next(index, part);
        part.before = std::mem::replace(&mut part.weights, weights);
    }
    renumber(run);
}

/// Gives what is wanted of the routes now the next number.
pub(super) fn renumber(run: &mut Run) {
    run.seq += 1;
    run.applied_at = None;
    run.summary = summary(&run.routes);
}

/// What is wanted of the first route, in words.
pub(super) fn summary(routes: &[RunRoute]) -> String {
    routes.first().map(|part| weights::words(&part.weights)).unwrap_or_default()
}

/// Whether there is something that a rollback could go back to.
pub(super) fn can_go_back(run: &Run) -> bool {
    run.routes.iter().any(|part| !weights::without(part.rollback_target(), &run.to).is_empty())
}

/// Since when the shift waits for this, without a break.
pub(super) fn waiting_since(shift: &ShiftObject, reason: Reason, now: Timestamp) -> Timestamp {
    let before = shift.status.waiting.as_ref().filter(|waiting| waiting.reason == reason);
    before.map_or(now, |waiting| waiting.since)
}

/// Whether `to` names what carried everything before the run, or before the first of those that took over from each
/// other.
pub(super) fn is_set_back(shift: &ShiftObject, run: &Run) -> bool {
    let to = &shift.spec.to;
    *to != run.to && run.routes.iter().all(|part| weights::carries_all(part.rollback_target(), to))
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
    let target = run.routes.first().filter(|_| was_set_back(run))?.rollback_target();
    target.iter().map(|entry| &entry.environment).find(|name| weights::carries_all(target, name)).cloned()
}

/// The environment whose run waits for the end of the one that is moving.
pub(super) fn queued(shift: &ShiftObject, run: &Run) -> Option<String> {
    let waits = match RunState::of(run) {
        RunState::Advancing => shift.spec.on_change == OnChange::Queue,
        RunState::RollingBack | RunState::Remembering(_) => true,
        RunState::Ended => false,
    };
    (waits && wants_another(shift, run) && shift.deleted.is_none()).then(|| shift.spec.to.clone())
}
