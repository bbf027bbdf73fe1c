//! Instances are made: `RunInstances`, and by the hand of whoever sets a world up.

use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::effect::Writer;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::timeline::Timeline;
use super::super::xml::Xml;
use super::fields::{invalid, missing, number, required, texts};
use super::instance::{Instance, Launch, State, Wish};
use super::life::is_hexadecimal;
use super::subnets::Subnet;
use super::{DEFAULT_GROUP, DEFAULT_SUBNETS, DEFAULT_VPC, Ec2, Tags};

/// Instances of a region that are not terminated. AWS counts processors instead; the bound is ours.
const MOST_INSTANCES: usize = 1_000;
/// Security groups of an instance, a quota of AWS.
const MOST_GROUPS: usize = 5;
/// What instances are made of that no call asked for.
const IMAGE: &str = "ami-0123456789abcdef0";
const KIND: &str = "t3.micro";

impl Ec2 {
    /// Makes instances of an image, of which every one that has a proper identifier is there.
    pub(super) fn run_instances(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let wish = read_wish(form)?;
        let token = form.text("ClientToken").filter(|token| !token.is_empty());
        if let Some(token) = token.filter(|token| token.len() > 64) {
            return Err(invalid("clientToken", token, "A token has up to 64 characters."));
        }
        let known = self.instances.values().map(|instance| &instance.launch);
        if let Some(launch) = known.into_iter().find(|launch| token.is_some() && launch.token.as_deref() == token) {
            // The same wish twice is granted once.
            if launch.wish != wish {
                let message = "The request uses the same client token as a previous, but non-identical request.";
                return Err(Refusal::new("IdempotentParameterMismatch", message));
            }
            return Ok(self.describe_reservation(&launch.reservation, writer.now));
        }
        let subnet = self.subnet_for(&wish)?;
        let groups = self.groups_for(&wish, subnet)?;
        let (vpc, zone, id) = (subnet.vpc.clone(), subnet.zone.name.clone(), subnet.id.clone());
        let addresses = self.room_for(&wish, subnet, writer.now)?;
        let token = token.map(str::to_owned);
        let launch = Arc::new(Launch { reservation: self.draw_id("r"), wish, token });
        for (index, address) in (0..).zip(addresses) {
            let mut instance = Instance {
                id: self.draw_id("i"),
                launch: Arc::clone(&launch),
                index,
                vpc: vpc.clone(),
                subnet: id.clone(),
                zone: zone.clone(),
                groups: groups.clone(),
                address: Some(address),
                launched: writer.now,
                states: Timeline::default(),
            };
            instance.start(writer.now);
            let id = instance.id.clone();
            self.instances.insert(id.clone(), instance);
            self.set_tags(writer, &id, launch.wish.tags.clone());
        }
        Ok(self.describe_reservation(&launch.reservation, writer.now))
    }

    /// The subnet that a wish names, or a default one.
    fn subnet_for(&self, wish: &Wish) -> Result<&Subnet, Refusal> {
        if let Some(id) = &wish.subnet {
            return self.subnet(id);
        }
        let vpc = &self.default_vpc()?.id;
        let found = self.zones.iter().find_map(|zone| {
            self.subnets
                .values()
                .find(|subnet| subnet.is_default && subnet.vpc == *vpc && subnet.zone.name == zone.name)
        });
        let none = || {
            let message = format!("No subnets found for the default VPC '{vpc}'. Please specify a subnet.");
            Refusal::new("MissingInput", message)
        };
        found.ok_or_else(none)
    }

    /// The security groups that a wish names, or that of the network.
    fn groups_for(&self, wish: &Wish, subnet: &Subnet) -> Result<Vec<String>, Refusal> {
        for id in &wish.groups {
            if self.group(id)?.vpc != subnet.vpc {
                let message = format!("Security group {id} and subnet {} belong to different networks.", subnet.id);
                return Err(Refusal::new("InvalidParameter", message));
            }
        }
        if wish.groups.len() > MOST_GROUPS {
            let message = "You have exceeded the number of security groups that an instance can have.";
            return Err(Refusal::new("SecurityGroupsPerInstanceLimitExceeded", message));
        }
        if wish.groups.is_empty() {
            return Ok(self.default_group_of(&subnet.vpc).map(|group| group.id.clone()).into_iter().collect());
        }
        Ok(wish.groups.clone())
    }

    /// An address for each instance that a wish can have: as many as it wants at most, if there is room for its least.
    fn room_for(&self, wish: &Wish, subnet: &Subnet, now: Timestamp) -> Result<Vec<Ipv4Addr>, Refusal> {
        let (least, most) = wish.count;
        let alive = self.instances.values().filter(|instance| !instance.is_terminated(now)).count();
        let room = u32::try_from(MOST_INSTANCES.saturating_sub(alive)).unwrap_or(u32::MAX);
        if room < least {
            let message = format!(
                "You have requested more instances ({least}) than your current instance limit of {MOST_INSTANCES} allows \
                 for the specified instance type."
            );
            return Err(Refusal::new("InstanceLimitExceeded", message));
        }
        let free = self.addresses(subnet, now);
        let addresses: Vec<Ipv4Addr> = free.zip(0..most.min(room)).map(|(address, _)| address).collect();
        if u32::try_from(addresses.len()).is_ok_and(|found| found < least) {
            let message = format!(
                "There are not enough free addresses in subnet '{}' to satisfy the requested number of instances.",
                subnet.id
            );
            return Err(Refusal::new("InsufficientFreeAddressesInSubnet", message));
        }
        Ok(addresses)
    }

    /// Makes an instance that runs at once, in the default network. Its identifier can be any text.
    pub(super) fn make_by_hand(&mut self, now: Timestamp, id: &str) {
        let launch = Launch {
            reservation: self.draw_id("r"),
            wish: Wish {
                image: IMAGE.to_owned(),
                kind: KIND.to_owned(),
                count: (1, 1),
                subnet: None,
                groups: Vec::new(),
                tags: Tags::new(),
            },
            token: None,
        };
        let subnet = DEFAULT_SUBNETS[0];
        let address = self.subnets.get(subnet).and_then(|subnet| self.addresses(subnet, now).next());
        let instance = Instance {
            id: id.to_owned(),
            launch: Arc::new(launch),
            index: 0,
            vpc: DEFAULT_VPC.to_owned(),
            subnet: subnet.to_owned(),
            zone: self.zones[0].name.clone(),
            groups: vec![DEFAULT_GROUP.to_owned()],
            address,
            launched: now,
            states: Timeline::starting(now, State::Running),
        };
        self.instances.insert(id.to_owned(), instance);
    }
}

/// What a request wants to have made.
fn read_wish(form: &Form) -> Result<Wish, Refusal> {
    let image = required(form, "ImageId")?;
    if !image.strip_prefix("ami-").is_some_and(is_hexadecimal) {
        let message = format!("Invalid id: \"{image}\" (expecting \"ami-...\")");
        return Err(Refusal::new("InvalidAMIID.Malformed", message));
    }
    let kind = form.text("InstanceType").unwrap_or("m1.small");
    let is_word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if !kind.split_once('.').is_some_and(|(family, size)| is_word(family) && is_word(size)) || kind.len() > 64 {
        return Err(invalid("InstanceType", kind, "It is not a type of instances."));
    }
    let count = |name: &str| number(form, name, 1, u32::MAX)?.ok_or_else(|| missing(name));
    let (least, most) = (count("MinCount")?, count("MaxCount")?);
    if least > most {
        return Err(invalid("maxCount", &most.to_string(), "It is less than minCount."));
    }
    Ok(Wish {
        image: image.to_owned(),
        kind: kind.to_owned(),
        count: (least, most),
        subnet: form.text("SubnetId").map(str::to_owned),
        groups: texts(form, "SecurityGroupId").into_iter().map(str::to_owned).collect(),
        tags: Ec2::read_tags_of_new(form, "instance")?,
    })
}
