//! Writes of tags: the marks by which Weir knows what is a route's, and what it remembers there.

use std::collections::BTreeSet;

use crate::Arn;
use crate::fact::Tags;

/// The tag that names the installation of Weir which owns a rule or a listener's default action.
pub const OWNER_TAG: &str = "weir.dev/owner";
/// The tag that names the route, as `namespace/name`.
pub const ROUTE_TAG: &str = "weir.dev/route";
/// The tag that remembers the run that last ended on a route.
pub const LAST_RUN_TAG: &str = "weir.dev/last-run";
/// The tag that remembers what was there before Weir; where it is long it goes on in `weir.dev/before-2` and so on.
pub const BEFORE_TAG: &str = "weir.dev/before";
/// With this begin all tags of Weir, and none of anybody else.
pub const TAG_PREFIX: &str = "weir.dev/";

/// One write of tags on something that is there already.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TagWrite {
    /// Adds or replaces tags; other tags stay.
    Add {
        /// What gets them.
        resource: Arn,
        /// The tags.
        tags: Tags,
    },
    /// Removes tags; other tags stay.
    Remove {
        /// What loses them.
        resource: Arn,
        /// The keys of the tags.
        keys: BTreeSet<String>,
    },
}

impl TagWrite {
    /// The operation that carries it out.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Add { .. } => "AddTags",
            Self::Remove { .. } => "RemoveTags",
        }
    }

    /// What gets or loses the tags.
    pub fn resource(&self) -> &Arn {
        match self {
            Self::Add { resource, .. } | Self::Remove { resource, .. } => resource,
        }
    }

    /// The tags that are written, or the keys of those that are removed.
    pub fn words(&self) -> String {
        let words: Vec<String> = match self {
            Self::Add { tags, .. } => tags.iter().map(|(key, value)| format!("{key}={value}")).collect(),
            Self::Remove { keys, .. } => keys.iter().cloned().collect(),
        };
        words.join(", ")
    }
}
