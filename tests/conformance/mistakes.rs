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
        ("a duration that is too long", "{linear: {step: 10, interval: 99999999999h}}"),
        ("a pause of nothing", "{steps: [{weight: 50, pause: {duration: 0s}}, {weight: 100}]}"),
        ("a pause of years", "{steps: [{weight: 50, pause: {duration: 366d}}, {weight: 100}]}"),
    ];
    let extras = [
        ("a field that is not known", "onFailuer: Rollback"),
        ("a value that is not known", "onFailure: Rolback"),
        ("a part of the capacity that is not possible", "capacity: {minHealthyPercent: 0}"),
        ("a deadline of nothing", "progressDeadline: 0s"),
        ("a deadline that is shorter than a write may take", "progressDeadline: 29s"),
        ("a deadline of more than a week", "progressDeadline: 7d1s"),
    ];
    let listeners = [
        ("priority without match", "listener: http, priority: 10"),
        ("a match of nothing", "listener: http, match: {}"),
        ("a host with a port", "listener: http, match: {hosts: ['shop.example.org:443']}"),
        ("the host as a header", "listener: http, match: {headers: [{name: Host, values: [shop.example.org]}]}"),
        ("a header with a wildcard in its name", "listener: http, match: {headers: [{name: 'X-*', values: ['1']}]}"),
        (
            "one header twice",
            "listener: http, match: {headers: [{name: X-Canary, values: ['1']}, {name: x-canary, values: ['2']}]}",
        ),
        ("a method in small letters", "listener: http, match: {methods: [post]}"),
        ("an address that is no network", "listener: http, match: {sourceIps: [203.0.113.7]}"),
        ("a whole query string", "listener: http, match: {queryStrings: [{key: a=b, value: c}]}"),
        (
            "too many values in several fields",
            "listener: http, match: {hosts: [a.org, b.org], headers: [{name: X-A, values: ['1', '2']}], methods: [GET, PUT]}",
        ),
        ("too many wildcards", "listener: http, match: {hosts: ['*.*.*.org'], paths: ['/*/?/*']}"),
        ("too many values", "listener: http, match: {hosts: [a.org, b.org, c.org], paths: [/a, /b, /c]}, priority: 10"),
        ("a relative path", "listener: http, match: {paths: [shop/*]}"),
        ("a path with a blank", "listener: http, match: {paths: ['/shop cart']}"),
        ("a path with letters that AWS does not take", "listener: http, match: {paths: [/shop, '/größe', '/a%20b']}"),
        ("a header value with an umlaut", "listener: http, match: {headers: [{name: X-Size, values: [größe]}]}"),
        (
            "a header value that ends with a blank",
            "listener: http, match: {headers: [{name: X-Size, values: ['big ']}]}",
        ),
        ("a query string with blanks", "listener: http, match: {queryStrings: [{value: c d}]}"),
        ("a query string with an umlaut in its key", "listener: http, match: {queryStrings: [{key: größe, value: a}]}"),
        ("a network with host bits", "listener: http, match: {sourceIps: [10.0.0.1/24]}"),
        ("a network of the second kind with host bits", "listener: http, match: {sourceIps: ['2001:db8::1/32']}"),
        ("one host twice", "listener: http, match: {hosts: [shop.example.org, Shop.example.org]}"),
        ("one path twice", "listener: http, match: {paths: [/shop, /cart, /shop]}"),
        ("one header value twice", "listener: http, match: {headers: [{name: X-Canary, values: ['on', 'On']}]}"),
        ("one method twice", "listener: http, match: {methods: [GET, GET]}"),
        (
            "one part of a query string twice",
            "listener: http, match: {queryStrings: [{key: a, value: b}, {value: b}, {key: A, value: B}]}",
        ),
        ("one network twice", "listener: http, match: {sourceIps: ['2001:db8::/32', '2001:DB8::/32']}"),
        ("a listener that no entry point can have", "listener: HTTP"),
        ("a priority that is too high", "listener: http, match: {hosts: [a.org]}, priority: 50001"),
    ];
    let existing = [
        (
            "both arn and name",
            "{name: shop, arn: 'arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/1'}",
        ),
        ("neither arn nor name", "{}"),
        ("an ARN of something else", "{arn: 'arn:aws:s3:::shop'}"),
        ("a name that no balancer has", "{name: shop_public}"),
    ];
    let shares = [
        ("a selector that is not asked for", "{namespaces: {from: All, selector: {matchLabels: {team: a}}}}"),
        ("no selector where one is needed", "{namespaces: {from: Selector}}"),
        ("an empty selector", "{namespaces: {from: Selector, selector: {}}}"),
        (
            "a label requirement without values",
            "{namespaces: {from: Selector, selector: {matchExpressions: [{key: team, operator: In}]}}}",
        ),
        ("a label that no namespace has", "{namespaces: {from: Selector, selector: {matchLabels: {'team a': web}}}}"),
        (
            "a label's value that no namespace has",
            "{namespaces: {from: Selector, selector: {matchLabels: {team: 'größe'}}}}",
        ),
        (
            "a required label that no namespace has",
            "{namespaces: {from: Selector, selector: {matchExpressions: [{key: '-team', operator: Exists}]}}}",
        ),
        (
            "a required value that no label has",
            "{namespaces: {from: Selector, selector: {matchExpressions: [{key: team, operator: In, values: [a b]}]}}}",
        ),
        (
            "too many labels",
            "{namespaces: {from: Selector, selector: {matchLabels: {a1: a, a2: a, a3: a, a4: a, a5: a, a6: a, a7: a, \
             b1: b, b2: b, b3: b, b4: b, b5: b, b6: b, b7: b, c1: c, c2: c, c3: c, c4: c, c5: c, c6: c, c7: c}}}}",
        ),
        ("namespaces by name", "{namespaces: [team-a]}"),
        ("a host pattern with a path", "{namespaces: {from: All}, hosts: ['*.example.org/api']}"),
    ];
    let references = [
        ("an environment of another namespace", "listener: http", "[{environment: other/blue}]"),
        ("an environment with an umlaut", "listener: http", "[{environment: größe}]"),
        ("an environment with capitals", "listener: http", "[{environment: Blue}]"),
        ("a part with a dot", "listener: http", "[{environment: blue, part: web.http}]"),
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
    found.extend(references.map(|(mistake, listener, backends)| (mistake, route(listener, backends, ""))));
    let entry_points = [
        ("an entry point that no object can be", "{name: team-a/public}"),
        ("a namespace that cannot be", "{name: public, namespace: team.a}"),
    ];
    found.extend(entry_points.map(|(mistake, entry_point)| {
        let good = route("listener: http", "[{environment: blue}]", "");
        (mistake, good.replace("{name: public}", entry_point))
    }));
    found.push(("an environment to go to that cannot be", shift("shop/green", "{allAtOnce: {}}", "")));
    found.push((
        "routes that cannot be",
        shift("green", "{allAtOnce: {}}", "").replace("routes: [checkout]", "routes: [checkout, shop/api, Web]"),
    ));
    let sticky = [
        ("stickiness of nothing", "stickiness: {enabled: true, duration: 0s}"),
        ("stickiness of more than a week", "stickiness: {enabled: true, duration: 8d}"),
        ("stickiness of more than a week in hours", "stickiness: {enabled: true, duration: 168h1s}"),
    ];
    found.extend(sticky.map(|(mistake, sticky)| (mistake, route("listener: http", "[{environment: blue}]", sticky))));
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
        ("weights of an environment that cannot be", "weights: {shop/green: 100}"),
        ("weights that are all zero", "weights: {blue: 0}"),
        ("a weight that is too high", "weights: {blue: 1000}"),
        ("weights of six environments", "weights: {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1}"),
        ("a pace without weights", "pace: {maxStep: 10, interval: 30s}"),
        ("weights beside a policy that cannot go with them", "weights: {blue: 1}\n  drift: Adopt"),
        ("a policy that is not known", "drift: Fix"),
    ];
    found.extend(weights.map(|(mistake, extra)| (mistake, route("listener: http", "[{environment: blue}]", extra))));
    found.extend(existing.map(|(mistake, existing)| (mistake, entry_point(existing, "[{name: http, port: 80}]"))));
    found.extend(shares.map(|(mistake, shares)| {
        let listeners = format!("[{{name: http, port: 80}}]\n  allowedRoutes: {shares}");
        (mistake, entry_point("{name: shop}", &listeners))
    }));
    found.extend(accesses.map(|(mistake, aws)| {
        let good = "{arn: 'arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/1'}";
        let aws = format!("spec:\n  aws: {aws}\n");
        (mistake, entry_point(good, "[{name: http, port: 80}]").replace("spec:\n", &aws))
    }));
    found.push(("target groups of another account than the role's", environment_elsewhere()));
    found.push(("target groups of two regions", environment_in_two_places("eu-central-1:123456789012")));
    found.push(("target groups of two accounts", environment_in_two_places("eu-west-1:222222222222")));
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

/// An environment with one target group in `eu-west-1:123456789012` and one in another place.
fn environment_in_two_places(other: &str) -> String {
    format!(
        "
apiVersion: weir.dev/v1alpha1
kind: Environment
metadata: {{name: blue}}
spec:
  targetGroups:
  - {{name: web, existing: {{arn: 'arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/blue/1'}}}}
  - {{name: api, existing: {{arn: 'arn:aws:elasticloadbalancing:{other}:targetgroup/api/1'}}}}
"
    )
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

/// What is close to a mistake and is none.
fn no_mistakes() -> Vec<String> {
    let shifts = [
        ("{steps: [{weight: 50, pause: {duration: 365d}}, {weight: 100, pause: {}}]}", "progressDeadline: 30s"),
        ("{linear: {step: 10, interval: 0s}}", "progressDeadline: 7d"),
        ("{linear: {step: 10, interval: 1d1h1m1s}}", "progressDeadline: 168h"),
        ("{linear: {step: 10, interval: 0010m}}", "progressDeadline: 00030s"),
    ];
    let routes = [
        (
            "match: {hosts: ['*.Example.org', shop.example.org], paths: ['*']}",
            "stickiness: {enabled: true, duration: 1s}",
        ),
        (r#"match: {paths: ['?.png', "/a-Z_0.9$~\"'@:+&*", /]}"#, "stickiness: {enabled: true, duration: 7d}"),
        ("match: {paths: [/shop, /Shop]}", "stickiness: {enabled: true, duration: 168h}"),
        ("match: {headers: [{name: User-Agent, values: ['*Safari/5 (X; Y)*']}]}", "stickiness: {enabled: false}"),
        (r"match: {queryStrings: [{key: a, value: 'b%20c'}, {value: 'b%20c'}, {key: b, value: '\*'}]}", ""),
        ("match: {sourceIps: [0.0.0.0/0, 10.0.0.0/8, 10.0.0.1/32, '2001:db8::/32', '::1/128']}", ""),
    ];
    let selector = "{matchLabels: {shop.example.org/Team_1: A.b-c_d, kubernetes.io/metadata.name: team-a, empty: ''}, \
                    matchExpressions: [{key: tier, operator: In, values: [web, '']}]}";
    let listeners = format!(
        "[{{name: http, port: 80}}]\n  allowedRoutes: {{namespaces: {{from: Selector, selector: {selector}}}}}"
    );
    let mut found = vec![entry_point("{name: shop}", &listeners)];
    found.extend(shifts.map(|(strategy, extra)| shift("green.v2-1", strategy, extra)));
    found.extend(routes.map(|(matches, extra)| {
        route(&format!("listener: http, {matches}"), "[{environment: blue.v1-2, part: web}]", extra)
    }));
    found
}

/// What an API server says to each mistake.
async fn answers(client: &Client, namespace: &str) -> String {
    let mut text = String::new();
    for (mistake, manifest) in mistakes() {
        let mut documents = manifest::parse(&manifest).unwrap();
        let said = refusal(create(client, namespace, &documents.remove(0)).await);
        let _ = writeln!(text, "# {mistake}\n{said}\n");
    }
    for (number, manifest) in no_mistakes().into_iter().enumerate() {
        let mut good = manifest::parse(&manifest).unwrap().remove(0);
        good["metadata"]["name"] = json!(format!("good.{number}"));
        create(client, namespace, &good).await.unwrap_or_else(|error| panic!("{good:#} is refused: {error}"));
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

#[test]
fn what_was_accepted_once_can_still_be_changed_elsewhere() {
    let Some(kubernetes) = Kubernetes::open() else { return };
    let strategy = "{steps: [{weight: 50, pause: {duration: 0s}}, {weight: 100}]}";
    let mistaken = route(
        "listener: http, match: {paths: [a b]}",
        "[{environment: Blue}]",
        "stickiness: {enabled: true, duration: 8d}",
    );
    kubernetes.apply_from_before(&[shift("größe", strategy, "progressDeadline: 0s"), mistaken].join("---"));
    kubernetes.patch("trafficshifts", "checkout", &json!({"spec": {"paused": true}}));
    kubernetes.patch(
        "weightedroutes",
        "checkout",
        &json!({"spec": {"adopt": true}, "metadata": {"labels": {"a": "b"}}}),
    );
    kubernetes.wipe_status("trafficshifts", "checkout");
}
