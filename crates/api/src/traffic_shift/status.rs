//! What is recorded of a `TrafficShift`: the run that is moving, what it waits for, and the runs that ended.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::Condition;
use crate::command::LastCommand;
use crate::traffic::{EnvironmentWeight, Outcome};

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
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "crate::is_default")]
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
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub unchecked: bool,
    /// Where the run waits: the gates before its next change that are not open. Absent while it goes back or ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "known")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub gates: Vec<RunGate>,
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
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    pub fn rollback_target(&self) -> &[EnvironmentWeight] {
        if self.home.is_empty() { &self.from } else { &self.home }
    }
}

/// A gate at which a run waits.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunGate {
    /// Which gate it is.
    pub name: GateName,
    /// Why it is not open, as one word in CamelCase.
    pub reason: String,
    /// Why it is not open, in words.
    pub message: String,
    /// Since when the run waits there for this reason.
    pub since: Timestamp,
    /// When it will open by itself, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Whether the command `promote` releases it.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub promotable: bool,
}

/// The gates which a run passes before each change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum GateName {
    /// Nothing holds the run.
    Hold,
    /// `spec.paused` is false.
    Paused,
    /// The pause at the present weight is over.
    StepPause,
    /// The weights that are wanted are live on every route.
    Applied,
    /// The clients were seen to follow the present weight, see `spec.evidence`.
    ShareSeen,
    /// The candidate has the healthy targets for the next weight.
    Capacity,
    /// No client sticks to the old side any more.
    StickyClients,
    /// No resolver has kept an answer any more that leads to the old side of a name in DNS.
    OldAnswers,
    /// It is known how the targets of a first deployment are.
    FirstHealth,
}

/// What a command has told a run not to wait for any more.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Released {
    /// The number of the change for which this holds.
    pub seq: i32,
    /// The gates that are open for that change, whatever they would wait for.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "known")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub gates: Vec<GateName>,
}

impl Run {
    /// Whether a command has released a gate at the present weight.
    pub fn is_released(&self, gate: GateName) -> bool {
        self.released.as_ref().is_some_and(|released| released.seq == self.seq && released.gates.contains(&gate))
    }

    /// Has the run not wait at some gates for as long as it stays at its present weight.
    pub fn release(&mut self, gates: impl IntoIterator<Item = GateName>) {
        let before = self.released.take().filter(|released| released.seq == self.seq);
        let all: BTreeSet<GateName> = before.into_iter().flat_map(|released| released.gates).chain(gates).collect();
        self.released = Some(Released { seq: self.seq, gates: all.into_iter().collect() });
    }
}

/// Reads a list without the entries that this version does not know: what a gate is that a newer version had, nobody need
/// know to pass the others.
fn known<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let entries = Vec::<serde_json::Value>::deserialize(deserializer)?;
    Ok(entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect())
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
