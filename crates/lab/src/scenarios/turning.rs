//! `to` changed in the middle of a run, and the groups that stand by.

use weir_api::traffic_shift::Outcome;

use crate::stage::{self, environment, route, shift, steps};
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
        world.run_for(HOUR).await;
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
        world.run_for(HOUR).await;
        world.apply(&shift("blue", &steps(&[50, 100], "1m"), "")).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world), stage::weights(&[("blue", 100), ("green", 0)]));
        world.apply(&shift("green", &steps(&[50, 100], "1m"), "")).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world), stage::weights(&[("blue", 0), ("green", 100)]));
        assert_eq!(status(world).history.len(), 3);
    });
}
