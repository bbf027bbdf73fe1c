//! Conditions, equal in schema to those of Kubernetes, but ordered and hashable.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// One observed aspect of an object, in the form that kstatus, `kubectl wait` and GitOps tools read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What the condition is about, for example `Ready`.
    #[serde(rename = "type")]
    pub type_: SmolStr,
    /// Whether it holds.
    pub status: Truth,
    /// Why, as one word in CamelCase that programs may compare.
    pub reason: SmolStr,
    /// Why, in words for people.
    pub message: SmolStr,
    /// Since when the status is what it is.
    pub last_transition_time: Timestamp,
    /// The generation of the spec that this was judged on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// The truth value of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It cannot be told.
    Unknown,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// `Ready`: the object does what its spec says.
pub const READY: &str = "Ready";
/// `Reconciling`: Weir is at work on it, or waits for something that will come.
pub const RECONCILING: &str = "Reconciling";
/// `Stalled`: nothing will happen until somebody changes something.
pub const STALLED: &str = "Stalled";
/// `Synced`: what is live on AWS is what the route wants.
pub const SYNCED: &str = "Synced";
/// `Contested`: somebody else keeps changing what a route sets, and the route has stopped to correct it.
pub const CONTESTED: &str = "Contested";
/// `Complete`: the last run of a shift has ended; the reason says how.
pub const COMPLETE: &str = "Complete";

/// The condition of a type, where there is one.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the condition of a type is there and true.
pub fn holds(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == Truth::True)
}
