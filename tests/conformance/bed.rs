//! What a case can do and see on a test bed, whichever it is.
//!
//! On each bed a case finds the same stage: a balancer that forwards everything on port 80 to blue, and the groups blue,
//! green and red with [`TARGETS`] healthy targets each. They are on a second listener of the balancer too, as smoke
//! tests would have them, so that their health is known before they carry traffic.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

/// The environments of the stage.
pub(crate) const ENVIRONMENTS: [&str; 3] = ["blue", "green", "red"];
/// How many targets each environment has.
pub(crate) const TARGETS: usize = 2;
/// The port on which clients come.
pub(crate) const PORT: u16 = 80;
/// The port on which every environment can be reached, whatever clients get.
pub(crate) const SMOKE_PORT: u16 = 8080;
/// How often the controllers of a bed look round on AWS.
pub(crate) const ROUND: Duration = Duration::from_secs(2);
/// How often listeners and target groups are read at most.
pub(crate) const SLOW: Duration = Duration::from_secs(75);
/// How long a controller's lease lasts where time is real: as short as may be, since after a kill it is waited for.
pub(crate) const LEASE: Duration = Duration::from_secs(10);
/// The name of the installation, as tags on AWS have it.
pub(crate) const OWNER: &str = "conformance";

/// How often is looked whether what is awaited has come.
const GLANCE: Duration = Duration::from_millis(100);
/// How long is waited for anything: a slow machine that also compiles takes its time.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long is waited for what must not come: a round, and what would follow from it.
pub(crate) const REST: Duration = Duration::from_secs(3);
/// The resources of Weir's kinds.
const RESOURCES: [&str; 4] = ["entrypoints", "environments", "weightedroutes", "trafficshifts"];

/// Weights by environment.
pub(crate) type Weights = BTreeMap<String, u32>;

/// A place on the stage's balancer where traffic is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The default action of the listener on [`PORT`].
    Default,
    /// The rule of this priority on the listener on [`PORT`].
    Rule(u32),
}

/// A test bed, with a namespace and a balancer that no other case has.
pub(crate) trait Bed {
    /// The namespace of the case.
    fn namespace(&self) -> &str;

    /// The name on AWS of a thing of the stage: of the balancer `public`, or of an environment's group.
    fn name(&self, of: &str) -> String;

    /// Lets time pass.
    fn pass(&mut self, span: Duration);

    /// Applies manifests as `kubectl apply` does; the error is what the user is told.
    fn try_apply(&mut self, manifests: &str) -> Result<(), String>;

    /// Applies manifests that were written before the kinds got the rules that they have now.
    fn apply_from_before(&mut self, manifests: &str);

    /// Changes an object as `kubectl patch --type merge` does.
    fn patch(&mut self, resource: &str, name: &str, patch: &Value);

    /// Takes the status away from an object.
    fn wipe_status(&mut self, resource: &str, name: &str);

    /// Deletes an object and does not wait until it is gone.
    fn delete(&mut self, resource: &str, name: &str);

    /// The objects of a resource in the namespace.
    fn list(&self, resource: &str) -> Vec<Value>;

    /// Waits as `kubectl wait --for=condition=…` does.
    fn await_condition(&mut self, resource: &str, name: &str, condition: &str);

    /// The live weights on AWS; nothing where nothing is forwarded.
    fn live(&self, place: Place) -> Weights;

    /// The tags on AWS of the rule, or of the listener for its default action.
    fn tags(&self, place: Place) -> BTreeMap<String, String>;

    /// Writes other weights by hand, as an operator does in the console.
    fn edit(&mut self, place: Place, weights: &[(&str, u32)]);

    /// Breaks the application on so many targets of an environment, where the bed can.
    fn break_targets(&mut self, environment: &str, count: usize);

    /// Starts the controller.
    fn start(&mut self);

    /// Kills the controller as `kill -9` does, in the middle of whatever it does.
    fn kill(&mut self);

    /// What the controller counts, in the text form of Prometheus.
    fn metrics(&self) -> String;

    /// How often the controllers have asked the API server for anything but who leads, where the bed can count that.
    fn requests(&self) -> Option<u64>;

    /// What there is to say about the controller when a case has failed.
    fn last_words(&self) -> String;
}

impl dyn Bed + '_ {
    /// Applies manifests that must be accepted.
    #[track_caller]
    pub(crate) fn apply(&mut self, manifests: &str) {
        self.try_apply(manifests).unwrap_or_else(|said| panic!("not accepted: {said}\n{manifests}"));
    }

    /// Lets time pass until something is there; fails with all that is known when that takes too long.
    #[track_caller]
    pub(crate) fn until<T>(&mut self, awaited: &str, mut find: impl FnMut(&dyn Bed) -> Option<T>) -> T {
        let mut passed = Duration::ZERO;
        loop {
            if let Some(found) = find(self) {
                return found;
            }
            assert!(passed < PATIENCE, "waited in vain for {PATIENCE:?}: {awaited}\n{}", self.report());
            self.pass(GLANCE);
            passed += GLANCE;
        }
    }

    /// An object of the case, if it is there.
    pub(crate) fn find(&self, resource: &str, name: &str) -> Option<Value> {
        self.list(resource).into_iter().find(|object| object["metadata"]["name"] == name)
    }

    /// An object of the case.
    #[track_caller]
    pub(crate) fn get(&self, resource: &str, name: &str) -> Value {
        self.find(resource, name).unwrap_or_else(|| panic!("there is no {resource} {name}\n{}", self.report()))
    }

    /// The status of the shift `checkout`.
    #[track_caller]
    pub(crate) fn shift(&self) -> Value {
        self.get("trafficshifts", "checkout")["status"].take()
    }

    /// Where the past runs of the shift `checkout` went and how each ended, the newest first.
    #[track_caller]
    pub(crate) fn history(&self) -> Vec<String> {
        let past = self.shift()["history"].take();
        let past = past.as_array().expect("there is a history").iter();
        past.map(|run| format!("{} {}", run["to"], run["outcome"])).collect()
    }

    /// Waits until the shift `checkout` is in a phase with so much weight on its candidate.
    #[track_caller]
    pub(crate) fn until_phase(&mut self, phase: &str, weight: u32) {
        let is_there = |status: &Value| status["phase"] == phase && status["run"]["weight"] == weight;
        let awaited = format!("the shift is {phase} at {weight}");
        self.until(&awaited, |bed| is_there(&bed.find("trafficshifts", "checkout")?["status"]).then_some(()));
    }

    /// Waits until an object is gone.
    #[track_caller]
    pub(crate) fn until_gone(&mut self, resource: &str, name: &str) {
        self.until(&format!("{resource} {name} is gone"), |bed| bed.find(resource, name).is_none().then_some(()));
    }

    /// Waits until a condition of an object is true, and returns its message.
    #[track_caller]
    pub(crate) fn until_true(&mut self, resource: &str, name: &str, condition: &str) -> Told {
        let awaited = format!("{condition} of {resource} {name} is true");
        self.until(&awaited, |bed| condition_of(&bed.find(resource, name)?, condition).filter(|told| told.holds))
    }

    /// Lets so much time pass that the controller would have done what it must not do.
    pub(crate) fn rest(&mut self) {
        self.pass(REST);
    }

    /// The live weights of green, without repetitions and from the first step on, until the shift `checkout` is in a
    /// phase.
    #[track_caller]
    pub(crate) fn trail_until(&mut self, phase: &str) -> Vec<u32> {
        let mut trail = Vec::new();
        self.until(&format!("the shift is {phase}"), |bed| {
            let status = bed.shift();
            let green = bed.live(Place::Default).get("green").copied();
            if let Some(weight) = green.filter(|weight| *weight > 0 && trail.last() != Some(weight)) {
                trail.push(weight);
            }
            (status["phase"] == phase).then_some(())
        });
        trail
    }

    /// Takes the statuses away from all objects of the case.
    pub(crate) fn wipe_statuses(&mut self) {
        for resource in ["trafficshifts", "weightedroutes", "environments", "entrypoints"] {
            for object in self.list(resource) {
                self.wipe_status(resource, object["metadata"]["name"].as_str().unwrap_or_default());
            }
        }
    }

    /// Gives the shift `checkout` a command.
    pub(crate) fn command(&mut self, command: &str) {
        self.patch("trafficshifts", "checkout", &json!({"metadata": {"annotations": {"weir.dev/command": command}}}));
    }

    /// Makes the shift `checkout` want another environment: a release.
    pub(crate) fn release(&mut self, to: &str) {
        self.patch("trafficshifts", "checkout", &json!({"spec": {"to": to}}));
    }

    /// Deletes objects of Weir's kinds, all of the namespace, and waits until they are gone.
    #[track_caller]
    pub(crate) fn wipe_objects(&mut self) {
        for resource in RESOURCES {
            for object in self.list(resource) {
                self.delete(resource, object["metadata"]["name"].as_str().unwrap_or_default());
            }
        }
        let gone = |bed: &dyn Bed| RESOURCES.iter().all(|resource| bed.list(resource).is_empty()).then_some(());
        self.until("all objects are gone", gone);
    }

    /// How often each operation of AWS was called by the controller that runs now.
    pub(crate) fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        for line in self.metrics().lines().filter(|line| line.starts_with("weir_aws_calls_total{")) {
            let operation = line.split("operation=\"").nth(1).and_then(|rest| rest.split('"').next());
            let count = line.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok());
            if let (Some(operation), Some(count)) = (operation, count) {
                *calls.entry(operation.to_owned()).or_default() += count;
            }
        }
        calls
    }

    /// How often the controller that runs now has written to AWS.
    pub(crate) fn writes(&self) -> u64 {
        self.calls().iter().filter(|(operation, _)| !operation.starts_with("Describe")).map(|(_, count)| count).sum()
    }

    /// The versions of all objects, which change with each write to one of them.
    pub(crate) fn versions(&self) -> BTreeMap<String, String> {
        let objects = RESOURCES.into_iter().flat_map(|resource| self.list(resource));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        objects
            .map(|object| {
                let name = format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"]));
                (name, text(&object["metadata"]["resourceVersion"]))
            })
            .collect()
    }

    /// Everything that helps to understand a failure.
    pub(crate) fn report(&self) -> String {
        let mut text = format!("live: {:?}\n", self.live(Place::Default));
        for resource in ["weightedroutes", "trafficshifts"] {
            for object in self.list(resource) {
                let _ = writeln!(text, "{} {}: {:#}", resource, object["metadata"]["name"], object["status"]);
            }
        }
        let _ = write!(text, "{}", self.last_words());
        text
    }
}

/// What a condition tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) holds: bool,
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// A condition of an object, if it speaks of the spec as it is now.
pub(crate) fn condition_of(object: &Value, type_: &str) -> Option<Told> {
    let conditions = object["status"]["conditions"].as_array()?;
    let condition = conditions.iter().find(|condition| condition["type"] == type_)?;
    let text = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    let is_current = condition["observedGeneration"] == object["metadata"]["generation"];
    is_current.then(|| Told { holds: condition["status"] == "True", reason: text("reason"), message: text("message") })
}

/// Weights by environment.
pub(crate) fn weights(entries: &[(&str, u32)]) -> Weights {
    entries.iter().map(|(environment, weight)| ((*environment).to_owned(), *weight)).collect()
}
