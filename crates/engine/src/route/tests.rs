//! What a look at a route comes to where others have to do with its place.

use jiff::Timestamp;
use serde_json::json;

use super::stand_ins::{cluster, context, entry_point, facts, going_back, route, rule, settled};
use super::*;
use crate::sight::Facts;

fn now() -> Timestamp {
    Timestamp::from_second(1_000).unwrap()
}

/// What is decided about a route; all that is asked for is known.
#[track_caller]
fn decided(cluster: &Cluster, route: &RouteObject, facts: &Facts) -> Verdict<WeightedRouteStatus> {
    let mut sight = Sight::new(now(), facts);
    let verdict = decide(&context(now()), cluster, route, &mut sight);
    verdict.unwrap_or_else(|| panic!("asks for {:?}", sight.into_asks()))
}

/// An entry point for every namespace and host, with these routes.
fn open(routes: impl IntoIterator<Item = RouteObject>) -> Cluster {
    let mut entry_point = entry_point(json!({"namespaces": {"from": "All"}, "hosts": ["*"]}));
    entry_point.status.arn = None;
    cluster(entry_point, routes)
}

fn web(namespace: &str, age: i64, host: &str) -> RouteObject {
    route(namespace, "web", age, json!({"match": {"hosts": [host]}}))
}

fn stalled(status: &WeightedRouteStatus) -> (&str, &str) {
    let stalled = find(&status.conditions, STALLED).filter(|_| holds(&status.conditions, STALLED)).unwrap();
    (&stalled.reason, &stalled.message)
}

#[test]
fn a_policy_given_while_the_route_is_refused_is_kept() {
    let mut route = web("team-a", 1, "a.example");
    let closed = cluster(entry_point(json!({})), [route.clone()]);
    route.spec.deletion_policy = RouteDeletionPolicy::Delete;
    let verdict = decided(&closed, &route, &Facts::default());
    assert_eq!(stalled(&verdict.status).0, "NotAllowed");
    assert!(!verdict.finalizer, "nothing is to be undone");
    assert!(decided(&closed, &settled(route, "rule-1000"), &Facts::default()).finalizer);
}

#[test]
fn no_rule_is_made_to_go_back_on_for_a_route_that_is_refused() {
    let route = web("team-a", 1, "a.example");
    let mut closed = cluster(entry_point(json!({})), [route.clone()]);
    closed.entry_points.values_mut().for_each(|entry_point| entry_point.status.arn = None);
    closed.shifts = [going_back("team-a", "web")].map(|shift| (shift.key.clone(), shift)).into();
    assert!(wanted::wanted(&closed, &route).is_some_and(|wanted| wanted.goes_back()));
    let verdict = decided(&closed, &route, &facts(now(), &[]));
    assert_eq!((stalled(&verdict.status).0, verdict.proposal), ("NotAllowed", None));
}

#[test]
fn whoever_has_lost_its_rule_keeps_nobody_off() {
    let mut older = settled(web("team-a", 1, "a.example"), "rule-1000");
    let place = json!({"match": {"hosts": ["a.example"], "paths": ["/deals"]}});
    let younger = settled(route("team-b", "web", 2, place), "rule-1001");
    let mut cluster = open([older.clone(), younger.clone()]);
    assert!(rivalry::conflict(&cluster, &younger, true).is_some());
    let mut theirs = rule(1001, "a.example");
    theirs.conditions.insert("path-pattern".to_owned(), ["/deals".to_owned()].into());
    older.status = decided(&cluster, &older, &facts(now(), &[(theirs, ("shop", "team-b/web"))])).status;
    assert_eq!(stalled(&older.status).0, "Conflict");
    assert_eq!(older.status.arn.as_deref(), Some("listener"));
    cluster.routes.insert(older.key.clone(), older);
    assert_eq!(rivalry::conflict(&cluster, &younger, true), None);
}
