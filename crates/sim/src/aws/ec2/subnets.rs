//! Subnets: `CreateSubnet`, `DescribeSubnets`, `DeleteSubnet`.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::super::effect::Writer;
use super::super::elbv2::Elb;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::cidr::Cidr;
use super::fields::{invalid, not_together, required, texts};
use super::filter::{Field, Filters};
use super::instance::Instance;
use super::page::{describe, page};
use super::tags::tag_set;
use super::zones::Zone;
use super::{Ec2, Tags};

/// Subnets of a network, a quota of AWS.
const MOST_SUBNETS: usize = 200;

/// A subnet.
#[derive(Debug)]
pub(in crate::aws) struct Subnet {
    pub(super) id: String,
    pub(in crate::aws) vpc: String,
    pub(super) zone: Zone,
    pub(super) cidr: Cidr,
    /// Whether it is the one in which instances of its zone are made where nobody names one.
    pub(super) is_default: bool,
}

impl Subnet {
    /// The name of its zone.
    pub(in crate::aws) fn zone(&self) -> &str {
        &self.zone.name
    }
}

const FIELDS: &[Field<Subnet>] = &[
    (&["subnet-id"], |_, subnet, _| vec![subnet.id.clone()]),
    (&["subnet-arn"], |ec2, subnet, _| vec![ec2.arn("subnet", &subnet.id)]),
    (&["vpc-id"], |_, subnet, _| vec![subnet.vpc.clone()]),
    (&["availability-zone", "availabilityZone"], |_, subnet, _| vec![subnet.zone.name.clone()]),
    (&["availability-zone-id", "availabilityZoneId"], |_, subnet, _| vec![subnet.zone.id.clone()]),
    (&["available-ip-address-count"], |ec2, subnet, now| vec![ec2.free_addresses(subnet, now).to_string()]),
    (&["cidr-block", "cidr", "cidrBlock"], |_, subnet, _| vec![subnet.cidr.to_string()]),
    (&["default-for-az", "defaultForAz"], |_, subnet, _| vec![subnet.is_default.to_string()]),
    (&["owner-id"], |ec2, _, _| vec![ec2.account.clone()]),
    (&["state"], |_, _, _| vec!["available".to_owned()]),
];

impl Ec2 {
    pub(super) fn create_subnet(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let vpc = self.vpc(required(form, "VpcId")?)?;
        let text = required(form, "CidrBlock")?;
        let wrong = || invalid("cidrBlock", text, "This is not a valid CIDR block.");
        let cidr = Cidr::parse(text).ok_or_else(wrong)?;
        if !cidr.is_of_allowed_size() || !vpc.cidr.contains(cidr) {
            return Err(Refusal::new("InvalidSubnet.Range", format!("The CIDR '{text}' is invalid.")));
        }
        let siblings: Vec<&Subnet> = self.subnets.values().filter(|subnet| subnet.vpc == vpc.id).collect();
        if siblings.iter().any(|subnet| subnet.cidr.overlaps(cidr)) {
            let message = format!("The CIDR '{text}' conflicts with another subnet");
            return Err(Refusal::new("InvalidSubnet.Conflict", message));
        }
        let zone = self.read_zone(form, &siblings)?;
        let tags = Self::read_tags_of_new(form, "subnet")?;
        if siblings.len() >= MOST_SUBNETS {
            let message = format!("You have reached the limit of {MOST_SUBNETS} subnets for VPC '{}'", vpc.id);
            return Err(Refusal::new("SubnetLimitExceeded", message));
        }
        let vpc = vpc.id.clone();
        let id = self.draw_id("subnet");
        self.subnets.insert(id.clone(), Subnet { id: id.clone(), vpc, zone, cidr, is_default: false });
        self.set_tags(writer, &id, tags);
        Ok(vec![Xml::of("subnet", self.describe_subnet(self.subnet(&id)?, writer.now))])
    }

    /// The zone that is asked for. AWS chooses where none is; here the one that has fewest of these.
    fn read_zone(&self, form: &Form, siblings: &[&Subnet]) -> Result<Zone, Refusal> {
        let (name, id) = (form.text("AvailabilityZone"), form.text("AvailabilityZoneId"));
        let (parameter, asked) = match (name, id) {
            (Some(_), Some(_)) => return Err(not_together("availabilityZone", "availabilityZoneId")),
            (Some(name), None) => ("availabilityZone", name),
            (None, Some(id)) => ("availabilityZoneId", id),
            (None, None) => {
                let count = |zone: &&Zone| siblings.iter().filter(|subnet| subnet.zone.name == zone.name).count();
                return Ok(self.zones.iter().min_by_key(count).unwrap_or(&self.zones[0]).clone());
            }
        };
        let is_asked = |zone: &&Zone| if name.is_some() { zone.name == asked } else { zone.id == asked };
        let known = || self.zones.each_ref().map(|zone| zone.name.as_str()).join(", ");
        let wrong = || {
            let why =
                format!("Subnets can currently only be created in the following availability zones: {}.", known());
            invalid(parameter, asked, &why)
        };
        self.zones.iter().find(is_asked).cloned().ok_or_else(wrong)
    }

    pub(super) fn describe_subnets(&self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let ids = texts(form, "SubnetId");
        for id in &ids {
            self.subnet(id)?;
        }
        let filters = Filters::read(form, FIELDS, true)?;
        let is_meant = |subnet: &&Subnet| {
            (ids.is_empty() || ids.contains(subnet.id.as_str()))
                && filters.let_through(self, subnet, self.tags.get(&subnet.id), writer.now)
        };
        let found = self.subnets.values().filter(is_meant).map(|subnet| (subnet.id.clone(), subnet));
        let page = page(form, "SubnetId", found)?;
        Ok(describe(page, "subnetSet", |subnet| self.describe_subnet(subnet, writer.now)))
    }

    pub(super) fn delete_subnet(&mut self, form: &Form, writer: &Writer, elb: &mut Elb) -> Result<Vec<Xml>, Refusal> {
        let id = self.subnet(required(form, "SubnetId")?)?.id.clone();
        if self.instances_in(&id, writer.now).next().is_some() || elb.uses_subnet(&id) {
            let message = format!("The subnet '{id}' has dependencies and cannot be deleted.");
            return Err(Refusal::new("DependencyViolation", message));
        }
        self.subnets.remove(&id);
        self.set_tags(writer, &id, Tags::new());
        Ok(vec![Xml::text("return", true)])
    }

    fn instances_in<'a>(&'a self, subnet: &'a str, now: Timestamp) -> impl Iterator<Item = &'a Instance> {
        self.instances.values().filter(move |instance| instance.subnet == subnet && !instance.is_terminated(now))
    }

    /// The addresses of a subnet that nobody has, from the lowest on.
    pub(super) fn addresses<'a>(&self, subnet: &'a Subnet, now: Timestamp) -> impl Iterator<Item = Ipv4Addr> + 'a {
        let taken: BTreeSet<Ipv4Addr> =
            self.instances_in(&subnet.id, now).filter_map(|instance| instance.address).collect();
        subnet.cidr.hosts().map(Ipv4Addr::from_bits).filter(move |address| !taken.contains(address))
    }

    fn free_addresses(&self, subnet: &Subnet, now: Timestamp) -> usize {
        let has_address = |instance: &&Instance| instance.address.is_some();
        subnet.cidr.hosts().len().saturating_sub(self.instances_in(&subnet.id, now).filter(has_address).count())
    }

    fn describe_subnet(&self, subnet: &Subnet, now: Timestamp) -> Vec<Xml> {
        vec![
            Xml::text("subnetId", &subnet.id),
            Xml::text("subnetArn", self.arn("subnet", &subnet.id)),
            Xml::text("state", "available"),
            Xml::text("ownerId", &self.account),
            Xml::text("vpcId", &subnet.vpc),
            Xml::text("cidrBlock", subnet.cidr),
            Xml::of("ipv6CidrBlockAssociationSet", Vec::new()),
            Xml::text("availableIpAddressCount", self.free_addresses(subnet, now)),
            Xml::text("availabilityZone", &subnet.zone.name),
            Xml::text("availabilityZoneId", &subnet.zone.id),
            Xml::text("defaultForAz", subnet.is_default),
            // Nothing here has a public address.
            Xml::text("mapPublicIpOnLaunch", false),
            Xml::text("assignIpv6AddressOnCreation", false),
            tag_set(self.tags.get(&subnet.id)),
        ]
    }
}
