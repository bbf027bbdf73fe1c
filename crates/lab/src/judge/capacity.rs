//! Invariant 2: a share rises only towards an environment with the healthy capacity for it, by the world's own count.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use weir_api::TrafficShift;
use weir_api::weighted_route::Intent;
use weir_engine::Key;

use crate::evidence::Weights;

use super::history::{History, Write, compare, run_of, share, words};
use super::{Breach, Invariant, STALENESS, leavings};

pub(super) fn judge(history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for write in &history.writes {
        let (Some(weights), Some(route)) = (&write.weights, &write.route) else { continue };
        let before = if write.creates { Weights::new() } else { history.live(&write.place, write.at) };
        for group in weights.keys().filter(|group| compare(&before, weights, group) == Some(Ordering::Greater)) {
            if leavings::restores(history, write, route, weights) {
                if let Some(lacking) = lacks_to_restore(history, write, route, &before, group, weights) {
                    let message = format!("{} was put back on route {route}: {lacking}", words(weights));
                    breaches.push(Breach { at: write.at, invariant: Invariant::RaisedWithoutCapacity, message });
                }
                continue;
            }
            if let Some(intent) = history.own_intent(route, write.at) {
                if let Some(found) = lacks_own(history, write, route, intent, group, &before, weights) {
                    let message = format!("{} was written to route {route}: {found}", words(weights));
                    breaches.push(Breach { at: write.at, invariant: Invariant::RaisedWithoutCapacity, message });
                }
                continue;
            }
            let movers = history.movers(route, write.at);
            let found: Vec<String> =
                movers.iter().filter_map(|shift| lacks(history, write, route, shift, group, weights)).collect();
            if !movers.is_empty() && found.len() == movers.len() {
                let message = format!("{} was written to route {route}: {}", words(weights), found[0]);
                breaches.push(Breach { at: write.at, invariant: Invariant::RaisedWithoutCapacity, message });
            }
        }
    }
    breaches
}

/// What a group lacks to carry again what the strongest of the live groups carries, in words.
fn lacks_to_restore(
    history: &History<'_>,
    write: &Write<'_>,
    route: &Key,
    before: &Weights,
    group: &str,
    weights: &Weights,
) -> Option<String> {
    let percent = history.route(route, write.at)?.spec.capacity.min_healthy_percent;
    let carrying = before.iter().filter(|(_, weight)| **weight > 0).map(|(group, _)| group);
    let (from, to) = (write.at - STALENESS, write.at);
    // Where nothing carries traffic there is nothing to lose.
    let baseline = carrying.map(|group| u64::from(history.fewest_healthy(group, from, to))).max()?;
    let (weight, total) = share(weights, group);
    let part = weight * baseline * u64::try_from(percent).unwrap_or(0);
    let needed = part.div_ceil(total.max(1) * 100).max(1);
    let found = u64::from(history.most_healthy(group, from, to));
    (found < needed).then(|| format!("{found} targets of {group} were healthy, {needed} were needed"))
}

/// What a group lacks for the share that it was given, in words.
fn lacks(
    history: &History<'_>,
    write: &Write<'_>,
    route: &Key,
    shift: &TrafficShift,
    group: &str,
    weights: &Weights,
) -> Option<String> {
    let run = run_of(shift)?;
    let healthy = |group: &str| history.most_healthy(group, write.at - STALENESS, write.at);
    let candidate = history.group_of(route, &run.to, write.at)?;
    if run.rollback.is_some() {
        return overloads(history, write, route, shift, candidate, weights);
    }
    let baseline = history.baseline(route, shift, run)?;
    let percent = u64::try_from(shift.spec.capacity.min_healthy_percent).unwrap_or(0);
    let (weight, total) = share(weights, group);
    let needed = (weight * u64::from(baseline) * percent).div_ceil(total.max(1) * 100).max(1);
    let found = u64::from(healthy(group));
    (found < needed).then(|| format!("{found} targets of {group} were healthy, {needed} were needed"))
}

/// How a rollback goes against the side with more that is known to be healthy, in words: with nothing healthy on the
/// old side and something on the candidate, or with more traffic than the old side can carry while the candidate could
/// carry it.
fn overloads(
    history: &History<'_>,
    write: &Write<'_>,
    route: &Key,
    shift: &TrafficShift,
    candidate: &str,
    weights: &Weights,
) -> Option<String> {
    let run = run_of(shift)?;
    let (from, to) = (write.at - STALENESS, write.at);
    let old: u64 = weights
        .keys()
        .filter(|group| *group != candidate)
        .map(|group| u64::from(history.most_healthy(group, from, to)))
        .sum();
    let new = u64::from(history.fewest_healthy(candidate, from, to));
    let live = history.live(&write.place, write.at);
    if !weights.keys().any(|group| group != candidate && live.contains_key(group)) {
        // The old side was taken out of the action: nobody can know its health before it is back in.
        return None;
    }
    if old == 0 && new > 0 {
        return Some(format!("nothing is healthy there, while {new} targets of {candidate} are"));
    }
    let percent = u64::try_from(shift.spec.capacity.min_healthy_percent).unwrap_or(0);
    let needed = (u64::from(history.baseline(route, shift, run)?) * percent).div_ceil(100).max(1);
    if new == 0 || old >= needed {
        return None;
    }
    let (left, total) = share(weights, candidate);
    let (live_left, live_total) = share(&live, candidate);
    let goes_back = (total - left) * live_total.max(1) > (live_total - live_left) * total;
    // What both sides can carry together, rounded up by a hundredth.
    let most = old * 100 / needed.min(old + new) + 1;
    ((total - left) * 100 > most * total && goes_back).then(|| {
        format!("{old} of {needed} targets that are needed for everything are healthy there, and {new} of {candidate}")
    })
}

/// What a group lacks for the share that it was given by the route's user, or by a correction, in words.
fn lacks_own(
    history: &History<'_>,
    write: &Write<'_>,
    route: &Key,
    intent: &Intent,
    group: &str,
    before: &Weights,
    weights: &Weights,
) -> Option<String> {
    let most = |group: &str| u64::from(history.most_healthy(group, write.at - STALENESS, write.at));
    let fewest = |group: &str| u64::from(history.fewest_healthy(group, write.at - STALENESS, write.at));
    let percent = history.route(route, write.at).map_or(100, |route| route.spec.capacity.min_healthy_percent);
    let measure = u64::try_from(intent.baseline.unwrap_or(0)).unwrap_or(0) * u64::try_from(percent).unwrap_or(0);
    let (weight, total) = share(weights, group);
    let needed = (weight * measure).div_ceil(total.max(1) * 100).max(1);
    if most(group) >= needed {
        return None;
    }
    let gains = |group: &&String| compare(before, weights, group) == Some(Ordering::Greater);
    let gaining: BTreeSet<&String> = weights.keys().filter(gains).collect();
    let able: u64 = gaining.iter().map(|group| most(group)).sum();
    let other: u64 = before.keys().filter(|group| !gaining.contains(group)).map(|group| fewest(group)).sum();
    let part: u64 = gaining.iter().map(|group| share(weights, group).0).sum();
    let returns = intent.correction.is_some() || {
        let from = intent.follow.as_ref().and_then(|follow| history.by_group(route, &follow.from, write.at));
        from.is_some_and(|from| gaining.iter().all(|group| compare(&from, weights, group) != Some(Ordering::Greater)))
    };
    // A return gives each side its part of what is healthy.
    if returns && part * (able + other) <= able * total {
        return None;
    }
    Some(format!("{} targets of {group} were healthy, {needed} were needed", most(group)))
}
