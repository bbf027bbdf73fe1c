//! What was changed on AWS, by whom: one effect for each change that was accepted, in the order in which they came,
//! whatever the account and region.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// Who changed something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Author {
    /// A call with this access key.
    Caller(Arc<str>),
    /// A person in the console, or whoever set the world up.
    Hand,
}

/// A change that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// When AWS accepted it; clients see it after the propagation.
    pub at: Timestamp,
    /// The account in which it was made.
    pub account: Arc<str>,
    /// Who made it.
    pub author: Author,
    /// The identifier of the request; `None` where it was none.
    pub request_id: Option<Arc<str>>,
    /// What was changed.
    pub change: Change,
}

/// What was changed. What is as it was before is no change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The weights of a forward, or of the records of one name and type that lead clients.
    Weights {
        /// The ARN of the rule, or of the listener when it is about the default action; of records the ARN of the zone, with
        /// name and type behind it.
        place: String,
        /// The weights before, by name of group; of records by name of balancer, or by what else they say. A record that is
        /// alone has 1. Empty when nothing was forwarded.
        before: BTreeMap<String, u32>,
        /// The weights after.
        after: BTreeMap<String, u32>,
    },
    /// The tags of a resource; those of one that is deleted go with it.
    Tags {
        /// Its ARN.
        resource: String,
        /// The tags before.
        before: BTreeMap<String, String>,
        /// The tags after.
        after: BTreeMap<String, String>,
    },
}

/// All effects so far, shared by whoever has any.
#[derive(Clone, Debug, Default)]
pub(super) struct Effects(Arc<Mutex<Vec<Effect>>>);

impl Effects {
    pub(super) fn all(&self) -> Vec<Effect> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Who acts, when and where, and how soon the data plane follows.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) now: Timestamp,
    /// Whether the data plane is up to date at once: so only while a world is set up.
    pub(crate) at_once: bool,
    pub(super) account: Arc<str>,
    pub(super) author: Author,
    pub(super) request_id: Option<Arc<str>>,
    pub(super) effects: Effects,
}

impl Writer {
    /// Notes what was changed.
    pub(crate) fn note(&self, change: Change) {
        let Self { now, account, author, request_id, effects, .. } = self;
        let effect = Effect {
            at: *now,
            account: Arc::clone(account),
            author: author.clone(),
            request_id: request_id.clone(),
            change,
        };
        effects.0.lock().unwrap_or_else(PoisonError::into_inner).push(effect);
    }
}
