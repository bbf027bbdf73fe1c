//! Which objects must be looked at again when another object, or something on AWS, has changed.

use std::collections::BTreeSet;

use smol_str::SmolStr;
use weir_api::WeightedRouteStatus;
use weir_api::requests::Evidence;

use crate::Arn;
use crate::dns::{DnsName, NameInZone};
use crate::grant::Grants;
use crate::object::{Cluster, EnvironmentObject, Key, KindName, ObjectRef, RouteObject};
use crate::route::{MOST, contended, entry_point_of, listener_of, names_of};

/// The objects whose decisions look at the given one, without itself. The given one need not exist any more.
pub fn dependents(cluster: &Cluster, changed: &ObjectRef) -> BTreeSet<ObjectRef> {
    let key = &changed.key;
    match changed.kind {
        KindName::EntryPoint => {
            let entry_points = siblings(cluster, key);
            let mut found: BTreeSet<ObjectRef> =
                entry_points.iter().flat_map(|entry_point| neighbours(cluster, entry_point)).collect();
            // Whoever owns the balancer says what the others may.
            let others = entry_points
                .into_iter()
                .filter(|entry_point| entry_point != key && cluster.entry_points.contains_key(entry_point));
            found.extend(others.map(|other| ObjectRef::new(KindName::EntryPoint, other)));
            found
        }
        KindName::Environment => {
            let mut found = routes_naming(cluster, KindName::Environment, key);
            for route in found.clone() {
                found.extend(shifts_naming(cluster, &route.key));
            }
            found
        }
        KindName::WeightedRoute => {
            let mut found = shifts_naming(cluster, key);
            if let Some(route) = cluster.routes.get(key) {
                found.extend(backends(cluster, key));
                let entry_points = entry_point_of(route).map(|key| siblings(cluster, &key)).unwrap_or_default();
                let places = entry_points.into_iter().chain(contended(&route.spec));
                found.extend(places.flat_map(|place| neighbours(cluster, &place)));
            }
            found.remove(changed);
            found
        }
        KindName::TrafficShift => {
            let Some(shift) = cluster.shifts.get(key) else {
                // A shift that is gone may have freed any route of its namespace.
                return in_namespace(cluster, &key.namespace);
            };
            let mut found = BTreeSet::new();
            for name in &shift.spec.routes {
                let route = key.sibling(name);
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

/// Those who look at an object that changes: as it was, and as it is.
pub struct Dependents {
    changed: ObjectRef,
    found: BTreeSet<ObjectRef>,
    route: Option<RouteObject>,
}

impl Dependents {
    /// Those who look at an object that is about to change.
    pub fn before(cluster: &Cluster, changed: &ObjectRef) -> Self {
        let route = cluster.routes.get(&changed.key).filter(|_| changed.kind == KindName::WeightedRoute);
        Self { changed: changed.clone(), found: dependents(cluster, changed), route: route.cloned() }
    }

    /// Those who must look again now that it has changed, or is no more. Of a route others look at some things only: without
    /// this distinction each step of a route, and each change of its weights, would wake all the others of its balancer.
    pub fn after(mut self, cluster: &Cluster) -> BTreeSet<ObjectRef> {
        self.found.extend(dependents(cluster, &self.changed));
        self.found.remove(&self.changed);
        if let (Some(before), Some(after)) = (&self.route, cluster.routes.get(&self.changed.key)) {
            let neighbours = as_neighbours_see(before) != as_neighbours_see(after);
            let others = as_others_see(before) != as_others_see(after);
            self.found.retain(|object| if object.kind == KindName::WeightedRoute { neighbours } else { others });
        }
        self.found
    }
}

/// What of a route its neighbours may look at: where it is, since when and with what right, not what goes through it.
fn as_neighbours_see(route: &RouteObject) -> impl PartialEq + '_ {
    let status = WeightedRouteStatus {
        observed_generation: None,
        live: None,
        weights: Vec::new(),
        members: Vec::new(),
        intent: None,
        last_run: None,
        difference: None,
        reversals: Vec::new(),
        last_command: None,
        conditions: Vec::new(),
        requests: None,
        ..route.status.clone()
    };
    (&route.uid, route.created, route.deleted, &route.spec.entry, status)
}

/// What of a route shifts and environments may look at: all but the requests that it shows.
fn as_others_see(route: &RouteObject) -> impl PartialEq {
    let status = WeightedRouteStatus { requests: None, ..route.status.clone() };
    RouteObject { version: SmolStr::default(), status, ..route.clone() }
}

/// The objects that look at a balancer, at one of its listeners, at a target group, or at a rule that carries a route's
/// marks.
pub fn watchers(cluster: &Cluster, resource: &Arn) -> BTreeSet<ObjectRef> {
    let mut found = BTreeSet::new();
    for entry_point in cluster.entry_points.values() {
        let (key, status) = (&entry_point.key, &entry_point.status);
        let is_balancer = status.arn.as_deref() == Some(resource.as_str());
        let is_it = |listener: &str| is_balancer || listener == resource.as_str();
        if is_balancer || status.listeners.iter().any(|listener| is_it(&listener.arn)) {
            found.insert(ObjectRef::new(KindName::EntryPoint, key.clone()));
        }
        let routes = cluster.routes.first_on(key, MOST);
        found.extend(routes.filter(|route| listener_of(cluster, route).is_some_and(is_it)).map(reference));
    }
    let has = |environment: &&EnvironmentObject| {
        let status = &environment.status;
        let mut lent = status.target_groups.iter().map(|group| &group.arn);
        lent.any(|arn| arn == resource.as_str())
            || status.load_balancers.iter().any(|balancer| balancer.arn == resource.as_str())
    };
    let environments = cluster.environments.values().filter(has);
    found.extend(environments.map(|environment| ObjectRef::new(KindName::Environment, environment.key.clone())));
    let marked =
        cluster.routes.values().filter(|route| route.status.listener_rule.marked.as_deref() == Some(resource.as_str()));
    found.extend(marked.map(reference));
    found
}

/// The routes that look at what stands at a name of a zone, and those that want it.
pub fn at_name(cluster: &Cluster, at: &NameInZone) -> BTreeSet<ObjectRef> {
    let names: Vec<DnsName> = at.name.remembering().into_iter().chain([at.name.clone()]).collect();
    let places = names.iter().map(|name| Key::new(at.zone.as_str(), name.as_str()));
    places.flat_map(|place| neighbours(cluster, &place)).collect()
}

/// The names at which routes that may be there have something.
pub fn names(cluster: &Cluster, grants: &Grants) -> BTreeSet<NameInZone> {
    let routes = cluster.routes.values().filter(|route| route.spec.entry.takes_balancers());
    routes.filter(|route| grants.of_route(cluster, route).is_ok()).flat_map(names_of).collect()
}

/// The objects that look at the requests of a route: itself, and the shifts whose steps wait for a share.
pub fn counters(cluster: &Cluster, route: &Key) -> BTreeSet<ObjectRef> {
    let mut found = shifts_naming(cluster, route);
    found.retain(|shift| cluster.shifts.get(&shift.key).is_some_and(|shift| shift.spec.evidence == Evidence::Share));
    found.insert(ObjectRef::new(KindName::WeightedRoute, route.clone()));
    found
}

/// The environments that a route names.
fn backends(cluster: &Cluster, route: &Key) -> BTreeSet<ObjectRef> {
    let backends = cluster.routes.get(route).into_iter().flat_map(|found| &found.spec.backends);
    let keys = backends.map(|backend| route.sibling(&backend.environment));
    let keys = keys.filter(|key| cluster.environments.contains_key(key));
    keys.map(|key| ObjectRef::new(KindName::Environment, key)).collect()
}

/// The shifts that name a route.
fn shifts_naming(cluster: &Cluster, route: &Key) -> BTreeSet<ObjectRef> {
    let naming = cluster.shifts.naming(KindName::WeightedRoute, route);
    naming.map(|shift| ObjectRef::new(KindName::TrafficShift, shift.key.clone())).collect()
}

/// The routes whose permission hangs on the labels of a namespace, and their neighbours: what one may not have any more
/// is another's.
pub fn of_namespace(cluster: &Cluster, namespace: &str) -> BTreeSet<ObjectRef> {
    let own = cluster.routes.values().filter(|route| route.key.namespace == namespace);
    let entry_points: BTreeSet<Key> =
        own.filter_map(entry_point_of).filter(|entry_point| entry_point.namespace != namespace).collect();
    let entry_points: BTreeSet<Key> = entry_points.iter().flat_map(|key| siblings(cluster, key)).collect();
    entry_points.iter().flat_map(|entry_point| neighbours(cluster, entry_point)).collect()
}

/// An entry point and those that name the same balancer: their routes are neighbours.
fn siblings(cluster: &Cluster, key: &Key) -> BTreeSet<Key> {
    let balancer = |key: &Key| cluster.entry_points.get(key)?.status.arn.as_deref();
    let mut entry_points = BTreeSet::from([key.clone()]);
    if let Some(arn) = balancer(key) {
        let same = cluster.entry_points.values().filter(|other| other.status.arn.as_deref() == Some(arn));
        entry_points.extend(same.map(|other| other.key.clone()));
    }
    entry_points
}

/// The routes on an entry point, or at a name, that are settled with each other, and of each namespace the next one, which takes
/// the place of one that goes.
fn neighbours(cluster: &Cluster, entry_point: &Key) -> BTreeSet<ObjectRef> {
    cluster.routes.first_on(entry_point, MOST + 1).map(reference).collect()
}

/// The routes that name an object.
fn routes_naming(cluster: &Cluster, kind: KindName, key: &Key) -> BTreeSet<ObjectRef> {
    cluster.routes.naming(kind, key).map(reference).collect()
}

fn reference(route: &RouteObject) -> ObjectRef {
    ObjectRef::new(KindName::WeightedRoute, route.key.clone())
}

fn in_namespace(cluster: &Cluster, namespace: &str) -> BTreeSet<ObjectRef> {
    let shifts = cluster.shifts.keys().map(|key| ObjectRef::new(KindName::TrafficShift, key.clone()));
    let routes = cluster.routes.keys().map(|key| ObjectRef::new(KindName::WeightedRoute, key.clone()));
    let environments = cluster.environments.keys().map(|key| ObjectRef::new(KindName::Environment, key.clone()));
    shifts.chain(routes).chain(environments).filter(|object| object.key.namespace == namespace).collect()
}

#[cfg(test)]
mod tests;
