//! Stickiness between groups, and other actions of the same rule.

use std::time::Duration;

use weir_api::traffic_shift::{Outcome, Phase};
use weir_sim::aws::TargetStickiness;

use crate::stage::{self, BALANCER, ENTRY_POINT, PORT, environment, on_virtual_time, route, shift, steps};
use crate::world::{Settings, World};

use super::{MINUTE, assert_sound, live, outcome, until_applied, until_complete, until_phase};

/// The stage with groups that are sticky themselves.
async fn sticky_stage(seed: u64) -> World {
    stage_with(seed, &[("blue", TargetStickiness::BalancerCookie), ("green", TargetStickiness::BalancerCookie)]).await
}

/// The stage with some groups that are sticky themselves.
async fn stage_with(seed: u64, sticky: &[(&str, TargetStickiness)]) -> World {
    let mut world = World::new(Settings::seeded(seed));
    let manifests = [ENTRY_POINT.to_owned(), environment("blue"), environment("green")].concat();
    for (group, stickiness) in sticky {
        world.add_group(group, 4, *stickiness).unwrap();
    }
    world.furnish(&manifests, 4).unwrap();
    world.account().forward(BALANCER, PORT, &[("blue", 100)]);
    world.run_for(2 * MINUTE).await;
    world.apply(&manifests).unwrap();
    world.apply(&route("checkout", &["blue", "green"], "")).unwrap();
    world.start_controller();
    world
}

fn sticky_seconds(world: &World) -> Option<u32> {
    world.aws().sticky_seconds(&world.account().listener_arn(BALANCER, PORT))
}

#[test]
fn sticky_groups_get_group_stickiness_that_ends_with_the_old_group() {
    on_virtual_time(async {
        let mut world = sticky_stage(81).await;
        world.apply(&shift("green", &steps(&[50, 100], "2m"), "")).unwrap();
        until_applied(&mut world, 50).await;
        assert_eq!(sticky_seconds(&world), Some(300));
        until_phase(&mut world, Phase::Baking).await;
        assert_eq!(live(&world), stage::weights(&[("blue", 0), ("green", 100)]));
        world.run_for(4 * MINUTE).await;
        assert_eq!(live(&world).len(), 2, "clients still stick to the old side");
        until_complete(&mut world, "checkout").await;
        assert_eq!(live(&world), stage::weights(&[("green", 100)]));
        assert_eq!(sticky_seconds(&world), None);
        assert_eq!(outcome(&world), Some(Outcome::Succeeded));
        assert_sound(&world);
    });
}

#[test]
fn clients_may_stick_for_longer_than_a_run_may_be_without_progress() {
    on_virtual_time(async {
        let mut world = sticky_stage(84).await;
        let long = route("checkout", &["blue", "green"], "stickiness: {enabled: true, duration: 3h}");
        world.apply(&long).unwrap();
        world.apply(&shift("green", &steps(&[50, 100], "2m"), "progressDeadline: 20m")).unwrap();
        until_phase(&mut world, Phase::Baking).await;
        world.run_for(2 * 60 * MINUTE).await;
        assert_eq!(live(&world), stage::weights(&[("blue", 0), ("green", 100)]));
        world.run_for(61 * MINUTE).await;
        assert_eq!(outcome(&world), Some(Outcome::Succeeded), "{:?}", world.shift("checkout").unwrap().status);
        assert_sound(&world);
    });
}

#[test]
fn a_command_ends_the_wait_that_it_was_given_in_and_no_later_one() {
    on_virtual_time(async {
        let mut world = sticky_stage(85).await;
        // Nobody sends requests, so that no share can be seen.
        let strategy = "{steps: [{weight: 50, pause: {}}, {weight: 100}]}";
        world.apply(&shift("green", strategy, "evidence: Share")).unwrap();
        until_applied(&mut world, 50).await;
        let waits = ["StepPause", "ShareNotSeen", "ShareNotSeen", "StickyClients"];
        for (number, reason) in waits.into_iter().enumerate() {
            world.run_for(MINUTE).await;
            let waiting = world.shift("checkout").and_then(|shift| shift.status?.waiting).unwrap();
            assert_eq!(waiting.reason, reason, "{number}: {}", waiting.message);
            assert_eq!(live(&world).len(), 2, "clients still stick to the old side");
            world.command("checkout", &format!("promote/{number}")).unwrap();
        }
        world.run_for(MINUTE).await;
        assert_eq!(live(&world), stage::weights(&[("green", 100)]));
        assert_eq!(outcome(&world), Some(Outcome::Succeeded));
        assert_sound(&world);
    });
}

#[test]
fn stickiness_that_a_split_of_the_users_needed_ends_with_the_old_group() {
    on_virtual_time(async {
        let mut world = sticky_stage(86).await;
        let ways = [("{blue: 80, green: 20}", Some(300)), ("{blue: 20, green: 80}", Some(300)), ("{green: 100}", None)];
        for (weights, sticky) in ways {
            world.apply(&route("checkout", &["blue", "green"], &format!("weights: {weights}"))).unwrap();
            world.run_for(15 * MINUTE).await;
            assert_eq!(sticky_seconds(&world), sticky, "{weights}");
        }
        assert_eq!(live(&world), stage::weights(&[("green", 100)]));
        assert_sound(&world);
    });
}

#[test]
fn a_rollback_of_sticky_groups_drops_the_candidate() {
    on_virtual_time(async {
        let mut world = sticky_stage(82).await;
        world.apply(&shift("green", &steps(&[50, 100], "10m"), "")).unwrap();
        until_applied(&mut world, 50).await;
        world.account().break_targets("green", 4);
        until_complete(&mut world, "checkout").await;
        assert_eq!(outcome(&world), Some(Outcome::RolledBack));
        assert_eq!(live(&world), stage::weights(&[("blue", 100)]));
        assert_eq!(sticky_seconds(&world), None);
        assert_sound(&world);
    });
}

#[test]
fn the_users_stickiness_is_set_and_stays() {
    on_virtual_time(async {
        let mut world = stage::set(Settings::seeded(83)).await;
        let sticky = route("checkout", &["blue", "green"], "stickiness: {enabled: true, duration: 1m}");
        world.apply(&sticky).unwrap();
        world.apply(&shift("green", &steps(&[50, 100], "2m"), "")).unwrap();
        until_applied(&mut world, 50).await;
        assert_eq!(sticky_seconds(&world), Some(60));
        until_complete(&mut world, "checkout").await;
        assert_eq!(live(&world)["green"], 100);
        assert_sound(&world);
    });
}

#[test]
fn a_sign_in_before_the_forward_is_kept() {
    on_virtual_time(async {
        let mut world = stage::set(Settings::seeded(84)).await;
        let listener = world.account().listener_arn(BALANCER, PORT);
        let blue = world.account().group_arns()["blue"].clone();
        let oidc = [
            ("Type", "authenticate-oidc"),
            ("Order", "1"),
            ("AuthenticateOidcConfig.Issuer", "https://id.shop.test"),
            ("AuthenticateOidcConfig.AuthorizationEndpoint", "https://id.shop.test/authorize"),
            ("AuthenticateOidcConfig.TokenEndpoint", "https://id.shop.test/token"),
            ("AuthenticateOidcConfig.UserInfoEndpoint", "https://id.shop.test/user"),
            ("AuthenticateOidcConfig.ClientId", "shop"),
            ("AuthenticateOidcConfig.ClientSecret", "a secret that only AWS knows"),
            ("AuthenticateOidcConfig.Scope", "openid email"),
        ];
        let oidc = oidc.map(|(name, value)| (format!("DefaultActions.member.1.{name}"), value.to_owned()));
        let forward = [("Type", "forward".to_owned()), ("Order", "2".to_owned()), ("TargetGroupArn", blue)];
        let forward = forward.map(|(name, value)| (format!("DefaultActions.member.2.{name}"), value));
        let mut form = vec![("ListenerArn".to_owned(), listener.clone())];
        form.extend(oidc.into_iter().chain(forward));
        world.account().call("ModifyListener", &form).await.unwrap();
        world.apply(&shift("green", &steps(&[50, 100], "2m"), "")).unwrap();
        until_complete(&mut world, "checkout").await;
        assert_eq!(live(&world), stage::weights(&[("blue", 0), ("green", 100)]));
        let answer =
            world.account().call("DescribeListeners", &[("ListenerArns.member.1".to_owned(), listener)]).await.unwrap();
        for kept in ["authenticate-oidc", "https://id.shop.test/token", "openid email"] {
            assert!(answer.contains(kept), "{kept} in {answer}");
        }
        assert_sound(&world);
    });
}

/// The stage with a candidate whose clients keep to a target by a cookie of the application.
async fn application_cookie_stage(seed: u64) -> World {
    stage_with(seed, &[("green", TargetStickiness::AppCookie)]).await
}

fn stalled(world: &World) -> String {
    let conditions = super::route_status(world, "checkout").conditions;
    conditions.into_iter().find(|condition| condition.type_ == "Stalled").unwrap().reason.to_string()
}

#[test]
fn application_cookies_are_refused_before_anything_is_written() {
    on_virtual_time(async {
        let mut world = application_cookie_stage(85).await;
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        world.run_for(Duration::from_mins(5)).await;
        assert_eq!(super::changes(&world).len(), 0);
        assert_eq!(stalled(&world), "ApplicationCookie");
        assert_sound(&world);
    });
}

/// Says what keeps the clients of a group to a target.
async fn stick(world: &World, group: &str, attributes: &[(&str, &str)]) {
    let mut form = vec![("TargetGroupArn".to_owned(), world.account().group_arns()[group].clone())];
    for (number, (key, value)) in attributes.iter().enumerate() {
        let member = format!("Attributes.member.{}", number + 1);
        form.extend([(format!("{member}.Key"), (*key).to_owned()), (format!("{member}.Value"), (*value).to_owned())]);
    }
    world.account().call("ModifyTargetGroupAttributes", &form).await.unwrap();
}

#[test]
fn stickiness_that_was_switched_on_since_it_was_read_is_read_when_aws_refuses_the_split() {
    for is_run in [true, false] {
        on_virtual_time(async {
            let mut world = stage::set(Settings::seeded(87)).await;
            world.apply(&shift("green", &steps(&[50, 100], "2m"), "")).unwrap();
            until_complete(&mut world, "checkout").await;
            // AWS lets a group become sticky only while it is in no split.
            world.account().forward(BALANCER, PORT, &[("green", 100)]);
            world.run_for(2 * MINUTE).await;
            stick(&world, "blue", &[("stickiness.enabled", "true"), ("stickiness.type", "lb_cookie")]).await;
            if is_run {
                world.apply(&shift("blue", "{allAtOnce: {}}", "")).unwrap();
                until_complete(&mut world, "checkout").await;
                assert_eq!(
                    live(&world),
                    stage::weights(&[("blue", 100)]),
                    "the old side goes when no client sticks to it"
                );
                assert_eq!(outcome(&world), Some(Outcome::Succeeded));
            } else {
                world.delete("trafficshifts", "checkout").unwrap();
                world.run_for(MINUTE).await;
                let weights = "weights: {blue: 50, green: 50}";
                world.apply(&route("checkout", &["blue", "green"], weights)).unwrap();
                world.run_for(5 * MINUTE).await;
                assert_eq!(live(&world), stage::weights(&[("blue", 50), ("green", 50)]));
                assert_eq!(sticky_seconds(&world), Some(300));
            }
            let calls = world.account().calls();
            let refused = calls.iter().filter(|call| call.write && call.code != "OK").count();
            assert_eq!(refused, 1, "AWS is asked again only with what it takes");
            assert_sound(&world);
        });
    }
}

#[test]
fn an_application_cookie_is_no_obstacle_any_more_once_it_is_switched_off() {
    for is_run in [true, false] {
        on_virtual_time(async {
            let mut world = application_cookie_stage(88).await;
            let weights = if is_run { "" } else { "weights: {blue: 50, green: 50}" };
            world.apply(&route("checkout", &["blue", "green"], weights)).unwrap();
            if is_run {
                world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
            }
            world.run_for(4 * MINUTE).await;
            assert_eq!(stalled(&world), "ApplicationCookie");
            stick(&world, "green", &[("stickiness.enabled", "false")]).await;
            world.run_for(10 * MINUTE).await;
            let wanted = if is_run { [("blue", 0), ("green", 100)] } else { [("blue", 50), ("green", 50)] };
            assert_eq!(live(&world), stage::weights(&wanted));
            assert_sound(&world);
        });
    }
}
