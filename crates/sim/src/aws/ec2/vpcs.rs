//! Networks: `CreateVpc`, `DescribeVpcs`, `DeleteVpc`; and the one that is there from the start.

use super::super::effect::Writer;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::cidr::Cidr;
use super::fields::{invalid, required, texts};
use super::filter::{Field, Filters};
use super::page::{describe, page};
use super::subnets::Subnet;
use super::tags::tag_set;
use super::{DEFAULT_GROUP, DEFAULT_SUBNETS, DEFAULT_VPC, Ec2};

/// Networks of a region, a quota of AWS.
const MOST_VPCS: usize = 5;
/// The options of DHCP that every network has. They cannot be changed here.
const DHCP_OPTIONS: &str = "dopt-0123456789abcdef0";

/// A network.
#[derive(Debug)]
pub(in crate::aws) struct Vpc {
    pub(super) id: String,
    pub(super) cidr: Cidr,
    pub(super) is_default: bool,
}

const FIELDS: &[Field<Vpc>] = &[
    (&["vpc-id"], |_, vpc, _| vec![vpc.id.clone()]),
    (&["cidr", "cidr-block-association.cidr-block"], |_, vpc, _| vec![vpc.cidr.to_string()]),
    (&["cidr-block-association.state"], |_, _, _| vec!["associated".to_owned()]),
    (&["dhcp-options-id"], |_, _, _| vec![DHCP_OPTIONS.to_owned()]),
    (&["is-default", "isDefault"], |_, vpc, _| vec![vpc.is_default.to_string()]),
    (&["owner-id"], |ec2, _, _| vec![ec2.account.clone()]),
    (&["state"], |_, _, _| vec!["available".to_owned()]),
];

impl Ec2 {
    /// Makes the network that every region has from the start.
    pub(super) fn make_default_network(&mut self) {
        let cidr = |text: &str| Cidr::parse(text).expect("what is written here is a range");
        let vpc = Vpc { id: DEFAULT_VPC.to_owned(), cidr: cidr("172.31.0.0/16"), is_default: true };
        self.vpcs.insert(DEFAULT_VPC.to_owned(), vpc);
        let ranges = ["172.31.0.0/20", "172.31.16.0/20", "172.31.32.0/20"];
        for (zone, (id, range)) in self.zones.clone().into_iter().zip(DEFAULT_SUBNETS.into_iter().zip(ranges)) {
            let (vpc, id) = (DEFAULT_VPC.to_owned(), id.to_owned());
            self.subnets.insert(id.clone(), Subnet { id, vpc, zone, cidr: cidr(range), is_default: true });
        }
        self.make_default_group(DEFAULT_GROUP.to_owned(), DEFAULT_VPC);
    }

    pub(super) fn create_vpc(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let text = required(form, "CidrBlock")?;
        let wrong = || invalid("cidrBlock", text, "This is not a valid CIDR block.");
        let cidr = Cidr::parse(text).ok_or_else(wrong)?;
        if !cidr.is_of_allowed_size() {
            return Err(Refusal::new("InvalidVpc.Range", format!("The CIDR '{text}' is invalid.")));
        }
        let tenancy = form.text("InstanceTenancy").unwrap_or("default");
        if tenancy != "default" {
            return Err(invalid("instanceTenancy", tenancy, "Only default is known here."));
        }
        let tags = Self::read_tags_of_new(form, "vpc")?;
        if self.vpcs.len() >= MOST_VPCS {
            return Err(Refusal::new("VpcLimitExceeded", "The maximum number of VPCs has been reached."));
        }
        let (id, group) = (self.draw_id("vpc"), self.draw_id("sg"));
        self.vpcs.insert(id.clone(), Vpc { id: id.clone(), cidr, is_default: false });
        self.make_default_group(group, &id);
        self.set_tags(writer, &id, tags);
        Ok(vec![Xml::of("vpc", self.describe_vpc(self.vpc(&id)?))])
    }

    pub(super) fn describe_vpcs(&self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let ids = texts(form, "VpcId");
        for id in &ids {
            self.vpc(id)?;
        }
        let filters = Filters::read(form, FIELDS, true)?;
        let is_meant = |vpc: &&Vpc| {
            (ids.is_empty() || ids.contains(vpc.id.as_str()))
                && filters.let_through(self, vpc, self.tags.get(&vpc.id), writer.now)
        };
        let found = self.vpcs.values().filter(is_meant).map(|vpc| (vpc.id.clone(), vpc));
        Ok(describe(page(form, "VpcId", found)?, "vpcSet", |vpc| self.describe_vpc(vpc)))
    }

    /// Takes away a network and its default security group, where nothing else is in it.
    pub(super) fn delete_vpc(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let id = self.vpc(required(form, "VpcId")?)?.id.clone();
        let default = self.default_group_of(&id).map(|group| group.id.clone());
        let has_subnets = self.subnets.values().any(|subnet| subnet.vpc == id);
        if has_subnets || self.groups.values().any(|group| group.vpc == id && !group.is_default()) {
            let message = format!("The vpc '{id}' has dependencies and cannot be deleted.");
            return Err(Refusal::new("DependencyViolation", message));
        }
        for gone in default.into_iter().chain([id]) {
            self.groups.remove(&gone);
            self.vpcs.remove(&gone);
            self.set_tags(writer, &gone, super::Tags::new());
        }
        Ok(vec![Xml::text("return", true)])
    }

    fn describe_vpc(&self, vpc: &Vpc) -> Vec<Xml> {
        let association = vec![
            Xml::text("associationId", vpc.id.replacen("vpc-", "vpc-cidr-assoc-", 1)),
            Xml::text("cidrBlock", vpc.cidr),
            Xml::of("cidrBlockState", vec![Xml::text("state", "associated")]),
        ];
        vec![
            Xml::text("vpcId", &vpc.id),
            Xml::text("ownerId", &self.account),
            Xml::text("state", "available"),
            Xml::text("cidrBlock", vpc.cidr),
            Xml::items("cidrBlockAssociationSet", [association]),
            Xml::text("dhcpOptionsId", DHCP_OPTIONS),
            Xml::text("instanceTenancy", "default"),
            Xml::text("isDefault", vpc.is_default),
            tag_set(self.tags.get(&vpc.id)),
        ]
    }
}
