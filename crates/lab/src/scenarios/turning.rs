//! `to` changed in the middle of a run, and the groups that stand by.

use weir_api::traffic_shift::{Outcome, Phase};
use weir_sim::traffic::TrafficSettings;

use crate::stage::{self, BALANCER, PORT, environment, route, shift, steps};
use crate::wire::{Disturbance, Mischief, Side, Which};
use crate::world::World;

use super::{HOUR, MINUTE, changes, live, play, status, told, until, until_applied, until_complete};

fn add_red(world: &mut World) {
    world.furnish(&environment("red"), 4).unwrap();
    world.apply(&environment("red")).unwrap();
    world.apply(&route("checkout", &["blue", "green", "red"], "")).unwrap();
}

#[test]
fn another_candidate_takes_over_from_what_is_live() {
    play(61, async |world| {
        add_red(world);
        world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_applied(world, 50).await;
        let before = changes(world).len();
        world.apply(&shift("red", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_complete(world, "checkout").await;
        let history = status(world).history;
        assert_eq!(history[1].outcome, Outcome::Superseded, "{history:?}");
        assert_eq!(history[0].outcome, Outcome::Succeeded);
        let course = &changes(world)[before..];
        assert_eq!(course[0].after, stage::weights(&[("blue", 50), ("green", 50), ("red", 0)]));
        assert_eq!(course[1].after, stage::weights(&[("blue", 38), ("green", 37), ("red", 25)]));
        assert_eq!(live(world)["red"], 100);
    });
}

#[test]
fn setting_to_back_rolls_back_at_once() {
    play(62, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_applied(world, 50).await;
        let before = changes(world).len();
        world.apply(&shift("blue", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until(world, "the rollback", |world| live(world)["green"] == 0, MINUTE).await;
        assert_eq!(changes(world).len(), before + 1);
        until_complete(world, "checkout").await;
        assert!(status(world).history.iter().any(|past| past.to == "green" && past.outcome == Outcome::RolledBack));
        world.run_for(10 * MINUTE).await;
        assert_eq!(changes(world).len(), before + 1, "{}", told(world));
    });
}

#[test]
fn a_release_after_a_release_drops_what_stood_by() {
    play(63, async |world| {
        add_red(world);
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world), stage::weights(&[("blue", 0), ("green", 100)]), "blue stands by");
        world.apply(&shift("red", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world), stage::weights(&[("green", 0), ("red", 100)]), "blue was dropped");
    });
}

#[test]
fn a_release_back_is_a_release() {
    play(64, async |world| {
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        world.run_for(10 * MINUTE).await;
        world.apply(&shift("blue", &steps(&[50, 100], "1m"), "")).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world), stage::weights(&[("blue", 100), ("green", 0)]));
        world.apply(&shift("green", &steps(&[50, 100], "1m"), "")).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world), stage::weights(&[("blue", 0), ("green", 100)]));
        assert_eq!(status(world).history.len(), 3);
    });
}

#[test]
fn changing_one_s_mind_fails_no_request() {
    play(65, async |world| {
        add_red(world);
        let mut traffic = world
            .traffic(TrafficSettings { requests_per_second: 20, ..TrafficSettings::to(BALANCER, PORT, "shop.test") });
        let strategy = steps(&[25, 50, 100], "5m");
        world.apply(&shift("green", &strategy, "")).unwrap();
        until_applied(world, 50).await;
        world.apply(&shift("red", &strategy, "")).unwrap();
        until_applied(world, 25).await;
        let before = changes(world).len();
        world.apply(&shift("blue", &strategy, "")).unwrap();
        until(world, "the first side", |world| live(world)["blue"] == 100, MINUTE).await;
        assert_eq!(changes(world).len(), before + 1, "one write");
        until_complete(world, "checkout").await;
        world.run_for(10 * MINUTE).await;
        traffic.advance_to(world.now());
        assert_eq!(traffic.failures().values().sum::<u64>(), 0, "{:?}", traffic.failures());
        assert_eq!(traffic.shares_permille(60), [("blue".to_owned(), 1_000)].into());
        assert_eq!(status(world).phase, Some(Phase::Succeeded));
        assert_eq!(status(world).run.unwrap().id, 2, "no run only says so");
    });
}

#[test]
fn a_change_while_writes_are_lost_waits_for_none_of_them() {
    for (seed, side) in [(66, Side::Before), (67, Side::After)] {
        play(seed, async |world| {
            add_red(world);
            world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
            until_applied(world, 25).await;
            world.run_for(4 * MINUTE).await;
            let which = Which::Operation("ModifyListener");
            world.disturb(Disturbance { which, times: 1_000, until: None, mischief: Mischief::Lost(side) });
            world.run_for(2 * MINUTE).await;
            world.apply(&shift("red", &steps(&[25, 50, 100], "5m"), "")).unwrap();
            let begun = |world: &World| status(world).run.is_some_and(|run| run.to == "red");
            until(world, "the run to red", begun, MINUTE).await;
            world.run_for(MINUTE).await;
            world.end_disturbances();
            until_complete(world, "checkout").await;
            assert_eq!(live(world)["red"], 100, "{}", told(world));
            assert_eq!(status(world).history.len(), 2);
        });
    }
}

#[test]
fn a_queued_wish_comes_after_the_run_that_moves() {
    play(68, async |world| {
        add_red(world);
        let strategy = steps(&[50, 100], "5m");
        world.apply(&shift("green", &strategy, "onChange: Queue")).unwrap();
        until_applied(world, 50).await;
        world.apply(&shift("red", &strategy, "onChange: Queue")).unwrap();
        world.run_for(MINUTE).await;
        assert_eq!(status(world).queued.as_deref(), Some("red"));
        let both = |world: &World| status(world).history.len() == 2;
        until(world, "both runs", both, HOUR).await;
        until_complete(world, "checkout").await;
        assert!(status(world).history.iter().all(|past| past.outcome == Outcome::Succeeded), "{}", told(world));
        assert_eq!(live(world), stage::weights(&[("green", 0), ("red", 100)]));
    });
}

#[test]
fn a_wish_that_comes_back_while_the_traffic_goes_back_is_not_forgotten() {
    play(69, async |world| {
        let strategy = steps(&[25, 50, 100], "1m");
        world.apply(&shift("green", &strategy, "")).unwrap();
        until_applied(world, 50).await;
        let which = Which::Operation("ModifyListener");
        world.disturb(Disturbance { which, times: 1_000, until: None, mischief: Mischief::Lost(Side::Before) });
        world.apply(&shift("blue", &strategy, "")).unwrap();
        let turned = |world: &World| status(world).run.is_some_and(|run| run.rollback.is_some());
        until(world, "the run turns round", turned, MINUTE).await;
        world.apply(&shift("green", &strategy, "")).unwrap();
        world.run_for(MINUTE / 4).await;
        assert_eq!(status(world).queued.as_deref(), Some("green"));
        world.end_disturbances();
        until(world, "the first run ends", |world| !status(world).history.is_empty(), 5 * MINUTE).await;
        assert_eq!(status(world).history[0].outcome, Outcome::RolledBack);
        until(world, "green carries all", |world| live(world)["green"] == 100, HOUR).await;
        until_complete(world, "checkout").await;
        assert_eq!(status(world).phase, Some(Phase::Succeeded), "{}", told(world));
        assert_eq!(status(world).run.unwrap().id, 2);
    });
}
