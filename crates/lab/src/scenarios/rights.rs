//! What IAM must allow: no scenario is denied anything, since every world has the policy that `weir iam-policy` prints;
//! and here none of its rights is left unused.

use std::collections::BTreeSet;

use serde_json::json;
use weir_engine::grant::{Grant, Subject};
use weir_sim::aws::{Right, RuleAction};
use weir_sim::traffic::TrafficSettings;

use crate::stage::{self, BALANCER, PORT, on_virtual_time, rule_route, shift, steps};
use crate::world::{Settings, World};

use super::{HOUR, MINUTE, assert_sound, naming_roles, play, told, until, until_complete};

fn without_route(world: &World) -> bool {
    world.route("checkout").is_none()
}

fn is_denied(world: &World, operation: &str) -> bool {
    world.evidence().calls.iter().any(|call| call.operation == operation && call.code == "AccessDenied")
}

/// The rights that a scenario leaves unused.
fn unused(seed: u64, scenario: impl AsyncFnOnce(&mut World)) -> BTreeSet<Right> {
    let mut unused = BTreeSet::new();
    play(seed, async |world: &mut World| {
        scenario(world).await;
        unused = world.unused_rights();
    });
    unused
}

/// A default action is adopted, moved with its requests counted, and put back.
fn a_default_action() -> BTreeSet<Right> {
    unused(911, async |world| {
        let to =
            TrafficSettings { requests_per_second: 5, clients: 10, ..TrafficSettings::to(BALANCER, PORT, "shop.test") };
        let _clients = world.traffic(to);
        world.patch("weightedroutes", "checkout", &json!({"spec": {"deletionPolicy": "Restore"}})).unwrap();
        world.apply(&shift("green", &steps(&[50, 100], "5m"), "")).unwrap();
        until_complete(world, "checkout").await;
        world.delete("weightedroutes", "checkout").unwrap();
        until(world, "the route is gone", without_route, HOUR).await;
    })
}

/// A rule is made, moved and deleted.
fn a_rule() -> BTreeSet<Right> {
    unused(912, async |world| {
        world.delete("weightedroutes", "checkout").unwrap();
        until(world, "the route is gone", without_route, HOUR).await;
        world.apply(&rule_route("checkout", &["blue", "green"], 10, "deletionPolicy: Delete")).unwrap();
        for to in ["blue", "green"] {
            world.apply(&shift(to, "{allAtOnce: {}}", "")).unwrap();
            world.run_for(5 * MINUTE).await;
        }
        assert_eq!(world.account().rule_weights(BALANCER, PORT, 10)["green"], 100, "{}", told(world));
        world.delete("weightedroutes", "checkout").unwrap();
        until(world, "the route is gone", without_route, HOUR).await;
    })
}

/// An environment is looked at in another account.
fn a_role() -> BTreeSet<Right> {
    const ROLE: &str = "arn:aws:iam::222222222222:role/weir";
    let mut left = BTreeSet::new();
    on_virtual_time(async {
        let grants =
            naming_roles([Grant { namespace: "shop".to_owned(), subject: Subject::Role, pattern: ROLE.to_owned() }]);
        let mut world = stage::furnished(Settings { grants, ..Settings::seeded(913) }).await;
        let access = format!("aws: {{region: us-east-1, roleArn: '{ROLE}'}}, ");
        let there = stage::environment("red").replace("spec: {", &format!("spec: {{{access}"));
        world.furnish(&there, 1).unwrap();
        world.apply(&there).unwrap();
        world.start_controller();
        world.run_for(MINUTE).await;
        assert_sound(&world);
        left = world.unused_rights();
    });
    left
}

#[test]
fn every_right_is_used() {
    let [default_action, rule, role] = [a_default_action(), a_rule(), a_role()];
    let left = &(&default_action & &rule) & &role;
    assert_eq!(left, BTreeSet::new());
}

#[test]
fn rules_of_its_own_on_one_balancer_need_no_more_than_the_narrow_policy() {
    let mut unused = BTreeSet::new();
    on_virtual_time(async {
        let mut world = stage::furnished(Settings::seeded(915)).await;
        world.restrict(&world.narrowed(&[BALANCER], false));
        world.apply(&rule_route("deals", &["blue", "green"], 10, "deletionPolicy: Delete")).unwrap();
        world.delete("weightedroutes", "checkout").unwrap();
        world.start_controller();
        for to in ["blue", "green"] {
            let steps = steps(&[50, 100], "2m");
            world.apply(&shift(to, &steps, "").replace("checkout", "deals")).unwrap();
            until(&mut world, "the run ends", |world| world.is_complete("deals"), HOUR).await;
        }
        assert_eq!(world.account().rule_weights(BALANCER, PORT, 10)["green"], 100, "{}", told(&world));
        world.delete("weightedroutes", "deals").unwrap();
        until(&mut world, "the route is gone", |world| world.route("deals").is_none(), HOUR).await;
        let denied: Vec<_> = world.evidence().calls.into_iter().filter(|call| call.code == "AccessDenied").collect();
        assert_eq!(denied, []);
        assert_sound(&world);
        unused = world.unused_rights();
    });
    // For what was adopted under a wider policy before.
    let kept = ["ChangeMarkedDefaultActions", "Unmark", "AssumeRoles", "CountRequests"];
    assert!(unused.iter().all(|(statement, _)| kept.contains(&statement.as_str())), "{unused:?}");
}

#[test]
fn what_was_adopted_once_goes_on_under_the_narrow_policy_and_nothing_else_is_adopted() {
    play(916, async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "5m"), "")).unwrap();
        super::until_applied(world, 50).await;
        world.restrict(&world.narrowed(&[BALANCER], false));
        until_complete(world, "checkout").await;
        world.aws().add_listener(BALANCER, "HTTPS", 8443, &RuleAction::forward(&[("blue", 1)])).unwrap();
        let both = "{name: https, port: 443}, {name: second, port: 8443}";
        world.apply(&stage::ENTRY_POINT.replace("{name: https, port: 443}", both)).unwrap();
        let second = |text: &str| text.replace("checkout", "second").replace("listener: https", "listener: second");
        world.apply(&second(&stage::route("checkout", &["blue", "green"], ""))).unwrap();
        world.apply(&second(&shift("green", "{allAtOnce: {}}", ""))).unwrap();
        until(world, "AWS denies to mark it", |world| is_denied(world, "AddTags"), HOUR).await;
        assert!(world.account().listener_tags(BALANCER, 8443).is_empty());
        assert_eq!(world.account().weights(BALANCER, 8443), stage::weights(&[("blue", 1)]));
        world.restrict(&world.policy());
        until_complete(world, "second").await;
    });
}

#[test]
fn another_balancer_is_out_of_reach_of_the_narrow_policy() {
    play(917, async |world| {
        world.restrict(&world.narrowed(&["another"], true));
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        until(world, "AWS denies to mark it", |world| is_denied(world, "AddTags"), HOUR).await;
        assert_eq!(super::live(world), stage::weights(&[("blue", 100)]));
        world.restrict(&world.policy());
        until_complete(world, "checkout").await;
    });
}

#[test]
fn without_a_right_aws_denies_and_the_object_says_so() {
    play(914, async |world| {
        let mut policy = world.policy();
        let statements = policy["Statement"].as_array_mut().unwrap();
        statements.retain(|statement| statement["Sid"] != "ChangeMarkedDefaultActions");
        world.restrict(&policy);
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        until(world, "AWS denies", |world| is_denied(world, "ModifyListener"), HOUR).await;
        world.run_for(MINUTE).await;
        let said = super::route_status(world, "checkout").conditions;
        let names_it = |condition: &weir_api::Condition| {
            condition.message.contains("elasticloadbalancing:ModifyListener")
                && condition.message.contains("AccessDenied")
        };
        assert!(said.iter().any(names_it), "{said:?}");
        world.restrict(&world.policy());
        until_complete(world, "checkout").await;
    });
}
