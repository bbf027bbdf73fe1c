//! One shift that moves two routes together.

use weir_api::traffic_shift::Outcome;

use crate::evidence::Weights;
use crate::stage::{self, BALANCER, PORT, shift, steps};
use crate::wire::{Disturbance, Mischief, Which};
use crate::world::World;

use super::{HOUR, MINUTE, outcome, play, status, told, until, until_complete};

const SECOND: u16 = 9_201;

/// A second listener whose default traffic is on blue too, and a route for it.
fn add_listener(world: &mut World) {
    let entry_point = stage::ENTRY_POINT
        .replace("[{name: https, port: 443}]", "[{name: https, port: 443}, {name: inner, port: 9201}]");
    world.furnish(&entry_point, 0).unwrap();
    world.account().forward(BALANCER, SECOND, &[("blue", 100)]);
    world.apply(&entry_point).unwrap();
    let inner = stage::route("inner", &["blue", "green"], "").replace("listener: https", "listener: inner");
    world.apply(&inner).unwrap();
}

fn both(world: &World) -> [Weights; 2] {
    [world.account().weights(BALANCER, PORT), world.account().weights(BALANCER, SECOND)]
}

fn shift_both(strategy: &str) -> String {
    shift("green", strategy, "").replace("routes: [checkout]", "routes: [checkout, inner]")
}

#[test]
fn two_routes_move_in_lockstep() {
    play(71, async |world| {
        add_listener(world);
        world.apply(&shift_both(&steps(&[25, 50, 100], "2m"))).unwrap();
        let green = |weights: &Weights| weights.get("green").copied().unwrap_or(0);
        let mut apart = 0;
        while !world.is_complete("checkout") {
            world.run_for(crate::world::GLANCE).await;
            let [a, b] = both(world);
            apart = if green(&a) == green(&b) { 0 } else { apart + 1 };
            assert!(apart <= 3, "{a:?} and {b:?}\n{}", told(world));
        }
        let end = stage::weights(&[("blue", 0), ("green", 100)]);
        assert_eq!(both(world), [end.clone(), end]);
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
    });
}

#[test]
fn a_foreign_change_of_one_route_holds_both_and_an_abort_takes_both_back() {
    play(72, async |world| {
        add_listener(world);
        world.apply(&shift_both(&steps(&[25, 50, 100], "2m"))).unwrap();
        super::until_applied(world, 25).await;
        world.account().forward(BALANCER, SECOND, &[("blue", 60), ("green", 40)]);
        let held = |world: &World| status(world).waiting.is_some_and(|waiting| waiting.reason == "ForeignChange");
        until(world, "the run holds", held, 2 * MINUTE).await;
        world.run_for(10 * MINUTE).await;
        assert_eq!(both(world)[0]["green"], 25);
        world.command("checkout", "abort/1").unwrap();
        until_complete(world, "checkout").await;
        let end = stage::weights(&[("blue", 100), ("green", 0)]);
        assert_eq!(both(world), [end.clone(), end]);
    });
}

#[test]
fn a_paused_run_is_watched_while_one_of_its_routes_is_gone() {
    play(79, async |world| {
        add_listener(world);
        world.apply(&shift_both(&steps(&[50, 100], "2m"))).unwrap();
        super::until_applied(world, 50).await;
        world.command("checkout", "pause/1").unwrap();
        world.delete("weightedroutes", "inner").unwrap();
        world.run_for(2 * MINUTE).await;
        let waiting = status(world).waiting.unwrap();
        assert_eq!(waiting.reason, "PausedByCommand");
        assert!(waiting.message.contains("the WeightedRoute inner is gone"), "{}", waiting.message);
        assert_eq!(both(world)[0]["green"], 50, "a pause is a pause");
        world.account().break_targets("green", 4);
        until(world, "the other route goes back", |world| both(world)[0]["green"] == 0, HOUR).await;
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::RolledBack));
        assert_eq!(both(world)[1]["green"], 50, "what is live on the route that is gone stays");
    });
}

#[test]
fn a_route_that_cannot_follow_holds_the_other() {
    play(73, async |world| {
        add_listener(world);
        world.apply(&stage::route("inner", &["blue"], "").replace("listener: https", "listener: inner")).unwrap();
        world.apply(&shift_both("{allAtOnce: {}}")).unwrap();
        world.run_for(10 * MINUTE).await;
        assert_eq!(super::changes(world).len(), 0);
        let waiting = status(world).waiting.unwrap();
        assert!(waiting.message.contains("not among spec.backends of the route inner"), "{}", waiting.message);
    });
}

/// A rule beside the listener's default action, which is written by another operation.
fn add_rule(world: &World) {
    world.apply(&stage::rule_route("inner", &["blue", "green"], 10, "")).unwrap();
}

fn both_places(world: &World) -> [Weights; 2] {
    [world.account().weights(BALANCER, PORT), world.account().rule_weights(BALANCER, PORT, 10)]
}

/// Both routes on blue, with green at 25 % of both.
async fn half_way(world: &mut World, extra: &str) {
    add_rule(world);
    let on_both = |text: String| text.replace("routes: [checkout]", "routes: [checkout, inner]");
    world.apply(&on_both(shift("blue", "{allAtOnce: {}}", ""))).unwrap();
    until_complete(world, "checkout").await;
    world.apply(&on_both(shift("green", &steps(&[25, 50, 100], "2m"), extra))).unwrap();
    super::until_applied(world, 25).await;
}

#[test]
fn a_route_that_is_not_written_holds_the_other_at_one_step_and_both_go_back() {
    for (seed, mischief) in [(74, Mischief::Throttled), (75, Mischief::Failed(403))] {
        play(seed, async |world| {
            half_way(world, "progressDeadline: 10m").await;
            let which = Which::Operation("ModifyRule");
            world.disturb(Disturbance { which, times: 100_000, until: None, mischief });
            world.run_for(4 * MINUTE).await;
            let [ahead, behind] = both_places(world).map(|weights| weights["green"]);
            assert_eq!((ahead, behind), (50, 25), "{}", told(world));
            world.run_for(10 * MINUTE).await;
            assert_eq!(both_places(world).map(|weights| weights["green"]), [0, 25], "{}", told(world));
            world.end_disturbances();
            until_complete(world, "checkout").await;
            assert_eq!(both_places(world).map(|weights| weights["green"]), [0, 0]);
            assert_eq!(outcome(world), Some(Outcome::RolledBack));
        });
    }
}
