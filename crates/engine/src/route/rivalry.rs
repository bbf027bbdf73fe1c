//! Which of several routes has a place, a priority or a host on a listener: the oldest.
//!
//! A pure function of all routes in one total order, in which only older routes count that may use the listener. So a
//! route that has its place keeps it when others come and go, and when an older one goes the next takes over by itself.

use std::collections::BTreeSet;

use crate::Key;
use crate::object::{Cluster, RouteObject};
use crate::standing::{Reason, because};

use super::conditions::{conditions, describe, same};
use super::permission;
use super::place::describe_place;

/// The entry point of a route.
pub fn entry_key(route: &RouteObject) -> Key {
    let entry = &route.spec.listener.entry_point;
    Key::new(entry.namespace.as_ref().unwrap_or(&route.key.namespace), &entry.name)
}

/// Whether a route refers to an entry point.
pub fn uses(route: &RouteObject, entry_point: &Key) -> bool {
    let entry = &route.spec.listener.entry_point;
    entry.name == entry_point.name && *entry.namespace.as_ref().unwrap_or(&route.key.namespace) == entry_point.namespace
}

/// The entry points, with the names of their listeners, that lead to the listener of a route: its own, and those that
/// name the same balancer.
fn doors<'a>(cluster: &'a Cluster, route: &'a RouteObject) -> BTreeSet<(Key, &'a str)> {
    let (own, listener) = (entry_key(route), route.spec.listener.listener.as_str());
    let arn = |key: &Key| {
        let found = &cluster.entry_points.get(key)?.status.listeners;
        found.iter().find(|found| found.name == listener).map(|found| found.arn.as_str())
    };
    let mut doors = BTreeSet::new();
    if let Some(arn) = arn(&own) {
        for (key, entry_point) in &cluster.entry_points {
            let same = entry_point.status.listeners.iter().filter(|found| found.arn == arn);
            doors.extend(same.map(|found| (key.clone(), found.name.as_str())));
        }
    }
    doors.insert((own, listener));
    doors
}

/// The other routes on the listener of a route, whether they may be there or not.
pub(super) fn neighbours<'a>(cluster: &'a Cluster, route: &'a RouteObject) -> Vec<&'a RouteObject> {
    let doors = doors(cluster, route);
    let is_there = |other: &RouteObject| {
        doors
            .iter()
            .any(|(entry_point, listener)| other.spec.listener.listener == *listener && uses(other, entry_point))
    };
    cluster.routes.values().filter(|other| other.key != route.key && is_there(other)).collect()
}

/// Whether a route may use its entry point, as far as that is known.
fn is_allowed(cluster: &Cluster, route: &RouteObject) -> bool {
    let entry_point = cluster.entry_points.get(&entry_key(route));
    entry_point.is_none_or(|entry_point| permission::refusal(cluster, route, entry_point).is_none())
}

/// What an older route has that this one wants too; `None` where nothing stands in the way.
pub(super) fn conflict(cluster: &Cluster, route: &RouteObject) -> Option<Reason> {
    let mut others = neighbours(cluster, route);
    others.retain(|other| is_allowed(cluster, other));
    others.sort_by_key(|other| other.seniority());
    let (reason, rival) = contested(&others, route)?;
    Some(because("Conflict", format!("{reason} the older WeightedRoute {}; {}", rival.key, way_out(route, rival))))
}

fn way_out(route: &RouteObject, rival: &RouteObject) -> &'static str {
    if route.key.namespace == rival.key.namespace {
        "delete one of the two"
    } else {
        "choose another, or come to terms with that namespace; when it is deleted this one takes over"
    }
}

/// What is contested, in words that go before the rival's name. `others` are in the order of age.
fn contested<'a>(others: &[&'a RouteObject], route: &RouteObject) -> Option<(String, &'a RouteObject)> {
    let place = describe_place(route);
    let entry = &route.spec.listener;
    let mut older = others.iter().copied().take_while(|other| other.seniority() < route.seniority());
    let Some(matches) = &entry.matches else {
        let rival = older.find(|other| other.spec.listener.matches.is_none())?;
        return Some((format!("{place} belongs to"), rival));
    };
    for host in &matches.hosts {
        let names = |other: &&RouteObject| hosts(other).any(|theirs| theirs.eq_ignore_ascii_case(host));
        let first = others.iter().copied().find(names).filter(|first| first.seniority() < route.seniority());
        if let Some(rival) = first.filter(|first| first.key.namespace != route.key.namespace) {
            let namespace = &rival.key.namespace;
            return Some((format!("the host {host} belongs to the namespace {namespace} by"), rival));
        }
    }
    let wanted = conditions(matches);
    let contest = |other: &'a RouteObject| {
        let theirs = other.spec.listener.matches.as_ref()?;
        if entry.priority.is_some() && entry.priority == other.spec.listener.priority.or(other.status.priority) {
            return Some((format!("{place} belongs to"), other));
        }
        (same(&conditions(theirs), &wanted) && owns_its_hosts(others, other))
            .then(|| (format!("a rule for {} belongs to", describe(&wanted)), other))
    };
    older.find_map(contest)
}

/// Whether no older route of another namespace names a host of this one: otherwise it waits itself, and keeps nobody
/// off.
fn owns_its_hosts(others: &[&RouteObject], route: &RouteObject) -> bool {
    let first = |host: &str| others.iter().find(|other| hosts(other).any(|theirs| theirs.eq_ignore_ascii_case(host)));
    hosts(route).all(|host| first(host).is_none_or(|first| first.key.namespace == route.key.namespace))
}

fn hosts(route: &RouteObject) -> impl Iterator<Item = &str> {
    route.spec.listener.matches.iter().flat_map(|matches| &matches.hosts).map(String::as_str)
}

#[cfg(test)]
mod tests;
