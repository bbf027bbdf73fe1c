//! What AWS's IAM must allow the controllers: exactly the calls that they make, and writes only to what carries our
//! ownership tag, where IAM can tell.
//!
//! Which actions can be bound to which resources and conditions is told by "Actions, resources, and condition keys for
//! AWS Elastic Load Balancing V2", "… for Amazon CloudWatch", "… for Amazon Route 53" and "… for AWS Security Token
//! Service" in AWS's Service Authorization Reference. What reads is bound to nothing there, but to its zone on Route 53.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_engine::dns::{DnsName, ZoneId};
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
/// What reads a zone of Route 53.
const ZONE_READS: [&str; 2] = ["route53:GetHostedZone", "route53:ListResourceRecordSets"];
/// What tells how far a change of a zone has come.
const FOLLOW: &str = "route53:GetChange";
const CHANGE_RECORDS: &str = "route53:ChangeResourceRecordSets";
/// The types of records that are written: what carries traffic, what is replaced by it, and what Weir remembers.
const RECORD_TYPES: [&str; 4] = ["A", "AAAA", "CNAME", "TXT"];
/// What is done to records. UPSERT would go over what somebody else has written.
const RECORD_ACTIONS: [&str; 2] = ["CREATE", "DELETE"];
/// What tells for how long clients may keep connections.
const KEEP_ALIVE: &str = "elasticloadbalancing:DescribeLoadBalancerAttributes";
/// How IAM writes the `*` of a wildcard, in whose patterns a `*` stands for anything.
const WILDCARD: &str = "\\052.";

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
    /// The names on Route 53 that may be shifted. None where there are none.
    pub names: Vec<ZoneName>,
}

/// Names of a zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ZoneName {
    /// The zone.
    pub zone: ZoneId,
    /// The name; a `*` may stand in it for any letters, dots included. A wildcard alone, and nothing else of its level, is
    /// written as `\052.shop.example`.
    pub pattern: String,
}

impl ZoneName {
    /// Reads `ZONE_ID/NAME`; whatever has no `/` stands for every name of every zone.
    pub fn read(text: &str) -> Self {
        let (zone, pattern) = text.split_once('/').unwrap_or(("*", "*"));
        Self { zone: ZoneId::new(zone), pattern: pattern.to_owned() }
    }
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
    #[serde(skip_serializing_if = "String::is_empty")]
    sid: String,
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    condition: Conditions,
}

/// Values by key, by operator.
type Conditions = BTreeMap<&'static str, BTreeMap<String, Value>>;

/// What a condition key is held against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Value {
    One(String),
    AnyOf(Vec<String>),
}

impl Policy {
    /// The policy of the credentials that a controller, or a role that it assumes, calls AWS with.
    pub fn new(scope: &Scope) -> Self {
        let Scope { owner, partition, balancers, adopt, roles, names, .. } = scope;
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
        statement.extend(of_names(partition, names));
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
        let reads = [&["elasticloadbalancing:Describe*", COUNTS, FOLLOW], &ZONE_READS[..]].concat();
        let statement = vec![
            allow("", reads, vec!["*".to_owned()], []),
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
            allow(
                "",
                vec![CHANGE_RECORDS],
                vec![ZoneId::new("*").arn(partition)],
                [any_of("ForAllValues:StringEquals", [("Actions", &RECORD_ACTIONS)])],
            ),
        ];
        Self { version: LANGUAGE, statement }
    }

    /// The policy as STS takes it.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What is needed to shift names on Route 53: a statement for each zone, since names of one are none of another, which may
/// have the same name.
fn of_names(partition: &str, names: &[ZoneName]) -> Vec<Statement> {
    let mut patterns: BTreeMap<&ZoneId, Vec<String>> = BTreeMap::new();
    for ZoneName { zone, pattern } in names {
        patterns.entry(zone).or_default().extend(record_names(pattern));
    }
    if patterns.is_empty() {
        return Vec::new();
    }
    let arn = |zone: &ZoneId| zone.arn(partition);
    let zones = patterns.keys().map(|zone| arn(zone)).collect();
    let mut statements = vec![
        allow("ReadAttributes", vec![KEEP_ALIVE], vec!["*".to_owned()], []),
        allow("ReadZones", ZONE_READS.to_vec(), zones, []),
        allow("FollowChanges", vec![FOLLOW], vec![format!("arn:{partition}:route53:::change/*")], []),
    ];
    // IAM takes letters and digits in the identifier of a statement, and zones may be patterns.
    statements.extend(patterns.into_iter().zip(1..).map(|((zone, names), number): (_, u32)| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        allow(
            &format!("ReplaceRecords{number}"),
            vec![CHANGE_RECORDS],
            vec![arn(zone)],
            [
                any_of("ForAllValues:StringLike", [("NormalizedRecordNames", names.as_slice())]),
                any_of("ForAllValues:StringEquals", [("Actions", &RECORD_ACTIONS), ("RecordTypes", &RECORD_TYPES)]),
            ],
        )
    }));
    statements
}

/// The names of the records that are written for names of a pattern, as patterns of IAM: the names themselves and those of
/// what Weir remembers there. A `*` of a pattern stands for the `\052` of a wildcard too; where a pattern begins with one,
/// what is remembered is among its names.
fn record_names(pattern: &str) -> [String; 2] {
    let name = DnsName::new(pattern);
    let own = if pattern.starts_with(WILDCARD) { name.escaped() } else { name.to_string() };
    [own, name.memory().to_string()]
}

fn allow<const N: usize>(
    sid: &str,
    action: Vec<&'static str>,
    resource: Vec<String>,
    conditions: [(&'static str, BTreeMap<String, Value>); N],
) -> Statement {
    let mut condition = Conditions::new();
    for (operator, keys) in conditions {
        condition.entry(operator).or_default().extend(keys);
    }
    Statement { sid: sid.to_owned(), effect: "Allow", action, resource, condition }
}

fn equals(key: String, value: &str) -> (&'static str, BTreeMap<String, Value>) {
    ("StringEquals", BTreeMap::from([(key, Value::One(value.to_owned()))]))
}

fn only_our_tags() -> (&'static str, BTreeMap<String, Value>) {
    ("ForAllValues:StringLike", BTreeMap::from([("aws:TagKeys".to_owned(), Value::One(format!("{TAG_PREFIX}*")))]))
}

/// Of each of these condition keys for the records of a batch, that every value in the request is one of some.
fn any_of<const N: usize>(
    operator: &'static str,
    keys: [(&str, &[&str]); N],
) -> (&'static str, BTreeMap<String, Value>) {
    let key = |(key, values): (&str, &[&str])| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        (format!("{CHANGE_RECORDS}{key}"), Value::AnyOf(values))
    };
    (operator, keys.into_iter().map(key).collect())
}

#[cfg(test)]
mod tests;
