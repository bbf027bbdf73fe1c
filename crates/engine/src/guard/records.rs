//! Writes to a name on Route 53: at the name that is the route's, on what was read, with records of the route's own that lead to
//! the balancers on record, and never so that nothing would answer.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use smol_str::SmolStr;
use weir_api::weighted_route::{Entry, EnvironmentMembers, ForeignRecords, RouteDeletionPolicy};

use crate::Arn;
use crate::backend;
use crate::dns::{
    Alias, DnsName, HostedZone, Identifier, MAX_RECORD_WEIGHT, Mark, NameInZone, NameMemory, Obstacle, RecordSet,
    RecordType, Routing, Survey, ZoneId, leads_to, record_of_words,
};
use crate::fact::{Balancer, By, Forward, Query};
use crate::write::RecordsWrite;

use super::ownership::{given_up, not_ours};
use super::recorded::{Direction, Measure, unrecorded};
use super::split::{rises, total};
use super::{EVIDENCE_AGE, Scene, Violation};

/// How old what is known of a balancer may be when a record is made that leads to it.
const BALANCER_AGE: SignedDuration = SignedDuration::from_secs(60);
/// The most records of one name and type. Source: "Quotas on records" in the developer guide of Route 53.
const MOST_RECORDS: usize = 100;

/// What stands at the name of a route.
struct Standing<'a> {
    name: DnsName,
    mark: Mark,
    survey: Survey<'a>,
    /// All that stands at the name and at the one of what is remembered there.
    there: Vec<&'a RecordSet>,
}

impl Scene<'_> {
    pub(super) fn records(&self, write: &RecordsWrite) -> Result<(), Violation> {
        let at = self.name(write)?;
        for gone in &write.batch.delete {
            if !at.there.contains(&gone) {
                return Err(unrecorded(format!("a deletion of {}", words(gone)), "no such record".to_owned()));
            }
        }
        let memory = at.name.memory();
        for record in write.batch.create.iter().chain(&write.batch.delete) {
            let answers = record.kind.is_address() || record.kind == RecordType::Cname;
            let is_known =
                (record.name == at.name && answers) || (record.name == memory && record.kind == RecordType::Txt);
            if !is_known {
                return Err(not_ours(&write.zone, &format!("{} is none of the route's", words(record))));
            }
        }
        if self.recorded.is_leaving() && !self.recorded.goes_back() {
            return self.gives_up_name(&at, write);
        }
        self.owns(&at, write)?;
        self.remembers(&at, write)?;
        let mut touched = write.batch.create.iter().chain(&write.batch.delete);
        if write.epoch.is_none() && touched.all(|record| record.name == memory) {
            return if at.survey.is_ours() {
                Ok(())
            } else {
                Err(not_ours(&write.zone, "it has no record of this route"))
            };
        }
        self.made(&at, write)?;
        self.moves(&at, write)
    }

    /// The traffic goes where the change that is on record leads it.
    fn moves(&self, at: &Standing<'_>, write: &RecordsWrite) -> Result<(), Violation> {
        let (before, named) = (self.standing(at, write), self.standing_as_called(at, write));
        let after = Forward { groups: write.split.clone(), sticky_seconds: None };
        if before.groups == named.groups {
            return self.split(&before, &after);
        }
        // A step that also leads back what leads elsewhere than it is called: whoever gets that has the targets for it.
        if let Ok(Direction::Forward { measure, .. }) = self.recorded.direction(|arn| rises(arn, &before, &after)) {
            for arn in after.groups.keys().filter(|arn| rises(arn, &before, &after)) {
                self.capacity(arn, &after, measure)?;
            }
            return self.split(&named, &after);
        }
        self.split(&before, &after)
    }

    /// The name of the route, as it was read just now.
    fn name(&self, write: &RecordsWrite) -> Result<Standing<'_>, Violation> {
        let route = self.recorded.route;
        let Entry::Dns(entry) = &route.spec.entry else {
            return Err(unrecorded(format!("records at {}", write.batch.name), "a listener".to_owned()));
        };
        let (zone, name) = (ZoneId::new(&entry.zone.id), DnsName::new(&entry.name));
        if write.zone_id().as_ref() != Some(&zone) || write.batch.name != name {
            let written = format!("records at {} in {}", write.batch.name, write.zone);
            return Err(unrecorded(written, format!("the name {name} in the zone {zone}")));
        }
        let mut there = Vec::new();
        for name in [name.clone(), name.memory()] {
            let at = NameInZone { zone: zone.clone(), name };
            let found: Option<&Vec<RecordSet>> = self.read(Query::Records(at.clone())).and_then(Result::ok);
            there.extend(found.ok_or_else(|| Violation::Stale(format!("the records of {at}")))?);
        }
        let apex = self.facts.last::<HostedZone>(Query::Zone(zone.clone())).and_then(|reading| reading.found.ok());
        let apex = apex.ok_or_else(|| Violation::Stale(format!("the zone {zone}")))?;
        let mark = Mark::of(self.recorded.owner, &route.key, &name);
        let survey = Survey::of(&apex.name, &name, &mark, there.iter().copied());
        let is_passed = |obstacle: &&Obstacle| self.recorded.goes_back() && survey.may_be_passed(obstacle);
        if let Some(obstacle) = survey.obstacles.iter().find(|obstacle| !is_passed(obstacle)) {
            return Err(not_ours(&write.zone, &format!("{obstacle:?}")));
        }
        Ok(Standing { name, mark, survey, there })
    }

    /// What goes is the route's own, or leads where the route's records lead, and may be taken over.
    fn owns(&self, at: &Standing<'_>, write: &RecordsWrite) -> Result<(), Violation> {
        let survey = &at.survey;
        if !survey.is_ours() && survey.others().next().is_some() && !self.recorded.route.spec.adopt {
            return Err(not_ours(&write.zone, "its records are somebody else's, and the route adopts none"));
        }
        for record in survey.others().filter(|record| write.batch.delete.contains(record)) {
            let leads_there =
                || self.members().any(|member| self.leads_to(record, member)) || self.leads_into(record, write);
            if !self.is_zeroed(record, write) && !leads_there() {
                return Err(not_ours(&write.zone, &format!("{} leads to none of its environments", words(record))));
            }
        }
        Ok(())
    }

    /// What was there before Weir is remembered once, and as it was.
    fn remembers(&self, at: &Standing<'_>, write: &RecordsWrite) -> Result<(), Violation> {
        let batch = &write.batch;
        let made = batch.create.iter().find(|record| record.kind == RecordType::Txt);
        let goes = batch.delete.iter().any(|record| record.kind == RecordType::Txt);
        let known = at.survey.memory.as_ref().map(|(memory, _)| memory);
        let Some(made) = made else {
            return if goes || (known.is_none() && at.survey.own.is_empty()) {
                Err(Violation::Forgotten { resource: write.zone.clone() })
            } else {
                Ok(())
            };
        };
        let is_ours =
            |memory: &NameMemory| memory.mark == at.mark && memory.owner == Mark::of_owner(self.recorded.owner);
        match (NameMemory::read(&at.name, made), known) {
            // Beside records of Weir, what stands there tells nothing of what was there before.
            (Some(Ok(memory)), None) if is_ours(&memory) => {
                let is_told = at.survey.own.is_empty() || self.recorded_before(&at.name) == Some(memory.before);
                if is_told { Ok(()) } else { Err(Violation::Forgotten { resource: write.zone.clone() }) }
            }
            (Some(Ok(memory)), Some(known)) if is_ours(&memory) && memory.before == known.before => Ok(()),
            (Some(Ok(_)), Some(_)) => Err(Violation::Forgotten { resource: write.zone.clone() }),
            _ => Err(not_ours(&write.zone, "the mark written would be another's")),
        }
    }

    /// The records that are made have the number on record, which is above all that stand there; they are alike for all types,
    /// and lead to the balancers that are written.
    fn made(&self, at: &Standing<'_>, write: &RecordsWrite) -> Result<(), Violation> {
        let epoch = self.recorded.route.status.dns.epoch;
        let seen = at.survey.own.iter().map(|(identifier, _)| identifier.epoch).max();
        if epoch.is_none() || write.epoch != epoch || seen >= epoch {
            let told = |epoch: Option<u32>| epoch.map_or_else(|| "none".to_owned(), |epoch| epoch.to_string());
            let recorded = format!("the change {}, after {}", told(epoch), told(seen));
            return Err(unrecorded(format!("the change {}", told(write.epoch)), recorded));
        }
        let mut by_type: BTreeMap<&RecordType, BTreeMap<Arn, u16>> = BTreeMap::new();
        let is_foreign =
            |made: &RecordSet| at.survey.foreign.iter().any(|known| known.without_weight().as_ref() == Some(made));
        for record in write.batch.create.iter().filter(|record| record.name == at.name) {
            if is_foreign(record) {
                continue;
            }
            let identifier = Identifier::read(record.identifier());
            let is_own =
                identifier.is_some_and(|identifier| identifier.mark == at.mark && Some(identifier.epoch) == epoch);
            let weight = record.weight().filter(|weight| (1..=MAX_RECORD_WEIGHT).contains(weight));
            let Some(weight) = weight.filter(|_| is_own && record.kind.is_address()) else {
                return Err(Violation::OutOfRange(format!(
                    "{}, which is no weighted record of the change",
                    words(record)
                )));
            };
            let mut members = write.split.iter().filter(|(_, split)| **split == weight).map(|(arn, _)| arn);
            let member = members.clone().find(|arn| self.is_alias_of(record, arn));
            let known = || members.find(|arn| self.stands_already(at, record, arn));
            let Some(member) = member.or_else(known) else {
                return Err(unrecorded(words(record), "no balancer that was read within a minute".to_owned()));
            };
            by_type.entry(&record.kind).or_default().insert(member.clone(), weight);
        }
        if by_type.is_empty() {
            return Err(Violation::AllZero);
        }
        if let Some((kind, split)) = by_type.iter().find(|(_, split)| **split != write.split) {
            return Err(Violation::OutOfRange(format!(
                "{} {kind} records for {} balancers",
                split.len(),
                write.split.len()
            )));
        }
        self.keeps_answering(at, write, &by_type.keys().copied().collect())
    }

    /// No type that had records is left without any, and none has too many.
    fn keeps_answering(
        &self,
        at: &Standing<'_>,
        write: &RecordsWrite,
        made: &BTreeSet<&RecordType>,
    ) -> Result<(), Violation> {
        let gone = at.survey.own.iter().map(|(_, record)| *record).chain(at.survey.simple.iter().copied());
        let lost = gone.map(|record| &record.kind).find(|kind| kind.is_address() && !made.contains(kind));
        if let Some(kind) = lost.filter(|kind| !self.drops(kind)) {
            return Err(Violation::OutOfRange(format!("no {kind} record any more")));
        }
        for kind in made {
            let stay = at.there.iter().filter(|record| record.name == at.name && record.kind == **kind);
            let stay = stay.filter(|record| !write.batch.delete.contains(record)).count();
            let made =
                write.batch.create.iter().filter(|record| record.name == at.name && record.kind == **kind).count();
            if stay + made > MOST_RECORDS {
                return Err(Violation::OutOfRange(format!("more than {MOST_RECORDS} {kind} records")));
            }
        }
        Ok(())
    }

    /// Whether a record of others stays with weight 0, and the spec wants that.
    fn is_zeroed(&self, record: &RecordSet, write: &RecordsWrite) -> bool {
        let Entry::Dns(entry) = &self.recorded.route.spec.entry else { return false };
        entry.foreign == ForeignRecords::Zero
            && record.without_weight().is_some_and(|zeroed| write.batch.create.contains(&zeroed))
    }

    /// Whether the spec has no records of a type.
    fn drops(&self, kind: &RecordType) -> bool {
        let Entry::Dns(entry) = &self.recorded.route.spec.entry else { return false };
        !entry.types.iter().any(|wanted| kind.as_str() == wanted.as_str())
    }

    /// How what stands there splits the traffic, but for records of others that stay as they are: they have their part before
    /// and after.
    fn standing(&self, at: &Standing<'_>, write: &RecordsWrite) -> Forward {
        let own = at.survey.own.iter().map(|(_, record)| *record);
        let others = at.survey.others().filter(|record| write.batch.delete.contains(record));
        self.split_by(own.chain(others), write)
    }

    /// The same, where a record of the route's own counts for the balancer of the environment after which it is called.
    fn standing_as_called(&self, at: &Standing<'_>, write: &RecordsWrite) -> Forward {
        let others = at.survey.others().filter(|record| write.batch.delete.contains(record));
        let mut called = self.split_by(others, write);
        let mut own: BTreeMap<&SmolStr, u16> = BTreeMap::new();
        for (identifier, record) in &at.survey.own {
            // A and AAAA say the same.
            let weight = own.entry(&identifier.environment).or_default();
            *weight = (*weight).max(record.weight().unwrap_or(0));
        }
        for (environment, weight) in own {
            let lent = self.members().find(|member| member.environment == *environment);
            let arn = lent.and_then(EnvironmentMembers::lent).map_or_else(|| Arn::new(environment.as_str()), Arn::new);
            let sum = called.groups.entry(arn).or_default();
            *sum = sum.saturating_add(weight);
        }
        called
    }

    /// How records split the traffic, by balancer; what leads elsewhere counts for itself.
    fn split_by<'r>(&self, records: impl Iterator<Item = &'r RecordSet>, write: &RecordsWrite) -> Forward {
        // A and AAAA say the same.
        let mut weights: BTreeMap<(Arn, &str), u16> = BTreeMap::new();
        for record in records {
            let known = self.members().find(|member| self.leads_to(record, member)).and_then(EnvironmentMembers::lent);
            let known = known.map(Arn::new).or_else(|| write.split.keys().find(|arn| self.leads(record, arn)).cloned());
            let arn = known.unwrap_or_else(|| Arn::new(words(record)));
            let weight = weights.entry((arn, record.identifier())).or_default();
            *weight = (*weight).max(record.weight().unwrap_or(1));
        }
        let mut groups: BTreeMap<Arn, u16> = BTreeMap::new();
        for ((arn, _), weight) in weights {
            let sum = groups.entry(arn).or_default();
            *sum = sum.saturating_add(weight);
        }
        Forward { groups, sticky_seconds: None }
    }

    /// The route leaves: its records go, and what was there before comes back.
    fn gives_up_name(&self, at: &Standing<'_>, write: &RecordsWrite) -> Result<(), Violation> {
        let route = self.recorded.route;
        let remembered = at.survey.memory.as_ref().map(|(memory, _)| memory.before.clone());
        let before = remembered.or_else(|| self.recorded_before(&at.name));
        let before = before.ok_or_else(|| given_up(&write.zone, "what was there before is not known".to_owned()))?;
        match route.spec.deletion_policy {
            RouteDeletionPolicy::Restore => {}
            RouteDeletionPolicy::Delete if before.is_empty() => {}
            policy => return Err(given_up(&write.zone, format!("its deletion policy is {policy:?}"))),
        }
        if write.batch.create.iter().any(|record| !before.contains(record)) {
            return Err(given_up(&write.zone, "something else than what was there before would be made".to_owned()));
        }
        let batch = &write.batch;
        let comes_back = |record: &&RecordSet| {
            batch.create.contains(record) || (at.there.contains(record) && !batch.delete.contains(record))
        };
        if let Some(missing) = before.iter().find(|record| !comes_back(record)) {
            return Err(given_up(&write.zone, format!("{} would not come back", words(missing))));
        }
        let is_place =
            |one: &RecordSet, other: &RecordSet| (&one.kind, one.identifier()) == (&other.kind, other.identifier());
        for gone in &write.batch.delete {
            let is_own = at.survey.own.iter().any(|(_, record)| *record == gone);
            let is_memory = gone.name != at.name;
            if !is_own && !is_memory && !before.iter().any(|record| is_place(record, gone)) {
                return Err(not_ours(&write.zone, &format!("{} is none of the route's", words(gone))));
            }
        }
        let (standing, after) = (self.standing(at, write), self.split_by(before.iter(), write));
        let rising: Vec<&Arn> = after.groups.keys().filter(|arn| rises(arn, &standing, &after)).collect();
        let Some(first) = rising.first().filter(|_| total(&standing) > 0) else { return Ok(()) };
        let baseline = self.carried(first, &standing)?;
        let percent = route.spec.capacity.min_healthy_percent;
        self.returning(&standing, &after, Measure { baseline, percent })
    }

    /// What is on record of what was there before Weir.
    fn recorded_before(&self, name: &DnsName) -> Option<Vec<RecordSet>> {
        let words = self.recorded.route.status.dns.before.as_ref()?;
        words.iter().map(|words| record_of_words(name, words)).collect()
    }

    /// What is on record of what environments lend.
    fn members(&self) -> impl Iterator<Item = &EnvironmentMembers> {
        backend::on_record(&self.recorded.route.status)
    }

    /// What an alias of a balancer answers, where the balancer was read just now.
    fn alias(&self, arn: &Arn) -> Option<Alias> {
        let reading = self.facts.last::<Balancer>(Query::Balancer(By::Arn(arn.clone())))?;
        let is_new = reading.at >= *self.fresh.start() + EVIDENCE_AGE - BALANCER_AGE && reading.at <= *self.fresh.end();
        let balancer = reading.found.ok().filter(|_| is_new)?;
        Some(Alias {
            zone: balancer.hosted_zone_id.as_deref()?.into(),
            target: DnsName::new(&balancer.dns_name),
            evaluate_target_health: false,
        })
    }

    fn is_alias_of(&self, record: &RecordSet, arn: &Arn) -> bool {
        record.alias().is_some_and(|own| self.alias(arn).is_some_and(|alias| own.has_same_target(&alias)))
    }

    /// Whether the environment of a record lends a balancer, and has a record already that leads to the same.
    fn stands_already(&self, at: &Standing<'_>, record: &RecordSet, arn: &Arn) -> bool {
        let Some(identifier) = Identifier::read(record.identifier()) else { return false };
        let lends = |member: &EnvironmentMembers| {
            member.environment == identifier.environment && member.lent() == Some(arn.as_str())
        };
        if !self.members().any(lends) {
            return false;
        }
        let mut own = at.survey.own.iter().filter(|(known, _)| known.environment == identifier.environment);
        own.any(|(_, known)| known.alias().zip(record.alias()).is_some_and(|(known, made)| known.has_same_target(made)))
    }

    /// Whether a record leads to a balancer: as an alias, or as a CNAME.
    fn leads(&self, record: &RecordSet, arn: &Arn) -> bool {
        self.alias(arn).is_some_and(|alias| leads_to(record, &alias))
    }

    fn leads_to(&self, record: &RecordSet, member: &EnvironmentMembers) -> bool {
        member.lent().is_some_and(|arn| self.leads(record, &Arn::new(arn)))
    }

    fn leads_into(&self, record: &RecordSet, write: &RecordsWrite) -> bool {
        write.split.keys().any(|arn| self.leads(record, arn))
    }
}

/// A record in words.
fn words(record: &RecordSet) -> String {
    let identifier = match &record.routing {
        Routing::Simple => String::new(),
        Routing::Weighted { identifier, .. } | Routing::Other { identifier, .. } => format!(" {identifier}"),
    };
    format!("{} {}{identifier}", record.name, record.kind)
}
