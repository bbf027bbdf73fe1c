//! What was asked of the API server over its wire, for tests that count calls.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

/// Requests kept one by one; the counters go on counting beyond it.
const KEPT: usize = 100_000;

/// One request as it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// When it arrived.
    pub at: Timestamp,
    /// get, list, watch, create, update, patch, delete, deletecollection; for paths without objects, the method.
    pub verb: String,
    /// Resource with its group, such as `leases.coordination.k8s.io`; for paths without objects, the path.
    pub resource: String,
    /// `status`, or empty.
    pub subresource: String,
    /// Empty for cluster-wide requests.
    pub namespace: String,
    /// Empty for requests about more than one object.
    pub name: String,
    /// HTTP code of the answer.
    pub code: u16,
}

/// The requests so far.
#[derive(Debug, Default)]
pub(super) struct Log {
    requests: VecDeque<Request>,
    counters: BTreeMap<(String, String), u64>,
}

impl Log {
    pub(super) fn add(&mut self, request: Request) {
        let target = if request.subresource.is_empty() {
            request.resource.clone()
        } else {
            format!("{}/{}", request.resource, request.subresource)
        };
        *self.counters.entry((request.verb.clone(), target)).or_default() += 1;
        if self.requests.len() == KEPT {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.iter().cloned().collect()
    }

    pub(super) fn counters(&self) -> BTreeMap<(String, String), u64> {
        self.counters.clone()
    }

    pub(super) fn clear(&mut self) {
        self.requests.clear();
        self.counters.clear();
    }
}
