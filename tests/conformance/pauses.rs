//! Runs that are held: by the strategy, by the user, by somebody else's change.

use super::bed::{Bed, Place, weights};
use super::manifests::{HELD_AT_25, shift, stage};

fn an_indefinite_pause_lasts_until_resume(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&stage(bed));
    bed.apply(&shift("green", HELD_AT_25, ""));
    bed.until_phase("Paused", 25);
    bed.rest();
    let status = bed.shift();
    assert_eq!((&status["phase"], &status["run"]["weight"]), (&"Paused".into(), &25.into()));
    let waiting = status["waiting"]["message"].as_str().unwrap();
    assert_eq!(waiting, "blue 75, green 25 until the command resume or promote is given");
    bed.command("resume/1");
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
}
on_beds!(an_indefinite_pause_lasts_until_resume: simulator, cluster, process);

fn a_foreign_change_holds_the_run(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&stage(bed));
    bed.apply(&shift("green", HELD_AT_25, ""));
    bed.until_phase("Paused", 25);
    bed.edit(Place::Default, &[("blue", 90), ("green", 10)]);
    let held = |bed: &dyn Bed| {
        let status = bed.shift();
        (status["run"]["hold"]["by"] == "ForeignChange").then(|| status["waiting"]["message"].clone())
    };
    let message = bed.until("the run is held", held);
    assert!(message.as_str().unwrap().contains("found blue 90, green 10; expected blue 75, green 25"), "{message}");
    bed.rest();
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 90), ("green", 10)]), "nobody's change is overwritten");
    bed.command("resume/1");
    bed.until("the run's weights are set again", |bed| {
        (bed.live(Place::Default) == weights(&[("blue", 75), ("green", 25)])).then_some(())
    });
    bed.until_phase("Paused", 25);
    bed.command("promote/2");
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
}
on_beds!(a_foreign_change_holds_the_run: simulator, cluster, process);
