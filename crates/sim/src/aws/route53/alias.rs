//! Targets of aliases outside of a zone: the balancers of all accounts and regions, as their names tell them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::super::effect::{Change, Writer};
use super::super::elbv2::Balancer;
use super::super::partition::{AccountRegion, Partition};
use super::name::DnsName;
use super::record::{Content, Policy, Record, RecordType, SetKey};
use super::zone::Zone;

/// A prefix of names of balancers that changes nothing.
const DUAL_STACK: &str = "dualstack.";

/// The name that a balancer tells.
fn plain(target: &DnsName) -> &str {
    target.bare().strip_prefix(DUAL_STACK).unwrap_or(target.bare())
}

/// Whether a name is as only balancers have them.
pub(super) fn is_of_balancer(name: &DnsName) -> bool {
    let name = name.bare();
    name.ends_with(".elb.amazonaws.com") || name.ends_with(".amazonaws.com") && name.contains(".elb.")
}

/// A balancer that an alias can have for a target.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) arn: String,
    pub(super) name: String,
    /// The zone that it tells for its name.
    pub(super) zone: String,
    pub(super) has_ipv6: bool,
    place: AccountRegion,
}

/// All balancers by the name in DNS, in small letters and without a dot at the end.
#[derive(Clone, Debug, Default)]
pub(super) struct Balancers {
    targets: BTreeMap<String, Target>,
    /// The zones in which there are names of balancers.
    zones: BTreeSet<String>,
}

impl Balancers {
    /// Those that there are now.
    pub(super) fn of(partition: &Partition) -> Self {
        let mut all = Self::default();
        for (place, regional) in partition.everywhere() {
            for balancer in regional.elbv2.balancers.values() {
                let name = balancer.dns_name(&place.region).to_ascii_lowercase();
                all.zones.insert(balancer.hosted_zone().to_owned());
                all.targets.insert(name, Target::of(balancer, place));
            }
        }
        all
    }

    /// The balancer of a name.
    pub(super) fn find(&self, target: &DnsName) -> Option<&Target> {
        self.targets.get(plain(target))
    }

    /// How the records of a name and type split the traffic: weights by name of balancer, or by what else they say.
    fn shares(&self, records: &[Arc<Record>]) -> BTreeMap<String, u32> {
        let mut shares = BTreeMap::new();
        for record in records {
            let weight = if let Policy::Weighted(weight) = record.policy { weight } else { 1 };
            *shares.entry(self.member(record)).or_default() += weight;
        }
        shares
    }

    fn member(&self, record: &Record) -> String {
        match &record.content {
            Content::Plain { values, .. } => values.join(","),
            Content::Alias { target, .. } => {
                self.find(target).map_or_else(|| target.bare().to_owned(), |found| found.name.clone())
            }
        }
    }

    /// Notes how the records of a name and type are split since now, where they lead clients.
    pub(super) fn note(
        &self,
        writer: &Writer,
        zone: &Zone,
        set: &SetKey,
        (before, after): (&[Arc<Record>], &[Arc<Record>]),
    ) {
        let (before, after) = (self.shares(before), self.shares(after));
        if set.1.leads() && before != after {
            let place = format!("{}/{}/{}", zone.arn(), set.0.bare(), set.1);
            writer.note(Change::Weights { place, before, after });
        }
    }
}

impl Target {
    /// The balancer of one name, without a list of all: name servers are asked often.
    pub(super) fn find(partition: &Partition, target: &DnsName) -> Option<Self> {
        let name = plain(target);
        partition.everywhere().find_map(|(place, regional)| {
            let is_it = |balancer: &&Balancer| balancer.has_dns_name(name, &place.region);
            regional.elbv2.balancers.values().find(is_it).map(|balancer| Self::of(balancer, place))
        })
    }

    fn of(balancer: &Balancer, place: &AccountRegion) -> Self {
        Self {
            arn: balancer.arn.clone(),
            name: balancer.name.clone(),
            zone: balancer.hosted_zone().to_owned(),
            has_ipv6: balancer.has_ipv6(),
            place: place.clone(),
        }
    }

    /// Whether its name has addresses of a type.
    pub(super) fn has(&self, kind: RecordType) -> bool {
        kind == RecordType::A || kind == RecordType::Aaaa && self.has_ipv6
    }

    /// Whether it is healthy as an alias that evaluates its target sees it, and when that may change.
    pub(super) fn health(&self, partition: &Partition, at: Timestamp) -> (bool, Option<Timestamp>) {
        let mut everywhere = partition.everywhere();
        let regional = everywhere.find(|(place, _)| **place == self.place).map(|(_, regional)| regional);
        regional.map_or((false, None), |regional| regional.elbv2.health_of(&self.arn, at))
    }
}
