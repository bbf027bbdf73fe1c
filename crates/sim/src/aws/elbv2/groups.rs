//! Target groups: `CreateTargetGroup`, `DescribeTargetGroups`, and their attributes.

use super::super::effect::Writer;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::Elb;
use super::balancers::check_name;
use super::group::{CHECK_PATH, DEREGISTRATION_DELAY, Group, GroupSettings, MATCHER, STICKINESS, TargetType};
use super::page::Page;
use super::target::HealthChecks;

/// The only network of the world.
pub(super) const VPC: &str = "vpc-0123456789abcdef0";

impl Elb {
    /// Makes an empty group.
    pub(crate) fn make_group(&mut self, settings: GroupSettings) -> Result<&mut Group, Refusal> {
        check_name("Target group", &settings.name)?;
        if self.group_named(&settings.name).is_some() {
            return Err(Refusal::new(
                "DuplicateTargetGroupName",
                format!("A target group with the same name '{}' exists, but with different settings", settings.name),
            ));
        }
        let arn = self.registrar.group(&settings.name);
        let group = Group::new(arn.clone(), VPC.to_owned(), settings, self.options.checks);
        Ok(self.groups.entry(arn).or_insert(group))
    }

    pub(super) fn create_target_group(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let name = form.required("Name")?;
        let target_type = match form.text("TargetType").unwrap_or("instance") {
            "instance" => TargetType::Instance,
            "ip" => TargetType::Ip,
            "lambda" => TargetType::Lambda,
            other => {
                let constraint = "Member must satisfy enum value set: [instance, ip, lambda, alb]";
                return Err(Refusal::constraint("TargetType", other, constraint));
            }
        };
        let (protocol, port) = read_way(form, target_type)?;
        let checks = read_checks(form, target_type, self.options.checks)?;
        let tags = Self::read_tags(form)?;
        let codes = form.field("Matcher").and_then(|matcher| matcher.text("HttpCode"));
        let (vpc, path) = (form.text("VpcId"), form.text("HealthCheckPath"));
        let is_asked = |present: &str, asked: Option<&str>, default: &str| present == asked.unwrap_or(default);
        let same = self.group_named(name).filter(|group| {
            group.protocol == protocol
                && group.port == port
                && group.target_type == target_type
                && group.checks == checks
                && is_asked(&group.vpc, vpc, VPC)
                && is_asked(&group.check_path, path, CHECK_PATH)
                && is_asked(&group.matcher, codes, MATCHER)
        });
        if let Some(group) = same {
            // The same wish twice is granted once.
            return Ok(vec![Xml::list("TargetGroups", [self.describe_group(group)])]);
        }
        let protocol = protocol.to_owned();
        let settings =
            GroupSettings { target_type, protocol, port, checks: Some(checks), ..GroupSettings::named(name) };
        let group = self.make_group(settings)?;
        if let Some(vpc) = vpc {
            vpc.clone_into(&mut group.vpc);
        }
        if let Some(path) = path {
            path.clone_into(&mut group.check_path);
        }
        if let Some(codes) = codes {
            codes.clone_into(&mut group.matcher);
        }
        let arn = group.arn.clone();
        self.put_tags(writer, &arn, tags)?;
        Ok(vec![Xml::list("TargetGroups", [self.describe_group(self.group(&arn)?)])])
    }

    pub(super) fn describe_target_groups(&self, form: &Form, _: &Writer) -> Result<Vec<Xml>, Refusal> {
        let (arns, names) = (form.texts("TargetGroupArns"), form.texts("Names"));
        let balancer = form.text("LoadBalancerArn");
        let given = [!arns.is_empty(), !names.is_empty(), balancer.is_some()];
        if given.iter().filter(|given| **given).count() > 1 {
            return Err(Refusal::invalid(
                "Only one of target group ARNs, target group names and a load balancer ARN can be specified",
            ));
        }
        for arn in &arns {
            self.group(arn)?;
        }
        if let Some(balancer) = balancer {
            self.balancer(balancer)?;
        }
        if let Some(name) = names.iter().find(|name| self.group_named(name).is_none()) {
            return Err(Refusal::new("TargetGroupNotFound", format!("Target groups '[{name}]' not found")));
        }
        let is_meant = |group: &&Group| {
            (arns.is_empty() || arns.contains(&group.arn.as_str()))
                && (names.is_empty() || names.contains(&group.name.as_str()))
                && balancer.is_none_or(|balancer| self.users_of(&group.arn).any(|user| user == balancer))
        };
        let found = self.groups.values().filter(is_meant).map(|group| (group.arn.clone(), group));
        Ok(Page::of(form, found)?.describe("TargetGroups", |group| self.describe_group(group)))
    }

    fn describe_group(&self, group: &Group) -> Vec<Xml> {
        let HealthChecks { enabled, interval_seconds, timeout_seconds, healthy_threshold, unhealthy_threshold, .. } =
            group.checks;
        let is_http = group.protocol.starts_with("HTTP");
        let mut elements = vec![Xml::text("TargetGroupArn", &group.arn), Xml::text("TargetGroupName", &group.name)];
        if group.target_type != TargetType::Lambda {
            elements.extend([
                Xml::text("Protocol", &group.protocol),
                Xml::text("Port", group.port),
                Xml::text("VpcId", &group.vpc),
                Xml::text("HealthCheckProtocol", if is_http { &group.protocol } else { "TCP" }),
                Xml::text("HealthCheckPort", "traffic-port"),
            ]);
        }
        elements.extend([
            Xml::text("HealthCheckEnabled", enabled),
            Xml::text("HealthCheckIntervalSeconds", interval_seconds),
            Xml::text("HealthCheckTimeoutSeconds", timeout_seconds),
            Xml::text("HealthyThresholdCount", healthy_threshold),
            Xml::text("UnhealthyThresholdCount", unhealthy_threshold),
            Xml::texts("LoadBalancerArns", self.users_of(&group.arn)),
            Xml::text("TargetType", group.target_type.word()),
            Xml::text("IpAddressType", "ipv4"),
        ]);
        if is_http || group.target_type == TargetType::Lambda {
            elements.push(Xml::text("HealthCheckPath", &group.check_path));
            elements.push(Xml::of("Matcher", vec![Xml::text("HttpCode", &group.matcher)]));
        }
        if is_http {
            elements.push(Xml::text("ProtocolVersion", "HTTP1"));
        }
        elements
    }

    pub(super) fn describe_target_group_attributes(&self, form: &Form, _: &Writer) -> Result<Vec<Xml>, Refusal> {
        let group = self.group(form.required("TargetGroupArn")?)?;
        Ok(vec![describe_attributes(group)])
    }

    pub(super) fn modify_target_group_attributes(&mut self, form: &Form, _: &Writer) -> Result<Vec<Xml>, Refusal> {
        let arn = form.required("TargetGroupArn")?;
        let group = self.group(arn)?;
        let mut attributes = group.attributes.clone();
        for attribute in form.list("Attributes") {
            let (key, value) = (attribute.required("Key")?, attribute.text("Value").unwrap_or_default());
            check_attribute(key, value)?;
            let Some(present) = attributes.get_mut(key) else {
                return Err(Refusal::invalid(format!("Target group attribute key '{key}' is not recognized")));
            };
            value.clone_into(present);
        }
        let turned_on = attributes.get(STICKINESS).is_some_and(|value| value == "true");
        if turned_on && group.attributes.get(STICKINESS) != attributes.get(STICKINESS) {
            self.check_group_stickiness(arn)?;
        }
        let group = self.group_mut(arn)?;
        group.attributes = attributes;
        Ok(vec![describe_attributes(group)])
    }
}

fn describe_attributes(group: &Group) -> Xml {
    let attributes = group.attributes.iter();
    Xml::list("Attributes", attributes.map(|(key, value)| vec![Xml::text("Key", key), Xml::text("Value", value)]))
}

fn check_attribute(key: &str, value: &str) -> Result<(), Refusal> {
    let within = |least: u32, most: u32| value.parse().is_ok_and(|value: u32| value >= least && value <= most);
    let fits = match key {
        DEREGISTRATION_DELAY => within(0, 3600),
        STICKINESS => matches!(value, "true" | "false"),
        "stickiness.lb_cookie.duration_seconds" | "stickiness.app_cookie.duration_seconds" => within(1, 604_800),
        "slow_start.duration_seconds" => value == "0" || within(30, 900),
        _ => true,
    };
    if fits {
        return Ok(());
    }
    Err(Refusal::invalid(format!("'{value}' is not a valid value of target group attribute '{key}'")))
}

/// Protocol and port towards targets, which functions do not have.
fn read_way(form: &Form, target_type: TargetType) -> Result<(&str, u16), Refusal> {
    if target_type == TargetType::Lambda {
        return match ["Protocol", "Port", "VpcId"].iter().find(|name| form.text(name).is_some()) {
            None => Ok(("", 0)),
            Some(name) => {
                Err(Refusal::invalid(format!("{name} cannot be specified for target groups with target type 'lambda'")))
            }
        };
    }
    let protocol = form.required("Protocol")?;
    if !["HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP"].contains(&protocol) {
        let constraint = "Member must satisfy enum value set: [HTTP, HTTPS, TCP, TLS, UDP, TCP_UDP, GENEVE]";
        return Err(Refusal::constraint("Protocol", protocol, constraint));
    }
    let port = form
        .number_within("Port", 1, u32::from(u16::MAX))?
        .and_then(|port| u16::try_from(port).ok())
        .ok_or_else(|| Refusal::missing("Port"))?;
    Ok((protocol, port))
}

fn read_checks(form: &Form, target_type: TargetType, default: HealthChecks) -> Result<HealthChecks, Refusal> {
    let within = |name: &str, least: u32, most: u32, default: u32| {
        form.number_within(name, least, most).map(|found| found.unwrap_or(default))
    };
    let is_lambda = target_type == TargetType::Lambda;
    let enabled = form.flag("HealthCheckEnabled")?.unwrap_or(!is_lambda);
    if !enabled && !is_lambda {
        return Err(Refusal::invalid(format!(
            "Health check enabled must be true for target groups with target type '{}'",
            target_type.word()
        )));
    }
    let checks = HealthChecks {
        enabled,
        interval_seconds: within("HealthCheckIntervalSeconds", 5, 300, default.interval_seconds)?,
        timeout_seconds: within("HealthCheckTimeoutSeconds", 2, 120, default.timeout_seconds)?,
        healthy_threshold: within("HealthyThresholdCount", 2, 10, default.healthy_threshold)?,
        unhealthy_threshold: within("UnhealthyThresholdCount", 2, 10, default.unhealthy_threshold)?,
        joining_threshold: default.joining_threshold,
    };
    if checks.timeout_seconds >= checks.interval_seconds {
        return Err(Refusal::invalid("Health check timeout must be smaller than the interval"));
    }
    Ok(checks)
}
