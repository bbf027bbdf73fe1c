//! Releases that go well: what moves, in which order, and what is remembered.

use super::bed::{Bed, Place, weights};
use super::manifests::{ALL_AT_ONCE, RELEASE, route, shift, stage, things};

fn a_release_moves_in_steps(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&stage(bed));
    // Long enough for each weight to be seen, however busy the machine is.
    let strategy = RELEASE.replace("1s", "5s");
    bed.apply(&shift("green", &strategy, ""));
    assert_eq!(bed.trail_until("Succeeded"), [5, 25, 50, 100]);
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
    let memory = format!("{}/checkout green Succeeded", bed.namespace());
    assert_eq!(bed.tags(Place::Default)["weir.dev/last-run"], memory);
}
on_beds!(a_release_moves_in_steps: simulator, cluster, process);

fn the_next_release_is_a_change_of_to(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&stage(bed));
    bed.apply(&shift("green", ALL_AT_ONCE, ""));
    bed.await_condition("trafficshifts", "checkout", "Complete");
    bed.release("red");
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("green", 0), ("red", 100)]));
    assert_eq!(bed.history(), [r#""red" "Succeeded""#, r#""green" "Succeeded""#]);
}
on_beds!(the_next_release_is_a_change_of_to: simulator, cluster, process);

fn the_first_deployment_makes_the_rule(bed: &mut dyn Bed) {
    bed.start();
    let place = ", match: {hosts: [shop.example.org], paths: [/cart, /cart/*]}, priority: 20";
    bed.apply(&[things(bed), route("checkout", place, "")].concat());
    let told = bed.until_true("weightedroutes", "checkout", "Ready");
    assert!(told.message.contains("the first shift that names this route makes it"), "{told:?}");
    assert_eq!(bed.live(Place::Rule(20)), weights(&[]));
    bed.apply(&shift("green", RELEASE, ""));
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Rule(20)), weights(&[("green", 100)]));
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100)]), "the listener's default action is not ours");
    let tags = bed.tags(Place::Rule(20));
    assert_eq!(tags["weir.dev/route"], format!("{}/checkout", bed.namespace()));
    assert_eq!(bed.shift()["history"][0]["to"], "green");
}
on_beds!(the_first_deployment_makes_the_rule: simulator, cluster, process);
