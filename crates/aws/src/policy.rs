//! What AWS's IAM must allow the controllers: exactly the calls that they make, and writes only to what carries our
//! ownership tag, where IAM can tell.
//!
//! Which actions can be bound to which resources and conditions is told by "Actions, resources, and condition keys for
//! AWS Elastic Load Balancing V2", "… for Amazon CloudWatch" and "… for AWS Security Token Service" in AWS's Service
//! Authorization Reference. What reads is bound to nothing there.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_engine::write::{OWNER_TAG, TAG_PREFIX};

/// The version of the policy language.
const LANGUAGE: &str = "2012-10-17";
/// What reads.
const READS: [&str; 7] = [
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
];
/// What counts requests.
const COUNTS: &str = "cloudwatch:GetMetricData";
const TAG: &str = "elasticloadbalancing:AddTags";
const UNTAG: &str = "elasticloadbalancing:RemoveTags";

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
    /// The names of the balancers; a `*` may stand in them. All where there are none.
    pub balancers: Vec<String>,
    /// Whether rules and default actions that somebody else has made may be taken over.
    pub adopt: bool,
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
    #[serde(skip_serializing_if = "str::is_empty")]
    sid: &'static str,
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    condition: Conditions,
}

/// Values by key, by operator.
type Conditions = BTreeMap<&'static str, BTreeMap<String, String>>;

impl Policy {
    /// The policy of the credentials that a controller, or a role that it assumes, calls AWS with.
    pub fn new(scope: &Scope) -> Self {
        let Scope { owner, balancers, adopt, roles, .. } = scope;
        let all = vec!["*".to_owned()];
        let of_each = |kind: &str| -> Vec<String> {
            let Scope { partition, account, region, .. } = scope;
            let names = if balancers.is_empty() { &all } else { balancers };
            let start = format!("arn:{partition}:elasticloadbalancing:{region}:{account}:{kind}/app");
            names
                .iter()
                .map(|name| if name == "*" { format!("{start}/*") } else { format!("{start}/{name}/*") })
                .collect()
        };
        let (listeners, rules) = (of_each("listener"), of_each("listener-rule"));
        let both = [listeners.clone(), rules.clone()].concat();
        let is_ours = || equals(format!("aws:ResourceTag/{OWNER_TAG}"), owner);
        let mut statement = vec![
            allow("LookAround", READS.to_vec(), vec!["*".to_owned()], []),
            allow("CountRequests", vec![COUNTS], vec!["*".to_owned()], []),
            allow(
                "MakeMarkedRules",
                vec!["elasticloadbalancing:CreateRule"],
                listeners.clone(),
                [equals(format!("aws:RequestTag/{OWNER_TAG}"), owner)],
            ),
        ];
        if *adopt {
            statement.push(allow("Mark", vec![TAG], both.clone(), [only_our_tags()]));
        } else {
            let made_by = equals("elasticloadbalancing:CreateAction".to_owned(), "CreateRule");
            statement.push(allow("MarkNewRules", vec![TAG], rules.clone(), [made_by, only_our_tags()]));
            statement.push(allow("RemarkMarked", vec![TAG], both.clone(), [is_ours(), only_our_tags()]));
        }
        statement.extend([
            allow("Unmark", vec![UNTAG], both, [is_ours(), only_our_tags()]),
            allow(
                "ChangeMarkedRules",
                vec!["elasticloadbalancing:DeleteRule", "elasticloadbalancing:ModifyRule"],
                rules,
                [is_ours()],
            ),
            allow("ChangeMarkedDefaultActions", vec!["elasticloadbalancing:ModifyListener"], listeners, [is_ours()]),
        ]);
        if !roles.is_empty() {
            statement.push(allow("AssumeRoles", vec!["sts:AssumeRole"], roles.clone(), []));
        }
        Self { version: LANGUAGE, statement }
    }

    /// What a session of a role is narrowed to, however much the role may do: the rights of [`Policy::new`], in few
    /// words, since STS takes 2,048 letters and counts them again when it has packed them.
    pub(crate) fn of_session(owner: &str, role_arn: &str) -> Self {
        let mut parts = role_arn.split(':').skip(1);
        let (partition, account) = (parts.next().unwrap_or("*"), parts.nth(2).unwrap_or("*"));
        let part = |kind: &str| vec![format!("arn:{partition}:elasticloadbalancing:*:{account}:{kind}/app/*")];
        let (listeners, both) = (part("listener"), part("listener*"));
        let is_ours = || equals(format!("aws:ResourceTag/{OWNER_TAG}"), owner);
        let statement = vec![
            allow("", vec!["elasticloadbalancing:Describe*", COUNTS], vec!["*".to_owned()], []),
            allow(
                "",
                vec!["elasticloadbalancing:CreateRule"],
                listeners,
                [equals(format!("aws:RequestTag/{OWNER_TAG}"), owner)],
            ),
            allow("", vec![TAG], both.clone(), [only_our_tags()]),
            allow("", vec![UNTAG], both.clone(), [is_ours(), only_our_tags()]),
            allow(
                "",
                vec![
                    "elasticloadbalancing:DeleteRule",
                    "elasticloadbalancing:ModifyListener",
                    "elasticloadbalancing:ModifyRule",
                ],
                both,
                [is_ours()],
            ),
        ];
        Self { version: LANGUAGE, statement }
    }

    /// The policy as STS takes it.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn allow<const N: usize>(
    sid: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
    conditions: [(&'static str, BTreeMap<String, String>); N],
) -> Statement {
    let mut condition = Conditions::new();
    for (operator, keys) in conditions {
        condition.entry(operator).or_default().extend(keys);
    }
    Statement { sid, effect: "Allow", action, resource, condition }
}

fn equals(key: String, value: &str) -> (&'static str, BTreeMap<String, String>) {
    ("StringEquals", BTreeMap::from([(key, value.to_owned())]))
}

fn only_our_tags() -> (&'static str, BTreeMap<String, String>) {
    ("ForAllValues:StringLike", BTreeMap::from([("aws:TagKeys".to_owned(), format!("{TAG_PREFIX}*"))]))
}

#[cfg(test)]
mod tests;
