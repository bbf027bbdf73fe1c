//! Invariants 6 and 10: between two writes to one place, what became of the first was read; a step is published only
//! when every route has seen the one before.

use jiff::Timestamp;
use weir_api::traffic_shift::Run;
use weir_api::weighted_route::DriftPolicy;
use weir_engine::{Key, weights};

use crate::evidence::Evidence;

use super::history::{History, Write, run_of};
use super::{Breach, Invariant};

pub(super) fn judge(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let is_done = |write: &&Write<'_>| write.request.status.is_none_or(|status| status == 200);
    let weighty: Vec<&Write<'_>> =
        history.writes.iter().filter(|write| write.weights.is_some()).filter(is_done).collect();
    for (number, write) in weighty.iter().enumerate() {
        // A rule that is made is known by its listener, on which others are made too.
        let is_same =
            |other: &Write<'_>| other.creates == write.creates && (!write.creates || other.route == write.route);
        let is_next = |other: &&&Write<'_>| other.place == write.place && is_same(other);
        let Some(next) = weighty[number + 1..].iter().find(is_next) else { continue };
        let goes_back = next.route.as_ref().and_then(|route| history.mover(route, next.at)).and_then(run_of);
        if goes_back.is_some_and(|run| run.rollback.is_some()) {
            continue;
        }
        let done = evidence.calls.iter().find(|call| {
            call.at >= write.at
                && call.operation == write.request.sent.operation
                && call.resources.contains(&write.place)
        });
        // Nobody can know when a write takes effect whose answer did not come: a look after it was sent is a look.
        let is_unknown = write.request.status.is_none();
        let done = done.filter(|_| !is_unknown).map_or(write.at, |call| call.at);
        if !was_read(evidence, &write.place, done, next.at) {
            let invariant = if is_unknown { Invariant::BlindRetry } else { Invariant::StepBeforeObservation };
            let message = format!("{} was written again without a look at what the last write did", write.place);
            breaches.push(Breach { at: next.at, invariant, message });
        }
    }
    breaches.extend(steps(history));
    breaches
}

/// Whether the rules of the listener of a place were read between two instants.
fn was_read(evidence: &Evidence, place: &str, from: Timestamp, to: Timestamp) -> bool {
    let speaks_of = |resource: &String| resource == place || is_listener_of(resource, place);
    evidence.calls.iter().any(|call| {
        call.operation == "DescribeRules" && call.at >= from && call.at <= to && call.resources.iter().any(speaks_of)
    })
}

/// Whether a listener holds a rule: the rule's ARN goes on where the listener's ends.
fn is_listener_of(listener: &str, rule: &str) -> bool {
    let tail = |arn: &str| arn.split_once('/').map(|(_, tail)| tail.to_owned());
    match (tail(listener), tail(rule)) {
        (Some(listener), Some(rule)) => rule.starts_with(&format!("{listener}/")),
        _ => false,
    }
}

fn steps(history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, seen) in history.shifts.iter().enumerate() {
        let Some(run) = run_of(&seen.object).filter(|run| run.rollback.is_none() && run.outcome.is_none()) else {
            continue;
        };
        let earlier = history.shifts[..number].iter().rev().find(|earlier| earlier.key == seen.key);
        let before = earlier.and_then(|earlier| run_of(&earlier.object));
        let Some(before) = before.filter(|before| (before.id, before.started_at) == (run.id, run.started_at)) else {
            continue;
        };
        if run.weight <= before.weight {
            continue;
        }
        for part in &before.routes {
            let route = Key::new(seen.key.namespace.clone(), part.name.clone());
            let is_seen = is_seen(history, &route, seen.object.metadata.uid.as_deref(), before, seen.at);
            if !is_seen && !takes_over(history, &route, run, seen.at) {
                let message = format!(
                    "{} went on to {} % before route {route} had seen change {}",
                    seen.key, run.weight, before.seq
                );
                breaches.push(Breach { at: seen.at, invariant: Invariant::StepBeforeObservation, message });
            }
        }
    }
    breaches
}

/// Whether a run goes on from what somebody else has made live, as the route's `drift` says.
fn takes_over(history: &History<'_>, route: &Key, run: &Run, at: Timestamp) -> bool {
    let adopts = history.route(route, at).is_some_and(|route| route.spec.drift == DriftPolicy::Adopt);
    let part = run.routes.iter().find(|part| part.name == route.name);
    adopts && part.is_some_and(|part| weights::same_split(&part.before, &part.weights))
}

fn is_seen(history: &History<'_>, route: &Key, uid: Option<&str>, run: &Run, at: Timestamp) -> bool {
    let status = history.route(route, at).and_then(|route| route.status.as_ref());
    status.and_then(|status| status.intent.as_ref()).is_some_and(|intent| {
        Some(intent.uid.as_str()) == uid
            && (intent.run, intent.seq) == (run.id, run.seq)
            && intent.verified_at.is_some()
    })
}
