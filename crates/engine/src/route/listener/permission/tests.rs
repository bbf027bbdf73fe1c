//! Who may use an entry point of another namespace, and what the others are told.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::reason::Reason;

use super::*;
use crate::route::stand_ins::{cluster, entry_point, on_listener, route};

fn said(allowed_routes: Value, namespace: &str, place: Value) -> Option<String> {
    let mut cluster = cluster(entry_point(allowed_routes), []);
    let labels = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
    cluster.namespaces.as_mut().unwrap().insert("team-a".to_owned(), labels);
    let entry_point = cluster.entry_points.values().next().unwrap();
    let reason = refusal(&cluster, on_listener(&route(namespace, "web", 1, place)), entry_point)?;
    assert_eq!(reason.reason, Reason::NotAllowed);
    Some(reason.message.into())
}

fn host(host: &str) -> Value {
    json!({"match": {"hosts": [host]}})
}

#[track_caller]
fn refused(allowed_routes: Value, namespace: &str, place: Value, expected: &str) {
    let said = said(allowed_routes, namespace, place).expect("it is not allowed");
    assert!(said.contains(expected), "{said}");
}

#[test]
fn the_own_namespace_may_do_anything() {
    assert_eq!(said(json!({"hosts": ["*.a.example"]}), "platform", Value::Null), None);
    assert_eq!(said(json!({}), "platform", host("b.example")), None);
}

#[test]
fn other_namespaces_may_only_where_it_is_said() {
    let a = || host("a.example");
    refused(json!({}), "team-a", a(), "takes routes of its own namespace platform only");
    refused(json!({"namespaces": {"from": "Same"}}), "team-a", a(), "labels of the namespace team-a");
    assert_eq!(said(json!({"namespaces": {"from": "All"}}), "team-a", a()), None);
    let selector =
        |value: &str| json!({"namespaces": {"from": "Selector", "selector": {"matchLabels": {"team": value}}}});
    assert_eq!(said(selector("a"), "team-a", a()), None);
    refused(selector("b"), "team-a", a(), "does not select the namespace team-a, which has the labels team=a");
    refused(selector("a"), "team-b", a(), "those of the namespace team-b could not be read");
}

#[test]
fn a_selector_needs_a_controller_that_sees_namespaces() {
    let allowed = json!({"namespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "a"}}}});
    let mut cluster = cluster(entry_point(allowed), []);
    cluster.namespaces = None;
    let entry_point = cluster.entry_points.values().next().unwrap();
    let reason = refusal(&cluster, on_listener(&route("team-a", "web", 1, host("a.example"))), entry_point).unwrap();
    assert!(reason.message.contains("watches one namespace only"), "{}", reason.message);
}

#[test]
fn hosts_of_other_namespaces_stay_within_the_patterns() {
    let allowed = || json!({"namespaces": {"from": "All"}, "hosts": ["*.a.example", "a.example"]});
    for inside in ["a.example", "x.a.example", "*.a.example", "*.y.A.example"] {
        assert_eq!(said(allowed(), "team-a", host(inside)), None, "{inside}");
    }
    for outside in ["b.example", "*.example", "xa.example"] {
        let expected = format!("found the host {outside}; expected hosts under *.a.example or a.example");
        refused(allowed(), "team-a", host(outside), &expected);
    }
    let both = json!({"match": {"hosts": ["x.a.example", "b.example"]}});
    refused(allowed(), "team-a", both, "found the host b.example");
}

#[test]
fn what_is_for_everybody_needs_the_star() {
    let open = || json!({"namespaces": {"from": "All"}});
    let path = || json!({"match": {"paths": ["/api/*"]}});
    refused(open(), "team-a", Value::Null, "must say for which hosts it is");
    refused(open(), "team-a", path(), "again with spec.listener.match.hosts (any host), or add \"*\"");
    let starred = || json!({"namespaces": {"from": "All"}, "hosts": ["*"]});
    assert_eq!(said(starred(), "team-a", Value::Null), None);
    assert_eq!(said(starred(), "team-a", path()), None);
    assert_eq!(said(starred(), "team-a", host("a.example")), None);
}

#[test]
fn a_priority_of_ones_own_is_for_who_may_have_every_host() {
    let place = || json!({"match": {"hosts": ["*.a.example"]}, "priority": 1});
    let all = |hosts: Value| json!({"namespaces": {"from": "All"}, "hosts": hosts});
    for hosts in [json!([]), json!(["*.a.example"])] {
        refused(all(hosts), "team-a", place(), "again without spec.listener.priority, and Weir chooses one");
    }
    assert_eq!(said(all(json!(["*"])), "team-a", place()), None);
    assert_eq!(said(json!({}), "platform", place()), None);
}

/// The entry point `team-b/mine` to the balancer of `platform/public`, named so many seconds after the beginning.
fn second_door(named: i64) -> EntryPointObject {
    let mut door = entry_point(json!({"namespaces": {"from": "All"}, "hosts": ["*"], "adopt": true}));
    door.key = crate::Key::new("team-b", "mine");
    door.status.named_since = Some(jiff::Timestamp::from_second(named).unwrap());
    door
}

/// The same as above by way of that one.
fn said_at(named: i64, allowed_routes: Value, namespace: &str, place: Value) -> Option<String> {
    let mut route = route(namespace, "web", 1, place);
    route.spec.entry.as_listener_mut().unwrap().entry_point.name = "mine".to_owned();
    route.spec.entry.as_listener_mut().unwrap().entry_point.namespace = Some("team-b".to_owned());
    let mut cluster = cluster(entry_point(allowed_routes), [route.clone()]);
    cluster.entry_points.insert(second_door(named));
    let door = cluster.entry_points.get(&crate::Key::new("team-b", "mine")).unwrap();
    refusal(&cluster, on_listener(&route), door).map(|reason| reason.message.into())
}

#[test]
fn another_way_in_does_not_go_round_what_the_owner_says() {
    for namespace in ["team-b", "team-c"] {
        for place in [Value::Null, host("*.example"), json!({"match": {"paths": ["/*"]}, "priority": 1})] {
            let said = said_at(9, json!({}), namespace, place).expect("it is not allowed");
            let expected = "the EntryPoint platform/public, which was the first to name the balancer, does not allow";
            assert!(said.contains(expected), "{said}");
        }
        let allowed = json!({"namespaces": {"from": "All"}, "hosts": ["*.b.example"]});
        assert_eq!(said_at(9, allowed.clone(), namespace, host("x.b.example")), None);
        assert!(said_at(9, allowed, namespace, host("x.a.example")).is_some());
    }
    assert_eq!(said_at(9, json!({}), "platform", Value::Null), None, "the owner may do anything");
    assert_eq!(said_at(-9, json!({}), "team-b", Value::Null), None, "it was the first itself");
}

#[test]
fn what_weir_did_not_make_is_taken_over_only_where_the_owner_says_so() {
    let said = |allowed_routes: Value, namespace: &str| {
        let route = route(namespace, "web", 1, host("a.example"));
        let reason = adoption_refusal(&cluster(entry_point(allowed_routes), [route.clone()]), on_listener(&route))?;
        Some(reason.message.to_string())
    };
    let open = |adopt: bool| json!({"namespaces": {"from": "All"}, "adopt": adopt});
    assert_eq!(said(open(false), "platform"), None);
    assert_eq!(said(open(true), "team-a"), None);
    let refused = said(open(false), "team-a").unwrap();
    assert!(refused.contains("set its spec.allowedRoutes.adopt to true"), "{refused}");
}
