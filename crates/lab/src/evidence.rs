//! All that judges may know of a world: its own logs and the journal of the wires.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::journal::Entry;

/// Weights by name of the target group.
pub type Weights = BTreeMap<String, u32>;

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
    pub changes: Vec<Change>,
    /// The objects that were deleted and are still there, since when.
    pub lingering: Vec<(String, Timestamp)>,
    /// The tags that are left at the end on every place that a controller has written to, by ARN.
    pub tags: BTreeMap<String, BTreeMap<String, String>>,
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
    /// `OK`, or the error code.
    pub code: String,
}

/// A change of weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When AWS had it.
    pub at: Timestamp,
    /// The ARN of the rule, or of the listener for its default action.
    pub place: String,
    /// Whether a person in the console made it, and not a caller of the API.
    pub by_hand: bool,
    /// The weights before; nothing where nothing was forwarded.
    pub before: Weights,
    /// The weights after.
    pub after: Weights,
}
