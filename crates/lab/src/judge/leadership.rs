//! Invariant 9: no write is issued later than the end of the issuer's lease less the time that the write may take; and
//! none while the Lease is known to be another's. What was in hand when its process was stopped goes out when that goes
//! on, before anything else: no process can hold back such a write, and no lease fences it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::evidence::Evidence;
use crate::journal::What;
use crate::process::identity;

use super::{Breach, Invariant};

/// How long a write may take.
const WRITE_TIME: SignedDuration = SignedDuration::from_secs(5);

pub(super) fn judge(evidence: &Evidence) -> Vec<Breach> {
    let mut breaches = Vec::new();
    // Until when each process has the Lease, counted from when it sent the claim that was granted.
    let mut ends: BTreeMap<u32, Timestamp> = BTreeMap::new();
    let mut went_on: BTreeMap<u32, Timestamp> = BTreeMap::new();
    for entry in &evidence.entries {
        let (issued, words) = match &entry.what {
            What::Lease(claim) => {
                if claim.status.is_some_and(|status| status < 300) {
                    let is_claim = claim.holder == identity(entry.process);
                    let end =
                        if is_claim { entry.at + SignedDuration::from_secs(claim.seconds.into()) } else { entry.at };
                    ends.insert(entry.process, end);
                }
                continue;
            }
            What::Resumed => {
                went_on.insert(entry.process, entry.at);
                continue;
            }
            What::Aws(request) if request.sent.is_write => (request.issued, &request.sent.operation),
            What::Kube(request) if request.is_write() => (request.issued, &request.path),
            _ => continue,
        };
        if went_on.get(&entry.process) == Some(&issued) {
            continue;
        }
        let end = ends.get(&entry.process).copied();
        if end.is_none_or(|end| issued + WRITE_TIME > end) {
            let lease =
                end.map_or_else(|| "never had the lease".to_owned(), |end| format!("had the lease until {end}"));
            let message = format!("controller {} issued {words} at {issued}, and {lease}", entry.process);
            breaches.push(Breach { at: entry.at, invariant: Invariant::AfterLease, message });
        }
    }
    breaches
}
