//! First deployments, which complete healthy or not (D6), and what comes after them.

use std::time::Duration;

use weir_api::condition::{READY, Truth, find};
use weir_api::traffic_shift::Outcome;

use crate::stage::{self, BALANCER, ENTRY_POINT, PORT, environment, on_virtual_time, shift, steps};
use crate::world::{Settings, World};

use super::{assert_sound, changes, outcome, status, until_complete};

const RULE: &str = "
apiVersion: weir.dev/v1alpha1
kind: WeightedRoute
metadata: {name: checkout}
spec:
  listener:
    entryPoint: {name: public}
    listener: https
    match: {hosts: [checkout.shop.test], paths: [/pay/*]}
    priority: 10
  backends: [{environment: blue}, {environment: green}]
";

/// A balancer that answers 503, and environments that nothing uses yet.
fn bare(seed: u64) -> World {
    let mut world = World::new(Settings::seeded(seed));
    let manifests = [ENTRY_POINT.to_owned(), environment("blue"), environment("green")].concat();
    world.furnish(&manifests, 3).unwrap();
    world.apply(&manifests).unwrap();
    world
}

#[test]
fn the_first_deployment_makes_the_rule_and_completes_unhealthy() {
    on_virtual_time(async {
        let mut world = bare(31);
        world.apply(RULE).unwrap();
        world.account().break_targets("blue", 3);
        world.start_controller();
        world.run_for(Duration::from_secs(30)).await;
        assert_eq!(world.account().rule_arn(BALANCER, PORT, 10), None, "nothing is made before a shift wants it");
        world.apply(&shift("blue", &steps(&[5, 100], "1h"), "")).unwrap();
        until_complete(&mut world, "checkout").await;
        assert_eq!(world.account().rule_weights(BALANCER, PORT, 10), stage::weights(&[("blue", 100)]));
        assert_eq!(outcome(&world), Some(Outcome::Succeeded));
        let note = status(&world).run.unwrap().note.unwrap();
        assert!(note.contains("0 of 3 targets are healthy"), "{note}");
        let says = |world: &World| {
            let (shift, route) = (status(world).conditions, super::route_status(world, "checkout").conditions);
            [shift, route].map(|conditions| find(&conditions, READY).map(|ready| ready.status))
        };
        world.run_for(Duration::from_mins(5)).await;
        assert_eq!(says(&world), [Some(Truth::False); 2], "{}", super::told(&world));
        assert_eq!(status(&world).waiting.unwrap().reason, "NoHealthyTarget");
        assert!(world.is_complete("checkout"));
        let warned = |about: &str| {
            let told = world.events();
            told.iter().filter(|told| told.reason == "NoHealthyTarget" && told.about.contains(about)).count()
        };
        assert_eq!((warned("TrafficShift"), warned("WeightedRoute")), (1, 1), "{}", super::told(&world));
        world.account().mend_targets("blue");
        world.run_for(Duration::from_mins(2)).await;
        assert_eq!(says(&world), [Some(Truth::True); 2], "{}", super::told(&world));
        let rule = world.account().rule_arn(BALANCER, PORT, 10).unwrap();
        let tags = world.aws().tags(&rule);
        assert_eq!(tags["weir.dev/owner"], "lab");
        assert_eq!(tags["weir.dev/last-run"], "shop/checkout blue Succeeded");
        assert_sound(&world);
    });
}

#[test]
fn the_second_deployment_is_no_first_one() {
    on_virtual_time(async {
        let mut world = bare(33);
        world.apply(RULE).unwrap();
        world.start_controller();
        world.apply(&shift("blue", "{allAtOnce: {}}", "")).unwrap();
        until_complete(&mut world, "checkout").await;
        world.account().break_targets("green", 3);
        world.apply(&shift("green", "{allAtOnce: {}}", "progressDeadline: 5m")).unwrap();
        until_complete(&mut world, "checkout").await;
        assert_eq!(outcome(&world), Some(Outcome::RolledBack));
        assert_eq!(world.account().rule_weights(BALANCER, PORT, 10)["blue"], 100);
        assert!(changes(&world).iter().all(|change| change.after.get("green").is_none_or(|weight| *weight == 0)));
        assert_sound(&world);
    });
}

#[test]
fn new_weights_are_not_ready_where_nothing_is_healthy() {
    on_virtual_time(async {
        let mut world = bare(35);
        world.account().break_targets("green", 3);
        world.apply(&RULE.replace("spec:", "spec:\n  weights: {blue: 50, green: 50}")).unwrap();
        world.start_controller();
        world.run_for(Duration::from_mins(5)).await;
        assert_eq!(world.account().rule_weights(BALANCER, PORT, 10), stage::weights(&[("blue", 50), ("green", 50)]));
        let ready = |world: &World| {
            let conditions = super::route_status(world, "checkout").conditions;
            let ready = find(&conditions, READY).unwrap();
            (ready.status, ready.reason.to_string(), ready.message.to_string())
        };
        let (status, reason, message) = ready(&world);
        assert_eq!((status, reason.as_str()), (Truth::False, "NoHealthyTarget"), "{message}");
        assert!(message.contains("green (0 of 3 targets)"), "{message}");
        world.account().mend_targets("green");
        world.run_for(Duration::from_mins(2)).await;
        assert_eq!(ready(&world).0, Truth::True);
        let quiet = world.account().calls().len();
        world.run_for(Duration::from_mins(10)).await;
        let health = world.account().calls().split_off(quiet);
        let health = health.iter().filter(|call| call.operation == "DescribeTargetHealth").count();
        assert_eq!(health, 0, "what is healthy is not watched any more");
        assert_sound(&world);
    });
}
