//! Mistakes in manifests: the API server refuses them, with a message that says what to write instead.
//!
//! The simulated API server and the real one must say the same, word for word, so both are held to one snapshot.

use std::fmt::Write as _;

use kube::api::{Patch, PatchParams, PostParams, ValidationDirective};
use kube::core::Request;
use kube::{Client, Error};
use serde_json::{Value, json};
use weir_lab::{Settings, World, manifest, stage::on_virtual_time};

use super::kubernetes::{Kubernetes, rules};
use super::manifests::shift;

/// A manifest with a mistake in it, and what the mistake is.
fn mistakes() -> Vec<(&'static str, String)> {
    let strategies = [
        ("two strategies", "{allAtOnce: {}, linear: {step: 10, interval: 1m}}"),
        ("no strategy", "{}"),
        ("a strategy that is not known", "{canary: {}}"),
        ("weights that fall", "{steps: [{weight: 50}, {weight: 25}, {weight: 100}]}"),
        ("the same weight twice", "{steps: [{weight: 50}, {weight: 50}, {weight: 100}]}"),
        ("no 100 at the end", "{steps: [{weight: 5}, {weight: 25}]}"),
        ("a weight above 100", "{steps: [{weight: 101}, {weight: 100}]}"),
        ("a step without anything", "{steps: [{}, {weight: 100}]}"),
        ("a duration without a unit", r#"{linear: {step: 10, interval: "10"}}"#),
        ("a duration that is a number", "{linear: {step: 10, interval: 10}}"),
        ("a duration in words", "{linear: {step: 10, interval: 10 minutes}}"),
    ];
    let extras = [
        ("a field that is not known", "onFailuer: Rollback"),
        ("a value that is not known", "onFailure: Rolback"),
        ("a part of the capacity that is not possible", "capacity: {minHealthyPercent: 0}"),
    ];
    let listeners = [
        ("match without priority", "listener: http, match: {hosts: [shop.example.org]}"),
        ("priority without match", "listener: http, priority: 10"),
        ("a match of nothing", "listener: http, match: {}, priority: 10"),
        ("too many values", "listener: http, match: {hosts: [a.org, b.org, c.org], paths: [/a, /b, /c]}, priority: 10"),
        ("a priority that is too high", "listener: http, match: {hosts: [a.org]}, priority: 50001"),
    ];
    let existing = [
        (
            "both arn and name",
            "{name: shop, arn: 'arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/1'}",
        ),
        ("neither arn nor name", "{}"),
        ("an ARN of something else", "{arn: 'arn:aws:s3:::shop'}"),
    ];
    let accesses = [
        ("an external ID without a role", "{externalId: acme}"),
        ("a role that is only named", "{roleArn: weir-shop-in-production}"),
        ("an availability zone for a region", "{region: eu-west-1a}"),
        ("an external ID with a space", "{roleArn: 'arn:aws:iam::123456789012:role/weir', externalId: 'acme corp'}"),
        ("another region than the balancer's", "{region: eu-central-1}"),
        ("a role of another account than the balancer's", "{roleArn: 'arn:aws:iam::222222222222:role/weir'}"),
    ];
    let mut found: Vec<(&str, String)> = Vec::new();
    found.extend(strategies.map(|(mistake, strategy)| (mistake, shift("green", strategy, ""))));
    found.extend(extras.map(|(mistake, extra)| (mistake, shift("green", "{allAtOnce: {}}", extra))));
    found.push(("no environment to go to", shift("null", "{allAtOnce: {}}", "")));
    found.extend(listeners.map(|(mistake, listener)| (mistake, route(listener, "[{environment: blue}]", ""))));
    found.push((
        "stickiness without a duration",
        route("listener: http", "[{environment: blue}]", "stickiness: {enabled: true}"),
    ));
    found.push((
        "a default action that shall be deleted",
        route("listener: http", "[{environment: blue}]", "deletionPolicy: Delete"),
    ));
    found.push(("one backend twice", route("listener: http", "[{environment: blue}, {environment: blue}]", "")));
    let weights = [
        ("weights of an environment that is no backend", "weights: {green: 100}"),
        ("weights that are all zero", "weights: {blue: 0}"),
        ("a weight that is too high", "weights: {blue: 1000}"),
        ("weights of six environments", "weights: {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1}"),
        ("a pace without weights", "pace: {maxStep: 10, interval: 30s}"),
        ("weights beside a policy that cannot go with them", "weights: {blue: 1}\n  drift: Adopt"),
        ("a policy that is not known", "drift: Fix"),
    ];
    found.extend(weights.map(|(mistake, extra)| (mistake, route("listener: http", "[{environment: blue}]", extra))));
    found.extend(existing.map(|(mistake, existing)| (mistake, entry_point(existing, "[{name: http, port: 80}]"))));
    found.extend(accesses.map(|(mistake, aws)| {
        let good = "{arn: 'arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/1'}";
        let aws = format!("spec:\n  aws: {aws}\n");
        (mistake, entry_point(good, "[{name: http, port: 80}]").replace("spec:\n", &aws))
    }));
    found.push(("target groups of another account than the role's", environment_elsewhere()));
    found.push(("one port twice", entry_point("{name: shop}", "[{name: http, port: 80}, {name: again, port: 80}]")));
    found.push((
        "a name that is too long",
        shift("green", "{allAtOnce: {}}", "").replace("checkout}", &format!("{}}}", "c".repeat(64))),
    ));
    found
}

fn environment_elsewhere() -> String {
    "
apiVersion: weir.dev/v1alpha1
kind: Environment
metadata: {name: blue}
spec:
  aws: {region: eu-west-1, roleArn: 'arn:aws:iam::222222222222:role/weir'}
  targetGroups:
  - {name: web, existing: {arn: 'arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/blue/1'}}
  - {name: api, existing: {name: blue-api}}
"
    .to_owned()
}

fn route(listener: &str, backends: &str, extra: &str) -> String {
    format!(
        "
apiVersion: weir.dev/v1alpha1
kind: WeightedRoute
metadata: {{name: checkout}}
spec:
  listener: {{entryPoint: {{name: public}}, {listener}}}
  backends: {backends}
  {extra}
"
    )
}

fn entry_point(existing: &str, listeners: &str) -> String {
    format!(
        "
apiVersion: weir.dev/v1alpha1
kind: EntryPoint
metadata: {{name: public}}
spec:
  existing: {existing}
  listeners: {listeners}
"
    )
}

/// What an API server says to each mistake.
async fn answers(client: &Client, namespace: &str) -> String {
    let mut text = String::new();
    for (mistake, manifest) in mistakes() {
        let mut documents = manifest::parse(&manifest).unwrap();
        let said = refusal(create(client, namespace, &documents.remove(0)).await);
        let _ = writeln!(text, "# {mistake}\n{said}\n");
    }
    let good = manifest::parse(&route("listener: http", "[{environment: blue}]", "")).unwrap().remove(0);
    create(client, namespace, &good).await.expect("nothing is wrong with this one");
    let moved = json!({"spec": {"listener": {"listener": "https"}}});
    let path = collection(namespace, &good);
    let strict = PatchParams { field_validation: Some(ValidationDirective::Strict), ..PatchParams::default() };
    let request = Request::new(path).patch("checkout", &strict, &Patch::Merge(moved)).unwrap();
    let said = refusal(client.request::<Value>(request).await);
    let _ = write!(text, "# a route that is moved to another listener\n{said}");
    text
}

/// Creates an object as kubectl does: fields that are not known are refused.
async fn create(client: &Client, namespace: &str, object: &Value) -> Result<Value, Error> {
    let collection = Request::new(collection(namespace, object));
    let mut request = collection.create(&PostParams::default(), object.to_string().into_bytes()).unwrap();
    *request.uri_mut() = format!("{}fieldValidation=Strict", request.uri()).parse().unwrap();
    client.request(request).await
}

fn collection(namespace: &str, object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap_or_default();
    format!("/apis/weir.dev/v1alpha1/namespaces/{namespace}/{}s", kind.to_lowercase())
}

fn refusal(outcome: Result<Value, Error>) -> String {
    match outcome {
        Ok(object) => panic!("was accepted: {object:#}"),
        Err(Error::Api(status)) => status.message,
        Err(error) => panic!("not an answer: {error}"),
    }
}

fn check(said: &str) {
    insta::assert_snapshot!("refusals", said);
}

#[test]
fn the_simulated_api_server_says_what_is_wrong() {
    on_virtual_time(async {
        let world = World::new(Settings { namespace: "case".to_owned(), ..Settings::seeded(1) });
        check(&answers(&world.client(), "case").await);
    });
}

#[test]
fn the_real_api_server_says_what_is_wrong() {
    let Some(kubernetes) = Kubernetes::open() else { return };
    let _rules = rules();
    check(&kubernetes.ask(async |client| answers(client, &kubernetes.namespace).await));
}
