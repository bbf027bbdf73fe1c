//! A user's manifests, sorted: what is there before a release, and the wishes that begin one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use weir_api::{TrafficShift, WeightedRoute};
use weir_controller::kind_of;
use weir_engine::{Key, KindName};

/// Where objects are that name no namespace.
const NAMESPACE: &str = "default";

/// The manifests of a user.
#[derive(Debug)]
pub(super) struct Manifests {
    /// The objects of Weir, in the order of the files.
    pub objects: Vec<Object>,
    /// The namespaces, which may have labels.
    namespaces: Vec<Value>,
    /// What means nothing to Weir.
    pub passed_over: Vec<String>,
}

/// An object with the file that it is from.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub file: String,
    pub document: Value,
}

/// A wish, and what a play has to know about it.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub key: Key,
    pub to: String,
    /// The environment that carries the traffic before; `None` where the wish is the first deployment.
    pub before: Option<String>,
    pub document: Value,
    /// How long it may take at most while nothing goes wrong.
    pub length: Duration,
}

/// How long a step may take beside its pause: health, reading back, evidence of what clients do.
const STEP: Duration = Duration::from_mins(1);
/// How long everything else may take.
const REST: Duration = Duration::from_mins(10);

impl Object {
    /// Whether another has the same kind and key.
    fn is(&self, other: &Self) -> bool {
        self.document["kind"] == other.document["kind"] && self.key() == other.key()
    }

    /// Its namespace and name.
    pub fn key(&self) -> Key {
        let text = |field: &str| self.document["metadata"][field].as_str().unwrap_or_default();
        Key::new(text("namespace"), text("name"))
    }
}

impl Manifests {
    /// The errors are the mistakes that were found without a world.
    pub fn of(documents: Vec<(String, Value)>) -> Result<Self, Vec<String>> {
        let (mut objects, mut namespaces) = (Vec::new(), Vec::new());
        let (mut passed_over, mut mistakes) = (Vec::new(), Vec::new());
        for (file, mut document) in documents {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (kind, name) = (text(&document["kind"]), text(&document["metadata"]["name"]));
            let is_ours = kind_of(&document).is_some();
            let is_namespace = kind == "Namespace" && document["apiVersion"] == "v1";
            if !is_ours && !is_namespace {
                let kind = if kind.is_empty() { "something without a kind" } else { &kind };
                passed_over.push(format!("{kind} {name} ({file})"));
                continue;
            }
            if name.is_empty() {
                mistakes.push(format!("{file}: a {kind} has no metadata.name; give it one"));
                continue;
            }
            if is_namespace {
                namespaces.push(document);
                continue;
            }
            match &document["metadata"]["namespace"] {
                Value::Null => document["metadata"]["namespace"] = json!(NAMESPACE),
                Value::String(namespace) if !namespace.is_empty() => {}
                other => {
                    mistakes.push(format!("{file}: {kind} {name} has the namespace {other}; expected a name"));
                    continue;
                }
            }
            let object = Object { file, document };
            match objects.iter().find(|other: &&Object| other.is(&object)) {
                Some(other) => mistakes.push(format!(
                    "{} and {} both have {kind} {}; leave one of them out",
                    other.file,
                    object.file,
                    object.key()
                )),
                None => objects.push(object),
            }
        }
        if objects.is_empty() && mistakes.is_empty() {
            mistakes.push(format!(
                "found none of Weir's kinds ({}) of weir.dev/v1alpha1; give the manifests that move traffic with -f",
                KindName::ALL.map(KindName::word).join(", ")
            ));
        }
        let moves = |object: &Object| {
            object.document["kind"] == "TrafficShift" || !object.document["spec"]["weights"].is_null()
        };
        if !objects.iter().any(moves) && mistakes.is_empty() {
            mistakes.push("found no TrafficShift and no spec.weights, so nothing would move; give the manifests that move traffic with -f".to_owned());
        }
        if mistakes.is_empty() { Ok(Self { objects, namespaces, passed_over }) } else { Err(mistakes) }
    }

    /// The objects as they are written, in the order of the files.
    pub fn documents(&self) -> Vec<Value> {
        self.objects.iter().map(|object| object.document.clone()).collect()
    }

    /// The objects of a kind.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Object> {
        self.objects.iter().filter(move |object| object.document["kind"] == kind)
    }

    /// The first namespace.
    pub fn namespace(&self) -> String {
        self.objects.iter().map(|object| object.key().namespace.to_string()).min().unwrap_or_default()
    }

    /// The namespaces that the objects are in, as the manifests say or without labels.
    pub fn namespaces(&self) -> Vec<Value> {
        let named: BTreeSet<String> = self.objects.iter().map(|object| object.key().namespace.to_string()).collect();
        let plain =
            named.into_iter().map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
        let is_new = |namespace: &Value| {
            self.namespaces.iter().all(|other| other["metadata"]["name"] != namespace["metadata"]["name"])
        };
        plain.filter(is_new).chain(self.namespaces.iter().cloned()).collect()
    }

    /// The names of the target groups, each once.
    pub fn groups(&self) -> Vec<String> {
        self.existing("targetGroups").into_iter().collect()
    }

    /// The names of the balancers that environments lend to names in DNS.
    pub fn lent_balancers(&self) -> BTreeSet<String> {
        self.existing("loadBalancers")
    }

    /// The names of existing things in a list of environments.
    fn existing(&self, list: &str) -> BTreeSet<String> {
        let listed = self
            .of_kind("Environment")
            .flat_map(|object| object.document["spec"][list].as_array().into_iter().flatten());
        listed.filter_map(|thing| Some(thing["existing"]["name"].as_str()?.to_owned())).collect()
    }

    /// The wishes, in the order of the files.
    pub fn wishes(&self) -> Vec<Wish> {
        self.of_kind("TrafficShift").filter_map(|object| self.wish(object)).collect()
    }

    /// What cannot be read as a shift is told as a mistake before anything is played.
    fn wish(&self, object: &Object) -> Option<Wish> {
        let shift = TrafficShift::deserialize(&object.document).ok()?;
        let key = object.key();
        let to = shift.spec.to.clone();
        let mut routes = shift.spec.routes.iter().filter_map(|name| self.route(&key.sibling(name.as_str())));
        let first: Vec<String> = routes.next().map(|route| backends(&route)).unwrap_or_default();
        let others: Vec<Vec<String>> = routes.map(|route| backends(&route)).collect();
        let is_everywhere = |name: &String| others.iter().all(|backends| backends.contains(name));
        let before = first.into_iter().find(|name| *name != to && is_everywhere(name));
        Some(Wish { key, to, before, document: object.document.clone(), length: length(&shift) })
    }

    /// How long routes may take at most to get by their own pace where their `spec.weights` want the traffic.
    pub fn longest_pace(&self) -> Duration {
        let routes = self.of_kind("WeightedRoute").filter_map(|object| self.route(&object.key()));
        let paces = routes.filter_map(|route| route.spec.pace);
        paces.map(|pace| equal_steps(pace.max_step, pace.interval)).max().unwrap_or_default()
    }

    /// A route of the manifests.
    pub fn route(&self, key: &Key) -> Option<WeightedRoute> {
        let object = self.of_kind("WeightedRoute").find(|object| object.key() == *key)?;
        WeightedRoute::deserialize(&object.document).ok()
    }

    /// What the environment of each route is called that carries its traffic before.
    pub fn before(&self) -> BTreeMap<Key, String> {
        let wishes = self.wishes().into_iter();
        wishes
            .flat_map(|wish| {
                let routes = wish.document["spec"]["routes"].as_array().cloned().unwrap_or_default();
                let key = wish.key;
                let routes = routes.into_iter().filter_map(move |name| Some(key.sibling(name.as_str()?)));
                let before = wish.before;
                routes.filter_map(move |route| Some((route, before.clone()?)))
            })
            .collect()
    }
}

fn backends(route: &WeightedRoute) -> Vec<String> {
    route.spec.backends.iter().map(|backend| backend.environment.clone()).collect()
}

/// How long the run of a shift may take.
fn length(shift: &TrafficShift) -> Duration {
    let seconds = |duration: weir_api::Duration| Duration::from_secs(duration.as_secs().into());
    let strategy = &shift.spec.strategy;
    let mut length = REST + seconds(shift.spec.progress_deadline);
    for step in strategy.steps.iter().flatten() {
        length += STEP + step.pause.as_ref().and_then(|pause| pause.duration).map(seconds).unwrap_or_default();
    }
    if let Some(linear) = &strategy.linear {
        length += equal_steps(linear.step, linear.interval);
    }
    length
}

/// How long it may take to move everything by so many percent each, with a pause between them.
fn equal_steps(percent: i32, pause: weir_api::Duration) -> Duration {
    let steps = 100_u32.div_ceil(u32::try_from(percent).unwrap_or(1).max(1));
    (STEP + Duration::from_secs(pause.as_secs().into())) * steps
}
