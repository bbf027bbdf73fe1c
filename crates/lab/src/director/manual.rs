//! What people do by hand, done.

mod console;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use weir_api::command::COMMAND_ANNOTATION;

use crate::fault::{Fault, ManualChange};
use crate::manifest;
use crate::provisioner::{OTHER_BALANCER, OTHER_PORT};
use crate::stage::{BALANCER, PORT, steps};

use super::{Director, Later, lock};

/// How often somebody who fights sets weights.
const ROUND: Duration = Duration::from_secs(20);
/// How long somebody takes who does a second thing right after a first.
const MOMENT: Duration = Duration::from_secs(1);

impl Director {
    pub(super) fn do_by_hand(&self, manual: &ManualChange) {
        match manual {
            ManualChange::Fight(blue, green, times) => {
                self.do_by_hand(&ManualChange::Weights(*blue, *green));
                if let Some(left) = times.checked_sub(1).filter(|left| *left > 0) {
                    let again = Fault::Manual(ManualChange::Fight(*blue, *green, left));
                    self.later(Instant::now() + ROUND, Later::Fault(again));
                }
            }
            ManualChange::To(to) => self.patch("trafficshifts", "checkout", &json!({"spec": {"to": to}})),
            ManualChange::ToTwice(first, then) => {
                self.do_by_hand(&ManualChange::To(first.clone()));
                self.later(Instant::now() + MOMENT, Later::Fault(Fault::Manual(ManualChange::To(then.clone()))));
            }
            ManualChange::Strategy(weights) => {
                let steps = manifest::parse(&steps(weights, "5s")).expect("steps are YAML");
                self.patch("trafficshifts", "checkout", &json!({"spec": {"strategy": steps[0]}}));
            }
            ManualChange::Paused(paused) => {
                self.patch("trafficshifts", "checkout", &json!({"spec": {"paused": paused}}));
            }
            ManualChange::Command(verb) => self.command(verb),
            ManualChange::CommandTwice(verb) => {
                self.command(verb);
                self.later(Instant::now() + MOMENT, Later::Fault(Fault::Manual(ManualChange::Command(verb.clone()))));
            }
            ManualChange::PointEnvironment(name, group) => {
                self.make_spare(group);
                let groups = json!([{"name": "web", "existing": {"name": group}}]);
                self.patch("environments", name, &json!({"spec": {"targetGroups": groups}}));
            }
            ManualChange::PointPort => self.point(BALANCER, OTHER_PORT),
            ManualChange::PointBalancer => self.point(OTHER_BALANCER, PORT),
            ManualChange::DropBackend(name) => {
                let Some(route) = self.kube.get("weightedroutes", &self.location.namespace, "checkout") else { return };
                let backends = route["spec"]["backends"].as_array().into_iter().flatten();
                let left: Vec<&Value> = backends.filter(|backend| backend["environment"] != **name).collect();
                self.patch("weightedroutes", "checkout", &json!({"spec": {"backends": left}}));
            }
            ManualChange::DeleteEntryPoint => drop(self.kube.delete("entrypoints", &self.location.namespace, "public")),
            ManualChange::DeleteEnvironment(name) => {
                drop(self.kube.delete("environments", &self.location.namespace, name));
            }
            ManualChange::DeleteShift => drop(self.kube.delete("trafficshifts", &self.location.namespace, "checkout")),
            ManualChange::RecreateShift => self.recreate("trafficshifts", "checkout"),
            ManualChange::RecreateRoute => self.recreate("weightedroutes", "checkout"),
            ManualChange::RecreateEnvironment(name) => self.recreate("environments", name),
            ManualChange::WipeStatuses => self.wipe(),
            on_aws => {
                // What AWS refuses is not done.
                let _ = self.use_console(on_aws);
            }
        }
    }

    fn command(&self, verb: &str) {
        let number = {
            let mut state = lock(&self.state);
            state.manual_changes += 1;
            state.manual_changes
        };
        let command = format!("{verb}/by-hand-{number}");
        self.patch("trafficshifts", "checkout", &json!({"metadata": {"annotations": {COMMAND_ANNOTATION: command}}}));
    }

    /// Points the entry point to a listener of others.
    fn point(&self, balancer: &str, port: u16) {
        let made = self.provisioner().listener_of_others(balancer, port);
        debug_assert!(made.is_ok(), "{made:?}");
        let spec = json!({"existing": {"name": balancer}, "listeners": [{"name": "https", "port": port}]});
        self.patch("entrypoints", "public", &json!({ "spec": spec }));
    }

    fn patch(&self, resource: &str, name: &str, patch: &Value) {
        // An object that is gone is not changed by anybody.
        let _ = self.kube.merge(resource, &self.location.namespace, name, patch);
    }

    fn recreate(&self, resource: &str, name: &str) {
        let Some(object) = self.kube.get(resource, &self.location.namespace, name) else { return };
        let deleted = self.kube.delete(resource, &self.location.namespace, name);
        debug_assert!(deleted.is_ok(), "{deleted:?}");
        let manifest = json!({
            "apiVersion": object["apiVersion"],
            "kind": object["kind"],
            "metadata": {"name": name, "namespace": self.location.namespace},
            "spec": object["spec"],
        });
        lock(&self.state).absent.push((resource.to_owned(), manifest));
        self.make_again();
    }

    /// Makes the objects again whose predecessors are gone by now.
    pub(super) fn make_again(&self) {
        let absent = std::mem::take(&mut lock(&self.state).absent);
        for (resource, manifest) in absent {
            let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
            if self.kube.get(&resource, &self.location.namespace, name).is_some() {
                lock(&self.state).absent.push((resource, manifest));
            } else {
                let made = self.kube.apply(&manifest);
                debug_assert!(made.is_ok(), "{made:?}");
            }
        }
    }

    fn wipe(&self) {
        for resource in ["entrypoints", "environments", "weightedroutes", "trafficshifts"] {
            for object in self.kube.list(resource, &self.location.namespace) {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                let wiped = self.kube.wipe_status(resource, &self.location.namespace, name);
                debug_assert!(wiped.is_ok(), "{wiped:?}");
            }
        }
    }
}
