//! A rule whose balancer checks tokens before it forwards: that stays as it is, whatever is moved behind it.

use weir_api::traffic_shift::{Outcome, Phase};

use crate::evidence::Weights;
use crate::stage::{self, BALANCER, PORT, rule_route, shift, steps};
use crate::world::World;

use super::{MINUTE, outcome, play, route_status, told, until, until_applied, until_complete, until_phase};

const PRIORITY: u32 = 10;
const KEYS: &str = "https://id.shop.test/keys";

/// The parameters of actions that check a token, unless they do not, and then forward by these weights.
fn actions(world: &World, checks: bool, weights: &[(&str, u32)]) -> Vec<(String, String)> {
    let jwt = "Actions.member.1.JwtValidationConfig";
    let claim = format!("{jwt}.AdditionalClaims.member.1");
    let mut parameters = Vec::new();
    if checks {
        parameters.extend([
            ("Actions.member.1.Type".to_owned(), "jwt-validation".to_owned()),
            ("Actions.member.1.Order".to_owned(), "1".to_owned()),
            (format!("{jwt}.JwksEndpoint"), KEYS.to_owned()),
            (format!("{jwt}.Issuer"), "https://id.shop.test".to_owned()),
            (format!("{claim}.Format"), "single-string".to_owned()),
            (format!("{claim}.Name"), "tenant".to_owned()),
            (format!("{claim}.Values.member.1"), "shop".to_owned()),
        ]);
    }
    let number = if checks { 2 } else { 1 };
    parameters.push((format!("Actions.member.{number}.Type"), "forward".to_owned()));
    parameters.push((format!("Actions.member.{number}.Order"), number.to_string()));
    for (tuple, (group, weight)) in (1..).zip(weights) {
        let tuple = format!("Actions.member.{number}.ForwardConfig.TargetGroups.member.{tuple}");
        parameters.push((format!("{tuple}.TargetGroupArn"), world.aws().group_arn(group).unwrap()));
        parameters.push((format!("{tuple}.Weight"), weight.to_string()));
    }
    parameters
}

fn by_hand(world: &World, operation: &str, parameters: &[(String, String)]) {
    let parameters: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
    world.aws().by_hand(operation, &parameters).unwrap();
}

fn rule(world: &World) -> String {
    world.account().rule_arn(BALANCER, PORT, PRIORITY).unwrap()
}

/// The route `api` adopts a rule that somebody has made, which checks tokens or does not.
async fn adopt(world: &mut World, checks: bool) {
    let mut parameters = vec![
        ("ListenerArn".to_owned(), world.account().listener_arn(BALANCER, PORT)),
        ("Priority".to_owned(), PRIORITY.to_string()),
        ("Conditions.member.1.Field".to_owned(), "host-header".to_owned()),
        ("Conditions.member.1.HostHeaderConfig.Values.member.1".to_owned(), "api.shop.test".to_owned()),
    ];
    parameters.extend(actions(world, checks, &[("blue", 1)]));
    by_hand(world, "CreateRule", &parameters);
    let extra = "adopt: true # the rule is somebody else's";
    world.apply(&rule_route("api", &["blue", "green"], PRIORITY, extra)).unwrap();
    let is_ready = |world: &World| weir_api::condition::holds(&route_status(world, "api").conditions, "Ready");
    until(world, "it is adopted", is_ready, 2 * MINUTE).await;
}

/// The weights that the rule had when it was adopted, with the new group at nothing.
fn before() -> Weights {
    stage::weights(&[("blue", 1), ("green", 0)])
}

fn wish(world: &World, strategy: &str) {
    world.apply(&shift("green", strategy, "").replace("routes: [checkout]", "routes: [api]")).unwrap();
}

/// The check is there with all its settings, before the forward.
async fn assert_checked(world: &World) {
    assert_eq!(world.aws().action_kinds(&rule(world)), ["jwt-validation", "forward"], "{}", told(world));
    let asked = [("RuleArns.member.1".to_owned(), rule(world))];
    let shown = world.account().call("DescribeRules", &asked).await.unwrap();
    for setting in [KEYS, "<Issuer>https://id.shop.test</Issuer>", "single-string", "tenant", "<member>shop</member>"] {
        assert!(shown.contains(setting), "{setting} in {shown}");
    }
}

#[test]
fn a_rule_that_checks_tokens_is_adopted_moved_and_brought_back() {
    play(1611, async |world| {
        adopt(world, true).await;
        wish(world, &steps(&[50, 100], "10m"));
        until_applied(world, 50).await;
        assert_checked(world).await;
        world.command("checkout", "abort/1").unwrap();
        until_phase(world, Phase::RolledBack).await;
        assert_checked(world).await;
        assert_eq!(world.account().rule_weights(BALANCER, PORT, PRIORITY), before(), "{}", told(world));
        world.command("checkout", "retry/2").unwrap();
        until_complete(world, "checkout").await;
        assert_checked(world).await;
    });
}

#[test]
fn a_check_that_somebody_adds_in_a_run_stays_and_keeps_nothing_from_going_back() {
    play(1612, async |world| {
        adopt(world, false).await;
        wish(world, &steps(&[50, 100], "10m"));
        until_applied(world, 50).await;
        let mut parameters = vec![("RuleArn".to_owned(), rule(world))];
        parameters.extend(actions(world, true, &[("blue", 50), ("green", 50)]));
        by_hand(world, "ModifyRule", &parameters);
        world.run_for(2 * MINUTE).await;
        world.command("checkout", "abort/1").unwrap();
        until_phase(world, Phase::RolledBack).await;
        assert_eq!(outcome(world), Some(Outcome::RolledBack), "{}", told(world));
        assert_eq!(world.account().rule_weights(BALANCER, PORT, PRIORITY), before());
        assert_checked(world).await;
    });
}
