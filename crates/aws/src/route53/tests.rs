//! Route 53 as the inventory meets it: over zones of the simulated AWS, and over answers as AWS writes them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use weir_engine::Arn;
use weir_engine::dns::{
    Alias, ChangeId, ChangeSync, Content, DnsName, HostedZone, NameInZone, RecordSet, RecordType, Replace, Routing,
    ZoneId,
};
use weir_engine::fact::{AwsError, ErrorKind, Fact, Query};
use weir_engine::reader::Ask;
use weir_engine::write::{RecordsWrite, Write};
use weir_sim::aws::{Aws, AwsOptions, RecordEdit, RecordSays, RecordType as SimType, Route53Options};

use crate::budget::Family;
use crate::wire::{Bed, Reply, seconds, simulated_with};

mod changes;
mod conversions;
mod failures;
mod pages;

/// The zone of each test.
const ZONE: &str = "shop.example";

/// A zone of the simulated AWS.
pub(crate) struct Fixture {
    pub(crate) aws: Arc<Aws>,
    pub(crate) zone: ZoneId,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|options| options)
    }

    pub(crate) fn with(change: impl FnOnce(AwsOptions) -> AwsOptions) -> Self {
        let aws = simulated_with(change);
        let zone = ZoneId::new(&aws.add_zone(ZONE).unwrap());
        Self { aws, zone }
    }

    pub(crate) fn bed(&self) -> Bed {
        let aws = Arc::clone(&self.aws);
        Bed::new(move |_| Reply::Of(Arc::clone(&aws)))
    }

    /// Makes records that are alone, each with an address.
    pub(crate) fn add(&self, names: &[&str]) {
        let says = || RecordSays::Values(60, vec!["192.0.2.1".to_owned()]);
        let edits: Vec<RecordEdit> =
            names.iter().map(|name| RecordEdit::simple(&whole(name), SimType::A, says())).collect();
        self.aws.add_records(self.zone.as_str(), &edits).unwrap();
    }

    /// A name of the zone by its first labels.
    pub(crate) fn at(&self, labels: &str) -> NameInZone {
        NameInZone { zone: self.zone.clone(), name: DnsName::new(&whole(labels)) }
    }

    fn asks(&self, bed: &Bed, labels: &[&str]) -> Vec<Ask> {
        labels.iter().map(|labels| bed.ask(Query::Records(self.at(labels)))).collect()
    }

    /// The records at a name, read now.
    async fn read(&self, bed: &Bed, labels: &str) -> Vec<RecordSet> {
        records(&bed.fresh(Query::Records(self.at(labels))).await)
    }

    /// A write that replaces what stands at a name.
    pub(crate) fn write(&self, labels: &str, delete: Vec<RecordSet>, create: Vec<RecordSet>) -> Write {
        let batch = Replace { name: self.at(labels).name, create, delete };
        RecordsWrite { zone: Arn::new(self.zone.arn("aws")), epoch: None, split: BTreeMap::new(), batch }.into()
    }
}

fn whole(labels: &str) -> String {
    format!("{labels}.{ZONE}")
}

fn records(fact: &Fact) -> Vec<RecordSet> {
    fact.reading::<Vec<RecordSet>>().unwrap().found.unwrap().clone()
}

fn failed(fact: &Fact) -> AwsError {
    fact.failure().unwrap().clone()
}

/// A record of the zone with addresses.
pub(crate) fn record(labels: &str, routing: Routing, ttl: u32, values: &[&str]) -> RecordSet {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    RecordSet {
        name: DnsName::new(&whole(labels)),
        kind: RecordType::A,
        routing,
        content: Content::Values { ttl, values },
        health_check: None,
    }
}

pub(crate) fn weighted(identifier: &str, weight: u16) -> Routing {
    Routing::Weighted { identifier: identifier.into(), weight }
}
