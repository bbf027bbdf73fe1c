//! AWS that cannot be read for a while: nothing goes on claiming what nobody has seen, and nothing is done about it.

use serde_json::json;
use weir_api::Condition;
use weir_api::condition::{READY, Truth, find};
use weir_api::traffic_shift::Outcome;

use crate::stage::{shift, steps};
use crate::wire::{Disturbance, Mischief, Side, Which};
use crate::world::World;

use super::{HOUR, MINUTE, live, outcome, play, route_status, told, until, until_applied, until_complete};

/// Everything that AWS is asked comes to this.
fn befall(world: &World, mischief: Mischief) {
    world.disturb(Disturbance { which: Which::All, times: u32::MAX, until: None, mischief });
}

/// What each object that hangs on AWS says of itself.
fn conditions(world: &World) -> Vec<(&'static str, Vec<Condition>)> {
    let entry_point = world.entry_point("public").and_then(|found| found.status).unwrap_or_default();
    let environment = world.environment("blue").and_then(|found| found.status).unwrap_or_default();
    vec![
        ("the entry point", entry_point.conditions),
        ("the environment", environment.conditions),
        ("the route", route_status(world, "checkout").conditions),
    ]
}

/// Whether all of them say for this reason that they are not ready, and the route that nobody knows whether it is synced.
fn say(world: &World, reason: &str) -> bool {
    let is_told = |conditions: &[Condition]| {
        find(conditions, READY).is_some_and(|ready| {
            ready.status != Truth::True && ready.reason == reason && ready.message.contains("; last read at 20")
        })
    };
    let synced = route_status(world, "checkout").conditions;
    let is_unknown = find(&synced, "Synced").is_some_and(|synced| synced.status == Truth::Unknown);
    is_unknown && conditions(world).iter().all(|(_, conditions)| is_told(conditions))
}

fn is_well(world: &World) -> bool {
    let holds = |type_: &str, conditions: &[Condition]| {
        find(conditions, type_).is_some_and(|condition| condition.status == Truth::True)
    };
    holds("Synced", &route_status(world, "checkout").conditions)
        && conditions(world).iter().all(|(_, conditions)| holds(READY, conditions))
}

#[test]
fn what_cannot_be_read_is_called_neither_ready_nor_synced() {
    let table = [
        (Mischief::Failed(403), "Transient"),
        (Mischief::Expired, "Expired"),
        (Mischief::Throttled, "Throttled"),
        (Mischief::Failed(500), "Transient"),
        (Mischief::Lost(Side::Before), "Transient"),
    ];
    for (seed, (mischief, reason)) in (1301..).zip(table) {
        is_told(seed, reason, |world| befall(world, mischief), World::end_disturbances);
    }
}

#[test]
fn what_may_not_be_read_is_called_neither_ready_nor_synced() {
    let nothing = json!({"Version": "2012-10-17", "Statement": []});
    is_told(1309, "Denied", |world| world.restrict(&nothing), |world| world.restrict(&world.policy()));
}

/// Something that keeps everything from being read is told within two minutes, as long as it lasts, and no longer.
fn is_told(seed: u64, reason: &str, begin: impl Fn(&World), end: impl Fn(&World)) {
    play(seed, async |world| {
        until(world, "all is well", is_well, 2 * MINUTE).await;
        world.run_for(5 * MINUTE).await;
        begin(world);
        let said = world.run_until(|world| say(world, reason), 2 * MINUTE).await;
        assert!(said.is_ok(), "{reason}: {:#?}", conditions(world));
        let told = conditions(world);
        world.run_for(10 * MINUTE).await;
        assert_eq!(conditions(world), told, "and it goes on saying just that");
        end(world);
        until(world, "all is well again", is_well, 2 * MINUTE).await;
    });
}

#[test]
fn a_call_that_fails_now_and_then_changes_nothing() {
    play(1310, async |world| {
        until(world, "all is well", is_well, 2 * MINUTE).await;
        let before = conditions(world);
        for _ in 0..20 {
            let mischief = Mischief::Failed(500);
            world.disturb(Disturbance { which: Which::All, times: 3, until: None, mischief });
            world.run_for(2 * MINUTE).await;
            assert_eq!(conditions(world), before, "{}", told(world));
        }
    });
}

#[test]
fn a_run_holds_while_nothing_can_be_read_and_goes_on_after_it() {
    play(1311, async |world| {
        world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_applied(world, 25).await;
        befall(world, Mischief::Failed(403));
        world.run_for(30 * MINUTE).await;
        assert_eq!(live(world)["green"], 25, "{}", told(world));
        world.end_disturbances();
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
        until(world, "all is well", is_well, HOUR).await;
    });
}
