//! More routes on an entry point than a balancer takes.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::conflict;
use super::{MOST, refusal};
use crate::depend::{Dependents, dependents};
use crate::object::{Cluster, Key, KindName, ObjectRef, RouteObject};
use crate::reason::Reason;
use crate::route::stand_ins::{entry_point, on_listener, route};

fn named(namespace: &str, number: usize) -> RouteObject {
    let (name, age) = (format!("r{number:04}"), i64::try_from(number).unwrap());
    route(namespace, &name, age, json!({"match": {"hosts": [format!("{namespace}-{number}.shop.test")]}}))
}

/// An entry point for all, with so many routes of one namespace and one of another.
fn crowded(count: usize) -> Cluster {
    let mut cluster = Cluster::default();
    cluster.entry_points.insert(entry_point(json!({"namespaces": {"from": "All"}, "hosts": ["*"]})));
    for number in 0..count {
        cluster.routes.insert(named("many", number));
    }
    cluster.routes.insert(named("few", count));
    cluster
}

fn of(namespace: &str, number: usize) -> Key {
    named(namespace, number).key
}

#[test]
fn those_of_a_namespace_that_cannot_have_a_place_are_refused_and_nobody_else() {
    let cluster = crowded(MOST + 5);
    let refused = |key: &Key| refusal(&cluster, on_listener(&cluster.routes[key])).map(|why| why.reason);
    assert_eq!(refused(&of("many", MOST - 1)), None);
    assert_eq!(refused(&of("many", MOST)), Some(Reason::TooManyRoutes));
    assert_eq!(refused(&of("few", MOST + 5)), None, "the youngest of all, but of another namespace");
}

#[test]
fn who_has_its_place_keeps_it() {
    let mut cluster = crowded(MOST + 5);
    let last = of("many", MOST + 4);
    cluster.routes.edit(&last, |route| {
        let place = &mut route.status.listener_rule;
        (place.arn, place.marked) = (Some("rule".to_owned()), Some("rule".to_owned()));
    });
    assert_eq!(refusal(&cluster, on_listener(&cluster.routes[&last])), None);
    let displaced = of("many", MOST - 1);
    assert!(refusal(&cluster, on_listener(&cluster.routes[&displaced])).is_some(), "one more has come before it");
    let neighbours = conflict::neighbours(&cluster, on_listener(&cluster.routes[&of("few", MOST + 5)]));
    assert!(neighbours.iter().any(|neighbour| neighbour.key == last));
}

#[test]
fn nobody_looks_at_more_than_fit() {
    let cluster = crowded(5_000);
    let few = of("few", 5_000);
    assert_eq!(conflict::neighbours(&cluster, on_listener(&cluster.routes[&few])).len(), MOST);
    let woken = dependents(&cluster, &ObjectRef::new(KindName::WeightedRoute, few));
    assert_eq!(woken.len(), MOST + 1);
}

#[test]
fn the_next_is_told_when_one_goes() {
    let mut cluster = crowded(MOST + 5);
    let (first, next) = (of("many", 0), of("many", MOST));
    let dependents = Dependents::before(&cluster, &ObjectRef::new(KindName::WeightedRoute, first.clone()));
    cluster.routes.remove(&first);
    let told: BTreeSet<ObjectRef> = dependents.after(&cluster);
    assert!(told.contains(&ObjectRef::new(KindName::WeightedRoute, next.clone())));
    assert_eq!(refusal(&cluster, on_listener(&cluster.routes[&next])), None);
}
