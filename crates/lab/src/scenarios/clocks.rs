//! A clock that is set while everything goes on.

use std::time::Duration;

use weir_api::traffic_shift::{Outcome, Phase};
use weir_sim::aws::AppBehaviour;

use crate::fault::Fault;
use crate::rollout::Rollout;
use crate::search::at_every_moment;
use crate::stage::{shift, steps};
use crate::timeline::timeline;
use crate::world::World;

use super::{HOUR, MINUTE, changes, outcome, play, status, told, until, until_applied, until_complete};

fn steps_of_clock(world: &World) -> u64 {
    let text = world.metrics().unwrap().render();
    let line = text.lines().find_map(|line| line.strip_prefix("weir_clock_steps_total "));
    line.unwrap().parse().unwrap()
}

#[test]
fn a_clock_set_back_keeps_nobody_from_watching() {
    play(801, async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "2m"), "")).unwrap();
        until_applied(world, 50).await;
        world.step_clock(-1_800);
        world.run_for(Duration::from_secs(30)).await;
        assert_eq!(steps_of_clock(world), 1);
        for (target, _) in world.aws().health("green") {
            world.aws().set_app_on("green", &target.id, AppBehaviour::broken()).unwrap();
        }
        until(world, "the run goes back", |world| outcome(world) == Some(Outcome::RolledBack), 2 * MINUTE).await;
    });
}

#[test]
fn a_clock_set_back_keeps_no_pause_from_ending() {
    play(802, async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "2m"), "")).unwrap();
        until_applied(world, 50).await;
        world.step_clock(-1_800);
        let took = until(world, "it completes", |world| world.is_complete("checkout"), HOUR).await;
        assert!(took < 5 * MINUTE, "{took:?}");
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
        // What was asked of an ended run is not older than its end.
        world.step_clock(-1_800);
        world.apply(&shift("blue", &steps(&[50, 100], "1m"), "")).unwrap();
        let took = until(world, "it completes", |world| live_is(world, "blue"), HOUR).await;
        assert!(took < 5 * MINUTE, "{took:?}");
    });
}

fn live_is(world: &World, environment: &str) -> bool {
    super::live(world)[environment] == 100 && world.is_complete("checkout")
}

#[test]
fn a_clock_set_ahead_ends_neither_pauses_nor_runs() {
    play(803, async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "10m"), "progressDeadline: 20m")).unwrap();
        until_applied(world, 50).await;
        let before = world.now();
        world.step_clock(7_200);
        world.run_for(9 * MINUTE).await;
        assert_eq!(status(world).phase, Some(Phase::Paused), "{}", told(world));
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
        let last = changes(world).last().unwrap().at;
        assert!(last.duration_since(before).as_secs() >= 600, "{}", told(world));
    });
}

#[test]
fn a_run_that_waits_has_not_failed_by_a_leap() {
    play(804, async |world| {
        for (target, _) in world.aws().health("green") {
            world.aws().set_app_on("green", &target.id, AppBehaviour::broken()).unwrap();
        }
        world.run_for(MINUTE).await;
        world.apply(&shift("green", &steps(&[50, 100], "1m"), "progressDeadline: 20m")).unwrap();
        world.run_for(2 * MINUTE).await;
        world.step_clock(7_200);
        world.run_for(5 * MINUTE).await;
        assert_eq!(outcome(world), None, "{}", told(world));
        for (target, _) in world.aws().health("green") {
            world.aws().set_app_on("green", &target.id, AppBehaviour::well()).unwrap();
        }
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
    });
}

/// Both ways, at every moment of a short release that makes a difference.
#[test]
fn a_clock_may_be_set_at_every_moment() {
    let rollout = Rollout::short();
    for fault in [Fault::ClockStep(-900), Fault::ClockStep(7_200)] {
        for plan in at_every_moment(805, &rollout, &fault) {
            let played = plan.play();
            assert_eq!(played.failures, [], "{plan}\n{}", timeline(&played.evidence));
        }
    }
}
