//! Answers as AWS gives them.

use aws_sdk_elasticloadbalancingv2::types::AdministrativeOverride;
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

fn target(state: Option<&str>, reason: Option<&str>) -> TargetHealthDescription {
    let health = TargetHealth::builder().set_state(state.map(Into::into)).set_reason(reason.map(Into::into)).build();
    TargetHealthDescription::builder().target_health(health).build()
}

/// Every state and reason of ELBv2's model, as its documentation pairs them, and what is in no model yet.
#[test]
fn each_state_and_reason_has_its_count() {
    let one = Health::default();
    let table: [(&str, &[&str], Health); _] = [
        ("healthy", &[], Health { healthy: 1, ..one }),
        ("initial", &["Elb.RegistrationInProgress", "Elb.InitialHealthChecking"], Health { initial: 1, ..one }),
        (
            "unhealthy",
            &["Target.ResponseCodeMismatch", "Target.Timeout", "Target.FailedHealthChecks", "Target.New"],
            Health { unhealthy: 1, ..one },
        ),
        ("unhealthy", &["Elb.InternalError"], Health { unknown: 1, ..one }),
        ("unhealthy.draining", &["Target.FailedHealthChecks"], Health { unhealthy: 1, ..one }),
        ("unused", &["Target.NotInUse"], Health { unused: 1, ..one }),
        ("unused", &["Target.InvalidState", "Target.IpUnusable"], Health { stopped: 1, ..one }),
        ("unused", &["Target.NotRegistered", "Target.New"], Health { unknown: 1, ..one }),
        ("draining", &["Target.DeregistrationInProgress"], Health { draining: 1, ..one }),
        ("unavailable", &["Target.HealthCheckDisabled"], Health { unchecked: 1, ..one }),
        ("unavailable", &["Elb.InternalError", "Target.New"], Health { unknown: 1, ..one }),
        ("a-state-nobody-has-seen", &["Target.Timeout"], Health { unknown: 1, ..one }),
    ];
    for (state, reasons, expected) in table {
        let reasons = if reasons.is_empty() { vec![None] } else { reasons.iter().copied().map(Some).collect() };
        for reason in reasons {
            assert_eq!(health(&[target(Some(state), reason)]), expected, "{state} {reason:?}");
        }
    }
    let without = [TargetHealthDescription::builder().build(), target(None, None), target(Some("unavailable"), None)];
    assert_eq!(health(&without), Health { unknown: 3, ..one });
    let states = ["healthy", "healthy", "initial", "unhealthy", "draining", "unused"];
    let targets: Vec<_> = states.into_iter().map(|state| target(Some(state), None)).collect();
    assert_eq!(health(&targets), Health { healthy: 2, initial: 1, unhealthy: 1, draining: 1, unused: 1, ..one });
}

/// A zone from which the traffic was shifted away gets none, however well its targets are.
#[test]
fn an_override_counts_before_the_state() {
    let shifted = |state: &str, word: &str| {
        let shift = AdministrativeOverride::builder().state(word.into()).build();
        let mut described = target(Some(state), None);
        described.administrative_override = Some(shift);
        described
    };
    let one = Health::default();
    for state in ["healthy", "unhealthy", "initial"] {
        assert_eq!(health(&[shifted(state, "zonal_shift_active")]), Health { shifted_away: 1, ..one });
    }
    assert_eq!(health(&[shifted("draining", "zonal_shift_active")]), Health { draining: 1, ..one });
    // Where DNS has taken the traffic away, and where AWS does not know, the balancer sends what comes.
    for word in ["no_override", "zonal_shift_delegated_to_dns", "unknown", "new"] {
        assert_eq!(health(&[shifted("healthy", word)]), Health { healthy: 1, ..one }, "{word}");
    }
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
