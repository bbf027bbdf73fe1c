//! Attributes of target groups: which a group has, which values they may have, and
//! `DescribeTargetGroupAttributes` and `ModifyTargetGroupAttributes`.
//!
//! Source: the API reference of `TargetGroupAttribute`. Each kind of balancer has attributes of its own.

use std::collections::BTreeMap;

use super::super::effect::Writer;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::Elb;
use super::check::is_http;
use super::group::{Group, TargetType};

pub(super) const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";
pub(super) const STICKINESS: &str = "stickiness.enabled";
pub(super) const STICKINESS_TYPE: &str = "stickiness.type";
pub(super) const COOKIE_NAME: &str = "stickiness.app_cookie.cookie_name";
const ALGORITHM: &str = "load_balancing.algorithm.type";
const ANOMALY_MITIGATION: &str = "load_balancing.algorithm.anomaly_mitigation";

/// What groups behind balancers of both kinds have.
const COMMON: &[(&str, &str)] = &[
    (STICKINESS, "false"),
    ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", "1"),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off"),
];
/// What groups of instances or addresses behind application balancers have besides.
const APPLICATION: &[(&str, &str)] = &[
    (DEREGISTRATION_DELAY, "300"),
    (STICKINESS_TYPE, "lb_cookie"),
    ("stickiness.lb_cookie.duration_seconds", "86400"),
    (COOKIE_NAME, ""),
    ("stickiness.app_cookie.duration_seconds", "86400"),
    ("slow_start.duration_seconds", "0"),
    (ALGORITHM, "round_robin"),
    (ANOMALY_MITIGATION, "off"),
];
/// What groups of functions have besides.
const FUNCTION: &[(&str, &str)] = &[(STICKINESS_TYPE, "lb_cookie"), ("lambda.multi_value_headers.enabled", "false")];
/// What groups behind network balancers have besides.
const NETWORK: &[(&str, &str)] = &[
    (DEREGISTRATION_DELAY, "300"),
    (STICKINESS_TYPE, "source_ip"),
    ("deregistration_delay.connection_termination.enabled", "false"),
    (CLIENT_ADDRESS, "true"),
    ("proxy_protocol_v2.enabled", "false"),
    ("target_health_state.unhealthy.connection_termination.enabled", "true"),
    ("target_health_state.unhealthy.draining_interval_seconds", "0"),
];
const CLIENT_ADDRESS: &str = "preserve_client_ip.enabled";

/// The attributes of a new group.
pub(super) fn defaults(protocol: &str, target_type: TargetType) -> BTreeMap<String, String> {
    let own = match target_type {
        TargetType::Lambda => FUNCTION,
        _ if is_http(protocol) => APPLICATION,
        _ => NETWORK,
    };
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let mut attributes: BTreeMap<String, String> = COMMON.iter().chain(own).map(pair).collect();
    if target_type == TargetType::Ip && matches!(protocol, "TCP" | "TLS") {
        attributes.insert(CLIENT_ADDRESS.to_owned(), "false".to_owned());
    }
    if matches!(protocol, "UDP" | "TCP_UDP") {
        attributes.insert("deregistration_delay.connection_termination.enabled".to_owned(), "true".to_owned());
        attributes
            .insert("target_health_state.unhealthy.connection_termination.enabled".to_owned(), "false".to_owned());
    }
    attributes
}

impl Elb {
    pub(super) fn describe_target_group_attributes(&self, form: &Form, _: &Writer) -> Result<Vec<Xml>, Refusal> {
        let group = self.group(form.required("TargetGroupArn")?)?;
        Ok(vec![describe(group)])
    }

    pub(super) fn modify_target_group_attributes(&mut self, form: &Form, _: &Writer) -> Result<Vec<Xml>, Refusal> {
        let arn = form.required("TargetGroupArn")?;
        let group = self.group(arn)?;
        let mut attributes = group.attributes.clone();
        for attribute in form.list("Attributes") {
            let (key, value) = (attribute.required("Key")?, attribute.text("Value").unwrap_or_default());
            let Some(present) = attributes.get_mut(key) else { return Err(not_there(key)) };
            check_value(group, key, value)?;
            value.clone_into(present);
        }
        check_together(&attributes)?;
        let turned_on = attributes.get(STICKINESS).is_some_and(|value| value == "true");
        if turned_on && group.attributes.get(STICKINESS) != attributes.get(STICKINESS) {
            self.check_group_stickiness(arn)?;
        }
        let group = self.group_mut(arn)?;
        group.attributes = attributes;
        Ok(vec![describe(group)])
    }
}

fn describe(group: &Group) -> Xml {
    let attributes = group.attributes.iter();
    Xml::list("Attributes", attributes.map(|(key, value)| vec![Xml::text("Key", key), Xml::text("Value", value)]))
}

/// Why a group does not have an attribute.
fn not_there(key: &str) -> Refusal {
    if [COMMON, APPLICATION, FUNCTION, NETWORK].iter().any(|some| some.iter().any(|(known, _)| *known == key)) {
        let message = "The provided target group attribute is not supported";
        return Refusal::new("InvalidConfigurationRequest", format!("{message}: '{key}'"));
    }
    Refusal::invalid(format!("Target group attribute key '{key}' is not recognized"))
}

fn check_value(group: &Group, key: &str, value: &str) -> Result<(), Refusal> {
    let within = |least: u32, most: u32| value.parse().is_ok_and(|value: u32| value >= least && value <= most);
    let fits = match key {
        STICKINESS_TYPE => return check_stickiness_type(group, value),
        DEREGISTRATION_DELAY => within(0, 3600),
        // These are kept for the cookies of the balancer.
        COOKIE_NAME => !value.starts_with("AWSALB"),
        "stickiness.lb_cookie.duration_seconds" | "stickiness.app_cookie.duration_seconds" => within(1, 604_800),
        "slow_start.duration_seconds" => value == "0" || within(30, 900),
        ALGORITHM => matches!(value, "round_robin" | "least_outstanding_requests" | "weighted_random"),
        ANOMALY_MITIGATION => matches!(value, "on" | "off"),
        "load_balancing.cross_zone.enabled" => {
            matches!(value, "true" | "false" | "use_load_balancer_configuration")
        }
        "target_health_state.unhealthy.draining_interval_seconds" => within(0, 360_000),
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count" => within(1, u32::MAX),
        "target_group_health.dns_failover.minimum_healthy_targets.count" => value == "off" || within(1, u32::MAX),
        _ if key.ends_with("minimum_healthy_targets.percentage") => value == "off" || within(1, 100),
        // All that is left is on or off.
        _ => matches!(value, "true" | "false"),
    };
    if fits {
        return Ok(());
    }
    Err(Refusal::invalid(format!("'{value}' is not a valid value of target group attribute '{key}'")))
}

fn check_stickiness_type(group: &Group, value: &str) -> Result<(), Refusal> {
    let is_application = group.target_type == TargetType::Lambda || is_http(&group.protocol);
    match value {
        "lb_cookie" | "app_cookie" if is_application => Ok(()),
        "source_ip" if !is_application => Ok(()),
        "lb_cookie" | "app_cookie" | "source_ip" => {
            let message = format!(
                "Stickiness type '{value}' is not supported for target groups with the {} protocol",
                group.protocol
            );
            Err(Refusal::new("InvalidConfigurationRequest", message))
        }
        _ => Err(Refusal::invalid("'Stickiness type' must be one of [app_cookie, lb_cookie, source_ip]")),
    }
}

/// What attributes ask of each other.
fn check_together(attributes: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let is = |key: &str, value: &str| attributes.get(key).is_some_and(|found| found == value);
    if is(STICKINESS_TYPE, "app_cookie") && is(COOKIE_NAME, "") {
        let message = "You must set an application cookie name to enable stickiness of type 'app_cookie'";
        return Err(Refusal::new("InvalidConfigurationRequest", message));
    }
    if is(ANOMALY_MITIGATION, "on") && !is(ALGORITHM, "weighted_random") {
        let message = format!("'{ANOMALY_MITIGATION}' can be on only where '{ALGORITHM}' is weighted_random");
        return Err(Refusal::new("InvalidConfigurationRequest", message));
    }
    Ok(())
}
