//! Every call that reached AWS.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

/// A call as AWS saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// When it arrived and took effect.
    pub at: Timestamp,
    /// The service by the credential scope, `elasticloadbalancing`.
    pub service: &'static str,
    /// The operation, or `unknown`.
    pub operation: &'static str,
    /// Whether it is one that writes.
    pub write: bool,
    /// The ARNs and names that it was about.
    pub resources: Vec<Arc<str>>,
    /// How many changes of records were in its batch.
    pub changes: u32,
    /// `OK` or the code of the error.
    pub outcome: &'static str,
}

/// All calls, and how many there were of each kind.
#[derive(Debug, Default)]
pub(super) struct CallLog {
    calls: Vec<Call>,
    counts: BTreeMap<(&'static str, &'static str), u64>,
}

impl CallLog {
    pub(super) fn record(&mut self, call: Call) {
        *self.counts.entry((call.operation, call.outcome)).or_default() += 1;
        self.calls.push(call);
    }

    pub(super) fn calls(&self) -> &[Call] {
        &self.calls
    }

    pub(super) fn take(&mut self) -> Vec<Call> {
        std::mem::take(&mut self.calls)
    }

    pub(super) fn counts(&self) -> &BTreeMap<(&'static str, &'static str), u64> {
        &self.counts
    }
}
