//! The run that last ended on a route, as a tag on AWS remembers it: `<namespace>/<name> <to> <outcome>`.
//!
//! Names have at most 63 characters, so the value stays below the 256 that AWS allows, and holds only characters
//! that AWS takes in tags.

use weir_api::traffic_shift::Outcome;
use weir_api::weighted_route::RunMemory;

const OUTCOMES: [(Outcome, &str); 4] = [
    (Outcome::Succeeded, "Succeeded"),
    (Outcome::RolledBack, "RolledBack"),
    (Outcome::Failed, "Failed"),
    (Outcome::Superseded, "Superseded"),
];

/// What the tag says once the user's own weights have taken the place of a run.
pub(super) const NO_RUN: &str = "spec.weights";

/// The value of the tag.
pub fn tag_value(memory: &RunMemory) -> String {
    let outcome = OUTCOMES.iter().find(|(outcome, _)| *outcome == memory.outcome).map_or("", |(_, word)| word);
    format!("{} {} {outcome}", memory.shift, memory.to)
}

/// Reads the value of the tag; what Weir did not write is nothing.
pub(super) fn read(value: &str) -> Option<RunMemory> {
    let mut words = value.split(' ');
    let (shift, to, outcome) = (words.next()?, words.next()?, words.next()?);
    let (outcome, _) = OUTCOMES.iter().find(|(_, word)| *word == outcome)?;
    let is_whole = words.next().is_none() && shift.contains('/') && !to.is_empty();
    is_whole.then(|| RunMemory { shift: shift.to_owned(), to: to.to_owned(), outcome: *outcome })
}
