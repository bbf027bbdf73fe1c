//! Every message that gives advice about a field is tried: what it says to write is accepted by a real API server.
//!
//! The sources and the page of reasons are searched for messages that name a field of a spec. Each must be in the table
//! here, with the changes that it advises, or as one that only tells.

use kube::Client;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::Request;
use regex::Regex;
use serde_json::{Value, json};
use weir_lab::manifest;

use super::kubernetes::{Kubernetes, rules};
use crate::layout::source_files;

/// What a message says to do.
enum Way {
    /// Change an object so: a merge patch of its spec.
    Change(&'static str, &'static str),
    /// Make an object again, with its spec merged with this.
    Again(&'static str, &'static str),
}

use Way::{Again, Change};

/// The objects that the advice is about: every field that it speaks of is given.
const OBJECTS: &str = "
apiVersion: weir.dev/v1alpha1
kind: EntryPoint
metadata: {name: public}
spec:
  aws: {region: eu-central-1, roleArn: 'arn:aws:iam::123456789012:role/weir'}
  existing: {name: shop}
  listeners: [{name: http, port: 80}]
  allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {team: a}}}, hosts: [shop.example.org]}
---
apiVersion: weir.dev/v1alpha1
kind: Environment
metadata: {name: blue}
spec:
  aws: {region: eu-central-1, roleArn: 'arn:aws:iam::123456789012:role/weir'}
  targetGroups: [{name: web, existing: {name: blue}}, {name: api, existing: {name: blue-api}}]
---
apiVersion: weir.dev/v1alpha1
kind: WeightedRoute
metadata: {name: chosen}
spec:
  listener: {entryPoint: {name: public}, listener: http, match: {hosts: [shop.example.org]}, priority: 10}
  backends: [{environment: blue}, {environment: green}]
  weights: {blue: 80, green: 20}
  pace: {maxStep: 10, interval: 30s}
  stickiness: {enabled: false}
  deletionPolicy: Restore
---
apiVersion: weir.dev/v1alpha1
kind: WeightedRoute
metadata: {name: moved}
spec:
  listener: {entryPoint: {name: public}, listener: http}
  backends: [{environment: blue}, {environment: green}]
  drift: Adopt
---
apiVersion: weir.dev/v1alpha1
kind: WeightedRoute
metadata: {name: named}
spec:
  dns: {zone: {id: Z0123456789}, name: api.shop.example.org, types: [A]}
  backends: [{environment: blue}, {environment: green}]
  weights: {blue: 80, green: 20}
  deletionPolicy: Restore
---
apiVersion: weir.dev/v1alpha1
kind: TrafficShift
metadata: {name: release}
spec:
  routes: [moved, chosen]
  to: green
  strategy: {allAtOnce: {}}
  evidence: Share
  paused: true
";

const ADDED: &str = r#"{"backends": [{"environment": "blue"}, {"environment": "green"}, {"environment": "red"}]}"#;
const ONE_BACKEND: &str = r#"{"backends": [{"environment": "blue"}], "weights": {"blue": 1, "green": null}}"#;
const EVERY_NAMESPACE: &str = r#"{"allowedRoutes": {"namespaces": {"from": "All", "selector": null}}}"#;
const ADOPTING: &str = r#"{"allowedRoutes": {"adopt": true}}"#;
const EVERY_HOST: &str = r#"{"allowedRoutes": {"hosts": ["shop.example.org", "*"]}}"#;
const OTHER_PLACE: &str = r#"{"aws": {"region": "eu-west-1", "roleArn": "arn:aws:iam::222222222222:role/weir"}}"#;
const OTHER_PRIORITY: &str = r#"{"listener": {"priority": 20}}"#;
const LOWER_PRIORITY: &str = r#"{"listener": {"priority": 5}}"#;
const NO_PRIORITY: &str = r#"{"listener": {"priority": null}}"#;
const OTHER_HOSTS: &str = r#"{"listener": {"match": {"hosts": ["api.shop.example.org"]}}}"#;
const RETAIN: &str = r#"{"deletionPolicy": "Retain"}"#;
const NO_WEIGHTS: &str = r#"{"weights": null, "pace": null}"#;
const ONE_ROUTE: &str = r#"{"routes": ["moved"]}"#;
const NOT_PAUSED: &str = r#"{"paused": false}"#;
const BY_WEIGHTS: &str = r#"{"evidence": "Weights"}"#;
const OTHER_NAME: &str = r#"{"dns": {"name": "www.shop.example.org"}}"#;
const BALANCER: &str = r#"{"loadBalancers": [{"name": "own", "existing": {"name": "blue"}}]}"#;
const STICKY: &str = r#"{"stickiness": {"enabled": true, "duration": "5m"}}"#;

/// A part of each message that names a field, and what it says to do. Nothing, where it only tells.
fn table() -> Vec<(&'static str, Vec<Way>)> {
    let environment_moved = || Change("environments/blue", OTHER_PLACE);
    let taken_out = || Change("weightedroutes/chosen", ONE_BACKEND);
    vec![
        // Shifts.
        ("spec.paused is true", vec![Change("trafficshifts/release", NOT_PAUSED)]),
        ("set spec.evidence to Weights", vec![Change("trafficshifts/release", BY_WEIGHTS)]),
        ("by the strategy, since spec.knownGood is Gradual", vec![]),
        (
            "take spec.weights out of it to hand it to this shift",
            vec![Change("weightedroutes/chosen", NO_WEIGHTS), Change("trafficshifts/release", ONE_ROUTE)],
        ),
        // Backends.
        ("is not among spec.backends of the route {}; add it there", vec![Change("weightedroutes/moved", ADDED)]),
        ("take it out of spec.backends", vec![taken_out()]),
        ("spec.backends does not name {candidate} any more", vec![Change("weightedroutes/moved", ADDED)]),
        (
            "take {environment} out of spec.backends",
            vec![taken_out(), environment_moved(), Change("entrypoints/public", OTHER_PLACE)],
        ),
        ("is not among spec.backends", vec![]),
        ("which belongs to no environment of spec.backends", vec![Change("weightedroutes/moved", ADDED)]),
        ("spec.aws.roleArn names {role}, which objects", vec![]),
        // Weights by hand.
        ("spec.weights of generation {} set", vec![]),
        ("spec.weights were taken away", vec![]),
        ("spec.weights {}", vec![]),
        ("as spec.weights says", vec![]),
        ("since spec.weights took its place", vec![]),
        (
            "found drift: Adopt together with spec.weights",
            vec![
                Change("weightedroutes/chosen", r#"{"drift": "Alert"}"#),
                Change("weightedroutes/chosen", r#"{"drift": "Pause"}"#),
                Change("weightedroutes/chosen", r#"{"drift": "Correct"}"#),
                Change("weightedroutes/chosen", NO_WEIGHTS),
            ],
        ),
        ("or leave out spec.pace", vec![Change("weightedroutes/chosen", r#"{"pace": null}"#)]),
        ("spec.drift is Pause: nothing new is begun", vec![]),
        // Entry points.
        ("set its spec.allowedRoutes.adopt to true", vec![Change("entrypoints/public", ADOPTING)]),
        ("leave out spec.allowedRoutes", vec![Change("entrypoints/public", r#"{"allowedRoutes": null}"#)]),
        (
            "correct spec.listeners",
            vec![Change("entrypoints/public", r#"{"listeners": [{"name": "http", "port": 8080}]}"#)],
        ),
        (
            "Set its spec.allowedRoutes.namespaces to {{from: All}}",
            vec![
                Change("entrypoints/public", EVERY_NAMESPACE),
                Change(
                    "entrypoints/public",
                    r#"{"allowedRoutes": {"namespaces": {"selector": {"matchLabels": {"team": "b"}}}}}"#,
                ),
            ],
        ),
        ("or set spec.allowedRoutes.namespaces to {from: All}", vec![Change("entrypoints/public", EVERY_NAMESPACE)]),
        (
            "its spec.allowedRoutes.namespaces.selector does not select",
            vec![Change(
                "entrypoints/public",
                r#"{"allowedRoutes": {"namespaces": {"selector": {"matchLabels": {"team": "b"}}}}}"#,
            )],
        ),
        (
            "again with spec.listener.match.hosts ({expected})",
            vec![Again("weightedroutes/moved", OTHER_HOSTS), Change("entrypoints/public", EVERY_HOST)],
        ),
        (
            "again with other spec.listener.match.hosts",
            vec![Again("weightedroutes/chosen", OTHER_HOSTS), Change("entrypoints/public", EVERY_HOST)],
        ),
        (
            "again without spec.listener.priority",
            vec![Again("weightedroutes/chosen", NO_PRIORITY), Change("entrypoints/public", EVERY_HOST)],
        ),
        // Places.
        (
            "again with another spec.listener.priority, or without one",
            vec![
                Again("weightedroutes/chosen", OTHER_PRIORITY),
                Again("weightedroutes/chosen", NO_PRIORITY),
                Again("weightedroutes/chosen", OTHER_HOSTS),
            ],
        ),
        (
            "WeightedRoute again with spec.listener.priority {number} or without one",
            vec![
                Change("weightedroutes/chosen", RETAIN),
                Again("weightedroutes/chosen", OTHER_PRIORITY),
                Again("weightedroutes/chosen", NO_PRIORITY),
            ],
        ),
        (
            "again with a free number below as spec.listener.priority",
            vec![Again("weightedroutes/chosen", OTHER_PRIORITY)],
        ),
        ("again with a spec.listener.priority below {first}", vec![Again("weightedroutes/chosen", LOWER_PRIORITY)]),
        (
            "again with a free spec.listener.priority below {first}",
            vec![Again("weightedroutes/chosen", LOWER_PRIORITY)],
        ),
        ("set spec.adopt: true", vec![Change("weightedroutes/chosen", r#"{"adopt": true}"#)]),
        ("give spec.stickiness a duration", vec![Change("weightedroutes/chosen", STICKY)]),
        ("Remove tags there, or write deletionPolicy: Retain", vec![Change("weightedroutes/chosen", RETAIN)]),
        (
            "write deletionPolicy: Retain, or Delete for a rule",
            vec![
                Change("weightedroutes/chosen", RETAIN),
                Change("weightedroutes/chosen", r#"{"deletionPolicy": "Delete"}"#),
            ],
        ),
        // Names in DNS.
        ("give exactly one of spec.listener and spec.dns", vec![]),
        ("spec.dns.zone and spec.dns.name cannot be changed", vec![Again("weightedroutes/named", OTHER_NAME)]),
        ("leave out spec.stickiness", vec![Change("weightedroutes/named", r#"{"stickiness": null}"#)]),
        ("{name} has spec.aws; names in DNS", vec![Change("environments/blue", r#"{"aws": null}"#)]),
        (
            "uses none of spec.targetGroups",
            vec![Change("environments/blue", r#"{"targetGroups": [{"name": "web", "existing": {"name": "other"}}]}"#)],
        ),
        (
            "found spec.dns.name {} and the zone {} of {}",
            vec![
                Again("weightedroutes/named", OTHER_NAME),
                Again("weightedroutes/named", r#"{"dns": {"zone": {"id": "Z9876543210"}}}"#),
            ],
        ),
        (
            "found AAAA in spec.dns.types and the balancer",
            vec![Change("weightedroutes/named", r#"{"dns": {"types": ["A"]}}"#)],
        ),
        ("which leads to no balancer of an environment of spec.backends", vec![]),
        (
            "an Environment with that balancer in spec.loadBalancers",
            vec![
                Change("environments/blue", BALANCER),
                Change("weightedroutes/named", ADDED),
                Change("weightedroutes/named", r#"{"adopt": true, "dns": {"foreign": "Zero"}}"#),
            ],
        ),
        ("Add {kind} to spec.dns.types", vec![Change("weightedroutes/named", r#"{"dns": {"types": ["A", "AAAA"]}}"#)]),
        (
            "which came after the route had the name",
            vec![Change("weightedroutes/named", r#"{"dns": {"types": ["A"]}}"#)],
        ),
        ("spec.deletionPolicy is Restore, but", vec![Change("weightedroutes/named", RETAIN)]),
        (
            "nobody says who shall: give spec.weights",
            vec![Change("weightedroutes/named", r#"{"weights": {"blue": 70, "green": 30}}"#)],
        ),
        ("as spec.dns.foreign says", vec![]),
        (
            "an environment with that balancer in `spec.loadBalancers`",
            vec![Change("environments/blue", BALANCER), Change("weightedroutes/named", ADDED)],
        ),
        // The schema's own.
        (
            "spec.deletionPolicy: Delete needs spec.listener.match",
            vec![
                Change("weightedroutes/moved", r#"{"deletionPolicy": "Restore"}"#),
                Change("weightedroutes/moved", RETAIN),
            ],
        ),
        (
            "weights names an environment that is not among spec.backends",
            vec![Change("weightedroutes/chosen", ADDED), taken_out()],
        ),
        (
            "pace says how spec.weights are followed",
            vec![
                Change(
                    "weightedroutes/moved",
                    r#"{"weights": {"blue": 1}, "drift": "Alert", "pace": {"maxStep": 10, "interval": "30s"}}"#,
                ),
                Change("weightedroutes/chosen", r#"{"pace": null}"#),
            ],
        ),
        (
            "while spec.weights says what shall be live",
            vec![Change("weightedroutes/chosen", r#"{"drift": "Alert"}"#), Change("weightedroutes/chosen", NO_WEIGHTS)],
        ),
        (
            "spec.listener cannot be changed; make another WeightedRoute instead",
            vec![Again("weightedroutes/chosen", OTHER_HOSTS)],
        ),
        // The page of reasons.
        ("add it to the route's `spec.backends`", vec![Change("weightedroutes/moved", ADDED)]),
        (
            "correct the name, ARN or `spec.aws`",
            vec![
                environment_moved(),
                Change("entrypoints/public", OTHER_PLACE),
                Change("entrypoints/public", r#"{"existing": {"name": "shop-2"}}"#),
            ],
        ),
        ("correct `spec.aws` of the environment or entry point", vec![environment_moved(), taken_out()]),
        ("leave out `spec.allowedRoutes`", vec![Change("entrypoints/public", r#"{"allowedRoutes": null}"#)]),
        ("have `spec.allowedRoutes` of the entry point changed", vec![Change("entrypoints/public", EVERY_NAMESPACE)]),
        (
            r#"`kubectl patch wr checkout --type merge -p '{"spec":{"adopt":true}}'`"#,
            vec![Change("weightedroutes/chosen", r#"{"adopt": true}"#)],
        ),
        (
            "take `spec.weights` out of the route",
            vec![Change("weightedroutes/chosen", NO_WEIGHTS), Change("trafficshifts/release", ONE_ROUTE)],
        ),
        (
            "correct `spec.listeners` of the entry point",
            vec![
                Change("entrypoints/public", r#"{"listeners": [{"name": "http", "port": 8080}]}"#),
                Again("weightedroutes/moved", r#"{"listener": {"listener": "https"}}"#),
            ],
        ),
        (
            "make the route again with another priority, or without one",
            vec![Again("weightedroutes/chosen", OTHER_PRIORITY), Again("weightedroutes/chosen", NO_PRIORITY)],
        ),
        (
            "make the route again with a `spec.listener.match` that says what the rule says",
            vec![Again("weightedroutes/chosen", OTHER_HOSTS)],
        ),
        (
            "WeightedRoute again with a spec.listener.match that says what the rule says",
            vec![Again("weightedroutes/chosen", OTHER_HOSTS)],
        ),
        (
            "make the route again with a lower `spec.listener.priority`",
            vec![Again("weightedroutes/chosen", LOWER_PRIORITY)],
        ),
        (
            "or set `spec.deletionPolicy: Retain`, delete the route",
            vec![Change("weightedroutes/chosen", RETAIN), Again("weightedroutes/chosen", OTHER_PRIORITY)],
        ),
        ("give `spec.stickiness` a duration", vec![Change("weightedroutes/chosen", STICKY)]),
        (
            "or make the route again with another `spec.listener.priority`",
            vec![Again("weightedroutes/chosen", OTHER_PRIORITY)],
        ),
        (
            "or make the route again with a free `spec.listener.priority`",
            vec![Again("weightedroutes/chosen", OTHER_PRIORITY)],
        ),
        (
            "name each group once in `spec.targetGroups`",
            vec![Change("environments/blue", r#"{"targetGroups": [{"name": "web", "existing": {"name": "blue"}}]}"#)],
        ),
        (
            "mostly another group in `spec.targetGroups` of the environment",
            vec![Change("environments/blue", r#"{"targetGroups": [{"name": "web", "existing": {"name": "other"}}]}"#)],
        ),
        (
            "name an Application Load Balancer in `spec.existing`",
            vec![Change("entrypoints/public", r#"{"existing": {"name": "shop-2"}}"#)],
        ),
        ("take the route out of `spec.routes` of one of the two", vec![Change("trafficshifts/release", ONE_ROUTE)]),
        ("add the environment that has it to `spec.backends`", vec![Change("weightedroutes/moved", ADDED)]),
        ("give the command resume to go on from there", vec![]),
        (
            "lower spec.capacity.minHealthyPercent",
            vec![
                Change("trafficshifts/release", r#"{"capacity": {"minHealthyPercent": 50}}"#),
                Change(
                    "weightedroutes/chosen",
                    r#"{"capacity": {"minHealthyPercent": 50}, "deletionPolicy": "Retain"}"#,
                ),
            ],
        ),
        (
            r#"-p '{"spec":{"capacity":{"minHealthyPercent":1}}}'`"#,
            vec![Change("trafficshifts/release", r#"{"capacity": {"minHealthyPercent": 1}}"#)],
        ),
        (
            "set spec.capacity.minHealthyPercent to 1",
            vec![Change("trafficshifts/release", r#"{"capacity": {"minHealthyPercent": 1}}"#)],
        ),
        (r#"-p '{"spec":{"to":"OLD"}}'`"#, vec![Change("trafficshifts/release", r#"{"to": "blue"}"#)]),
        (
            "lower `spec.capacity.minHealthyPercent`",
            vec![Change("trafficshifts/release", r#"{"capacity": {"minHealthyPercent": 50}}"#)],
        ),
        ("`spec.evidence: Weights`", vec![Change("trafficshifts/release", BY_WEIGHTS)]),
        (
            r#"`kubectl patch ts checkout --type merge -p '{"spec":{"paused":false}}'`"#,
            vec![Change("trafficshifts/release", NOT_PAUSED)],
        ),
        (
            r#"`kubectl patch wr checkout --type merge -p '{"spec":{"deletionPolicy":"Retain"}}'`"#,
            vec![Change("weightedroutes/chosen", RETAIN)],
        ),
    ]
}

/// The messages of a source that name a field of a spec.
fn messages(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let literal = Regex::new(r#""((?:[^"\\]|\\.|\\\n)*)""#).unwrap();
    let continued = Regex::new(r"\\\n\s*").unwrap();
    let code = code.join("\n");
    let found = literal.captures_iter(&code).map(|found| continued.replace_all(&found[1], "").into_owned());
    // A rule, or the path of a field, is no message.
    found.filter(|text| names_field(text) && text.contains(' ') && !text.contains("self.")).collect()
}

fn names_field(text: &str) -> bool {
    text.contains("spec.") || text.contains(r#"{"spec":"#)
}

/// All messages that name a field, with where they are.
fn all_messages() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in source_files() {
        let is_source = file.path.starts_with("crates/engine/src/") || file.path.starts_with("crates/api/src/");
        if is_source && !file.path.contains("/tests") {
            found.extend(messages(&file.text).into_iter().map(|message| (file.path.clone(), message)));
        }
        if file.path == "docs/troubleshooting.md" {
            let cells =
                file.text.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.rsplit(" | ").next());
            let typed = file.text.lines().filter(|line| !line.starts_with("| `") && line.contains(r#"{"spec":"#));
            found.extend(typed.map(|line| (file.path.clone(), line.to_owned())));
            found.extend(cells.filter(|cell| names_field(cell)).map(|cell| (file.path.clone(), cell.to_owned())));
        }
    }
    found
}

#[test]
fn messages_are_found() {
    let source = "/// spec.a is told\nlet a = \"set spec.b to \\\n    {c}\"; let b = \"spec.d\"; let c = \"self.spec.e is 1\";\n";
    assert_eq!(messages(source), ["set spec.b to {c}"]);
}

#[test]
fn each_message_that_names_a_field_is_in_the_table() {
    let (messages, table) = (all_messages(), table());
    let is_told = |message: &str| table.iter().any(|(said, _)| message.contains(said));
    let missing: Vec<_> = messages.iter().filter(|(_, message)| !is_told(message)).collect();
    assert!(missing.is_empty(), "add what these advise to the table, so that it is tried: {missing:#?}");
}

#[test]
fn all_advice_is_accepted() {
    let Some(kubernetes) = Kubernetes::open() else { return };
    let _rules = rules();
    let objects = manifest::parse(OBJECTS).unwrap();
    kubernetes.ask(async |client| {
        for object in &objects {
            let request = Request::new(collection(&kubernetes.namespace, object));
            let request = request.create(&PostParams::default(), object.to_string().into_bytes()).unwrap();
            client.request::<Value>(request).await.unwrap();
        }
        for (said, ways) in table() {
            for way in ways {
                if let Err(refused) = take(client, &kubernetes.namespace, &objects, &way).await {
                    let (Change(object, change) | Again(object, change)) = way;
                    panic!("{said:?} is refused for {object}: {change}: {refused}");
                }
            }
        }
    });
}

/// Does what is advised, without leaving anything behind.
async fn take(client: &Client, namespace: &str, objects: &[Value], way: &Way) -> Result<(), kube::Error> {
    let (Change(object, change) | Again(object, change)) = way;
    let spec: Value = serde_json::from_str(change).unwrap();
    let (_, name) = object.split_once('/').unwrap();
    let known = objects.iter().find(|known| place(known) == *object).unwrap();
    let request = Request::new(collection(namespace, known));
    let request = match way {
        Change(..) => {
            let patch = PatchParams { dry_run: true, ..PatchParams::default() };
            request.patch(name, &patch, &Patch::Merge(json!({"spec": spec}))).unwrap()
        }
        Again(..) => {
            let mut again = known.clone();
            merge(&mut again["spec"], &spec);
            again["metadata"]["name"] = json!(format!("{name}-again"));
            let create = PostParams { dry_run: true, ..PostParams::default() };
            request.create(&create, again.to_string().into_bytes()).unwrap()
        }
    };
    client.request::<Value>(request).await.map(drop)
}

/// Merges as a merge patch does.
fn merge(value: &mut Value, change: &Value) {
    let Value::Object(changes) = change else {
        value.clone_from(change);
        return;
    };
    for (name, change) in changes {
        if change.is_null() {
            value.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut value[name], change);
        }
    }
}

/// Where an object is: the plural of its kind, and its name.
fn place(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{}s/{}", text(&object["kind"]).to_lowercase(), text(&object["metadata"]["name"]))
}

fn collection(namespace: &str, object: &Value) -> String {
    let place = place(object);
    let (plural, _) = place.split_once('/').unwrap();
    format!("/apis/weir.dev/v1alpha1/namespaces/{namespace}/{plural}")
}
