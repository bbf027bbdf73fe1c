//! Routes of one run move together: while one is written, every other one has the change before, or this one; and a
//! run that went back has taken all of them back.

use jiff::SignedDuration;
use weir_api::TrafficShift;
use weir_api::traffic_shift::{Outcome, Run, RunRoute};
use weir_engine::Key;

use crate::evidence::Evidence;

use super::history::{History, Seen, Write, run_of, same_split, words};
use super::{Breach, Invariant};

/// How long after the last look at AWS the end of a run may be on record.
const ENDING: SignedDuration = SignedDuration::from_secs(60);

pub(super) fn judge(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let breach = |at, message| Breach { at, invariant: Invariant::OutOfStep, message };
    let steps = history.writes.iter().filter_map(|write| Some(breach(write.at, ahead(evidence, history, write)?)));
    let ends = history.shifts.iter().enumerate();
    let ends =
        ends.flat_map(|(number, seen)| left_split(history, number, seen).into_iter().map(move |what| (seen, what)));
    steps.chain(ends.map(|(seen, what)| breach(seen.at, what))).collect()
}

/// Whether a write takes its route more than one change ahead of another one of its run, in words.
fn ahead(evidence: &Evidence, history: &History<'_>, write: &Write<'_>) -> Option<String> {
    let (route, _) = (write.route.as_ref()?, write.weights.as_ref()?);
    // The change that the write carries out is on record as the route's intent.
    let intent = history.route(route, write.at)?.status.as_ref()?.intent.as_ref()?;
    let is_its = |seen: &&Seen<TrafficShift>| {
        seen.at <= write.at
            && seen.object.metadata.uid.as_ref() == Some(&intent.uid)
            && run_of(&seen.object).is_some_and(|run| (run.id, run.seq) == (intent.run, intent.seq))
    };
    let run = history.shifts.iter().rfind(is_its).and_then(|seen| run_of(&seen.object))?;
    let mut others = run.routes.iter().filter(|part| run.rollback.is_none() && part.name != route.name);
    others.find_map(|part| behind(evidence, history, write, route, part))
}

fn behind(
    evidence: &Evidence,
    history: &History<'_>,
    write: &Write<'_>,
    route: &Key,
    part: &RunRoute,
) -> Option<String> {
    let other = route.sibling(&part.name);
    let place = history.route(&other, write.at)?.status.as_ref()?.listener_rule.arn.clone()?;
    let mut changes = evidence.changes.iter().filter(|change| change.place == place && change.at <= write.at);
    if changes.next_back()?.by_hand {
        return None;
    }
    let live = history.live(&place, write.at);
    let known: Vec<_> = [&part.before, &part.weights]
        .into_iter()
        .map(|weights| history.by_group(&other, weights, write.at))
        .collect::<Option<_>>()?;
    if known.iter().any(|weights| same_split(weights, &live)) {
        return None;
    }
    let expected: Vec<String> = known.iter().map(words).collect();
    Some(format!("route {route} was written while {other} had {}; expected {}", words(&live), expected.join(" or ")))
}

/// What a run that has just ended as rolled back has not taken back, in words.
fn left_split(history: &History<'_>, number: usize, seen: &Seen<TrafficShift>) -> Vec<String> {
    let ended = |run: &&Run| run.outcome == Some(Outcome::RolledBack) && run.ended_at.is_some();
    let Some(run) = run_of(&seen.object).filter(ended) else { return Vec::new() };
    let is_same = |earlier: &Seen<TrafficShift>| {
        earlier.key == seen.key && run_of(&earlier.object).is_some_and(|before| before.id == run.id && ended(&before))
    };
    if run.routes.len() < 2 || history.shifts[..number].iter().any(is_same) {
        return Vec::new();
    }
    let split = |part: &RunRoute| {
        let route = Key::new(seen.key.namespace.clone(), part.name.clone());
        let place = history.route(&route, seen.at)?.status.as_ref()?.listener_rule.arn.clone()?;
        let end = history.by_group(&route, &part.weights, seen.at)?;
        let live = history.live_between(&place, seen.at - ENDING, seen.at);
        let is_back = live.iter().any(|live| same_split(live, &end));
        (!is_back).then(|| format!("{} says that {route} went back to {}, which it did not", seen.key, words(&end)))
    };
    run.routes.iter().filter_map(split).collect()
}
