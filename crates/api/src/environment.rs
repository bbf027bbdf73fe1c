//! `Environment`: one immutable stack that can take traffic.

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::entry_point::ExistingBalancer;
use crate::text::{ElbName, PartName, TargetGroupArn};
use crate::{AwsAccess, Condition};

/// One immutable stack that can take traffic, known by its target groups.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[kube(
    group = "weir.dev",
    version = "v1alpha1",
    kind = "Environment",
    plural = "environments",
    shortname = "wenv",
    category = "weir",
    namespaced,
    status = "EnvironmentStatus",
    derive = "PartialEq",
    doc = "One immutable stack that can take traffic.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Target groups", type_ = "string", json_path = ".spec.targetGroups[*].name"),
    printcolumn(name = "Role", type_ = "string", json_path = ".status.routes[*].role"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new(
        "!has(self.spec.aws) || !has(self.spec.aws.region) || self.spec.targetGroups.all(group, \
         !has(group.existing.arn) || size(group.existing.arn.split(':')) < 6 \
         || group.existing.arn.split(':')[3] == self.spec.aws.region)"
    )
    .message("existing.arn of a target group names another region than aws.region; give the region of the groups, or \
              leave it out").field_path(".spec.targetGroups"),
    validation = Rule::new(
        "!has(self.spec.aws) || !has(self.spec.aws.roleArn) || size(self.spec.aws.roleArn.split(':')) < 6 \
         || self.spec.targetGroups.all(group, !has(group.existing.arn) \
         || size(group.existing.arn.split(':')) < 6 || group.existing.arn.split(':')[4] == self.spec.aws.roleArn.split(':')[4])"
    )
    .message("existing.arn of a target group is in another account than aws.roleArn; give a role of the account that \
              has the groups").field_path(".spec.targetGroups")
)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentSpec {
    /// The account and region of the target groups, and the role by which Weir reads them; the controller's own if
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsAccess>,
    /// The target groups that hold the environment's targets, by the name under which routes refer to them.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[x_kube(validation = Rule::new("self.all(a, self.all(b, !has(a.existing.arn) || !has(b.existing.arn) || a.existing.arn.find('^arn:[^:]*:[^:]*:[^:]*:[^:]*') == b.existing.arn.find('^arn:[^:]*:[^:]*:[^:]*:[^:]*')))")
        .message("the ARNs of these target groups are of several regions or accounts; an environment has its groups in one region of one account, so make an Environment for each"))]
    #[schemars(length(min = 1, max = 20))]
    pub target_groups: Vec<TargetGroupRef>,
    /// The balancers of the environment, to which names in DNS lead, by the name under which routes refer to them. They are
    /// in the account and region of the target groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[x_kube(validation = Rule::new("self.all(balancer, !has(balancer.capacityFrom) || balancer.capacityFrom.size() == 0 || balancer.capacityFrom.all(a, balancer.capacityFrom.exists_one(b, a == b)))")
        .message("capacityFrom names a target group twice; name each once"))]
    #[schemars(length(max = 5))]
    pub load_balancers: Vec<LoadBalancerRef>,
}

/// One balancer of the environment.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerRef {
    /// The name under which routes refer to this balancer (`part` of a backend).
    #[schemars(with = "PartName")]
    pub name: String,
    /// An Application or Network Load Balancer that exists already: its ARN or its name, exactly one of the two.
    pub existing: ExistingBalancer,
    /// The target groups, by their names in `targetGroups`, whose healthy targets are the capacity behind the balancer; of
    /// several the one that has the fewest decides. When absent, all of them that the balancer uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(max = 20), with = "Vec<PartName>")]
    pub capacity_from: Vec<String>,
}

/// One target group of the environment.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetGroupRef {
    /// The name under which routes refer to this group (`part` of a backend).
    #[schemars(with = "PartName")]
    pub name: String,
    /// A target group that exists already: its ARN or its name, exactly one of the two.
    pub existing: ExistingTargetGroup,
}

/// Names a target group that exists already.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("has(self.arn) != has(self.name)")
    .message("give exactly one of existing.arn and existing.name"))]
#[serde(rename_all = "camelCase")]
pub struct ExistingTargetGroup {
    /// The group's ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<TargetGroupArn>")]
    pub arn: Option<String>,
    /// The group's name, unique in its account and region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ElbName>")]
    pub name: Option<String>,
}

/// What was seen of the environment.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The target groups of the spec that were found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub target_groups: Vec<TargetGroupStatus>,
    /// The balancers of the spec that were found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub load_balancers: Vec<LoadBalancerStatus>,
    /// What the environment is to each route that names it among its backends, as far as the routes have said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["route".into()]))]
    pub routes: Vec<RouteRole>,
    /// `Ready`, `Reconciling` and `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// A target group as it was found.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetGroupStatus {
    /// Its name in the spec.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The protocol towards the targets, for example `HTTP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The port towards the targets, unless a target names its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
}

/// A balancer as it was found.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerStatus {
    /// Its name in the spec.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The name that clients resolve.
    pub dns_name: String,
    /// The Route 53 zone to which an alias for the balancer points.
    pub hosted_zone_id: String,
    /// The ARNs of the target groups whose healthy targets are the capacity behind it.
    pub target_groups: Vec<String>,
    /// After how many seconds it closes a connection of a client at the latest (`client_keep_alive.seconds`). Absent where it does
    /// not, as a Network Load Balancer, and where that could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_alive_seconds: Option<i32>,
}

/// What an environment is to one route.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteRole {
    /// The route, as `namespace/name`.
    pub route: String,
    /// What the environment is to it.
    pub role: Role,
    /// The environment's live weight, relative to the other weights of the route.
    pub weight: i32,
    /// Since when the environment last carried all the traffic of the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_traffic_since: Option<Timestamp>,
    /// When that ended. Absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_traffic_until: Option<Timestamp>,
    /// Until when clients may come to it that a name in DNS has led to it: resolvers keep answers, and clients connections that
    /// they have opened by then. Clients that keep an answer for longer than its TTL come later. Absent while it has weight, of
    /// routes of listeners, and until all name servers have the change by which it has lost its weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clients_until: Option<Timestamp>,
}

/// What an environment can be to a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Role {
    /// A run is moving the traffic to it.
    Candidate,
    /// It carries traffic.
    Live,
    /// It carries none any more, and clients may still come to it, see `clientsUntil`: it must run.
    Draining,
    /// It carries none, has carried all of it before, and still has the same target group.
    Standby,
    /// It carries none and has never carried all of it, as far as is known.
    Idle,
}
