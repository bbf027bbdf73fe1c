//! Weights that the user owns, and what somebody else does to them.

use serde_json::{Value, json};

use super::bed::{Bed, Place, condition_of, weights};
use super::manifests::{ALL_AT_ONCE, route, shift, stage, things};

/// Changes the spec of the route.
fn choose(bed: &mut dyn Bed, spec: &Value) {
    bed.patch("weightedroutes", "checkout", &json!({ "spec": spec }));
}

fn until_live(bed: &mut dyn Bed, entries: &[(&str, u32)]) {
    let expected = weights(entries);
    bed.until(&format!("{expected:?} is live"), |bed| (bed.live(Place::Default) == expected).then_some(()));
}

/// Waits until a condition of the route has a reason, and returns its message.
fn until_reason(bed: &mut dyn Bed, condition: &str, reason: &str) -> String {
    bed.until(&format!("{condition} is {reason}"), |bed| {
        let told = condition_of(&bed.find("weightedroutes", "checkout")?, condition)?;
        (told.reason == reason).then_some(told.message)
    })
}

/// The stage with the weights 80 to 20 and a policy.
fn split(bed: &mut dyn Bed, policy: &str) {
    bed.start();
    let spec = format!("adopt: true\n  weights: {{blue: 80, green: 20}}\n  drift: {policy}");
    bed.apply(&[things(bed), route("checkout", "", &spec)].concat());
    until_live(bed, &[("blue", 80), ("green", 20)]);
    until_reason(bed, "Ready", "Applied");
}

fn a_lasting_split_is_changed_and_reverted(bed: &mut dyn Bed) {
    split(bed, "Alert");
    for (blue, green) in [(20, 80), (100, 0)] {
        choose(bed, &json!({"weights": {"blue": blue, "green": green}}));
        until_live(bed, &[("blue", blue), ("green", green)]);
        until_reason(bed, "Synced", "Applied");
    }
    // The environments tell their new part in it a moment later.
    bed.rest();
    let (versions, writes) = (bed.versions(), bed.writes());
    bed.rest();
    assert_eq!((bed.versions(), bed.writes()), (versions, writes), "it is at rest");
}
on_beds!(a_lasting_split_is_changed_and_reverted: simulator, cluster, process);

fn a_pace_leads_to_the_weights_in_steps(bed: &mut dyn Bed) {
    split(bed, "Alert");
    choose(bed, &json!({"weights": {"blue": 0, "green": 100}, "pace": {"maxStep": 30, "interval": "5s"}}));
    let mut trail = vec![20];
    bed.until("everything is on green", |bed| {
        let green = bed.live(Place::Default)["green"];
        if trail.last() != Some(&green) {
            trail.push(green);
        }
        (green == 100).then_some(())
    });
    assert_eq!(trail, [20, 50, 80, 100]);
}
on_beds!(a_pace_leads_to_the_weights_in_steps: simulator, cluster, process);

fn a_route_is_handed_from_weights_to_a_shift_and_back(bed: &mut dyn Bed) {
    split(bed, "Alert");
    bed.apply(&shift("green", "{steps: [{weight: 50, pause: {}}, {weight: 100}]}", ""));
    let stalled = bed.until_true("trafficshifts", "checkout", "Stalled");
    assert_eq!(stalled.reason, "WeightsOwned");
    assert!(stalled.message.contains("take spec.weights out of it"), "{}", stalled.message);
    bed.rest();
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 80), ("green", 20)]));
    choose(bed, &json!({"weights": null}));
    bed.until_phase("Paused", 50);
    choose(bed, &json!({"weights": {"blue": 50, "green": 50}}));
    until_reason(bed, "Ready", "Applied");
    bed.until_true("trafficshifts", "checkout", "Stalled");
    bed.rest();
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 50), ("green", 50)]), "no traffic has moved");
    assert_eq!(bed.shift()["run"]["outcome"], "Superseded");
}
on_beds!(a_route_is_handed_from_weights_to_a_shift_and_back: simulator, cluster, process);

fn a_difference_is_told_and_left(bed: &mut dyn Bed) {
    split(bed, "Alert");
    bed.edit(Place::Default, &[("blue", 50), ("green", 50)]);
    let message = until_reason(bed, "Synced", "Drifted");
    assert!(
        message.starts_with("found blue 50, green 50; expected blue 80, green 20, which spec.weights"),
        "{message}"
    );
    bed.rest();
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 50), ("green", 50)]));
    choose(bed, &json!({"weights": {"blue": 40, "green": 60}}));
    until_live(bed, &[("blue", 40), ("green", 60)]);
}
on_beds!(a_difference_is_told_and_left: simulator, cluster, process);

fn a_difference_pauses_what_is_new(bed: &mut dyn Bed) {
    split(bed, "Pause");
    bed.edit(Place::Default, &[("blue", 50), ("green", 50)]);
    until_reason(bed, "Synced", "Drifted");
    choose(bed, &json!({"weights": {"blue": 40, "green": 60}}));
    bed.rest();
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 50), ("green", 50)]));
    bed.patch("weightedroutes", "checkout", &json!({"metadata": {"annotations": {"weir.dev/command": "resume/1"}}}));
    until_live(bed, &[("blue", 40), ("green", 60)]);
}
on_beds!(a_difference_pauses_what_is_new: simulator, cluster, process);

fn a_difference_is_corrected_until_it_is_a_fight(bed: &mut dyn Bed) {
    split(bed, "Correct");
    for _ in 0..2 {
        bed.edit(Place::Default, &[("blue", 50), ("green", 50)]);
        until_live(bed, &[("blue", 80), ("green", 20)]);
        until_reason(bed, "Ready", "Applied");
    }
    bed.edit(Place::Default, &[("blue", 50), ("green", 50)]);
    let message = until_reason(bed, "Contested", "Contested");
    assert!(
        message.contains("another writer keeps changing the weights: it has set blue 50, green 50 at"),
        "{message}"
    );
    let writes = bed.writes();
    bed.rest();
    assert_eq!(bed.writes(), writes, "nothing more is written");
    choose(bed, &json!({"weights": {"blue": 70, "green": 30}}));
    until_live(bed, &[("blue", 70), ("green", 30)]);
    until_reason(bed, "Contested", "Uncontested");
}
on_beds!(a_difference_is_corrected_until_it_is_a_fight: simulator, cluster, process);

fn a_difference_is_adopted(bed: &mut dyn Bed) {
    bed.start();
    bed.apply(&[stage(bed), shift("green", ALL_AT_ONCE, "")].concat());
    bed.await_condition("trafficshifts", "checkout", "Complete");
    choose(bed, &json!({"drift": "Adopt"}));
    bed.edit(Place::Default, &[("blue", 50), ("green", 50)]);
    bed.until("it is adopted", |bed| {
        let status = &bed.find("weightedroutes", "checkout")?["status"];
        (status["intent"]["weights"][0]["weight"] == 50).then_some(())
    });
    bed.rest();
    assert_eq!(until_reason(bed, "Synced", "Held"), "blue 50, green 50 is live and held");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 50), ("green", 50)]));
}
on_beds!(a_difference_is_adopted: simulator, cluster, process);
