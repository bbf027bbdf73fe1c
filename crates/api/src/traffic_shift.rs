//! `TrafficShift`: the standing wish that the traffic of some routes be on an environment, and how it gets there.

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::{Command, Verb};
use crate::duration::Within;
use crate::requests::Evidence;
use crate::text::ObjectName;
use crate::weighted_route::EnvironmentWeight;
use crate::{Condition, Duration};

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
    /// and the permission `cloudwatch:GetMetricData`.
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

/// How much healthy capacity a weight needs.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// How many healthy targets an environment needs for its part of the traffic, in percent of that part of the
    /// targets that were healthy on the live side when the run began. Give less than 100 where the new targets are
    /// larger than the old ones.
    #[serde(default = "all_of_it")]
    #[schemars(range(min = 1, max = 200))]
    pub min_healthy_percent: i32,
}

fn all_of_it() -> i32 {
    100
}

impl Default for Capacity {
    fn default() -> Self {
        Self { min_healthy_percent: all_of_it() }
    }
}

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

/// Where the shift stands.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrafficShiftStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the present run stands, or how the last one ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The weights of the first route in percent: those that a run makes live, and at rest those that are live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// What the shift is waiting for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// The run that is moving, or the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// The environment that `to` names meanwhile, where its run waits for the end of the one that is moving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<String>,
    /// The last runs that ended, newest first, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<PastRun>,
    /// The last command that was seen, so that it is not carried out twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_command: Option<LastCommand>,
    /// `Ready`, `Complete`, `Reconciling` and `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// A run is wanted and waits for what it needs before it can start.
    Pending,
    /// The candidate is attached without weight and its health is watched.
    Verifying,
    /// A weight is being made live, or the next one waits for capacity.
    Shifting,
    /// A pause of the strategy: the run goes on when it is over.
    Paused,
    /// Somebody holds the run, or something that was changed does: it goes on when it is told to, or when that is as it
    /// was.
    Held,
    /// The run has failed, and `onFailure: Pause` holds it where it is.
    Degraded,
    /// The candidate carries everything; the old side stays attached for clients that stick to it.
    Baking,
    /// The candidate carries everything and the run has ended.
    Succeeded,
    /// The traffic is going back to what carried it before.
    RollingBack,
    /// The traffic is back on what carried it before and the run has ended.
    RolledBack,
    /// The run ended without getting to either side.
    Failed,
    /// Another run took over.
    Superseded,
}

impl Phase {
    /// The phase as it stands in a status.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Verifying => "Verifying",
            Self::Shifting => "Shifting",
            Self::Paused => "Paused",
            Self::Held => "Held",
            Self::Degraded => "Degraded",
            Self::Baking => "Baking",
            Self::Succeeded => "Succeeded",
            Self::RollingBack => "RollingBack",
            Self::RolledBack => "RolledBack",
            Self::Failed => "Failed",
            Self::Superseded => "Superseded",
        }
    }

    /// Whether a run stays where it is, so that no time counts towards its deadline.
    pub fn rests(self) -> bool {
        matches!(self, Self::Paused | Self::Held | Self::Degraded)
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Outcome {
    /// The candidate carries everything.
    Succeeded,
    /// The traffic is back on what carried it before.
    RolledBack,
    /// Neither was reached.
    Failed,
    /// Another run took over.
    Superseded,
}

/// Something that the shift waits for.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// For what, as one word in CamelCase.
    pub reason: String,
    /// For what, in words.
    pub message: String,
    /// Since when it waits for this.
    pub since: Timestamp,
    /// When it will end by itself, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// One move of traffic.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Its number; later runs of the shift have higher ones.
    pub id: i32,
    /// The environment that the traffic is moved to.
    pub to: String,
    /// The number of the change that is wanted now; it rises with each change.
    pub seq: i32,
    /// The candidate's part of the traffic that is wanted now, in percent.
    pub weight: i32,
    /// The step and the number of steps, for example `2/4`.
    pub progress: String,
    /// The weights that are wanted now, in words, for example `blue 75, green 25`.
    pub summary: String,
    /// How the run gets to its environment, where there was a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<Course>,
    /// Whether the run took over while a change of the one before was on its way: each route then first says what is
    /// live, and only from there the run goes on.
    #[serde(default, skip_serializing_if = "is_false")]
    pub surveying: bool,
    /// What is wanted of each route.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub routes: Vec<RunRoute>,
    /// When the run began.
    pub started_at: Timestamp,
    /// When all routes were seen to have the weights that are wanted now. Absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<Timestamp>,
    /// The last progress, from which the deadline is counted.
    pub progressed_at: Timestamp,
    /// Since when the candidate has less healthy capacity than its part of the traffic needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degraded_since: Option<Timestamp>,
    /// Since when it cannot be told how a candidate is that carries traffic. Until it can, nothing goes back by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blind_since: Option<Timestamp>,
    /// Whether nobody checked the candidate's targets when they were last looked at, since no listener used their group. What
    /// is checked anew is given time to turn out healthy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchecked: bool,
    /// What a command has told the run not to wait for any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Released>,
    /// The number of the change by which a user has the run's weights set over somebody else's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasserted_seq: Option<i32>,
    /// Why the run is held, beside the pauses of its strategy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Why the run goes back, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Cause>,
    /// What is out of the ordinary about this run, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The outcome that the routes are asked to remember, once everything else is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The environment that the traffic went back to, where `to` names it by then: its routes remember that wish as
    /// fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned_to: Option<String>,
    /// When the run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// How a run gets to its environment, and why so.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Course {
    /// Whether everything moves in one step, since the environment is known to be good.
    pub immediate: bool,
    /// Why, as one word in CamelCase: `KnownGood`, `NeverCarriedAll`, `OtherTargetGroup`, `CapacityShort` or
    /// `Gradual`.
    pub reason: String,
    /// Why, in words.
    pub message: String,
}

/// What a run wants of one route.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRoute {
    /// The name of the `WeightedRoute`.
    pub name: String,
    /// The weights that were live when the run began. A rollback goes back to them, unless there is a `home`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub from: Vec<EnvironmentWeight>,
    /// The weights that were live before the first of several runs of which each took over from the one before: a
    /// rollback goes back to them, and not to what such a run had left half way. Absent in a run that took over
    /// from none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub home: Vec<EnvironmentWeight>,
    /// How many targets were healthy on the live side when the run began.
    pub baseline: i32,
    /// The live weights that the present change starts from. A route that finds others does not write: somebody
    /// else has changed them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub before: Vec<EnvironmentWeight>,
    /// The weights that are wanted now: exactly these environments are in the action.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub weights: Vec<EnvironmentWeight>,
}

impl RunRoute {
    /// The weights that a rollback goes back to.
    pub fn home(&self) -> &[EnvironmentWeight] {
        if self.home.is_empty() { &self.from } else { &self.home }
    }
}

/// What a command has told a run not to wait for any more.
#[derive(KubeSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Released {
    /// The number of the change for which this holds.
    pub seq: i32,
    /// What it waited for when the command was given; what comes before that is not waited for either.
    pub wait: Wait,
}

/// What a run waits for at one weight, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Wait {
    /// The end of the step's pause.
    StepPause,
    /// The share of the candidate, see `spec.evidence`.
    ShareNotSeen,
    /// The clients that stick to the old side.
    StickyClients,
}

impl Wait {
    /// Each of them, first to last.
    pub const ALL: [Self; 3] = [Self::StepPause, Self::ShareNotSeen, Self::StickyClients];
}

impl Run {
    /// Whether a command has ended this wait, or a later one, at the present weight.
    pub fn is_released(&self, wait: Wait) -> bool {
        self.released.is_some_and(|released| released.seq == self.seq && released.wait >= wait)
    }
}

/// Something that holds a run.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// What kind of thing it is.
    pub by: HeldBy,
    /// What happened, in words.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
}

/// What may hold a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum HeldBy {
    /// The command `pause`.
    Command,
    /// Somebody else changed what the run is moving.
    ForeignChange,
    /// The run failed and `onFailure` is `Pause`.
    Failure,
    /// The routes were taken from the shift in the middle of the run before, and are its own again.
    HandedBack,
    /// The objects do not say any more what the run moves: an environment, an entry point or the backends of a route
    /// were changed. It ends by itself when they are as they were.
    ObjectsChanged,
    /// The strategy was changed in the middle of a pause without an end, and has no step at the present weight any more.
    StrategyChanged,
}

impl HeldBy {
    /// Each of them.
    pub const ALL: [Self; 6] = [
        Self::Command,
        Self::ForeignChange,
        Self::Failure,
        Self::HandedBack,
        Self::ObjectsChanged,
        Self::StrategyChanged,
    ];

    /// The phase of a run that it holds.
    pub fn phase(self) -> Phase {
        match self {
            Self::Failure => Phase::Degraded,
            Self::Command | Self::ForeignChange | Self::HandedBack | Self::ObjectsChanged | Self::StrategyChanged => {
                Phase::Held
            }
        }
    }
}

/// Why a run goes back.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// As one word in CamelCase, for example `CandidateUnhealthy`.
    pub reason: String,
    /// In words.
    pub message: String,
    /// When it was decided.
    pub since: Timestamp,
}

/// A run that ended.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PastRun {
    /// Its number.
    pub id: i32,
    /// The environment that it moved the traffic to.
    pub to: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How it ended, in words.
    pub message: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// A command that was seen.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastCommand {
    /// The annotation's value; of one that is too long to be a command, the beginning.
    pub command: String,
    /// What became of it, in words.
    pub result: String,
    /// Whether it was not carried out: it is no command, or there was nothing that it could do.
    #[serde(default, skip_serializing_if = "is_false")]
    pub refused: bool,
    /// When it was seen.
    pub at: Timestamp,
}

impl LastCommand {
    /// Whether this verb was commanded, and carried out.
    pub fn is_accepted(&self, verb: Verb) -> bool {
        !self.refused && self.command.parse::<Command>().is_ok_and(|command| command.verb == verb)
    }
}
