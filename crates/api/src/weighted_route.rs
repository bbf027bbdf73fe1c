//! `WeightedRoute`: one place where traffic is split between environments.

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::traffic_shift::Outcome;
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
    validation = Rule::new("size(self.metadata.name) <= 63")
        .message("metadata.name must have at most 63 characters")
)]
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
    /// Stickiness between groups. When absent, what is live is kept, except that a listener must have group
    /// stickiness while traffic is split over groups that are sticky themselves; Weir then sets five minutes and
    /// takes it away when the old group is dropped at the end of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stickiness: Option<Stickiness>,
    /// Take over a rule or a default action that Weir did not make.
    #[serde(default)]
    pub adopt: bool,
    /// What becomes of the rule or action when this object is deleted.
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
    #[schemars(length(min = 1, max = 63))]
    pub listener: String,
    /// Which requests belong to the route. When absent, the route is the listener's default action.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<Match>,
    /// The priority of the rule on its listener: rules are tried from the lowest number up. When absent, Weir chooses
    /// one from 1000 up when the rule is made, a lower one for a match that is more specific, and keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50_000))]
    pub priority: Option<i32>,
}

/// Refers to an entry point.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryPointRef {
    /// The name of the `EntryPoint`.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Its namespace; the route's own when absent. In another namespace, `spec.allowedRoutes` of the entry point must
    /// allow the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
}

/// An environment that may carry traffic of the route.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// The name of the `Environment`, in the same namespace.
    #[schemars(length(min = 1, max = 63))]
    pub environment: String,
    /// Which of its target groups. May be left out where it has only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
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
    pub duration: Option<Duration>,
}

/// What becomes of the rule or action when its route is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RouteDeletionPolicy {
    /// It stays as it is.
    #[default]
    Retain,
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
    /// What the route last set out to make live, recorded before it was written to AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// The run that last ended on this route, as the tag on AWS remembers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<RunMemory>,
    /// `Ready`, `Synced`, `Reconciling` and `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
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

/// What a route has set out to make live, and for whom.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// The name of the `TrafficShift` that wants it.
    pub shift: String,
    /// Its uid.
    pub uid: String,
    /// The number of its run.
    pub run: i32,
    /// The number of the change within the run. A route never acts on a lower one.
    pub seq: i32,
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
    /// When AWS was read and showed what is wanted. Absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
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
