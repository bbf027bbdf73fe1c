//! What a change makes of a name: the weights of the balancers, and what all of its records have in common.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;
use weir_api::weighted_route::{DnsEntry, ForeignRecords, Intent, NameIntent, RouteDeletionPolicy};

use crate::Arn;
use crate::backend;
use crate::dns::{
    Alias, Foreign, MAX_RECORD_WEIGHT, Mark, MemberRecord, NameMemory, OwnRecords, RecordSet, RecordType, Replace,
    Wanted, leads_to,
};
use crate::ready_state::{Explanation, ReadyState, because};
use crate::reason::Reason;
use crate::write::{RecordsWrite, Write};

use super::place::{Place, in_words};
use super::{DnsRoute, address_types, describe, record_types};

/// How long resolvers keep the address of a balancer, in seconds: an alias of one has no TTL of its own. Source: "Choosing
/// between alias and non-alias records" in the developer guide of Route 53.
pub(super) const BALANCER_TTL: u32 = 60;

/// What a change makes of a name.
#[derive(Clone, Debug)]
pub(in crate::route) struct Plan {
    split: BTreeMap<Arn, u16>,
    settings: NameIntent,
    /// Whether records of others keep the weight that a step takes from them.
    spares_others: bool,
}

impl Plan {
    /// What a recorded intent makes of it: these weights of balancers.
    pub fn of(split: BTreeMap<Arn, u16>, intent: &Intent) -> Self {
        Self { split, settings: intent.dns.clone(), spares_others: false }
    }

    /// It, with records of others as they are.
    pub fn sparing_others(self) -> Self {
        Self { spares_others: true, ..self }
    }

    /// Whether records of others stay as they are.
    pub fn spares_others(&self) -> bool {
        self.spares_others
    }

    fn takes_from_others(&self) -> bool {
        self.settings.foreign == ForeignRecords::Zero && !self.spares_others
    }

    /// The weights of the balancers.
    pub fn split(&self) -> &BTreeMap<Arn, u16> {
        &self.split
    }

    /// Puts on record what is wanted besides weights.
    pub fn record(&self, intent: &mut Intent) {
        intent.dns = self.settings.clone();
    }

    /// Whether a write makes it so. Balancers without weight have no record.
    pub fn is_made_by(&self, write: &Write) -> bool {
        matches!(write, Write::Records(write) if write.split == self.carrying())
    }

    fn carrying(&self) -> BTreeMap<Arn, u16> {
        self.split.iter().filter(|(_, weight)| **weight > 0).map(|(arn, weight)| (arn.clone(), *weight)).collect()
    }
}

/// What the spec says of all records of a name.
fn settings(route: DnsRoute<'_>) -> NameIntent {
    let DnsEntry { evaluate_target_health, foreign, .. } = *route.entry;
    NameIntent { types: address_types(&route.types()), evaluate_target_health, foreign }
}

/// Whether the spec asks for something beside weights that an intent has not made live.
pub(in crate::route) fn wants_other_settings(route: DnsRoute<'_>, intent: &Intent) -> bool {
    intent.dns != settings(route)
}

/// Types in words.
fn in_types(types: &BTreeSet<RecordType>) -> String {
    types.iter().map(RecordType::as_str).collect::<Vec<_>>().join(" and ")
}

impl Place<'_> {
    /// Plans weights of balancers. The error says what stands in the way.
    pub fn plan(&self, split: BTreeMap<Arn, u16>) -> Result<Plan, ReadyState> {
        if let Some((arn, weight)) = split.iter().find(|(_, weight)| **weight > MAX_RECORD_WEIGHT) {
            let message = format!(
                "found the weight {weight} of {}; Route 53 takes weights from 0 to {MAX_RECORD_WEIGHT}: write smaller ones of the \
                 same proportion",
                arn.name()
            );
            return Err(ReadyState::Stalled(because(Reason::Invalid, message)));
        }
        match &self.standing {
            Ok(None) => self.keeps_types()?,
            Ok(Some(own)) => self.gains_types(own)?,
            Err(_) => {}
        }
        Ok(Plan { split, settings: settings(self.route), spares_others: false })
    }

    /// What is taken over answers no more types than the route will.
    fn keeps_types(&self) -> Result<(), ReadyState> {
        let types = self.route.types();
        let mut others = self.survey.others();
        let lost = others.find_map(|record| {
            let mut answered = self.answered_types(record).into_iter();
            Some((record, answered.find(|kind| !types.contains(kind))?))
        });
        let Some((record, kind)) = lost else { return Ok(()) };
        let message = format!(
            "found {} at {}, and spec.dns.types without {kind}: its clients would find nothing. Add {kind} to spec.dns.types, or \
             remove the record",
            in_words(record),
            describe(self.route)
        );
        Err(ReadyState::Stalled(because(Reason::Invalid, message)))
    }

    /// A type that the route gains has no records of others.
    fn gains_types(&self, own: &OwnRecords) -> Result<(), ReadyState> {
        let types = self.route.types();
        let mut others = self.survey.others();
        let is_gained = |record: &RecordSet| types.contains(&record.kind) && !own.types.contains(&record.kind);
        let Some(record) = others.find(|record| is_gained(record)) else { return Ok(()) };
        let message = format!(
            "found {} at {}, which came after the route had the name, and {} in spec.dns.types; expected none. Remove the record, \
             or leave out {}",
            in_words(record),
            describe(self.route),
            record.kind,
            record.kind
        );
        Err(ReadyState::Stalled(because(Reason::Invalid, message)))
    }

    /// The types of addresses that a record answers: a CNAME all of its balancer.
    fn answered_types(&self, record: &RecordSet) -> Vec<RecordType> {
        if record.kind != RecordType::Cname {
            return vec![record.kind.clone()];
        }
        let balancers = self.balancers.iter().filter_map(|(arn, balancer)| Some((arn, balancer.as_ref().ok()?)));
        let mut led_to = balancers.filter(|(arn, _)| self.alias(arn).is_some_and(|alias| leads_to(record, &alias)));
        let has_ipv6 = led_to.any(|(_, balancer)| balancer.has_ipv6);
        [Some(RecordType::A), has_ipv6.then_some(RecordType::Aaaa)].into_iter().flatten().collect()
    }

    /// Puts on record what is live besides weights, as what is held.
    pub fn record_held(&self, intent: &mut Intent) {
        intent.dns = self.standing_settings().unwrap_or_else(|| settings(self.route));
    }

    /// What the records that stand there have in common.
    fn standing_settings(&self) -> Option<NameIntent> {
        let own = self.standing.as_ref().ok()?.as_ref()?;
        let evaluate_target_health = own.members.values().any(|member| member.alias.evaluate_target_health);
        let foreign = if self.losing().next().is_some() { ForeignRecords::Refuse } else { self.route.entry.foreign };
        Some(NameIntent { types: address_types(&own.types), evaluate_target_health, foreign })
    }

    /// Whether what is live besides weights is what an intent has set.
    pub fn has_settings_of(&self, intent: &Intent) -> bool {
        self.standing_settings().as_ref() == Some(&intent.dns)
    }

    /// Whether AWS shows a plan besides its weights: types, whether health counts, and where the records lead.
    pub fn shows(&self, plan: &Plan) -> bool {
        let Ok(Some(own)) = &self.standing else { return false };
        let evaluates = |record: &MemberRecord| record.alias.evaluate_target_health;
        own.types == record_types(&plan.settings.types)
            && own.members.values().all(|record| evaluates(record) == plan.settings.evaluate_target_health)
            && self.strays(own).next().is_none()
            && !self.is_apart
            && !(plan.takes_from_others() && self.losing().next().is_some())
    }

    /// The records that lead elsewhere than to the balancer of their environment, and where they should lead.
    pub(super) fn strays<'s>(
        &'s self,
        own: &'s OwnRecords,
    ) -> impl Iterator<Item = (&'s SmolStr, &'s MemberRecord, Alias)> {
        own.members.iter().filter_map(|(environment, record)| {
            let member = self.members.get(environment.as_str())?.as_ref().ok()?;
            let alias = self.alias(&member.arn)?;
            (!alias.has_same_target(&record.alias)).then_some((environment, record, alias))
        })
    }

    /// What of the records cannot be taken for what is wanted, in words: they lead elsewhere than their environments do.
    pub fn unwanted(&self) -> Option<String> {
        let own = self.standing.as_ref().ok()?.as_ref()?;
        let (environment, record, alias) = self.strays(own).next()?;
        Some(format!(
            "the record of {environment} is an alias of {}, which is no balancer of that environment; make it one of {} again, or \
             write drift: Correct",
            record.alias.target, alias.target
        ))
    }

    /// What differs from a plan whose weights are live, in words.
    pub fn difference(&self, plan: &Plan) -> String {
        let how = match &self.standing {
            Ok(Some(own)) => match self.strays(own).next() {
                _ if let Some(record) = self.losing().next() => {
                    format!("found {}; expected weight 0, as spec.dns.foreign says", in_words(record))
                }
                Some((environment, record, alias)) => {
                    let (found, expected) = (&record.alias.target, &alias.target);
                    format!("found the record of {environment} as an alias of {found}; expected {expected}")
                }
                None => {
                    let (found, expected) = (in_types(&own.types), in_types(&record_types(&plan.settings.types)));
                    let health = if plan.settings.evaluate_target_health { "with" } else { "without" };
                    format!("found records of the types {found}; expected {expected}, {health} EvaluateTargetHealth")
                }
            },
            Ok(None) | Err(_) => "found records of others".to_owned(),
        };
        format!("the weights at {} are as they should be, but {how}", describe(self.route))
    }

    /// The number that the next change has.
    pub(super) fn next_epoch(&self) -> u32 {
        self.survey.next_epoch(self.route.status.dns.epoch)
    }

    /// The write that makes a plan so; `None` where it cannot be told where a record leads.
    pub fn write(&self, owner: &str, plan: &Plan) -> Option<Write> {
        let mut records: BTreeMap<SmolStr, MemberRecord> = BTreeMap::new();
        for (arn, weight) in &plan.carrying() {
            let environment = SmolStr::new(backend::environment_of(self.members, arn)?);
            let known = self.alias(arn).or_else(|| self.standing_alias(&environment, arn));
            let alias = Alias { evaluate_target_health: plan.settings.evaluate_target_health, ..known? };
            let health_check = self.standing_record(&environment).and_then(|record| record.health_check.clone());
            records.insert(environment, MemberRecord { weight: *weight, alias, health_check });
        }
        let memory = self.memory(owner);
        let idle: Vec<Alias> = self.balancers.keys().filter_map(|arn| self.alias(arn)).collect();
        let wanted = Wanted {
            epoch: self.next_epoch(),
            mark: &self.mark,
            types: &record_types(&plan.settings.types),
            members: &records,
            idle: &idle,
            foreign: if plan.takes_from_others() { Foreign::Zero } else { Foreign::Keep },
            memory: Some(&memory).filter(|_| self.is_forgotten() && self.knows_before()),
        };
        let batch = Replace::with(&self.survey, &wanted).ok()??;
        let (zone, epoch) = (self.zone.clone(), Some(wanted.epoch));
        Some(Write::Records(RecordsWrite { zone, epoch, split: plan.carrying(), batch }))
    }

    /// What is remembered there from now on.
    pub(super) fn memory(&self, owner: &str) -> NameMemory {
        let before = match &self.survey.memory {
            Some((memory, _)) => memory.before.clone(),
            None => self.recorded_before().unwrap_or_else(|| self.strangers()),
        };
        NameMemory { mark: self.mark.clone(), owner: Mark::of_owner(owner), last: None, before }
    }

    /// Whether nothing is remembered there, be it damaged.
    pub(super) fn is_forgotten(&self) -> bool {
        self.survey.memory.is_none() && self.survey.obstacles.is_empty()
    }

    /// Whether what was there before Weir is known: beside records of Weir, what stands there tells nothing of it.
    pub(super) fn knows_before(&self) -> bool {
        self.survey.own.is_empty() || self.before().is_some()
    }

    /// What stands there that is not Weir's, and has a part in the traffic.
    pub(super) fn strangers(&self) -> Vec<RecordSet> {
        let types: BTreeSet<_> = self.survey.others().cloned().collect();
        types.into_iter().collect()
    }

    /// Why what was there cannot be remembered, though it shall be put back.
    pub(super) fn unremembered(&self, owner: &str) -> Option<Explanation> {
        let is_remembered = self.memory(owner).record(&self.survey.name).is_some();
        (!is_remembered && self.route.spec.deletion_policy == RouteDeletionPolicy::Restore).then(|| {
            let message = format!(
                "spec.deletionPolicy is Restore, but what is at {} now cannot be remembered there; write deletionPolicy: Retain",
                describe(self.route)
            );
            because(Reason::NotRestorable, message)
        })
    }
}
