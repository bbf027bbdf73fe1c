//! Routes and entry points for tests, made from the YAML-like JSON that users write.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use weir_api::entry_point::ListenerStatus;
use weir_api::{EntryPointStatus, WeightedRouteStatus};

use crate::Arn;
use crate::fact::{Conditions, Fact, Query, Rule, RulePriority, Tags};
use crate::grant::Grants;
use crate::object::{Cluster, EntryPointObject, EnvironmentObject, Key, Object, RouteObject, ShiftObject};
use crate::reader::Facts;
use crate::tick::Context;
use crate::write::{OWNER_TAG, ROUTE_TAG};

use super::listener::ListenerRoute;

/// An object created so many seconds after the beginning.
fn object<Spec, Status>(key: Key, age: i64, spec: Spec, status: Status) -> Object<Spec, Status> {
    Object {
        uid: format!("uid-{key}").into(),
        key,
        generation: 1,
        version: "1".into(),
        created: Timestamp::from_second(age).unwrap(),
        deleted: None,
        finalizers: Vec::new(),
        command: None,
        spec,
        status,
    }
}

/// The entry point `platform/public` with the listener `https`.
pub fn entry_point(allowed_routes: Value) -> EntryPointObject {
    let spec = json!({
        "existing": {"name": "shop"},
        "listeners": [{"name": "https", "port": 443}],
        "allowedRoutes": allowed_routes,
    });
    let status = EntryPointStatus {
        observed_generation: Some(1),
        arn: Some("balancer".to_owned()),
        listeners: vec![ListenerStatus {
            name: "https".to_owned(),
            port: 443,
            protocol: "HTTPS".to_owned(),
            arn: "listener".to_owned(),
        }],
        ..EntryPointStatus::default()
    };
    object(Key::new("platform", "public"), 0, serde_json::from_value(spec).unwrap(), status)
}

/// A route on that listener, created so many seconds after the beginning. `place` is its match, or null.
pub fn route(namespace: &str, name: &str, age: i64, place: Value) -> RouteObject {
    let mut listener = json!({"entryPoint": {"name": "public", "namespace": "platform"}, "listener": "https"});
    for (field, value) in place.as_object().into_iter().flatten() {
        listener[field] = value.clone();
    }
    let spec = json!({"listener": listener, "backends": [{"environment": "blue"}]});
    object(Key::new(namespace, name), age, serde_json::from_value(spec).unwrap(), WeightedRouteStatus::default())
}

/// A route as one of a listener.
pub(crate) fn on_listener(route: &RouteObject) -> ListenerRoute<'_> {
    ListenerRoute::of(route).unwrap()
}

/// An environment whose only target group is named after it.
pub fn environment(namespace: &str, name: &str) -> EnvironmentObject {
    let spec = json!({"service": "shop", "targetGroups": [{"name": "web", "existing": {"name": name}}]});
    let status = json!({"observedGeneration": 1, "targetGroups": [{"name": "web", "arn": name}]});
    let status = serde_json::from_value(status).unwrap();
    object(Key::new(namespace, name), 0, serde_json::from_value(spec).unwrap(), status)
}

/// A shift of a route of the same name, whose run goes back to blue.
pub fn going_back(namespace: &str, name: &str) -> ShiftObject {
    let spec = json!({"routes": [name], "to": "green", "strategy": {"allAtOnce": {}}});
    let (blue, green) = (json!({"environment": "blue", "weight": 100}), json!({"environment": "green", "weight": 100}));
    let part = json!({"name": name, "from": [blue], "baseline": 1, "before": [green], "weights": [blue]});
    let run = json!({
        "id": 1, "to": "green", "seq": 2, "weight": 0, "progress": "", "summary": "", "routes": [part],
        "startedAt": Timestamp::UNIX_EPOCH, "progressedAt": Timestamp::UNIX_EPOCH, "rollback": {"reason": "Aborted", "message": "", "since": Timestamp::UNIX_EPOCH},
    });
    let status = serde_json::from_value(json!({"run": run})).unwrap();
    object(Key::new(namespace, name), 1, serde_json::from_value(spec).unwrap(), status)
}

/// A route that was seen to have a rule, with its marks.
pub fn settled(mut route: RouteObject, rule: &str) -> RouteObject {
    route.status.listener_rule.listener = Some("listener".to_owned());
    route.status.listener_rule.arn = Some(rule.to_owned());
    route.status.listener_rule.marked = Some(rule.to_owned());
    route
}

/// A cluster of these.
pub fn cluster(entry_point: EntryPointObject, routes: impl IntoIterator<Item = RouteObject>) -> Cluster {
    Cluster {
        entry_points: [entry_point].into_iter().collect(),
        routes: routes.into_iter().collect(),
        namespaces: Some(std::collections::BTreeMap::new()),
        ..Cluster::default()
    }
}

/// What a decision may know at an instant, in the installation `shop`.
pub fn context(now: Timestamp) -> Context {
    let counted_from = Timestamp::MIN;
    Context {
        now,
        counted_from,
        owner: "shop".to_owned(),
        write_error: None,
        accepted: None,
        grants: Arc::new(Grants::everything()),
    }
}

/// What is known of AWS: the rules of the listener, each with what its tags say of installation and route, if anything.
pub fn facts(now: Timestamp, rules: &[(Rule, (&str, &str))]) -> Facts {
    let mut facts = Facts::default();
    let all: Vec<Rule> = rules.iter().map(|(rule, _)| rule.clone()).collect();
    facts.add(Query::Rules(Arn::new("listener")), Fact::new(now, Ok(all)));
    for (rule, (owner, route)) in rules {
        let tags = [(OWNER_TAG, owner), (ROUTE_TAG, route)].into_iter().filter(|(_, value)| !value.is_empty());
        let tags: Tags = tags.map(|(key, value)| (key.to_owned(), (*value).to_owned())).collect();
        facts.add(Query::Tags(rule.arn.clone()), Fact::new(now, Ok(tags)));
    }
    facts
}

/// A rule for a host. Its ARN is `rule-<priority>`.
pub fn rule(priority: i32, host: &str) -> Rule {
    Rule {
        arn: Arn::new(format!("rule-{priority}")),
        priority: RulePriority::At(priority),
        conditions: Conditions::from_iter([("host-header".into(), vec![host.into()])]),
        actions: Vec::new(),
    }
}
