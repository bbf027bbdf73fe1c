//! Commands by annotation, and `spec.paused`.

use serde_json::json;
use weir_api::traffic_shift::{Outcome, Phase};

use crate::World;
use crate::stage::{self, BALANCER, PORT, shift, steps};

use super::{HOUR, MINUTE, changes, live, outcome, play, status, until, until_applied, until_complete, until_phase};

#[test]
fn pause_holds_and_resume_goes_on() {
    play(21, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "1m"), "")).unwrap();
        until_applied(world, 25).await;
        world.command("checkout", "pause/1").unwrap();
        world.run_for(10 * MINUTE).await;
        assert_eq!(live(world)["green"], 25);
        assert_eq!(status(world).phase, Some(Phase::Held));
        // The command is given once, not for as long as it stands there.
        world.command("checkout", "resume/1").unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
        assert_eq!(status(world).last_command.unwrap().result, "accepted: the run goes on");
    });
}

#[test]
fn promote_ends_a_pause_at_once() {
    play(22, async |world| {
        world.apply(&shift("green", &steps(&[25, 100], "10h"), "")).unwrap();
        until_applied(world, 25).await;
        world.command("checkout", "promote/1").unwrap();
        until(world, "the promotion", |world| live(world)["green"] == 100, MINUTE).await;
        until_complete(world, "checkout").await;
    });
}

#[test]
fn a_pause_without_an_end_waits_for_resume() {
    play(23, async |world| {
        world.apply(&shift("green", "{steps: [{weight: 50, pause: {}}, {weight: 100}]}", "")).unwrap();
        until_applied(world, 50).await;
        world.run_for(HOUR).await;
        assert_eq!(live(world)["green"], 50);
        world.command("checkout", "resume/1").unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world)["green"], 100);
    });
}

#[test]
fn abort_goes_back_and_retry_starts_again() {
    play(24, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "1m"), "")).unwrap();
        until_applied(world, 50).await;
        let before = changes(world).len();
        world.command("checkout", "abort/1").unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::RolledBack));
        assert_eq!(changes(world).len(), before + 1);
        world.run_for(10 * MINUTE).await;
        assert_eq!(live(world), stage::weights(&[("blue", 100), ("green", 0)]));
        world.command("checkout", "retry/1").unwrap();
        until(world, "the second run", |world| live(world)["green"] == 100, HOUR).await;
        until_complete(world, "checkout").await;
        let status = status(world);
        assert_eq!(status.run.unwrap().id, 2);
        assert_eq!(status.history.len(), 2);
    });
}

#[test]
fn a_paused_spec_holds_a_run_and_keeps_one_from_starting() {
    play(25, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "1m"), "paused: true")).unwrap();
        world.run_for(10 * MINUTE).await;
        assert_eq!(changes(world).len(), 0);
        let paused = |paused: bool| json!({"spec": {"paused": paused}});
        world.patch("trafficshifts", "checkout", &paused(false)).unwrap();
        until_applied(world, 25).await;
        world.patch("trafficshifts", "checkout", &paused(true)).unwrap();
        until_phase(world, Phase::Held).await;
        world.run_for(20 * MINUTE).await;
        assert_eq!(live(world)["green"], 25);
        world.patch("trafficshifts", "checkout", &paused(false)).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
    });
}

#[test]
fn a_command_that_is_not_understood_is_answered() {
    play(26, async |world| {
        world.apply(&shift("green", &steps(&[25, 100], "5m"), "")).unwrap();
        until_applied(world, 25).await;
        world.command("checkout", "stop").unwrap();
        world.run_for(MINUTE).await;
        let result = status(world).last_command.unwrap().result;
        assert!(result.contains("such as abort/1"), "{result}");
        until_complete(world, "checkout").await;
    });
}

fn answer(world: &World) -> String {
    status(world).last_command.map(|last| last.result).unwrap_or_default()
}

#[test]
fn a_second_resume_does_not_end_the_pause_of_the_step() {
    play(27, async |world| {
        world.apply(&shift("green", &steps(&[25, 100], "1h"), "")).unwrap();
        until_applied(world, 25).await;
        for command in ["pause/1", "resume/2", "resume/3"] {
            world.command("checkout", command).unwrap();
            world.run_for(MINUTE / 30).await;
        }
        assert_eq!(answer(world), "ignored: nothing is held; promote ends the pause");
        world.run_for(10 * MINUTE).await;
        assert_eq!(live(world)["green"], 25);
        world.command("checkout", "promote/4").unwrap();
        until(world, "the promotion", |world| live(world)["green"] == 100, MINUTE).await;
        until_complete(world, "checkout").await;
    });
}

#[test]
fn what_is_said_while_the_spec_pauses_a_run_has_no_effect_later() {
    play(28, async |world| {
        world.apply(&shift("green", &steps(&[25, 100], "1h"), "")).unwrap();
        until_applied(world, 25).await;
        let paused = |paused: bool| json!({"spec": {"paused": paused}});
        world.patch("trafficshifts", "checkout", &paused(true)).unwrap();
        until_phase(world, Phase::Held).await;
        world.run_for(MINUTE).await;
        for command in ["resume/1", "promote/2"] {
            world.command("checkout", command).unwrap();
            world.run_for(MINUTE).await;
            assert!(answer(world).starts_with("ignored: spec.paused is true"), "{}", answer(world));
        }
        world.patch("trafficshifts", "checkout", &paused(false)).unwrap();
        world.run_for(10 * MINUTE).await;
        assert_eq!(live(world)["green"], 25);
    });
}

#[test]
fn a_retry_with_nothing_to_do_has_no_effect_later() {
    play(29, async |world| {
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        world.command("checkout", "retry/1").unwrap();
        world.run_for(MINUTE).await;
        assert_eq!(answer(world), "ignored: green carries all the traffic already");
        world.account().forward(BALANCER, PORT, &[("blue", 50), ("green", 50)]);
        world.run_for(10 * MINUTE).await;
        assert_eq!(live(world)["green"], 50, "the word was given before that");
    });
}

#[test]
fn a_pause_that_has_begun_outlasts_a_change_of_the_strategy() {
    play(30, async |world| {
        world.apply(&shift("green", "{steps: [{weight: 25, pause: {}}, {weight: 100}]}", "")).unwrap();
        until_applied(world, 25).await;
        world.run_for(MINUTE).await;
        let changed = "{steps: [{weight: 5}, {weight: 20}, {weight: 40, pause: {duration: 5m}}, {weight: 100}]}";
        world.apply(&shift("green", changed, "")).unwrap();
        world.run_for(HOUR).await;
        assert_eq!(live(world)["green"], 25);
        assert_eq!(status(world).waiting.unwrap().reason, "StrategyChanged");
        world.command("checkout", "resume/1").unwrap();
        until(world, "the next step", |world| live(world)["green"] == 40, MINUTE).await;
        until_complete(world, "checkout").await;
    });
}

#[test]
fn a_timed_pause_that_has_begun_outlasts_a_change_of_the_strategy() {
    play(39, async |world| {
        world.apply(&shift("green", &steps(&[25, 100], "30m"), "")).unwrap();
        until_applied(world, 25).await;
        world.run_for(MINUTE).await;
        world.apply(&shift("green", &steps(&[20, 40, 100], "1m"), "")).unwrap();
        world.run_for(25 * MINUTE).await;
        assert_eq!(live(world)["green"], 25);
        until_complete(world, "checkout").await;
        assert_eq!(live(world)["green"], 100);
    });
}
