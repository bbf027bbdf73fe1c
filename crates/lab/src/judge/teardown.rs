//! Invariant 7, for listeners: a group leaves an action only after it was seen without weight, and not while clients
//! may still stick to it. A rollback takes a candidate out at once that would else go on answering, and a route that is
//! deleted brings back what was there before as it was.

use jiff::{SignedDuration, Timestamp};
use weir_api::traffic_shift::{GateName, Released};

use crate::evidence::Evidence;

use super::history::{History, Write, run_of, words};
use super::{Breach, Invariant, STALENESS};

pub(super) fn judge(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, write) in history.writes.iter().enumerate() {
        let (Some(weights), false) = (&write.weights, write.creates) else { continue };
        let run = write.route.as_ref().and_then(|route| history.mover(route, write.at)).and_then(run_of);
        // Whoever ends the wait for clients by a command, or turns a run round, does not wait for clients.
        let is_released = |released: &Released| released.gates.contains(&GateName::StickyClients);
        if run.is_none_or(|run| run.rollback.is_some() || run.released.as_ref().is_some_and(is_released)) {
            continue;
        }
        let route = write.route.as_ref().and_then(|route| history.route(route, write.at));
        if route.is_some_and(|route| route.metadata.deletion_timestamp.is_some()) {
            continue;
        }
        let before = history.live(&write.place, write.at);
        // What somebody else changed a moment before the write, nobody can have seen.
        let lately = history.live_between(&write.place, write.at - STALENESS, write.at);
        for group in before.keys().filter(|group| !weights.contains_key(*group)) {
            let message = if lately.iter().all(|live| live.get(group).is_some_and(|weight| *weight > 0)) {
                format!(
                    "{group} was dropped in the write that took its weight: {} became {}",
                    words(&before),
                    words(weights)
                )
            } else if let Some(until) = sticks_until(evidence, history, &history.writes[..number], write, group)
                && write.at < until
            {
                format!("{group} was dropped, though clients may stick to it until {until:.0}")
            } else {
                continue;
            };
            breaches.push(Breach { at: write.at, invariant: Invariant::TornDownTooSoon, message });
        }
    }
    breaches
}

/// Until when clients may stick to a group that has no weight any more.
fn sticks_until(
    evidence: &Evidence,
    history: &History<'_>,
    earlier: &[Write<'_>],
    write: &Write<'_>,
    group: &str,
) -> Option<Timestamp> {
    // With the statuses it is forgotten when a group lost its weight.
    let known_since = history.forgotten_at(write.at);
    let last = earlier.iter().rfind(|earlier| earlier.place == write.place && earlier.weights.is_some())?;
    let seconds = i64::from(last.request.sent.asks.split.as_ref()?.sticky_seconds?);
    let changes = evidence
        .changes
        .iter()
        .filter(|change| change.place == write.place && (known_since..write.at).contains(&change.at));
    let mut emptied = changes.filter(|change| {
        change.before.get(group).is_some_and(|weight| *weight > 0) && change.after.get(group) == Some(&0)
    });
    // A second for the way of the write.
    emptied.next_back().map(|change| change.at + SignedDuration::from_secs(seconds - 1))
}
