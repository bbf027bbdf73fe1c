//! Writes to a name on Route 53.

use std::collections::BTreeMap;

use crate::Arn;
use crate::dns::{RecordSet, RecordType, Replace, ZoneId};

/// Replaces what stands at one name: all of it, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordsWrite {
    /// The ARN of the zone.
    pub zone: Arn,
    /// The number of the change; `None` where Weir's records only go, or none of them is replaced.
    pub epoch: Option<u32>,
    /// The weights that it makes live, by balancer, as far as it is known where records lead.
    pub split: BTreeMap<Arn, u16>,
    /// What goes and what is made.
    pub batch: Replace,
}

impl RecordsWrite {
    /// The operation of Route 53 that carries it out.
    pub fn operation(&self) -> &'static str {
        "ChangeResourceRecordSets"
    }

    /// The identifier of the zone.
    pub fn zone_id(&self) -> Option<ZoneId> {
        ZoneId::of_arn(self.zone.as_str())
    }

    /// The records that are made at the name, with their weights: `blue.17.weir-9c1f03ab42d7 75`.
    pub fn words(&self) -> String {
        let made = self.batch.create.iter().filter(|record| record.kind != RecordType::Txt);
        let words = |record: &RecordSet| {
            let weight = record.weight().map(|weight| format!(" {weight}")).unwrap_or_default();
            format!("{} {}{weight}", record.kind, record.identifier())
        };
        let words: Vec<String> = made.map(words).collect();
        let words = if words.is_empty() { "what is remembered there".to_owned() } else { words.join(", ") };
        format!("{}: {words}", self.batch.name)
    }
}
