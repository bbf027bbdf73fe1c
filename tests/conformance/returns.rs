//! Runs that go back, or stay where they are: by command, by deletion, by failure.

use super::bed::{Bed, Place, weights};
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
on_beds!(abort_brings_the_traffic_back: process);

fn setting_to_back_brings_the_traffic_back(bed: &mut dyn Bed) {
    half_way(bed, "");
    bed.release("blue");
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100), ("green", 0)]));
}
on_beds!(setting_to_back_brings_the_traffic_back: process);

fn a_deleted_shift_that_holds_leaves_the_weights(bed: &mut dyn Bed) {
    half_way(bed, "deletionPolicy: Hold");
    bed.delete("trafficshifts", "checkout");
    bed.until("the shift is gone", |bed| bed.find("trafficshifts", "checkout").is_none().then_some(()));
    bed.rest();
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 75), ("green", 25)]));
}
on_beds!(a_deleted_shift_that_holds_leaves_the_weights: process);

fn a_deleted_shift_that_rolls_back_does_so_first(bed: &mut dyn Bed) {
    half_way(bed, "deletionPolicy: Rollback");
    bed.delete("trafficshifts", "checkout");
    bed.until("the shift is gone", |bed| bed.find("trafficshifts", "checkout").is_none().then_some(()));
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100), ("green", 0)]));
}
on_beds!(a_deleted_shift_that_rolls_back_does_so_first: process);
