//! Cache invalidation: which remembered answers a write may change.

use std::collections::BTreeSet;
use std::iter;

use weir_engine::Arn;
use weir_engine::dns::NameInZone;
use weir_engine::fact::{Action, Forward, Query, Rule, RulePriority};
use weir_engine::write::{ListenerWrite, RecordsWrite, Write};

use super::memory::Memory;

/// The questions whose answers a write may change: the rules of its listener, the tags of what it tags or deletes, the
/// health of the groups that begin or cease to be used, which is checked only while they are, and the records at the names
/// of its batch.
///
/// Which balancers use a group is changed too, and what is known of a group is kept all the same: whoever finds it in the way
/// reads it again, see `weir_engine::route`, and a hundred groups would be described again for a wave of weights.
pub(super) struct Invalidation(BTreeSet<Query>);

impl Invalidation {
    /// The answers that a write may change, given what was known before it.
    pub(super) fn of(write: &Write, memory: &Memory) -> Self {
        match write {
            Write::Listener(write) => Self::of_listener(write, memory),
            Write::Records(write) => Self::of_records(&[write]),
            Write::Tags(write) => Self([Query::Tags(write.resource().clone())].into()),
        }
    }

    fn of_listener(write: &ListenerWrite, memory: &Memory) -> Self {
        let query = Query::Rules(write.listener().clone());
        let rules = memory.rules(&query).into_iter().flatten();
        let with_arn = |arn: &Arn| rules.clone().find(|rule| rule.arn == *arn);
        let groups = match write {
            ListenerWrite::CreateRule { forward, .. } => used(Some(forward)),
            ListenerWrite::SetRuleActions { rule, actions, .. } => moved(with_arn(rule), actions),
            ListenerWrite::SetDefaultActions { actions, .. } => {
                moved(rules.clone().find(|rule| rule.priority == RulePriority::Default), actions)
            }
            ListenerWrite::DeleteRule { rule, .. } => {
                used(with_arn(rule).and_then(|live| live.actions.iter().find_map(Action::forward)))
            }
        };
        let tags = match write {
            ListenerWrite::DeleteRule { rule, .. } => Some(Query::Tags(rule.clone())),
            _ => None,
        };
        Self(iter::once(query).chain(tags).chain(groups.into_iter().map(Query::Health)).collect())
    }

    /// The answers that writes to names may change.
    pub(super) fn of_records(writes: &[&RecordsWrite]) -> Self {
        let names =
            writes.iter().filter_map(|write| Some((write.zone_id()?, &write.batch))).flat_map(|(zone, batch)| {
                let changed = batch.create.iter().chain(&batch.delete).map(|record| record.name.clone());
                let names = changed.chain([batch.name.clone(), batch.name.memory()]);
                names.map(move |name| Query::Records(NameInZone { zone: zone.clone(), name })).collect::<Vec<_>>()
            });
        Self(names.collect())
    }

    /// The questions.
    pub(super) fn queries(&self) -> &BTreeSet<Query> {
        &self.0
    }
}

/// The groups that are in the actions of a rule and not in those written, or the other way round.
fn moved(live: Option<&Rule>, written: &[Action]) -> BTreeSet<Arn> {
    let groups = |actions: &[Action]| used(actions.iter().find_map(Action::forward));
    let (before, after) = (live.map(|live| groups(&live.actions)).unwrap_or_default(), groups(written));
    before.symmetric_difference(&after).cloned().collect()
}

fn used(forward: Option<&Forward>) -> BTreeSet<Arn> {
    forward.map(|forward| forward.groups.keys().cloned().collect()).unwrap_or_default()
}
