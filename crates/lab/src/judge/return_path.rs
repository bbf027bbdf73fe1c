//! A rollback needs nothing that may be gone: it ends on the old side, unless nothing there is healthy.

use weir_api::traffic_shift::Outcome;

use super::history::{History, run_of};
use super::{Breach, Invariant, STALENESS};

pub(super) fn judge(history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, seen) in history.shifts.iter().enumerate() {
        let failed =
            |run: &&weir_api::traffic_shift::Run| run.rollback.is_some() && run.outcome == Some(Outcome::Failed);
        let Some(run) = run_of(&seen.object).filter(failed) else { continue };
        let is_known = history.shifts[..number].iter().any(|earlier| {
            earlier.key == seen.key
                && run_of(&earlier.object).is_some_and(|before| before.id == run.id && failed(&before))
        });
        for part in run.routes.iter().filter(|_| !is_known) {
            let from = part.rollback_target().iter().filter(|entry| entry.weight > 0 && entry.environment != run.to);
            let route = seen.key.sibling(&part.name);
            let groups = from.filter_map(|entry| history.group_of(&route, &entry.environment, seen.at));
            let healthy: u32 = groups.map(|group| history.fewest_healthy(group, seen.at - STALENESS, seen.at)).sum();
            if i64::from(healthy) >= i64::from(part.baseline.max(1)) {
                let message = format!(
                    "run {} of {} could not go back, though {healthy} targets of the old side are healthy",
                    run.id, seen.key
                );
                breaches.push(Breach { at: seen.at, invariant: Invariant::RollbackImpossible, message });
            }
        }
    }
    breaches
}
