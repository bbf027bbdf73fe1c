//! Policies of IAM: what a caller may do, judged as far as policies of identities go.
//!
//! A policy that says something which is not judged here is refused when it is given, so that nothing is passed over in
//! silence. How a request is judged: "Policy evaluation logic" and "IAM JSON policy elements" in the user guide of IAM;
//! which resources and condition keys an action has: the Service Authorization Reference.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::Aws;
use super::elbv2::request::fits;
use super::refusal::Refusal;

mod roles;

#[cfg(test)]
mod tests;

pub(super) use self::roles::Iam;

/// The condition key for the keys of all tags in a request.
const TAG_KEYS: &str = "aws:TagKeys";
/// The condition key for the operation that makes what is tagged in the same request.
const CREATE_ACTION: &str = "elasticloadbalancing:CreateAction";

/// The condition keys for the records of a batch of Route 53: names in small letters and without a dot at the end, types, and
/// what is done to them.
pub(super) const RECORD_NAMES: &str = "route53:ChangeResourceRecordSetsNormalizedRecordNames";
pub(super) const RECORD_TYPES: &str = "route53:ChangeResourceRecordSetsRecordTypes";
pub(super) const RECORD_ACTIONS: &str = "route53:ChangeResourceRecordSetsActions";

/// The condition keys that are neither tags nor made of them.
const KEYS: [&str; 5] = [TAG_KEYS, CREATE_ACTION, RECORD_NAMES, RECORD_TYPES, RECORD_ACTIONS];

/// What a right is called: the name of its statement, and the action.
pub type Right = (String, String);

/// A policy with the statements that allow something.
#[derive(Debug, Default)]
pub(super) struct Policy {
    statements: Vec<Statement>,
    /// The rights of which use was made.
    used: Mutex<BTreeSet<Right>>,
}

#[derive(Clone, Debug)]
struct Statement {
    sid: String,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

/// One operator with one key.
#[derive(Clone, Debug)]
struct Condition {
    operator: Operator,
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equals,
    Like,
    /// Every value in the request is one of these; true where there is none.
    AllEqual,
    /// Every value in the request is like one of these; true where there is none.
    AllLike,
}

/// What a caller asks to do to one resource.
#[derive(Clone, Debug, Default)]
pub(super) struct Deed {
    /// For example `elasticloadbalancing:ModifyRule`.
    pub(super) action: String,
    /// The ARN, or `*` where the action is about no resource.
    pub(super) resource: String,
    /// The tags that the resource has.
    pub(super) has: BTreeMap<String, String>,
    /// The tags that the request gives it.
    pub(super) given: BTreeMap<String, String>,
    /// The keys of all tags that the request names.
    pub(super) keys: BTreeSet<String>,
    /// By which operation the resource that is tagged is being made.
    pub(super) creating: Option<String>,
    /// What other condition keys the request has, each with its values.
    pub(super) values: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Deed {
    /// Something that is done to no resource in particular.
    pub(super) fn at_large(action: &str) -> Self {
        Self { action: action.to_owned(), resource: "*".to_owned(), ..Self::default() }
    }
}

impl Policy {
    /// Reads a policy document; the error says what is not judged here.
    pub(super) fn read(document: &Value) -> Result<Self, String> {
        if document["Version"] != "2012-10-17" {
            return Err(format!("the Version is {}; expected 2012-10-17", document["Version"]));
        }
        let statements = document["Statement"].as_array().ok_or("Statement is no list")?;
        let statements = statements.iter().map(Statement::read).collect::<Result<_, _>>()?;
        Ok(Self { statements, used: Mutex::default() })
    }

    /// Lets a caller do something, or says what AWS says where nothing allows it.
    pub(super) fn admit(&self, user: &str, deed: &Deed) -> Result<(), Refusal> {
        let statement = self.statements.iter().find(|statement| statement.allows(deed));
        let statement = statement.ok_or_else(|| denied(user, deed))?;
        self.used().insert((statement.sid.clone(), deed.action.clone()));
        Ok(())
    }

    /// The rights that it gives and of which no use was made.
    pub(super) fn unused(&self) -> BTreeSet<Right> {
        let pairs = |statement: &Statement| -> Vec<Right> {
            statement.actions.iter().map(|action| (statement.sid.clone(), action.clone())).collect()
        };
        let all: BTreeSet<Right> = self.statements.iter().flat_map(pairs).collect();
        &all - &self.used()
    }

    fn used(&self) -> MutexGuard<'_, BTreeSet<Right>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Statement {
    fn read(json: &Value) -> Result<Self, String> {
        let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
        if let Some(key) = json.as_object().into_iter().flatten().find(|(key, _)| !known.contains(&key.as_str())) {
            return Err(format!("the element {} of a statement is not judged here", key.0));
        }
        if json["Effect"] != "Allow" {
            return Err(format!("the Effect {} is not judged here", json["Effect"]));
        }
        let mut conditions = Vec::new();
        for (operator, keys) in json["Condition"].as_object().into_iter().flatten() {
            let operator = match operator.as_str() {
                "StringEquals" => Operator::Equals,
                "StringLike" => Operator::Like,
                "ForAllValues:StringEquals" => Operator::AllEqual,
                "ForAllValues:StringLike" => Operator::AllLike,
                other => return Err(format!("the operator {other} is not judged here")),
            };
            for (key, values) in keys.as_object().into_iter().flatten() {
                let is_known = KEYS.contains(&key.as_str()) || tag_of(key).is_some();
                if !is_known {
                    return Err(format!("the condition key {key} is not judged here"));
                }
                conditions.push(Condition { operator, key: key.clone(), values: texts(values)? });
            }
        }
        Ok(Self {
            sid: json["Sid"].as_str().unwrap_or_default().to_owned(),
            actions: texts(&json["Action"])?,
            resources: texts(&json["Resource"])?,
            conditions,
        })
    }

    fn allows(&self, deed: &Deed) -> bool {
        self.actions.iter().any(|action| fits(action, &deed.action))
            && self.resources.iter().any(|resource| fits(resource, &deed.resource))
            && self.conditions.iter().all(|condition| condition.holds(deed))
    }
}

impl Condition {
    fn holds(&self, deed: &Deed) -> bool {
        let found: Vec<&String> = match tag_of(&self.key) {
            Some((Side::Request, tag)) => deed.given.get(tag).into_iter().collect(),
            Some((Side::Resource, tag)) => deed.has.get(tag).into_iter().collect(),
            None if self.key == CREATE_ACTION => deed.creating.iter().collect(),
            None if self.key == TAG_KEYS => deed.keys.iter().collect(),
            None => deed.values.get(self.key.as_str()).into_iter().flatten().collect(),
        };
        let fits_one = |text: &String| match self.operator {
            Operator::Equals | Operator::AllEqual => self.values.contains(text),
            Operator::Like | Operator::AllLike => self.values.iter().any(|value| fits(value, text)),
        };
        match self.operator {
            Operator::AllEqual | Operator::AllLike => found.into_iter().all(fits_one),
            Operator::Equals | Operator::Like => found.into_iter().any(fits_one),
        }
    }
}

/// Where a tag is that a condition looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Request,
    Resource,
}

fn tag_of(key: &str) -> Option<(Side, &str)> {
    let (prefix, tag) = key.split_once('/')?;
    match prefix {
        "aws:RequestTag" => Some((Side::Request, tag)),
        "aws:ResourceTag" | "elasticloadbalancing:ResourceTag" => Some((Side::Resource, tag)),
        _ => None,
    }
}

impl Aws {
    /// Lets the owner of an access key do only what a policy allows, in every account, also in roles; without this
    /// nothing is forbidden. The error says what of the policy cannot be judged.
    pub fn restrict(&self, access_key: &str, policy: &Value) -> Result<(), String> {
        self.partition().restrict(access_key, Policy::read(policy)?);
        Ok(())
    }

    /// The rights of which the owner of an access key has made no use yet.
    pub fn unused_rights(&self, access_key: &str) -> BTreeSet<Right> {
        self.partition().unused_rights(access_key)
    }
}

/// One text, or a list of texts.
fn texts(json: &Value) -> Result<Vec<String>, String> {
    let text = |json: &Value| json.as_str().map(str::to_owned).ok_or_else(|| format!("{json} is no text"));
    match json {
        Value::Array(list) => list.iter().map(text).collect(),
        one => Ok(vec![text(one)?]),
    }
}

/// How AWS says that nothing allows a deed.
fn denied(user: &str, deed: &Deed) -> Refusal {
    let Deed { action, resource, .. } = deed;
    let on = if resource == "*" { String::new() } else { format!(" on resource: {resource}") };
    let message = format!(
        "User: {user} is not authorized to perform: {action}{on} because no identity-based policy allows the {action} action"
    );
    Refusal::forbidden("AccessDenied", message)
}
