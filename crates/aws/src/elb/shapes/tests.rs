//! Answers as AWS gives them.

use aws_sdk_elasticloadbalancingv2::types::TargetHealth;
use weir_engine::fact::ErrorKind;

use super::*;

const HERE: &str = "Describe";

fn stickiness(enabled: &str, kind: &str) -> TargetStickiness {
    let attribute = |key: &str, value: &str| TargetGroupAttribute::builder().key(key).value(value).build();
    let read = attributes(&[
        attribute("deregistration_delay.timeout_seconds", "300"),
        attribute("stickiness.type", kind),
        attribute("stickiness.enabled", enabled),
    ]);
    read.stickiness
}

#[test]
fn stickiness_has_its_keeper() {
    assert_eq!(stickiness("true", "app_cookie"), TargetStickiness::Application);
    for kind in ["lb_cookie", "source_ip", "source_ip_dest_ip", "source_ip_dest_ip_proto"] {
        assert_eq!(stickiness("true", kind), TargetStickiness::Balancer, "{kind}");
        assert_eq!(stickiness("false", kind), TargetStickiness::Off, "{kind}");
    }
    assert_eq!(stickiness("false", "app_cookie"), TargetStickiness::Off);
    assert_eq!(attributes(&[]).stickiness, TargetStickiness::Off);
}

#[test]
fn targets_are_counted_by_state() {
    let target = |state: &str| {
        let health = TargetHealth::builder().state(state.into()).build();
        TargetHealthDescription::builder().target_health(health).build()
    };
    let states = ["healthy", "healthy", "initial", "unhealthy", "unavailable", "draining", "unhealthy.draining"];
    let mut targets: Vec<_> = states.into_iter().chain(["unused", "a-state-nobody-has-seen"]).map(target).collect();
    targets.push(TargetHealthDescription::builder().build());
    let expected = Health { healthy: 2, initial: 1, unhealthy: 4, draining: 2, unused: 1 };
    assert_eq!(health(&targets), expected);
}

#[test]
fn rules_are_in_the_order_in_which_they_are_tried() {
    let rule = |arn: &str, priority: &str| SdkRule::builder().rule_arn(arn).priority(priority).build();
    let default = SdkRule::builder().rule_arn("d").priority("default").is_default(true).build();
    let read = rules(HERE, &[rule("c", "100"), default, rule("a", "9")]).unwrap();
    let order: Vec<_> = read.iter().map(|rule| (rule.arn.as_str(), rule.priority)).collect();
    assert_eq!(order, [("a", RulePriority::At(9)), ("c", RulePriority::At(100)), ("d", RulePriority::Default)]);
}

#[test]
fn listeners_are_in_the_order_of_their_ports() {
    let listener = |arn: &str, port| SdkListener::builder().listener_arn(arn).port(port).build();
    let read = listeners(HERE, &[listener("b", 9201), listener("a", 443)]).unwrap();
    assert_eq!(read.iter().map(|listener| listener.port).collect::<Vec<_>>(), [443, 9201]);
}

#[test]
fn what_aws_leaves_out_is_named() {
    let error = rules(HERE, &[SdkRule::builder().priority("1").build()]).unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Transient, "AWS answered with something that has no RuleArn")
    );
    let error = rules(HERE, &[SdkRule::builder().rule_arn("a").priority("first").build()]).unwrap_err();
    assert!(error.message.contains("\"first\""), "{error}");
}
