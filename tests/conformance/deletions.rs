//! Deletion: what its policy says is undone is undone, the object goes, and by hand where no controller is left.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::bed::{Bed, Place, weights};
use super::kubernetes::Kubernetes;
use super::manifests::{ALL_AT_ONCE, HELD_AT_25, route, shift, stage, things};

const GUIDE: &str = include_str!("../../docs/deletion.md");

fn marks(bed: &dyn Bed, place: Place) -> BTreeMap<String, String> {
    bed.tags(place).into_iter().filter(|(key, _)| key.starts_with("weir.dev/")).collect()
}

fn restore_puts_back_what_was_there_before(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(
        &[stage(bed).replace("adopt: true", "adopt: true\n  deletionPolicy: Restore"), shift("green", ALL_AT_ONCE, "")]
            .concat(),
    );
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.get("weightedroutes", "checkout")["metadata"]["finalizers"], json!(["weir.dev/undo"]));
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
    bed.delete("weightedroutes", "checkout");
    bed.until_gone("weightedroutes", "checkout");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100)]));
    assert_eq!(marks(bed, Place::Default), BTreeMap::new());
}
on_beds!(restore_puts_back_what_was_there_before: simulator, cluster, process);

fn delete_deletes_the_rule(bed: &mut dyn Bed) {
    bed.start();
    let place = ", match: {hosts: [shop.example.org]}, priority: 10";
    bed.apply(
        &[things(bed), route("checkout", place, "deletionPolicy: Delete"), shift("blue", ALL_AT_ONCE, "")].concat(),
    );
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Rule(10)), weights(&[("blue", 100)]));
    bed.delete("weightedroutes", "checkout");
    bed.until_gone("weightedroutes", "checkout");
    assert_eq!(bed.live(Place::Rule(10)), weights(&[]));
    bed.rest();
    assert_eq!(bed.live(Place::Rule(10)), weights(&[]), "the shift that is left does not make it again");
}
on_beds!(delete_deletes_the_rule: simulator, cluster, process);

fn everything_goes_at_once_in_the_middle_of_a_run(bed: &mut dyn Bed) {
    bed.start();
    let restoring = stage(bed).replace("adopt: true", "adopt: true\n  deletionPolicy: Restore");
    bed.apply(&[restoring, shift("green", HELD_AT_25, "deletionPolicy: Rollback")].concat());
    bed.until_phase("Paused", 25);
    // The entry point and the environments first: nothing that is undone needs them.
    bed.wipe_objects();
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100)]));
    assert_eq!(marks(bed, Place::Default), BTreeMap::new());
}
on_beds!(everything_goes_at_once_in_the_middle_of_a_run: simulator, cluster, process);

fn by_default_nothing_is_undone_and_nothing_waits(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&[stage(bed), shift("green", HELD_AT_25, "")].concat());
    bed.until_phase("Paused", 25);
    let writes = bed.writes();
    for (resource, name) in [
        ("environments", "green"),
        ("entrypoints", "public"),
        ("weightedroutes", "checkout"),
        ("trafficshifts", "checkout"),
    ] {
        bed.delete(resource, name);
        assert_eq!(bed.find(resource, name), None, "{resource} goes at once");
    }
    bed.rest();
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 75), ("green", 25)]));
    assert_eq!(bed.writes(), writes);
}
on_beds!(by_default_nothing_is_undone_and_nothing_waits: simulator, cluster, process);

/// The command that the guide gives for a controller that is gone for good, word by word.
fn command() -> Vec<String> {
    let line = GUIDE.lines().find(|line| line.starts_with("$ kubectl patch") && line.contains("finalizers"));
    let words = line.expect("the guide has the command").trim_start_matches("$ kubectl ").split(' ');
    words.map(|word| word.trim_matches('\'').to_owned()).collect()
}

#[test]
fn the_documented_command_lets_go_what_no_controller_will() {
    let Some(kubernetes) = Kubernetes::open() else { return };
    let held = route("checkout", "", "deletionPolicy: Restore")
        .replace("metadata: {name: checkout}", "metadata: {name: checkout, finalizers: [weir.dev/undo]}");
    kubernetes.try_apply(&held).unwrap();
    kubernetes.kubectl(&["delete", "weightedroute/checkout", "--wait=false"]);
    let names = || -> Vec<Value> { kubernetes.list("weightedroutes") };
    assert_eq!(names().len(), 1, "the finalizer holds it");
    let command = command();
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    kubernetes.kubectl(&words);
    assert_eq!(names(), Vec::<Value>::new());
}
