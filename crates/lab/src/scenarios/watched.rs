//! A candidate that fails while something else holds its run: the traffic goes back, or it is said loudly that it does not.

use serde_json::{Value, json};
use weir_api::traffic_shift::{Outcome, Phase};
use weir_sim::aws::RuleAction;

use crate::World;
use crate::stage::{BALANCER, PORT, shift, steps, weights};
use crate::wire::{Disturbance, Mischief, Which};

use super::chosen::choose;
use super::{
    HOUR, MINUTE, changes, live, outcome, play, status, told, until, until_applied, until_complete, until_phase,
};

/// A run to green at half of the traffic, which rests there for two hours.
async fn at_half(world: &mut World, extra: &str) {
    world.apply(&shift("green", &steps(&[50, 100], "120m"), extra)).unwrap();
    until_applied(world, 50).await;
    world.run_for(MINUTE).await;
}

fn waits_for(world: &World, reason: &str) -> bool {
    status(world).waiting.is_some_and(|waiting| waiting.reason == reason)
}

fn message(world: &World) -> String {
    status(world).waiting.unwrap_or_else(|| panic!("it waits for nothing; {}", told(world))).message
}

fn shows(world: &World, series: &str) -> bool {
    world.metrics().unwrap().render().lines().any(|line| line == format!("{series} 1"))
}

async fn until_back(world: &mut World) {
    let back = |world: &World| live(world).get("green").is_none_or(|weight| *weight == 0) && live(world)["blue"] > 0;
    until(world, "the traffic is back", back, 2 * MINUTE).await;
    until_complete(world, "checkout").await;
    assert_eq!(outcome(world), Some(Outcome::RolledBack), "{}", told(world));
}

#[test]
fn under_a_stickiness_that_somebody_has_set_the_traffic_goes_back() {
    play(1401, async |world| {
        at_half(world, "").await;
        let groups = vec![("blue".to_owned(), 50), ("green".to_owned(), 50)];
        let listener = world.account().listener_arn(BALANCER, PORT);
        let sticky = RuleAction::Forward { groups, sticky_seconds: Some(600) };
        world.aws().edit_action(&listener, &sticky).unwrap();
        until(world, "the run is held", |world| waits_for(world, "ForeignChange"), 2 * MINUTE).await;
        world.run_for(10 * MINUTE).await;
        world.account().break_targets("green", 4);
        until_back(world).await;
    });
}

const NOT_GOING_BACK: &str = r#"weir_shift_waiting{namespace="shop",reason="NotGoingBack",shift="checkout"}"#;

#[test]
fn under_somebody_elses_weights_it_is_said_that_nothing_goes_back() {
    play(1402, async |world| {
        at_half(world, "").await;
        world.account().forward(BALANCER, PORT, &[("blue", 40), ("green", 60)]);
        until(world, "the run is held", |world| waits_for(world, "ForeignChange"), 2 * MINUTE).await;
        world.account().break_targets("green", 4);
        until(world, "it is said", |world| waits_for(world, "NotGoingBack"), MINUTE).await;
        let said = message(world);
        for expected in ["green has 0 of the 3 healthy targets that it needs", "does not go back by itself", "abort"] {
            assert!(said.contains(expected), "{expected} in {said}");
        }
        assert!(said.contains("found blue 40, green 60; expected blue 50, green 50"), "{said}");
        assert_eq!(status(world).phase, Some(Phase::Held));
        assert!(told(world).contains(" NotGoingBack "), "{}", told(world));
        assert!(shows(world, NOT_GOING_BACK), "{}", world.metrics().unwrap().render());
        let before = changes(world).len();
        world.run_for(30 * MINUTE).await;
        assert_eq!(changes(world).len(), before, "what somebody has set is theirs");
        // It says so for as long as it is so, and no longer.
        world.account().mend_targets("green");
        until(world, "it is well", |world| waits_for(world, "ForeignChange"), 2 * MINUTE).await;
        assert!(!shows(world, NOT_GOING_BACK));
        world.account().break_targets("green", 4);
        until(world, "it is said again", |world| waits_for(world, "NotGoingBack"), MINUTE).await;
        world.command("checkout", "abort/1").unwrap();
        until_back(world).await;
    });
}

#[test]
fn too_few_healthy_targets_under_somebody_elses_weights_are_said_after_a_while() {
    play(1403, async |world| {
        at_half(world, "").await;
        world.account().forward(BALANCER, PORT, &[("blue", 10), ("green", 90)]);
        until(world, "the run is held", |world| waits_for(world, "ForeignChange"), 2 * MINUTE).await;
        world.account().break_targets("green", 3);
        until(world, "it is said", |world| waits_for(world, "NotGoingBack"), 2 * MINUTE).await;
        assert!(message(world).contains("green has 1 of the 4 healthy targets that it needs"), "{}", message(world));
    });
}

#[test]
fn a_candidate_without_weight_worries_nobody() {
    play(1404, async |world| {
        at_half(world, "").await;
        world.account().forward(BALANCER, PORT, &[("blue", 100), ("green", 0)]);
        until(world, "the run is held", |world| waits_for(world, "ForeignChange"), 2 * MINUTE).await;
        world.account().break_targets("green", 4);
        world.run_for(10 * MINUTE).await;
        assert!(waits_for(world, "ForeignChange"), "{}", told(world));
    });
}

#[test]
fn a_run_that_is_handed_back_over_other_weights_says_that_nothing_goes_back() {
    play(1405, async |world| {
        at_half(world, "").await;
        choose(world, &json!({"weights": {"blue": 20, "green": 80}}));
        until(world, "they are live", |world| live(world)["green"] == 80, 5 * MINUTE).await;
        choose(world, &json!({"weights": Value::Null}));
        until(world, "the run is held", |world| waits_for(world, "HandedBack"), 2 * MINUTE).await;
        world.account().break_targets("green", 4);
        let is_back_or_said = |world: &World| waits_for(world, "NotGoingBack") || live(world)["green"] == 0;
        until(world, "it is said, or goes back", is_back_or_said, 2 * MINUTE).await;
    });
}

#[test]
fn every_hold_under_the_runs_own_weights_goes_back() {
    for (seed, hold) in [(1406, "PausedByCommand"), (1407, "Paused"), (1408, "StrategyChanged")] {
        play(seed, async |world| {
            if hold == "StrategyChanged" {
                world.apply(&shift("green", "{steps: [{weight: 50, pause: {}}, {weight: 100}]}", "")).unwrap();
                until_applied(world, 50).await;
                world.run_for(MINUTE).await;
                world.apply(&shift("green", &steps(&[60, 100], "1m"), "")).unwrap();
            } else {
                at_half(world, "").await;
            }
            match hold {
                "PausedByCommand" => world.command("checkout", "pause/1").unwrap(),
                "Paused" => world.patch("trafficshifts", "checkout", &json!({"spec": {"paused": true}})).unwrap(),
                _ => {}
            }
            until(world, "the run is held", |world| waits_for(world, hold), 2 * MINUTE).await;
            world.account().break_targets("green", 4);
            until_back(world).await;
        });
    }
}

#[test]
fn a_run_that_has_failed_and_holds_says_how_its_candidate_is() {
    play(1409, async |world| {
        at_half(world, "onFailure: Pause").await;
        world.account().break_targets("green", 4);
        until_phase(world, Phase::Degraded).await;
        until(world, "it is said", |world| message(world).contains("nothing goes back by itself"), MINUTE).await;
        world.account().mend_targets("green");
        until(world, "it is well", |world| message(world).contains("by now"), 2 * MINUTE).await;
        assert!(waits_for(world, "Failed"), "{}", told(world));
        world.account().break_targets("green", 4);
        until(world, "it is said", |world| message(world).contains("nothing goes back by itself"), MINUTE).await;
        assert_eq!(live(world)["green"], 50);
    });
}

#[test]
fn with_correct_the_traffic_goes_back_over_what_somebody_has_set() {
    play(1410, async |world| {
        choose(world, &json!({"drift": "Correct"}));
        at_half(world, "").await;
        // Without a healthy target there is no capacity by which the run's weights could be set again.
        world.account().break_targets("green", 4);
        world.account().forward(BALANCER, PORT, &[("blue", 40), ("green", 60)]);
        until_back(world).await;
    });
}

const BLIND: &str = r#"weir_shift_blind{namespace="shop",shift="checkout"}"#;

#[test]
fn a_health_that_cannot_be_read_in_a_pause_is_said() {
    play(1411, async |world| {
        at_half(world, "").await;
        assert!(waits_for(world, "StepPause") && !shows(world, BLIND), "{}", told(world));
        let which = Which::Operation("DescribeTargetHealth");
        world.disturb(Disturbance { which, times: u32::MAX, until: None, mischief: Mischief::Failed(500) });
        until(world, "it is said", |world| message(world).contains("how green is"), 2 * MINUTE).await;
        let said = message(world);
        assert!(said.contains("nothing goes back by itself") && said.contains("could not be read"), "{said}");
        assert!(waits_for(world, "StepPause") && shows(world, BLIND), "{said}");
        world.account().break_targets("green", 4);
        world.run_for(10 * MINUTE).await;
        assert_eq!((live(world)["green"], message(world)), (50, said), "{}", told(world));
        world.end_disturbances();
        until_back(world).await;
        assert!(!shows(world, BLIND));
    });
}

#[test]
fn a_single_look_that_fails_is_not_said() {
    play(1412, async |world| {
        at_half(world, "").await;
        let before = message(world);
        for _ in 0..10 {
            let which = Which::Operation("DescribeTargetHealth");
            world.disturb(Disturbance { which, times: 3, until: None, mischief: Mischief::Failed(500) });
            for _ in 0..12 {
                world.run_for(MINUTE / 6).await;
                assert_eq!(message(world), before);
            }
        }
        assert_eq!(live(world), weights(&[("blue", 50), ("green", 50)]));
    });
}

#[test]
fn a_route_that_is_gone_is_said_not_to_be_watched() {
    play(1413, async |world| {
        at_half(world, "").await;
        world.delete("weightedroutes", "checkout").unwrap();
        until(world, "it is said", |world| shows(world, BLIND), 15 * MINUTE).await;
        until(world, "in words too", |world| message(world).contains("how green is"), HOUR).await;
        assert!(waits_for(world, "RouteGone"), "{}", told(world));
    });
}
