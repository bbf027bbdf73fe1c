//! What is recorded of a `WeightedRoute`: what was seen of it, and what Weir has set out to make of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::LastCommand;
use crate::requests::RequestsSeen;
use crate::traffic::{EnvironmentMembers, EnvironmentWeight, Outcome};
use crate::{AwsAccess, Condition};

use super::{AddressType, ForeignRecords};

/// What was seen of the route, and what Weir has set out to make of it.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightedRouteStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The rule or the default action of a listener that is the route's, and what was seen of it.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub listener_rule: ListenerRule,
    /// The name in DNS that is the route's, and what was seen there.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub dns: NameRecords,
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
    /// What carries the live weights, so that it is known when an `Environment` is gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub members: Vec<EnvironmentMembers>,
    /// The requests that were seen while traffic is split or a run moves it, or while clients may stick to a group.
    /// Absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<RequestsSeen>,
    /// What the route last set out to make live, recorded before it was written to AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// The environments that have carried all the traffic of this route, the last one first, at most ten. A candidate
    /// counts once its run has succeeded. The same environment with other target groups is another one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
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

/// Where a route of a listener is on AWS, and what was seen there.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerRule {
    /// The ARN of the rule, or of the listener where the route is its default action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The ARN of the listener, so that a rollback and a deletion do not need the `EntryPoint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<String>,
    /// The priority of the rule: the one of the spec, or the one that Weir has chosen. It is recorded before the rule
    /// is made and does not change afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// The ARN of what was seen to carry this route's marks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked: Option<String>,
    /// What was there before Weir, as the tags `weir.dev/before…` on AWS say too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// Group stickiness that is live, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky_seconds: Option<i32>,
}

/// What was seen at a name in DNS that is a route's.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NameRecords {
    /// The name of the zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone_name: Option<String>,
    /// Whether the name was seen to carry this route's mark.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub marked: bool,
    /// The number of the change that was written last, or is about to be: it is recorded first, and stands in the set
    /// identifiers of the records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i64>")]
    pub epoch: Option<u32>,
    /// What was there before Weir, in words, as the TXT record at `_weir.<name>` says too; empty where nothing was. Absent
    /// where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Vec<String>>,
    /// What the environments lend to which that led, so that it can be put back without the `Environment` objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub before_members: Vec<EnvironmentMembers>,
    /// The change that stands there: whether all name servers have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<NameChange>,
    /// Environments that have had weight and have none now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub left: Vec<NameLeft>,
}

/// An environment that the answers of a name have led to.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NameLeft {
    /// Its name.
    pub environment: String,
    /// Until when resolvers may have kept an answer that leads to it. Absent until all name servers have the change by which it
    /// has lost its weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers_until: Option<Timestamp>,
}

/// A change of a name in DNS that Route 53 has accepted.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NameChange {
    /// Its number.
    #[schemars(with = "i64")]
    pub epoch: u32,
    /// By what Route 53 tells how far it has come. Absent where this was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it was accepted; where that is not known, when it was first seen.
    pub accepted_at: Timestamp,
    /// When all name servers had it. Absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_sync_at: Option<Timestamp>,
    /// For how many seconds resolvers may keep what was answered before it.
    #[schemars(with = "i64")]
    pub ttl_seconds: u32,
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
    /// What stands at the name in DNS is replaced by what was there before, or removed where nothing was.
    ReplacingRecords,
    /// Nothing is to be undone any more.
    Over,
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
    /// The ARNs of the target groups that it lent to the route.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_groups: Vec<String>,
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
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub run: i32,
    /// The number of the change within the run. A route never acts on a lower one.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub seq: i32,
    /// How it leads to `spec.weights`, where the user owns the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<Follow>,
    /// When the intent was recorded.
    pub since: Timestamp,
    /// The weights wanted: exactly these environments are in the action.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub weights: Vec<EnvironmentWeight>,
    /// What these environments lend, so that a rollback does not need the `Environment` objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub members: Vec<EnvironmentMembers>,
    /// What is wanted of the listener's rule, or its default action, besides weights.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub listener_rule: ListenerRuleIntent,
    /// What is wanted of the records of a name in DNS, besides weights.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub dns: NameIntent,
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

/// What a change of a route of a listener wants of its rule, besides weights.
#[derive(KubeSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerRuleIntent {
    /// Group stickiness wanted, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky_seconds: Option<i32>,
    /// Group stickiness that the action had when the run began, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky_seconds_before: Option<i32>,
}

/// What a change of a name in DNS wants of its records, besides weights.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NameIntent {
    /// Their types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<AddressType>,
    /// Whether the health of the balancers counts.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub evaluate_target_health: bool,
    /// What becomes of weighted records of others.
    #[serde(default, skip_serializing_if = "crate::is_default")]
    pub foreign: ForeignRecords,
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
    #[serde(default, skip_serializing_if = "crate::is_default")]
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
    /// The shift, as `namespace/name`. Empty where a name in DNS remembers a run that cannot be told any more.
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
        assert_eq!(fields, ["since", "weights"]);
    }
}
