//! What a look at a route comes to where others have to do with its place.

use jiff::Timestamp;
use serde_json::json;
use weir_api::condition::READY;
use weir_api::weighted_route::{Before, RouteDeletionPolicy};

use super::stand_ins::{cluster, context, entry_point, facts, going_back, route, rule, settled};
use super::*;
use crate::reader::Facts;

fn now() -> Timestamp {
    Timestamp::from_second(1_000).unwrap()
}

/// What is decided about a route; all that is asked for is known.
#[track_caller]
fn decided(cluster: &Cluster, route: &RouteObject, facts: &Facts) -> Verdict<WeightedRouteStatus> {
    let mut reader = Reader::new(now(), facts);
    let verdict = decide(&context(now()), cluster, route, &mut reader);
    verdict.unwrap_or_else(|| panic!("asks for {:?}", reader.into_asks()))
}

/// An entry point for every namespace and host, with these routes.
fn open(routes: impl IntoIterator<Item = RouteObject>) -> Cluster {
    cluster(entry_point(json!({"namespaces": {"from": "All"}, "hosts": ["*"]})), routes)
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
    let shift = going_back("team-a", "web");
    closed.shifts.insert(shift);
    assert!(Target::of(&closed, &route).run().is_some_and(target::RunTarget::goes_back));
    let verdict = decided(&closed, &route, &facts(now(), &[]));
    assert_eq!((stalled(&verdict.status).0, verdict.write), ("NotAllowed", None));
}

#[test]
fn a_rule_that_is_gone_is_made_again_for_the_users_weights_whatever_its_last_run_was() {
    let mut route = settled(web("team-a", 1, "a.example"), "rule-1000");
    let goal = json!([{"environment": "blue", "weight": 100}]);
    route.spec.weights = Some([("blue".to_owned(), 100)].into());
    route.status.observed_generation = Some(1);
    route.status.listener_rule.before = Some(Before::default());
    let last = json!({"shift": "team-a/web", "to": "blue", "outcome": "Succeeded"});
    route.status.last_run = serde_json::from_value(last).unwrap();
    let empty = json!({
        "since": Timestamp::UNIX_EPOCH, "verifiedAt": Timestamp::UNIX_EPOCH, "weights": [],
        "follow": {"generation": 1, "goal": goal},
    });
    route.status.intent = serde_json::from_value(empty).unwrap();
    let mut cluster = open([route.clone()]);
    cluster.environments.insert(stand_ins::environment("team-a", "blue"));
    let verdict = decided(&cluster, &route, &facts(now(), &[]));
    let intent = verdict.status.intent.unwrap();
    assert_eq!(weights::words(&intent.weights), "blue 100", "{:?}", verdict.status.conditions);
    assert!(verdict.status.last_run.is_some(), "what a rule that is gone did stays known");
}

#[test]
fn whoever_has_lost_its_rule_keeps_nobody_off() {
    let mut older = settled(web("team-a", 1, "a.example"), "rule-1000");
    older.status.listener_rule.before = Some(Before::default());
    let place = json!({"match": {"hosts": ["a.example"], "paths": ["/deals"]}});
    let younger = settled(route("team-b", "web", 2, place), "rule-1001");
    let mut cluster = open([older.clone(), younger.clone()]);
    assert!(listener::conflict(&cluster, stand_ins::on_listener(&younger), true).is_some());
    let mut theirs = rule(1001, "a.example");
    theirs.conditions.insert("path-pattern".into(), vec!["/deals".into()]);
    older.status = decided(&cluster, &older, &facts(now(), &[(theirs, ("shop", "team-b/web"))])).status;
    assert_eq!(stalled(&older.status).0, "Conflict");
    assert_eq!(older.status.listener_rule.arn.as_deref(), Some("listener"));
    cluster.routes.insert(older);
    assert_eq!(listener::conflict(&cluster, stand_ins::on_listener(&younger), true), None);
}

/// A rule for the host that the route `team-b/web` wants, with this mark.
#[track_caller]
fn kept_off(others: impl IntoIterator<Item = RouteObject>, mark: (&str, &str), expected: &str) {
    let route = web("team-b", 2, "a.example");
    let cluster = open(others.into_iter().chain([route.clone()]));
    let mut theirs = rule(1000, "a.example");
    let alike = decided(&cluster, &route, &facts(now(), &[(theirs.clone(), mark)])).status;
    theirs.conditions.insert("path-pattern".into(), vec!["/cart".into()]);
    let beside = decided(&cluster, &route, &facts(now(), &[(theirs, mark)])).status;
    for status in [alike, beside] {
        let (reason, said) = stalled(&status);
        assert!(["Conflict", "OwnedByAnother"].contains(&reason) && said.contains(expected), "{reason}: {said}");
    }
}

#[test]
fn a_marked_rule_keeps_its_hosts_for_the_namespace_of_its_mark() {
    let absent = "belongs to the WeightedRoute team-a/web of another namespace (tag weir.dev/route), which does not exist or \
                  is for something else now";
    kept_off([], ("shop", "team-a/web"), absent);
    kept_off([web("team-a", 3, "b.example")], ("shop", "team-a/web"), absent);
    kept_off([web("team-a", 3, "b.example")], ("shop", "team-a/web"), "its tags weir.dev/owner and weir.dev/route");
    kept_off([], ("other", "team-b/web"), "belongs to the Weir installation \"other\"");
}

#[test]
fn an_orphan_is_for_its_namespace_to_adopt() {
    let mut heir = route("team-a", "heir", 2, json!({"match": {"hosts": ["a.example"]}}));
    let told = |heir: &RouteObject, others: Vec<RouteObject>| {
        let cluster = open(others.into_iter().chain([heir.clone()]));
        let verdict = decided(&cluster, heir, &facts(now(), &[(rule(1000, "a.example"), ("shop", "team-a/web"))]));
        (verdict.write.is_some(), find(&verdict.status.conditions, READY).unwrap().reason.clone())
    };
    assert_eq!(told(&heir, Vec::new()), (false, "NotAdopted".into()));
    heir.spec.adopt = true;
    assert_eq!(told(&heir, Vec::new()), (true, "Adopting".into()));
    assert_eq!(told(&heir, vec![web("team-a", 3, "b.example")]), (true, "Adopting".into()));
    let has_it = settled(web("team-a", 3, "b.example"), "rule-1000");
    assert_eq!(told(&heir, vec![has_it]), (false, "Conflict".into()));
    heir.key.namespace = "team-b".into();
    assert_eq!(told(&heir, Vec::new()), (false, "Conflict".into()));
}

#[test]
fn a_command_that_is_not_understood_is_answered_with_the_one_that_a_route_takes() {
    for given in ["resme/1", "resume", "resume/", "stop"] {
        let mut route = web("team-a", 1, "a.example");
        route.status.observed_generation = Some(1);
        route.command = Some(given.to_owned());
        let status = decided(&open([route.clone()]), &route, &facts(now(), &[])).status;
        let result = status.last_command.unwrap().result;
        assert!(result.contains(given) && result.contains("such as resume/1"), "{result}");
        assert!(!result.contains("abort"), "{result}");
    }
}
