//! What the tools show in each situation that a user may meet, as the table in `docs/gitops.md` has it; and that nothing
//! which moves is ever called healthy.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::bed::{Bed, Place, TARGETS, condition_of};
use super::super::manifests::{
    ALL_AT_ONCE, HELD_AT_25, RELEASE, environment, route, shift, shift_named, stage, things,
};
use super::super::simulator;
use super::judge::Judge;

const GUIDE: &str = include_str!("../../../docs/gitops.md");

/// Objects as they were in each situation.
#[derive(Default)]
struct Sights(Vec<(&'static str, Value)>);

impl Sights {
    fn shift(&mut self, bed: &dyn Bed, situation: &'static str) {
        self.0.push((situation, bed.get("trafficshifts", "checkout")));
    }

    fn other(&mut self, bed: &dyn Bed, resource: &str, name: &str, situation: &'static str) {
        self.0.push((situation, bed.get(resource, name)));
    }
}

/// Waits until the shift waits for this.
fn until_waiting(bed: &mut dyn Bed, reason: &str) {
    bed.until(&format!("the shift waits: {reason}"), |bed| (bed.shift()["waiting"]["reason"] == reason).then_some(()));
}

fn until_in(bed: &mut dyn Bed, phases: &[&str]) {
    let is_in = |bed: &dyn Bed| phases.contains(&bed.shift()["phase"].as_str()?).then_some(());
    bed.until(&format!("the shift is in one of {phases:?}"), is_in);
}

/// Brings a release to its pause at 25 %.
fn half_way(bed: &mut dyn Bed, extra: &str) {
    bed.start();
    bed.apply(&[stage(bed), shift("green", HELD_AT_25, extra)].concat());
    bed.until_phase("Paused", 25);
}

fn a_release(bed: &mut dyn Bed, sights: &mut Sights) {
    bed.apply(&shift("green", HELD_AT_25, ""));
    sights.shift(bed, "new, and Weir has not looked at it yet");
    bed.start();
    until_in(bed, &["Pending"]);
    sights.shift(bed, "waits for what it needs before it can begin");
    bed.apply(&stage(bed));
    until_in(bed, &["Verifying", "Shifting"]);
    sights.shift(bed, "moves traffic");
    bed.until_phase("Paused", 25);
    sights.shift(bed, "paused at a step, with or without an end");
    bed.until_true("weightedroutes", "checkout", "Ready");
    sights.other(bed, "weightedroutes", "checkout", "has the weights of a step");
    sights.other(bed, "environments", "green", "its target groups were found");
    sights.other(bed, "entrypoints", "public", "its balancer and listeners were found");
    bed.patch("trafficshifts", "checkout", &json!({"spec": {"paused": true}}));
    until_waiting(bed, "Paused");
    sights.shift(bed, "paused by `spec.paused`");
    bed.patch("trafficshifts", "checkout", &json!({"spec": {"paused": false}}));
    bed.command("pause/1");
    until_waiting(bed, "PausedByCommand");
    sights.shift(bed, "paused by the command `pause`");
    bed.command("resume/2");
    until_waiting(bed, "StepPause");
    bed.edit(Place::Default, &[("blue", 90), ("green", 10)]);
    until_waiting(bed, "ForeignChange");
    sights.shift(bed, "held, since somebody else has changed the weights");
    bed.command("resume/3");
    until_waiting(bed, "StepPause");
    bed.kill();
    bed.release("red");
    sights.shift(bed, "changed, and Weir has not looked at it yet");
    bed.release("green");
    bed.start();
    bed.command("promote/4");
    bed.await_condition("trafficshifts", "checkout", "Complete");
    sights.shift(bed, "succeeded");
}

fn a_release_that_bakes(bed: &mut dyn Bed, sights: &mut Sights) {
    bed.start();
    bed.apply(&stage(bed).replace("adopt: true", "adopt: true\n  stickiness: {enabled: true, duration: 30s}"));
    bed.apply(&shift("green", ALL_AT_ONCE, ""));
    until_in(bed, &["Baking"]);
    sights.shift(bed, "bakes: all is moved, clients may still stick to the old side");
}

fn a_release_that_fails(bed: &mut dyn Bed, sights: &mut Sights) {
    half_way(bed, "");
    bed.break_targets("green", TARGETS);
    until_in(bed, &["RollingBack"]);
    sights.shift(bed, "goes back");
    bed.await_condition("trafficshifts", "checkout", "Complete");
    sights.shift(bed, "rolled back");
    bed.release("blue");
    bed.until_true("trafficshifts", "checkout", "Ready");
    sights.shift(bed, "rolled back, and `to` set back after it");
}

fn a_release_that_is_taken_back(bed: &mut dyn Bed, sights: &mut Sights) {
    half_way(bed, "");
    bed.release("blue");
    bed.until_true("trafficshifts", "checkout", "Ready");
    sights.shift(bed, "`to` set back in the middle of a run, when the traffic is back");
}

fn a_failure_that_holds(bed: &mut dyn Bed, sights: &mut Sights) {
    half_way(bed, "onFailure: Pause");
    bed.break_targets("green", TARGETS);
    until_waiting(bed, "Failed");
    sights.shift(bed, "failed, and held there by `onFailure: Pause`");
}

fn weights_by_hand(bed: &mut dyn Bed, sights: &mut Sights) {
    half_way(bed, "");
    bed.patch("weightedroutes", "checkout", &json!({"spec": {"weights": {"blue": 80, "green": 20}}}));
    bed.until_true("trafficshifts", "checkout", "Stalled");
    bed.until_true("weightedroutes", "checkout", "Ready");
    sights.shift(bed, "its route has weights by hand (`spec.weights`)");
    sights.other(bed, "weightedroutes", "checkout", "has its weights by hand (`spec.weights`)");
    bed.patch("weightedroutes", "checkout", &json!({"spec": {"weights": null}}));
    until_waiting(bed, "HandedBack");
    sights.shift(bed, "these weights are taken away again in the middle of a run");
}

fn mistakes(bed: &mut dyn Bed, sights: &mut Sights) {
    half_way(bed, "");
    bed.apply(&shift_named("late", "red", HELD_AT_25, ""));
    bed.until_true("trafficshifts", "late", "Stalled");
    sights.other(bed, "trafficshifts", "late", "stalled by a mistake");
    bed.apply(&environment("lost", "no-such-group"));
    bed.until_true("environments", "lost", "Stalled");
    sights.other(bed, "environments", "lost", "stalled by a mistake");
    let mistaken = things(bed).split("---").nth(1).unwrap().replace("{name: public}", "{name: mistaken}");
    bed.apply(&mistaken.replace("port: 80", "port: 81"));
    bed.until_true("entrypoints", "mistaken", "Stalled");
    sights.other(bed, "entrypoints", "mistaken", "stalled by a mistake");
    bed.apply(&route("early", ", match: {hosts: [a.example.org]}", "").replace("name: public", "name: later"));
    let waits =
        |bed: &dyn Bed| condition_of(&bed.find("weightedroutes", "early")?, "Reconciling").filter(|told| told.holds);
    bed.until("the route waits", waits);
    sights.other(bed, "weightedroutes", "early", "waits for its entry point");
}

fn a_fight(bed: &mut dyn Bed, sights: &mut Sights) {
    bed.start();
    bed.apply(&[stage(bed), shift("green", ALL_AT_ONCE, "")].concat());
    bed.await_condition("trafficshifts", "checkout", "Complete");
    bed.edit(Place::Default, &[("blue", 50), ("green", 50)]);
    let is_drifted = |bed: &dyn Bed| {
        condition_of(&bed.get("weightedroutes", "checkout"), "Synced").filter(|told| told.reason == "Drifted")
    };
    bed.until("the difference is told", is_drifted);
    sights.other(bed, "weightedroutes", "checkout", "somebody else has changed the weights (`drift: Alert`)");
    until_waiting(bed, "MovedAway");
    sights.shift(bed, "succeeded, and somebody else has moved the traffic since");
    bed.patch("weightedroutes", "checkout", &json!({"spec": {"drift": "Correct"}}));
    for _ in 0..2 {
        bed.until("it is corrected", |bed| (bed.live(Place::Default).get("green") == Some(&100)).then_some(()));
        bed.until_true("weightedroutes", "checkout", "Ready");
        bed.edit(Place::Default, &[("blue", 50), ("green", 50)]);
    }
    bed.until_true("weightedroutes", "checkout", "Contested");
    sights.other(bed, "weightedroutes", "checkout", "contested");
}

fn a_deletion(bed: &mut dyn Bed, sights: &mut Sights) {
    half_way(bed, "deletionPolicy: Rollback");
    bed.kill();
    bed.delete("trafficshifts", "checkout");
    sights.shift(bed, "being deleted, and goes back first (`deletionPolicy: Rollback`)");
}

fn a_failure_by_deadline(bed: &mut dyn Bed, sights: &mut Sights) {
    half_way(bed, "progressDeadline: 30s");
    bed.delete("weightedroutes", "checkout");
    until_in(bed, &["Failed"]);
    sights.shift(bed, "failed: its route is gone, say");
}

/// Each on a stage of its own.
const PLAYS: [fn(&mut dyn Bed, &mut Sights); 10] = [
    a_release,
    a_release_that_bakes,
    a_release_that_fails,
    a_release_that_is_taken_back,
    a_failure_that_holds,
    weights_by_hand,
    mistakes,
    a_fight,
    a_deletion,
    a_failure_by_deadline,
];

/// The rows of the guide's table.
fn documented() -> Vec<String> {
    let rows = GUIDE.lines().skip_while(|line| !line.starts_with("| kind | situation |")).skip(2);
    rows.take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
}

#[test]
fn the_guide_tells_what_each_tool_shows() {
    let Some(judge) = Judge::open() else { return };
    let mut sights = Sights::default();
    for play in PLAYS {
        simulator::open(|bed| play(bed, &mut sights));
    }
    sights.0.sort_by_key(|(_, object)| {
        let kinds = ["TrafficShift", "WeightedRoute", "Environment", "EntryPoint"];
        kinds.iter().position(|kind| object["kind"] == **kind)
    });
    let objects: Vec<Value> = sights.0.iter().map(|(_, object)| object.clone()).collect();
    let rows = sights.0.iter().zip(judge.judge(&objects)).map(|((situation, object), said)| {
        let kind = object["kind"].as_str().unwrap();
        format!("| {kind} | {situation} | {} | {} | {} |", said.argo, said.flux, said.kstatus)
    });
    let rows: Vec<String> = rows.collect();
    assert_eq!(documented(), rows, "docs/gitops.md should have:\n{}", rows.join("\n"));
}

/// Every status of a shift that was seen on the way is judged, whether it was waited for or not.
fn nothing_that_moves_is_called_healthy(bed: &mut dyn Bed) {
    let Some(judge) = Judge::open() else { return };
    bed.start();
    bed.apply(&[stage(bed), shift("green", &RELEASE.replace("1s", "5s"), "")].concat());
    let mut seen = BTreeSet::new();
    bed.until("the shift has succeeded", |bed| {
        let shift = bed.get("trafficshifts", "checkout");
        seen.insert(shift.to_string());
        (shift["status"]["phase"] == "Succeeded").then_some(())
    });
    let shifts: Vec<Value> = seen.iter().map(|shift| serde_json::from_str(shift).unwrap()).collect();
    let phases: BTreeSet<&str> = shifts.iter().filter_map(|shift| shift["status"]["phase"].as_str()).collect();
    assert!(phases.contains("Paused") && phases.len() > 2, "{phases:?}");
    for (shift, said) in shifts.iter().zip(judge.judge(&shifts)) {
        let is_over = shift["status"]["phase"] == "Succeeded";
        assert_eq!(said.argo == "Healthy", is_over, "{said:?} for {shift:#}");
        assert_eq!(said.flux == "Current", is_over, "{said:?} for {shift:#}");
        // Before the first look there is nothing by which kstatus could tell.
        let is_new = shift["status"]["conditions"].is_null();
        assert_eq!(said.kstatus == "Current", is_over || is_new, "{said:?} for {shift:#}");
        assert!(!said.message.is_empty(), "{said:?} for {shift:#}");
    }
}
on_beds!(nothing_that_moves_is_called_healthy: simulator, cluster);
