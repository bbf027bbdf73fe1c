//! The batch by which what stands at a name is replaced.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::identifier::{Identifier, Mark};
use super::memory::NameMemory;
use super::name::DnsName;
use super::record::{Alias, Content, RecordSet, RecordType, Routing};
use super::survey::{MemberRecord, Survey, leads_to};

/// The most records of one name and type. Source: "Quotas on records" in
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>
const MOST_RECORDS: usize = 100;

/// What becomes of weighted records of others at the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// Nothing is written while there are any.
    Refuse,
    /// They stay, and have their part.
    Keep,
    /// They stay with weight 0.
    Zero,
}

/// What is wanted at a name.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The number of the change.
    pub epoch: u32,
    /// Whose it is.
    pub mark: &'a Mark,
    /// The types of the records: A, AAAA or both.
    pub types: &'a BTreeSet<RecordType>,
    /// Those who carry traffic, by environment.
    pub members: &'a BTreeMap<SmolStr, MemberRecord>,
    /// Where records of others lead that go, since those who are there carry no traffic.
    pub idle: &'a [Alias],
    /// What becomes of records of others.
    pub foreign: Foreign,
    /// What shall be remembered; `None` leaves what is.
    pub memory: Option<&'a NameMemory>,
}

/// Why no batch makes what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Nobody would carry traffic.
    NoMember,
    /// There are weighted records of others: their identifiers.
    Foreign(Vec<SmolStr>),
    /// A weighted CNAME of others stands in the way of addresses: its identifier.
    Cname(SmolStr),
    /// What was there cannot be remembered.
    NoMemory,
    /// So many records would be of one name and type.
    TooMany(usize),
}

/// A batch for one name: all of it takes effect, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Replace {
    /// The name.
    pub name: DnsName,
    /// The records that are made.
    pub create: Vec<RecordSet>,
    /// The records that go, as they were read: where one is not so any more, AWS refuses the batch.
    pub delete: Vec<RecordSet>,
}

/// One change of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordChange<'a> {
    /// Makes a record.
    Create(&'a RecordSet),
    /// Removes one.
    Delete(&'a RecordSet),
}

impl Replace {
    /// The batch that makes what is wanted of what stands there; `None` where nothing would change. Records that answer for the
    /// name alone, and those of others that lead to a member, are taken over: it is the caller's to know that they may be.
    pub fn with(survey: &Survey<'_>, wanted: &Wanted<'_>) -> Result<Option<Self>, Unfit> {
        if wanted.members.is_empty() {
            return Err(Unfit::NoMember);
        }
        let (taken, others): (Vec<&RecordSet>, Vec<&RecordSet>) =
            survey.foreign.iter().partition(|record| wanted.takes(record));
        let mut batch = Self { name: survey.name.clone(), create: Vec::new(), delete: Vec::new() };
        batch.remove_own(survey);
        let is_replaced = |record: &&&RecordSet| !record.kind.is_address() || wanted.types.contains(&record.kind);
        batch.delete.extend(survey.simple.iter().chain(&taken).filter(is_replaced).map(|record| (*record).clone()));
        for kind in wanted.types {
            batch.create.extend(
                wanted
                    .members
                    .iter()
                    .map(|(environment, member)| wanted.record(batch.name.clone(), kind, environment, member)),
            );
        }
        batch.meet(&others, wanted)?;
        if let Some(memory) = wanted.memory {
            batch.remember(survey, memory)?;
        }
        let of_kind = |kind: &RecordType| {
            let created =
                batch.create.iter().filter(|record| record.kind == *kind && record.name == batch.name).count();
            let kept = if wanted.foreign == Foreign::Keep { others.len() } else { 0 };
            created + kept
        };
        if let Some(most) = wanted.types.iter().map(of_kind).max().filter(|most| *most > MOST_RECORDS) {
            return Err(Unfit::TooMany(most));
        }
        Ok(batch.unless_idle())
    }

    /// The batch that replaces what is remembered at a name, and nothing else; `None` where that stands there already, or cannot
    /// be written.
    pub fn remembering(survey: &Survey<'_>, memory: &NameMemory) -> Option<Self> {
        let mut batch = Self { name: survey.name.clone(), create: Vec::new(), delete: Vec::new() };
        batch.remember(survey, memory).ok()?;
        batch.unless_idle()
    }

    /// The batch that takes Weir's records and its memory away and puts back what was there before.
    pub fn restoring(survey: &Survey<'_>, before: &[RecordSet]) -> Option<Self> {
        let mut batch = Self { name: survey.name.clone(), create: before.to_vec(), delete: Vec::new() };
        batch.remove_own(survey);
        batch.delete.extend(survey.memory.iter().map(|(_, record)| (*record).clone()));
        // A weighted record of others that was set to 0 has its weight back.
        let remains = |record: &&&RecordSet| before.iter().any(|old| has_same_place(old, record));
        batch.delete.extend(survey.foreign.iter().filter(remains).map(|record| (*record).clone()));
        batch.create.retain(|record| !survey.simple.contains(&record));
        batch.unless_idle()
    }

    /// The changes, in the order in which Route 53 judges them. What is made comes before what goes, so that no rule that
    /// forbids to leave a name without records is broken on the way; but what stands in the way of something that is made
    /// goes before it.
    pub fn changes(&self) -> Vec<RecordChange<'_>> {
        let is_in_the_way = |gone: &RecordSet| self.create.iter().any(|made| excludes(gone, made));
        let (first, last): (Vec<&RecordSet>, Vec<&RecordSet>) =
            self.delete.iter().partition(|gone| is_in_the_way(gone));
        let (first, last) = (first.into_iter(), last.into_iter());
        let created = self.create.iter().map(RecordChange::Create);
        first.map(RecordChange::Delete).chain(created).chain(last.map(RecordChange::Delete)).collect()
    }

    /// How many `ResourceRecord` elements the batch has, of which AWS takes 1,000 in a request. Source: "Quotas on
    /// `ChangeResourceRecordSets`" in <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>
    pub fn elements(&self) -> usize {
        self.create.iter().chain(&self.delete).map(RecordSet::elements).sum()
    }

    /// How many characters its values have, of which AWS takes 32,000 in a request (the same page).
    pub fn characters(&self) -> usize {
        self.create.iter().chain(&self.delete).map(RecordSet::characters).sum()
    }

    fn remove_own(&mut self, survey: &Survey<'_>) {
        self.delete.extend(survey.own.iter().map(|(_, record)| (*record).clone()));
    }

    /// Does with records of others at the name what is wanted.
    fn meet(&mut self, others: &[&RecordSet], wanted: &Wanted<'_>) -> Result<(), Unfit> {
        let foreign = wanted.foreign;
        let identifiers = || others.iter().map(|record| record.identifier().into()).collect();
        if foreign == Foreign::Refuse && !others.is_empty() {
            return Err(Unfit::Foreign(identifiers()));
        }
        if let Some(cname) = others.iter().find(|record| record.kind == RecordType::Cname) {
            return Err(Unfit::Cname(cname.identifier().into()));
        }
        if foreign == Foreign::Zero {
            let loses = |record: &&&RecordSet| record.weight() != Some(0) && wanted.types.contains(&record.kind);
            for record in others.iter().filter(loses) {
                self.delete.push((*record).clone());
                self.create.extend(record.without_weight());
            }
        }
        Ok(())
    }

    fn remember(&mut self, survey: &Survey<'_>, memory: &NameMemory) -> Result<(), Unfit> {
        let record = memory.record(&self.name).ok_or(Unfit::NoMemory)?;
        let known = survey.memory.as_ref();
        if known.is_some_and(|(known, _)| known == memory) {
            return Ok(());
        }
        self.delete.extend(known.map(|(_, record)| (*record).clone()));
        self.create.push(record);
        Ok(())
    }

    /// It, where it changes anything.
    fn unless_idle(mut self) -> Option<Self> {
        let kept: Vec<RecordSet> = self.create.iter().filter(|record| self.delete.contains(record)).cloned().collect();
        self.create.retain(|record| !kept.contains(record));
        self.delete.retain(|record| !kept.contains(record));
        (!self.create.is_empty() || !self.delete.is_empty()).then_some(self)
    }
}

impl Wanted<'_> {
    /// Whether a record of others is taken over: it leads to a member.
    fn takes(&self, record: &RecordSet) -> bool {
        let mut aliases = self.members.values().map(|member| &member.alias).chain(self.idle);
        aliases.any(|alias| leads_to(record, alias))
    }

    fn record(&self, name: DnsName, kind: &RecordType, environment: &SmolStr, member: &MemberRecord) -> RecordSet {
        let identifier = Identifier { environment: environment.clone(), epoch: self.epoch, mark: self.mark.clone() };
        RecordSet {
            name,
            kind: kind.clone(),
            routing: Routing::Weighted { identifier: identifier.to_string().into(), weight: member.weight },
            content: Content::Alias(member.alias.clone()),
            health_check: member.health_check.clone(),
        }
    }
}

/// Whether Route 53 has room for one of both only: it tells records by name, type and identifier; a simple record is alone with
/// its name and type, and a CNAME with its name.
fn excludes(one: &RecordSet, other: &RecordSet) -> bool {
    let is_simple = |record: &RecordSet| record.routing == Routing::Simple;
    let is_cname = |record: &RecordSet| record.kind == RecordType::Cname;
    let is_alone = is_simple(one) || is_simple(other) || one.identifier() == other.identifier();
    one.name == other.name
        && ((one.kind == other.kind && is_alone) || (one.kind != other.kind && (is_cname(one) || is_cname(other))))
}

/// Whether both have the same name, type and identifier.
fn has_same_place(one: &RecordSet, other: &RecordSet) -> bool {
    (&one.name, &one.kind, one.identifier()) == (&other.name, &other.kind, other.identifier())
}

#[cfg(test)]
mod tests;
