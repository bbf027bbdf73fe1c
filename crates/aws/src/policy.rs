//! What AWS's IAM must allow the controllers: exactly the calls that they make, and writes only to what carries our
//! ownership tag, where IAM can tell.
//!
//! Which actions can be bound to which resources and conditions is told by "Actions, resources, and condition keys for
//! AWS Elastic Load Balancing V2", "… for Amazon CloudWatch" and "… for AWS Security Token Service" in AWS's Service
//! Authorization Reference. What reads is bound to nothing there.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_engine::step::{OWNER_TAG, TAG_PREFIX};

/// The version of the policy language.
const LANGUAGE: &str = "2012-10-17";

/// What a policy is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The name of the installation, as in `weir run --owner-id`.
    pub owner: String,
    /// The partition: `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// The account with the balancers, or `*`.
    pub account: String,
    /// The region with the balancers, or `*`.
    pub region: String,
    /// The roles that manifests may name, which the controller then assumes; a `*` may stand in them.
    pub roles: Vec<String>,
}

/// A policy in IAM's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: &'static str,
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    condition: BTreeMap<&'static str, BTreeMap<String, String>>,
}

impl Policy {
    /// The policy of the credentials that a controller, or a role that it assumes, calls AWS with.
    pub fn new(scope: &Scope) -> Self {
        let Scope { owner, partition, account, region, roles } = scope;
        let part = |kind| format!("arn:{partition}:elasticloadbalancing:{region}:{account}:{kind}");
        let (listeners, rules) = (part("listener/app/*"), part("listener-rule/app/*"));
        let is_ours = || equals(format!("aws:ResourceTag/{OWNER_TAG}"), owner);
        let only_our_tags =
            || ("ForAllValues:StringLike", BTreeMap::from([("aws:TagKeys".to_owned(), format!("{TAG_PREFIX}*"))]));
        let mut statement = vec![
            allow(
                "LookAround",
                vec![
                    "elasticloadbalancing:DescribeListeners",
                    "elasticloadbalancing:DescribeLoadBalancers",
                    "elasticloadbalancing:DescribeRules",
                    "elasticloadbalancing:DescribeTags",
                    "elasticloadbalancing:DescribeTargetGroupAttributes",
                    "elasticloadbalancing:DescribeTargetGroups",
                    "elasticloadbalancing:DescribeTargetHealth",
                ],
                vec!["*".to_owned()],
                [],
            ),
            allow("CountRequests", vec!["cloudwatch:GetMetricData"], vec!["*".to_owned()], []),
            allow(
                "MakeMarkedRules",
                vec!["elasticloadbalancing:CreateRule"],
                vec![listeners.clone()],
                [equals(format!("aws:RequestTag/{OWNER_TAG}"), owner)],
            ),
            allow(
                "Mark",
                vec!["elasticloadbalancing:AddTags"],
                vec![listeners.clone(), rules.clone()],
                [only_our_tags()],
            ),
            allow(
                "Unmark",
                vec!["elasticloadbalancing:RemoveTags"],
                vec![listeners.clone(), rules.clone()],
                [is_ours(), only_our_tags()],
            ),
            allow(
                "ChangeMarkedRules",
                vec!["elasticloadbalancing:DeleteRule", "elasticloadbalancing:ModifyRule"],
                vec![rules],
                [is_ours()],
            ),
            allow(
                "ChangeMarkedDefaultActions",
                vec!["elasticloadbalancing:ModifyListener"],
                vec![listeners],
                [is_ours()],
            ),
        ];
        if !roles.is_empty() {
            statement.push(allow("AssumeRoles", vec!["sts:AssumeRole"], roles.clone(), []));
        }
        Self { version: LANGUAGE, statement }
    }
}

fn allow<const N: usize>(
    sid: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
    condition: [(&'static str, BTreeMap<String, String>); N],
) -> Statement {
    Statement { sid, effect: "Allow", action, resource, condition: BTreeMap::from(condition) }
}

fn equals(key: String, value: &str) -> (&'static str, BTreeMap<String, String>) {
    ("StringEquals", BTreeMap::from([(key, value.to_owned())]))
}
