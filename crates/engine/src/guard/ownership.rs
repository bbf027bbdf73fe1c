//! Marks: what is written carries those of its route, and nothing of anybody else is marked, forgotten or given up.

use std::collections::{BTreeMap, BTreeSet};

use weir_api::weighted_route::{Before, RouteDeletionPolicy};

use crate::Arn;
use crate::fact::{RulePriority, Tags};
use crate::step::{BEFORE_TAG, LAST_RUN_TAG, OWNER_TAG, ROUTE_TAG, TAG_PREFIX};

use super::{Recorded, Scene, Violation};

/// The tags that mark a resource as a route's.
pub fn marks(recorded: &Recorded<'_>) -> BTreeMap<&'static str, String> {
    BTreeMap::from([(OWNER_TAG, recorded.owner.to_owned()), (ROUTE_TAG, recorded.route.key.to_string())])
}

pub(super) fn not_ours(resource: &Arn, found: &str) -> Violation {
    Violation::NotOurs { resource: resource.clone(), found: found.to_owned() }
}

fn given_up(resource: &Arn, why: String) -> Violation {
    Violation::GivenUp { resource: resource.clone(), why }
}

fn describe(tags: &Tags) -> String {
    match (tags.get(OWNER_TAG), tags.get(ROUTE_TAG)) {
        (None, None) => "it carries no mark of Weir".to_owned(),
        (owner, route) => format!(
            "it is marked for the owner {:?} and the route {:?}",
            owner.map_or("", String::as_str),
            route.map_or("", String::as_str)
        ),
    }
}

/// Whether a tag is one that Weir writes.
fn is_known(key: &str) -> bool {
    [OWNER_TAG, ROUTE_TAG, LAST_RUN_TAG].contains(&key) || is_memory(key)
}

/// Whether a tag remembers what was there before Weir.
fn is_memory(key: &str) -> bool {
    key.strip_prefix(BEFORE_TAG).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

impl Scene<'_> {
    fn is_marked(&self, tags: &Tags) -> bool {
        marks(self.recorded).iter().all(|(key, value)| tags.get(*key) == Some(value))
    }

    /// What another installation has marked is never taken over.
    fn may_adopt(&self, tags: &Tags) -> bool {
        self.recorded.route.spec.adopt && tags.get(OWNER_TAG).is_none_or(|owner| owner == self.recorded.owner)
    }

    pub(super) fn ours(&self, resource: &Arn) -> Result<(), Violation> {
        let tags = self.tags(resource)?;
        if self.is_marked(tags) { Ok(()) } else { Err(not_ours(resource, &describe(tags))) }
    }

    /// A new rule carries the marks from the start, and takes nobody's place.
    pub(super) fn new_rule(&self, listener: &Arn, priority: i32, tags: &Tags) -> Result<(), Violation> {
        if !self.is_marked(tags) {
            return Err(not_ours(listener, "the new rule would be without it"));
        }
        if self.rules(listener)?.iter().any(|rule| rule.priority == RulePriority::At(priority)) {
            return Err(not_ours(listener, "another rule has the priority already"));
        }
        Ok(())
    }

    pub(super) fn adds_tags(&self, resource: &Arn, tags: &Tags) -> Result<(), Violation> {
        let found = self.tags(resource)?;
        if !self.is_marked(found) && !self.may_adopt(found) {
            return Err(not_ours(resource, &describe(found)));
        }
        if marks(self.recorded).iter().any(|(key, value)| tags.get(*key).is_some_and(|tag| tag != value)) {
            return Err(not_ours(resource, "the mark written would be another's"));
        }
        if let Some(key) = tags.keys().find(|key| !is_known(key)) {
            return Err(not_ours(resource, &format!("the tag {key} is none of Weir's")));
        }
        // A memory is whole or not there: no part of another is put into it.
        let remembers =
            found.get(OWNER_TAG).is_some_and(|owner| owner == self.recorded.owner) && found.contains_key(BEFORE_TAG);
        let mut memory = tags.iter().filter(|(key, _)| is_memory(key));
        if remembers && memory.any(|(key, value)| found.get(key) != Some(value)) {
            return Err(Violation::Forgotten { resource: resource.clone() });
        }
        Ok(())
    }

    pub(super) fn gives_up_marks(&self, resource: &Arn, keys: &BTreeSet<String>) -> Result<(), Violation> {
        self.leaves(resource)?;
        if let Some(key) = keys.iter().find(|key| !key.starts_with(TAG_PREFIX)) {
            return Err(given_up(resource, format!("the tag {key} is none of Weir's")));
        }
        self.ours(resource)
    }

    pub(super) fn gives_up_rule(&self, listener: &Arn, rule: &Arn) -> Result<(), Violation> {
        self.leaves(rule)?;
        let route = self.recorded.route;
        let was_nothing = route.status.listener_rule.before.as_ref() == Some(&Before::default());
        match route.spec.deletion_policy {
            RouteDeletionPolicy::Delete => {}
            RouteDeletionPolicy::Restore if was_nothing => {}
            policy => return Err(given_up(rule, format!("its deletion policy is {policy:?}"))),
        }
        let live = self.rules(listener)?.iter().find(|live| live.arn == *rule);
        let live = live.ok_or_else(|| not_ours(rule, "the rule is gone"))?;
        if live.priority == RulePriority::Default {
            return Err(given_up(rule, "a listener keeps its default action".to_owned()));
        }
        self.ours(rule)
    }

    fn leaves(&self, resource: &Arn) -> Result<(), Violation> {
        if self.recorded.is_leaving() {
            return Ok(());
        }
        Err(given_up(resource, "its route is not being deleted".to_owned()))
    }
}
