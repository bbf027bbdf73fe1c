//! Looking at Weir's objects and events, typed, as they stand in the simulated Kubernetes.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use weir_api::FINALIZER;
use weir_api::command::COMMAND_ANNOTATION;
use weir_api::condition::COMPLETE;
use weir_api::traffic_shift::Phase;
use weir_api::{EntryPoint, Environment, TrafficShift, WeightedRoute};

use super::World;

/// A Kubernetes event, as far as people read it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    /// When it was told.
    pub at: String,
    /// The kind and name of the object.
    pub about: String,
    /// `Normal` or `Warning`.
    pub type_: String,
    /// In one word.
    pub reason: String,
    /// In words.
    pub note: String,
}

impl World {
    /// A shift of the world's namespace.
    pub fn shift(&self, name: &str) -> Option<TrafficShift> {
        self.object("trafficshifts", name)
    }

    /// A route of the world's namespace.
    pub fn route(&self, name: &str) -> Option<WeightedRoute> {
        self.object("weightedroutes", name)
    }

    /// An environment of the world's namespace.
    pub fn environment(&self, name: &str) -> Option<Environment> {
        self.object("environments", name)
    }

    /// An entry point of the world's namespace.
    pub fn entry_point(&self, name: &str) -> Option<EntryPoint> {
        self.object("entrypoints", name)
    }

    fn object<K: DeserializeOwned>(&self, resource: &str, name: &str) -> Option<K> {
        let object = self.kube.get(resource, &self.settings.namespace, name)?;
        Some(K::deserialize(&*object).expect("what the schema let through can be read"))
    }

    /// The phase of a shift.
    pub fn phase(&self, shift: &str) -> Option<Phase> {
        self.shift(shift)?.status?.phase
    }

    /// Whether the last run of a shift has ended, for the spec as it is now.
    pub fn is_complete(&self, shift: &str) -> bool {
        let Some(shift) = self.kube.get("trafficshifts", &self.settings.namespace, shift) else { return false };
        let status = &shift["status"];
        let mut conditions = status["conditions"].as_array().into_iter().flatten();
        status["observedGeneration"] == shift["metadata"]["generation"]
            && conditions.any(|condition| condition["type"] == COMPLETE && condition["status"] == "True")
    }

    /// Changes an object of the world's namespace, as `kubectl patch --type merge` does.
    pub fn patch(&self, resource: &str, name: &str, patch: &Value) -> Result<(), String> {
        let patched = self.kube.merge(resource, &self.settings.namespace, name, patch);
        patched.map(drop).map_err(|failure| format!("{resource} {name} was not changed: {failure}"))
    }

    /// Gives a shift a command, as `kubectl annotate --overwrite` does.
    pub fn command(&self, shift: &str, command: &str) -> Result<(), String> {
        self.patch("trafficshifts", shift, &json!({"metadata": {"annotations": {COMMAND_ANNOTATION: command}}}))
    }

    /// Takes the status away from every object of Weir's kinds, as a restore from manifests would.
    ///
    /// # Panics
    ///
    /// Never: an object that was just listed is there.
    pub fn lose_statuses(&self) {
        for resource in ["entrypoints", "environments", "weightedroutes", "trafficshifts"] {
            for object in self.kube.list(resource, "") {
                let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
                self.kube
                    .wipe_status(resource, text("namespace"), text("name"))
                    .expect("an object that was just listed is there");
            }
        }
    }

    /// The objects that were deleted and are still there because of our finalizer, since when.
    pub(crate) fn lingering(&self) -> Vec<(String, Timestamp)> {
        let of_kind = |resource: &'static str| {
            let objects = self.kube.list(resource, "");
            let lingering = objects.into_iter().filter_map(move |object| {
                let since = object["metadata"]["deletionTimestamp"].as_str()?.parse().ok()?;
                let holds = object["metadata"]["finalizers"].as_array()?.contains(&json!(FINALIZER));
                Some((format!("{resource}/{}", object["metadata"]["name"].as_str()?), since)).filter(|_| holds)
            });
            lingering.collect::<Vec<_>>()
        };
        ["entrypoints", "environments", "weightedroutes", "trafficshifts"].into_iter().flat_map(of_kind).collect()
    }

    /// Every event that is kept, in the order of time.
    pub fn events(&self) -> Vec<Told> {
        let mut events: Vec<Told> =
            self.kube.list("events.events.k8s.io", "").iter().map(|event| told(event)).collect();
        events.sort();
        events
    }
}

fn told(event: &Value) -> Told {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Told {
        at: text(&event["eventTime"]),
        about: format!("{} {}", text(&event["regarding"]["kind"]), text(&event["regarding"]["name"])),
        type_: text(&event["type"]),
        reason: text(&event["reason"]),
        note: text(&event["note"]),
    }
}
