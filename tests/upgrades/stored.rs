//! Objects as they are stored, in the middle of a run, after one that went back, and moved by hand.

use std::time::Duration;

use k8s_openapi::serde::Serialize;
use k8s_openapi::serde::de::DeserializeOwned;
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

/// What of an object's spec and status is lost when it is read and written again.
pub(super) fn lost(stored: &Value) -> Vec<String> {
    let again = match stored["kind"].as_str() {
        Some("EntryPoint") => again::<EntryPoint>(stored),
        Some("Environment") => again::<Environment>(stored),
        Some("WeightedRoute") => again::<WeightedRoute>(stored),
        Some("TrafficShift") => again::<TrafficShift>(stored),
        kind => panic!("there is no kind {kind:?}"),
    };
    let mut lost = Vec::new();
    for part in ["spec", "status"] {
        seek(&stored[part], &again[part], part, &mut lost);
    }
    lost
}

fn again<Kind: Serialize + DeserializeOwned>(stored: &Value) -> Value {
    let read: Kind = serde_json::from_value(stored.clone()).unwrap_or_else(|error| panic!("{error}: {stored}"));
    serde_json::to_value(read).unwrap()
}

/// Everything that is in one value and not in the other.
fn seek(stored: &Value, again: &Value, at: &str, lost: &mut Vec<String>) {
    match (stored, again) {
        (Value::Object(stored), Value::Object(again)) => {
            for (name, value) in stored {
                seek(value, again.get(name).unwrap_or(&Value::Null), &format!("{at}.{name}"), lost);
            }
        }
        (Value::Array(stored), Value::Array(again)) if stored.len() == again.len() => {
            for (number, (stored, again)) in stored.iter().zip(again).enumerate() {
                seek(stored, again, &format!("{at}[{number}]"), lost);
            }
        }
        // An empty list and no list are the same.
        (Value::Array(stored), Value::Null) if stored.is_empty() => {}
        _ if stored == again => {}
        _ => lost.push(at.to_owned()),
    }
}

#[test]
fn what_is_lost_is_found() {
    let stored = json!({
        "apiVersion": "weir.dev/v1alpha1", "kind": "Environment", "metadata": {"name": "blue"},
        "spec": {"targetGroups": [{"name": "web", "existing": {"name": "blue"}}], "colour": "blue"},
    });
    assert_eq!(lost(&stored), ["spec.colour"]);
}
