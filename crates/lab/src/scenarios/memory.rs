//! What was lost: statuses, objects, whole clusters. Nothing is replayed.

use weir_api::traffic_shift::{Outcome, Phase};

use crate::World;
use crate::stage::{self, ENTRY_POINT, environment, route, shift, steps};

use super::{HOUR, MINUTE, changes, live, outcome, play, status, until_applied, until_complete};

fn wipe(world: &World) {
    world.delete("trafficshifts", "checkout").unwrap();
    world.delete("weightedroutes", "checkout").unwrap();
    for name in ["blue", "green"] {
        world.delete("environments", name).unwrap();
    }
    world.delete("entrypoints", "public").unwrap();
}

fn apply_again(world: &World, shift: &str) {
    // In the order in which a GitOps tool might: the shift first.
    world.apply(shift).unwrap();
    world.apply(&route("checkout", &["blue", "green"], "")).unwrap();
    world.apply(&[ENTRY_POINT.to_owned(), environment("blue"), environment("green")].concat()).unwrap();
}

#[test]
fn statuses_lost_in_the_middle_are_taken_over_from_what_is_live() {
    play(41, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_applied(world, 50).await;
        let before = changes(world).len();
        world.lose_statuses();
        world.run_for(MINUTE).await;
        assert_eq!(live(world), stage::weights(&[("blue", 50), ("green", 50)]), "never reset");
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
        let after: Vec<_> = changes(world)[before..].iter().map(|change| change.after["green"]).collect();
        assert_eq!(after, [100], "it goes on from where it was");
    });
}

#[test]
fn statuses_lost_in_the_middle_and_a_new_controller() {
    play(42, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_applied(world, 25).await;
        world.crash_controller();
        world.lose_statuses();
        world.run_for(10 * MINUTE).await;
        assert_eq!(live(world)["green"], 25);
        world.start_controller();
        until_complete(world, "checkout").await;
        assert_eq!(live(world)["green"], 100);
    });
}

#[test]
fn objects_made_anew_after_a_success_replay_nothing() {
    play(43, async |world| {
        let wish = shift("green", &steps(&[25, 100], "1m"), "");
        world.apply(&wish).unwrap();
        until_complete(world, "checkout").await;
        world.run_for(MINUTE).await;
        let before = changes(world).len();
        wipe(world);
        world.run_for(MINUTE).await;
        apply_again(world, &wish);
        until_complete(world, "checkout").await;
        world.run_for(HOUR).await;
        assert_eq!(changes(world).len(), before);
        assert_eq!(status(world).phase, Some(Phase::Succeeded));
    });
}

#[test]
fn objects_made_anew_after_a_rollback_replay_nothing() {
    play(44, async |world| {
        let wish = shift("green", &steps(&[25, 100], "5m"), "");
        world.apply(&wish).unwrap();
        until_applied(world, 25).await;
        world.account().break_targets("green", 4);
        until_complete(world, "checkout").await;
        world.account().mend_targets("green");
        world.run_for(MINUTE).await;
        let before = changes(world).len();
        world.crash_controller();
        wipe(world);
        apply_again(world, &wish);
        world.start_controller();
        until_complete(world, "checkout").await;
        world.run_for(HOUR).await;
        assert_eq!(changes(world).len(), before);
        assert_eq!(status(world).phase, Some(Phase::RolledBack));
        // A retry is still a retry.
        world.command("checkout", "retry/1").unwrap();
        super::until(world, "the retry", |world| live(world)["green"] == 100, HOUR).await;
    });
}

#[test]
fn a_new_wish_after_a_wipe_is_a_new_run() {
    play(45, async |world| {
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        wipe(world);
        apply_again(world, &shift("blue", "{allAtOnce: {}}", ""));
        until_complete(world, "checkout").await;
        assert_eq!(live(world)["blue"], 100);
    });
}
