//! Balancers: `CreateLoadBalancer`, `DescribeLoadBalancers`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::super::ec2::{DEFAULT_GROUP, DEFAULT_SUBNETS, DEFAULT_VPC, Ec2};
use super::super::effect::Writer;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::arn::Resource;
use super::page::Page;
use super::{Balancer, BalancerKind, Elb};

/// How long AWS takes to provision a balancer: two to three minutes in practice, published nowhere.
const PROVISIONING: Duration = Duration::from_mins(2);
/// The zones in which AWS keeps the names of application and of network balancers in eu-west-1. It has two for each region;
/// here those of one stand for all.
const APPLICATION_ZONE: &str = "Z32O12XQLNTSW2";
const NETWORK_ZONE: &str = "Z2IFOLAFXWLO4F";

impl Elb {
    /// Makes a balancer in two zones of the default network, active at once while a world is set up.
    pub(crate) fn make_balancer(
        &mut self,
        writer: &Writer,
        kind: BalancerKind,
        name: &str,
    ) -> Result<&mut Balancer, Refusal> {
        check_name("Load balancer", name)?;
        if name.starts_with("internal-") {
            return Err(Refusal::invalid(format!("Load balancer name '{name}' cannot begin with 'internal-'")));
        }
        if self.balancer_named(name).is_some() {
            return Err(Refusal::new(
                "DuplicateLoadBalancerName",
                format!("A load balancer with the same name '{name}' exists, but with different settings"),
            ));
        }
        let arn = self.registrar.balancer(kind.short(), name);
        let is_application = kind == BalancerKind::Application;
        let region = &self.options.region;
        let in_zone = |(subnet, letter): (&&str, char)| (format!("{region}{letter}"), (*subnet).to_owned());
        let balancer = Balancer {
            arn: arn.clone(),
            name: name.to_owned(),
            kind,
            scheme: "internet-facing".to_owned(),
            vpc: DEFAULT_VPC.to_owned(),
            subnets: DEFAULT_SUBNETS[..2].iter().zip('a'..).map(in_zone).collect(),
            security_groups: if is_application { vec![DEFAULT_GROUP.to_owned()] } else { Vec::new() },
            dual_stack: false,
            client_keep_alive: 3600,
            created: writer.now,
            active_from: if writer.at_once { writer.now } else { writer.now + PROVISIONING },
        };
        Ok(self.balancers.entry(arn).or_insert(balancer))
    }

    pub(super) fn create_load_balancer(
        &mut self,
        form: &Form,
        writer: &Writer,
        ec2: &Ec2,
    ) -> Result<Vec<Xml>, Refusal> {
        let name = form.required("Name")?;
        let kind = match form.text("Type").unwrap_or("application") {
            "application" => BalancerKind::Application,
            "network" => BalancerKind::Network,
            other => {
                let constraint = "Member must satisfy enum value set: [application, network, gateway]";
                return Err(Refusal::constraint("Type", other, constraint));
            }
        };
        let scheme = form.text("Scheme").unwrap_or("internet-facing");
        if !["internet-facing", "internal"].contains(&scheme) {
            return Err(Refusal::new(
                "InvalidScheme",
                format!("Scheme '{scheme}' is neither internet-facing nor internal"),
            ));
        }
        let dual_stack = match form.text("IpAddressType").unwrap_or("ipv4") {
            "ipv4" => false,
            "dualstack" => true,
            other => {
                let constraint = "Member must satisfy enum value set: [ipv4, dualstack, dualstack-without-public-ipv4]";
                return Err(Refusal::constraint("IpAddressType", other, constraint));
            }
        };
        let site = Site::read(form, kind, ec2)?;
        let tags = Self::read_tags(form)?;
        if let Some(present) = self.balancer_named(name)
            && present.kind == kind
            && present.scheme == scheme
        {
            // The same wish twice is granted once.
            let described = present.describe(&self.options.region, writer.now);
            return Ok(vec![Xml::list("LoadBalancers", [described])]);
        }
        let region = self.options.region.clone();
        let balancer = self.make_balancer(writer, kind, name)?;
        scheme.clone_into(&mut balancer.scheme);
        balancer.dual_stack = dual_stack;
        let Site { vpc, subnets, security_groups } = site;
        (balancer.vpc, balancer.subnets, balancer.security_groups) = (vpc, subnets, security_groups);
        let (arn, described) = (balancer.arn.clone(), balancer.describe(&region, writer.now));
        self.put_tags(writer, &arn, tags)?;
        Ok(vec![Xml::list("LoadBalancers", [described])])
    }

    /// Whether a balancer stands in a subnet.
    pub(in crate::aws) fn uses_subnet(&self, subnet: &str) -> bool {
        self.balancers.values().any(|balancer| balancer.subnets.iter().any(|(_, used)| used == subnet))
    }

    /// Whether a balancer has a security group.
    pub(in crate::aws) fn uses_security_group(&self, group: &str) -> bool {
        self.balancers.values().any(|balancer| balancer.security_groups.iter().any(|used| used == group))
    }

    pub(super) fn describe_load_balancers(&self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let (arns, names) = (form.texts("LoadBalancerArns"), form.texts("Names"));
        if !arns.is_empty() && !names.is_empty() {
            return Err(Refusal::invalid("Load balancer ARNs and names cannot be specified at the same time"));
        }
        for arn in &arns {
            self.balancer(arn)?;
        }
        if let Some(name) = names.iter().find(|name| self.balancer_named(name).is_none()) {
            return Err(Refusal::new(
                Resource::Balancer.not_found().code,
                format!("Load balancers '[{name}]' not found"),
            ));
        }
        let is_meant = |balancer: &&Balancer| {
            (arns.is_empty() || arns.contains(&balancer.arn.as_str()))
                && (names.is_empty() || names.contains(&balancer.name.as_str()))
        };
        let found = self.balancers.values().filter(is_meant).map(|balancer| (balancer.arn.clone(), balancer));
        let describe = |balancer: &Balancer| balancer.describe(&self.options.region, writer.now);
        Ok(Page::of(form, found)?.describe("LoadBalancers", describe))
    }
}

/// Where a balancer is to stand.
struct Site {
    vpc: String,
    /// The names of its zones, and its subnet in each.
    subnets: Vec<(String, String)>,
    security_groups: Vec<String>,
}

impl Site {
    /// Reads which subnets and security groups a request names, all of which must be of one network.
    fn read(form: &Form, kind: BalancerKind, ec2: &Ec2) -> Result<Self, Refusal> {
        let mut asked = form.texts("Subnets");
        asked.extend(form.list("SubnetMappings").iter().filter_map(|mapping| mapping.text("SubnetId")));
        let mut zones = BTreeMap::new();
        let mut vpcs = BTreeSet::new();
        for id in &asked {
            let missing = || Refusal::new("SubnetNotFound", format!("The subnet ID '{id}' is not found"));
            let subnet = ec2.subnet(id).map_err(|_| missing())?;
            vpcs.insert(subnet.vpc.as_str());
            if zones.insert(subnet.zone().to_owned(), (*id).to_owned()).is_some() {
                let message = "A load balancer cannot be attached to multiple subnets in the same Availability Zone";
                return Err(Refusal::new("InvalidConfigurationRequest", message));
            }
        }
        if zones.len() < if kind == BalancerKind::Application { 2 } else { 1 } {
            return Err(Refusal::invalid("At least two subnets in two different Availability Zones must be specified"));
        }
        let vpc = vpcs.pop_first().unwrap_or(DEFAULT_VPC).to_owned();
        if !vpcs.is_empty() {
            let subnets = asked.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
            let message = format!("All subnets must belong to the same VPC: {subnets}");
            return Err(Refusal::new("InvalidConfigurationRequest", message));
        }
        let security_groups = read_security_groups(form, kind, &vpc, ec2)?;
        Ok(Self { vpc, subnets: zones.into_iter().collect(), security_groups })
    }
}

/// The security groups that a request names; an application balancer has that of its network otherwise.
fn read_security_groups(form: &Form, kind: BalancerKind, vpc: &str, ec2: &Ec2) -> Result<Vec<String>, Refusal> {
    let asked = form.texts("SecurityGroups");
    if asked.is_empty() && kind == BalancerKind::Application {
        return Ok(ec2.default_group_of(vpc).map(|group| group.id.clone()).into_iter().collect());
    }
    let wrong = |id: &&&str| !ec2.group(id).is_ok_and(|group| group.vpc == vpc);
    match asked.iter().find(wrong) {
        Some(id) => Err(Refusal::new("InvalidSecurityGroup", format!("Security group '{id}' is not in VPC '{vpc}'"))),
        None => Ok(asked.into_iter().map(str::to_owned).collect()),
    }
}

impl Balancer {
    /// Its name in DNS.
    pub(crate) fn dns_name(&self, region: &str) -> String {
        let id = self.arn.rsplit('/').next().unwrap_or_default();
        let internal = if self.scheme == "internal" { "internal-" } else { "" };
        match self.kind {
            // The names of application balancers end in a number.
            BalancerKind::Application => {
                let number = u64::from_str_radix(id, 16).unwrap_or_default() % 2_000_000_000;
                format!("{internal}{}-{number}.{region}.elb.amazonaws.com", self.name)
            }
            BalancerKind::Network => format!("{}-{id}.elb.{region}.amazonaws.com", self.name),
        }
    }

    /// Whether this is its name in DNS, in small letters.
    pub(crate) fn has_dns_name(&self, name: &str, region: &str) -> bool {
        // Most are told apart by their beginning, without the whole name.
        let begin = name.strip_prefix("internal-").unwrap_or(name).get(..self.name.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(&self.name))
            && self.dns_name(region).eq_ignore_ascii_case(name)
    }

    /// The zone of Route 53 in which its name stands.
    pub(crate) fn hosted_zone(&self) -> &'static str {
        match self.kind {
            BalancerKind::Application => APPLICATION_ZONE,
            BalancerKind::Network => NETWORK_ZONE,
        }
    }

    /// For how long a client can keep a connection. A network balancer does not end a flow while its target is there; an hour
    /// is taken to be the longest.
    pub(crate) fn keeps_connections(&self) -> Duration {
        match self.kind {
            BalancerKind::Application => Duration::from_secs(u64::from(self.client_keep_alive)),
            BalancerKind::Network => Duration::from_hours(1),
        }
    }

    /// Whether its name has addresses of version 6 too.
    pub(crate) fn has_ipv6(&self) -> bool {
        self.dual_stack
    }

    fn describe(&self, region: &str, now: Timestamp) -> Vec<Xml> {
        let state = if now < self.active_from { "provisioning" } else { "active" };
        let zones = self.subnets.iter().map(|(zone, subnet)| {
            vec![
                Xml::text("ZoneName", zone),
                Xml::text("SubnetId", subnet),
                Xml::of("LoadBalancerAddresses", Vec::new()),
            ]
        });
        vec![
            Xml::text("LoadBalancerArn", &self.arn),
            Xml::text("DNSName", self.dns_name(region)),
            Xml::text("CanonicalHostedZoneId", self.hosted_zone()),
            Xml::text("CreatedTime", format!("{:.3}", self.created)),
            Xml::text("LoadBalancerName", &self.name),
            Xml::text("Scheme", &self.scheme),
            Xml::text("VpcId", &self.vpc),
            Xml::of("State", vec![Xml::text("Code", state)]),
            Xml::text("Type", self.kind.word()),
            Xml::list("AvailabilityZones", zones),
            Xml::texts("SecurityGroups", &self.security_groups),
            Xml::text("IpAddressType", if self.dual_stack { "dualstack" } else { "ipv4" }),
        ]
    }
}

/// Names of balancers and groups: up to 32 letters, digits and hyphens, no hyphen at the ends.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    let refused = |why: &str| Err(Refusal::invalid(format!("{what} name '{name}' {why}")));
    if name.is_empty() || name.len() > 32 {
        return refused("cannot be longer than '32' characters or empty");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return refused("can only contain characters that are alphanumeric characters and hyphens(-)");
    }
    if name.starts_with('-') || name.ends_with('-') {
        return refused("cannot begin or end with a hyphen(-)");
    }
    Ok(())
}
