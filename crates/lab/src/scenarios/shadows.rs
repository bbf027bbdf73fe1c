//! Rules behind a wider one, which get no request: none is made there, and none is called ready.

use weir_api::condition::{READY, STALLED, find, holds};

use crate::stage::{BALANCER, PORT, route, shift};
use crate::world::World;

use super::{HOUR, MINUTE, play, route_status, status, told, until};

/// A route over a rule for a host whose number Weir chooses.
fn rule_route() -> String {
    let matches = "listener: https, match: {hosts: [checkout.shop.test]}";
    route("checkout", &["blue", "green"], "").replace("listener: https", matches)
}

/// Somebody else's rule for every host of the shop.
fn widen(world: &World, priority: &str) {
    let listener = world.account().listener_arn(BALANCER, PORT);
    let form = [
        ("ListenerArn", listener.as_str()),
        ("Priority", priority),
        ("Conditions.member.1.Field", "host-header"),
        ("Conditions.member.1.Values.member.1", "*.shop.test"),
        ("Actions.member.1.Type", "fixed-response"),
        ("Actions.member.1.FixedResponseConfig.StatusCode", "503"),
    ];
    world.aws().by_hand("CreateRule", &form).unwrap();
}

fn clear(world: &World, priority: u32) {
    let rule = world.account().rule_arn(BALANCER, PORT, priority).unwrap();
    world.aws().by_hand("DeleteRule", &[("RuleArn", rule.as_str())]).unwrap();
}

fn is_shadowed(world: &World) -> bool {
    let conditions = route_status(world, "checkout").conditions;
    holds(&conditions, STALLED) && find(&conditions, READY).is_some_and(|ready| ready.reason == "Shadowed")
}

#[test]
fn nothing_succeeds_behind_a_rule_that_takes_every_request() {
    play(971, async |world| {
        world.delete("weightedroutes", "checkout").unwrap();
        widen(world, "500");
        world.run_for(MINUTE).await;
        world.apply(&rule_route()).unwrap();
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        world.run_for(5 * MINUTE).await;
        assert!(is_shadowed(world), "{}", told(world));
        assert_eq!(
            (world.is_complete("checkout"), route_status(world, "checkout").listener_rule.marked),
            (false, None)
        );
        let waiting = status(world).waiting.unwrap().message;
        assert!(waiting.contains("the rule with priority 500 for host-header *.shop.test"), "{waiting}");
        // A wider rule with a higher number takes nothing away: Weir's rule stands before it.
        widen(world, "40000");
        clear(world, 500);
        until(world, "the run ends", |world| world.is_complete("checkout"), HOUR).await;
        let priority = u32::try_from(route_status(world, "checkout").listener_rule.priority.unwrap()).unwrap();
        assert!(priority < 40_000, "{priority}");
        assert_eq!(world.account().rule_weights(BALANCER, PORT, priority)["green"], 100);
        // Somebody puts a wider rule before it.
        widen(world, "5");
        until(world, "it is told", is_shadowed, 5 * MINUTE).await;
        until(world, "the shift does not call it a success", |world| !world.is_complete("checkout"), MINUTE).await;
        clear(world, 5);
        until(world, "all is well", |world| world.is_complete("checkout") && !is_shadowed(world), 5 * MINUTE).await;
    });
}

#[test]
fn a_wider_rule_in_the_band_of_a_narrower_one_stays_behind_it() {
    play(972, async |world| {
        world.delete("weightedroutes", "checkout").unwrap();
        world.run_for(MINUTE).await;
        widen(world, "1000");
        world.apply(&rule_route()).unwrap();
        world.run_for(MINUTE).await;
        assert!(is_shadowed(world), "no number that may be chosen is before 1000");
        clear(world, 1_000);
        widen(world, "1001");
        world.run_for(MINUTE).await;
        assert_eq!(route_status(world, "checkout").listener_rule.priority, Some(1_000), "{}", told(world));
    });
}
