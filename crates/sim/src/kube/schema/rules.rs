//! The CEL rules of a schema, evaluated by kube-cel.
//!
//! Each node's rules are compiled together with the schema below the node, but without the rules there: the walk
//! through the object is done here, in order and with the server's notion of which old value belongs to which new one.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube_cel::{CompiledSchema, ErrorKind, compile_schema, validate_compiled};
use regex::{Captures, Regex};
use serde_json::{Value, json};

use super::parse::without_inner_rules;
use super::{Additional, Schema, Type};
use crate::kube::field::{FieldError, Wrong, child, index, key};
use crate::kube::metadata::are_same_beside;

/// The rules of one node.
#[derive(Debug)]
pub(super) struct Rules {
    list: Vec<Rule>,
    compiled: CompiledSchema,
    /// The fields of the value that the rules speak of, if they speak of no more than that. Only these are handed to
    /// the evaluator: a status is written often, and the rules about it are mostly about something else.
    fields: Option<BTreeSet<String>>,
    /// What was found to break none of them, as far as they speak of it: values, each with the old one. Rules know of
    /// nothing else, so what was sound once is sound again; a status is written often, and the rest stays as it is.
    sound: Mutex<BTreeSet<String>>,
}

/// How many values are remembered as sound.
const MOST_SOUND: usize = 64;

#[derive(Debug)]
struct Rule {
    text: String,
    message: Option<String>,
    reason: Wrong,
    /// Relative to the node, without the leading dot.
    field: String,
    /// Compares with the old value, and so says nothing about a new object.
    about_change: bool,
}

impl Rules {
    pub(super) fn parse(json: &Value, path: &str) -> Result<Option<Self>, FieldError> {
        let mut schema = without_inner_rules(json);
        // Rules in a branch of allOf are rules about the same value.
        let branches = json["allOf"].as_array().into_iter().flatten();
        let lists = std::iter::once(json).chain(branches).map(|node| &node["x-kubernetes-validations"]);
        let all: Vec<Value> = lists.flat_map(|list| list.as_array().into_iter().flatten()).cloned().collect();
        if all.is_empty() {
            return Ok(None);
        }
        schema["x-kubernetes-validations"] = json!(all);
        let compiled = compile_schema(&schema);
        let mut rules = Vec::new();
        for (position, (rule, result)) in all.iter().zip(&compiled.validations).enumerate() {
            let path = index(&child(path, "x-kubernetes-validations"), position);
            match result {
                Ok(result) => rules.push(Rule::read(rule, &path, result.is_transition_rule)?),
                Err(error) => {
                    let detail = format!("compilation failed: {error}");
                    return Err(FieldError::invalid(child(&path, "rule"), rule["rule"].clone(), detail));
                }
            }
        }
        Ok(Some(Self { list: rules, compiled, fields: fields_of(&all), sound: Mutex::default() }))
    }

    /// What the rules of this node say; `unchanged` leaves only those about changes.
    fn judge(&self, kind: Type, value: &Value, old: Option<&Value>, unchanged: bool, path: &str) -> Vec<FieldError> {
        let due = |rule: &Rule| {
            if rule.about_change { old.is_some() } else { !unchanged }
        };
        if !self.list.iter().any(due) {
            return Vec::new();
        }
        let (seen, old_seen) = (self.reduced(value), old.map(|old| self.reduced(old)));
        let both = format!("{seen} {}", old_seen.as_deref().unwrap_or(&Value::Null));
        if self.sound().contains(&both) {
            return Vec::new();
        }
        let Err(failures) = validate_compiled(&self.compiled, &seen, old_seen.as_deref()) else {
            let mut sound = self.sound();
            if sound.len() == MOST_SOUND {
                sound.clear();
            }
            sound.insert(both);
            return Vec::new();
        };
        let mut errors = Vec::new();
        for failure in failures {
            let Some(rule) = self.list.iter().find(|rule| rule.text == failure.rule).filter(|rule| due(rule)) else {
                continue;
            };
            let words = failure.message.trim().to_owned();
            let shown = if matches!(kind, Type::Object | Type::Array) { None } else { Some(value.clone()) };
            errors.push(if failure.kind == ErrorKind::ValidationFailure {
                let field = if rule.field.is_empty() { path.to_owned() } else { child(path, &rule.field) };
                let detail = if rule.reason == Wrong::Duplicate { String::new() } else { words };
                FieldError { wrong: rule.reason, field, value: shown, detail }
            } else {
                let words = words.trim_start_matches("rule evaluation error: ");
                let detail = format!("{words} evaluating rule: {}", rule.message.as_deref().unwrap_or(&rule.text));
                FieldError::invalid(path, json!(kind.name()), detail)
            });
        }
        errors
    }
}

impl Rules {
    /// Whether any of them compares with the old value.
    pub(super) fn are_about_change(&self) -> bool {
        self.list.iter().any(|rule| rule.about_change)
    }

    fn sound(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.sound.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A value as far as the rules speak of it.
    fn reduced<'a>(&self, value: &'a Value) -> Cow<'a, Value> {
        match (&self.fields, value) {
            (Some(wanted), Value::Object(fields)) => {
                let kept = fields.iter().filter(|(name, _)| wanted.contains(*name));
                Cow::Owned(Value::Object(kept.map(|(name, field)| (name.clone(), field.clone())).collect()))
            }
            _ => Cow::Borrowed(value),
        }
    }
}

/// The fields of `self` and `oldSelf` that rules name; nothing if they use the whole value somewhere, as `self.all(…)` does.
fn fields_of(rules: &[Value]) -> Option<BTreeSet<String>> {
    let mention = Regex::new(r"\b(?:self|oldSelf)\b(?:\.([A-Za-z][A-Za-z0-9]*)\b(\()?)?").ok()?;
    let texts = rules.iter().flat_map(|rule| [&rule["rule"], &rule["messageExpression"]]).filter_map(Value::as_str);
    let mentions: Vec<_> = texts.flat_map(|text| mention.captures_iter(text).collect::<Vec<_>>()).collect();
    let field =
        |found: &Captures<'_>| found.get(1).filter(|_| found.get(2).is_none()).map(|name| name.as_str().to_owned());
    mentions.iter().map(field).collect()
}

impl Rule {
    fn read(json: &Value, path: &str, about_change: bool) -> Result<Self, FieldError> {
        if json["optionalOldSelf"] == true {
            let detail = "this server cannot evaluate rules with an optional oldSelf";
            return Err(FieldError::invalid(child(path, "optionalOldSelf"), json!(true), detail));
        }
        let text = |name: &str| json[name].as_str().map(|text| text.trim().to_owned());
        let reason = match json["reason"].as_str() {
            None | Some("FieldValueInvalid") => Wrong::Invalid,
            Some("FieldValueForbidden") => Wrong::Forbidden,
            Some("FieldValueRequired") => Wrong::Required,
            Some("FieldValueDuplicate") => Wrong::Duplicate,
            Some(other) => {
                let detail = "supported values: \"FieldValueRequired\", \"FieldValueForbidden\", \
                    \"FieldValueInvalid\", \"FieldValueDuplicate\"";
                return Err(FieldError::new(Wrong::NotSupported, child(path, "reason"), json!(other), detail));
            }
        };
        Ok(Self {
            // As the evaluator names it in its failures.
            text: json["rule"].as_str().unwrap_or_default().to_owned(),
            message: text("message").filter(|message| !message.is_empty()),
            reason,
            field: normal_path(json["fieldPath"].as_str().unwrap_or_default()),
            about_change,
        })
    }
}

/// `.a['b.c'].d` as messages write it: `a[b.c].d`.
fn normal_path(path: &str) -> String {
    path.trim_start_matches('.').replace("['", "[").replace("']", "]")
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

impl Schema {
    /// What the rules say about a whole object, which takes the place of `old` if there is one.
    pub(in crate::kube) fn judge_rules(&self, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        if !self.below.rules {
            return Vec::new();
        }
        let mut errors = Vec::new();
        let same_name = |old: &Value| name_only(&object["metadata"]) == name_only(&old["metadata"]);
        let unchanged = old.is_some_and(|old| are_same_beside(object, old) && same_name(old));
        let (object, old) = (self.ruled(object), old.map(|old| self.ruled(old)));
        self.judge_node(&object, old.as_ref(), unchanged, "", &mut errors);
        for error in &mut errors {
            if error.field.is_empty() {
                "<nil>".clone_into(&mut error.field);
            }
        }
        errors
    }

    /// A whole object as far as rules speak of it: of the metadata they see only the name.
    fn ruled(&self, object: &Value) -> Value {
        let at_root = |name: &String| match &self.rules {
            Some(Rules { fields: Some(fields), .. }) => fields.contains(name),
            rules => rules.is_some(),
        };
        let is_ruled = |name: &String| at_root(name) || self.of_field(name).is_some_and(|schema| schema.below.rules);
        let fields = object.as_object().into_iter().flatten().filter(|(name, _)| is_ruled(name));
        let seen = |name: &String, field: &Value| if name == "metadata" { name_only(field) } else { field.clone() };
        Value::Object(fields.map(|(name, field)| (name.clone(), seen(name, field))).collect())
    }

    fn walk_rules(
        &self,
        value: &Value,
        old: Option<&Value>,
        unchanged: bool,
        path: &str,
        errors: &mut Vec<FieldError>,
    ) {
        if value.is_null() || !self.below.rules {
            return;
        }
        let old = old.filter(|old| !old.is_null());
        self.judge_node(value, old, unchanged || old == Some(value), path, errors);
    }

    fn judge_node(
        &self,
        value: &Value,
        old: Option<&Value>,
        unchanged: bool,
        path: &str,
        errors: &mut Vec<FieldError>,
    ) {
        if unchanged && !self.below.rules_about_change {
            return;
        }
        if let Some(rules) = &self.rules {
            errors.extend(rules.judge(self.kind, value, old, unchanged, path));
        }
        match value {
            Value::Object(fields) => {
                let old_field = |name: &str| old.and_then(|old| old.get(name));
                if let Additional::Of(schema) = &self.additional {
                    for (name, field) in fields.iter().filter(|(name, _)| !self.properties.contains_key(*name)) {
                        schema.walk_rules(field, old_field(name), unchanged, &key(path, name), errors);
                    }
                }
                for (name, schema) in self.properties.iter().filter(|(_, schema)| schema.below.rules) {
                    if let Some(field) = fields.get(name) {
                        schema.walk_rules(field, old_field(name), unchanged, &child(path, name), errors);
                    }
                }
            }
            Value::Array(items) => {
                let Some(schema) = &self.items else { return };
                for (position, item) in items.iter().enumerate() {
                    let old = self.predecessor(item, old);
                    schema.walk_rules(item, old, unchanged, &index(path, position), errors);
                }
            }
            _ => {}
        }
    }
}

fn name_only(metadata: &Value) -> Value {
    let fields = ["name", "generateName"].into_iter();
    Value::Object(fields.filter_map(|field| Some((field.to_owned(), metadata.get(field)?.clone()))).collect())
}
