//! Events are one resource that two groups serve; they lie in storage in the form of the core group.

use serde_json::{Map, Value, json};

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

pub(super) fn from_core(event: &Value) -> Value {
    renamed(event, "events.k8s.io/v1", |(new, core)| (core, new))
}

/// An event of `events.k8s.io` as the core group stores it.
pub(super) fn to_core(event: &Value) -> Value {
    renamed(event, "v1", |(new, core)| (new, core))
}

fn renamed(
    event: &Value,
    api_version: &str,
    direction: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str),
) -> Value {
    let mut result = Map::new();
    let names: Vec<_> = RENAMED.into_iter().map(direction).collect();
    for (field, value) in event.as_object().into_iter().flatten() {
        let name = names
            .iter()
            .find(|(from, _)| from == field)
            .map_or(field.as_str(), |(_, to)| to);
        result.insert(name.to_owned(), value.clone());
    }
    result.insert("apiVersion".into(), json!(api_version));
    Value::Object(result)
}
