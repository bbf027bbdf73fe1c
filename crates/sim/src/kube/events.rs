//! Events are one resource that two groups serve; they lie in storage in the form of the core group.

use serde_json::{Map, Value, json};

use super::field::FieldError;
use super::kinds::Kind;
use super::names;

/// Fields that are named differently: in `events.k8s.io`, in the core group.
const RENAMED: [(&str, &str); 7] = [
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedCount", "count"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
];

/// An event of the core group as `events.k8s.io` shows it.
pub(super) fn from_core(event: &Value) -> Value {
    renamed(event, "events.k8s.io/v1", |(new, core)| (core, new))
}

/// An event of `events.k8s.io` as the core group stores it.
pub(super) fn to_core(event: &Value) -> Value {
    renamed(event, "v1", |(new, core)| (new, core))
}

/// Fields that the server writes even when they say nothing: in `events.k8s.io`, in the core group.
const ALWAYS: [(&[&str], &[&str]); 2] = [
    (&["deprecatedFirstTimestamp", "deprecatedLastTimestamp", "eventTime"], &["deprecatedSource"]),
    (&["firstTimestamp", "lastTimestamp", "eventTime"], &["source"]),
];

/// Adds the fields that every event has, with what says nothing.
pub(super) fn complete(event: &mut Value, kind: &Kind) {
    let core = kind.key.group.is_empty();
    let (times, sources) = ALWAYS[usize::from(core)];
    let Some(fields) = event.as_object_mut() else {
        return;
    };
    for time in times {
        fields.entry(*time).or_insert(Value::Null);
    }
    for source in sources {
        fields.entry(*source).or_insert_with(|| json!({}));
    }
    if core {
        for reporter in ["reportingComponent", "reportingInstance"] {
            fields.entry(reporter).or_insert_with(|| json!(""));
        }
    }
}

fn renamed(
    event: &Value,
    api_version: &str,
    direction: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str),
) -> Value {
    let mut result = Map::new();
    let names: Vec<_> = RENAMED.into_iter().map(direction).collect();
    for (field, value) in event.as_object().into_iter().flatten() {
        let name = names.iter().find(|(from, _)| from == field).map_or(field.as_str(), |(_, to)| to);
        result.insert(name.to_owned(), value.clone());
    }
    if api_version != "v1" {
        // What nobody said is left out here and written as empty there.
        result.retain(|name, value| !name.starts_with("reporting") || *value != "");
    }
    result.insert("apiVersion".into(), json!(api_version));
    Value::Object(result)
}

/// Longest texts, in bytes: note, reason, action, reporting instance.
const LONGEST: [(&str, usize); 4] = [("message", 1024), ("reason", 128), ("action", 128), ("reportingInstance", 128)];

/// What is wrong with an event; through `events.k8s.io` more is asked of it than through the core group.
pub(super) fn validate(kind: &Kind, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let strict = !kind.key.group.is_empty();
    let (event, old) = if strict { (to_core(new), old.map(to_core)) } else { (new.clone(), old.cloned()) };
    let mut errors = legacy(&event, if strict { "reportingController" } else { "reportingComponent" });
    match old {
        _ if !strict => {}
        None => errors.extend(created(&event)),
        Some(old) => errors.extend(changed(&event, &old)),
    }
    errors
}

fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event[field].as_str().unwrap_or_default()
}

/// What is asked of every event; it is told apart by its `eventTime` whether it is of the newer form.
fn legacy(event: &Value, controller: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let namespace = event["metadata"]["namespace"].as_str().unwrap_or_default();
    let involved = event["involvedObject"]["namespace"].as_str().unwrap_or_default();
    let newer = !event["eventTime"].is_null();
    let elsewhere = match (newer, involved) {
        (false, "") => namespace != "default",
        (false, involved) => involved != namespace,
        (true, "") => namespace != "default" && namespace != "kube-system",
        (true, _) => false,
    };
    if elsewhere {
        let detail = "does not match event.namespace";
        errors.push(FieldError::invalid("involvedObject.namespace", json!(involved), detail));
    }
    if !newer {
        return errors;
    }
    let reporter = text(event, "reportingComponent");
    if reporter.is_empty() {
        errors.push(FieldError::required(controller, ""));
    }
    for complaint in names::qualified(reporter) {
        errors.push(FieldError::invalid(controller, json!(reporter), complaint));
    }
    for field in ["reportingInstance", "action", "reason"] {
        if text(event, field).is_empty() {
            errors.push(FieldError::required(field, ""));
        }
    }
    for (field, most) in LONGEST {
        if text(event, field).len() > most {
            let detail = format!("can have at most {most} characters");
            errors.push(FieldError::invalid(field, json!(""), detail));
        }
    }
    errors
}

fn created(event: &Value) -> Vec<FieldError> {
    let mut errors = series(event);
    if event["eventTime"].is_null() {
        errors.push(FieldError::required("eventTime", ""));
    }
    let kind = text(event, "type");
    if !matches!(kind, "Normal" | "Warning") {
        errors.push(FieldError::invalid("type", json!(""), format!("has invalid value: {kind}")));
    }
    for field in ["firstTimestamp", "lastTimestamp", "count", "source"] {
        let unset = match &event[field] {
            Value::Null => true,
            Value::Number(number) => number.as_i64() == Some(0),
            Value::Object(source) => source.is_empty(),
            _ => false,
        };
        if !unset {
            errors.push(FieldError::invalid(field, json!(""), "needs to be unset"));
        }
    }
    errors
}

fn changed(event: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = if event["series"] == old["series"] { Vec::new() } else { series(event) };
    let fixed = [
        "involvedObject",
        "reason",
        "message",
        "source",
        "firstTimestamp",
        "lastTimestamp",
        "count",
        "type",
        "eventTime",
        "action",
        "related",
        "reportingComponent",
        "reportingInstance",
    ];
    for field in fixed {
        if event[field] != old[field] {
            errors.push(FieldError::invalid(field, event[field].clone(), "field is immutable"));
        }
    }
    errors
}

fn series(event: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let series = &event["series"];
    if series.is_null() {
        return errors;
    }
    if series["count"].as_i64().unwrap_or_default() < 2 {
        errors.push(FieldError::invalid("series.count", json!(""), "should be at least 2"));
    }
    if series["lastObservedTime"].is_null() {
        errors.push(FieldError::required("series.lastObservedTime", ""));
    }
    errors
}
