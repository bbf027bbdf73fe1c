//! Invariant 12: while no controller is carried on, no traffic changes.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::evidence::Evidence;
use crate::journal::What;

use super::history::words;
use super::{Breach, Invariant};

/// How long a request may be under way after the one who sent it is gone.
const UNDER_WAY: SignedDuration = SignedDuration::from_secs(5);

pub(super) fn judge(evidence: &Evidence) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (from, to) in silences(evidence) {
        let within = |at: Timestamp| at > from + UNDER_WAY && at < to;
        for change in evidence.changes.iter().filter(|change| !change.by_hand && within(change.at)) {
            let message = format!("{} was set to {} without a controller", change.place, words(&change.after));
            breaches.push(Breach { at: change.at, invariant: Invariant::MovedByAbsence, message });
        }
    }
    breaches
}

/// The spans in which nothing carried a controller on.
pub(super) fn silences(evidence: &Evidence) -> Vec<(Timestamp, Timestamp)> {
    let mut silences = Vec::new();
    let mut carried_on = BTreeSet::new();
    let mut since = Some(Timestamp::MIN + UNDER_WAY);
    for entry in &evidence.entries {
        match &entry.what {
            What::Started | What::Resumed => {
                carried_on.insert(entry.process);
                silences.extend(since.take().map(|since| (since, entry.at)));
            }
            What::Crashed | What::Ended(_) | What::Stopped | What::Paused => {
                carried_on.remove(&entry.process);
                since = since.or(Some(entry.at)).filter(|_| carried_on.is_empty());
            }
            What::Aws(_) | What::Kube(_) | What::Lease(_) | What::Befell(_) | What::Health { .. } => {}
        }
    }
    silences.extend(since.map(|since| (since, evidence.ended)));
    silences
}
