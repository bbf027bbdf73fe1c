//! Invariants 1 and 5: weights in range and not all zero; the candidate's share rises in a run, falls when it goes
//! back, and nothing moves outside of a run.

use std::cmp::Ordering;

use weir_api::TrafficShift;
use weir_api::weighted_route::{DriftPolicy, Intent};
use weir_engine::Key;

use crate::evidence::{Evidence, Weights};

use super::history::{History, Write, compare, run_of, same_split, share, words};
use super::{Breach, Invariant, leavings};

/// The most groups that ELBv2 takes in one forward action, and the highest weight that it takes.
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ForwardActionConfig.html>
const MOST: (usize, u32) = (5, 999);

pub(super) fn judge(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for change in evidence.changes.iter().filter(|change| !change.by_hand) {
        if !change.after.is_empty() && change.after.values().all(|weight| *weight == 0) {
            let message = format!("{} was set to {}", change.place, words(&change.after));
            breaches.push(Breach { at: change.at, invariant: Invariant::AllZero, message });
        }
    }
    for write in &history.writes {
        let Some(weights) = &write.weights else { continue };
        let breach = |message| Breach { at: write.at, invariant: Invariant::OutOfRangeOrDirection, message };
        if let Some(message) = out_of_range(weights) {
            breaches.push(breach(message));
        }
        if let Some(message) = against(history, write, weights) {
            breaches.push(breach(message));
        }
    }
    breaches
}

fn out_of_range(weights: &Weights) -> Option<String> {
    let (groups, weight) = MOST;
    let too_high = weights.values().any(|found| *found > weight);
    (too_high || weights.len() > groups).then(|| format!("out of range: {}", words(weights)))
}

/// Whether a write goes against the run that it belongs to, in words.
fn against(history: &History<'_>, write: &Write<'_>, weights: &Weights) -> Option<String> {
    let Some(route) = &write.route else { return None };
    let live = if write.creates { Weights::new() } else { history.live(&write.place, write.at) };
    if same_split(&live, weights) || leavings::restores(history, write, route, weights) {
        return None;
    }
    if let Some(intent) = history.own_intent(route, write.at) {
        return against_own(history, write, route, intent, &live);
    }
    let movers = history.movers(route, write.at);
    if movers.is_empty() {
        return Some(format!("{} was written to route {route} though no run moves it", words(weights)));
    }
    let agrees = |shift: &TrafficShift| {
        let Some(run) = run_of(shift) else { return false };
        let Some(candidate) = history.group_of(route, &run.to, write.at) else { return true };
        let part = run.routes.iter().find(|part| part.name == route.name);
        // Where somebody else has changed the weights, and the user wants those of the run again or `drift` says so, just
        // these are set.
        let wanted = part.and_then(|part| history.by_group(route, &part.weights, write.at));
        let is_set_again = run.reasserted_seq == Some(run.seq) || history.is_correcting(route, write.at);
        if is_set_again && wanted.is_some_and(|wanted| same_split(&wanted, weights)) {
            return true;
        }
        // The way is that of the run: from what it wrote last, or from where it began.
        let start = || history.by_group(route, &part?.from, write.at);
        let written = history.last_written(&write.place, run.started_at, write.at);
        let before = written.or_else(start).unwrap_or_else(|| live.clone());
        let wrong = if run.rollback.is_some() { Ordering::Greater } else { Ordering::Less };
        // Or from what somebody else has put there, where `drift` says that this is taken over.
        let adopts = history.route(route, write.at).is_some_and(|object| object.spec.drift == DriftPolicy::Adopt);
        let goes_wrong = |before: &Weights| compare(before, weights, candidate) == Some(wrong);
        !goes_wrong(&before) || (adopts && !goes_wrong(&live))
    };
    if movers.into_iter().any(agrees) {
        return None;
    }
    Some(format!("route {route} went from {} to {}, against its run", words(&live), words(weights)))
}

/// Whether a write is not what the route itself had on record, or goes against the weights that its user has chosen,
/// in words.
fn against_own(
    history: &History<'_>,
    write: &Write<'_>,
    route: &Key,
    intent: &Intent,
    live: &Weights,
) -> Option<String> {
    let weights = write.weights.as_ref()?;
    let recorded = history.by_group(route, &intent.weights, write.at)?;
    if !same_split(&recorded, weights) {
        let (written, recorded) = (words(weights), words(&recorded));
        return Some(format!("{written} was written to route {route}, which had {recorded} on record"));
    }
    let follow = intent.follow.as_ref().filter(|_| intent.correction.is_none())?;
    let goal = history.by_group(route, &follow.goal, write.at)?;
    let hundredths = |weights: &Weights, group: &String| {
        let (weight, total) = share(weights, group);
        weight * 10_000 / total.max(1)
    };
    let strays = |group: &&String| {
        let (old, new, end) = (hundredths(live, group), hundredths(weights, group), hundredths(&goal, group));
        // Rounding may give or take a percent point.
        new + 101 < old.min(end) || new > old.max(end) + 101
    };
    let total: u32 = live.values().sum();
    let group = live.keys().chain(weights.keys()).find(strays).filter(|_| total > 0)?;
    let (from, to, goal) = (words(live), words(weights), words(&goal));
    Some(format!("{group} went from {from} to {to} on the way to {goal}, which is not its way"))
}
