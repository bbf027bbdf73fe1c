//! Invariant 8: weights are written only to what carries this installation's mark, and only what a route adopts, or
//! has made, is marked. What others have made is never made again, and a route that has its place on a listener does not
//! go to another by itself.

use jiff::{SignedDuration, Timestamp};
use weir_api::weighted_route::WeightedRouteStatus;
use weir_engine::Key;
use weir_engine::write::{OWNER_TAG, ROUTE_TAG};

use crate::evidence::Evidence;

use super::history::{History, Write};
use super::{Breach, Invariant, leavings, overwrites};

pub(super) fn judge(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let found = history.writes.iter().filter_map(|write| {
        let message = wrong(evidence, history, write)?;
        Some(Breach { at: write.at, invariant: Invariant::NotOurs, message })
    });
    found.collect()
}

fn wrong(evidence: &Evidence, history: &History<'_>, write: &Write<'_>) -> Option<String> {
    let place = &write.place;
    if let Some(message) = remade(evidence, history, write).or_else(|| led_away(history, write)) {
        return Some(message);
    }
    let marks = if write.creates { write.tags } else { &write.marks };
    let is_ours = marks.get(OWNER_TAG) == Some(&evidence.owner);
    let names_route = marks
        .get(ROUTE_TAG)
        .is_some_and(|marked| history.route_keys().into_iter().any(|key| key.to_string() == *marked));
    if write.weights.is_some() {
        return (!is_ours || !names_route).then(|| format!("{place} was written though its marks were {marks:?}"));
    }
    if write.request.sent.asks.removes {
        let leaves = write.route.as_ref().is_some_and(|route| leavings::leaves(history, route, write.at).is_some());
        // What has no mark any more, since an answer was lost or old, has nothing to give up.
        let has_marks = marks.contains_key(OWNER_TAG) || marks.contains_key(ROUTE_TAG);
        return (has_marks && (!is_ours || !leaves))
            .then(|| format!("{place} was given up though no deletion says so; its marks were {marks:?}"));
    }
    if marks.get(OWNER_TAG).is_some() && !is_ours {
        return Some(format!("{place} was marked though it belongs to another: {marks:?}"));
    }
    let adopts =
        write.route.as_ref().is_some_and(|route| history.route(route, write.at).is_some_and(|route| route.spec.adopt));
    (marks.get(ROUTE_TAG) != write.tags.get(ROUTE_TAG) && !adopts)
        .then(|| format!("{place} was marked though no route adopts it: {:?}", write.tags))
}

/// Whether a rule is made by a route whose rule others had made, in words.
fn remade(evidence: &Evidence, history: &History<'_>, write: &Write<'_>) -> Option<String> {
    let route = write.route.as_ref().filter(|_| write.creates)?;
    let named = earlier(history, route, write.at).filter_map(|status| status.listener_rule.marked.as_deref());
    let rule = named.filter(|place| place.contains(":listener-rule/")).last()?;
    let first = evidence.changes.iter().find(|change| change.place == rule)?;
    first.by_hand.then(|| format!("a rule was made for {route} in place of {rule}, which others had made"))
}

/// Whether a route that has its place on one listener writes to another, though nobody told it to go there, in words.
fn led_away(history: &History<'_>, write: &Write<'_>) -> Option<String> {
    let route = write.route.as_ref()?;
    let bound = earlier(history, route, write.at).filter_map(|status| status.listener_rule.marked.as_deref()).last()?;
    let is_elsewhere = listener_of(bound)? != listener_of(&write.place)?;
    let is_told = overwrites::is_resumed(history, route, Timestamp::MIN, write.at);
    (is_elsewhere && !is_told)
        .then(|| format!("{} was written for {route}, which has its place on {bound}", write.place))
}

/// What was recorded of a route before a write, as long as it is the same object and has a memory.
fn earlier<'a>(history: &'a History<'_>, route: &Key, at: Timestamp) -> impl Iterator<Item = &'a WeightedRouteStatus> {
    let uid = history.route(route, at).and_then(|route| route.metadata.uid.clone());
    // What is recorded right before a write is what the write itself is about.
    let forgotten = history.forgotten_at(at);
    let is_known = move |at_then: Timestamp| at_then < at - SignedDuration::from_secs(2) && at_then >= forgotten;
    let records = history.routes.iter().filter(move |seen| is_known(seen.at));
    let of_this = records.filter({
        let route = route.clone();
        move |seen| seen.key == route && seen.object.metadata.uid == uid
    });
    let of_this = of_this.filter_map(|seen| seen.object.status.as_ref());
    let kept: Vec<&WeightedRouteStatus> = of_this.collect();
    // A status without a mark after one that had it was taken away, or has given the place up.
    let lost = kept.iter().rposition(|status| status.listener_rule.marked.is_none()).map_or(0, |last| last + 1);
    kept.into_iter().skip(lost)
}

/// The part of the ARN of a listener or rule that names the listener.
fn listener_of(arn: &str) -> Option<String> {
    let tail = arn.split_once(":listener/").or_else(|| arn.split_once(":listener-rule/"))?.1;
    Some(tail.split('/').take(4).collect::<Vec<_>>().join("/"))
}
