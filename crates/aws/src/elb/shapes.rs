//! Answers of ELBv2 in the engine's words.
//!
//! Lists come out sorted, since AWS promises no order and a changed order is no change.

use aws_sdk_elasticloadbalancingv2::types::{
    Listener as SdkListener, LoadBalancer, LoadBalancerAttribute, Rule as SdkRule,
    TargetAdministrativeOverrideStateEnum, TargetGroup as SdkGroup, TargetGroupAttribute, TargetHealth,
    TargetHealthDescription, TargetHealthReasonEnum, TargetHealthStateEnum,
};
use weir_engine::Arn;
use weir_engine::fact::{
    AwsError, Balancer, BalancerAttributes, GroupAttributes, Health, Listener, Rule, RulePriority, TargetGroup,
    TargetStickiness,
};

use super::{actions, conditions};
use crate::errors::nonsense;

pub(super) fn balancer(operation: &'static str, balancer: &LoadBalancer) -> Result<Balancer, AwsError> {
    Ok(Balancer {
        arn: arn(operation, "LoadBalancerArn", balancer.load_balancer_arn())?,
        name: balancer.load_balancer_name().unwrap_or_default().to_owned(),
        dns_name: balancer.dns_name().unwrap_or_default().to_owned(),
        hosted_zone_id: balancer.canonical_hosted_zone_id().map(str::to_owned),
        has_ipv6: balancer.ip_address_type().is_some_and(|kind| kind.as_str().starts_with("dualstack")),
        kind: balancer.r#type().map_or("", |kind| kind.as_str()).to_owned(),
        vpc_id: balancer.vpc_id().map(str::to_owned),
    })
}

pub(super) fn listeners(operation: &'static str, listeners: &[SdkListener]) -> Result<Vec<Listener>, AwsError> {
    let one = |listener: &SdkListener| {
        Ok(Listener {
            arn: arn(operation, "ListenerArn", listener.listener_arn())?,
            port: listener.port().unwrap_or_default(),
            protocol: listener.protocol().map_or("", |protocol| protocol.as_str()).to_owned(),
        })
    };
    let mut listeners: Vec<Listener> = listeners.iter().map(one).collect::<Result<_, AwsError>>()?;
    listeners.sort_by(|one, other| (one.port, &one.arn).cmp(&(other.port, &other.arn)));
    Ok(listeners)
}

pub(super) fn rules(operation: &'static str, rules: &[SdkRule]) -> Result<Vec<Rule>, AwsError> {
    let one = |rule: &SdkRule| {
        Ok(Rule {
            arn: arn(operation, "RuleArn", rule.rule_arn())?,
            priority: priority(operation, rule)?,
            conditions: conditions::read(rule.conditions()),
            actions: actions::read(rule.actions()),
        })
    };
    let mut rules: Vec<Rule> = rules.iter().map(one).collect::<Result<_, AwsError>>()?;
    rules.sort_by(|one, other| (one.priority, &one.arn).cmp(&(other.priority, &other.arn)));
    Ok(rules)
}

pub(super) fn group(operation: &'static str, group: &SdkGroup) -> Result<TargetGroup, AwsError> {
    Ok(TargetGroup {
        arn: arn(operation, "TargetGroupArn", group.target_group_arn())?,
        name: group.target_group_name().unwrap_or_default().to_owned(),
        protocol: group.protocol().map(|protocol| protocol.as_str().to_owned()),
        port: group.port(),
        balancers: group.load_balancer_arns().iter().map(Arn::new).collect(),
        vpc_id: group.vpc_id().map(str::to_owned),
        target_type: group.target_type().map(|kind| kind.as_str().to_owned()),
        protocol_version: group.protocol_version().map(str::to_owned),
    })
}

pub(super) fn balancer_attributes(attributes: &[LoadBalancerAttribute]) -> BalancerAttributes {
    let mut known = attributes.iter().filter(|attribute| attribute.key() == Some("client_keep_alive.seconds"));
    let keep_alive_seconds = known.find_map(|attribute| attribute.value()?.parse().ok());
    BalancerAttributes { keep_alive_seconds }
}

/// ELBv2 documents the types `lb_cookie`, `app_cookie`, `source_ip`, `source_ip_dest_ip` and
/// `source_ip_dest_ip_proto`.
pub(super) fn attributes(attributes: &[TargetGroupAttribute]) -> GroupAttributes {
    let get = |key: &str| attributes.iter().find(|attribute| attribute.key() == Some(key))?.value();
    let stickiness = match (get("stickiness.enabled"), get("stickiness.type")) {
        (Some("true"), Some("app_cookie")) => TargetStickiness::Application,
        (Some("true"), _) => TargetStickiness::Balancer,
        _ => TargetStickiness::Off,
    };
    GroupAttributes { stickiness }
}

pub(super) fn health(targets: &[TargetHealthDescription]) -> Health {
    let mut health = Health::default();
    for target in targets {
        *count(&mut health, target) += 1;
    }
    health
}

/// Where a target counts. The state says whether AWS sends it requests, and the reason why it is as it is; a state
/// that is new, and a failure of AWS itself to know, are not known.
fn count<'a>(health: &'a mut Health, target: &TargetHealthDescription) -> &'a mut u32 {
    use TargetAdministrativeOverrideStateEnum::ZonalShiftActive;
    use TargetHealthReasonEnum as Reason;
    use TargetHealthStateEnum as State;

    let found = target.target_health();
    let (state, reason) = (found.and_then(TargetHealth::state), found.and_then(TargetHealth::reason));
    let shift = target.administrative_override().and_then(|found| found.state());
    match (state, reason) {
        (Some(State::Draining), _) => &mut health.draining,
        _ if shift == Some(&ZonalShiftActive) => &mut health.shifted_away,
        (Some(State::Healthy), _) => &mut health.healthy,
        (Some(State::Initial), _) => &mut health.initial,
        (Some(State::Unhealthy | State::UnhealthyDraining), Some(Reason::InternalError)) => &mut health.unknown,
        // A network balancer lets the connections of an unhealthy target end; it stays registered.
        (Some(State::Unhealthy | State::UnhealthyDraining), _) => &mut health.unhealthy,
        (Some(State::Unused), Some(Reason::InvalidState | Reason::IpUnusable)) => &mut health.stopped,
        (Some(State::Unused), Some(Reason::NotInUse) | None) => &mut health.unused,
        (Some(State::Unavailable), Some(Reason::HealthCheckDisabled)) => &mut health.unchecked,
        // `unavailable` for an internal reason, `unused` for one that is new, and whatever else there may come to be.
        _ => &mut health.unknown,
    }
}

fn priority(operation: &'static str, rule: &SdkRule) -> Result<RulePriority, AwsError> {
    if rule.is_default() == Some(true) || rule.priority() == Some("default") {
        return Ok(RulePriority::Default);
    }
    let text = rule.priority().unwrap_or_default();
    let number = text.parse().map_err(|_| {
        nonsense(operation, format!("AWS answered with the priority {text:?}, where a number or \"default\" is due"))
    })?;
    Ok(RulePriority::At(number))
}

fn arn(operation: &'static str, field: &str, arn: Option<&str>) -> Result<Arn, AwsError> {
    arn.map(Arn::new).ok_or_else(|| nonsense(operation, format!("AWS answered with something that has no {field}")))
}

#[cfg(test)]
mod tests;
