//! Judges: what must never happen, told from the world's own records.
//!
//! Each judge is a pure function over the [`Evidence`]. None of them asks the controller's memory; of its statuses
//! they take what was wanted and claimed, and hold it against what AWS really had.

mod capacity;
mod claims;
mod course;
mod direction;
mod endings;
mod leadership;
mod leavings;
mod lockstep;
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

use course::Course;

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
    let course = Course::of(evidence);
    let mut breaches = Vec::new();
    breaches.extend(direction::judge(evidence, &course));
    breaches.extend(capacity::judge(&course));
    breaches.extend(order::judge(evidence, &course));
    breaches.extend(lockstep::judge(evidence, &course));
    breaches.extend(ownership::judge(evidence, &course));
    breaches.extend(overwrites::judge(evidence, &course));
    breaches.extend(claims::judge(evidence, &course));
    breaches.extend(silence::judge(evidence));
    breaches.extend(neglect::judge(evidence, &course));
    breaches.extend(leadership::judge(evidence));
    breaches.extend(turmoil::judge(evidence, &course));
    breaches.extend(endings::judge(evidence, &course));
    breaches.extend(leavings::judge(evidence, &course));
    breaches.extend(replay::judge(&course));
    breaches.extend(return_path::judge(&course));
    breaches.extend(rollback_delay::judge(evidence, &course));
    breaches.extend(refusals::judge(evidence, &course));
    breaches.extend(retries::judge(evidence, &course));
    breaches.extend(teardown::judge(evidence, &course));
    breaches.sort();
    breaches
}

#[cfg(test)]
mod tests;
