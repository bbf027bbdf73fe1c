//! `WeightedRoute`: one place where traffic is split between environments.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Within;
use crate::requests::RequestsSeen;
use crate::text::{NamespaceName, ObjectName, PartName};
use crate::traffic_shift::{Capacity, LastCommand, Outcome};
use crate::{AwsAccess, Condition, Duration, Match};

/// One place where traffic is split between environments: the default action or a rule of a listener.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[kube(
    group = "weir.dev",
    version = "v1alpha1",
    kind = "WeightedRoute",
    plural = "weightedroutes",
    shortname = "wr",
    category = "weir",
    namespaced,
    status = "WeightedRouteStatus",
    derive = "PartialEq",
    doc = "One place where traffic is split between environments.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Synced", type_ = "string", json_path = ".status.conditions[?(@.type=='Synced')].status"),
    printcolumn(name = "Live weights", type_ = "string", json_path = ".status.live"),
    printcolumn(name = "Share", type_ = "string", json_path = ".status.requests.summary"),
    printcolumn(name = "Shift", type_ = "string", json_path = ".status.intent.shift"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    ),
    printcolumn(name = "Priority", type_ = "integer", json_path = ".status.priority", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new(
        "!has(self.spec.deletionPolicy) || self.spec.deletionPolicy != 'Delete' || has(self.spec.listener.match)"
    )
    .message(
        "spec.deletionPolicy: Delete needs spec.listener.match: a listener's default action cannot be deleted; write Restore to put back what was there before, or Retain to leave it as it is"
    ).field_path(".spec.deletionPolicy")
)]
#[x_kube(validation = Rule::new("!has(self.weights) || self.weights.all(name, self.backends.exists(backend, backend.environment == name))")
    .message("weights names an environment that is not among spec.backends; add it there, or take it out of spec.weights"))]
#[x_kube(validation = Rule::new("!has(self.pace) || has(self.weights)")
    .message("pace says how spec.weights are followed; give spec.weights too, or leave out pace (a TrafficShift has the pace of its strategy)"))]
#[x_kube(validation = Rule::new("!has(self.weights) || !has(self.drift) || self.drift != 'Adopt'")
    .message("drift: Adopt takes over what somebody else has set, while spec.weights says what shall be live; write Alert, Pause or Correct, or leave out spec.weights"))]
#[serde(rename_all = "camelCase")]
pub struct WeightedRouteSpec {
    /// Where on a balancer the traffic is split. It cannot be changed: make another route instead.
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("spec.listener cannot be changed; make another WeightedRoute instead"))]
    pub listener: ListenerEntry,
    /// The environments that may carry the traffic of this route.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    #[schemars(length(min = 1, max = 50))]
    pub backends: Vec<Backend>,
    /// The weights that shall be live, by environment, from 0 to 999 and relative to each other. When given, the user
    /// owns the split: no shift moves the route. Exactly these environments are in the action; one with the
    /// weight 0 stays attached, one that is not named is dropped once it carries nothing. When absent, shifts move the
    /// weights and Weir holds what is live; taking `weights` away, or giving the ones that are live, changes no traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.size() <= 5")
        .message("weights names more than 5 environments, which is what AWS allows for one action; take some out"))]
    #[x_kube(validation = Rule::new("self.exists(name, self[name] > 0)")
        .message("weights gives nobody any traffic; at least one weight must be above 0, for example {blue: 80, green: 20}"))]
    #[x_kube(validation = Rule::new("self.all(name, self[name] >= 0 && self[name] <= 999)")
        .message("a weight is a number from 0 to 999, for example {blue: 80, green: 20}"))]
    #[schemars(extend("maxProperties" = 50))]
    pub weights: Option<BTreeMap<String, i32>>,
    /// How fast the live weights follow `weights`. When absent, they follow at once, in one write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
    /// How much healthy capacity an environment needs that gains traffic by `weights` or by a correction, against the
    /// healthy targets of the side that carried the traffic when the change began. A shift has its own.
    #[serde(default)]
    pub capacity: Capacity,
    /// What Weir does when somebody else has changed the weights that it had set.
    #[serde(default)]
    pub drift: DriftPolicy,
    /// Stickiness between groups. When absent, what is live is kept, except that a listener must have group
    /// stickiness while traffic is split over groups that are sticky themselves; Weir then sets five minutes and
    /// takes it away when the old group is dropped at the end of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stickiness: Option<Stickiness>,
    /// Take over a rule or a default action that Weir did not make.
    #[serde(default)]
    pub adopt: bool,
    /// What becomes of the rule or action when this object is deleted. It may still be changed while a deletion waits.
    #[serde(default)]
    pub deletion_policy: RouteDeletionPolicy,
}

/// The place on a listener: its default action, or a rule when `match` is given.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("has(self.match) || !has(self.priority)")
    .message("priority is for a rule: give match too, or leave out priority for the listener's default action"))]
#[serde(rename_all = "camelCase")]
pub struct ListenerEntry {
    /// The entry point.
    pub entry_point: EntryPointRef,
    /// The listener, by its name in the entry point.
    #[schemars(with = "PartName")]
    pub listener: String,
    /// Which requests belong to the route. When absent, the route is the listener's default action.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<Match>,
    /// The priority of the rule on its listener: rules are tried from the lowest number up. When absent, Weir chooses
    /// one from 1000 up when the rule is made, and keeps it: a lower one for a match of a more specific kind, which
    /// counts dots of hosts, slashes of paths and further conditions. Within a kind the older rule stands first, so
    /// give priorities where it covers a narrower one. On an entry point of another namespace this is allowed only
    /// where `*` is among its `allowedRoutes.hosts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50_000))]
    pub priority: Option<i32>,
}

/// Refers to an entry point.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryPointRef {
    /// The name of the `EntryPoint`.
    #[schemars(with = "ObjectName")]
    pub name: String,
    /// Its namespace; the route's own when absent. In another namespace, `spec.allowedRoutes` of the entry point must
    /// allow the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<NamespaceName>")]
    pub namespace: Option<String>,
}

/// An environment that may carry traffic of the route.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// The name of the `Environment`, in the same namespace.
    #[schemars(with = "ObjectName")]
    pub environment: String,
    /// Which of its target groups. May be left out where it has only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<PartName>")]
    pub part: Option<String>,
}

/// Whether a client stays with the group that answered it first.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("self.enabled == has(self.duration)")
    .message("give stickiness.duration when stickiness.enabled is true, and leave it out when it is false"))]
#[serde(rename_all = "camelCase")]
pub struct Stickiness {
    /// On or off.
    pub enabled: bool,
    /// For how long, from 1s to 7d.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Within<1, 604_800>>")]
    pub duration: Option<Duration>,
}

/// How fast live weights follow the weights that are wanted.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pace {
    /// By how many percent points the part of an environment changes at most in one step.
    #[schemars(range(min = 1, max = 100))]
    pub max_step: i32,
    /// How long to stay at each step once it was seen to be live.
    pub interval: Duration,
}

/// What Weir does about weights that somebody else has changed.
///
/// A difference is always told: in the condition `Synced` (reason `Drifted`), in an event and in a metric. The command
/// `resume/<token>` in the annotation `weir.dev/command` of the route accepts what is live as the new starting point:
/// it is no difference any more, and a route with `spec.weights` goes on to them from there. With `Correct` it lets a
/// route that is `Contested` correct again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DriftPolicy {
    /// It is told and left alone; a run that is moving holds. New weights, or a new run, start from what is live.
    #[default]
    Alert,
    /// As `Alert`; besides, no new run begins and no change of `weights` is followed until what was set is live again
    /// or `resume` is given.
    Pause,
    /// What was set is written again, where the capacity allows it, ten seconds after the difference was first seen.
    /// A route that was changed by somebody else three times within an hour is `Contested` and rests until its spec
    /// changes, a run wants something new, or `resume` is given.
    Correct,
    /// What is live becomes what is held, without a write; a run goes on from there. Not possible with `weights`.
    Adopt,
}

/// What becomes of the rule or action when its route is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RouteDeletionPolicy {
    /// It stays as it is, with Weir's tags, so that a route of the same name finds it again and another one may adopt
    /// it.
    #[default]
    Retain,
    /// What was there before Weir is put back, as soon as its target groups have the healthy targets for what is live,
    /// and Weir's tags are removed. A rule that Weir made is deleted.
    Restore,
    /// The rule is deleted; its requests go to the rules after it. Not for a listener's default action.
    Delete,
}

/// What was seen of the route, and what Weir has set out to make of it.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightedRouteStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The ARN of the rule, or of the listener where the route is its default action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The priority of the rule: the one of the spec, or the one that Weir has chosen. It is recorded before the rule
    /// is made and does not change afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// The ARN of the listener, so that a rollback and a deletion do not need the `EntryPoint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<String>,
    /// What was there before Weir, as the tags `weir.dev/before…` on AWS say too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// How that account and region is reached, as its entry point last said; absent where it is the controller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsAccess>,
    /// The live weights in words, for example `blue 75, green 25`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<String>,
    /// The live weights, as they were last read from AWS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub weights: Vec<EnvironmentWeight>,
    /// The target groups behind the live weights, so that they are known when an `Environment` is gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub groups: Vec<EnvironmentGroup>,
    /// Group stickiness that is live, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky_seconds: Option<i32>,
    /// The requests that were seen while traffic is split or a run moves it, or while clients may stick to a group.
    /// Absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<RequestsSeen>,
    /// What the route last set out to make live, recorded before it was written to AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// The environments that have carried all the traffic of this route, the last one first, at most ten. A candidate
    /// counts once its run has succeeded. The same environment with another target group is another one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into(), "group".into()]))]
    pub full_traffic: Vec<FullTraffic>,
    /// The run that last ended on this route, as the tag on AWS remembers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<RunMemory>,
    /// What somebody else has changed, while that is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
    /// The changes by somebody else that Weir has undone, or would have, within an hour; oldest first, at most three.
    /// With three the route is `Contested`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reversals: Vec<Reversal>,
    /// The ARN of what was seen to carry this route's marks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked: Option<String>,
    /// How far the deletion of this object has come. Absent until something is undone for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
    /// The last command that was seen, so that it is not carried out twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_command: Option<LastCommand>,
    /// `Ready`, `Synced`, `Reconciling`, `Stalled` and, with `drift: Correct`, `Contested`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// How far the deletion of a route has come.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deletion {
    /// What is being done, or was done last.
    pub stage: DeletionStage,
    /// What became of the place, in words, once that is certain.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub result: String,
}

/// The stages of a deletion. Not each deletion has each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DeletionStage {
    /// What was there before Weir is put back.
    Restoring,
    /// The rule is deleted.
    DeletingRule,
    /// Weir's tags are removed.
    RemovingTags,
    /// Nothing is to be undone any more.
    Over,
}

/// The configured weight of one environment.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentWeight {
    /// The name of the `Environment`.
    pub environment: String,
    /// Its weight, from 0 to 999, relative to the other weights of the route.
    pub weight: i32,
}

/// The target group that an environment lends to a route.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentGroup {
    /// The name of the `Environment`.
    pub environment: String,
    /// The ARN of the group.
    pub arn: String,
}

/// What was there before Weir: one of the two, or neither where there was no rule.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Before {
    /// A weighted forward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward: Option<BeforeForward>,
    /// The settings of a fixed response, by the names of ELBv2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed_response: Option<BTreeMap<String, String>>,
}

/// A weighted forward that was there before Weir.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BeforeForward {
    /// Its target groups with their weights.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["arn".into()]))]
    pub groups: Vec<GroupWeight>,
    /// Group stickiness in seconds; absent where it was off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky_seconds: Option<i32>,
}

/// The weight of one target group.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupWeight {
    /// The ARN of the group.
    pub arn: String,
    /// Its weight, from 0 to 999.
    pub weight: i32,
}

/// A time in which one environment carried all the traffic of a route.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FullTraffic {
    /// The name of the `Environment`.
    pub environment: String,
    /// The ARN of the target group that it lent to the route.
    pub group: String,
    /// Since when this is known. After a loss of status, when it was seen again.
    pub since: Timestamp,
    /// When it was seen that this had ended. Absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What a route has set out to make live, and for whom: a change of a run (`shift`, `uid`, `run`, `seq`), a step towards
/// the route's own `spec.weights` (`follow`), or, with neither, what was live and is held.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// The name of the `TrafficShift` that wants it. Empty where none does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub shift: String,
    /// Its uid.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The number of its run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub run: i32,
    /// The number of the change within the run. A route never acts on a lower one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seq: i32,
    /// How it leads to `spec.weights`, where the user owns the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<Follow>,
    /// When the intent was recorded.
    pub since: Timestamp,
    /// The weights wanted: exactly these environments are in the action.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub weights: Vec<EnvironmentWeight>,
    /// The target groups of these environments, so that a rollback does not need the `Environment` objects.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub groups: Vec<EnvironmentGroup>,
    /// Group stickiness wanted, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky_seconds: Option<i32>,
    /// Group stickiness that the action had when the run began, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky_seconds_before: Option<i32>,
    /// How many targets were healthy on the side that carried the traffic when the change began. Absent where that
    /// was not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<i32>,
    /// The change by somebody else over which this is written again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<Correction>,
    /// When AWS was read and showed what is wanted. Absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// When a run that goes back was seen to have nothing to take back here: its candidate carries nothing, and what
    /// somebody else has put there is left as it is. Then nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_at: Option<Timestamp>,
}

impl Intent {
    /// Whether nothing more is done for it: it was seen to be live, or was left.
    pub fn is_settled(&self) -> bool {
        self.verified_at.is_some() || self.left_at.is_some()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// How a route follows its own `spec.weights`.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Follow {
    /// The generation of the spec that brought these weights.
    pub generation: i64,
    /// The weights that shall be live in the end.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub goal: Vec<EnvironmentWeight>,
    /// The weights that were live before the change, to which a revert goes back as fast as the capacity allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub from: Vec<EnvironmentWeight>,
    /// The live weights that the present step starts from. Where others are found, somebody else has changed them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub before: Vec<EnvironmentWeight>,
    /// What was on its way when this change began, and may still become live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub overtaken: Vec<EnvironmentWeight>,
}

/// Something that is written again over somebody else's change.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Correction {
    /// The weights that somebody else has set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub over: Vec<EnvironmentWeight>,
    /// When it was decided.
    pub since: Timestamp,
    /// When what is written again had been seen to be live before; absent where it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was_live_at: Option<Timestamp>,
    /// Whether groups that were detached are attached without weight first, so that their health is known.
    #[serde(default, skip_serializing_if = "is_false")]
    pub attaching: bool,
}

/// Weights that somebody else has set.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Since when they are seen.
    pub since: Timestamp,
    /// The weights that are live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub found: Vec<EnvironmentWeight>,
}

/// A change by somebody else over what Weir had set.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reversal {
    /// When it was first seen.
    pub at: Timestamp,
    /// What was found, in words.
    pub found: String,
}

/// A run that ended, as a tag on the rule or listener remembers it, so that it is not repeated when a cluster is
/// restored or its objects are made anew.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunMemory {
    /// The shift, as `namespace/name`.
    pub shift: String,
    /// The environment that the run was to move the traffic to.
    pub to: String,
    /// How the run ended.
    pub outcome: Outcome,
}

#[cfg(test)]
mod tests {
    use super::{Intent, WeightedRouteStatus};

    #[test]
    fn a_status_from_before_users_could_own_weights_is_still_read() {
        let text = r#"{"intent": {
            "shift": "checkout", "uid": "u", "run": 2, "seq": 3, "since": "2026-11-21T10:00:00Z",
            "weights": [{"environment": "blue", "weight": 1}], "groups": [], "verifiedAt": "2026-11-21T10:00:05Z"
        }}"#;
        let status: WeightedRouteStatus = serde_json::from_str(text).unwrap();
        let intent = status.intent.unwrap();
        assert_eq!((intent.shift.as_str(), intent.run, intent.seq, &intent.follow), ("checkout", 2, 3, &None));
    }

    #[test]
    fn what_does_not_belong_to_a_run_is_written_without_one() {
        let written = serde_json::to_value(Intent::default()).unwrap();
        let fields: Vec<&String> = written.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["groups", "since", "weights"]);
    }
}
