//! Controllers that are away for a while, and what happens meanwhile.

use weir_api::traffic_shift::Outcome;

use crate::stage::{shift, steps};

use super::{MINUTE, changes, live, outcome, play, until, until_applied, until_complete};

#[test]
fn a_controller_that_was_stopped_goes_on_from_where_the_world_is() {
    play(311, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_applied(world, 25).await;
        world.pause_controller();
        let before = changes(world).len();
        world.run_for(30 * MINUTE).await;
        assert_eq!(changes(world).len(), before);
        world.resume_controller();
        until_applied(world, 50).await;
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
    });
}

#[test]
fn a_candidate_that_broke_while_nobody_looked_is_left_at_once() {
    play(312, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_applied(world, 50).await;
        world.crash_controller();
        world.account().break_targets("green", 4);
        world.run_for(30 * MINUTE).await;
        assert_eq!(live(world)["green"], 50, "nobody was there");
        world.start_controller();
        until(world, "the rollback", |world| live(world)["green"] == 0, 2 * MINUTE).await;
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::RolledBack));
    });
}
