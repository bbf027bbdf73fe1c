//! What is lost half way or afterwards: the process, the statuses, the objects. Nothing goes wrong and nothing is repeated.

use super::bed::{Bed, Place, RESOURCES, weights};
use super::manifests::{ALL_AT_ONCE, HELD_AT_25, RELEASE, shift, stage};

fn a_run_outlives_a_kill(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&stage(bed));
    bed.apply(&shift("green", RELEASE, ""));
    bed.until("half is there", |bed| (bed.live(Place::Default).get("green") >= Some(&25)).then_some(()));
    bed.kill();
    bed.rest();
    let before = bed.live(Place::Default)["green"];
    bed.start();
    let trail = bed.trail_until("Succeeded");
    assert!(trail.first() >= Some(&before) && trail.is_sorted(), "{before}, then {trail:?}");
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
    assert_eq!(bed.shift()["run"]["id"], 1, "it is the same run");
}
on_beds!(a_run_outlives_a_kill: simulator, cluster, process);

fn a_run_goes_on_from_what_is_live_when_statuses_are_lost(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&stage(bed));
    let steps = "{steps: [{weight: 25, pause: {}}, {weight: 50, pause: {duration: 1s}}, {weight: 100}]}";
    bed.apply(&shift("green", steps, ""));
    bed.until_phase("Paused", 25);
    bed.wipe_statuses();
    bed.until_phase("Paused", 25);
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 75), ("green", 25)]), "it goes on from the live weights");
    bed.command("resume/1");
    let trail = bed.trail_until("Succeeded");
    assert!(trail.is_sorted() && trail.first() >= Some(&25), "{trail:?}");
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
}
on_beds!(a_run_goes_on_from_what_is_live_when_statuses_are_lost: simulator, cluster, process);

fn objects_made_anew_after_a_success_repeat_nothing(bed: &mut dyn Bed) {
    bed.start();
    let manifests = [stage(bed), shift("green", ALL_AT_ONCE, "")].concat();
    bed.apply(&manifests);
    bed.await_condition("trafficshifts", "checkout", "Complete");
    let writes = bed.writes();
    bed.wipe_objects();
    bed.apply(&manifests);
    bed.await_condition("trafficshifts", "checkout", "Complete");
    bed.rest();
    assert_eq!(bed.shift()["phase"], "Succeeded");
    assert_eq!(bed.writes(), writes, "nothing was written to AWS");
    // Somebody moved the traffic away meanwhile: the release of long ago is not repeated.
    bed.edit(Place::Default, &[("red", 1)]);
    bed.wipe_objects();
    bed.apply(&manifests);
    bed.await_condition("trafficshifts", "checkout", "Complete");
    bed.rest();
    assert_eq!(bed.live(Place::Default), weights(&[("red", 1)]));
    assert_eq!(bed.writes(), writes, "nothing was written to AWS");
}
on_beds!(objects_made_anew_after_a_success_repeat_nothing: simulator, cluster, process);

fn objects_made_anew_after_a_rollback_repeat_nothing(bed: &mut dyn Bed) {
    bed.start();
    let manifests = [stage(bed), shift("green", HELD_AT_25, "")].concat();
    bed.apply(&manifests);
    bed.until_phase("Paused", 25);
    bed.command("abort/1");
    bed.await_condition("trafficshifts", "checkout", "Complete");
    let writes = bed.writes();
    bed.wipe_objects();
    bed.apply(&manifests);
    bed.await_condition("trafficshifts", "checkout", "Complete");
    bed.rest();
    assert_eq!(bed.shift()["phase"], "RolledBack");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100), ("green", 0)]));
    assert_eq!(bed.writes(), writes, "nothing was written to AWS");
}
on_beds!(objects_made_anew_after_a_rollback_repeat_nothing: simulator, cluster, process);

fn settled_objects_cause_nothing_but_the_round(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&[stage(bed), shift("green", ALL_AT_ONCE, "")].concat());
    bed.await_condition("trafficshifts", "checkout", "Complete");
    bed.rest();
    let (versions, calls) = (bed.versions(), bed.calls());
    bed.rest();
    bed.rest();
    assert_eq!(bed.versions(), versions, "no object was written");
    let mut calls_since = bed.calls();
    calls_since.retain(|operation, count| {
        *count -= calls.get(operation).copied().unwrap_or_default();
        *count > 0
    });
    let rounds =
        calls_since.get("DescribeLoadBalancers").or(calls_since.get("DescribeListeners")).copied().unwrap_or(0);
    let all: u64 = calls_since.values().sum();
    assert!(calls_since.keys().all(|operation| operation.starts_with("Describe")), "{calls_since:?}");
    assert!(!calls_since.contains_key("DescribeTargetHealth"), "{calls_since:?}");
    assert!(rounds >= 1 && all <= (rounds + 1) * (2 + 2), "{calls_since:?}");
    assert_eq!(versions.len(), 1 + 3 + RESOURCES.len() - 2);
}
on_beds!(settled_objects_cause_nothing_but_the_round: simulator, cluster, process);
