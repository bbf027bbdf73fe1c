//! Invariant 14: nothing is written again and again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use weir_api::condition::{CONTESTED, holds};

use crate::evidence::Evidence;
use crate::journal::What;

use super::history::{History, run_of};
use super::{Breach, Invariant};

/// How often one change of a run may be written to one place, beside the writes that failed: AWS may for a few seconds
/// show what was before a write, and what is not seen is written again.
const WRITES: usize = 4;
/// How often one object may be written within a minute: a run of twelve quick steps takes some forty, and a user who changes
/// his mind right then has two more runs.
const RECORDS: usize = 50;
/// The minute.
const MINUTE: SignedDuration = SignedDuration::from_secs(60);

pub(super) fn judge(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut written: BTreeMap<(&str, &str, Option<Timestamp>, i32), usize> = BTreeMap::new();
    for write in history.writes.iter().filter(|write| write.request.status == Some(200)) {
        let run = write.route.as_ref().and_then(|route| history.mover(route, write.at)).and_then(run_of);
        // A number of a run may come again when statuses were lost; the instant of its start does not.
        let change = run.map_or((None, 0), |run| (Some(run.started_at), run.seq));
        let recorded = write.route.as_ref().and_then(|route| history.route(route, write.at)?.status.as_ref());
        let intent = recorded.and_then(|status| status.intent.as_ref());
        let correction = intent.and_then(|intent| intent.correction.as_ref());
        // What a route has set out to do by itself is a change of its own, and so is each correction.
        let own = intent.filter(|intent| intent.follow.is_some()).map(|intent| intent.since);
        let change = correction.map(|correction| correction.since).or(own).map_or(change, |since| (Some(since), 0));
        if write.weights.is_some() && recorded.is_some_and(|status| holds(&status.conditions, CONTESTED)) {
            let message = format!("{} was written though its route is contested", write.place);
            breaches.push(Breach { at: write.at, invariant: Invariant::EndlessFight, message });
        }
        let count = written.entry((&write.place, &write.request.sent.operation, change.0, change.1)).or_default();
        *count += 1;
        if *count == WRITES + 1 {
            let message =
                format!("{} of {} for change {} again and again", write.request.sent.operation, write.place, change.1);
            breaches.push(Breach { at: write.at, invariant: Invariant::EndlessFight, message });
        }
    }
    breaches.extend(records(evidence));
    breaches.extend(reversals(evidence, history));
    breaches
}

/// How often within an hour a place may be written to over others, without any run.
const REVERSALS: usize = 6;

/// Others' changes that are undone again and again.
fn reversals(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut undone: BTreeMap<&str, Vec<Timestamp>> = BTreeMap::new();
    let mut last_by_hand: BTreeMap<&str, bool> = BTreeMap::new();
    for change in &evidence.changes {
        let follows_a_hand = last_by_hand.insert(&change.place, change.by_hand).unwrap_or(false);
        if change.by_hand || !follows_a_hand {
            continue;
        }
        let write = history.writes.iter().rfind(|write| write.place == change.place && write.at <= change.at);
        let route = write.and_then(|write| write.route.as_ref());
        if route.is_some_and(|route| history.mover(route, change.at).is_some()) {
            continue;
        }
        let times = undone.entry(&change.place).or_default();
        times.retain(|at| *at > change.at - MINUTE * 60);
        times.push(change.at);
        if times.len() == REVERSALS + 1 {
            let message = format!("{} was taken back from somebody else again and again without any run", change.place);
            breaches.push(Breach { at: change.at, invariant: Invariant::EndlessFight, message });
        }
    }
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
