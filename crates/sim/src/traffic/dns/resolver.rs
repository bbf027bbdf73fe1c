//! A resolver: what it asks name servers, and for how long it goes by what it heard.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::aws::{Aws, DnsAnswer, DnsOutcome, RecordType};

/// For how long those keep an answer that ignore its TTL.
const STUBBORN: Duration = Duration::from_hours(1);
/// How many name servers a zone has.
const SERVERS: usize = 4;
/// How many names and delegations may follow each other.
const DEPTH: u32 = 16;

/// What resolvers share.
#[derive(Debug)]
pub(super) struct World {
    pub(super) aws: Arc<Aws>,
    /// The zone whose name servers are asked first.
    pub(super) zone: String,
    pub(super) least_ttl: Duration,
    pub(super) start: Timestamp,
    pub(super) chance: fastrand::Rng,
}

/// What is found in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The addresses of a balancer, by its ARN.
    Balancer(Arc<str>),
    /// The balancer is not there to which the name leads.
    Gone,
    /// Addresses that are no balancer's.
    Stranger,
    /// Nothing of this type.
    NoData,
    /// No such name, or nobody who knows.
    Nothing,
}

/// What a resolver has heard about a name and type.
#[derive(Clone, Debug)]
enum Heard {
    Found(Finding),
    /// It is another name for this one.
    OtherName(Arc<str>),
    /// These name servers know, by zone and number.
    Servers(Arc<[(String, usize)]>),
}

/// A resolver.
#[derive(Debug)]
pub(super) struct Resolver {
    ignores_ttl: bool,
    /// What it has heard, and until when it goes by that.
    cache: BTreeMap<(Arc<str>, RecordType), (Heard, Timestamp)>,
}

impl Finding {
    /// Whether a client that prefers this type is content with it. The name server of a zone says of a balancer that is gone
    /// what it says where there is nothing.
    pub(super) fn is_data(&self) -> bool {
        matches!(self, Self::Balancer(_) | Self::Stranger)
    }
}

impl World {
    /// When something ends that lasts for a while from an instant on. If it is the first of its kind, it may have begun
    /// before the stream.
    pub(super) fn end_of(&mut self, span: Duration, is_first: bool, at: Timestamp) -> Timestamp {
        if is_first {
            let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
            let end = self.start + Duration::from_millis(self.chance.u64(0..=millis));
            if end > at {
                return end;
            }
        }
        at + span
    }
}

impl Resolver {
    pub(super) fn new(ignores_ttl: bool) -> Self {
        Self { ignores_ttl, cache: BTreeMap::new() }
    }

    /// What a name has of a type, wherever other names lead.
    pub(super) fn resolve(&mut self, name: &Arc<str>, kind: RecordType, world: &mut World, at: Timestamp) -> Finding {
        let mut name = Arc::clone(name);
        for _ in 0..DEPTH {
            let key = (Arc::clone(&name), kind);
            // That it is another name is so for all types.
            let heard = self.kept(&key, at).or_else(|| self.kept(&(Arc::clone(&name), RecordType::Cname), at));
            match heard.cloned().unwrap_or_else(|| self.ask(&key, world, at)) {
                Heard::Found(finding) => return finding,
                Heard::OtherName(other) => name = other,
                Heard::Servers(_) => return Finding::Nothing,
            }
        }
        Finding::Nothing
    }

    fn kept(&self, key: &(Arc<str>, RecordType), at: Timestamp) -> Option<&Heard> {
        self.cache.get(key).filter(|(_, until)| at < *until).map(|(heard, _)| heard)
    }

    fn keep(&mut self, key: (Arc<str>, RecordType), heard: Heard, ttl: u32, world: &mut World, at: Timestamp) {
        let ttl = Duration::from_secs(u64::from(ttl)).max(world.least_ttl);
        let span = if self.ignores_ttl { STUBBORN } else { ttl };
        let until = world.end_of(span, !self.cache.contains_key(&key), at);
        self.cache.insert(key, (heard, until));
    }

    /// Asks whoever knows.
    fn ask(&mut self, key: &(Arc<str>, RecordType), world: &mut World, at: Timestamp) -> Heard {
        let (name, kind) = key;
        if let Some(answer) = world.aws.ask_for_balancer(name, *kind) {
            return self.hear(key, answer, world, at);
        }
        let delegation = (Arc::clone(name), RecordType::Ns);
        let mut servers = match self.kept(&delegation, at) {
            Some(Heard::Servers(servers)) => Some(Arc::clone(servers)),
            _ => None,
        };
        for _ in 0..DEPTH {
            let server = match servers.as_deref() {
                None => (world.zone.as_str(), world.chance.usize(..SERVERS)),
                Some([]) => break,
                Some(known) => {
                    let (zone, number) = &known[world.chance.usize(..known.len())];
                    (zone.as_str(), *number)
                }
            };
            let answer = world.aws.ask_name_server(server, (name, *kind), at, world.chance.u64(..));
            match &answer.outcome {
                DnsOutcome::Refused => break,
                DnsOutcome::Delegated(names) => {
                    let known: Arc<[_]> = names.iter().filter_map(|name| world.aws.name_server(name)).collect();
                    let heard = Heard::Servers(Arc::clone(&known));
                    self.keep(delegation.clone(), heard, answer.ttl_seconds, world, at);
                    servers = Some(known);
                }
                _ => return self.hear(key, answer, world, at),
            }
        }
        // That nobody knows is not kept.
        Heard::Found(Finding::Nothing)
    }

    /// Takes an answer to a question.
    fn hear(&mut self, key: &(Arc<str>, RecordType), answer: DnsAnswer, world: &mut World, at: Timestamp) -> Heard {
        let (name, kind) = key;
        let (kind, heard) = match answer.outcome {
            DnsOutcome::OtherName(other) => (RecordType::Cname, Heard::OtherName(Arc::from(other))),
            DnsOutcome::Balancer { arn } => (*kind, Heard::Found(Finding::Balancer(Arc::from(arn)))),
            DnsOutcome::Values(_) => (*kind, Heard::Found(Finding::Stranger)),
            _ if answer.leads_nowhere => (*kind, Heard::Found(Finding::Gone)),
            DnsOutcome::NoData => (*kind, Heard::Found(Finding::NoData)),
            DnsOutcome::NoName | DnsOutcome::Refused | DnsOutcome::Delegated(_) => {
                (*kind, Heard::Found(Finding::Nothing))
            }
        };
        self.keep((Arc::clone(name), kind), heard.clone(), answer.ttl_seconds, world, at);
        heard
    }
}
