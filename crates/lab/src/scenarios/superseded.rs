//! `to` changed in the middle of a run, under real requests and lost writes.

use weir_api::traffic_shift::{Outcome, Phase};
use weir_sim::traffic::TrafficSettings;

use crate::stage::{BALANCER, PORT, environment, route, shift, steps};
use crate::wire::{Disturbance, Mischief, Side, Which};
use crate::world::World;

use super::{HOUR, MINUTE, changes, live, play, status, told, until, until_applied, until_complete};

fn add_red(world: &mut World) {
    world.furnish(&environment("red"), 4).unwrap();
    world.apply(&environment("red")).unwrap();
    world.apply(&route("checkout", &["blue", "green", "red"], "")).unwrap();
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
