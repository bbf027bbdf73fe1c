//! Which objects must be looked at again when another object, or something on AWS, has changed.

use std::collections::BTreeSet;

use crate::Arn;
use crate::object::{Cluster, Key, KindName, ObjectRef};

/// The objects whose decisions look at the given one, without itself. The given one need not exist any more.
pub fn dependents(cluster: &Cluster, changed: &ObjectRef) -> BTreeSet<ObjectRef> {
    let key = &changed.key;
    match changed.kind {
        KindName::EntryPoint => routes(cluster, |route_key, spec| {
            route_key.namespace == key.namespace && spec.listener.entry_point.name == key.name
        }),
        KindName::Environment => {
            let mut found = routes(cluster, |route_key, spec| {
                route_key.namespace == key.namespace
                    && spec.backends.iter().any(|backend| backend.environment == key.name)
            });
            for route in found.clone() {
                found.extend(shifts_naming(cluster, &route.key));
            }
            found
        }
        KindName::WeightedRoute => {
            let mut found = shifts_naming(cluster, key);
            if let Some(route) = cluster.routes.get(key) {
                found.extend(backends(cluster, key));
                let entry = &route.spec.listener.entry_point.name;
                found.extend(routes(cluster, |other, spec| {
                    other != key && other.namespace == key.namespace && spec.listener.entry_point.name == *entry
                }));
            }
            found
        }
        KindName::TrafficShift => {
            let Some(shift) = cluster.shifts.get(key) else {
                // A shift that is gone may have freed any route of its namespace.
                return in_namespace(cluster, &key.namespace);
            };
            let mut found = BTreeSet::new();
            for name in &shift.spec.routes {
                let route = key.beside(name);
                found.extend(shifts_naming(cluster, &route));
                if cluster.routes.contains_key(&route) {
                    found.extend(backends(cluster, &route));
                    found.insert(ObjectRef::new(KindName::WeightedRoute, route));
                }
            }
            found.remove(changed);
            found
        }
    }
}

/// The objects that look at a balancer, at one of its listeners, or at a rule that carries a route's marks.
pub fn watchers(cluster: &Cluster, resource: &Arn) -> BTreeSet<ObjectRef> {
    let mut found = BTreeSet::new();
    for (key, entry_point) in &cluster.entry_points {
        let status = &entry_point.status;
        let is_balancer = status.arn.as_deref() == Some(resource.as_str());
        let listeners: BTreeSet<&str> = status
            .listeners
            .iter()
            .filter(|listener| is_balancer || listener.arn == resource.as_str())
            .map(|listener| listener.name.as_str())
            .collect();
        if is_balancer || !listeners.is_empty() {
            found.insert(ObjectRef::new(KindName::EntryPoint, key.clone()));
        }
        found.extend(routes(cluster, |route_key, spec| {
            route_key.namespace == key.namespace
                && spec.listener.entry_point.name == key.name
                && listeners.contains(spec.listener.listener.as_str())
        }));
    }
    let marked = cluster.routes.iter().filter(|(_, route)| route.status.marked.as_deref() == Some(resource.as_str()));
    found.extend(marked.map(|(key, _)| ObjectRef::new(KindName::WeightedRoute, key.clone())));
    found
}

/// The environments that a route names.
fn backends(cluster: &Cluster, route: &Key) -> BTreeSet<ObjectRef> {
    let backends = cluster.routes.get(route).into_iter().flat_map(|found| &found.spec.backends);
    let keys = backends.map(|backend| route.beside(&backend.environment));
    let keys = keys.filter(|key| cluster.environments.contains_key(key));
    keys.map(|key| ObjectRef::new(KindName::Environment, key)).collect()
}

/// The shifts that name a route.
fn shifts_naming(cluster: &Cluster, route: &Key) -> BTreeSet<ObjectRef> {
    cluster
        .shifts
        .iter()
        .filter(|(key, shift)| key.namespace == route.namespace && shift.spec.routes.contains(&route.name))
        .map(|(key, _)| ObjectRef::new(KindName::TrafficShift, key.clone()))
        .collect()
}

fn routes(cluster: &Cluster, matches: impl Fn(&Key, &weir_api::WeightedRouteSpec) -> bool) -> BTreeSet<ObjectRef> {
    cluster
        .routes
        .iter()
        .filter(|(key, route)| matches(key, &route.spec))
        .map(|(key, _)| ObjectRef::new(KindName::WeightedRoute, key.clone()))
        .collect()
}

fn in_namespace(cluster: &Cluster, namespace: &str) -> BTreeSet<ObjectRef> {
    let shifts = cluster.shifts.keys().map(|key| ObjectRef::new(KindName::TrafficShift, key.clone()));
    let routes = cluster.routes.keys().map(|key| ObjectRef::new(KindName::WeightedRoute, key.clone()));
    let environments = cluster.environments.keys().map(|key| ObjectRef::new(KindName::Environment, key.clone()));
    shifts.chain(routes).chain(environments).filter(|object| object.key.namespace == namespace).collect()
}
