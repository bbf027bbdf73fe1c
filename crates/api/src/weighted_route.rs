//! `WeightedRoute`: one place where traffic is split between environments.

mod status;

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::traffic::{EnvironmentMembers, EnvironmentWeight};
pub use status::{
    Before, BeforeForward, Correction, Deletion, DeletionStage, Difference, Follow, FullTraffic, GroupWeight, Intent,
    ListenerRule, ListenerRuleIntent, NameChange, NameIntent, NameLeft, NameRecords, Reversal, RunMemory,
    WeightedRouteStatus,
};

use crate::duration::Within;
use crate::text::{DnsText, NamespaceName, ObjectName, PartName, ZoneText};
use crate::traffic::Capacity;
use crate::{Duration, Match};

/// One place where traffic is split between environments: the default action or a rule of a listener, or a name in DNS.
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
    printcolumn(name = "Priority", type_ = "integer", json_path = ".status.listenerRule.priority", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new(
        "!has(self.spec.deletionPolicy) || self.spec.deletionPolicy != 'Delete' || !has(self.spec.listener) || has(self.spec.listener.match)"
    )
    .message(
        "spec.deletionPolicy: Delete needs spec.listener.match: a listener's default action cannot be deleted; write Restore to put back what was there before, or Retain to leave it as it is"
    ).field_path(".spec.deletionPolicy")
)]
#[x_kube(validation = Rule::new("has(self.listener) != has(self.dns)")
    .message("give exactly one of spec.listener and spec.dns"))]
#[x_kube(validation = Rule::new("has(self.listener) == has(oldSelf.listener) && (!has(self.listener) || self.listener == oldSelf.listener)")
    .message("spec.listener cannot be changed; make another WeightedRoute instead")
    .field_path(".listener"))]
#[x_kube(validation = Rule::new("!has(self.dns) || !has(oldSelf.dns) || (self.dns.zone == oldSelf.dns.zone && self.dns.name == oldSelf.dns.name)")
    .message("spec.dns.zone and spec.dns.name cannot be changed; make another WeightedRoute instead"))]
#[x_kube(validation = Rule::new("!has(self.dns) || !has(self.stickiness)")
    .message("DNS has no stickiness between environments; leave out spec.stickiness"))]
#[x_kube(validation = Rule::new("!has(self.dns) || !has(self.dns.foreign) || self.dns.foreign != 'Zero' || (has(self.adopt) && self.adopt)")
    .message("foreign: Zero takes the weight of records that others have made; write adopt: true too"))]
#[x_kube(validation = Rule::new("!has(self.listener) || !has(self.weights) || self.weights.size() <= 5")
    .message("weights names more than 5 environments, which is what AWS allows for one action; take some out"))]
#[x_kube(validation = Rule::new("!has(self.dns) || !has(self.weights) || self.weights.all(name, self.weights[name] <= 255)")
    .message("Route 53 takes weights from 0 to 255; write smaller ones of the same proportion, for example {blue: 80, green: 20}"))]
#[x_kube(validation = Rule::new("!has(self.weights) || self.weights.all(name, self.backends.exists(backend, backend.environment == name))")
    .message("weights names an environment that is not among spec.backends; add it there, or take it out of spec.weights"))]
#[x_kube(validation = Rule::new("!has(self.pace) || has(self.weights)")
    .message("pace says how spec.weights are followed; give spec.weights too, or leave out pace (a TrafficShift has the pace of its strategy)"))]
#[x_kube(validation = Rule::new("!has(self.weights) || !has(self.drift) || self.drift != 'Adopt'")
    .message("drift: Adopt takes over what somebody else has set, while spec.weights says what shall be live; write Alert, Pause or Correct, or leave out spec.weights"))]
#[serde(rename_all = "camelCase")]
pub struct WeightedRouteSpec {
    /// Where the traffic is split: exactly one of the kinds of places.
    #[serde(flatten)]
    pub entry: Entry,
    /// The environments that may carry the traffic of this route.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    #[schemars(length(min = 1, max = 50))]
    pub backends: Vec<Backend>,
    /// The weights that shall be live, by environment, from 0 to 999 (to 255 for a name in DNS) and relative to each other.
    /// When given, the user owns the split: no shift moves the route. Exactly these environments are in the action of a
    /// listener; one with the weight 0 stays attached, one that is not named is dropped once it carries nothing. A name in
    /// DNS has a record for each of them that has weight. When absent, shifts move the
    /// weights and Weir holds what is live; taking `weights` away, or giving the ones that are live, changes no traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    /// Take over a rule, a default action or the records of a name that Weir did not make.
    #[serde(default)]
    pub adopt: bool,
    /// What becomes of the rule, action or records when this object is deleted. It may still be changed while a deletion
    /// waits.
    #[serde(default)]
    pub deletion_policy: RouteDeletionPolicy,
}

/// Where a route takes hold of the traffic: one for each kind of place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Entry {
    /// Where on a balancer the traffic is split. It cannot be changed: make another route instead.
    Listener(ListenerEntry),
    /// The name in DNS whose answers are split, on Route 53. Zone and name cannot be changed: make another route instead.
    Dns(DnsEntry),
}

impl Entry {
    /// The place on a listener, where it is one.
    pub fn as_listener(&self) -> Option<&ListenerEntry> {
        if let Self::Listener(entry) = self { Some(entry) } else { None }
    }

    /// The same, to be changed.
    pub fn as_listener_mut(&mut self) -> Option<&mut ListenerEntry> {
        if let Self::Listener(entry) = self { Some(entry) } else { None }
    }

    /// Whether environments lend a balancer to a route of this kind, and not a target group.
    pub fn takes_balancers(&self) -> bool {
        match self {
            Self::Listener(_) => false,
            Self::Dns(_) => true,
        }
    }
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

/// A name on Route 53. Each environment that has weight has a record there, an alias of its balancer.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DnsEntry {
    /// The hosted zone. Whoever runs the controller allows each namespace its zones and names (`--allow-zone`).
    pub zone: ZoneRef,
    /// The name, in the zone; a leading `*.` stands for every name of its level that has no records of its own.
    #[schemars(with = "DnsText")]
    pub name: String,
    /// The types of the records. Both always have the same weights. `AAAA` needs balancers with IPv6.
    #[serde(default = "addresses", skip_serializing_if = "is_addresses")]
    #[schemars(length(min = 1, max = 2))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub types: Vec<AddressType>,
    /// Whether Route 53 leaves out an environment whose balancer has a target group without a healthy target. Where all are
    /// left out, all are answered.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub evaluate_target_health: bool,
    /// What becomes of weighted records of others at the name that lead to no environment of `backends`.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub foreign: ForeignRecords,
}

/// What becomes of weighted records of others at a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ForeignRecords {
    /// The route writes nothing while one of them has weight.
    #[default]
    Refuse,
    /// They stay, with weight 0: what they carry moves with the first write, and whoever gives them weight again has changed
    /// the name, see `drift`.
    Zero,
}

/// Names a hosted zone of Route 53, in the controller's own account.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ZoneRef {
    /// Its identifier, such as `Z0123456789ABCDEFGHIJ`.
    #[schemars(with = "ZoneText")]
    pub id: String,
}

/// A type of records by which clients find addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AddressType {
    /// Of IPv4.
    #[serde(rename = "A")]
    A,
    /// Of IPv6.
    #[serde(rename = "AAAA")]
    Aaaa,
}

impl AddressType {
    /// It as AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
        }
    }
}

fn addresses() -> Vec<AddressType> {
    vec![AddressType::A]
}

fn is_addresses(types: &Vec<AddressType>) -> bool {
    *types == addresses()
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
    /// Which of its target groups, or, of a route of a name in DNS, which of its balancers. May be left out where it has only
    /// one.
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

/// What becomes of the rule, the action or the records of a name when their route is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RouteDeletionPolicy {
    /// It stays as it is, with Weir's marks, so that a route of the same name finds it again; a rule or default action
    /// another route may adopt.
    #[default]
    Retain,
    /// What was there before Weir is put back, as soon as its target groups have the healthy targets for what is live,
    /// and Weir's marks are removed. A rule that Weir made is deleted, and so are the records of a name that had none.
    Restore,
    /// The rule is deleted; its requests go to the rules after it. Not for a listener's default action. Of a name the records
    /// are deleted, where nothing was there before Weir.
    Delete,
}
