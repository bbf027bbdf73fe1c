//! Routes of a listener: one of its rules, or its default action, on an Application Load Balancer.
//!
//! Nothing outside this folder reads what a route's spec says of a listener, but for the guard, which judges by its own; the
//! rest asks by way of [`super::kind`].

mod action;
mod conditions;
mod conflict;
mod describe;
mod find;
mod locate;
mod original;
mod owner;
mod pattern;
mod permission;
mod place;
mod plan;
pub mod priority;
mod restore;
mod route_limit;
mod shadow;
mod sticky;
pub mod usable;

#[cfg(test)]
pub(in crate::route) use conflict::conflict;
pub(crate) use conflict::{is_led_away, listener_of, was_marked};
pub(in crate::route) use describe::describe;
pub(in crate::route) use find::{find, find_to_leave, refusal};
pub(in crate::route) use original::made_by_weir;
pub(in crate::route) use place::{Place, is_marked};
pub(in crate::route) use plan::{Plan, tail, wants_other_settings};
pub(crate) use route_limit::MOST;
pub(in crate::route) use shadow::shadowed;

use std::ops::Deref;

use jiff::Timestamp;
use weir_api::WeightedRouteSpec;
use weir_api::weighted_route::{Entry, ListenerEntry};

use crate::Arn;
use crate::entry_point;
use crate::object::{Cluster, Key, RouteObject};
use crate::reader::{Asked, Reader};
use crate::ready_state::ReadyState;

use super::observed::Looked;

/// A route of a listener, with what its spec says of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListenerRoute<'a> {
    object: &'a RouteObject,
    /// The place on the listener.
    pub entry: &'a ListenerEntry,
}

impl Deref for ListenerRoute<'_> {
    type Target = RouteObject;

    fn deref(&self) -> &RouteObject {
        self.object
    }
}

impl<'a> ListenerRoute<'a> {
    /// A route with what its spec says.
    pub fn new(object: &'a RouteObject, entry: &'a ListenerEntry) -> Self {
        Self { object, entry }
    }

    /// A route, where it is one of a listener.
    pub fn of(object: &'a RouteObject) -> Option<Self> {
        match &object.spec.entry {
            Entry::Listener(entry) => Some(Self::new(object, entry)),
            Entry::Dns(_) => None,
        }
    }

    /// Its object.
    pub fn object(self) -> &'a RouteObject {
        self.object
    }

    /// The ARN of its listener, as its entry point has found it.
    pub fn listener(self, cluster: &Cluster) -> Option<&str> {
        let listeners = &cluster.entry_points.get(&self.entry_point())?.status.listeners;
        let found = listeners.iter().find(|found| found.name == self.entry.listener)?;
        Some(&found.arn)
    }

    /// Its entry point.
    pub fn entry_point(self) -> Key {
        entry_point(self.entry, self.object.key.namespace.as_str())
    }
}

fn entry_point(entry: &ListenerEntry, namespace: &str) -> Key {
    Key::new(entry.entry_point.namespace.as_deref().unwrap_or(namespace), &entry.entry_point.name)
}

/// The entry point that the spec of a route of a namespace names, where it is one of a listener.
pub(crate) fn entry_point_named(spec: &WeightedRouteSpec, namespace: &str) -> Option<Key> {
    match &spec.entry {
        Entry::Listener(entry) => Some(self::entry_point(entry, namespace)),
        Entry::Dns(_) => None,
    }
}

/// The entry point that a route names, where it is one of a listener.
pub(crate) fn entry_point_of(route: &RouteObject) -> Option<Key> {
    entry_point_named(&route.spec, &route.key.namespace)
}

/// The balancer of a route, as its entry point has found it.
pub(crate) fn balancer_of(cluster: &Cluster, route: &RouteObject) -> Option<Arn> {
    let entry_point = cluster.entry_points.get(&entry_point_of(route)?)?;
    entry_point.status.arn.as_ref().map(Arn::new)
}

/// Whether another controller has taken over the balancer of a route, as its tags tell since an instant; the error says so.
pub(in crate::route) fn balancer_is_free(
    looked: &Looked<'_>,
    since: Timestamp,
    reader: &mut Reader<'_>,
) -> Asked<Result<(), ReadyState>> {
    let Some(balancer) = balancer_of(looked.cluster, looked.route) else { return Some(Ok(())) };
    Some(match reader.tags(&balancer, since)?.found {
        Ok(tags) => entry_point::owned_by_another(tags).map_or(Ok(()), |reason| Err(ReadyState::Stalled(reason))),
        Err(error) => Err(ReadyState::unreadable(error, "the balancer's tags")),
    })
}

/// What objects do not say any more of where a route is, in words: its entry point is gone, or leads to another listener.
pub(crate) fn place_changed(cluster: &Cluster, route: &RouteObject) -> Option<String> {
    let key = entry_point_of(route)?;
    if !cluster.entry_points.contains_key(&key) {
        return Some(format!("the EntryPoint {} is gone; create it again", key.name));
    }
    is_led_away(cluster, route).then(|| {
        let listener = route.status.listener_rule.listener.as_deref().unwrap_or_default();
        format!(
            "the EntryPoint {} leads to another listener than {listener}, on which the run moves; point it back",
            key.name
        )
    })
}
