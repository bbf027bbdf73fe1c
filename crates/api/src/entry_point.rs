//! `EntryPoint`: a permanent balancer that outlives environments.

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::text::{BalancerArn, ElbName, PartName};
use crate::{AllowedRoutes, AwsAccess, Condition};

/// A permanent balancer through which clients come in. Weir reads it; it never creates or deletes it.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[kube(
    group = "weir.dev",
    version = "v1alpha1",
    kind = "EntryPoint",
    plural = "entrypoints",
    shortname = "wep",
    category = "weir",
    namespaced,
    status = "EntryPointStatus",
    derive = "PartialEq",
    doc = "A permanent balancer through which clients come in.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "DNS name", type_ = "string", json_path = ".status.dnsName"),
    printcolumn(name = "Rules", type_ = "integer", json_path = ".status.rules.used"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new(
        "!has(self.spec.aws) || !has(self.spec.aws.region) || !has(self.spec.existing.arn) \
         || size(self.spec.existing.arn.split(':')) < 6 \
         || self.spec.existing.arn.split(':')[3] == self.spec.aws.region"
    )
    .message("existing.arn names another region than aws.region; give the region of the balancer, or leave it out")
    .field_path(".spec.existing.arn"),
    validation = Rule::new(
        "!has(self.spec.aws) || !has(self.spec.aws.roleArn) || !has(self.spec.existing.arn) \
         || size(self.spec.aws.roleArn.split(':')) < 6 || size(self.spec.existing.arn.split(':')) < 6 \
         || self.spec.existing.arn.split(':')[4] == self.spec.aws.roleArn.split(':')[4]"
    )
    .message("existing.arn is in another account than aws.roleArn; give a role of the account that has the balancer")
    .field_path(".spec.existing.arn")
)]
#[serde(rename_all = "camelCase")]
pub struct EntryPointSpec {
    /// The account and region of the balancer, and the role by which Weir works there; the controller's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsAccess>,
    /// A balancer that exists already: its ARN or its name, exactly one of the two.
    pub existing: ExistingBalancer,
    /// The listeners that routes may use, by the name under which routes refer to them.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[x_kube(validation = Rule::new("self.all(a, self.filter(b, b.port == a.port).size() == 1)")
        .message("two listeners have the same port; a balancer has one listener for each port, so give each port once"))]
    #[schemars(length(min = 1, max = 50))]
    pub listeners: Vec<ListenerRef>,
    /// Which routes of other namespaces may use it; none when absent.
    #[serde(default, skip_serializing_if = "AllowedRoutes::is_default")]
    pub allowed_routes: AllowedRoutes,
}

/// Names a balancer that exists already.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("has(self.arn) != has(self.name)")
    .message("give exactly one of existing.arn and existing.name"))]
#[serde(rename_all = "camelCase")]
pub struct ExistingBalancer {
    /// The balancer's ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BalancerArn>")]
    pub arn: Option<String>,
    /// The balancer's name, unique in its account and region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ElbName>")]
    pub name: Option<String>,
}

/// One listener of the balancer.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerRef {
    /// The name under which routes refer to this listener.
    #[schemars(with = "PartName")]
    pub name: String,
    /// The port on which the balancer listens.
    #[schemars(range(min = 1, max = 65_535))]
    pub port: i32,
}

/// What was seen of the balancer.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryPointStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The balancer's ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Since when this object names that balancer. Of several that do, the balancer belongs to the first, and routes that
    /// come by way of another one are judged by its `allowedRoutes` too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_since: Option<Timestamp>,
    /// The name that clients resolve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_name: Option<String>,
    /// The Route 53 zone to which an alias for the balancer points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosted_zone_id: Option<String>,
    /// The listeners of the spec that were found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub listeners: Vec<ListenerStatus>,
    /// How many rules the balancer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<RuleCount>,
    /// `Ready`, `Reconciling` and `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// A listener as it was found on the balancer.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    /// Its name in the spec.
    pub name: String,
    /// Its port.
    pub port: i32,
    /// Its protocol, for example `HTTPS`.
    pub protocol: String,
    /// Its ARN.
    pub arn: String,
}

/// Rules of a balancer. AWS allows 100 for each Application Load Balancer unless the account's quota was raised;
/// default rules do not count.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleCount {
    /// Rules on all listeners of the balancer, without the default ones.
    pub used: i32,
}
