//! What a name server of a zone answers: a function of what it has taken by then, of the health of what records lead to,
//! and of a number that stands for the chance of the weighted draw.
//!
//! Sources: "How Amazon Route 53 chooses records when health checking is configured" in its guide, and RFC 1034 and 4592 for
//! names that are not there. Where clients are is not known here, so a choice by place is by chance.

use std::cell::Cell;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::partition::Partition;
use super::Route53;
use super::alias::Target;
use super::name::DnsName;
use super::record::{Content, FailoverRole, Policy, Record, RecordSet, RecordType};
use super::zone::Zone;

/// Seconds for which the address of a balancer may be kept, and that its name has none.
const BALANCER_TTL: u32 = 60;
/// How many aliases may follow each other.
const DEPTH: u32 = 8;
/// How many values of a multivalue answer are told.
const MOST_VALUES: usize = 8;

/// An answer of a name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsAnswer {
    /// What it says.
    pub outcome: DnsOutcome,
    /// For how many seconds it may be kept.
    pub ttl_seconds: u32,
    /// When the name server may answer otherwise, as far as is known.
    pub until: Option<Timestamp>,
    /// Whether there is nothing because the name leads to a balancer that is not there. Nobody who asks is told so.
    pub leads_nowhere: bool,
}

impl DnsAnswer {
    pub(super) fn refused() -> Self {
        Self { outcome: DnsOutcome::Refused, ttl_seconds: 0, until: None, leads_nowhere: false }
    }

    /// What is answered about the name of a balancer.
    pub(super) fn of_balancer(partition: &Partition, name: &DnsName, kind: RecordType) -> Self {
        let target = Target::find(partition, name);
        let leads_nowhere = target.is_none();
        let outcome = match target {
            None => DnsOutcome::NoName,
            Some(found) if found.has(kind) => DnsOutcome::Balancer { arn: found.arn },
            Some(_) => DnsOutcome::NoData,
        };
        Self { outcome, ttl_seconds: BALANCER_TTL, until: None, leads_nowhere }
    }
}

/// What a name server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsOutcome {
    /// The addresses of a balancer.
    Balancer {
        /// Its ARN.
        arn: String,
    },
    /// These values.
    Values(Vec<String>),
    /// The name is another name for this one, without a dot at the end.
    OtherName(String),
    /// Other name servers know.
    Delegated(Vec<String>),
    /// The name is there, and has nothing of this type.
    NoData,
    /// The name is not there.
    NoName,
    /// The zone is not there.
    Refused,
}

/// What is asked, of whom and when.
#[derive(Clone, Debug)]
pub(super) struct Question<'a> {
    pub(super) name: &'a DnsName,
    pub(super) kind: RecordType,
    /// The name server by its number.
    pub(super) server: usize,
    pub(super) at: Timestamp,
    /// Any number: chance.
    pub(super) draw: u64,
}

/// A name server at an instant.
struct Server<'a> {
    account: &'a Route53,
    partition: &'a Partition,
    zone: &'a Zone,
    number: usize,
    at: Timestamp,
    draw: u64,
    until: Cell<Option<Timestamp>>,
    leads_nowhere: Cell<bool>,
}

impl Route53 {
    /// The answer to a question about a zone.
    pub(super) fn answer(&self, partition: &Partition, zone: &str, question: &Question<'_>) -> DnsAnswer {
        let Some(zone) = self.zones.get(zone).or_else(|| self.buried.get(zone)) else {
            return DnsAnswer::refused();
        };
        let Question { name, kind, server, at, draw } = *question;
        let (until, leads_nowhere) = (Cell::new(None), Cell::new(false));
        let server = Server { account: self, partition, zone, number: server, at, draw, until, leads_nowhere };
        let (outcome, ttl_seconds) = server.answer(name, kind);
        DnsAnswer { outcome, ttl_seconds, until: server.until.get(), leads_nowhere: server.leads_nowhere.get() }
    }
}

impl Server<'_> {
    /// Notes that an answer may change at an instant.
    fn changes(&self, at: Option<Timestamp>) {
        self.until.set([self.until.get(), at].into_iter().flatten().min());
    }

    fn set(&self, name: &DnsName, kind: RecordType) -> Option<&RecordSet> {
        let (records, change) = self.zone.served_at(&(name.clone(), kind), self.number, self.at);
        self.changes(change);
        records
    }

    /// Whether the server has anything at a name or below it.
    fn knows(&self, name: &DnsName) -> bool {
        let below = self.zone.served.range((name.clone(), RecordType::A)..);
        let mut below = below.take_while(|((found, _), _)| found.is_within(name));
        below.any(|(set, _)| self.set(&set.0, set.1).is_some())
    }

    fn answer(&self, name: &DnsName, kind: RecordType) -> (DnsOutcome, u32) {
        let apex = &self.zone.name;
        if self.set(apex, RecordType::Soa).is_none() || !name.is_within(apex) {
            return (DnsOutcome::Refused, 0);
        }
        if let Some((ttl, servers)) = self.delegation(name, kind) {
            return (DnsOutcome::Delegated(servers), ttl);
        }
        if let Some(found) = self.at_name(name, kind, DEPTH) {
            return found;
        }
        if self.knows(name) {
            return (DnsOutcome::NoData, self.negative_ttl());
        }
        // The nearest name above that is there decides; what stands in for names below it, if anything does.
        let mut above = name.parent();
        while let Some(encloser) = above.filter(|above| above.is_within(apex)) {
            let wildcard = encloser.wildcard();
            if self.knows(&wildcard) {
                return self.at_name(&wildcard, kind, DEPTH).unwrap_or((DnsOutcome::NoData, self.negative_ttl()));
            }
            if self.knows(&encloser) {
                break;
            }
            above = encloser.parent();
        }
        (DnsOutcome::NoName, self.negative_ttl())
    }

    /// The name servers of a zone below this one in which a name is, and the time for which they may be kept.
    fn delegation(&self, name: &DnsName, kind: RecordType) -> Option<(u32, Vec<String>)> {
        let mut nearest = None;
        let mut above = Some(name.clone());
        while let Some(cut) = above.filter(|above| above.is_within(&self.zone.name) && *above != self.zone.name) {
            // The parent signs a delegation, so it answers for its DS.
            let is_own = cut == *name && kind == RecordType::Ds;
            if !is_own
                && let Some(Content::Plain { ttl, values }) =
                    self.set(&cut, RecordType::Ns).and_then(|set| set.first()).map(|record| &record.content)
            {
                nearest = Some((*ttl, values.clone()));
            }
            above = cut.parent();
        }
        nearest
    }

    /// What stands at a name for a type, or that it is another name.
    fn at_name(&self, name: &DnsName, kind: RecordType, depth: u32) -> Option<(DnsOutcome, u32)> {
        if let Some(set) = self.set(name, kind) {
            return Some(self.of_set(set, kind, depth));
        }
        let set = self.set(name, RecordType::Cname)?;
        Some(match self.of_set(set, RecordType::Cname, depth) {
            (DnsOutcome::Values(values), ttl) => {
                let other = values.into_iter().next().unwrap_or_default();
                (DnsOutcome::OtherName(other.trim_end_matches('.').to_ascii_lowercase()), ttl)
            }
            other => other,
        })
    }

    fn of_set(&self, set: &RecordSet, kind: RecordType, depth: u32) -> (DnsOutcome, u32) {
        let chosen = self.choose(set);
        let Some(first) = chosen.first() else { return (DnsOutcome::NoData, self.negative_ttl()) };
        match &first.content {
            Content::Alias { zone, target, .. } => self.follow(zone, target, kind, depth),
            Content::Plain { ttl, .. } => {
                let values = chosen.iter().flat_map(|record| match &record.content {
                    Content::Plain { values, .. } => values.as_slice(),
                    Content::Alias { .. } => &[],
                });
                (DnsOutcome::Values(values.cloned().collect()), *ttl)
            }
        }
    }

    fn follow(&self, zone: &str, target: &DnsName, kind: RecordType, depth: u32) -> (DnsOutcome, u32) {
        let none = || (DnsOutcome::NoData, self.negative_ttl());
        if zone == self.zone.id {
            let depth = depth.saturating_sub(1);
            let set = self.set(target, kind).filter(|_| depth > 0);
            return set.map_or_else(none, |set| self.of_set(set, kind, depth));
        }
        match Target::find(self.partition, target) {
            Some(found) if found.has(kind) => (DnsOutcome::Balancer { arn: found.arn }, BALANCER_TTL),
            Some(_) => none(),
            None => {
                self.leads_nowhere.set(true);
                none()
            }
        }
    }

    /// For how long it may be kept that something is not there: the head of the zone says it.
    fn negative_ttl(&self) -> u32 {
        let head = self.set(&self.zone.name, RecordType::Soa).and_then(|set| set.first());
        match head.map(|record| &record.content) {
            Some(Content::Plain { ttl, values }) => {
                let minimum = values.first().and_then(|soa| soa.split_whitespace().last()?.parse().ok());
                minimum.map_or(*ttl, |minimum: u32| minimum.min(*ttl))
            }
            _ => 0,
        }
    }

    /// Whether a record is healthy: where it has a health check or evaluates its target, by those.
    fn is_healthy(&self, record: &Record, depth: u32) -> bool {
        let passes = record.health_check.as_ref().and_then(|id| self.account.checks.get(id)).is_none_or(|check| {
            let (is_healthy, change) = check.health(self.at);
            self.changes(change);
            is_healthy
        });
        let Content::Alias { zone, target, evaluates: true } = &record.content else { return passes };
        let target_is_healthy = if *zone == self.zone.id {
            let depth = depth.saturating_sub(1);
            let set = self.set(target, record.kind).filter(|_| depth > 0);
            set.is_some_and(|set| set.iter().any(|record| self.is_healthy(record, depth)))
        } else {
            Target::find(self.partition, target).is_some_and(|found| {
                let (is_healthy, change) = found.health(self.partition, self.at);
                self.changes(change);
                is_healthy
            })
        };
        passes && target_is_healthy
    }

    /// The records that are told of a set: one, but several of a multivalue answer.
    fn choose(&self, set: &RecordSet) -> Vec<Arc<Record>> {
        let healthy: Vec<&Arc<Record>> = set.iter().filter(|record| self.is_healthy(record, DEPTH)).collect();
        let is_any = !healthy.is_empty();
        // Where nobody is healthy, everybody counts as healthy.
        let able = if is_any { healthy } else { set.iter().collect() };
        match set.first().map(|record| &record.policy) {
            None => Vec::new(),
            Some(Policy::Simple) => set.to_vec(),
            Some(Policy::Weighted(_)) => self.draw_weighted(&able),
            Some(Policy::Failover(_)) => {
                let is_primary = |record: &&&Arc<Record>| record.policy == Policy::Failover(FailoverRole::Primary);
                able.iter().find(is_primary).or(able.first()).map(|record| Arc::clone(record)).into_iter().collect()
            }
            Some(Policy::MultiValue) => {
                let first = index(self.draw, able.len());
                able.iter()
                    .cycle()
                    .skip(first)
                    .take(able.len().min(MOST_VALUES))
                    .map(|record| Arc::clone(record))
                    .collect()
            }
            // Whoever is nowhere in particular gets what stands for everywhere, if anything does.
            Some(Policy::Geo(_)) => {
                let is_default = |record: &&&Arc<Record>| match &record.policy {
                    Policy::Geo(place) => place.text_of("CountryCode") == Some("*"),
                    _ => false,
                };
                able.iter().find(is_default).map(|record| Arc::clone(record)).into_iter().collect()
            }
            Some(Policy::Latency(_) | Policy::Proximity(_)) => vec![Arc::clone(able[index(self.draw, able.len())])],
        }
    }

    /// One of several by weight. Those of weight 0 count where there are no others, and then all alike.
    fn draw_weighted(&self, able: &[&Arc<Record>]) -> Vec<Arc<Record>> {
        let weight = |record: &Record| if let Policy::Weighted(weight) = record.policy { u64::from(weight) } else { 0 };
        let total: u64 = able.iter().map(|record| weight(record)).sum();
        if total == 0 {
            return able.get(index(self.draw, able.len())).map(|record| Arc::clone(record)).into_iter().collect();
        }
        let mut rest = self.draw % total;
        let is_hit = |record: &&&Arc<Record>| {
            let weight = weight(record);
            let is_hit = rest < weight;
            rest = rest.saturating_sub(weight);
            is_hit
        };
        able.iter().find(is_hit).map(|record| Arc::clone(record)).into_iter().collect()
    }
}

/// One of so many, by chance.
fn index(draw: u64, count: usize) -> usize {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    usize::try_from(draw.checked_rem(count).unwrap_or(0)).unwrap_or(0)
}
