//! A hosted zone: its records as they are listed, and as each of its name servers has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::refusal::Refusal;
use super::super::timeline::Timeline;
use super::name::DnsName;
use super::record::{Record, RecordKey, RecordSet, RecordType, SetKey};
use super::sync::Pending;

/// How many name servers a zone has.
pub(super) const SERVERS: usize = 4;

/// A private network that sees a private zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vpc {
    pub(super) id: String,
    pub(super) region: String,
}

/// A hosted zone.
#[derive(Debug)]
pub(super) struct Zone {
    pub(super) id: String,
    pub(super) name: DnsName,
    pub(super) reference: String,
    pub(super) comment: Option<String>,
    /// Who sees it, where not everybody does.
    pub(super) vpc: Option<Vpc>,
    /// Without dots at the end.
    pub(super) servers: [String; SERVERS],
    pub(super) records: BTreeMap<RecordKey, Arc<Record>>,
    pub(super) protections: BTreeMap<SetKey, Option<String>>,
    pub(super) tags: BTreeMap<String, String>,
    /// Whether it can be changed while its first region is not there, and since when it could or could not.
    pub(super) recovery: Option<(bool, Timestamp)>,
    /// Until then it takes no other batch.
    pub(super) busy_until: Timestamp,
    /// What each name server has.
    pub(super) served: BTreeMap<SetKey, [Timeline<RecordSet>; SERVERS]>,
    /// When each name server has taken everything that was submitted.
    pub(super) caught_up: [Timestamp; SERVERS],
    /// The batches that may still be lost, in order.
    pub(super) pending: Vec<Pending>,
}

impl Zone {
    /// The resource in ARNs of IAM and of effects.
    pub(super) fn arn(&self) -> String {
        zone_arn(&self.id)
    }

    pub(super) fn is_private(&self) -> bool {
        self.vpc.is_some()
    }

    /// The records of one name and type.
    pub(super) fn set(&self, (name, kind): &SetKey) -> impl Iterator<Item = &Arc<Record>> {
        let first = (name.clone(), *kind, None);
        let of_set = move |(key, _): &(&RecordKey, &Arc<Record>)| key.0 == *name && key.1 == *kind;
        self.records.range(first..).take_while(of_set).map(|(_, record)| record)
    }

    /// The records of a name.
    pub(super) fn at_name(&self, name: &DnsName) -> impl Iterator<Item = &Arc<Record>> {
        let first = (name.clone(), RecordType::A, None);
        self.records.range(first..).take_while(move |(key, _)| key.0 == *name).map(|(_, record)| record)
    }

    /// Gives a name and type these records and no others.
    pub(super) fn put_set(&mut self, set: &SetKey, records: Vec<Arc<Record>>) {
        let old: Vec<RecordKey> = self.set(set).map(|record| record.key()).collect();
        for key in old {
            self.records.remove(&key);
        }
        self.records.extend(records.into_iter().map(|record| (record.key(), record)));
    }

    /// Refuses what comes while it is busy.
    pub(super) fn check_free(&self, now: Timestamp) -> Result<(), Refusal> {
        if now >= self.busy_until {
            return Ok(());
        }
        let message = "The request was rejected because Route 53 was still processing a prior request.";
        Err(Refusal::new("PriorRequestNotComplete", message))
    }

    /// What a name server has of a name and type at an instant, and when that will change.
    pub(super) fn served_at(
        &self,
        set: &SetKey,
        server: usize,
        at: Timestamp,
    ) -> (Option<&RecordSet>, Option<Timestamp>) {
        let Some(timeline) = self.served.get(set).and_then(|servers| servers.get(server)) else { return (None, None) };
        (timeline.at(at).filter(|records| !records.is_empty()), timeline.next_after(at))
    }

    /// Forgets how it was before an instant. Whether there is anything left to know of it.
    pub(super) fn forget_before(&mut self, at: Timestamp) -> bool {
        self.pending.retain(|pending| pending.in_sync >= at);
        self.served.retain(|_, servers| {
            let mut is_known = false;
            for timeline in servers {
                timeline.forget_before(at);
                let is_empty = timeline.at(at).is_none_or(|records| records.is_empty());
                is_known |= !is_empty || !timeline.rests_since(at);
            }
            is_known
        });
        !self.served.is_empty()
    }
}

/// The ARN of a zone, which names neither region nor account.
pub(super) fn zone_arn(id: &str) -> String {
    format!("arn:aws:route53:::hostedzone/{id}")
}
