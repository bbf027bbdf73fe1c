//! Others who change the same weights, and shifts that want the same route.

use weir_api::condition::find;
use weir_api::traffic_shift::{Outcome, Phase};

use crate::stage::{self, BALANCER, PORT, shift, steps};

use super::{
    HOUR, MINUTE, changes, live, outcome, play, route_status, status, told, until, until_applied, until_complete,
    until_phase,
};

#[test]
fn a_foreign_change_pauses_the_run_and_it_goes_on_when_that_is_undone() {
    play(51, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_applied(world, 50).await;
        let before = changes(world).len();
        world.account().forward(BALANCER, PORT, &[("blue", 90), ("green", 10)]);
        until(world, "the foreign change is seen", foreign, 2 * MINUTE).await;
        world.run_for(10 * MINUTE).await;
        assert_eq!(changes(world).len(), before, "it is not overwritten");
        let waiting = status(world).waiting.unwrap();
        assert!(waiting.message.contains("found blue 90, green 10; expected blue 50, green 50"), "{}", waiting.message);
        world.account().forward(BALANCER, PORT, &[("blue", 50), ("green", 50)]);
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
    });
}

#[test]
fn resume_sets_the_weights_of_the_run_again() {
    play(52, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_applied(world, 50).await;
        world.account().forward(BALANCER, PORT, &[("blue", 90), ("green", 10)]);
        until(world, "the foreign change is seen", foreign, 2 * MINUTE).await;
        world.command("checkout", "resume/1").unwrap();
        until(world, "the weights are set again", |world| live(world)["green"] == 50, MINUTE).await;
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
    });
}

#[test]
fn resume_over_a_foreign_change_that_went_ahead_of_the_run() {
    play(53, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_applied(world, 25).await;
        world.account().forward(BALANCER, PORT, &[("blue", 10), ("green", 90)]);
        until(world, "the foreign change is seen", foreign, 2 * MINUTE).await;
        world.command("checkout", "resume/1").unwrap();
        until(world, "the run ends", |world| world.is_complete("checkout"), HOUR).await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
    });
}

#[test]
fn drift_after_the_end_is_told_and_not_fought() {
    play(54, async |world| {
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        let before = changes(world).len();
        world.account().forward(BALANCER, PORT, &[("blue", 100)]);
        world.run_for(10 * MINUTE).await;
        assert_eq!(changes(world).len(), before);
        assert_eq!(live(world)["blue"], 100);
        let conditions = route_status(world, "checkout").conditions;
        assert_eq!(find(&conditions, "Synced").unwrap().reason, "Drifted");
        assert_eq!(status(world).waiting.unwrap().reason, "MovedAway");
    });
}

#[test]
fn the_older_of_two_shifts_has_the_route() {
    play(55, async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "10m"), "")).unwrap();
        until_applied(world, 50).await;
        world.apply(&shift("blue", "{allAtOnce: {}}", "").replace("name: checkout}", "name: other}")).unwrap();
        world.run_for(MINUTE).await;
        let other = world.shift("other").unwrap().status.unwrap();
        let stalled = find(&other.conditions, "Stalled").unwrap();
        assert_eq!(stalled.reason, "RouteClaimed");
        assert!(stalled.message.contains("older TrafficShift shop/checkout"), "{}", stalled.message);
        until_complete(world, "checkout").await;
        assert_eq!(live(world)["green"], 100);
        // When the older one is gone, the younger one has it.
        world.delete("trafficshifts", "checkout").unwrap();
        until(world, "the other shift moves", |world| live(world)["blue"] == 100, HOUR).await;
    });
}

#[test]
fn a_run_that_another_shift_has_cut_short_holds_when_the_route_is_back() {
    play(57, async |world| {
        let older = shift("blue", "{allAtOnce: {}}", "paused: true").replace("name: checkout}", "name: other}");
        world.apply(&older.replace("[checkout]", "[elsewhere]")).unwrap();
        world.run_for(MINUTE).await;
        world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_applied(world, 25).await;
        world.apply(&older).unwrap();
        world.run_for(MINUTE).await;
        assert_eq!(find(&status(world).conditions, "Stalled").unwrap().reason, "RouteClaimed");
        world.delete("trafficshifts", "other").unwrap();
        world.run_for(HOUR).await;
        assert_eq!((status(world).waiting.unwrap().reason.as_str(), live(world)["green"]), ("HandedBack", 25));
        world.command("checkout", "resume/1").unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world)["green"], 100);
    });
}

#[test]
fn a_run_stays_paused_when_the_controller_starts_again_under_a_foreign_change() {
    play(56, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_applied(world, 25).await;
        world.crash_controller();
        world.account().forward(BALANCER, PORT, &[("blue", 60), ("green", 40)]);
        world.run_for(10 * MINUTE).await;
        world.start_controller();
        until_phase(world, Phase::Held).await;
        world.run_for(10 * MINUTE).await;
        assert_eq!(live(world), stage::weights(&[("blue", 60), ("green", 40)]));
        world.command("checkout", "abort/1").unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world)["blue"], 100);
    });
}

fn foreign(world: &crate::World) -> bool {
    status(world).waiting.is_some_and(|waiting| waiting.reason == "ForeignChange")
}
