//! What AWS will show: what it shows now, with the writes that are forecast.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::Arn;
use crate::dns::{ChangeSync, NameInZone, RecordChange, RecordSet};
use crate::fact::{
    Action, ActionKind, Fact, Finding, Found, Health, Query, Reading, RequestCount, Requests, Rule, RulePriority, Tags,
    TargetGroup,
};
use crate::reader::{Ask, Facts};
use crate::write::{ListenerWrite, RecordsWrite, TagWrite, Write};

/// How long targets take to become healthy once their group is in use: one interval of the checks, as AWS sets it where
/// nobody says otherwise. Source: "Health checks for Application Load Balancer target groups", which says that a new target
/// is healthy after one check that passes.
const BECOMES_HEALTHY: SignedDuration = SignedDuration::from_secs(30);
/// How many requests clients send to a balancer in a minute.
const REQUESTS: u64 = 1_000;
/// How many minutes are told.
const MINUTES: i64 = 10;

/// In the ARN of a rule that is yet to be made, before its number.
const PLANNED: &str = "/planned-";

/// The name of a resource, with a `*` where it is a rule that is yet to be made.
pub(super) fn without_planned(resource: String) -> String {
    resource.split_once(PLANNED).map(|(listener, _)| format!("{listener}/*")).unwrap_or(resource)
}

/// AWS as it will be.
#[derive(Debug)]
pub(super) struct Projection<'a> {
    began: Timestamp,
    facts: &'a Facts,
    /// The rules of the listeners that were written to.
    rules: BTreeMap<Arn, Vec<Rule>>,
    /// The tags of what was tagged.
    tags: BTreeMap<Arn, Tags>,
    /// The records at names that were written to.
    records: BTreeMap<NameInZone, Vec<RecordSet>>,
    /// Since when a group is used that was not before, and by which balancer.
    used: BTreeMap<Arn, (Timestamp, Option<Arn>)>,
    /// The weights of each listener or rule that was written to, from when on.
    forwards: Vec<(Timestamp, BTreeMap<Arn, u16>)>,
    made: u32,
}

impl<'a> Projection<'a> {
    pub fn new(began: Timestamp, facts: &'a Facts) -> Self {
        let (rules, tags, used) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { began, facts, rules, tags, records: BTreeMap::new(), used, forwards: Vec::new(), made: 0 }
    }

    /// The answer to a question at an instant; `None` where nobody has asked AWS yet.
    pub fn answer(&self, now: Timestamp, ask: &Ask) -> Option<Fact> {
        let projected: Option<Found> = match &ask.query {
            Query::Rules(listener) => self.rules.get(listener).cloned().map(Into::into),
            Query::Tags(resource) => self.tags.get(resource).cloned().map(Into::into),
            Query::Requests(counted) => Some(Some(self.requests(now, counted)).into()),
            Query::Health(group) => self.health(now, ask, group).map(Into::into),
            Query::Group(_) => self.group(ask).map(Into::into),
            Query::Records(at) => self.records.get(at).cloned().map(Into::into),
            Query::Change(_) => Some(ChangeSync::InSync.into()),
            Query::Balancer(_)
            | Query::BalancerAttributes(_)
            | Query::Listeners(_)
            | Query::Attributes(_)
            | Query::Zone(_) => None,
        };
        match projected {
            Some(found) => Some(Fact { at: now, found: Ok(found) }),
            None => self.facts.get(ask).map(|known| Fact { at: now, ..known.clone() }),
        }
    }

    fn health(&self, now: Timestamp, ask: &Ask, group: &Arn) -> Option<Health> {
        let Ok(Found::Health(known)) = &self.facts.get(ask)?.found else { return None };
        let mut health = **known;
        if now >= self.began + BECOMES_HEALTHY {
            health.healthy += std::mem::take(&mut health.initial);
        }
        if let Some((since, _)) = self.used.get(group) {
            let count = std::mem::take(&mut health.unused);
            if now >= *since + BECOMES_HEALTHY { health.healthy += count } else { health.initial += count }
        }
        Some(health)
    }

    fn group(&self, ask: &Ask) -> Option<TargetGroup> {
        let Ok(Found::Group(known)) = &self.facts.get(ask)?.found else { return None };
        let mut group = TargetGroup::clone(known);
        let balancer = self.used.get(&group.arn).and_then(|(_, balancer)| balancer.clone());
        group.balancers.extend(balancer.filter(|balancer| !known.balancers.contains(balancer)));
        Some(group)
    }

    /// Requests follow the weights that were live when their minute began, and a minute arrives one after its end.
    fn requests(&self, now: Timestamp, counted: &RequestCount) -> Requests {
        let newest = (now.as_second() / 60 - 2) * 60;
        let minutes = (0..MINUTES).filter_map(|back| Timestamp::from_second(newest - back * 60).ok());
        let count = |minute: Timestamp| {
            let Some(group) = &counted.group else { return Some(REQUESTS) };
            let written = self.forwards.iter().rev().find(|(at, live)| *at <= minute && live.contains_key(group));
            let live = written.map(|(_, live)| live).or_else(|| self.live_now(group))?;
            let total: u64 = live.values().map(|weight| u64::from(*weight)).sum();
            (REQUESTS * u64::from(live[group])).checked_div(total)
        };
        let by_minute = minutes.filter_map(|minute| Some((minute, count(minute).filter(|count| *count > 0)?)));
        Requests { by_minute: by_minute.collect() }
    }

    /// The weights of the rule that sends traffic to a group now.
    fn live_now(&self, group: &Arn) -> Option<&BTreeMap<Arn, u16>> {
        let forwards = self.facts.rules().flat_map(|rule| &rule.actions).filter_map(Action::forward);
        forwards.map(|forward| &forward.groups).find(|groups| groups.contains_key(group))
    }

    /// A write has been made.
    pub fn apply(&mut self, now: Timestamp, write: &Write) {
        match write {
            Write::Listener(write) => self.change(write),
            Write::Records(write) => self.replace(write),
            Write::Tags(TagWrite::Add { resource, tags }) => {
                self.tags_mut(resource).extend(tags.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            Write::Tags(TagWrite::Remove { resource, keys }) => {
                self.tags_mut(resource).retain(|key, _| !keys.contains(key));
            }
        }
        let Some(forward) = write.forward() else { return };
        let balancer = write.target().balancer();
        for group in forward.groups.keys() {
            self.used.entry(group.clone()).or_insert_with(|| (now, balancer.clone()));
        }
        self.forwards.push((now, forward.groups.clone()));
    }

    fn replace(&mut self, write: &RecordsWrite) {
        let Some(zone) = write.zone_id() else { return };
        for change in write.batch.changes() {
            let (RecordChange::Create(record) | RecordChange::Delete(record)) = change;
            let at = NameInZone { zone: zone.clone(), name: record.name.clone() };
            let known = self.records.remove(&at);
            let mut records = known.unwrap_or_else(|| {
                let known = self.last::<Vec<RecordSet>>(Query::Records(at.clone()));
                known.and_then(|known| known.found.ok()).cloned().unwrap_or_default()
            });
            match change {
                RecordChange::Create(record) => records.push(record.clone()),
                RecordChange::Delete(record) => records.retain(|known| known != record),
            }
            self.records.insert(at, records);
        }
    }

    fn change(&mut self, write: &ListenerWrite) {
        let listener = write.listener().clone();
        // A write is founded on the rules, so they are known.
        let rules = self.rules.remove(&listener);
        let mut rules = rules.unwrap_or_else(|| self.rules_now(&listener).unwrap_or_default().to_vec());
        match write {
            ListenerWrite::CreateRule { listener, priority, conditions, forward, tags } => {
                self.made += 1;
                // Nothing on AWS has such a name; it is known by it here only.
                let arn = Arn::new(format!(
                    "{}{PLANNED}{}",
                    listener.as_str().replace(":listener/", ":listener-rule/"),
                    self.made
                ));
                let action = Action { order: None, kind: ActionKind::Forward(forward.clone()) };
                let priority = RulePriority::At(*priority);
                let rule = Rule { arn: arn.clone(), priority, conditions: conditions.clone(), actions: vec![action] };
                rules.push(rule);
                rules.sort_by_key(|rule| rule.priority);
                self.tags.insert(arn, tags.clone());
            }
            ListenerWrite::SetRuleActions { rule, actions, .. } => {
                let changed = rules.iter_mut().filter(|known| known.arn == *rule);
                changed.for_each(|known| known.actions.clone_from(actions));
            }
            ListenerWrite::SetDefaultActions { actions, .. } => {
                let changed = rules.iter_mut().filter(|known| known.priority == RulePriority::Default);
                changed.for_each(|known| known.actions.clone_from(actions));
            }
            ListenerWrite::DeleteRule { rule, .. } => rules.retain(|known| known.arn != *rule),
        }
        self.rules.insert(listener, rules);
    }

    /// The rules of a listener as they are by now; none where they cannot be read, `None` where nobody has asked AWS yet.
    pub(super) fn rules_now(&self, listener: &Arn) -> Option<&[Rule]> {
        let written = self.rules.get(listener).map(Vec::as_slice);
        written.or_else(|| {
            Some(self.last::<Vec<Rule>>(Query::Rules(listener.clone()))?.found.map_or(&[][..], Vec::as_slice))
        })
    }

    /// What was last read.
    pub(super) fn last<T: Finding>(&self, query: Query) -> Option<Reading<'a, T>> {
        self.facts.last(query)
    }

    /// The listeners of a balancer that were written to.
    pub(super) fn written_on(&self, balancer: &Arn) -> impl Iterator<Item = &Arn> {
        self.rules.keys().filter(|listener| listener.balancer().as_ref() == Some(balancer))
    }

    /// Whether a write has sent traffic to a group already.
    pub(super) fn has_attached(&self, group: &Arn) -> bool {
        self.used.contains_key(group)
    }

    /// The groups that are known, as they are now.
    pub(super) fn known_groups(&self) -> impl Iterator<Item = &'a TargetGroup> {
        self.facts.groups()
    }

    fn tags_mut(&mut self, resource: &Arn) -> &mut Tags {
        let known = self.facts.last::<Tags>(Query::Tags(resource.clone()));
        let known = known.and_then(|reading| reading.found.ok().cloned()).unwrap_or_default();
        self.tags.entry(resource.clone()).or_insert(known)
    }
}
