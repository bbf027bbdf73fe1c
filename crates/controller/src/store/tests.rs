//! What the store believes when replies and watches cross.

use serde_json::{Value, json};
use weir_engine::{Key, KindName, ObjectRef};

use super::{ChangeType, Source, Store};
use crate::document::Document;

const SHIFT: KindName = KindName::TrafficShift;

fn document(name: &str, uid: &str, version: &str, spec: Value, status: Value) -> Document {
    serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": name, "uid": uid, "resourceVersion": version, "generation": 1},
        "spec": spec,
        "status": status,
    }))
    .unwrap()
}

fn shift(uid: &str, version: &str, phase: &str) -> Document {
    let spec = json!({"routes": ["public"], "to": "green", "strategy": {"allAtOnce": {}}});
    document("checkout", uid, version, spec, json!({"phase": phase}))
}

fn route(version: &str) -> Document {
    let spec = json!({
        "listener": {"entryPoint": {"name": "main"}, "listener": "https"},
        "backends": [{"environment": "green"}],
    });
    document("public", "r1", version, spec, Value::Null)
}

/// A store that has listed everything there is, which is nothing.
fn listed() -> Store {
    let mut store = Store::default();
    for kind in KindName::ALL {
        store.begin_list(kind);
        store.end_list(kind);
    }
    store
}

fn the_shift() -> ObjectRef {
    ObjectRef::new(SHIFT, Key::new("shop", "checkout"))
}

fn the_route() -> ObjectRef {
    ObjectRef::new(KindName::WeightedRoute, Key::new("shop", "public"))
}

fn phase(store: &Store) -> Option<String> {
    let shift = store.cluster().shifts.get(&the_shift().key)?;
    shift.status.phase.map(|phase| format!("{phase:?}"))
}

#[test]
fn nothing_older_replaces_anything_newer() {
    let mut store = Store::default();
    assert_eq!(store.put(SHIFT, shift("u", "9", "Pending"), Source::Watch).unwrap().kind, ChangeType::Spec);
    assert_eq!(store.put(SHIFT, shift("u", "12", "Shifting"), Source::Reply).unwrap().kind, ChangeType::Status);
    // The watch comes late with what was between, and then with what is known already.
    assert_eq!(store.put(SHIFT, shift("u", "10", "Verifying"), Source::Watch), None);
    assert_eq!(store.put(SHIFT, shift("u", "12", "Shifting"), Source::Watch), None);
    assert_eq!(phase(&store).as_deref(), Some("Shifting"));
}

#[test]
fn versions_that_are_no_numbers_are_taken_as_they_come() {
    let mut store = Store::default();
    store.put(SHIFT, shift("u", "b", "Shifting"), Source::Reply);
    store.put(SHIFT, shift("u", "a", "Verifying"), Source::Watch);
    assert_eq!(phase(&store).as_deref(), Some("Verifying"));
}

#[test]
fn a_new_version_of_the_same_wakes_nobody() {
    let mut store = Store::default();
    store.put(SHIFT, shift("u", "9", "Pending"), Source::Watch);
    assert_eq!(store.put(SHIFT, shift("u", "10", "Pending"), Source::Watch), None);
    assert_eq!(store.metadata(&the_shift()).unwrap().version, "10");
    assert_eq!(store.cluster().shifts[&the_shift().key].version, "10");
}

#[test]
fn the_dependents_before_and_after_are_woken() {
    let mut store = listed();
    store.put(KindName::WeightedRoute, route("1"), Source::Watch);
    let change = store.put(SHIFT, shift("u", "2", "Pending"), Source::Watch).unwrap();
    assert!(change.dependents.contains(&the_route()));
    let mut elsewhere = shift("u", "3", "Pending");
    elsewhere.spec["routes"] = json!(["other"]);
    elsewhere.metadata.generation = Some(2);
    let change = store.put(SHIFT, elsewhere, Source::Watch).unwrap();
    assert_eq!(change.kind, ChangeType::Spec);
    assert!(change.dependents.contains(&the_route()), "the route was freed");
}

#[test]
fn a_late_reply_does_not_bring_back_what_was_deleted() {
    let mut store = Store::default();
    store.put(SHIFT, shift("u", "9", "Pending"), Source::Watch);
    let gone = store.delete(SHIFT, &shift("u", "11", "Pending")).unwrap();
    assert_eq!(gone.kind, ChangeType::Deleted);
    assert_eq!(store.put(SHIFT, shift("u", "10", "Shifting"), Source::Reply), None);
    assert!(store.metadata(&the_shift()).is_none());
    // Another object of the same name is another object.
    assert_eq!(store.put(SHIFT, shift("v", "12", "Pending"), Source::Reply).unwrap().kind, ChangeType::Spec);
    assert_eq!(store.delete(SHIFT, &shift("u", "11", "Pending")), None);
    assert!(store.metadata(&the_shift()).is_some());
}

#[test]
fn a_request_that_found_nothing_does_not_remove_what_came_since() {
    let mut store = Store::default();
    store.put(SHIFT, shift("u", "9", "Pending"), Source::Watch);
    store.put(SHIFT, shift("v", "12", "Pending"), Source::Watch);
    assert_eq!(store.gone(&the_shift(), Some("9")), None);
    assert_eq!(store.gone(&the_shift(), Some("12")).unwrap().kind, ChangeType::Deleted);
}

#[test]
fn nobody_is_sought_who_looks_at_an_object_until_all_is_listed() {
    let mut store = Store::default();
    store.put(KindName::WeightedRoute, route("1"), Source::Watch);
    assert!(store.put(SHIFT, shift("u", "2", "Pending"), Source::Watch).unwrap().dependents.is_empty());
}

#[test]
fn what_a_list_does_not_show_is_gone() {
    let mut store = listed();
    store.put(KindName::WeightedRoute, route("1"), Source::Watch);
    store.put(SHIFT, shift("u", "9", "Pending"), Source::Watch);
    store.begin_list(SHIFT);
    assert!(store.metadata(&the_shift()).is_some(), "until the list is complete nothing is concluded from it");
    let changes = store.end_list(SHIFT);
    assert_eq!(changes.len(), 1);
    assert_eq!((&changes[0].object, changes[0].kind), (&the_shift(), ChangeType::Deleted));
    assert!(changes[0].dependents.contains(&the_route()));
    assert!(store.metadata(&the_route()).is_some(), "other kinds are not concerned");
}

#[test]
fn what_a_reply_brought_while_a_list_came_in_stays() {
    let mut store = Store::default();
    store.begin_list(SHIFT);
    store.put(SHIFT, shift("u", "12", "Shifting"), Source::Reply);
    store.put(SHIFT, shift("u", "10", "Verifying"), Source::Watch);
    assert_eq!(phase(&store).as_deref(), Some("Shifting"));
    assert!(store.end_list(SHIFT).is_empty());
}

#[test]
fn a_list_is_believed_even_if_versions_went_back() {
    let mut store = Store::default();
    store.put(SHIFT, shift("u", "900", "Succeeded"), Source::Reply);
    store.begin_list(SHIFT);
    store.put(SHIFT, shift("u", "40", "Shifting"), Source::Watch);
    store.end_list(SHIFT);
    assert_eq!(phase(&store).as_deref(), Some("Shifting"));
}

#[test]
fn it_is_complete_once_all_kinds_are_listed() {
    let mut store = Store::default();
    for kind in KindName::ALL {
        assert!(!store.is_complete());
        store.begin_list(kind);
        store.end_list(kind);
    }
    assert!(store.is_complete());
}

#[test]
fn an_object_that_cannot_be_read_is_refused_alone_until_it_can() {
    let mut store = Store::default();
    store.put(KindName::WeightedRoute, route("1"), Source::Watch);
    let mut bad = shift("u", "2", "Shifting");
    bad.spec["to"] = json!(7);
    assert_eq!(store.put(SHIFT, bad, Source::Watch).unwrap().kind, ChangeType::Spec);
    assert!(store.refusal(&the_shift()).unwrap().message.contains("spec.to"));
    assert!(store.cluster().shifts.keys().count() == 0 && store.cluster().routes.keys().count() == 1);
    let mut good = shift("u", "3", "Shifting");
    good.metadata.generation = Some(2);
    assert_eq!(store.put(SHIFT, good, Source::Watch).unwrap().kind, ChangeType::Spec);
    assert!(store.refusal(&the_shift()).is_none());
    assert_eq!(phase(&store).as_deref(), Some("Shifting"));
}

#[test]
fn a_command_and_a_deletion_are_wishes_of_the_user() {
    let mut store = Store::default();
    store.put(SHIFT, shift("u", "2", "Shifting"), Source::Watch);
    let mut commanded = shift("u", "3", "Shifting");
    commanded.metadata.annotations = Some([("weir.dev/command".to_owned(), "abort/1".to_owned())].into());
    assert_eq!(store.put(SHIFT, commanded.clone(), Source::Watch).unwrap().kind, ChangeType::Spec);
    let mut labelled = commanded.clone();
    labelled.metadata.resource_version = Some("4".to_owned());
    labelled.metadata.labels = Some([("team".to_owned(), "a".to_owned())].into());
    assert_eq!(store.put(SHIFT, labelled, Source::Watch), None);
    let mut deleted = serde_json::to_value(commanded).unwrap();
    deleted["metadata"]["resourceVersion"] = json!("5");
    deleted["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:00:00Z");
    let deleted = serde_json::from_value(deleted).unwrap();
    assert_eq!(store.put(SHIFT, deleted, Source::Watch).unwrap().kind, ChangeType::Spec);
}

fn namespace(name: &str, team: &str) -> Document {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": {"team": team}}})).unwrap()
}

#[test]
fn labels_wake_the_routes_that_go_elsewhere() {
    let mut store = Store::default();
    store.await_namespaces();
    let mut elsewhere = route("1");
    elsewhere.spec["listener"]["entryPoint"]["namespace"] = json!("platform");
    store.put(KindName::WeightedRoute, elsewhere, Source::Watch);
    let waking = [the_route()].into();
    assert_eq!(store.put_namespace(namespace("shop", "a")), waking);
    assert_eq!(store.put_namespace(namespace("shop", "a")), [].into(), "the same again is nothing");
    assert_eq!(store.put_namespace(namespace("other", "a")), [].into());
    assert_eq!(store.put_namespace(namespace("shop", "b")), waking);
    assert_eq!(store.delete_namespace(&namespace("shop", "b")), waking);
    assert_eq!(store.cluster().namespaces.as_ref().unwrap().len(), 1);
}

#[test]
fn a_list_of_namespaces_is_the_whole_truth() {
    let mut store = Store::default();
    store.await_namespaces();
    store.put_namespace(namespace("gone", "a"));
    store.put_namespace(namespace("kept", "a"));
    store.begin_namespaces();
    store.put_namespace(namespace("kept", "a"));
    store.put_namespace(namespace("new", "a"));
    store.end_namespaces();
    let known: Vec<&String> = store.cluster().namespaces.as_ref().unwrap().keys().collect();
    assert_eq!(known, ["kept", "new"]);
}

#[test]
fn all_is_known_when_all_that_is_watched_was_listed() {
    let mut store = Store::default();
    for kind in KindName::ALL {
        store.begin_list(kind);
        store.end_list(kind);
    }
    assert!(store.is_complete(), "in one namespace");
    store.await_namespaces();
    assert!(!store.is_complete());
    store.begin_namespaces();
    store.end_namespaces();
    assert!(store.is_complete());
}
