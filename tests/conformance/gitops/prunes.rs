//! Objects that a tool removes, in the wrong order: nothing loses traffic, what blocks is named, and everything ends.

use crate::bed::eventually;

use super::super::bed::{Bed, Place, TARGETS, condition_of, weights};
use super::super::cluster::RealCluster;
use super::super::manifests::{ALL_AT_ONCE, HELD_AT_25, shift, stage};
use super::tools::{Tool, half_way, with_each_tool};

const TROUBLESHOOTING: &str = include_str!("../../../docs/troubleshooting.md");

fn restoring(bed: &dyn Bed) -> String {
    stage(bed).replace("adopt: true", "adopt: true\n  deletionPolicy: Restore")
}

/// Without Weir's word on it an environment goes at once; what it carries it goes on carrying.
fn an_environment_in_use(bed: &mut RealCluster, tool: &Tool) {
    let manifests = [stage(bed), shift("green", HELD_AT_25, "")].concat();
    half_way(bed, tool, &manifests);
    tool.prune(bed, &[("Environment", "blue")]);
    (bed as &mut dyn Bed).until_gone("environments", "blue");
    let message = (bed as &mut dyn Bed).until("the route names it", |bed| {
        let told = condition_of(&bed.find("weightedroutes", "checkout")?, "Ready")?;
        told.message.contains("Environment blue is gone").then_some(told.message)
    });
    assert!(message.contains("still carries traffic"), "{message}");
    (bed as &mut dyn Bed).rest();
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 75), ("green", 25)]));
    // The commit is taken back, and with it the release: as if nothing had been.
    let before = [stage(bed), shift("blue", HELD_AT_25, "")].concat();
    tool.apply(bed, &before);
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100), ("green", 0)]));
    assert_eq!(tool.differences(bed, &before), [""; 0]);
}
with_each_tool!(an_environment_in_use);

/// All of it, what others need first, in the middle of a run.
fn everything_from_the_bottom_up(bed: &mut RealCluster, tool: &Tool) {
    let manifests = [restoring(bed), shift("green", HELD_AT_25, "deletionPolicy: Rollback")].concat();
    half_way(bed, tool, &manifests);
    let wrong_order = [
        ("EntryPoint", "public"),
        ("Environment", "blue"),
        ("Environment", "green"),
        ("Environment", "red"),
        ("WeightedRoute", "checkout"),
        ("TrafficShift", "checkout"),
    ];
    tool.prune(bed, &wrong_order);
    (bed as &mut dyn Bed).until("everything is gone, and something carried the traffic throughout", |bed| {
        assert_eq!(bed.live(Place::Default).values().sum::<u32>(), 100);
        let left = ["entrypoints", "environments", "weightedroutes", "trafficshifts"].map(|kind| bed.list(kind).len());
        (left == [0; 4]).then_some(())
    });
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100)]), "as it was before Weir");
}
with_each_tool!(everything_from_the_bottom_up);

/// A route does what its own policy says, and the shift that is left says what it lacks until it goes too.
fn a_route_before_its_shift(bed: &mut RealCluster, tool: &Tool) {
    let manifests = [restoring(bed), shift("green", HELD_AT_25, "")].concat();
    half_way(bed, tool, &manifests);
    tool.prune(bed, &[("WeightedRoute", "checkout")]);
    (bed as &mut dyn Bed).until_gone("weightedroutes", "checkout");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100)]));
    (bed as &mut dyn Bed).until("the shift names the route", |bed| {
        let told = condition_of(&bed.find("trafficshifts", "checkout")?, "Ready")?;
        told.message.starts_with("the WeightedRoute checkout is gone").then_some(())
    });
    tool.prune(bed, &[("TrafficShift", "checkout")]);
    (bed as &mut dyn Bed).until_gone("trafficshifts", "checkout");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 100)]));
}
with_each_tool!(a_route_before_its_shift);

/// What cannot be undone yet holds the object, and nothing is lost meanwhile; the guide's command ends the wait.
fn what_would_come_back_is_ill(bed: &mut RealCluster, tool: &Tool) {
    bed.start();
    tool.apply(bed, &[restoring(bed), shift("green", ALL_AT_ONCE, "")].concat());
    bed.await_condition("trafficshifts", "checkout", "Complete");
    bed.break_targets("blue", TARGETS);
    eventually("blue is ill", || match bed.account.healthy("blue") {
        0 => Ok(()),
        healthy => Err(format!("{healthy} of its targets are healthy")),
    });
    // What was read of its health is relied on for a moment.
    (bed as &mut dyn Bed).rest();
    tool.prune(bed, &[("TrafficShift", "checkout"), ("WeightedRoute", "checkout")]);
    let message = (bed as &mut dyn Bed).until("the route says what holds it", |bed| {
        let told = condition_of(&bed.find("weightedroutes", "checkout")?, "Ready")?;
        (told.reason == "DeletionBlocked").then_some(told.message)
    });
    assert!(message.contains("blue"), "{message}");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
    let row = TROUBLESHOOTING.lines().find(|line| line.starts_with("| `DeletionBlocked` | `wr`"));
    let command = row.and_then(|row| row.split('`').find(|text| text.starts_with("kubectl ")));
    let command = command.expect("the guide has a command").replace('\'', "");
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    bed.kubernetes.kubectl(&words);
    (bed as &mut dyn Bed).until_gone("weightedroutes", "checkout");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
}
with_each_tool!(what_would_come_back_is_ill);
