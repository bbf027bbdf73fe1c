//! Back to what is known to be good, and changes of mind in the middle of a run.

use serde_json::json;

use super::bed::{Bed, Place, weights};
use super::manifests::{ALL_AT_ONCE, HELD_AT_25, shift, stage};

fn back_to_what_is_known_to_be_good_is_one_step(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&stage(bed));
    bed.apply(&shift("green", ALL_AT_ONCE, ""));
    bed.await_condition("trafficshifts", "checkout", "Complete");
    // By the strategy alone this would stop at 25 % and wait to be told.
    bed.apply(&shift("blue", HELD_AT_25, ""));
    bed.until("blue carries everything again", |bed| {
        (bed.live(Place::Default).get("blue") == Some(&100)).then_some(())
    });
    bed.await_condition("trafficshifts", "checkout", "Complete");
    let run = bed.shift()["run"].take();
    assert_eq!(
        (&run["to"], &run["outcome"], &run["course"]["reason"]),
        (&json!("blue"), &json!("Succeeded"), &json!("KnownGood"))
    );
    let role = bed.until("green stands by", |bed| {
        let roles = bed.find("environments", "green")?["status"]["routes"].take();
        (roles[0]["role"] == "Standby").then_some(roles)
    });
    assert!(role[0]["fullTrafficUntil"].is_string(), "{role}");
    bed.apply(&shift("red", HELD_AT_25, ""));
    bed.until_phase("Paused", 25);
    assert_eq!(bed.shift()["run"]["course"]["reason"], "NeverCarriedAll");
}
on_beds!(back_to_what_is_known_to_be_good_is_one_step: simulator, cluster, process);

fn a_change_of_mind_takes_over_from_what_is_live(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&stage(bed));
    bed.apply(&shift("green", HELD_AT_25, ""));
    bed.until_phase("Paused", 25);
    bed.release("red");
    let red = |bed: &dyn Bed| (bed.find("trafficshifts", "checkout")?["status"]["run"]["to"] == "red").then_some(());
    bed.until("the run to red", red);
    bed.until_phase("Paused", 25);
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 56), ("green", 19), ("red", 25)]));
    bed.release("blue");
    bed.until("the first side again", |bed| (bed.shift()["phase"] == "Succeeded").then_some(()));
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100), ("green", 0), ("red", 0)]));
    assert_eq!(bed.history(), [r#""red" "RolledBack""#, r#""green" "Superseded""#]);
    assert_eq!(bed.tags(Place::Default)["weir.dev/last-run"], format!("{}/checkout blue Succeeded", bed.namespace()));
}
on_beds!(a_change_of_mind_takes_over_from_what_is_live: simulator, cluster, process);

fn a_queued_wish_waits_for_its_turn(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&stage(bed));
    bed.apply(&shift("green", HELD_AT_25, "onChange: Queue"));
    bed.until_phase("Paused", 25);
    bed.release("red");
    bed.until("red is queued", |bed| (bed.shift()["queued"] == "red").then_some(()));
    bed.rest();
    assert_eq!(bed.shift()["run"]["to"], "green");
    bed.command("promote/1");
    let red = |bed: &dyn Bed| (bed.shift()["run"]["to"] == "red").then_some(());
    bed.until("the run to red", red);
    bed.until_phase("Paused", 25);
    bed.command("promote/2");
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("green", 0), ("red", 100)]));
    assert_eq!(bed.shift()["queued"], json!(null));
}
on_beds!(a_queued_wish_waits_for_its_turn: simulator, cluster, process);
