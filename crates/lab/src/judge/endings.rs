//! Invariants 15 and 16: a run that waits for nobody ends, and no finalizer stays after its deadline.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use weir_api::traffic_shift::Phase;
use weir_engine::Key;

use crate::evidence::Evidence;

use super::history::{History, Seen, run_of};
use super::{Breach, Invariant, silence};

/// How long after its deadline a run may go on.
const GRACE: SignedDuration = SignedDuration::from_mins(10);
/// How long a deleted shift may stay: the longest deadline of a scenario, and some grace.
const SHIFT_LINGERING: SignedDuration = SignedDuration::from_hours(4);
/// How long any other deleted object may stay: the deadline of routes, and the longest backoff.
const LINGERING: SignedDuration = SignedDuration::from_mins(12);

pub(super) fn judge(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let mut latest: BTreeMap<&Key, &Seen<weir_api::TrafficShift>> = BTreeMap::new();
    for seen in &history.shifts {
        latest.insert(&seen.key, seen);
    }
    let mut breaches = Vec::new();
    for (key, seen) in latest {
        let Some(run) = run_of(&seen.object).filter(|run| run.ended_at.is_none()) else { continue };
        let phase = seen.object.status.as_ref().and_then(|status| status.phase);
        let is_gone = seen.object.metadata.deletion_timestamp.is_some();
        let deadline = run.progressed_at.max(seen.at) + SignedDuration::from(seen.object.spec.progress_deadline);
        if !phase.is_some_and(Phase::rests) && !is_gone && evidence.ended > deadline + GRACE {
            let message = format!("run {} of {key} has not ended; it was last seen in phase {phase:?}", run.id);
            breaches.push(Breach { at: evidence.ended, invariant: Invariant::EndlessRun, message });
        }
    }
    for (object, since) in &evidence.lingering {
        let lingering = if object.starts_with("trafficshifts/") { SHIFT_LINGERING } else { LINGERING };
        // Where no controller was carried on, nobody could let it go.
        let was_carried_on = silence::silences(evidence).iter().all(|(_, to)| to <= since);
        if was_carried_on && evidence.ended > *since + lingering {
            let message = format!("{object} was deleted at {since} and is still there");
            breaches.push(Breach { at: evidence.ended, invariant: Invariant::HangingFinalizer, message });
        }
    }
    breaches
}
