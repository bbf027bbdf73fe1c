//! `TrafficShift`: the standing wish that the traffic of some routes be on an environment, and how it gets there.

mod status;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::traffic::{Capacity, Outcome};
pub use status::{
    Cause, Course, GateName, HeldBy, Hold, PastRun, Phase, Released, Run, RunGate, RunRoute, TrafficShiftStatus,
    Waiting,
};

use crate::Duration;
use crate::duration::Within;
use crate::requests::Evidence;
use crate::text::ObjectName;

/// The standing wish that the traffic of some routes be on an environment, and how it gets there.
/// A release is a change of `to`.
#[allow(clippy::duplicated_attributes, reason = "most columns are of one type")]
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[kube(
    group = "weir.dev",
    version = "v1alpha1",
    kind = "TrafficShift",
    plural = "trafficshifts",
    shortname = "ts",
    category = "weir",
    namespaced,
    status = "TrafficShiftStatus",
    derive = "PartialEq",
    doc = "The standing wish that the traffic of some routes be on an environment, and how it gets there.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "To", type_ = "string", json_path = ".spec.to"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Step", type_ = "string", json_path = ".status.run.progress"),
    printcolumn(name = "Weights", type_ = "string", json_path = ".status.weights"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct TrafficShiftSpec {
    /// The routes whose traffic is moved, in the same namespace. They move in lockstep.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(min = 1, max = 10), with = "Vec<ObjectName>")]
    pub routes: Vec<String>,
    /// The environment that the traffic shall be on. A change starts a new run.
    #[schemars(with = "ObjectName")]
    pub to: String,
    /// How the traffic gets there: exactly one of `steps`, `linear` and `allAtOnce`.
    pub strategy: Strategy,
    /// How the traffic gets back to an environment that has carried all of it before.
    #[serde(default)]
    pub known_good: KnownGood,
    /// How much healthy capacity a weight needs.
    #[serde(default)]
    pub capacity: Capacity,
    /// What must be seen of a step before the next one is taken. With `Share` a step waits, after its pause, until
    /// CloudWatch shows what clients do: at least two whole minutes after its weights were read back, with at least
    /// 100 requests in them (up to ten minutes are taken together for that), in which the candidate's share is at
    /// least its weight less five points and not less than half of its weight, and at most its weight and five
    /// points. While clients stick to groups the share follows late: then it is enough that the candidate has
    /// answered requests in two of these minutes. The wait counts towards `progressDeadline`; the command `promote`, given
    /// while the run waits for it, ends it for the present step. A rollback never waits for it, nor does a move at once to
    /// an environment that is known to be good. It needs Application Load Balancers, target groups that no other rule uses,
    /// and the permission `cloudwatch:GetMetricData`. Requests to names in DNS are not counted.
    #[serde(default)]
    pub evidence: Evidence,
    /// What happens when the candidate loses its health or the deadline passes.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// What happens when `to` is changed in the middle of a run. Setting it back to what carried everything before
    /// the run brings the traffic back at once in any case.
    #[serde(default)]
    pub on_change: OnChange,
    /// How long a run may go without progress before it has failed, from 30s to 7d. Pauses do not count.
    #[serde(default = "one_hour")]
    #[schemars(with = "Within<30, 604_800>")]
    pub progress_deadline: Duration,
    /// Holds a run where it is, and keeps a new one from starting.
    #[serde(default)]
    pub paused: bool,
    /// What happens when the object is deleted in the middle of a run.
    #[serde(default)]
    pub deletion_policy: ShiftDeletionPolicy,
}

fn one_hour() -> Duration {
    Duration::from_secs(3_600)
}

/// How the traffic gets to the environment.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("[has(self.steps), has(self.linear), has(self.allAtOnce)].filter(given, given).size() == 1")
    .message("give exactly one of strategy.steps, strategy.linear and strategy.allAtOnce"))]
#[serde(rename_all = "camelCase")]
pub struct Strategy {
    /// Chosen weights with pauses between them. The weights rise and the last one is 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.all(step, has(step.weight) || has(step.pause))")
        .message("each step needs a weight, a pause, or both"))]
    #[x_kube(validation = Rule::new("self.exists(step, has(step.weight) && step.weight == 100)")
        .message("the last weight of strategy.steps must be 100; add a step with weight: 100"))]
    #[x_kube(validation = Rule::new("self.filter(step, has(step.weight)).map(step, step.weight).isSorted() && self.filter(step, has(step.weight)).all(step, self.filter(other, has(other.weight) && other.weight == step.weight).size() == 1)")
        .message("the weights of strategy.steps must rise from step to step, for example 5, 25, 50, 100"))]
    #[schemars(length(min = 1, max = 50))]
    pub steps: Option<Vec<Step>>,
    /// Equal steps at equal intervals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linear: Option<Linear>,
    /// Everything in one step, once the environment has the capacity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_at_once: Option<AllAtOnce>,
}

/// One step of a run: a weight, and how long to stay there.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The environment's part of the traffic, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub weight: Option<i32>,
    /// How long to stay once the weight was seen to be live: `{duration: 10m}`, or `{}` until somebody says `resume`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
}

/// A pause within a run.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// Its length, from 1s to 365d. Without one it lasts until the command `resume` or `promote`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Within<1, 31_536_000>>")]
    pub duration: Option<Duration>,
}

/// Equal steps at equal intervals.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Linear {
    /// By how much the weight rises each time, in percent.
    #[schemars(range(min = 1, max = 100))]
    pub step: i32,
    /// How long to stay at each weight once it was seen to be live.
    pub interval: Duration,
}

/// Everything in one step.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AllAtOnce {}

/// What happens when a run fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnFailure {
    /// The traffic goes back to what carried it before.
    #[default]
    Rollback,
    /// The run holds where it is until somebody says `resume` or `abort`.
    Pause,
}

/// How the traffic gets to an environment that has carried all of it on every route of the shift before, with the same
/// target groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum KnownGood {
    /// Everything in one step and without the pauses of the strategy, if it has the healthy capacity for everything
    /// now; otherwise by the strategy. The status of the run says which, and why.
    #[default]
    Immediate,
    /// By the strategy, as to any other environment.
    Gradual,
}

/// What happens when `to` is changed in the middle of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnChange {
    /// A new run takes over from what is live then. The new candidate rises by the steps of the strategy, and all
    /// others fall in proportion.
    #[default]
    Replace,
    /// The run that is moving ends first; then the run to the new environment starts.
    Queue,
}

/// What happens when a shift is deleted in the middle of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ShiftDeletionPolicy {
    /// The weights stay as they are.
    #[default]
    Hold,
    /// The traffic goes back to what carried it before; then the object goes.
    Rollback,
}
