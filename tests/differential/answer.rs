//! An answer of a server, and what of it must be the same everywhere.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

/// What differs from run to run.
const VARIES: [&str; 5] = ["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "lastTransitionTime"];

static UID: LazyLock<Regex> = LazyLock::new(|| Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").unwrap());
static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(precondition \(|record \(|current: |ResourceVersion: ?"?|resourceVersion: ?"?)[0-9]+"#).unwrap()
});
static TIME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ?( \+0000 UTC)?").unwrap());

/// A server quotes the whole object here, with the fields by which it manages it.
static OBJECT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"Invalid value: "\{.*\}": strict"#).unwrap());

/// An answer.
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) body: Value,
}

impl Reply {
    /// What must be the same everywhere.
    pub(super) fn normal(&self) -> Value {
        json!({"code": self.code, "body": normal(&self.body, "")})
    }
}

fn normal(value: &Value, key: &str) -> Value {
    match value {
        _ if VARIES.contains(&key) => json!(key),
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| *name != "managedFields");
            Value::Object(kept.map(|(name, part)| (name.clone(), normal(part, name))).collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| normal(item, "")).collect();
            if key == "causes" {
                // A real server goes through the fields of an object in no order.
                items.sort_by_key(Value::to_string);
            }
            Value::Array(items)
        }
        Value::String(text) => json!(normal_text(text)),
        other => other.clone(),
    }
}

fn normal_text(text: &str) -> String {
    let text = OBJECT.replace_all(text, "Invalid value: OBJECT: strict");
    let text = UID.replace_all(&text, "UID");
    let text = TIME.replace_all(&text, "TIME");
    let text = VERSION.replace_all(&text, "${1}VERSION").into_owned();
    match text.strip_suffix(']').and_then(|text| text.split_once(" is invalid: [")) {
        Some((object, list)) => {
            let mut list: Vec<&str> = list.split(", ").collect();
            list.sort_unstable();
            format!("{object} is invalid: [{}]", list.join(", "))
        }
        None => text,
    }
}
