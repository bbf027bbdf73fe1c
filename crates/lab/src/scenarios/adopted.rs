//! A rule that somebody else made and a route adopted goes away: Weir never makes it again, since it knows a part of it only.

use serde_json::json;
use weir_api::condition::find;
use weir_api::traffic_shift::{Outcome, Phase};

use crate::World;
use crate::provisioner::Provisioner;
use crate::rollout::{PRIORITY, SplitPoint};
use crate::stage::{BALANCER, PORT, rule_route, shift, steps};

use super::chosen::says;
use super::{HOUR, MINUTE, live, outcome, play, route_status, status, told, until, until_applied, until_complete};

/// Somebody makes the rule, which asks clients to sign in and then sends them to blue.
fn make_rule(world: &World) {
    Provisioner::new(world.aws(), SplitPoint::AdoptedRule).make_rule("admin.shop.test").unwrap();
}

fn rule_arn(world: &World) -> Option<String> {
    world.account().rule_arn(BALANCER, PORT, PRIORITY)
}

fn delete_rule(world: &World) {
    let rule = rule_arn(world).unwrap();
    world.aws().by_hand("DeleteRule", &[("RuleArn", &rule)]).unwrap();
}

/// The route `admin` adopts that rule, and meets what somebody else changes by a policy.
async fn adopt(world: &mut World, policy: &str) {
    make_rule(world);
    let extra = format!("drift: {policy}\n  adopt: true # the rule is somebody else's");
    world.apply(&rule_route("admin", &["blue", "green"], PRIORITY, &extra)).unwrap();
    until(world, "it is adopted", |world| holds(world, "Ready"), MINUTE * 2).await;
}

fn holds(world: &World, type_: &str) -> bool {
    let status = route_status(world, "admin");
    find(&status.conditions, type_).is_some_and(|found| found.status == weir_api::condition::Truth::True)
}

fn stalled(world: &World) -> String {
    let status = route_status(world, "admin");
    let stalled = find(&status.conditions, "Stalled").filter(|_| holds(world, "Stalled"));
    stalled.map(|found| format!("{}: {}", found.reason, found.message)).unwrap_or_default()
}

fn wish(world: &World, to: &str, strategy: &str) {
    world.apply(&shift(to, strategy, "").replace("routes: [checkout]", "routes: [admin]")).unwrap();
}

const POLICIES: [&str; 4] = ["Alert", "Pause", "Correct", "Adopt"];

#[test]
fn an_adopted_rule_that_is_gone_in_a_run_is_not_made_again() {
    for (seed, policy) in (601..).zip(POLICIES) {
        play(seed, async |world| {
            adopt(world, policy).await;
            wish(world, "green", &steps(&[25, 50, 100], "10m"));
            until_applied(world, 25).await;
            delete_rule(world);
            world.run_for(10 * MINUTE).await;
            assert_eq!(rule_arn(world), None, "{policy}: {}", told(world));
            assert!(stalled(world).starts_with("RuleGone: "), "{policy}: {}", stalled(world));
            assert!(stalled(world).contains("bring it back"), "{policy}: {}", stalled(world));
            assert_eq!(status(world).waiting.unwrap().reason, "ForeignChange", "{policy}");
            for command in ["resume/1", "abort/2"] {
                world.command("checkout", command).unwrap();
                world.run_for(5 * MINUTE).await;
                assert_eq!(rule_arn(world), None, "{policy} after {command}: {}", told(world));
            }
            // Its provisioner brings it back as it was, and it can be shifted again.
            make_rule(world);
            until(world, "it is adopted again", |world| holds(world, "Ready"), 5 * MINUTE).await;
            let rule = rule_arn(world).unwrap();
            assert_eq!(world.aws().action_kinds(&rule), ["authenticate-oidc", "forward"]);
        });
    }
}

#[test]
fn an_adopted_rule_that_is_gone_at_rest_is_not_made_by_the_next_run() {
    for (seed, policy) in (611..).zip(POLICIES) {
        play(seed, async |world| {
            adopt(world, policy).await;
            wish(world, "green", "{allAtOnce: {}}");
            until_complete(world, "checkout").await;
            delete_rule(world);
            until(world, "it is told", |world| stalled(world).starts_with("RuleGone: "), 2 * MINUTE).await;
            wish(world, "blue", "{allAtOnce: {}}");
            world.run_for(HOUR).await;
            assert_eq!(rule_arn(world), None, "{policy}: {}", told(world));
            assert_eq!(status(world).waiting.unwrap().reason, "WaitingForRoute", "{policy}");
            make_rule(world);
            until_complete(world, "checkout").await;
            assert_eq!(outcome(world), Some(Outcome::Succeeded), "{policy}: {}", told(world));
        });
    }
}

/// The first deployment of the route `admin` makes its rule.
async fn make_own(world: &mut World, policy: &str) {
    world.apply(&rule_route("admin", &["blue", "green"], PRIORITY, &format!("drift: {policy}"))).unwrap();
    wish(world, "blue", "{allAtOnce: {}}");
    until_complete(world, "checkout").await;
}

#[test]
fn a_rule_of_weirs_own_that_is_gone_is_made_again_as_drift_says() {
    for (seed, policy) in (621..).zip(POLICIES) {
        play(seed, async |world| {
            make_own(world, policy).await;
            world.run_for(MINUTE).await;
            delete_rule(world);
            world.run_for(5 * MINUTE).await;
            assert_eq!(rule_arn(world).is_some(), policy == "Correct", "{policy}: {}", told(world));
            if policy == "Correct" {
                wish(world, "green", &steps(&[25, 50, 100], "1m"));
            } else {
                assert_eq!(says_of(world, "Synced"), ("RuleGone".to_owned(), "False".to_owned()), "{policy}");
                wish(world, "green", &steps(&[25, 50, 100], "1m"));
                world.run_for(HOUR).await;
                assert_eq!(rule_arn(world), None, "{policy}: {}", told(world));
                let resume = json!({"metadata": {"annotations": {"weir.dev/command": "resume/1"}}});
                world.patch("weightedroutes", "admin", &resume).unwrap();
                until(world, "it is made again", |world| rule_arn(world).is_some(), MINUTE).await;
                let made = world.account().rule_weights(BALANCER, PORT, PRIORITY);
                assert_eq!(made["blue"], made.values().sum::<u32>(), "{policy}: what was held comes first");
            }
            // The run is no first deployment: it goes by its steps.
            until_applied(world, 25).await;
            until_complete(world, "checkout").await;
            assert_eq!(outcome(world), Some(Outcome::Succeeded), "{policy}: {}", told(world));
        });
    }
}

#[test]
fn a_rule_of_weirs_own_that_is_gone_in_a_run_holds_it() {
    for (seed, policy) in (631..).zip(POLICIES) {
        play(seed, async |world| {
            make_own(world, policy).await;
            wish(world, "green", &steps(&[25, 50, 100], "10m"));
            until_applied(world, 25).await;
            delete_rule(world);
            world.run_for(5 * MINUTE).await;
            let rule = world.account().rule_weights(BALANCER, PORT, PRIORITY);
            if policy == "Correct" {
                assert_eq!(rule.get("green"), Some(&25), "{}", told(world));
            } else {
                assert!(rule.is_empty(), "{policy}: {}", told(world));
                assert_eq!(status(world).waiting.unwrap().reason, "ForeignChange", "{policy}");
                world.command("checkout", "resume/1").unwrap();
            }
            until_complete(world, "checkout").await;
            assert_eq!(outcome(world), Some(Outcome::Succeeded), "{policy}: {}", told(world));
        });
    }
}

#[test]
fn a_default_action_that_answers_by_itself_is_no_first_deployment() {
    play(641, async |world| {
        wish_checkout(world, "green", &steps(&[25, 100], "1m"));
        until_complete(world, "checkout").await;
        let listener = world.account().listener_arn(BALANCER, PORT);
        world.aws().edit_action(&listener, &weir_sim::aws::RuleAction::FixedResponse(503)).unwrap();
        until(world, "it is told", |world| says(world, "Synced").0 == "Drifted", 2 * MINUTE).await;
        world.run_for(10 * MINUTE).await;
        wish_checkout(world, "blue", &steps(&[25, 100], "1m"));
        world.run_for(HOUR).await;
        assert_eq!(world.aws().action_kinds(&listener), ["fixed-response"], "{}", told(world));
        assert_ne!(world.phase("checkout"), Some(Phase::Succeeded));
        let resume = json!({"metadata": {"annotations": {"weir.dev/command": "resume/1"}}});
        world.patch("weightedroutes", "checkout", &resume).unwrap();
        until(world, "the forward is back", |world| live(world).contains_key("green"), MINUTE).await;
        assert_eq!(live(world)["green"], live(world).values().sum::<u32>(), "what was held comes first");
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
    });
}

fn wish_checkout(world: &World, to: &str, strategy: &str) {
    world.apply(&shift(to, strategy, "")).unwrap();
}

fn says_of(world: &World, type_: &str) -> (String, String) {
    let status = route_status(world, "admin");
    let found = find(&status.conditions, type_).unwrap();
    (found.reason.to_string(), format!("{:?}", found.status))
}
