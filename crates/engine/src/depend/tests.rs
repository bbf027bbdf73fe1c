//! Whom a change of an entry point or of a namespace concerns.

use serde_json::{Value, json};

use super::*;
use crate::route::stand_ins::{cluster, entry_point, route};

#[test]
fn a_way_in_concerns_the_others_to_its_balancer() {
    let status = json!({"arn": "arn:balancer", "listeners": []});
    let mut cluster = cluster(entry_point(json!({})), [route("team-a", "web", 1, Value::Null)]);
    let mut first = cluster.entry_points.values().next().unwrap().clone();
    first.status = serde_json::from_value(status).unwrap();
    let mut second = first.clone();
    second.key = Key::new("team-b", "own");
    let mut elsewhere = second.clone();
    elsewhere.key = Key::new("team-c", "own");
    elsewhere.status.arn = Some("arn:another".to_owned());
    let keys = [first.key.clone(), second.key.clone()];
    for object in [first, second, elsewhere] {
        cluster.entry_points.insert(object);
    }
    let woken = |key: &Key| -> Vec<String> {
        let woken = dependents(&cluster, &ObjectRef::new(KindName::EntryPoint, key.clone()));
        woken.into_iter().map(|object| object.to_string()).collect()
    };
    assert_eq!(woken(&keys[0]), ["EntryPoint team-b/own", "WeightedRoute team-a/web"]);
    assert_eq!(woken(&keys[1]).len(), 2, "{:?}", woken(&keys[1]));
}

#[test]
fn the_labels_of_a_namespace_concern_the_neighbours_of_its_routes() {
    let mut aside = route("team-c", "web", 3, Value::Null);
    aside.spec.entry.as_listener_mut().unwrap().entry_point.name = "internal".to_owned();
    let routes = [route("team-a", "web", 1, Value::Null), route("team-b", "web", 2, Value::Null), aside];
    let cluster = cluster(entry_point(json!({})), routes);
    let woken = |namespace: &str| -> Vec<String> {
        of_namespace(&cluster, namespace).into_iter().map(|object| object.key.to_string()).collect()
    };
    assert_eq!(woken("team-a"), ["team-a/web", "team-b/web"]);
    assert_eq!(woken("team-c"), ["team-c/web"]);
    assert!(woken("platform").is_empty());
}

#[test]
fn what_goes_through_a_route_is_nothing_to_its_neighbours_and_where_it_is_is() {
    let routes = [route("team-a", "web", 1, Value::Null), route("team-a", "api", 2, Value::Null)];
    let cluster = cluster(entry_point(json!({})), routes);
    let changed = ObjectRef::new(KindName::WeightedRoute, Key::new("team-a", "web"));
    let woken = |change: fn(&mut RouteObject)| -> usize {
        let mut cluster = cluster.clone();
        let dependents = Dependents::before(&cluster, &changed);
        cluster.routes.edit(&changed.key, change);
        dependents.after(&cluster).len()
    };
    assert_eq!(woken(|route| route.spec.weights = Some([("blue".to_owned(), 1)].into())), 0);
    assert_eq!(woken(|route| (route.generation, route.version) = (2, "9".into())), 0);
    assert_eq!(woken(|route| route.status.live = Some("blue 100".to_owned())), 0);
    assert_eq!(woken(|route| route.status.listener_rule.arn = Some("rule".to_owned())), 1);
    assert_eq!(woken(|route| route.deleted = Some(route.created)), 1);
    assert_eq!(woken(|route| route.uid = "another".into()), 1);
}
