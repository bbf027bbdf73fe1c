//! The hand of whoever sets a world up, breaks things in it, or edits records in the console; and the eye of whoever asks
//! its name servers.
//!
//! Everything here passes the same checks as the wire does.

use std::time::Duration;

use jiff::Timestamp;

use super::super::effect::{Author, Writer};
use super::super::partition::Partition;
use super::super::{Aws, Refusal};
use super::alias::{self, Balancers};
use super::answer::{DnsAnswer, Question};
use super::batch::{Action, Batch, RecordChange};
use super::name::DnsName;
use super::record::{Content, Policy, Record, RecordType};
use super::zones::{ZoneWish, bare_id};

/// How many characters the identifier of a zone has at most.
const LONGEST_ID: usize = 32;

/// A record as a person writes it: of one name and type, alone or weighted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordEdit {
    /// The name.
    pub name: String,
    /// The type.
    pub kind: RecordType,
    /// The identifier and the weight of one of several.
    pub weighted: Option<(String, u32)>,
    /// What it says.
    pub says: RecordSays,
    /// The health check that it has.
    pub health_check: Option<String>,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordSays {
    /// These values, which may be kept for so many seconds.
    Values(u32, Vec<String>),
    /// The addresses of a balancer of this world, by its name in DNS.
    Balancer {
        /// Its name in DNS.
        name: String,
        /// Whether its health counts.
        evaluates: bool,
    },
    /// What another name of the zone says.
    Other {
        /// The name.
        name: String,
        /// Whether its health counts.
        evaluates: bool,
    },
}

impl RecordEdit {
    /// A record that is alone.
    pub fn simple(name: &str, kind: RecordType, says: RecordSays) -> Self {
        Self { name: name.to_owned(), kind, weighted: None, says, health_check: None }
    }

    /// One of several.
    pub fn weighted(name: &str, kind: RecordType, (identifier, weight): (&str, u32), says: RecordSays) -> Self {
        Self { weighted: Some((identifier.to_owned(), weight)), ..Self::simple(name, kind, says) }
    }

    fn read(&self, zone: &str, balancers: &Balancers) -> Result<Record, Refusal> {
        let name = |text: &str| DnsName::parse(text).map_err(|why| Refusal::new("InvalidInput", why));
        let content = match &self.says {
            RecordSays::Values(ttl, values) => Content::Plain { ttl: *ttl, values: values.clone() },
            RecordSays::Balancer { name: target, evaluates } => {
                let target = name(target)?;
                let zone = balancers.find(&target).map(|found| found.zone.clone()).unwrap_or_default();
                Content::Alias { zone, target, evaluates: *evaluates }
            }
            RecordSays::Other { name: target, evaluates } => {
                Content::Alias { zone: zone.to_owned(), target: name(target)?, evaluates: *evaluates }
            }
        };
        let (identifier, policy) = match &self.weighted {
            None => (None, Policy::Simple),
            Some((identifier, weight)) => (Some(identifier.clone()), Policy::Weighted(*weight)),
        };
        let health_check = self.health_check.clone();
        Ok(Record { name: name(&self.name)?, kind: self.kind, identifier, policy, content, health_check })
    }
}

impl Aws {
    /// Makes a public zone of this account that its name servers have at once. Returns its identifier.
    pub fn add_zone(&self, name: &str) -> Result<String, Refusal> {
        self.set_zone_up(None, name)
    }

    /// The same, with an identifier that is known beforehand, as manifests name one.
    pub fn add_zone_with_id(&self, id: &str, name: &str) -> Result<(), Refusal> {
        let is_written_so = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if !(1..=LONGEST_ID).contains(&id.len()) || !id.bytes().all(is_written_so) {
            let what = format!(
                "found {id:?} as the identifier of a hosted zone; expected 1 to {LONGEST_ID} capital letters and digits, for \
                 example Z0123456789ABCDEFGHIJ"
            );
            return Err(Refusal::new("InvalidInput", what));
        }
        if self.has_zone(id) {
            let what =
                format!("there is a hosted zone with the identifier {id} already; give another, or leave it out");
            return Err(Refusal::new("HostedZoneAlreadyExists", what));
        }
        self.set_zone_up(Some(id.to_owned()), name).map(drop)
    }

    /// Whether this account has a zone of this identifier.
    pub fn has_zone(&self, id: &str) -> bool {
        self.partition().global(&self.here.account).route53.zones.contains_key(bare_id(id))
    }

    fn set_zone_up(&self, id: Option<String>, name: &str) -> Result<String, Refusal> {
        let name = DnsName::parse(name).map_err(|why| Refusal::new("InvalidDomainName", why))?;
        let (mut partition, writer) = self.at_hand(true);
        let route53 = &mut partition.global(&self.here.account).route53;
        let reference = format!("set up: {}", route53.zones.len());
        Ok(route53.make_zone(&writer, ZoneWish { id, name, reference, comment: None, vpc: None })?.0)
    }

    /// Makes records while a world is set up: its name servers have them at once.
    pub fn add_records(&self, zone: &str, records: &[RecordEdit]) -> Result<(), Refusal> {
        self.write_records(true, zone, &[], records)
    }

    /// Deletes records and makes others, in one batch, as a person in the console would.
    pub fn edit_records(&self, zone: &str, deleted: &[RecordEdit], made: &[RecordEdit]) -> Result<(), Refusal> {
        self.write_records(false, zone, deleted, made)
    }

    fn write_records(
        &self,
        at_once: bool,
        zone: &str,
        deleted: &[RecordEdit],
        made: &[RecordEdit],
    ) -> Result<(), Refusal> {
        let zone = bare_id(zone);
        let (mut partition, writer) = self.at_hand(at_once);
        let balancers = Balancers::of(&partition);
        let deleted = deleted.iter().map(|record| (Action::Delete, record));
        let all = deleted.chain(made.iter().map(|record| (Action::Create, record)));
        let read = |(action, record): (Action, &RecordEdit)| {
            Ok(RecordChange { action, record: record.read(zone, &balancers)? })
        };
        let changes = all.map(read).collect::<Result<_, Refusal>>()?;
        let route53 = &mut partition.global(&self.here.account).route53;
        let written = route53.change_records(zone, &Batch { comment: None, changes }, &writer, &balancers);
        written.map(drop).map_err(|refused| refused.refusal)
    }

    /// The control plane of a zone fails over: changes that are not in sync are gone, `GetChange` knows them no more, and
    /// name servers that had them go back. Returns the identifiers of the changes.
    pub fn fail_over(&self, zone: &str) -> Result<Vec<String>, Refusal> {
        let (mut partition, writer) = self.at_hand(false);
        let balancers = Balancers::of(&partition);
        partition.global(&self.here.account).route53.fail_over(&writer, bare_id(zone), &balancers)
    }

    /// The zone takes no batch for so long.
    pub fn occupy_zone(&self, zone: &str, span: Duration) -> Result<(), Refusal> {
        let (mut partition, writer) = self.at_hand(false);
        partition.global(&self.here.account).route53.occupy(bare_id(zone), writer.now + span)
    }

    /// From now on name servers take a batch so long after it.
    pub fn set_zone_sync(&self, sync: std::ops::RangeInclusive<Duration>) {
        self.partition().global(&self.here.account).route53.options.sync = sync;
    }

    /// From now on a health check passes or fails.
    pub fn set_health_check(&self, id: &str, passes: bool) -> Result<(), Refusal> {
        let now = self.clock.now();
        self.partition().global(&self.here.account).route53.set_health(id, now, passes)
    }

    /// What a name server of a zone of this account, by its number from 0 to 3, answers at an instant that is not in the
    /// future. The draw stands for chance: any number.
    pub fn ask_name_server(
        &self,
        (zone, server): (&str, usize),
        (name, kind): (&str, RecordType),
        at: Timestamp,
        draw: u64,
    ) -> DnsAnswer {
        let Ok(name) = DnsName::parse(name) else { return DnsAnswer::refused() };
        let partition = self.partition();
        let question = Question { name: &name, kind, server, at, draw };
        let account = partition.account(&self.here.account);
        let Some(account) = account else { return DnsAnswer::refused() };
        account.route53.answer(&partition, bare_id(zone), &question)
    }

    /// The zone of this account and the number of one of its name servers, by the name of that.
    pub(crate) fn name_server(&self, name: &str) -> Option<(String, usize)> {
        let name = name.trim_end_matches('.');
        let partition = self.partition();
        partition.account(&self.here.account)?.route53.server_named(name)
    }

    /// What is answered now about the name of a balancer of any account and region; `None` where a name is not of that form.
    pub(crate) fn ask_for_balancer(&self, name: &str, kind: RecordType) -> Option<DnsAnswer> {
        let name = DnsName::parse(name).ok().filter(alias::is_of_balancer)?;
        Some(DnsAnswer::of_balancer(&self.partition(), &name, kind))
    }

    /// Somebody who acts with his own hand, after all requests until now.
    fn at_hand(&self, at_once: bool) -> (std::sync::MutexGuard<'_, Partition>, Writer) {
        self.send_what_is_due(self.clock.now());
        let partition = self.partition();
        let writer = partition.writer(&self.here, Author::Hand, self.clock.now());
        (partition, Writer { at_once, ..writer })
    }
}
