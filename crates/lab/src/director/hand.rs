//! What people do by hand, done.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use weir_api::command::COMMAND_ANNOTATION;
use weir_engine::step::{OWNER_TAG, ROUTE_TAG};
use weir_sim::aws::RuleAction;

use crate::fault::{Fault, Hand};
use crate::journal::What;

use super::{Director, Later, lock};

/// How often somebody who fights sets weights.
const ROUND: Duration = Duration::from_secs(20);

impl Director {
    pub(super) fn do_by_hand(&self, hand: &Hand) {
        match hand {
            Hand::Weights(blue, green) => self.set_weights(*blue, *green),
            Hand::Fight(blue, green, times) => {
                self.set_weights(*blue, *green);
                if let Some(left) = times.checked_sub(1).filter(|left| *left > 0) {
                    let again = Fault::Hand(Hand::Fight(*blue, *green, left));
                    self.later(Instant::now() + ROUND, Later::Fault(again));
                }
            }
            Hand::Remove => self.retag(|place| self.remove(place)),
            Hand::Untag => self.retag(|place| self.untag(place)),
            Hand::Claim => self.retag(|place| {
                let done = self.aws.add_tags(place, &[(OWNER_TAG, "somebody-else"), (ROUTE_TAG, "other/route")]);
                debug_assert!(done.is_ok(), "{done:?}");
            }),
            Hand::Detach(group) => self.detach(group),
            Hand::To(to) => self.patch("trafficshifts", &json!({"spec": {"to": to}})),
            Hand::Paused(paused) => self.patch("trafficshifts", &json!({"spec": {"paused": paused}})),
            Hand::Command(verb) => {
                let number = {
                    let mut state = lock(&self.state);
                    state.hands += 1;
                    state.hands
                };
                let command = format!("{verb}/by-hand-{number}");
                self.patch("trafficshifts", &json!({"metadata": {"annotations": {COMMAND_ANNOTATION: command}}}));
            }
            Hand::DeleteShift => drop(self.kube.delete("trafficshifts", &self.site.namespace, "checkout")),
            Hand::RecreateShift => self.recreate("trafficshifts", "checkout"),
            Hand::RecreateRoute => self.recreate("weightedroutes", "checkout"),
            Hand::RecreateEnvironment(name) => self.recreate("environments", name),
            Hand::WipeStatuses => self.wipe(),
        }
    }

    /// The rule, or the listener for its default action or while there is no rule.
    fn place(&self) -> String {
        let rules = self.aws.rule_arns(&self.site.listener);
        self.site.priority.and_then(|at| rules.get(&at).cloned()).unwrap_or_else(|| self.site.listener.clone())
    }

    fn set_weights(&self, blue: u32, green: u32) {
        // Where the console finds nothing that forwards, nothing is changed.
        let _ = self.aws.edit_weights(&self.place(), &[("blue", blue), ("green", green)]);
    }

    fn remove(&self, place: &str) {
        let done = if place == self.site.listener {
            self.aws.edit_action(place, &RuleAction::FixedResponse(404))
        } else {
            self.aws.by_hand("DeleteRule", &[("RuleArn", place)])
        };
        debug_assert!(done.is_ok(), "{done:?}");
    }

    /// Somebody changes the tags, or takes them away with their rule, and it is noted what they were and are.
    fn retag(&self, change: impl FnOnce(&str)) {
        let place = self.place();
        let before = self.aws.tags(&place);
        change(&place);
        let after = self.aws.tags(&place);
        if before != after {
            self.journal.add(self.clock.now(), 0, What::Retagged { place, before, after });
        }
    }

    fn untag(&self, place: &str) {
        for (number, key) in self.aws.tags(place).keys().enumerate() {
            debug_assert!(number < 50, "AWS takes 50 tags");
            let done = self.aws.by_hand("RemoveTags", &[("ResourceArns.member.1", place), ("TagKeys.member.1", key)]);
            debug_assert!(done.is_ok(), "{done:?}");
        }
    }

    fn detach(&self, group: &str) {
        let place = self.place();
        let mut weights = self.aws.weights(&place);
        weights.remove(group);
        let left: Vec<(&str, u32)> = weights.iter().map(|(group, weight)| (group.as_str(), *weight)).collect();
        // A group that carries nothing of the others' is left with all of it, as the console has it.
        let left: Vec<(&str, u32)> = match left.as_slice() {
            [(only, _)] => vec![(only, 1)],
            _ => left,
        };
        if !left.is_empty() {
            let _ = self.aws.edit_weights(&place, &left);
        }
    }

    fn patch(&self, resource: &str, patch: &Value) {
        // An object that is gone is not changed by anybody.
        let _ = self.kube.merge(resource, &self.site.namespace, "checkout", patch);
    }

    fn recreate(&self, resource: &str, name: &str) {
        let Some(object) = self.kube.get(resource, &self.site.namespace, name) else { return };
        let deleted = self.kube.delete(resource, &self.site.namespace, name);
        debug_assert!(deleted.is_ok(), "{deleted:?}");
        let manifest = json!({
            "apiVersion": object["apiVersion"],
            "kind": object["kind"],
            "metadata": {"name": name, "namespace": self.site.namespace},
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
            if self.kube.get(&resource, &self.site.namespace, name).is_some() {
                lock(&self.state).absent.push((resource, manifest));
            } else {
                let made = self.kube.apply(&manifest);
                debug_assert!(made.is_ok(), "{made:?}");
            }
        }
    }

    fn wipe(&self) {
        for resource in ["entrypoints", "environments", "weightedroutes", "trafficshifts"] {
            for object in self.kube.list(resource, &self.site.namespace) {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                let wiped = self.kube.wipe_status(resource, &self.site.namespace, name);
                debug_assert!(wiped.is_ok(), "{wiped:?}");
            }
        }
    }
}
