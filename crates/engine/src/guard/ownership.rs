//! Ownership: what is written carries the marks of its route, and only a route that is being deleted gives something up.

use std::collections::BTreeMap;

use crate::Arn;
use crate::fact::Tags;
use crate::write::{OWNER_TAG, ROUTE_TAG};

use super::{Recorded, Scene, Violation};

/// The tags that mark a resource as a route's.
pub fn marks(recorded: &Recorded<'_>) -> BTreeMap<&'static str, String> {
    BTreeMap::from([(OWNER_TAG, recorded.owner.to_owned()), (ROUTE_TAG, recorded.route.key.to_string())])
}

pub(super) fn not_ours(resource: &Arn, found: &str) -> Violation {
    Violation::NotOurs { resource: resource.clone(), found: found.to_owned() }
}

pub(super) fn given_up(resource: &Arn, why: String) -> Violation {
    Violation::GivenUp { resource: resource.clone(), why }
}

pub(super) fn describe(tags: &Tags) -> String {
    match (tags.get(OWNER_TAG), tags.get(ROUTE_TAG)) {
        (None, None) => "it carries no mark of Weir".to_owned(),
        (owner, route) => format!(
            "it is marked for the owner {:?} and the route {:?}",
            owner.map_or("", String::as_str),
            route.map_or("", String::as_str)
        ),
    }
}

impl Scene<'_> {
    pub(super) fn is_marked(&self, tags: &Tags) -> bool {
        marks(self.recorded).iter().all(|(key, value)| tags.get(*key) == Some(value))
    }

    /// Whether the route may mark what carries these tags. What another installation has marked is never taken over.
    pub(super) fn may_adopt(&self, tags: &Tags) -> bool {
        self.recorded.route.spec.adopt && tags.get(OWNER_TAG).is_none_or(|owner| owner == self.recorded.owner)
    }

    pub(super) fn ours(&self, resource: &Arn) -> Result<(), Violation> {
        let tags = self.tags(resource)?;
        if self.is_marked(tags) { Ok(()) } else { Err(not_ours(resource, &describe(tags))) }
    }

    pub(super) fn leaves(&self, resource: &Arn) -> Result<(), Violation> {
        if self.recorded.is_leaving() {
            return Ok(());
        }
        Err(given_up(resource, "its route is not being deleted".to_owned()))
    }
}
