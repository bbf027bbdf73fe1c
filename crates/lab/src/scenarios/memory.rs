//! What was lost: statuses, objects, whole clusters. Nothing is replayed.

use serde_json::json;
use weir_api::condition::{COMPLETE, find};

use crate::World;
use crate::stage::{BALANCER, ENTRY_POINT, PORT, environment, route, shift, steps};

use super::{HOUR, MINUTE, changes, live, play, status, told, until, until_applied, until_complete};

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

/// What `kubectl wait` for Complete and the question for its reason would get.
fn ended_as(world: &World) -> Option<String> {
    let status = status(world);
    let complete = find(&status.conditions, COMPLETE)?;
    (complete.status == weir_api::condition::Truth::True).then(|| complete.reason.to_string())
}

#[test]
fn a_success_that_another_run_has_moved_away_is_none() {
    play(46, async |world| {
        let wish = shift("green", "{allAtOnce: {}}", "");
        world.apply(&wish).unwrap();
        until_complete(world, "checkout").await;
        world.apply(&shift("blue", &steps(&[25, 100], "1h"), "knownGood: Gradual")).unwrap();
        until_applied(world, 25).await;
        world.delete("trafficshifts", "checkout").unwrap();
        world.run_for(MINUTE).await;
        world.apply(&wish).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(ended_as(world).as_deref(), Some("Succeeded"));
        assert_eq!(live(world)["green"], 100, "{}", told(world));
    });
}

#[test]
fn a_success_is_not_told_of_traffic_that_is_elsewhere() {
    play(47, async |world| {
        let wish = shift("green", "{allAtOnce: {}}", "");
        world.apply(&wish).unwrap();
        until_complete(world, "checkout").await;
        world.apply(&shift("blue", &steps(&[25, 100], "1h"), "knownGood: Gradual")).unwrap();
        until_applied(world, 25).await;
        // As when the kinds are deleted and installed again: nothing but AWS remembers.
        wipe(world);
        world.run_for(MINUTE).await;
        let before = changes(world).len();
        apply_again(world, &wish);
        until_complete(world, "checkout").await;
        world.run_for(MINUTE).await;
        assert_eq!((changes(world).len(), live(world)["green"]), (before, 75));
        assert_eq!(ended_as(world).as_deref(), Some("Superseded"), "{}", told(world));
        let waiting = status(world).waiting.unwrap();
        assert_eq!(waiting.reason, "MovedAway");
        assert!(waiting.message.contains("blue 25, green 75"), "{}", waiting.message);
        world.command("checkout", "retry/1").unwrap();
        until(world, "the retry", |world| live(world)["green"] == 100, HOUR).await;
        until_complete(world, "checkout").await;
        assert_eq!(ended_as(world).as_deref(), Some("Succeeded"));
    });
}

#[test]
fn a_success_ends_when_somebody_moves_the_traffic_away() {
    play(48, async |world| {
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        world.account().forward(BALANCER, PORT, &[("blue", 50), ("green", 50)]);
        world.run_for(2 * MINUTE).await;
        assert_eq!(ended_as(world).as_deref(), Some("Superseded"), "{}", told(world));
        assert_eq!(status(world).waiting.unwrap().reason, "MovedAway");
        world.account().forward(BALANCER, PORT, &[("green", 100)]);
        world.run_for(2 * MINUTE).await;
        assert_eq!(ended_as(world).as_deref(), Some("Succeeded"), "{}", told(world));
    });
}

/// Takes the right to write tags away.
fn deny_tags(world: &World) {
    let mut policy = world.policy();
    let statements = policy["Statement"].as_array_mut().unwrap();
    for statement in statements.iter_mut() {
        statement["Action"].as_array_mut().unwrap().retain(|action| action != "elasticloadbalancing:AddTags");
    }
    statements.retain(|statement| statement["Action"] != json!([]));
    world.restrict(&policy);
}

#[test]
fn an_end_that_cannot_be_remembered_ends_once() {
    play(49, async |world| {
        let deadline = "progressDeadline: 30s";
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        deny_tags(world);
        world.apply(&shift("blue", "{allAtOnce: {}}", deadline)).unwrap();
        until(world, "blue carries all", |world| live(world)["blue"] == 100, MINUTE).await;
        until_complete(world, "checkout").await;
        let (runs, writes) = (status(world).run.unwrap().id, world.account().calls().len());
        world.run_for(10 * MINUTE).await;
        let calls = world.account().calls().split_off(writes);
        let denied = calls.iter().filter(|call| call.operation == "AddTags").count();
        assert_eq!((status(world).run.unwrap().id - runs, denied), (0, 0), "{}", told(world));
        assert_eq!(ended_as(world).as_deref(), Some("Succeeded"));
        assert_eq!(status(world).history[0].to, "blue");
        // What the tag still says of an earlier run does not keep a new one from going there.
        world.apply(&shift("green", "{allAtOnce: {}}", deadline)).unwrap();
        until(world, "green carries all", |world| live(world)["green"] == 100, MINUTE).await;
    });
}
