//! Elastic Compute Cloud: the networks, subnets, security groups and instances of an account in a region.
//!
//! Every region has a default network with a subnet in each of its three zones, as in a new account of AWS. What an instance
//! goes through by itself is written down with its instants when it is told to start or end; nothing here has to be
//! carried on.
//!
//! Names of parameters and elements are those of botocore's model (`ec2/2016-11-15/service-2.json`), which lists no errors:
//! codes are those of "Error codes for the Amazon EC2 API". Rules of security groups are not there yet.

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::groups::SecurityGroup;
use self::instance::Instance;
use self::subnets::Subnet;
use self::vpcs::Vpc;
use self::zones::Zone;
use super::AwsOptions;
use super::refusal::Refusal;

mod cidr;
mod dispatch;
mod fields;
mod filter;
mod groups;
pub(super) mod instance;
mod launch;
mod life;
mod look;
mod page;
mod rights;
mod subnets;
mod tags;
mod vpcs;
mod zones;

#[cfg(test)]
mod tests;

pub(super) use self::dispatch::EC2;
use self::tags::Tags;

/// The network that every region has from the start, its subnets by zone, and its security group.
pub(super) const DEFAULT_VPC: &str = "vpc-0123456789abcdef0";
pub(super) const DEFAULT_SUBNETS: [&str; 3] = ["subnet-0a1b2c3d", "subnet-4e5f6071", "subnet-8293a4b5"];
pub(super) const DEFAULT_GROUP: &str = "sg-0123456789abcdef0";

/// All of it.
#[derive(Debug)]
pub(crate) struct Ec2 {
    region: String,
    account: String,
    /// Draws identifiers.
    chance: fastrand::Rng,
    zones: [Zone; 3],
    vpcs: BTreeMap<String, Vpc>,
    subnets: BTreeMap<String, Subnet>,
    groups: BTreeMap<String, SecurityGroup>,
    instances: BTreeMap<String, Instance>,
    /// Tags by the identifier of what carries them.
    tags: BTreeMap<String, Tags>,
}

impl Ec2 {
    pub(super) fn new(seed: u64, options: &AwsOptions) -> Self {
        let mut ec2 = Self {
            region: options.region.clone(),
            account: options.account.clone(),
            chance: fastrand::Rng::with_seed(seed),
            zones: zones::of(&options.region),
            vpcs: BTreeMap::new(),
            subnets: BTreeMap::new(),
            groups: BTreeMap::new(),
            instances: BTreeMap::new(),
            tags: BTreeMap::new(),
        };
        ec2.make_default_network();
        ec2
    }

    /// Forgets how things were before an instant, and instances that are not told of any more.
    pub(super) fn forget_before(&mut self, at: Timestamp, now: Timestamp) {
        self.forget_instances(now);
        for instance in self.instances.values_mut() {
            instance.states.forget_before(at);
        }
    }

    /// The subnet of this identifier.
    pub(super) fn subnet(&self, id: &str) -> Result<&Subnet, Refusal> {
        let missing = || Refusal::new("InvalidSubnetID.NotFound", format!("The subnet ID '{id}' does not exist"));
        self.subnets.get(id).ok_or_else(missing)
    }

    /// The network of this identifier.
    pub(super) fn vpc(&self, id: &str) -> Result<&Vpc, Refusal> {
        let missing = || Refusal::new("InvalidVpcID.NotFound", format!("The vpc ID '{id}' does not exist"));
        self.vpcs.get(id).ok_or_else(missing)
    }

    /// The default network, where nobody has deleted it.
    fn default_vpc(&self) -> Result<&Vpc, Refusal> {
        let missing = || Refusal::new("VPCIdNotSpecified", "No default VPC for this user");
        self.vpcs.values().find(|vpc| vpc.is_default).ok_or_else(missing)
    }

    /// A new identifier, such as `vpc-0` and sixteen hexadecimal digits.
    fn draw_id(&mut self, kind: &str) -> String {
        format!("{kind}-0{:016x}", self.chance.u64(..))
    }

    /// The ARN of something of a kind, such as `subnet`.
    fn arn(&self, kind: &str, id: &str) -> String {
        format!("arn:aws:ec2:{}:{}:{kind}/{id}", self.region, self.account)
    }
}
