//! AWS calls that are throttled, fail or are lost.

use weir_api::traffic_shift::Outcome;

use crate::stage::{self, shift, steps};
use crate::wire::{Disturbance, Mischief, Side, Which};

use super::{MINUTE, changes, live, outcome, play, told, until, until_applied, until_complete};

fn fault(which: Which, times: u32, mischief: Mischief) -> Disturbance {
    Disturbance { which, times, until: None, mischief }
}

const MODIFY: Which = Which::Operation("ModifyListener");

#[test]
fn throttled_writes_are_made_later() {
    play(91, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "2m"), "")).unwrap();
        until_applied(world, 25).await;
        world.disturb(fault(MODIFY, 5, Mischief::Throttled));
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
        let steps: Vec<_> = changes(world).into_iter().map(|change| change.after["green"]).collect();
        assert_eq!(steps, [0, 25, 50, 100]);
    });
}

#[test]
fn a_lost_write_is_made_again_after_a_look() {
    play(92, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "2m"), "")).unwrap();
        until_applied(world, 25).await;
        world.disturb(fault(MODIFY, 2, Mischief::Lost(Side::Before)));
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
    });
}

#[test]
fn a_write_whose_answer_is_lost_is_not_made_twice() {
    play(93, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "2m"), "")).unwrap();
        until_applied(world, 25).await;
        world.disturb(fault(MODIFY, 1, Mischief::Lost(Side::After)));
        until_complete(world, "checkout").await;
        let writes = world.account().calls().into_iter().filter(|call| call.operation == "ModifyListener").count();
        assert_eq!(writes, changes(world).len(), "{}", told(world));
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
    });
}

#[test]
fn throttled_reads_delay_and_break_nothing() {
    play(94, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "2m"), "")).unwrap();
        until_applied(world, 25).await;
        world.disturb(fault(Which::All, 60, Mischief::Throttled));
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
    });
}

#[test]
fn a_rollback_comes_through_a_throttled_account() {
    play(95, async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "10m"), "")).unwrap();
        until_applied(world, 50).await;
        world.account().break_targets("green", 4);
        world.disturb(fault(MODIFY, 3, Mischief::Throttled));
        until(world, "the rollback", |world| live(world)["green"] == 0, 5 * MINUTE).await;
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::RolledBack));
    });
}

#[test]
fn an_account_that_answers_nothing_for_an_hour_changes_nothing() {
    play(96, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "10m"), "progressDeadline: 4h")).unwrap();
        until_applied(world, 25).await;
        world.disturb(fault(Which::All, u32::MAX, Mischief::Failed(503)));
        world.run_for(10 * MINUTE).await;
        assert_eq!(live(world), stage::weights(&[("blue", 75), ("green", 25)]));
        world.end_disturbances();
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
    });
}
