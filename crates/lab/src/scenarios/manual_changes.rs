//! What people do by hand in the middle of a run: it is met as `drift` says, and what is not known is not taken for bad.

use serde_json::json;
use weir_api::traffic_shift::{Outcome, Phase};
use weir_sim::aws::RuleAction;

use crate::World;
use crate::stage::{BALANCER, PORT, rule_route, shift, steps, weights};

use super::chosen::{choose, says};
use super::{
    HOUR, MINUTE, changes, live, outcome, play, route_status, status, told, until, until_applied, until_complete,
};

const POLICIES: [&str; 4] = ["Alert", "Pause", "Correct", "Adopt"];

/// A run to green at a quarter of the traffic, which rests for an hour.
async fn at_a_quarter(world: &mut World, policy: &str) {
    choose(world, &json!({"drift": policy}));
    world.apply(&shift("green", &steps(&[25, 50, 100], "60m"), "progressDeadline: 10m")).unwrap();
    until_applied(world, 25).await;
    world.run_for(MINUTE).await;
}

#[test]
fn a_candidate_that_somebody_detaches_is_not_taken_for_dead() {
    for (seed, policy) in (651..).zip(POLICIES) {
        play(seed, async |world| {
            at_a_quarter(world, policy).await;
            let before = changes(world).len();
            world.account().forward(BALANCER, PORT, &[("blue", 100)]);
            world.run_for(5 * MINUTE).await;
            assert!(status(world).run.unwrap().rollback.is_none(), "{policy}: {}", told(world));
            match policy {
                "Correct" => assert_eq!(live(world)["green"], 25, "{}", told(world)),
                // What is live is the run's own from then on: it goes on from there.
                "Adopt" => assert!(changes(world).len() > before, "{}", told(world)),
                _ => {
                    assert_eq!(changes(world).len(), before, "{policy}: {}", told(world));
                    assert_eq!(status(world).waiting.unwrap().reason, "ForeignChange", "{policy}");
                    world.command("checkout", "resume/1").unwrap();
                    until(
                        world,
                        "the weights are set again",
                        |world| live(world).get("green") == Some(&25),
                        3 * MINUTE,
                    )
                    .await;
                }
            }
            world.command("checkout", "promote/2").unwrap();
            world.run_for(5 * MINUTE).await;
            assert!(status(world).run.unwrap().rollback.is_none(), "{policy}: {}", told(world));
        });
    }
}

#[test]
fn what_somebody_put_in_place_of_the_candidate_outlives_the_way_back() {
    for (seed, action) in (661..).zip([
        RuleAction::FixedResponse(503),
        RuleAction::Redirect("maintenance.shop.test".to_owned()),
        RuleAction::forward(&[("blue", 100)]),
    ]) {
        play(seed, async |world| {
            at_a_quarter(world, "Alert").await;
            let listener = world.account().listener_arn(BALANCER, PORT);
            world.aws().edit_action(&listener, &action).unwrap();
            let before = world.aws().action_kinds(&listener);
            let writes = changes(world).len();
            world.run_for(2 * MINUTE).await;
            world.command("checkout", "abort/1").unwrap();
            until_complete(world, "checkout").await;
            assert_eq!(outcome(world), Some(Outcome::RolledBack), "{}", told(world));
            assert_eq!(world.aws().action_kinds(&listener), before, "{}", told(world));
            assert_eq!(changes(world).len(), writes, "{}", told(world));
        });
    }
}

#[test]
fn with_correct_the_way_back_is_written_over_it() {
    play(665, async |world| {
        at_a_quarter(world, "Correct").await;
        let listener = world.account().listener_arn(BALANCER, PORT);
        world.aws().edit_action(&listener, &RuleAction::FixedResponse(503)).unwrap();
        world.command("checkout", "abort/1").unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world)["blue"], live(world).values().sum::<u32>(), "{}", told(world));
    });
}

/// A rule of Weir's own, and a run to green at half of the traffic.
async fn rule_at_half(world: &mut World) -> String {
    world.apply(&rule_route("inner", &["blue", "green"], 10, "")).unwrap();
    let wish = |to: &str| {
        let wish = shift(to, &steps(&[50, 100], "60m"), "");
        wish.replace("routes: [checkout]", "routes: [inner]")
    };
    world.apply(&wish("blue")).unwrap();
    until_complete(world, "checkout").await;
    world.apply(&wish("green")).unwrap();
    until_applied(world, 50).await;
    world.run_for(MINUTE).await;
    world.account().rule_arn(BALANCER, PORT, 10).unwrap()
}

fn renumber(world: &World, rule: &str, priority: &str) {
    let form = [("RulePriorities.member.1.RuleArn", rule), ("RulePriorities.member.1.Priority", priority)];
    world.aws().by_hand("SetRulePriorities", &form).unwrap();
}

fn narrow(world: &World, rule: &str) {
    let form = [
        ("RuleArn", rule),
        ("Conditions.member.1.Field", "host-header"),
        ("Conditions.member.1.HostHeaderConfig.Values.member.1", "inner.shop.test"),
        ("Conditions.member.2.Field", "path-pattern"),
        ("Conditions.member.2.PathPatternConfig.Values.member.1", "/api/*"),
    ];
    world.aws().by_hand("ModifyRule", &form).unwrap();
}

#[test]
fn the_way_back_is_written_on_the_same_rule_whatever_its_number_and_conditions() {
    for (seed, by) in [(671, "number"), (672, "conditions")] {
        for dies in [true, false] {
            play(seed, async |world| {
                let rule = rule_at_half(world).await;
                if by == "number" {
                    renumber(world, &rule, "77");
                } else {
                    narrow(world, &rule);
                }
                let held =
                    |world: &World| status(world).waiting.is_some_and(|waiting| waiting.reason == "ForeignChange");
                until(world, "the run holds", held, 2 * MINUTE).await;
                if dies {
                    world.account().break_targets("green", 4);
                } else {
                    world.command("checkout", "abort/1").unwrap();
                }
                let back = |world: &World| world.aws().weights(&rule).get("green") == Some(&0);
                until(world, "the traffic is back", back, 2 * MINUTE).await;
                until_complete(world, "checkout").await;
                assert_eq!(outcome(world), Some(Outcome::RolledBack), "{by}: {}", told(world));
            });
        }
    }
}

#[test]
fn what_blocks_the_way_back_is_named() {
    play(675, async |world| {
        let rule = rule_at_half(world).await;
        let keys = [("ResourceArns.member.1", rule.as_str()), ("TagKeys.member.1", "weir.dev/owner")];
        world.aws().by_hand("RemoveTags", &keys).unwrap();
        world.account().break_targets("green", 4);
        let blocked = |world: &World| status(world).waiting.is_some_and(|waiting| waiting.reason == "RollbackBlocked");
        until(world, "it is named", blocked, 5 * MINUTE).await;
        let message = status(world).waiting.unwrap().message;
        assert!(message.contains("weir.dev/owner"), "{message}");
        assert_eq!(status(world).phase, Some(Phase::RollingBack));
        world.aws().add_tags(&rule, &[("weir.dev/owner", "lab")]).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::RolledBack), "{}", told(world));
    });
}

#[test]
fn a_candidate_that_cannot_be_attached_ends_its_run_without_a_write() {
    play(676, async |world| {
        // The group of green is another balancer's.
        world.aws().add_balancer("other").unwrap();
        world.aws().add_listener("other", "HTTP", 80, &RuleAction::forward(&[("green", 1)])).unwrap();
        world.apply(&shift("green", &steps(&[25, 100], "1m"), "progressDeadline: 10m")).unwrap();
        until(world, "the run ends", |world| world.is_complete("checkout"), HOUR).await;
        let refused = |world: &World| {
            let calls = world.account().calls();
            calls.iter().filter(|call| call.operation == "ModifyListener" && call.code != "OK").count()
        };
        assert!(refused(world) < 60, "{} calls were refused in ten minutes", refused(world));
        assert_eq!(live(world), weights(&[("blue", 100)]), "{}", told(world));
        let before = refused(world);
        world.run_for(HOUR).await;
        assert_eq!(refused(world), before, "{}", told(world));
        world.apply(&shift("blue", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(says(world, "Ready").0, "Held", "{:?}", route_status(world, "checkout"));
    });
}
