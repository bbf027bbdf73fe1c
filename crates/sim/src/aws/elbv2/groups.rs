//! Target groups: `CreateTargetGroup` and `DescribeTargetGroups`.

use super::super::ec2::{DEFAULT_VPC, Ec2};
use super::super::effect::Writer;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::Elb;
use super::balancers::check_name;
use super::check::{CheckRequest, is_http};
use super::group::{Group, GroupSettings, TargetType};
use super::page::Page;
use super::target::HealthChecks;

impl Elb {
    /// Makes an empty group in the default network.
    pub(crate) fn make_group(&mut self, settings: GroupSettings) -> Result<&mut Group, Refusal> {
        check_name("Target group", &settings.name)?;
        if self.group_named(&settings.name).is_some() {
            return Err(Refusal::new(
                "DuplicateTargetGroupName",
                format!("A target group with the same name '{}' exists, but with different settings", settings.name),
            ));
        }
        let arn = self.registrar.group(&settings.name);
        let group = Group::new(arn.clone(), DEFAULT_VPC.to_owned(), settings, self.options.checks);
        Ok(self.groups.entry(arn).or_insert(group))
    }

    pub(super) fn create_target_group(&mut self, form: &Form, writer: &Writer, ec2: &Ec2) -> Result<Vec<Xml>, Refusal> {
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
        let (protocol, port, vpc) = read_way(form, target_type, ec2)?;
        let (checks, request) = CheckRequest::read(form, protocol, target_type, self.options.checks)?;
        let tags = Self::read_tags(form)?;
        let same = self.group_named(name).filter(|group| {
            group.protocol == protocol
                && group.port == port
                && group.vpc == vpc
                && group.target_type == target_type
                && group.checks == checks
                && group.check_request == request
        });
        if let Some(group) = same {
            // The same wish twice is granted once.
            return Ok(vec![Xml::list("TargetGroups", [self.describe_group(group)])]);
        }
        let protocol = protocol.to_owned();
        let settings =
            GroupSettings { target_type, protocol, port, checks: Some(checks), ..GroupSettings::named(name) };
        let group = self.make_group(settings)?;
        vpc.clone_into(&mut group.vpc);
        group.check_request = request;
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
        let mut elements = vec![Xml::text("TargetGroupArn", &group.arn), Xml::text("TargetGroupName", &group.name)];
        if group.target_type != TargetType::Lambda {
            elements.extend([
                Xml::text("Protocol", &group.protocol),
                Xml::text("Port", group.port),
                Xml::text("VpcId", &group.vpc),
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
        elements.extend(group.check_request.describe(group.target_type));
        if is_http(&group.protocol) {
            elements.push(Xml::text("ProtocolVersion", "HTTP1"));
        }
        elements
    }
}

/// Protocol and port towards targets, and the network in which these are; functions have none.
fn read_way<'a>(form: &'a Form, target_type: TargetType, ec2: &Ec2) -> Result<(&'a str, u16, &'a str), Refusal> {
    if target_type == TargetType::Lambda {
        return match ["Protocol", "Port", "VpcId"].iter().find(|name| form.text(name).is_some()) {
            None => Ok(("", 0, DEFAULT_VPC)),
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
    let vpc = form.text("VpcId").filter(|vpc| !vpc.is_empty());
    let vpc = vpc.ok_or_else(|| Refusal::invalid("A VPC ID must be specified"))?;
    ec2.vpc(vpc).map_err(|_| Refusal::invalid(format!("The VPC ID '{vpc}' is not found")))?;
    Ok((protocol, port, vpc))
}
