//! Deletion in the middle of a run: of the shift itself, and of its routes.
//!
//! A route that is being deleted can go back, as long as it carries the finalizer, but not forward. One that is gone can
//! do neither: the run goes back on the others without it.

use weir_api::traffic_shift::{Outcome, Run, RunRoute, ShiftDeletionPolicy};

use crate::reason::Reason;

use super::draft::Draft;
use super::progress::following;
use super::run::RunState;

/// Turns the run round where it must, and leaves out what has gone.
pub(super) fn heed(draft: &mut Draft<'_>) {
    let Some(run) = draft.status.run.as_ref().filter(|_| draft.is_moving()) else { return };
    let returns = draft.shift.spec.deletion_policy == ShiftDeletionPolicy::Rollback;
    if RunState::of(run) == RunState::Advancing {
        if draft.shift.deleted.is_some() {
            let turned = returns && draft.turn_round(Reason::Deleted, "the shift was deleted".to_owned()).is_ok();
            if !turned {
                draft.end(
                    Outcome::Failed,
                    "the shift was deleted in the middle of the run; the weights stay as they are",
                );
            }
        } else if let Some(name) = leaving(draft, run).filter(|_| returns) {
            // Without anything to go back to the route does not wait for the run.
            let _ = draft.turn_round(Reason::RouteDeleted, format!("the WeightedRoute {name} is being deleted"));
        }
    }
    leave_out_gone(draft);
}

/// A route of the run that is being deleted and waits for the run to go back.
fn leaving(draft: &Draft<'_>, run: &Run) -> Option<String> {
    let routes = run.routes.iter().filter_map(|part| draft.cluster.routes.get(&draft.shift.key.sibling(&part.name)));
    let mut leaving = routes.filter(|route| route.deleted.is_some() && route.has_finalizer());
    leaving.next().map(|route| route.key.name.to_string())
}

/// A run that goes back does so on the routes that are there.
fn leave_out_gone(draft: &mut Draft<'_>) {
    let (cluster, shift) = (draft.cluster, draft.shift);
    let Some(run) = draft.status.run.as_mut().filter(|run| run.rollback.is_some()) else { return };
    let all = run.clone();
    run.routes.retain(|part| following(cluster, shift, &all, part).is_some());
    if run.routes.len() == all.routes.len() {
        return;
    }
    let is_left = |part: &&RunRoute| !run.routes.iter().any(|left| left.name == part.name);
    let gone: Vec<&str> = all.routes.iter().filter(is_left).map(|part| part.name.as_str()).collect();
    let note = format!("what is live on the WeightedRoute {}, which is gone, stays", gone.join(" and "));
    run.note = Some(run.note.take().map_or(note.clone(), |before| format!("{before}; {note}")));
    if run.routes.is_empty() {
        draft.end(Outcome::Failed, &format!("there is no route left to go back on: {note}"));
    }
}

/// Whether a deleted shift has waited for as long as a run may go without progress: then its run ends, whatever keeps it,
/// and what is left behind is told.
pub(super) fn is_over(draft: &mut Draft<'_>) -> bool {
    let Some(deleted) = draft.shift.deleted.filter(|_| draft.is_moving()) else { return false };
    let deadline = draft.deadline_since(deleted.max(draft.counted_from));
    if draft.now < deadline {
        draft.wake_at(deadline);
        return false;
    }
    let why = draft.shift.status.waiting.as_ref().map_or(String::new(), |waiting| format!(": {}", waiting.message));
    let message = format!(
        "the shift was deleted and the traffic could not be brought back within {}; what is live stays{why}",
        draft.shift.spec.progress_deadline
    );
    draft.end(Outcome::Failed, &message);
    true
}
