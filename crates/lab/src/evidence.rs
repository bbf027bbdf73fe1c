//! All that judges may know of a world: its own logs and the journal of the wires.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::journal::Entry;

/// Weights by name of the target group.
pub type Weights = BTreeMap<String, u32>;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// Everything that happened in a world.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// When it was looked at.
    pub ended: Timestamp,
    /// Names the installation of Weir.
    pub owner: String,
    /// What was sent over the wires of the controllers, and how they lived.
    pub entries: Vec<Entry>,
    /// Every call that AWS has answered.
    pub calls: Vec<Call>,
    /// Every change of weights on AWS.
    pub changes: Vec<Change<Weights>>,
    /// Every change of tags on AWS.
    pub retaggings: Vec<Change<Tags>>,
    /// The objects that were deleted and are still there, since when.
    pub lingering: Vec<(String, Timestamp)>,
    /// The names of the target groups that there are or were, by ARN.
    pub groups: BTreeMap<String, String>,
}

/// A call that AWS has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// When it took effect.
    pub at: Timestamp,
    /// The operation, for example `DescribeRules`.
    pub operation: String,
    /// Whether the operation writes.
    pub write: bool,
    /// The ARNs or names that it speaks of.
    pub resources: Vec<String>,
    /// How many changes of records were in its batch: what was to be made or deleted.
    pub changes: u32,
    /// `OK`, or the error code.
    pub code: String,
}

/// A change of what a place has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<T> {
    /// When AWS had it.
    pub at: Timestamp,
    /// The ARN of the rule, or of the listener for its default action.
    pub place: String,
    /// Whether a person in the console made it, and not a controller.
    pub by_hand: bool,
    /// What was there before; of weights, nothing where nothing was forwarded.
    pub before: T,
    /// What is there after it.
    pub after: T,
}
