//! Cache invalidation: which remembered answers a write may change.

use std::collections::BTreeSet;

use weir_engine::Arn;
use weir_engine::fact::{Action, By, Fact, Forward, Found, Query, RulePriority};
use weir_engine::step::Step;

use super::memory::Memory;

/// The questions whose answers a write may change.
pub(super) struct Invalidation {
    queries: BTreeSet<Query>,
    /// The groups that begin or cease to be used: their balancers change, and whether their health is checked.
    groups: BTreeSet<Arn>,
}

impl Invalidation {
    /// The answers that a step may change, given what was known before it.
    pub(super) fn of(step: &Step, memory: &Memory) -> Self {
        let rules = |listener: &Arn| Query::Rules(listener.clone());
        match step {
            Step::CreateRule { listener, forward, .. } => {
                Self { queries: BTreeSet::from([rules(listener)]), groups: used(Some(forward)) }
            }
            Step::SetRuleActions { listener, rule, actions } => {
                let query = rules(listener);
                let live = memory.rules(&query).and_then(|rules| rules.iter().find(|live| live.arn == *rule));
                let groups = moved(live.map(|live| live.actions.as_slice()), actions);
                Self { queries: BTreeSet::from([query]), groups }
            }
            Step::SetDefaultActions { listener, actions } => {
                let query = rules(listener);
                let is_default = |priority| priority == RulePriority::Default;
                let live = memory.rules(&query).and_then(|rules| rules.iter().find(|live| is_default(live.priority)));
                let groups = moved(live.map(|live| live.actions.as_slice()), actions);
                Self { queries: BTreeSet::from([query]), groups }
            }
            Step::DeleteRule { listener, rule } => {
                let query = rules(listener);
                let live = memory.rules(&query).and_then(|rules| rules.iter().find(|live| live.arn == *rule));
                let groups = used(live.and_then(|live| live.actions.iter().find_map(Action::forward)));
                Self { queries: BTreeSet::from([query, Query::Tags(rule.clone())]), groups }
            }
            Step::AddTags { resource, .. } | Step::RemoveTags { resource, .. } => {
                Self { queries: BTreeSet::from([Query::Tags(resource.clone())]), groups: BTreeSet::new() }
            }
        }
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

/// The groups that are in one list of actions and not in the other.
fn moved(live: Option<&[Action]>, written: &[Action]) -> BTreeSet<Arn> {
    let groups = |actions: &[Action]| used(actions.iter().find_map(Action::forward));
    let (before, after) = (live.map(groups).unwrap_or_default(), groups(written));
    before.symmetric_difference(&after).cloned().collect()
}

fn used(forward: Option<&Forward>) -> BTreeSet<Arn> {
    forward.map(|forward| forward.groups.keys().cloned().collect()).unwrap_or_default()
}
