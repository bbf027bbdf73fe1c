//! Runs that go back, or stay where they are: by command, by deletion, by failure.

use std::time::Duration;

use serde_json::json;

use super::bed::{Bed, Place, TARGETS, weights};
use super::manifests::{HELD_AT_25, shift, stage};

/// Brings a release to 25 % and holds it there.
fn half_way(bed: &mut dyn Bed, extra: &str) {
    bed.start();
    bed.apply(&stage(bed));
    bed.apply(&shift("green", HELD_AT_25, extra));
    bed.until_phase("Paused", 25);
}

fn abort_brings_the_traffic_back(bed: &mut dyn Bed) {
    half_way(bed, "");
    bed.command("abort/1");
    bed.await_condition("trafficshifts", "checkout", "Complete");
    let status = bed.shift();
    assert_eq!(status["phase"], "RolledBack");
    assert_eq!(status["lastCommand"]["result"], "accepted: the traffic goes back");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100), ("green", 0)]));
    bed.rest();
    assert_eq!(bed.shift()["phase"], "RolledBack", "nothing starts again by itself");
    bed.command("retry/2");
    bed.until_phase("Paused", 25);
}
on_beds!(abort_brings_the_traffic_back: simulator, cluster, process);

fn setting_to_back_brings_the_traffic_back(bed: &mut dyn Bed) {
    half_way(bed, "");
    bed.release("blue");
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100), ("green", 0)]));
}
on_beds!(setting_to_back_brings_the_traffic_back: simulator, cluster, process);

fn a_deleted_shift_that_holds_leaves_the_weights(bed: &mut dyn Bed) {
    half_way(bed, "deletionPolicy: Hold");
    bed.delete("trafficshifts", "checkout");
    bed.until_gone("trafficshifts", "checkout");
    bed.rest();
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 75), ("green", 25)]));
}
on_beds!(a_deleted_shift_that_holds_leaves_the_weights: simulator, cluster, process);

fn a_deleted_shift_that_rolls_back_does_so_first(bed: &mut dyn Bed) {
    half_way(bed, "deletionPolicy: Rollback");
    bed.delete("trafficshifts", "checkout");
    bed.until_gone("trafficshifts", "checkout");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100), ("green", 0)]));
}
on_beds!(a_deleted_shift_that_rolls_back_does_so_first: simulator, cluster, process);

fn a_candidate_that_breaks_is_left(bed: &mut dyn Bed) {
    half_way(bed, "");
    bed.break_targets("green", TARGETS);
    bed.await_condition("trafficshifts", "checkout", "Complete");
    let status = bed.shift();
    assert_eq!(
        (&status["phase"], &status["run"]["rollback"]["reason"]),
        (&"RolledBack".into(), &"CandidateUnhealthy".into())
    );
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100), ("green", 0)]));
    let memory = format!("{}/checkout green RolledBack", bed.namespace());
    assert_eq!(bed.tags(Place::Default)["weir.dev/last-run"], memory);
}
on_beds!(a_candidate_that_breaks_is_left: simulator, cluster);

fn a_way_back_that_waits_for_capacity_goes_on_when_less_is_asked_for(bed: &mut dyn Bed) {
    half_way(bed, "");
    bed.break_targets("blue", TARGETS - 1);
    // The checks notice it.
    bed.pass(Duration::from_mins(2));
    bed.command("abort/1");
    bed.until("the way back waits for capacity", |bed| {
        (bed.shift()["waiting"]["reason"] == "RollbackCapacity").then_some(())
    });
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 75), ("green", 25)]));
    // What docs/troubleshooting.md tells to do.
    bed.patch("trafficshifts", "checkout", &json!({"spec": {"capacity": {"minHealthyPercent": 1}}}));
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.shift()["phase"], "RolledBack");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100), ("green", 0)]));
}
on_beds!(a_way_back_that_waits_for_capacity_goes_on_when_less_is_asked_for: simulator);

fn a_failure_that_is_to_hold_waits_for_a_command(bed: &mut dyn Bed) {
    half_way(bed, "onFailure: Pause");
    bed.break_targets("green", TARGETS);
    let message = bed.until("the failure holds the run", |bed| {
        let status = bed.shift();
        (status["waiting"]["reason"] == "Failed").then(|| status["waiting"]["message"].clone())
    });
    assert!(message.as_str().unwrap().contains("Give the command resume or abort"), "{message}");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 75), ("green", 25)]));
    bed.command("abort/1");
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100), ("green", 0)]));
}
on_beds!(a_failure_that_is_to_hold_waits_for_a_command: simulator, cluster);
