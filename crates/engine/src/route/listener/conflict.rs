//! Conflicts between routes of one listener over a place, a priority or a host: who wins is the one that has its place on
//! AWS already, else the oldest.
//!
//! A pure function of all routes in one total order, in which only those count that may use the listener. So what is
//! live is not lost to whoever comes, or may come in, later; and when a route goes, the next takes over by itself.

use std::collections::BTreeSet;

use jiff::Timestamp;
use weir_api::weighted_route::ListenerRule;

use crate::Key;
use crate::object::{Cluster, EntryPointObject, RouteObject};
use crate::ready_state::{Explanation, because};
use crate::reason::Reason;

use super::ListenerRoute;
use super::conditions::{conditions, describe, is_same_match};
use super::describe::describe as describe_place;
use super::pattern::{Relation, is_within, relate};
use super::permission;
use super::route_limit::MOST;

/// The entry points, with the names of their listeners, that lead to the listener of a route: its own, and those that
/// name the same balancer.
fn entry_points<'a>(cluster: &'a Cluster, route: ListenerRoute<'a>) -> BTreeSet<(Key, &'a str)> {
    let (own, listener) = (route.entry_point(), route.entry.listener.as_str());
    let mut entry_points = BTreeSet::new();
    if let Some(arn) = route.listener(cluster) {
        for entry_point in cluster.entry_points.values() {
            let same = entry_point.status.listeners.iter().filter(|found| found.arn == arn);
            entry_points.extend(same.map(|found| (entry_point.key.clone(), found.name.as_str())));
        }
    }
    entry_points.insert((own, listener));
    entry_points
}

/// The other routes on the listener of a route, whether they may be there or not.
pub(super) fn neighbours<'a>(cluster: &'a Cluster, route: ListenerRoute<'a>) -> Vec<ListenerRoute<'a>> {
    let mut found = Vec::new();
    // Each route has one entry point, so none is found twice.
    for (entry_point, listener) in entry_points(cluster, route) {
        let others = cluster.routes.first_on(&entry_point, MOST).filter_map(ListenerRoute::of);
        found.extend(others.filter(|other| other.entry.listener == listener && other.key != route.key));
    }
    found.sort_unstable_by_key(|other| &other.object().key);
    found
}

/// Whether a route may use its entry point, whose balancer belongs to another one, as far as that is known.
fn is_allowed(cluster: &Cluster, route: ListenerRoute<'_>, owner: Option<&EntryPointObject>) -> bool {
    let entry_point = cluster.entry_points.get(&route.entry_point());
    entry_point.is_none_or(|entry_point| permission::refusal_by(cluster, route, entry_point, owner).is_none())
}

/// Whether the place of a route carried its marks when it was last seen.
pub(crate) fn was_marked(route: &RouteObject) -> bool {
    let place = &route.status.listener_rule;
    place.marked.is_some() && place.marked == place.arn
}

/// Whether a route was seen to have its place on AWS, with its marks, on the listener that is meant now.
pub(super) fn is_settled(cluster: &Cluster, route: ListenerRoute<'_>) -> bool {
    has_place(route, route.listener(cluster))
}

/// The same, where the ARN of the listener is known already. Where it cannot be known, what was seen holds.
fn has_place(route: ListenerRoute<'_>, listener: Option<&str>) -> bool {
    let known = route.status.listener_rule.listener.as_deref();
    was_marked(route.object()) && listener.is_none_or(|listener| known == Some(listener))
}

/// Whether the entry point of a route leads to another listener than the one on which the route has its place. Then it stays
/// there until somebody says otherwise.
pub(crate) fn is_led_away(cluster: &Cluster, route: &RouteObject) -> bool {
    let found = listener_of(cluster, route);
    found.is_some_and(|found| bound(&route.status.listener_rule).is_some_and(|bound| bound != found))
}

/// The listener on which a route has its place: one that was seen to carry its marks.
pub(super) fn bound(recorded: &ListenerRule) -> Option<&str> {
    recorded.marked.as_ref().and(recorded.listener.as_deref())
}

/// The ARN of a route's listener, as its entry point has found it.
pub(crate) fn listener_of<'a>(cluster: &'a Cluster, route: &RouteObject) -> Option<&'a str> {
    ListenerRoute::of(route)?.listener(cluster)
}

/// Where a route stands in the order in which rivals are settled: those that have their place first, then by age.
type Rank<'a> = (bool, (Timestamp, &'a Key, &'a str));
/// A route with its rank. Lists of them are in the order of the ranks.
type Ranked<'a> = (Rank<'a>, ListenerRoute<'a>);

fn rank<'a>(route: ListenerRoute<'a>, listener: Option<&str>) -> Rank<'a> {
    (!has_place(route, listener), route.object().creation_order())
}

/// What another route has that this one wants too; `None` where nothing stands in the way. `settled` says whether this
/// one has its place already.
pub(in crate::route) fn conflict<'a>(
    cluster: &'a Cluster,
    route: ListenerRoute<'a>,
    settled: bool,
) -> Option<Explanation> {
    // The neighbours have the same listener, and so the same balancer.
    let listener = route.listener(cluster);
    let entry_point = cluster.entry_points.get(&route.entry_point());
    let owner = entry_point.and_then(|entry_point| permission::owner(cluster, entry_point));
    let ranked = |other: ListenerRoute<'a>| (rank(other, listener), other);
    let others = neighbours(cluster, route).into_iter().filter(|other| is_allowed(cluster, *other, owner));
    let mut others: Vec<_> = others.map(ranked).collect();
    others.sort_by_key(|(rank, _)| *rank);
    let (said, rival) = contested(&others, route, (!settled, route.creation_order()))?;
    let which = if rival.creation_order() < route.creation_order() {
        format!("the older WeightedRoute {}", rival.key)
    } else {
        format!("the WeightedRoute {}, which has its place already", rival.key)
    };
    Some(because(Reason::Conflict, format!("{said} {which}; {}", way_out(route, rival))))
}

fn way_out(route: ListenerRoute<'_>, rival: ListenerRoute<'_>) -> &'static str {
    if route.key.namespace == rival.key.namespace {
        "delete one of the two"
    } else {
        "make this WeightedRoute again for another place, or come to terms with that namespace; when it is deleted this \
         one takes over"
    }
}

/// What is contested, in words that go before the rival's name.
fn contested<'a>(
    others: &[Ranked<'a>],
    route: ListenerRoute<'_>,
    own: Rank<'_>,
) -> Option<(String, ListenerRoute<'a>)> {
    let place = describe_place(route);
    let entry = route.entry;
    let mut before = others.iter().take_while(|(rank, _)| *rank < own).map(|(_, other)| *other);
    let Some(matches) = &entry.matches else {
        let rival = before.find(|other| other.entry.matches.is_none())?;
        return Some((format!("{place} belongs to"), rival));
    };
    for host in &matches.hosts {
        if let Some((theirs, rival)) = owner_of(before.clone(), route, host) {
            let namespace = &rival.key.namespace;
            let what = if theirs.eq_ignore_ascii_case(host) {
                format!("the host {host} belongs")
            } else {
                format!("the host {host} is for hosts of {theirs}, which belongs")
            };
            return Some((format!("{what} to the namespace {namespace} by"), rival));
        }
    }
    let contest = |other: ListenerRoute<'a>| {
        let theirs = other.entry.matches.as_ref()?;
        let priority = other.entry.priority.or(other.status.listener_rule.priority);
        if entry.priority.is_some() && entry.priority == priority {
            return Some((format!("{place} belongs to"), other));
        }
        (is_same_match(theirs, matches) && owns_its_hosts(others, other))
            .then(|| (format!("a rule for {} belongs to", describe(&conditions(matches))), other))
    };
    before.find_map(contest)
}

/// Whether every host of a route, which is one of these, is its namespace's: otherwise it waits itself, and keeps nobody off.
fn owns_its_hosts(all: &[Ranked<'_>], route: ListenerRoute<'_>) -> bool {
    hosts(route).all(|host| owner_of(all.iter().map(|(_, other)| *other), route, host).is_none())
}

/// The first of several routes, in their order, that has a host of another one for its own namespace, with the pattern by
/// which it does: one as wide, for hosts that the other is for too. Where the other's namespace has named all of that host
/// before, there is none.
fn owner_of<'a>(
    mut routes: impl Iterator<Item = ListenerRoute<'a>>,
    route: ListenerRoute<'_>,
    host: &str,
) -> Option<(&'a str, ListenerRoute<'a>)> {
    let contests = |theirs: &&str| relate(host, theirs) == Relation::Same;
    let decides = |other: ListenerRoute<'a>| {
        let mut contesting = hosts(other).filter(contests);
        if other.key.namespace == route.key.namespace {
            return contesting.any(|own| is_within(host, own)).then_some(None);
        }
        contesting.next().map(|theirs| Some((theirs, other)))
    };
    routes.find_map(decides).flatten()
}

fn hosts(route: ListenerRoute<'_>) -> impl Iterator<Item = &str> {
    route.entry.matches.iter().flat_map(|matches| &matches.hosts).map(String::as_str)
}

#[cfg(test)]
mod tests;
