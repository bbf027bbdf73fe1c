//! What a tool changes, and what it leaves: a release, one that is taken back, and what somebody has changed by hand.

use serde_json::{Value, json};

use super::super::bed::{Bed, Place, weights};
use super::super::cluster::RealCluster;
use super::super::manifests::{ALL_AT_ONCE, HELD_AT_25, shift, stage};
use super::tools::{Tool, half_way, with_each_tool};

/// All that users write of the objects, by kind and name.
fn written(bed: &dyn Bed) -> Vec<Value> {
    let resources = ["entrypoints", "environments", "weightedroutes", "trafficshifts"];
    let part = |object: Value| {
        let of = |field: &str| object["metadata"][field].clone();
        json!([object["kind"], of("name"), object["spec"], of("annotations"), of("labels"), of("generation")])
    };
    resources.into_iter().flat_map(|resource| bed.list(resource)).map(part).collect()
}

fn until_back(bed: &mut dyn Bed) {
    bed.until("the shift has what it wants", |bed| {
        let status = bed.shift();
        let is_ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
        status["conditions"].as_array()?.iter().any(is_ready).then_some(())
    });
    assert_eq!(bed.live(Place::Default).get("blue"), Some(&100));
}

/// Weir writes statuses and finalizers, so that no tool ever sees a difference.
fn a_release_leaves_nothing_to_sync(bed: &mut RealCluster, tool: &Tool) {
    let strategy = "{steps: [{weight: 25, pause: {duration: 10s}}, {weight: 100}]}";
    let manifests = [stage(bed), shift("green", strategy, "deletionPolicy: Rollback")].concat();
    tool.apply(bed, &manifests);
    let before = written(bed);
    bed.start();
    let awaited = "the shift is on its way";
    (bed as &mut dyn Bed).until(awaited, |bed| (bed.shift()["phase"] == "Paused").then_some(()));
    assert_eq!(bed.list("trafficshifts")[0]["metadata"]["finalizers"], json!(["weir.dev/undo"]));
    assert_eq!(tool.differences(bed, &manifests), [""; 0]);
    bed.await_condition("trafficshifts", "checkout", "Complete");
    // That it is complete is told first; then there is nothing left to undo.
    let is_free =
        |bed: &dyn Bed| bed.get("trafficshifts", "checkout")["metadata"]["finalizers"].is_null().then_some(());
    (bed as &mut dyn Bed).until("nothing is left to undo", is_free);
    assert_eq!(tool.differences(bed, &manifests), [""; 0]);
    assert_eq!(written(bed), before);
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
}
with_each_tool!(a_release_leaves_nothing_to_sync);

fn a_revert_in_the_middle_brings_the_traffic_back(bed: &mut RealCluster, tool: &Tool) {
    bed.start();
    let (before, after) = (shift("blue", HELD_AT_25, ""), shift("green", HELD_AT_25, ""));
    tool.apply(bed, &[stage(bed), before.clone()].concat());
    until_back(bed);
    tool.apply(bed, &after);
    (bed as &mut dyn Bed).until_phase("Paused", 25);
    tool.apply(bed, &before);
    until_back(bed);
    assert_eq!((bed as &dyn Bed).history()[0], r#""green" "RolledBack""#);
    assert_eq!(tool.differences(bed, &before), [""; 0]);
}
with_each_tool!(a_revert_in_the_middle_brings_the_traffic_back);

/// A field that Git has is set again; the traffic follows, as it does for every other change of `to`.
fn an_edit_of_what_git_says_is_undone(bed: &mut RealCluster, tool: &Tool) {
    bed.start();
    let manifests = [stage(bed), shift("blue", HELD_AT_25, "")].concat();
    tool.apply(bed, &manifests);
    until_back(bed);
    edit(bed, "ts/checkout", &json!({"spec": {"to": "green"}}));
    (bed as &mut dyn Bed).until_phase("Paused", 25);
    assert_eq!(tool.differences(bed, &manifests).len(), 1);
    tool.apply(bed, &manifests);
    until_back(bed);
    assert_eq!(tool.differences(bed, &manifests), [""; 0]);
}
with_each_tool!(an_edit_of_what_git_says_is_undone);

/// A field that Git does not have is left by Argo CD and taken away by Flux.
fn an_edit_of_what_git_does_not_say(bed: &mut RealCluster, tool: &Tool) {
    let manifests = [stage(bed), shift("green", HELD_AT_25, "")].concat();
    half_way(bed, tool, &manifests);
    edit(bed, "ts/checkout", &json!({"spec": {"paused": true}}));
    let differences = tool.differences(bed, &manifests);
    tool.apply(bed, &manifests);
    let paused = &bed.list("trafficshifts")[0]["spec"]["paused"];
    match tool {
        // It does not look at what Git does not have.
        Tool::ArgoCd => assert_eq!((differences.len(), paused), (0, &true.into())),
        Tool::Flux(_) => assert_eq!((differences.len(), paused), (1, &false.into())),
    }
}
with_each_tool!(an_edit_of_what_git_does_not_say);

/// Weights by hand that Flux takes away do not let a run go past where it held.
fn a_run_holds_when_the_weights_by_hand_are_gone(bed: &mut RealCluster, tool: &Tool) {
    bed.start();
    let manifests = [stage(bed), shift("green", HELD_AT_25, "")].concat();
    tool.apply(bed, &manifests);
    (bed as &mut dyn Bed).until_phase("Paused", 25);
    edit(bed, "wr/checkout", &json!({"spec": {"weights": {"blue": 60, "green": 40}}}));
    let by_hand = weights(&[("blue", 60), ("green", 40)]);
    (bed as &mut dyn Bed).until("they are live", |bed| (bed.live(Place::Default) == by_hand).then_some(()));
    (bed as &mut dyn Bed).until_true("trafficshifts", "checkout", "Stalled");
    tool.apply(bed, &manifests);
    if let Tool::Flux(_) = tool {
        let is_held = |bed: &dyn Bed| (bed.shift()["waiting"]["reason"] == "HandedBack").then_some(());
        (bed as &mut dyn Bed).until("the run holds", is_held);
    }
    (bed as &mut dyn Bed).rest();
    assert_eq!(bed.live(Place::Default), by_hand, "no traffic has moved");
    let chosen = &bed.list("weightedroutes")[0]["spec"]["weights"];
    match tool {
        Tool::ArgoCd => assert_eq!(chosen["green"], 40),
        Tool::Flux(_) => {
            assert_eq!(*chosen, Value::Null);
            bed.kubernetes.kubectl(&["annotate", "ts/checkout", "weir.dev/command=resume/1"]);
            bed.await_condition("trafficshifts", "checkout", "Complete");
            assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
        }
    }
}
with_each_tool!(a_run_holds_when_the_weights_by_hand_are_gone);

/// Flux takes the annotation away that Git does not have; the command was carried out by then, and stays so.
fn a_command_outlives_its_annotation(bed: &mut RealCluster, tool: &Tool) {
    let manifests = [stage(bed), shift("green", HELD_AT_25, "")].concat();
    half_way(bed, tool, &manifests);
    bed.kubernetes.kubectl(&["annotate", "ts/checkout", "weir.dev/command=pause/1"]);
    let is_held = |bed: &dyn Bed| (bed.shift()["waiting"]["reason"] == "PausedByCommand").then_some(());
    (bed as &mut dyn Bed).until("the command holds the run", is_held);
    let differences = tool.differences(bed, &manifests);
    tool.apply(bed, &manifests);
    let annotation = bed.list("trafficshifts")[0]["metadata"]["annotations"]["weir.dev/command"].clone();
    match tool {
        Tool::ArgoCd => assert_eq!((annotation, differences.len()), ("pause/1".into(), 0)),
        Tool::Flux(_) => assert_eq!((annotation, differences.len()), (Value::Null, 1)),
    }
    (bed as &mut dyn Bed).rest();
    is_held(bed).expect("the run is still held");
    bed.kubernetes.kubectl(&["annotate", "--overwrite", "ts/checkout", "weir.dev/command=promote/2"]);
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
}
with_each_tool!(a_command_outlives_its_annotation);

/// Manifests in the order that suits Weir least, with its controllers running.
fn any_order_will_do(bed: &mut RealCluster, tool: &Tool) {
    bed.start();
    tool.apply(bed, &shift("green", ALL_AT_ONCE, ""));
    let waits = |bed: &dyn Bed| bed.shift()["waiting"]["message"].as_str().map(str::to_owned);
    let message = (bed as &mut dyn Bed).until("the shift waits", waits);
    assert!(message.contains("checkout"), "{message}");
    let stage = stage(bed);
    for manifest in stage.split("---\n").filter(|manifest| !manifest.is_empty()).collect::<Vec<_>>().iter().rev() {
        tool.apply(bed, manifest);
        assert_eq!(bed.live(Place::Default).values().sum::<u32>(), 100);
    }
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
}
with_each_tool!(any_order_will_do);

/// Changes an object as `kubectl edit` does.
fn edit(bed: &RealCluster, object: &str, patch: &Value) {
    let patch = patch.to_string();
    bed.kubernetes.kubectl(&["patch", object, "--type=merge", "--field-manager=kubectl-edit", "--patch", &patch]);
}
