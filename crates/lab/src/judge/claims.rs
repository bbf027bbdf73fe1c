//! Invariant 11: what a status claims to have been seen was so.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use weir_api::traffic_shift::Outcome;
use weir_engine::Key;

use crate::evidence::Evidence;

use super::history::{History, run_of, same_split, words};
use super::{Breach, Invariant, STALENESS};

/// How long after a run's last look at AWS its end may be on record.
const ENDING: SignedDuration = SignedDuration::from_secs(60);
/// The reason of a run that goes back since its candidate fails its checks.
const UNHEALTHY: &str = "CandidateUnhealthy";

pub(super) fn judge(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let mut breaches = routes(history);
    breaches.extend(shifts(history));
    breaches.extend(illnesses(evidence, history));
    breaches
}

fn routes(history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, seen) in history.routes.iter().enumerate() {
        let Some(status) = &seen.object.status else { continue };
        let Some(intent) = &status.intent else { continue };
        let (Some(verified_at), Some(place)) = (intent.verified_at, &status.listener_rule.arn) else { continue };
        let is_known = history.routes[..number].iter().rev().filter(|earlier| earlier.key == seen.key).any(|earlier| {
            let before = earlier.object.status.as_ref().and_then(|status| status.intent.as_ref());
            before.is_some_and(|before| before.verified_at == Some(verified_at))
        });
        let Some(claimed) = history.by_group(&seen.key, &intent.weights, seen.at).filter(|_| !is_known) else {
            continue;
        };
        // The clock of whoever claims it may be ahead; nothing is seen later than it is recorded.
        let live = history.live_between(place, verified_at.min(seen.at) - STALENESS, seen.at);
        if !live.iter().any(|live| same_split(live, &claimed)) {
            let message = format!("route {} claims to have seen {}", seen.key, words(&claimed));
            breaches.push(Breach { at: seen.at, invariant: Invariant::FalseClaim, message });
        }
    }
    breaches
}

fn shifts(history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, seen) in history.shifts.iter().enumerate() {
        let Some(run) = run_of(&seen.object) else { continue };
        let earlier = history.shifts[..number].iter().rev().find(|earlier| earlier.key == seen.key);
        let before = earlier.and_then(|earlier| run_of(&earlier.object)).filter(|before| before.id == run.id);
        let was_applied = before.is_some_and(|before| before.applied_at.is_some() && before.seq == run.seq);
        let had_ended = before.is_some_and(|before| before.ended_at.is_some());
        for part in &run.routes {
            let route = Key::new(seen.key.namespace.clone(), part.name.clone());
            let status = history.route(&route, seen.at).and_then(|route| route.status.as_ref());
            let intent = status.and_then(|status| status.intent.as_ref());
            let settled =
                intent.is_some_and(|intent| (intent.run, intent.seq) == (run.id, run.seq) && intent.is_settled());
            if run.applied_at.is_some() && !was_applied && !settled {
                let message = format!("{} claims that change {} is live on route {route}", seen.key, run.seq);
                breaches.push(Breach { at: seen.at, invariant: Invariant::FalseClaim, message });
            }
            let is_end = run.outcome == Some(Outcome::Succeeded) && run.ended_at.is_some() && !had_ended;
            let Some(end) = history.by_group(&route, &part.weights, seen.at).filter(|_| is_end) else {
                continue;
            };
            // It claims what was so when the run came to its end, however long that could not be remembered; and a rule that
            // somebody has taken away since then was the place too.
            let came = history.shifts[..=number].iter().find(|other| {
                let ended = run_of(&other.object).filter(|other| other.id == run.id && other.outcome.is_some());
                other.key == seen.key && ended.is_some()
            });
            let came = came.map_or(seen.at, |first| first.at);
            let mut places = history.places(&route, came - ENDING, seen.at).peekable();
            let was_live = |place: &str| {
                let live = history.live_between(place, came - ENDING, seen.at);
                live.iter().any(|live| same_split(live, &end))
            };
            if places.peek().is_some() && !places.any(was_live) {
                let message = format!("{} claims success with {} on route {route}", seen.key, words(&end));
                breaches.push(Breach { at: seen.at, invariant: Invariant::FalseClaim, message });
            }
        }
    }
    breaches
}

/// Runs that go back since their candidate is said to be unhealthy, though it was in no action where it would be checked.
fn illnesses(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, seen) in history.shifts.iter().enumerate() {
        let Some(run) = run_of(&seen.object) else { continue };
        let Some(cause) = run.rollback.as_ref().filter(|cause| cause.reason == UNHEALTHY) else { continue };
        let is_known = history.shifts[..number].iter().any(|earlier| {
            let before = run_of(&earlier.object).and_then(|before| Some((before.id, before.rollback.as_ref()?)));
            earlier.key == seen.key && before == Some((run.id, cause))
        });
        let routes = run.routes.iter().map(|part| seen.key.sibling(&part.name));
        let lent = |route: Key| history.group_of(&route, &run.to, seen.at);
        let candidates: BTreeSet<&str> = routes.filter_map(lent).collect();
        if is_known || candidates.is_empty() {
            continue;
        }
        let was_checked = |place: &str| {
            let live = history.live_between(place, seen.at - STALENESS - STALENESS, seen.at);
            live.iter().any(|live| candidates.iter().any(|candidate| live.contains_key(*candidate)))
        };
        if !evidence.changes.iter().any(|change| was_checked(&change.place)) {
            let message = format!("{} says that {} is unhealthy, which nobody checked", seen.key, run.to);
            breaches.push(Breach { at: seen.at, invariant: Invariant::FalseClaim, message });
        }
    }
    breaches
}
