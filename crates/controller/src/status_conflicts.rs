//! Detection of status conflicts: another writer overwrites our statuses, such as a second installation that works on the
//! same objects.
//!
//! Each status that was sent is remembered by a fingerprint. One that comes in and is neither what was known nor what was
//! sent is somebody else's. All of it belongs to one term: whoever led before wrote other statuses.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;
use weir_engine::ObjectRef;

/// Tells one status from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// That of a status as it stands on the wire.
    pub fn of(status: &Value) -> Self {
        let mut hasher = DefaultHasher::new();
        status.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// What was last sent as the status of each object.
#[derive(Debug, Default)]
pub struct SentStatuses {
    statuses: BTreeMap<ObjectRef, Fingerprint>,
}

impl SentStatuses {
    /// A status is sent. Returns what was sent before it, to be put back should the server not take this one.
    pub fn record(&mut self, object: &ObjectRef, status: Fingerprint) -> Option<Fingerprint> {
        self.statuses.insert(object.clone(), status)
    }

    /// The server did not take the last status, so that the one before it counts.
    pub fn take_back(&mut self, object: &ObjectRef, before: Option<Fingerprint>) {
        match before {
            Some(before) => drop(self.statuses.insert(object.clone(), before)),
            None => self.forget(object),
        }
    }

    /// The object is no more.
    pub fn forget(&mut self, object: &ObjectRef) {
        self.statuses.remove(object);
    }

    /// A term has ended.
    pub fn clear(&mut self) {
        self.statuses.clear();
    }

    /// Whether somebody else has written a status over one of ours.
    pub fn is_written_over(&self, object: &ObjectRef, status: Fingerprint) -> bool {
        self.statuses.get(object).is_some_and(|sent| *sent != status)
    }
}
