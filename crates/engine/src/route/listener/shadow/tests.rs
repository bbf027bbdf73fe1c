//! Rules that get no request are neither made nor called ready.

use jiff::Timestamp;
use serde_json::json;
use weir_api::WeightedRouteStatus;
use weir_api::condition::{READY, STALLED, find, holds};

use super::*;
use crate::object::{Cluster, RouteObject};
use crate::route::decide;
use crate::route::stand_ins::{cluster, context, entry_point, facts, route, rule, settled};

fn now() -> Timestamp {
    Timestamp::from_second(1_000).unwrap()
}

fn open(route: &RouteObject) -> Cluster {
    cluster(entry_point(json!({"namespaces": {"from": "All"}, "hosts": ["*"]})), [route.clone()])
}

/// What a look at a route comes to beside these rules of others; its own rule carries its marks.
fn looked_at(route: &RouteObject, rules: &[Rule]) -> WeightedRouteStatus {
    let mark = route.key.to_string();
    let is_own = |rule: &Rule| route.status.listener_rule.arn.as_deref() == Some(rule.arn.as_str());
    let mark_of = |rule: &Rule| ("shop", if is_own(rule) { mark.as_str() } else { "team-a/other" });
    let rules: Vec<_> = rules.iter().map(|rule| (rule.clone(), mark_of(rule))).collect();
    let facts = facts(now(), &rules);
    let mut reader = Reader::new(now(), &facts);
    decide(&context(now()), &open(route), route, &mut reader).expect("all is known").status
}

fn says(status: &WeightedRouteStatus) -> (bool, String, String) {
    let ready = find(&status.conditions, READY).unwrap();
    (holds(&status.conditions, STALLED), ready.reason.to_string(), ready.message.to_string())
}

fn web(priority: Option<i32>) -> RouteObject {
    let place = json!({"match": {"hosts": ["a.shop.example"]}, "priority": priority});
    route("team-a", "web", 1, place)
}

fn secret(priority: i32) -> Rule {
    let mut rule = rule(priority, "*.shop.example");
    rule.conditions.insert("http-header:x-origin".into(), vec!["s3cret".into()]);
    rule
}

#[test]
fn a_new_rule_stands_before_one_that_would_take_all_its_requests() {
    let first = super::super::priority::first_of(web(None).spec.entry.as_listener().unwrap().matches.as_ref().unwrap());
    let chosen = |rules: &[Rule]| looked_at(&web(None), rules).listener_rule.priority;
    assert_eq!(chosen(&[]), Some(first));
    assert_eq!(chosen(&[rule(first, "*.shop.example")]), Some(first - 1));
    assert_eq!(chosen(&[secret(first)]), Some(first + 1), "that one takes a part only");
    let mut narrower = rule(first + 3, "a.shop.example");
    narrower.conditions.insert("path-pattern".into(), vec!["/cart/*".into()]);
    assert_eq!(chosen(&[narrower]), Some(first + 4), "what is narrower keeps its requests");
}

#[test]
fn a_number_on_record_is_not_kept_behind_a_rule_that_came_first() {
    let mut route = web(None);
    route.status.listener_rule.priority = Some(5_000);
    assert_eq!(looked_at(&route, &[]).listener_rule.priority, Some(5_000));
    assert_eq!(looked_at(&route, &[rule(4_000, "*.shop.example")]).listener_rule.priority, Some(3_999));
}

#[test]
fn no_rule_is_made_that_would_get_no_request() {
    let status = looked_at(&web(None), &[rule(100, "*.shop.example")]);
    let (stalled, reason, message) = says(&status);
    assert!(stalled && reason == "Shadowed", "{reason}: {message}");
    assert_eq!(
        message,
        "the rule with priority 100 for host-header *.shop.example gets all requests that this route is for, and no number \
         that Weir may choose is free before it. Give that rule a higher number, or make this WeightedRoute again with a \
         free spec.listener.priority below 100"
    );
    for (priority, expected) in [(200, true), (50, false)] {
        let (stalled, reason, message) = says(&looked_at(&web(Some(priority)), &[rule(100, "*.shop.example")]));
        assert_eq!((stalled, reason == "Shadowed"), (expected, expected), "{priority}: {message}");
    }
}

#[test]
fn a_rule_that_gets_no_request_any_more_is_not_ready() {
    for rule_of_its_own in [true, false] {
        let place = if rule_of_its_own { json!({"match": {"hosts": ["a.shop.example"]}}) } else { json!(null) };
        let arn = if rule_of_its_own { "rule-1000" } else { "listener" };
        let route = settled(route("team-a", "web", 1, place), arn);
        let mut own = rule(1_000, "a.shop.example");
        if !rule_of_its_own {
            own = Rule {
                arn: Arn::new("listener"),
                priority: RulePriority::Default,
                conditions: Conditions::new(),
                ..own
            };
        }
        let mut wide = secret(7);
        assert!(!says(&looked_at(&route, &[own.clone(), wide.clone()])).0);
        wide.conditions = Conditions::from_iter([("path-pattern".into(), vec!["/*".into()])]);
        let (stalled, reason, message) = says(&looked_at(&route, &[own.clone(), wide.clone()]));
        assert!(stalled && reason == "Shadowed", "{reason}: {message}");
        assert!(message.contains("the rule with priority 7 for path-pattern /*"), "{message}");
        wide.priority = RulePriority::At(2_000);
        assert_eq!(says(&looked_at(&route, &[own, wide])).0, !rule_of_its_own);
    }
}
