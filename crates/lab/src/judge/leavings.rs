//! Deletion: what a policy says is undone is undone, or the route has said that it is not; and nothing is written for
//! an object that is gone.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use weir_api::WeightedRoute;
use weir_api::condition::{READY, find};
use weir_api::weighted_route::RouteDeletionPolicy;
use weir_engine::Key;
use weir_engine::write::{OWNER_TAG, ROUTE_TAG};

use crate::evidence::{Evidence, Tags, Weights};

use super::history::{History, Seen, Write, same_split};
use super::{Breach, Invariant};

/// How long a request may be under way after what it was sent for has gone.
const UNDER_WAY: SignedDuration = SignedDuration::from_secs(5);

pub(super) fn judge(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, seen) in history.routes.iter().enumerate().filter(|(_, seen)| is_last(&seen.object)) {
        let later = history.routes[number + 1..].iter().filter(|later| later.key == seen.key);
        let back = later.map(|later| later.at).min();
        if let Some(message) = left(evidence, seen).filter(|_| back.is_none()) {
            breaches.push(Breach { at: seen.at, invariant: Invariant::LeftBehind, message });
        }
        let end = back.unwrap_or(Timestamp::MAX);
        let of_this = |write: &&Write<'_>| write.route.as_ref() == Some(&seen.key);
        let within = |write: &&Write<'_>| write.at > seen.at + UNDER_WAY && write.at < end;
        for write in history.writes.iter().filter(of_this).filter(within) {
            let message =
                format!("{} of {} for the route {} that is gone", write.request.sent.operation, write.place, seen.key);
            breaches.push(Breach { at: write.at, invariant: Invariant::LeftBehind, message });
        }
    }
    breaches
}

/// Whether that was the last write to an object: deleted, and nothing holds it any more.
fn is_last(route: &WeightedRoute) -> bool {
    let metadata = &route.metadata;
    metadata.deletion_timestamp.is_some() && metadata.finalizers.as_ref().is_none_or(Vec::is_empty)
}

/// What is left on AWS of a route that is gone, in words, where its policy says otherwise and it has not told.
fn left(evidence: &Evidence, seen: &Seen<WeightedRoute>) -> Option<String> {
    let ready = find(&seen.object.status.as_ref()?.conditions, READY)?;
    if seen.object.spec.deletion_policy == RouteDeletionPolicy::Retain || ready.reason == "LeftBehind" {
        return None;
    }
    let is_of = |tags: &Tags| {
        tags.get(OWNER_TAG) == Some(&evidence.owner) && tags.get(ROUTE_TAG) == Some(&seen.key.to_string())
    };
    let left: BTreeMap<&str, &Tags> =
        evidence.retaggings.iter().map(|change| (change.place.as_str(), &change.after)).collect();
    let (place, tags) = left.into_iter().find(|(_, tags)| is_of(tags))?;
    Some(format!("the route {} is gone and said {:?}, but {place} has still {tags:?}", seen.key, ready.message))
}

/// A route as it was last recorded at an instant, if it was being deleted then and undoes something.
pub(super) fn leaves<'a>(history: &'a History<'_>, route: &Key, at: Timestamp) -> Option<&'a WeightedRoute> {
    let route = history.route(route, at)?;
    let undoes = route.spec.deletion_policy != RouteDeletionPolicy::Retain;
    Some(route).filter(|route| undoes && route.metadata.deletion_timestamp.is_some())
}

/// Whether a write puts back what was there before Weir, because the route is being deleted.
pub(super) fn restores(history: &History<'_>, write: &Write<'_>, route: &Key, weights: &Weights) -> bool {
    let Some(route) = leaves(history, route, write.at) else { return false };
    if route.spec.deletion_policy != RouteDeletionPolicy::Restore {
        return false;
    }
    let before = route.status.as_ref().and_then(|status| status.listener_rule.before.as_ref());
    let groups = before.and_then(|before| before.forward.as_ref()).into_iter().flat_map(|forward| &forward.groups);
    let before: Weights = groups
        .map(|group| (history.group_named(&group.arn), u32::try_from(group.weight).unwrap_or(u32::MAX)))
        .collect();
    same_split(&before, weights)
}
