//! Invariant 13: a rollback waits behind nothing. Where nothing keeps it, it is written at once.

use jiff::{SignedDuration, Timestamp};
use weir_api::condition::{SYNCED, find};
use weir_engine::Key;
use weir_engine::write::{OWNER_TAG, ROUTE_TAG};

use crate::evidence::Evidence;
use crate::journal::What;

use super::history::{History, run_of, same_split};
use super::{Breach, Invariant};

/// How long a rollback may take to its write.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(30);

pub(super) fn judge(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, seen) in history.shifts.iter().enumerate() {
        let Some(run) = run_of(&seen.object).filter(|run| run.rollback.is_some() && run.ended_at.is_none()) else {
            continue;
        };
        // The change that takes the traffic back, when it is recorded first.
        let is_known = history.shifts[..number].iter().any(|earlier| {
            let before = run_of(&earlier.object);
            earlier.key == seen.key
                && before
                    .is_some_and(|before| (before.id, before.seq, &before.rollback) == (run.id, run.seq, &run.rollback))
        });
        if is_known || run.outcome.is_some() || !is_quiet(evidence, seen.at, seen.at + AT_ONCE) {
            continue;
        }
        for part in &run.routes {
            let route = Key::new(seen.key.namespace.clone(), part.name.clone());
            let place =
                history.route(&route, seen.at).and_then(|route| route.status.as_ref()?.listener_rule.arn.clone());
            let (Some(place), Some(wanted)) = (place, history.by_group(&route, &part.weights, seen.at)) else {
                continue;
            };
            if is_taken_over(evidence, &place, seen.at) || is_unusable(history, &route, seen.at) {
                continue;
            }
            let is_superseded = history.shifts[number + 1..].iter().any(|later| {
                later.key == seen.key
                    && later.at <= seen.at + AT_ONCE
                    && run_of(&later.object).is_none_or(|later| (later.id, later.seq) != (run.id, run.seq))
            });
            let live = history.live_between(&place, seen.at, seen.at + AT_ONCE);
            if !is_superseded && !live.iter().any(|live| same_split(live, &wanted)) {
                let message =
                    format!("run {} of {} goes back, and {} s later it had not", run.id, seen.key, AT_ONCE.as_secs());
                breaches.push(Breach { at: seen.at, invariant: Invariant::RollbackImpossible, message });
            }
        }
    }
    breaches
}

/// Whether somebody else has changed the ownership tags of a place before, so that it may not be Weir's to write to.
fn is_taken_over(evidence: &Evidence, place: &str, at: Timestamp) -> bool {
    let by_hand = evidence.retaggings.iter().filter(|change| change.by_hand && change.place == place);
    let mut by_then = by_hand.take_while(|change| change.at <= at);
    by_then.any(|change| [OWNER_TAG, ROUTE_TAG].iter().any(|key| change.before.get(*key) != change.after.get(*key)))
}

/// Whether AWS would refuse the way back, since a group on it is used by another balancer.
fn is_unusable(history: &History<'_>, route: &Key, at: Timestamp) -> bool {
    let status = history.route(route, at + AT_ONCE).and_then(|route| route.status.as_ref());
    let synced = status.and_then(|status| find(&status.conditions, SYNCED));
    synced.is_some_and(|synced| synced.reason == "GroupNotUsable")
}

/// Whether nothing goes wrong for a while: every request is answered well, one controller is carried on throughout,
/// and nobody does anything by hand.
fn is_quiet(evidence: &Evidence, from: Timestamp, to: Timestamp) -> bool {
    // What began to go wrong before may still be felt.
    let within = |at: Timestamp| at > from - SignedDuration::from_mins(3) && at <= to;
    evidence.ended >= to
        && evidence.entries.iter().filter(|entry| within(entry.at)).all(|entry| match &entry.what {
            What::Aws(request) => request.status == Some(200),
            What::Kube(request) => request.status.is_some_and(|status| status < 300) || request.path.contains("watch"),
            What::Lease(claim) => claim.status.is_some_and(|status| status < 300),
            What::Befell(words) => words.starts_with("kubectl gives the command"),
            What::Health { .. } | What::Started => true,
            What::Crashed | What::Ended(_) | What::Stopped | What::Paused | What::Resumed => false,
        })
}
