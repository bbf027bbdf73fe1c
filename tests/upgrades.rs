//! Upgrades and downgrades: what an older version has installed and stored goes on working with this one, and what a newer
//! one has stored does not blind it.
//!
//! `tests/upgrades/<version>/` keeps the definitions of each version and objects as it stored them. The folder of the
//! version that is being made follows the sources: `WEIR_UPDATE=1 cargo test --test weir upgrades` writes it anew. With its
//! release the version in `Cargo.toml` rises, and its folder stays as it is.

mod aged;
mod narrowing;
mod stored;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use weir_lab::Settings;
use weir_lab::stage::{self, environment, on_virtual_time, rule_route, shift};

use crate::bed::places;

use narrowing::narrowings;

/// The version that is being made.
const PRESENT: &str = env!("CARGO_PKG_VERSION");

/// Rules that are new where they stand, and refuse what others refused elsewhere: `spec.listener` has had `self == oldSelf`,
/// which says nothing once the field may be absent; weights were limited where they stand, which is for listeners alone; and a
/// name in DNS may be deleted without a match.
const MOVED_RULES: [&str; 3] = [
    "v1alpha1.spec has a new rule: \"has(self.listener) == has(oldSelf.listener) \
     && (!has(self.listener) || self.listener == oldSelf.listener)\"",
    "v1alpha1.spec has a new rule: \"!has(self.listener) || !has(self.weights) || self.weights.size() <= 5\"",
    "v1alpha1 has a new rule: \"!has(self.spec.deletionPolicy) || self.spec.deletionPolicy != 'Delete' \
     || !has(self.spec.listener) || has(self.spec.listener.match)\"",
];

/// Whether a rule is about a field that earlier versions do not have: it holds where the field is absent.
fn is_about_names(narrowing: &str) -> bool {
    narrowing.contains("has(self.dns)")
}

/// The namespace of the lab's worlds.
const NAMESPACE: &str = "shop";

fn folder() -> PathBuf {
    places::top().join("tests/upgrades")
}

/// The versions that are kept.
fn versions() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn kept(version: &str, file: &str) -> Vec<Value> {
    let path = folder().join(version).join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn todays_definitions() -> Vec<Value> {
    weir_api::crds().into_iter().map(|definition| serde_json::to_value(definition).unwrap()).collect()
}

fn as_yaml(documents: &[Value]) -> String {
    let documents: Vec<String> = documents.iter().map(|document| serde_saphyr::to_string(document).unwrap()).collect();
    documents.join("---\n")
}

#[test]
fn the_present_version_is_kept() {
    let folder = folder().join(PRESENT);
    if std::env::var("WEIR_UPDATE").is_ok() {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("crds.yaml"), as_yaml(&todays_definitions())).unwrap();
        fs::write(folder.join("objects.yaml"), as_yaml(&stored::objects())).unwrap();
    }
    let way = "run `WEIR_UPDATE=1 cargo test --test weir upgrades` to keep this version as it is now";
    assert!(versions().contains(&PRESENT.to_owned()), "{PRESENT} is not kept; {way}");
    assert!(kept(PRESENT, "crds.yaml") == todays_definitions(), "the definitions of {PRESENT} have changed; {way}");
}

#[test]
fn todays_definitions_only_add_to_those_of_each_version() {
    let today = todays_definitions();
    for version in versions() {
        for old in kept(&version, "crds.yaml") {
            let name = &old["metadata"]["name"];
            let new = today.iter().find(|new| new["metadata"]["name"] == *name);
            let new = new.unwrap_or_else(|| panic!("{name} of {version} is gone"));
            let mut found = narrowings(&old, new);
            found.retain(|narrowing| !MOVED_RULES.contains(&narrowing.as_str()) && !is_about_names(narrowing));
            assert_eq!(found, Vec::<String>::new(), "{name} since {version}");
        }
    }
}

#[test]
fn whatever_each_version_could_say_is_read_whole() {
    for version in versions() {
        for definition in kept(&version, "crds.yaml") {
            let kind = &definition["spec"]["names"]["kind"];
            let like = kept(&version, "objects.yaml").into_iter().find(|stored| stored["kind"] == *kind);
            let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            let status = stored::filled(&schema["properties"]["status"]);
            let full = json!({"kind": kind, "metadata": {}, "spec": like.unwrap()["spec"], "status": status});
            assert_eq!(stored::lost(&full), [""; 0], "{kind} of {version}");
        }
    }
}

#[test]
fn objects_of_each_version_are_read_whole_and_accepted() {
    for version in versions() {
        let objects = kept(&version, "objects.yaml");
        assert!(objects.len() >= 8, "{version} keeps {} objects", objects.len());
        for stored in &objects {
            let lost = stored::lost(stored);
            assert!(lost.is_empty(), "{} of {version} loses {lost:?}", stored["metadata"]["name"]);
        }
        on_virtual_time(async {
            let world = weir_lab::World::new(Settings::seeded(1));
            for stored in &objects {
                let manifest = json!({
                    "apiVersion": stored["apiVersion"], "kind": stored["kind"],
                    "metadata": {"name": stored["metadata"]["name"]}, "spec": stored["spec"],
                });
                world.apply_document(manifest).unwrap_or_else(|refusal| panic!("{version}: {refusal}"));
            }
        });
    }
}

/// Today's definition of shifts as a newer version might have it: a strategy, a field and a phase of which this one knows
/// nothing.
fn newer_shifts() -> Value {
    let mut definition = todays_definitions()
        .into_iter()
        .find(|definition| definition["spec"]["names"]["plural"] == "trafficshifts")
        .unwrap();
    let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    schema["spec"]["properties"]["weather"] = json!({"type": "string"});
    let strategy = &mut schema["spec"]["properties"]["strategy"];
    strategy["properties"]["tidal"] = json!({"type": "object", "properties": {"moon": {"type": "string"}}});
    for validations in ["x-kubernetes-validations", "oneOf"] {
        strategy.as_object_mut().unwrap().remove(validations);
    }
    schema["status"]["properties"]["phase"]["enum"].as_array_mut().unwrap().push(json!("Ebbing"));
    definition
}

#[test]
fn what_a_newer_version_has_stored_blinds_nobody() {
    on_virtual_time(async {
        let mut world = stage::furnished(Settings::seeded(1)).await;
        world.kube().apply(&newer_shifts()).unwrap();
        let beside = rule_route("beside", &["blue", "green"], 10, "");
        world.apply(&[environment("blue"), environment("green"), beside].concat()).unwrap();
        // One that this version cannot read at all, one of which it does not know a field, and one as it knows them.
        let tidal = shift("green", "{tidal: {moon: full}}", "").replace("{name: checkout}", "{name: tidal}");
        let tidal = tidal.replace("routes: [checkout]", "routes: [beside]");
        world.apply(&tidal).unwrap();
        world.apply(&shift("green", "{allAtOnce: {}}", "weather: calm")).unwrap();
        world.patch("trafficshifts", "tidal", &json!({"status": {"phase": "Ebbing"}})).unwrap();
        for definition in todays_definitions() {
            world.kube().apply(&definition).unwrap();
        }
        world.start_controller();
        let hour = std::time::Duration::from_hours(1);
        world.run_until(|world| world.is_complete("checkout"), hour).await.unwrap();
        assert_eq!(stage::live(&world), stage::weights(&[("blue", 0), ("green", 100)]));
        let tidal = world.kube().get("trafficshifts", NAMESPACE, "tidal").unwrap();
        let stalled = tidal["status"]["conditions"].as_array().unwrap();
        let stalled = stalled.iter().find(|condition| condition["type"] == "Stalled").unwrap();
        assert_eq!((&stalled["status"], &stalled["reason"]), (&json!("True"), &json!("Invalid")), "{stalled}");
    });
}
