//! Judges: what must never happen, told from the world's own records.
//!
//! Each judge is a pure function over the [`Evidence`]. None of them asks the controller's memory; of its statuses
//! they take what was wanted and claimed, and hold it against what AWS really had.

mod capacity;
mod claims;
mod direction;
mod endings;
mod history;
mod leadership;
mod leavings;
mod lockstep;
mod names;
mod neglect;
mod order;
mod overwrites;
mod ownership;
mod refusals;
mod replay;
mod retries;
mod return_path;
mod rollback_delay;
mod silence;
mod teardown;
mod turmoil;

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use weir_engine::invariant::Invariant;

use crate::evidence::Evidence;

use history::History;

/// How old the knowledge may be on which a controller acts.
const STALENESS: SignedDuration = SignedDuration::from_secs(10);

/// An invariant that was broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breach {
    /// When.
    pub at: Timestamp,
    /// Which.
    pub invariant: Invariant,
    /// How, in words.
    pub message: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {:?}: {}", self.at, self.invariant, self.message)
    }
}

/// Judges everything that happened. No breach means that no invariant was broken.
pub fn judge(evidence: &Evidence) -> Vec<Breach> {
    let history = History::of(evidence);
    let mut breaches = Vec::new();
    breaches.extend(direction::judge(evidence, &history));
    breaches.extend(capacity::judge(&history));
    breaches.extend(order::judge(evidence, &history));
    breaches.extend(lockstep::judge(evidence, &history));
    breaches.extend(ownership::judge(evidence, &history));
    breaches.extend(overwrites::judge(evidence, &history));
    breaches.extend(names::judge(evidence, &history));
    breaches.extend(claims::judge(evidence, &history));
    breaches.extend(silence::judge(evidence));
    breaches.extend(neglect::judge(evidence, &history));
    breaches.extend(leadership::judge(evidence));
    breaches.extend(turmoil::judge(evidence, &history));
    breaches.extend(endings::judge(evidence, &history));
    breaches.extend(leavings::judge(evidence, &history));
    breaches.extend(replay::judge(&history));
    breaches.extend(return_path::judge(&history));
    breaches.extend(rollback_delay::judge(evidence, &history));
    breaches.extend(refusals::judge(evidence, &history));
    breaches.extend(retries::judge(evidence, &history));
    breaches.extend(teardown::judge(evidence, &history));
    breaches.sort();
    breaches
}

#[cfg(test)]
mod tests;
