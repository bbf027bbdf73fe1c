//! What Weir does not do, and what it says then: one object stands, with the reason, and the others go on.

use super::bed::{Bed, Place, weights};
use super::manifests::{ALL_AT_ONCE, route, shift, shift_named, stage, things};

fn an_action_that_is_not_ours_is_left_alone(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&[things(bed), route("checkout", "", "adopt: false"), shift("green", ALL_AT_ONCE, "")].concat());
    let told = bed.until_true("weightedroutes", "checkout", "Stalled");
    assert_eq!(told.reason, "NotAdopted");
    assert_eq!(
        told.message,
        "the default action of listener http of public was not made by Weir for this route; set spec.adopt: true to take \
         it over as it is"
    );
    bed.rest();
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100)]));
    let waiting = bed.shift()["waiting"]["message"].take();
    assert!(waiting.as_str().unwrap().contains("set spec.adopt: true"), "the shift tells the cause: {waiting}");
    bed.patch("weightedroutes", "checkout", &serde_json::json!({"spec": {"adopt": true}}));
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
}
on_beds!(an_action_that_is_not_ours_is_left_alone: simulator, cluster, process);

fn the_older_of_two_shifts_has_the_route(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&[stage(bed), shift("green", ALL_AT_ONCE, "")].concat());
    bed.await_condition("trafficshifts", "checkout", "Complete");
    bed.apply(&shift_named("later", "red", ALL_AT_ONCE, ""));
    let told = bed.until_true("trafficshifts", "later", "Stalled");
    assert_eq!(told.reason, "RouteClaimed");
    let expected = format!(
        "the route checkout is moved by the older TrafficShift {}/checkout; name the route in one shift only",
        bed.namespace()
    );
    assert_eq!(told.message, expected);
    bed.rest();
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
    bed.delete("trafficshifts", "checkout");
    bed.await_condition("trafficshifts", "later", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("green", 0), ("red", 100)]));
}
on_beds!(the_older_of_two_shifts_has_the_route: simulator, cluster, process);

fn an_object_that_cannot_be_read_stands_alone(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&stage(bed));
    bed.apply_from_before(&shift_named("unreadable", "red", "{linear: {step: 10, interval: 10 minutes}}", ""));
    let told = bed.until_true("trafficshifts", "unreadable", "Stalled");
    assert!(told.message.contains(r#"found the duration "10 minutes"; expected a number with a unit"#), "{told:?}");
    bed.apply(&shift("green", ALL_AT_ONCE, ""));
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
    bed.delete("trafficshifts", "unreadable");
    bed.until_gone("trafficshifts", "unreadable");
}
on_beds!(an_object_that_cannot_be_read_stands_alone: simulator, cluster, process);
