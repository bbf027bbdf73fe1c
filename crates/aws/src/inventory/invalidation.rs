//! Cache invalidation: which remembered answers a write may change.

use std::collections::BTreeSet;
use std::iter;

use weir_engine::Arn;
use weir_engine::fact::{Action, By, Fact, Forward, Found, Query, Rule, RulePriority};
use weir_engine::write::{ListenerWrite, Write};

use super::memory::Memory;

/// The questions whose answers a write may change.
pub(super) struct Invalidation {
    queries: BTreeSet<Query>,
    /// The groups that begin or cease to be used: their balancers change, and whether their health is checked.
    groups: BTreeSet<Arn>,
}

impl Invalidation {
    /// The answers that a write may change, given what was known before it.
    pub(super) fn of(write: &Write, memory: &Memory) -> Self {
        match write {
            Write::Listener(write) => Self::of_listener(write, memory),
            Write::Tags(write) => {
                Self { queries: [Query::Tags(write.resource().clone())].into(), groups: BTreeSet::new() }
            }
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
        Self { queries: iter::once(query).chain(tags).collect(), groups }
    }

    /// The questions themselves, those about groups not counted in.
    pub(super) fn named(&self) -> &BTreeSet<Query> {
        &self.queries
    }

    /// Whether the answers about some groups may have changed too.
    pub(super) fn covers_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Whether the answer to a question may have changed, known what the answer was.
    pub(super) fn covers(&self, query: &Query, fact: &Fact) -> bool {
        let by_name = matches!(&fact.found, Ok(Found::Group(group)) if self.groups.contains(&group.arn));
        by_name || self.is_named(query)
    }

    /// Whether the answer to a question may change, the answer not being known yet.
    pub(super) fn may_cover(&self, query: &Query) -> bool {
        let by_name = matches!(query, Query::Group(By::Name(_))) && !self.groups.is_empty();
        by_name || self.is_named(query)
    }

    fn is_named(&self, query: &Query) -> bool {
        let group = match query {
            Query::Group(By::Arn(group)) | Query::Health(group) => self.groups.contains(group),
            _ => false,
        };
        group || self.queries.contains(query)
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
