//! Random requests about Weir's kinds: sensible ones, careless ones and wrong ones.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::answer::Reply;

/// Stands for the version that the server gave the object last.
const VERSION: &str = "$version";
/// Stands for the object's uid.
const UID: &str = "$uid";

/// What one of the servers calls its objects: version and uid by path.
#[derive(Default)]
pub(super) struct Known(BTreeMap<String, (String, String)>);

impl Known {
    /// Takes note of what an answer says about its object.
    pub(super) fn learn(&mut self, request: &Request, answer: &Reply) {
        let metadata = &answer.body["metadata"];
        let text = |field: &str| metadata[field].as_str().map(str::to_owned);
        if let (Some(version), Some(uid)) = (text("resourceVersion"), text("uid"))
            && !request.path.contains("dryRun")
        {
            self.0.insert(request.object.clone(), (version, uid));
        }
    }
}

/// A request, with words in the place of versions and uids.
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) media_type: &'static str,
    body: Option<Value>,
    /// The path of the object that it is about.
    object: String,
}

impl Request {
    /// The body for a server.
    pub(super) fn body(&self, known: &Known) -> Option<Value> {
        let (version, uid) = known.0.get(&self.object).cloned().unwrap_or_else(|| ("1".to_owned(), "none".to_owned()));
        let mut body = self.body.clone()?;
        fill_in(&mut body, &version, &uid);
        Some(body)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        write!(formatter, "{} {} ({}) {body}", self.method, self.path, self.media_type)
    }
}

fn fill_in(value: &mut Value, version: &str, uid: &str) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|field| fill_in(field, version, uid)),
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, version, uid)),
        Value::String(text) if text == VERSION => version.clone_into(text),
        Value::String(text) if text == UID => uid.clone_into(text),
        _ => {}
    }
}

/// A kind with specs that are right, and fragments with which they are changed, some of them for the worse.
struct Kind {
    plural: &'static str,
    name: &'static str,
    specs: Vec<Value>,
    fragments: Vec<Value>,
    statuses: Vec<Value>,
}

fn kinds() -> Vec<Kind> {
    let steps = json!([{"weight": 5, "pause": {"duration": "10m"}}, {"weight": 100}]);
    vec![
        Kind {
            plural: "entrypoints",
            name: "EntryPoint",
            specs: vec![
                json!({"existing": {"name": "public"}, "listeners": [{"name": "https", "port": 443}]}),
                json!({"existing": {"name": "inner"}, "listeners": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]}),
            ],
            fragments: vec![
                json!({"existing": {"name": "another"}}),
                json!({"existing": {"name": "another", "arn": "arn"}}),
                json!({"existing": null}),
                json!({"listeners": []}),
                json!({"listeners": [{"name": "a", "port": 80}, {"name": "a", "port": 81}]}),
                json!({"listeners": [{"name": "a", "port": 80}, {"name": "b", "port": 80}]}),
                json!({"listeners": [{"name": "a", "port": 70_000}]}),
                json!({"listeners": [{"name": "a", "port": "80"}]}),
                json!({"listener": "https"}),
            ],
            statuses: vec![
                json!({"arn": "arn:aws:1", "dnsName": "public.test"}),
                json!({"rules": {"used": 3}}),
                json!({"rules": {"used": "three"}}),
                json!({"conditions": [condition("True")]}),
                json!({"conditions": [condition("Perhaps")]}),
                json!({"unknown": true}),
            ],
        },
        Kind {
            plural: "environments",
            name: "Environment",
            specs: vec![
                json!({"targetGroups": [{"name": "web", "existing": {"name": "blue"}}]}),
                json!({"targetGroups": [{"name": "a", "existing": {"name": "a"}}, {"name": "b", "existing": {"name": "b"}}]}),
            ],
            fragments: vec![
                json!({"targetGroups": [{"name": "Web", "existing": {"name": "blue"}}]}),
                json!({"targetGroups": [{"name": "web"}]}),
                json!({"targetGroups": [{"name": "web", "existing": {}}]}),
                json!({"targetGroups": {"name": "web"}}),
                json!({"targetGroups": null}),
                json!({"targetGroups": [{"name": "web", "existing": {"name": "green", "extra": 1}}]}),
            ],
            statuses: vec![
                json!({"targetGroups": [{"name": "web", "arn": "arn:aws:2"}]}),
                json!({"targetGroups": [{"name": "web"}]}),
                json!({"observedGeneration": 1, "conditions": [condition("False"), condition("True")]}),
            ],
        },
        Kind {
            plural: "trafficshifts",
            name: "TrafficShift",
            specs: vec![
                json!({"routes": ["checkout"], "to": "green", "strategy": {"steps": steps}}),
                json!({"routes": ["a", "b"], "to": "blue", "strategy": {"allAtOnce": {}}, "paused": true}),
                json!({"routes": ["a"], "to": "blue", "strategy": {"linear": {"step": 10, "interval": "5m"}}}),
            ],
            fragments: vec![
                json!({"to": "blue"}),
                json!({"to": ""}),
                json!({"to": 7}),
                json!({"paused": true}),
                json!({"paused": "yes"}),
                json!({"paused": null}),
                json!({"routes": ["a", "a"]}),
                json!({"routes": []}),
                json!({"strategy": {"allAtOnce": {}}}),
                json!({"strategy": {"linear": {"step": 0, "interval": "5m"}}}),
                json!({"strategy": {"linear": {"step": 10, "interval": "5 minutes"}}}),
                json!({"strategy": {"steps": [{"weight": 50}]}}),
                json!({"strategy": {"steps": [{"weight": 50}, {"weight": 20}, {"weight": 100}]}}),
                json!({"strategy": {"steps": [{}, {"weight": 100}]}}),
                json!({"capacity": {"minHealthyPercent": 50}}),
                json!({"capacity": {"minHealthyPercent": 500}}),
                json!({"onFailure": "Explode"}),
                json!({"progressDeadline": "2h", "surprise": 1}),
            ],
            statuses: vec![
                json!({"phase": "Paused", "observedGeneration": 2}),
                json!({"phase": "Lost"}),
                json!({"waiting": {"reason": "Capacity", "message": "waits", "since": "2026-11-21T10:00:00Z"}}),
                json!({"waiting": {"reason": "Capacity"}}),
                json!({"conditions": [condition("True")]}),
            ],
        },
    ]
}

fn condition(status: &str) -> Value {
    json!({
        "type": "Ready", "status": status, "reason": "Found", "message": "it was found",
        "lastTransitionTime": "2026-11-21T10:00:00Z"
    })
}

/// A sequence of requests, and what each server calls the objects.
pub(super) struct Sequence {
    chance: fastrand::Rng,
    kinds: Vec<Kind>,
    namespace: String,
    pub(super) real: Known,
    pub(super) simulated: Known,
}

impl Sequence {
    pub(super) fn new(seed: u64, namespace: &str) -> Self {
        Self {
            chance: fastrand::Rng::with_seed(seed),
            kinds: kinds(),
            namespace: namespace.to_owned(),
            real: Known::default(),
            simulated: Known::default(),
        }
    }

    /// The next request.
    pub(super) fn next(&mut self) -> Request {
        let kind = self.chance.usize(..self.kinds.len());
        let name = ["a", "b", "Not-A-Name"][self.chance.choice([0, 0, 0, 1, 1, 1, 1, 2]).unwrap_or(0)];
        let collection = format!("/apis/weir.dev/v1alpha1/namespaces/{}/{}", self.namespace, self.kinds[kind].plural);
        let object = format!("{collection}/{name}");
        let (method, path, media_type, body) = match self.chance.u32(..20) {
            0..=3 => (
                "POST",
                format!("{collection}{}", self.options()),
                "application/json",
                Some(self.whole(kind, name, false)),
            ),
            4..=6 => {
                ("PUT", format!("{object}{}", self.options()), "application/json", Some(self.whole(kind, name, true)))
            }
            7..=9 => {
                ("PATCH", format!("{object}{}", self.options()), "application/merge-patch+json", Some(self.merge(kind)))
            }
            10..=11 => ("PATCH", object.clone(), "application/json-patch+json", Some(self.operations(kind))),
            12..=13 => (
                "PATCH",
                format!("{object}/status"),
                "application/merge-patch+json",
                Some(json!({"status": self.status(kind)})),
            ),
            14 => {
                let mut whole = self.whole(kind, name, true);
                whole["status"] = self.status(kind);
                ("PUT", format!("{object}/status"), "application/json", Some(whole))
            }
            15..=16 => ("DELETE", object.clone(), "application/json", self.precondition()),
            17 => ("GET", object.clone(), "application/json", None),
            18 => ("GET", format!("{collection}{}", self.selection()), "application/json", None),
            _ => ("DELETE", format!("{collection}{}", self.selection()), "application/json", None),
        };
        Request { method, path, media_type, body, object }
    }

    fn pick<'a>(&mut self, from: &'a [&'a str]) -> &'a str {
        from[self.chance.usize(..from.len())]
    }

    fn options(&mut self) -> String {
        self.pick(&["", "", "", "?fieldValidation=Strict", "?fieldValidation=Ignore", "?dryRun=All"]).to_owned()
    }

    fn selection(&mut self) -> String {
        self.pick(&[
            "",
            "?labelSelector=tier%3Dfront",
            "?labelSelector=tier",
            "?fieldSelector=metadata.name%3Da",
            "?labelSelector=%3D%3D",
        ])
        .to_owned()
    }

    /// A whole object: as it should be, or changed.
    fn whole(&mut self, kind: usize, name: &str, exists: bool) -> Value {
        let specs = &self.kinds[kind].specs;
        let mut spec = specs[self.chance.usize(..specs.len())].clone();
        if self.chance.u32(..3) == 0 {
            let fragment = self.fragment(kind);
            for (field, value) in fragment.as_object().into_iter().flatten() {
                spec[field] = value.clone();
            }
        }
        let mut metadata = json!({"name": name});
        match self.chance.u32(..6) {
            0 => metadata["labels"] = json!({"tier": "front"}),
            1 => metadata["annotations"] = json!({"weir.dev/command": "pause/1"}),
            2 => metadata["finalizers"] = json!(["weir.dev/rollback"]),
            3 => metadata["labels"] = json!({"tier": "not a label!"}),
            _ => {}
        }
        match self.chance.u32(..4) {
            0 if exists => {}
            1 if exists => metadata["resourceVersion"] = json!("1"),
            _ if exists => metadata["resourceVersion"] = json!(VERSION),
            1 => metadata["namespace"] = json!("elsewhere"),
            _ => {}
        }
        let api_version =
            self.pick(&["weir.dev/v1alpha1", "weir.dev/v1alpha1", "weir.dev/v1alpha1", "weir.dev/v9"]).to_owned();
        json!({"apiVersion": api_version, "kind": self.kinds[kind].name, "metadata": metadata, "spec": spec})
    }

    fn fragment(&mut self, kind: usize) -> Value {
        let fragments = &self.kinds[kind].fragments;
        fragments[self.chance.usize(..fragments.len())].clone()
    }

    fn status(&mut self, kind: usize) -> Value {
        let statuses = &self.kinds[kind].statuses;
        statuses[self.chance.usize(..statuses.len())].clone()
    }

    fn merge(&mut self, kind: usize) -> Value {
        match self.chance.u32(..8) {
            0 => json!({"metadata": {"finalizers": null}}),
            1 => json!({"metadata": {"finalizers": ["weir.dev/rollback", "test.dev/other"]}}),
            2 => json!({"metadata": {"labels": {"tier": "front"}, "resourceVersion": VERSION}}),
            3 => json!({"metadata": {"annotations": {"weir.dev/command": "abort/2"}, "resourceVersion": "1"}}),
            4 => json!({"metadata": {"uid": UID}, "spec": self.fragment(kind)}),
            _ => json!({"spec": self.fragment(kind)}),
        }
    }

    fn operations(&mut self, kind: usize) -> Value {
        let fragment = self.fragment(kind);
        let (field, value) =
            fragment.as_object().and_then(|fields| fields.iter().next()).expect("fragments have a field");
        let path = format!("/spec/{field}");
        match self.chance.u32(..7) {
            0 => {
                json!([{"op": "test", "path": "/metadata/uid", "value": UID}, {"op": "add", "path": path, "value": value}])
            }
            1 => json!([{"op": "test", "path": "/metadata/name", "value": "somebody-else"}]),
            2 => json!([{"op": "remove", "path": path}]),
            3 => json!([{"op": "replace", "path": path, "value": value}]),
            4 => json!([{"op": "remove", "path": "/metadata/finalizers"}]),
            5 => json!([{"op": "add", "path": "/metadata/labels", "value": {"tier": "back"}}]),
            _ => json!([{"op": "add", "path": path, "value": value}]),
        }
    }

    fn precondition(&mut self) -> Option<Value> {
        let preconditions = match self.chance.u32(..5) {
            0 => json!({"uid": UID}),
            1 => json!({"uid": "00000000-0000-0000-0000-000000000000"}),
            2 => json!({"resourceVersion": VERSION}),
            _ => return None,
        };
        Some(json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}))
    }
}
