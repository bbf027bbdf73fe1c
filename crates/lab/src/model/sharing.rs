//! Routes of several namespaces on one listener, tried on random courses: who has what, and where the rules stand.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use weir_api::condition::{READY, STALLED, find, holds};
use weir_api::{AllowedRoutes, EntryPointSpec};
use weir_engine::Key;
use weir_engine::fact::RulePriority;
use weir_engine::write::{ListenerWrite, ROUTE_TAG, Write};

use super::{Model, ModelAws};

/// The routes that come and go: namespace, name, and what they are for.
fn candidates() -> Vec<(&'static str, &'static str, Value)> {
    let hosts = |hosts: &[&str]| json!({"match": {"hosts": hosts}});
    vec![
        ("a", "shop", hosts(&["shop.test"])),
        ("a", "path", json!({"match": {"hosts": ["shop.test"], "paths": ["/p/*"]}})),
        ("b", "shop", hosts(&["SHOP.test"])),
        ("b", "wide", hosts(&["*.test"])),
        ("c", "both", hosts(&["shop.test", "other.test"])),
        ("c", "other", hosts(&["other.test"])),
        ("c", "fixed", json!({"match": {"hosts": ["fixed.test"]}, "priority": 1_000})),
        ("platform", "path", json!({"match": {"paths": ["/p/*"]}})),
    ]
}

fn start() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn spec<T: serde::de::DeserializeOwned>(spec: Value) -> T {
    serde_json::from_value(spec).unwrap()
}

fn open(model: &mut Model, which: usize) {
    let allowed = [
        json!({"namespaces": {"from": "Selector", "selector": {"matchLabels": {"ingress": "public"}}}, "hosts": ["*"]}),
        json!({"namespaces": {"from": "All"}, "hosts": ["*.test"]}),
        json!({"namespaces": {"from": "All"}, "hosts": ["shop.test", "fixed.test"]}),
        json!({}),
    ];
    let allowed: AllowedRoutes = spec(allowed[which].clone());
    let entry_point = json!({"existing": {"name": "shop"}, "listeners": [{"name": "http", "port": 80}]});
    let entry_point = EntryPointSpec { allowed_routes: allowed, ..spec(entry_point) };
    model.apply_entry_point_in("platform", "public", entry_point);
}

fn label(model: &mut Model, namespace: &str, selected: bool) {
    let labels = selected.then(|| BTreeMap::from([("ingress".to_owned(), "public".to_owned())]));
    model.label(namespace, labels);
}

fn create(model: &mut Model, index: usize) {
    let (namespace, name, place) = candidates().swap_remove(index);
    let group = format!("{namespace}-v1");
    let environment = json!({"targetGroups": [{"name": "web", "existing": {"name": group}}]});
    model.apply_environment_in(namespace, "v1", spec(environment));
    let mut listener = json!({"entryPoint": {"name": "public", "namespace": "platform"}, "listener": "http"});
    for (field, value) in place.as_object().unwrap() {
        listener[field] = value.clone();
    }
    model.apply_route_in(namespace, name, spec(json!({"listener": listener, "backends": [{"environment": "v1"}]})));
    let shift = json!({"routes": [name], "to": "v1", "strategy": {"allAtOnce": {}}});
    model.apply_shift_in(namespace, name, spec(shift));
}

fn delete(model: &mut Model, index: usize) {
    let (namespace, name, _) = candidates().swap_remove(index);
    model.remove_route_in(namespace, name);
    // Whoever owns the balancer clears away what nobody has any more.
    let mark = format!("{namespace}/{name}");
    model.aws.remove_rules(80, |_, tags| tags.get(ROUTE_TAG) == Some(&mark));
    let listener = model.aws.listener(80);
    model.aws_changed(&listener);
}

fn model() -> Model {
    let mut aws = ModelAws::new(&[80]);
    for namespace in ["a", "b", "c", "platform"] {
        aws.add_group(&format!("{namespace}-v1"), 3);
    }
    let mut model = Model::new(start(), aws);
    model.cluster.namespaces = Some(BTreeMap::new());
    open(&mut model, 0);
    model
}

#[derive(Clone, Debug)]
enum Happening {
    Create(usize),
    Delete(usize),
    Open(usize),
    Label(&'static str, bool),
    ForeignRule(i32),
    FailingWrites(u32, bool),
    LoseStatuses,
    Restart,
}

fn happening() -> impl Strategy<Value = Happening> {
    let candidate = 0..candidates().len();
    let namespace = prop::sample::select(vec!["a", "b", "c"]);
    // Numbers that the routes above would choose themselves.
    let number = prop::sample::select(vec![1_000, 5_700, 7_500, 7_501, 40_500, 45_300]);
    prop_oneof![
        6 => candidate.clone().prop_map(Happening::Create),
        2 => candidate.prop_map(Happening::Delete),
        2 => (0..4_usize).prop_map(Happening::Open),
        4 => (namespace, any::<bool>()).prop_map(|(namespace, selected)| Happening::Label(namespace, selected)),
        1 => number.prop_map(Happening::ForeignRule),
        1 => (1..=2_u32, any::<bool>()).prop_map(|(count, effect)| Happening::FailingWrites(count, effect)),
        1 => Just(Happening::LoseStatuses),
        1 => Just(Happening::Restart),
    ]
}

fn happen(model: &mut Model, what: &Happening) {
    match what {
        Happening::Create(index) => create(model, *index),
        Happening::Delete(index) => delete(model, *index),
        Happening::Open(which) => open(model, *which),
        Happening::Label(namespace, selected) => label(model, namespace, *selected),
        Happening::ForeignRule(priority) => model.aws.add_foreign_rule(80, *priority, "foreign.test"),
        Happening::FailingWrites(count, effect) => model.aws.failing_writes = (*count, *effect),
        Happening::LoseStatuses => model.lose_statuses(),
        Happening::Restart => model.restart(),
    }
}

/// What must hold at every moment: one rule a number, one rule a route, and no number that was ever changed.
fn judge(model: &Model, seen: &mut BTreeMap<String, i32>) {
    assert_eq!(model.violations, Vec::<String>::new());
    let mut numbers = BTreeSet::new();
    let mut routes = BTreeSet::new();
    for (rule, tags) in model.aws.rules_of(80) {
        let RulePriority::At(priority) = rule.priority else { continue };
        assert!(numbers.insert(priority), "two rules at {priority}");
        let Some(route) = tags.get(ROUTE_TAG) else { continue };
        assert!(routes.insert(route.clone()), "two rules of {route}");
        assert_eq!(*seen.entry(rule.arn.to_string()).or_insert(priority), priority, "the rule of {route} has moved");
    }
}

/// Once nothing more happens: each route either has its rule, or says who has what it wants or who must let it in.
fn judge_settled(model: &Model) {
    let rules = model.aws.rules_of(80);
    let mut hosts: BTreeMap<String, String> = BTreeMap::new();
    for route in model.cluster.routes.values() {
        let key = &route.key;
        let status = &route.status;
        let stalled = find(&status.conditions, STALLED).filter(|_| holds(&status.conditions, STALLED));
        if let Some(stalled) = stalled {
            assert!(["Conflict", "NotAllowed"].contains(&stalled.reason.as_str()), "{key}: {stalled:?}");
            continue;
        }
        assert!(holds(&status.conditions, READY), "{key}: {status:#?}");
        let mark = key.to_string();
        let own = rules.iter().find(|(_, tags)| tags.get(ROUTE_TAG) == Some(&mark));
        let own = own.unwrap_or_else(|| panic!("{key} has no rule: {status:#?}"));
        assert_eq!(own.0.priority.number(), status.listener_rule.priority, "{key} is not where it says");
        for host in route.spec.entry.as_listener().unwrap().matches.iter().flat_map(|matches| &matches.hosts) {
            let namespace = hosts.entry(host.to_lowercase()).or_insert_with(|| key.namespace.to_string());
            assert_eq!(*namespace, key.namespace, "two namespaces have {host}");
        }
    }
}

#[test]
fn two_that_choose_at_the_same_moment_do_not_collide() {
    let mut model = model();
    for namespace in ["a", "b", "c"] {
        label(&mut model, namespace, true);
    }
    // Both are in one band, and neither knows of the other's rule when it chooses.
    create(&mut model, 0);
    create(&mut model, 5);
    model.run_for(SignedDuration::from_mins(10));
    judge(&model, &mut BTreeMap::new());
    judge_settled(&model);
    let numbers: BTreeSet<_> = model.cluster.routes.values().map(|route| route.status.listener_rule.priority).collect();
    assert_eq!(numbers.len(), 2, "{numbers:?}");
}

/// Whether a route stands still for this reason.
fn is_stalled(model: &Model, namespace: &str, name: &str, reason: &str) -> bool {
    let conditions = &model.cluster.routes[&Key::new(namespace, name)].status.conditions;
    holds(conditions, STALLED) && find(conditions, STALLED).is_some_and(|stalled| stalled.reason == reason)
}

#[test]
fn a_host_outlasts_its_objects_and_whoever_comes_first_after_a_restore() {
    let mut model = model();
    open(&mut model, 1);
    create(&mut model, 0);
    model.run_for(SignedDuration::from_mins(5));
    model.remove_route_in("a", "shop");
    // Another namespace comes first.
    create(&mut model, 4);
    model.run_for(SignedDuration::from_mins(5));
    assert!(is_stalled(&model, "c", "both", "Conflict"));
    create(&mut model, 0);
    model.run_for(SignedDuration::from_mins(5));
    assert!(holds(&model.cluster.routes[&Key::new("a", "shop")].status.conditions, READY));
    judge(&model, &mut BTreeMap::new());
}

#[test]
fn who_waits_is_woken_when_the_one_before_loses_its_permission() {
    let mut model = model();
    for namespace in ["a", "c"] {
        label(&mut model, namespace, true);
    }
    // Both want the host; the rule of the older cannot be made yet.
    create(&mut model, 0);
    model.aws.failing_writes = (u32::MAX, false);
    create(&mut model, 4);
    model.run_for(SignedDuration::from_mins(5));
    assert!(is_stalled(&model, "c", "both", "Conflict"));
    model.aws.failing_writes = (0, false);
    label(&mut model, "a", false);
    model.run_for(SignedDuration::from_secs(20));
    assert!(is_stalled(&model, "a", "shop", "NotAllowed"));
    assert!(!is_stalled(&model, "c", "both", "Conflict"), "nobody has the host any more");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever comes and goes, rules stay where they are, none is made for who may not be there, and in the end
    /// everybody has what is theirs.
    #[test]
    fn everybody_gets_what_is_theirs(course in prop::collection::vec((0..120_i64, happening()), 1..20)) {
        let mut model = model();
        let mut seen = BTreeMap::new();
        for (seconds, what) in &course {
            model.run_for(SignedDuration::from_secs(*seconds));
            judge(&model, &mut seen);
            happen(&mut model, what);
            if matches!(what, Happening::Open(3)) {
                let writes = model.writes.len();
                model.run_for(SignedDuration::from_mins(5));
                let of_others = model.writes[writes..].iter().filter(|(_, object, _)| object.key.namespace != "platform");
                let made = of_others.filter(|(_, _, write)| matches!(write, Write::Listener(ListenerWrite::CreateRule { .. }))).count();
                prop_assert_eq!(made, 0, "made for who may not be there");
            }
        }
        model.aws.failing_writes = (0, false);
        model.aws.remove_rules(80, |rule, tags| rule.priority != RulePriority::Default && tags.is_empty());
        let listener = model.aws.listener(80);
        model.aws_changed(&listener);
        for namespace in ["a", "b", "c"] {
 label(&mut model, namespace, true);
}
        model.run_for(SignedDuration::from_mins(240));
        judge(&model, &mut seen);
        judge_settled(&model);
        let writes = model.writes.len();
        model.run_for(SignedDuration::from_mins(60));
        prop_assert!(model.writes.len() == writes, "not at rest");
    }
}
