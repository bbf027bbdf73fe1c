//! Releases that go well.

use super::bed::{Bed, Place, weights};
use super::manifests::{RELEASE, shift, stage};

fn a_release_moves_in_steps(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&stage(bed));
    bed.apply(&shift("green", RELEASE, ""));
    let mut trail = Vec::new();
    bed.until("the release is complete", |bed| {
        let green = bed.live(Place::Default).get("green").copied();
        if let Some(weight) = green.filter(|weight| trail.last() != Some(weight)) {
            trail.push(weight);
        }
        (bed.find("trafficshifts", "checkout")?["status"]["phase"] == "Succeeded").then_some(())
    });
    assert_eq!(trail, [0, 5, 25, 50, 100]);
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
    let memory = format!("{}/checkout green Succeeded", bed.namespace());
    assert_eq!(bed.tags(Place::Default)["weir.dev/last-run"], memory);
}
on_beds!(a_release_moves_in_steps: process);
