//! What is lost half way or afterwards: the process, the statuses, the objects. Nothing goes wrong and nothing is repeated.

use std::collections::BTreeMap;
use std::time::Instant;

use super::bed::{Bed, Place, REST, ROUND, SLOW, weights};
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
    let (versions, requests, before) = (bed.versions(), bed.requests(), bed.calls());
    #[expect(clippy::disallowed_methods, reason = "a busy machine rests longer than it was told to")]
    let began = Instant::now();
    for _ in 0..3 {
        bed.rest();
    }
    let balancers = |calls: &BTreeMap<String, u64>| calls["DescribeLoadBalancers"];
    bed.until("rounds go on", |bed| (balancers(&bed.calls()) >= balancers(&before) + 3).then_some(()));
    let rested = began.elapsed().max(3 * REST);
    assert_eq!(bed.versions(), versions, "no object was written");
    assert_eq!(bed.requests(), requests, "the API server was not asked for anything");
    let mut calls = bed.calls();
    for (operation, count) in &mut calls {
        *count -= before.get(operation).copied().unwrap_or_default();
    }
    calls.retain(|_, count| *count > 0);
    // A round reads the balancer and the rules of its two listeners; one may be cut by the counting at each end. Which
    // listeners and groups there are is read seldom.
    let rounds = balancers(&calls);
    assert!(u128::from(rounds) <= rested.as_millis() / ROUND.as_millis() + 2, "{calls:?} in {rested:?}");
    let seldom = rested.as_secs() / SLOW.as_secs() + 1;
    let expected = [
        ("DescribeLoadBalancers", rounds),
        ("DescribeRules", 2 * rounds + 2),
        ("DescribeListeners", seldom),
        ("DescribeTargetGroups", seldom),
    ];
    for (operation, count) in &calls {
        assert!(
            expected.iter().any(|(round, most)| operation == round && count <= most),
            "{operation} among {calls:?}"
        );
    }
}
on_beds!(settled_objects_cause_nothing_but_the_round: simulator, cluster, process);
