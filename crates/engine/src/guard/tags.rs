//! Writes of tags: only Weir's own, on what is the route's or may become so, and nothing forgotten that was remembered.

use std::collections::BTreeSet;

use crate::Arn;
use crate::fact::Tags;
use crate::write::{BEFORE_TAG, LAST_RUN_TAG, OWNER_TAG, ROUTE_TAG, TAG_PREFIX, TagWrite};

use super::ownership::{describe, given_up, marks, not_ours};
use super::recorded::is_at;
use super::{Scene, Violation};

impl Scene<'_> {
    pub(super) fn tagging(&self, write: &TagWrite) -> Result<(), Violation> {
        let record = &self.recorded.route.status.listener_rule;
        is_at("rule or listener", write.resource(), record.arn.as_ref())?;
        match write {
            TagWrite::Add { resource, tags } => self.adds_tags(resource, tags),
            TagWrite::Remove { resource, keys } => self.gives_up_marks(resource, keys),
        }
    }

    fn adds_tags(&self, resource: &Arn, tags: &Tags) -> Result<(), Violation> {
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

    fn gives_up_marks(&self, resource: &Arn, keys: &BTreeSet<String>) -> Result<(), Violation> {
        self.leaves(resource)?;
        if let Some(key) = keys.iter().find(|key| !key.starts_with(TAG_PREFIX)) {
            return Err(given_up(resource, format!("the tag {key} is none of Weir's")));
        }
        self.ours(resource)
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
