//! Objects as they are stored, in the middle of a run, after one that went back, and moved by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::serde::Serialize;
use k8s_openapi::serde::de::DeserializeOwned;
use regex::Regex;
use serde_json::{Value, json};
use weir_api::{EntryPoint, Environment, TrafficShift, WeightedRoute};
use weir_lab::Settings;
use weir_lab::stage::{self, on_virtual_time, rule_route, shift, steps};

use super::NAMESPACE;

/// The story that fills every part of a status: one run is paused half way, one has gone back, one route follows weights.
pub(super) fn objects() -> Vec<Value> {
    on_virtual_time(async {
        let mut world = stage::set(Settings::seeded(1)).await;
        let by_hand = "weights: {blue: 80, green: 20}";
        let weighted = rule_route("by-hand", &["blue", "green"], 20, by_hand);
        world.apply(&[rule_route("back", &["blue", "green"], 10, ""), weighted].concat()).unwrap();
        let back = |to: &str| {
            let shift = shift(to, &steps(&[50, 100], "1m"), "").replace("{name: checkout}", "{name: back}");
            shift.replace("routes: [checkout]", "routes: [back]")
        };
        let hour = Duration::from_hours(1);
        world.apply(&back("blue")).unwrap();
        world.run_until(|world| world.is_complete("back"), hour).await.unwrap();
        world.apply(&back("green")).unwrap();
        world.run_for(Duration::from_secs(90)).await;
        world.command("back", "abort/1").unwrap();
        world.run_until(|world| world.is_complete("back"), hour).await.unwrap();
        world.apply(&shift("green", &steps(&[25, 100], "1h"), "")).unwrap();
        world.run_for(Duration::from_mins(5)).await;
        let kinds = ["entrypoints", "environments", "weightedroutes", "trafficshifts"];
        let stored = kinds.into_iter().flat_map(|kind| world.kube().list(kind, NAMESPACE));
        stored.map(|object| (*object).clone()).collect()
    })
}

/// Where a value stands today, and where it stood: parts of paths that begin with the kind.
const MOVED: [(&str, &str); 6] = [
    (r"^(WeightedRoute\.status)\.(arn|listener|priority|marked|before|stickySeconds)\b", "$1.listenerRule.$2"),
    (r"^(WeightedRoute\.status\.intent)\.(stickySeconds|stickySecondsBefore)\b", "$1.listenerRule.$2"),
    (r"^(WeightedRoute\.status(\.intent)?)\.groups(\[\d+\])\.environment$", "$1.members$3.environment"),
    (r"^(WeightedRoute\.status(\.intent)?)\.groups(\[\d+\])\.arn$", "$1.members$3.targetGroups[0]"),
    (r"^(WeightedRoute\.status\.fullTraffic\[\d+\])\.group$", "$1.targetGroups[0]"),
    (r"^(\w+\.status\.lastCommand)\.refused$", "$1.effect"),
];

/// What of an object's spec and status is lost when it is read and written again.
pub(super) fn lost(stored: &Value) -> Vec<String> {
    let kind = stored["kind"].as_str().unwrap();
    let mut read = stored.clone();
    weir_api::stored::renew(kind, &mut read["status"]);
    let again = match kind {
        "EntryPoint" => again::<EntryPoint>(read),
        "Environment" => again::<Environment>(read),
        "WeightedRoute" => again::<WeightedRoute>(read),
        "TrafficShift" => again::<TrafficShift>(read),
        kind => panic!("there is no kind {kind:?}"),
    };
    let moves = MOVED.map(|(before, today)| (Regex::new(before).unwrap(), today));
    let (mut before, mut today) = (BTreeMap::new(), BTreeMap::new());
    for part in ["spec", "status"] {
        leaves(&stored[part], &format!("{kind}.{part}"), &mut before);
        leaves(&again[part], &format!("{kind}.{part}"), &mut today);
    }
    let is_lost = |(path, value): &(String, Value)| {
        let moved = moves.iter().find(|(before, _)| before.is_match(path));
        let place = moved.map_or(path.clone(), |(before, today)| before.replace(path, *today).into_owned());
        // What was released is told by the names of all gates up to it.
        if let Some(released) = path.strip_suffix(".released.wait") {
            return !today.contains_key(&format!("{released}.released.gates[0]"));
        }
        let is_refusal = place.ends_with(".effect") && place != *path;
        let value =
            if is_refusal { json!(if *value == json!(true) { "Refused" } else { "Accepted" }) } else { value.clone() };
        today.get(&place) != Some(&value)
    };
    before.into_iter().filter(is_lost).map(|(path, _)| path).collect()
}

fn again<Kind: Serialize + DeserializeOwned>(stored: Value) -> Value {
    let text = stored.to_string();
    let read: Kind = serde_json::from_value(stored).unwrap_or_else(|error| panic!("{error}: {text}"));
    serde_json::to_value(read).unwrap()
}

/// Everything that has no fields and no entries, by its path. An empty list and no list are the same.
fn leaves(value: &Value, at: &str, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(name, value)| leaves(value, &format!("{at}.{name}"), found));
        }
        Value::Array(entries) => {
            entries.iter().enumerate().for_each(|(number, entry)| leaves(entry, &format!("{at}[{number}]"), found));
        }
        value => drop(found.insert(at.to_owned(), value.clone())),
    }
}

/// A value that has everything for which a schema has a name.
pub(super) fn filled(schema: &Value) -> Value {
    let values = schema["enum"].as_array().into_iter().flatten();
    if let Some(last) = values.last() {
        return last.clone();
    }
    match schema["type"].as_str() {
        Some("object") if schema["additionalProperties"].is_object() => {
            json!({"key": filled(&schema["additionalProperties"])})
        }
        Some("object") => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            fields.map(|(name, schema)| (name.clone(), filled(schema))).collect()
        }
        Some("array") => json!([filled(&schema["items"])]),
        Some("integer") => json!(7),
        Some("boolean") => json!(true),
        Some("string") if schema["format"] == "date-time" => json!("2026-11-21T10:00:00Z"),
        Some("string") => json!("text"),
        other => panic!("a status has a value of the type {other:?}"),
    }
}

#[test]
fn what_is_lost_is_found() {
    let stored = json!({
        "apiVersion": "weir.dev/v1alpha1", "kind": "Environment", "metadata": {"name": "blue"},
        "spec": {"targetGroups": [{"name": "web", "existing": {"name": "blue"}}], "colour": "blue"},
    });
    assert_eq!(lost(&stored), ["Environment.spec.colour"]);
}
