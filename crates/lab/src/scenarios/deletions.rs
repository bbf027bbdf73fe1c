//! Deletion, in every order: what is undone, what is told, and that it ends.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use weir_api::condition::{READY, find};
use weir_sim::aws::RuleAction;

use crate::evidence::Weights;
use crate::stage::{self, BALANCER, ENTRY_POINT, PORT, environment, on_virtual_time, route, rule_route, shift, steps};
use crate::wire::{Disturbance, Mischief, Side, Which};
use crate::world::{Settings, World};

use super::{
    HOUR, MINUTE, assert_sound, changes, live, outcome, play, route_status, status, told, until, until_applied,
    until_complete,
};

const ALL_AT_ONCE: &str = "{allAtOnce: {}}";

/// Plays a scenario on the stage with the policy of its route.
fn play_with(seed: u64, policy: &str, scenario: impl AsyncFnOnce(&mut World)) {
    play(seed, async |world: &mut World| {
        set_policy(world, policy);
        world.run_for(MINUTE).await;
        scenario(world).await;
    });
}

fn set_policy(world: &World, policy: &str) {
    world.patch("weightedroutes", "checkout", &json!({"spec": {"deletionPolicy": policy}})).unwrap();
}

fn delete(world: &World, resource: &str, name: &str) {
    world.delete(resource, name).unwrap();
}

fn every(operation: &'static str, times: u32, mischief: Mischief) -> Disturbance {
    Disturbance { which: Which::Operation(operation), times, until: None, mischief }
}

/// The tags of Weir on the stage's listener.
fn marks(world: &World) -> BTreeMap<String, String> {
    let tags = world.account().listener_tags(BALANCER, PORT);
    tags.into_iter().filter(|(key, _)| key.starts_with("weir.dev/")).collect()
}

fn before() -> Weights {
    stage::weights(&[("blue", 100)])
}

async fn until_ended(world: &mut World) {
    let has_ended = |world: &World| status(world).run.is_some_and(|run| run.ended_at.is_some());
    until(world, "the run has ended", has_ended, HOUR).await;
}

async fn until_gone(world: &mut World, limit: Duration) -> Duration {
    until(world, "the route is gone", |world| world.route("checkout").is_none(), limit).await
}

fn ready_reason(world: &World) -> String {
    let conditions = route_status(world, "checkout").conditions;
    find(&conditions, READY).map(|ready| ready.reason.to_string()).unwrap_or_default()
}

/// The notes of the events with a reason.
fn notes(world: &World, reason: &str) -> Vec<String> {
    world.events().into_iter().filter(|told| told.reason == reason).map(|told| told.note).collect()
}

#[test]
fn a_group_that_has_left_the_action_comes_back_without_weight_first() {
    play_with(602, "Restore", async |world| {
        world
            .patch("weightedroutes", "checkout", &json!({"spec": {"stickiness": {"enabled": true, "duration": "1m"}}}))
            .unwrap();
        world.apply(&shift("green", ALL_AT_ONCE, "")).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world), stage::weights(&[("green", 100)]));
        world.run_for(10 * MINUTE).await;
        delete(world, "weightedroutes", "checkout");
        until_gone(world, 5 * MINUTE).await;
        assert_eq!((live(world), marks(world)), (before(), BTreeMap::new()), "{}", told(world));
        let attached = changes(world).into_iter().rev().nth(1).unwrap().after;
        assert_eq!(attached, stage::weights(&[("green", 100), ("blue", 0)]));
    });
}

#[test]
fn a_policy_that_is_changed_while_the_deletion_waits_counts() {
    play_with(604, "Restore", async |world| {
        world.apply(&shift("green", ALL_AT_ONCE, "")).unwrap();
        until_complete(world, "checkout").await;
        world.account().break_targets("blue", 4);
        world.run_for(MINUTE).await;
        delete(world, "weightedroutes", "checkout");
        world.run_for(MINUTE).await;
        set_policy(world, "Retain");
        until_gone(world, Duration::from_secs(30)).await;
        assert_eq!(live(world)["green"], 100);
    });
}

#[test]
fn a_side_that_is_gone_is_named_and_what_is_live_stays() {
    play_with(605, "Restore", async |world| {
        world
            .patch("weightedroutes", "checkout", &json!({"spec": {"stickiness": {"enabled": true, "duration": "1m"}}}))
            .unwrap();
        world.apply(&shift("green", ALL_AT_ONCE, "")).unwrap();
        until_complete(world, "checkout").await;
        let arn = world.account().group_arns().remove("blue").unwrap();
        world.account().call("DeleteTargetGroup", &[("TargetGroupArn".to_owned(), arn)]).await.unwrap();
        delete(world, "weightedroutes", "checkout");
        until_gone(world, 12 * MINUTE).await;
        assert_eq!(live(world), stage::weights(&[("green", 100)]));
        assert!(notes(world, "LeftBehind")[0].contains("does not exist any more"), "{}", told(world));
    });
}

#[test]
fn a_fixed_response_that_the_first_deployment_replaced_comes_back() {
    on_virtual_time(async {
        let mut world = World::new(Settings::seeded(606));
        let manifests = [ENTRY_POINT.to_owned(), environment("blue")].concat();
        world.furnish(&manifests, 3).unwrap();
        world.apply(&manifests).unwrap();
        world.apply(&route("checkout", &["blue"], "deletionPolicy: Restore")).unwrap();
        world.start_controller();
        world.apply(&shift("blue", ALL_AT_ONCE, "")).unwrap();
        until_complete(&mut world, "checkout").await;
        delete(&world, "weightedroutes", "checkout");
        until_gone(&mut world, 2 * MINUTE).await;
        assert_eq!((live(&world), marks(&world)), (Weights::new(), BTreeMap::new()));
        assert_sound(&world);
    });
}

/// A world with a rule that a first deployment has made.
async fn with_rule(seed: u64, extra: &str) -> World {
    let mut world = World::new(Settings::seeded(seed));
    let manifests = [ENTRY_POINT.to_owned(), environment("blue"), environment("green")].concat();
    world.furnish(&manifests, 3).unwrap();
    world.apply(&manifests).unwrap();
    world.apply(&rule_route("checkout", &["blue", "green"], 10, extra)).unwrap();
    world.start_controller();
    world.run_for(MINUTE).await;
    let finalizers = world.route("checkout").unwrap().metadata.finalizers;
    assert_eq!(finalizers, None, "nothing is to be undone yet");
    world.apply(&shift("blue", ALL_AT_ONCE, "")).unwrap();
    until_complete(&mut world, "checkout").await;
    world
}

#[test]
fn a_rule_that_weir_made_goes_with_delete_and_with_restore() {
    for policy in ["Delete", "Restore"] {
        on_virtual_time(async {
            let mut world = with_rule(607, &format!("deletionPolicy: {policy}")).await;
            assert!(world.account().rule_arn(BALANCER, PORT, 10).is_some());
            delete(&world, "weightedroutes", "checkout");
            until_gone(&mut world, 2 * MINUTE).await;
            assert_eq!(world.account().rule_arn(BALANCER, PORT, 10), None, "{policy}");
            assert_eq!(notes(&world, "RuleDeleted").len(), 1, "{policy}: {}", told(&world));
            world.run_for(HOUR).await;
            assert_eq!(world.account().rule_arn(BALANCER, PORT, 10), None, "the shift does not make it again");
            assert_sound(&world);
        });
    }
}

#[test]
fn a_rule_is_retained_and_found_again_under_the_same_name_or_by_adoption() {
    on_virtual_time(async {
        let mut world = with_rule(608, "").await;
        let rule = world.account().rule_arn(BALANCER, PORT, 10).unwrap();
        delete(&world, "weightedroutes", "checkout");
        assert!(world.route("checkout").is_none(), "there is nothing to undo");
        world.apply(&rule_route("checkout", &["blue", "green"], 10, "")).unwrap();
        world.run_for(MINUTE).await;
        assert_eq!(ready_reason(&world), "Held");
        delete(&world, "weightedroutes", "checkout");
        let other = rule_route("other", &["blue", "green"], 10, "adopt:  true\n  deletionPolicy: Restore");
        world.apply(&other.replace("other.shop.test", "checkout.shop.test")).unwrap();
        world.run_for(MINUTE).await;
        assert_eq!(world.aws().tags(&rule)["weir.dev/route"], "shop/other");
        assert_eq!(world.account().rule_weights(BALANCER, PORT, 10), stage::weights(&[("blue", 100)]));
        // Whoever takes over inherits the memory: nothing was there before Weir.
        delete(&world, "weightedroutes", "other");
        world.run_for(MINUTE).await;
        assert_eq!(world.account().rule_arn(BALANCER, PORT, 10), None);
        assert_sound(&world);
    });
}

#[test]
fn the_younger_of_two_routes_takes_over_without_a_gap() {
    for (seed, policy) in [(609, "Retain"), (610, "Restore")] {
        play_with(seed, policy, async |world| {
            world.apply(&route("younger", &["blue", "green"], "")).unwrap();
            world.run_for(MINUTE).await;
            let writes = changes(world).len();
            delete(world, "weightedroutes", "checkout");
            let is_held = |world: &World| {
                let conditions = route_status(world, "younger").conditions;
                find(&conditions, READY).is_some_and(|ready| ready.reason == "Held")
            };
            until(world, "the younger has the place", is_held, 3 * MINUTE).await;
            assert_eq!(marks(world)["weir.dev/route"], "shop/younger");
            assert_eq!((live(world), changes(world).len()), (before(), writes), "the weights were not touched");
        });
    }
}

#[test]
fn a_route_deleted_in_the_middle_of_a_run_restores_and_the_run_fails() {
    play_with(611, "Restore", async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "1h"), "progressDeadline: 10m")).unwrap();
        until_applied(world, 50).await;
        delete(world, "weightedroutes", "checkout");
        until_gone(world, 2 * MINUTE).await;
        assert_eq!((live(world), marks(world)), (before(), BTreeMap::new()));
        assert_eq!(status(world).waiting.unwrap().reason, "RouteGone");
        until_ended(world).await;
        assert_eq!(format!("{:?}", outcome(world)), "Some(Failed)");
    });
}

#[test]
fn a_route_deleted_in_the_middle_waits_for_a_run_that_goes_back() {
    for (seed, policy) in [(612, "Retain"), (613, "Restore")] {
        play_with(seed, policy, async |world| {
            world.apply(&shift("green", &steps(&[50, 100], "1h"), "deletionPolicy: Rollback")).unwrap();
            until_applied(world, 50).await;
            delete(world, "weightedroutes", "checkout");
            until_gone(world, 3 * MINUTE).await;
            assert_eq!(live(world)["blue"], 100, "{policy}");
            assert_eq!(format!("{:?}", outcome(world)), "Some(RolledBack)", "{policy}: {}", told(world));
            assert_eq!(marks(world).is_empty(), policy == "Restore");
            // Once, as the ordinary course of things.
            let of_route = "waits for the run of the TrafficShift shop/checkout to go back over this route";
            assert_eq!(
                notes(world, "RollingBack").iter().filter(|note| *note == of_route).count(),
                1,
                "{}",
                told(world)
            );
            assert_eq!(notes(world, "DeletionBlocked"), [""; 0]);
        });
    }
}

#[test]
fn a_shift_whose_route_is_gone_does_not_hang() {
    play(614, async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "1h"), "deletionPolicy: Rollback")).unwrap();
        until_applied(world, 50).await;
        // The controller is not there to see the route off, and somebody forces it away.
        world.crash_controller();
        delete(world, "weightedroutes", "checkout");
        world.patch("weightedroutes", "checkout", &json!({"metadata": {"finalizers": null}})).unwrap();
        delete(world, "trafficshifts", "checkout");
        world.start_controller();
        until(world, "the shift is gone", |world| world.shift("checkout").is_none(), 2 * MINUTE).await;
        assert_eq!(live(world), stage::weights(&[("blue", 50), ("green", 50)]), "nobody could bring it back");
        let failed = notes(world, "Failed").remove(0);
        assert!(failed.contains("what is live on the WeightedRoute checkout, which is gone, stays"), "{failed}");
    });
}

#[test]
fn the_others_go_back_when_one_route_of_a_run_is_gone() {
    on_virtual_time(async {
        let mut world = with_rule(615, "").await;
        world.apply(&route("default", &["blue", "green"], "")).unwrap();
        world.account().forward(BALANCER, PORT, &[("blue", 100)]);
        world.run_for(MINUTE).await;
        let both = shift("green", &steps(&[50, 100], "1h"), "").replace("[checkout]", "[checkout, default]");
        world.apply(&both).unwrap();
        until_applied(&mut world, 50).await;
        delete(&world, "weightedroutes", "default");
        world.run_for(MINUTE).await;
        world.command("checkout", "abort/1").unwrap();
        until_ended(&mut world).await;
        assert_eq!(world.account().rule_weights(BALANCER, PORT, 10)["blue"], 100);
        assert_eq!(live(&world), stage::weights(&[("blue", 50), ("green", 50)]), "the route that is gone left it so");
        assert_sound(&world);
    });
}

#[test]
fn an_environment_that_is_gone_still_carries_and_is_named() {
    play(616, async |world| {
        world.run_for(MINUTE).await;
        delete(world, "environments", "blue");
        world.run_for(MINUTE).await;
        assert_eq!(live(world), before(), "nothing is undone on AWS");
        assert_eq!(ready_reason(world), "EnvironmentGone");
        assert!(notes(world, "EnvironmentGone")[0].contains("The Environment blue is gone"), "{}", told(world));
        world.apply(&shift("green", &steps(&[50, 100], "1h"), "")).unwrap();
        until_applied(world, 50).await;
        delete(world, "environments", "green");
        world.command("checkout", "abort/1").unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world), stage::weights(&[("blue", 100), ("green", 0)]), "back without either object");
        world.apply(&environment("blue")).unwrap();
        world.run_for(MINUTE).await;
        assert_ne!(ready_reason(world), "EnvironmentGone");
    });
}

#[test]
fn without_its_entry_point_a_route_keeps_what_is_live_and_goes_back() {
    play_with(617, "Restore", async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "1h"), "")).unwrap();
        until_applied(world, 50).await;
        delete(world, "entrypoints", "public");
        world.run_for(5 * MINUTE).await;
        assert_eq!(live(world), stage::weights(&[("blue", 50), ("green", 50)]));
        world.command("checkout", "abort/1").unwrap();
        until_ended(world).await;
        assert_eq!(live(world)["blue"], 100);
        assert_eq!(ready_reason(world), "WaitingForEntryPoint");
        delete(world, "weightedroutes", "checkout");
        until_gone(world, 2 * MINUTE).await;
        assert_eq!((live(world), marks(world)), (before(), BTreeMap::new()));
    });
}

#[test]
fn a_namespace_goes_in_the_middle_of_a_run() {
    for (number, (route_policy, shift_policy)) in
        [("Retain", "Hold"), ("Retain", "Rollback"), ("Restore", "Hold"), ("Restore", "Rollback")]
            .into_iter()
            .enumerate()
    {
        play_with(620 + number as u64, route_policy, async |world| {
            world.apply(&shift("green", &steps(&[50, 100], "1h"), &format!("deletionPolicy: {shift_policy}"))).unwrap();
            until_applied(world, 50).await;
            world.kube().delete("namespaces", "", "shop").unwrap();
            let is_gone = |world: &World| world.kube().get("namespaces", "", "shop").is_none();
            until(world, &format!("{route_policy}, {shift_policy}"), is_gone, 3 * MINUTE).await;
            let back = route_policy == "Restore" || shift_policy == "Rollback";
            assert_eq!(live(world)["blue"], if back { 100 } else { 50 }, "{route_policy}, {shift_policy}");
            assert_eq!(marks(world).is_empty(), route_policy == "Restore", "{route_policy}, {shift_policy}");
            world.run_for(HOUR).await;
        });
    }
}

#[test]
fn a_route_made_anew_under_its_name_begins_anew() {
    play_with(624, "Restore", async |world| {
        world.apply(&shift("green", ALL_AT_ONCE, "")).unwrap();
        until_complete(world, "checkout").await;
        delete(world, "trafficshifts", "checkout");
        delete(world, "weightedroutes", "checkout");
        let again = route("checkout", &["blue", "green"], "deletionPolicy: Restore");
        // As a GitOps tool does, again and again while the old one is going.
        for _ in 0..20 {
            world.apply(&again).unwrap();
            world.run_for(Duration::from_secs(5)).await;
        }
        let anew = world.route("checkout").unwrap();
        assert_eq!(anew.metadata.deletion_timestamp, None);
        assert_eq!((live(world), ready_reason(world).as_str()), (before(), "Held"));
        assert_eq!(marks(world)["weir.dev/route"], "shop/checkout");
    });
}

#[test]
fn a_deletion_ends_when_aws_does_not_answer() {
    for (seed, operation) in [(625, "DescribeRules"), (626, "RemoveTags"), (627, "ModifyListener")] {
        play_with(seed, "Restore", async |world| {
            world.apply(&shift("green", ALL_AT_ONCE, "")).unwrap();
            until_complete(world, "checkout").await;
            world.disturb(every(operation, u32::MAX, Mischief::Failed(503)));
            delete(world, "weightedroutes", "checkout");
            let took = until_gone(world, 15 * MINUTE).await;
            assert!(took >= 9 * MINUTE && took <= 12 * MINUTE, "{operation}: {took:?}");
            let left = notes(world, "LeftBehind").remove(0);
            assert!(left.contains(operation), "{left}");
            world.end_disturbances();
        });
    }
}

#[test]
fn a_deletion_outlives_lost_answers_and_a_lost_status() {
    play_with(628, "Restore", async |world| {
        world.apply(&shift("green", ALL_AT_ONCE, "")).unwrap();
        until_complete(world, "checkout").await;
        for operation in ["ModifyListener", "RemoveTags"] {
            world.disturb(every(operation, 1, Mischief::Lost(Side::After)));
        }
        world.lose_statuses();
        delete(world, "weightedroutes", "checkout");
        until_gone(world, 3 * MINUTE).await;
        assert_eq!((live(world), marks(world)), (before(), BTreeMap::new()), "{}", told(world));
    });
}

#[test]
fn nothing_of_others_is_undone() {
    play_with(629, "Restore", async |world| {
        let listener = world.account().listener_arn(BALANCER, PORT);
        world.aws().add_tags(&listener, &[("team", "shop")]).unwrap();
        world.apply(&shift("green", ALL_AT_ONCE, "")).unwrap();
        until_complete(world, "checkout").await;
        // Somebody has put up a redirect since.
        let redirect = [
            ("ListenerArn".to_owned(), listener.clone()),
            ("DefaultActions.member.1.Type".to_owned(), "redirect".to_owned()),
            ("DefaultActions.member.1.RedirectConfig.StatusCode".to_owned(), "HTTP_302".to_owned()),
            ("DefaultActions.member.1.RedirectConfig.Host".to_owned(), "elsewhere.test".to_owned()),
        ];
        world.account().call("ModifyListener", &redirect).await.unwrap();
        delete(world, "weightedroutes", "checkout");
        until_gone(world, 2 * MINUTE).await;
        let tags = world.account().listener_tags(BALANCER, PORT);
        assert_eq!(tags, BTreeMap::from([("team".to_owned(), "shop".to_owned())]));
        assert_eq!(live(world), Weights::new(), "the redirect stays");
    });
}

#[test]
fn what_cannot_be_remembered_is_not_adopted_with_restore() {
    on_virtual_time(async {
        let mut world = stage::furnished(Settings::seeded(630)).await;
        let listener = world.account().listener_arn(BALANCER, PORT);
        let tags: Vec<(String, String)> = (0..48).map(|number| (format!("tag-{number}"), "x".to_owned())).collect();
        let tags: Vec<(&str, &str)> = tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        world.aws().add_tags(&listener, &tags).unwrap();
        set_policy(&world, "Restore");
        world.start_controller();
        world.run_for(MINUTE).await;
        assert_eq!(ready_reason(&world), "NotRestorable");
        assert_eq!(marks(&world), BTreeMap::new());
        assert_sound(&world);
    });
}

#[test]
fn a_policy_that_is_set_late_finds_what_was_there_before() {
    play(631, async |world| {
        world.apply(&shift("green", ALL_AT_ONCE, "")).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(world.route("checkout").unwrap().metadata.finalizers, None);
        set_policy(world, "Restore");
        world.run_for(MINUTE).await;
        delete(world, "weightedroutes", "checkout");
        until_gone(world, 2 * MINUTE).await;
        assert_eq!((live(world), marks(world)), (before(), BTreeMap::new()));
    });
}

#[test]
fn a_console_change_to_a_fixed_response_is_taken_for_what_it_is() {
    play_with(632, "Restore", async |world| {
        let listener = world.account().listener_arn(BALANCER, PORT);
        world.aws().edit_action(&listener, &RuleAction::FixedResponse(503)).unwrap();
        world.run_for(MINUTE).await;
        delete(world, "weightedroutes", "checkout");
        until_gone(world, 3 * MINUTE).await;
        assert_eq!((live(world), marks(world)), (before(), BTreeMap::new()));
    });
}
