//! Invariant 14: nothing is written again and again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::evidence::Evidence;
use crate::journal::What;

use super::course::{Course, run_of};
use super::{Breach, Invariant};

/// How often one change of a run may be written to one place, beside the writes that failed.
const WRITES: usize = 2;
/// How often one object may be written within a minute.
const RECORDS: usize = 40;
/// The minute.
const MINUTE: SignedDuration = SignedDuration::from_secs(60);

pub(super) fn judge(evidence: &Evidence, course: &Course<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut written: BTreeMap<(String, String, i32, i32), usize> = BTreeMap::new();
    for write in course.writes.iter().filter(|write| write.request.status == Some(200)) {
        let run = write.route.as_ref().and_then(|route| course.mover(route, write.at)).and_then(run_of);
        let change = run.map_or((0, 0), |run| (run.id, run.seq));
        let count =
            written.entry((write.place.clone(), write.request.operation.clone(), change.0, change.1)).or_default();
        *count += 1;
        if *count == WRITES + 1 {
            let message =
                format!("{} of {} for change {change:?} again and again", write.request.operation, write.place);
            breaches.push(Breach { at: write.at, invariant: Invariant::EndlessFight, message });
        }
    }
    breaches.extend(records(evidence));
    breaches
}

fn records(evidence: &Evidence) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut recent: BTreeMap<&str, Vec<Timestamp>> = BTreeMap::new();
    for entry in &evidence.entries {
        let What::Kube(request) = &entry.what else { continue };
        if !request.is_write() || request.path.contains("/events") {
            continue;
        }
        let times = recent.entry(&request.path).or_default();
        times.retain(|at| *at > entry.at - MINUTE);
        times.push(entry.at);
        if times.len() == RECORDS {
            let message = format!("{} was written {RECORDS} times within a minute", request.path);
            breaches.push(Breach { at: entry.at, invariant: Invariant::EndlessFight, message });
        }
    }
    breaches
}
