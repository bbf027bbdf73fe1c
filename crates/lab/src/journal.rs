//! What happened on the wires of the controllers and in their processes, in one order.
//!
//! The journal is written by the connectors, which see every request before the world does, and by the world that
//! starts, stops and watches. Judges and traces read it; nothing in it comes from the controller's own memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use weir_sim::aws::Sent;

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When it happened: for a request, when it was sent.
    pub at: Timestamp,
    /// Which process of the controller it belongs to, counted from 1; 0 for what the world did.
    pub process: u32,
    /// What happened.
    pub what: What,
}

/// What may happen.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A request to AWS.
    Aws(AwsRequest),
    /// A request to Kubernetes.
    Kube(KubeRequest),
    /// A claim to the Lease by which it is settled who leads, or its release.
    Lease(LeaseRequest),
    /// A process began.
    Started,
    /// A process ended in the middle of whatever it did.
    Crashed,
    /// A process ended by itself, with its last words.
    Ended(String),
    /// A process ended as it was told to.
    Stopped,
    /// A process is no longer carried on.
    Paused,
    /// A process is carried on again.
    Resumed,
    /// Something befell the world, in words.
    Befell(String),
    /// A target group has another number of healthy targets than before.
    Health {
        /// The group's name.
        group: String,
        /// How many of its targets are healthy.
        healthy: u32,
    },
}

/// A request to AWS.
#[derive(Clone, Debug, PartialEq)]
pub struct AwsRequest {
    /// When the controller sent it. That it reaches the wire may be later: a process can be stopped in between.
    pub issued: Timestamp,
    /// What it asks for, as AWS understands it.
    pub sent: Sent,
    /// It as it was written.
    pub body: Bytes,
    /// Whether it reached AWS.
    pub arrived: bool,
    /// The HTTP status of the answer, if one came back.
    pub status: Option<u16>,
    /// By which AWS knows the request, if an answer came back.
    pub request_id: Option<String>,
}

/// A claim to the Lease.
#[derive(Clone, Debug, PartialEq)]
pub struct LeaseRequest {
    /// Who would have it; nobody where it is given up.
    pub holder: String,
    /// For how long.
    pub seconds: u32,
    /// The HTTP status of the answer, if one came back.
    pub status: Option<u16>,
}

/// A request to Kubernetes.
#[derive(Clone, Debug, PartialEq)]
pub struct KubeRequest {
    /// When the controller sent it. That it reaches the wire may be later: a process can be stopped in between.
    pub issued: Timestamp,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Whether it reached the API server.
    pub arrived: bool,
    /// The HTTP status of the answer, if one came back.
    pub status: Option<u16>,
    /// For a write that changed something: the object as it then was, or as it went where that was the last write.
    pub object: Option<Arc<Value>>,
}

impl KubeRequest {
    /// Whether the request changes anything.
    pub fn is_write(&self) -> bool {
        self.method != "GET"
    }
}

/// The journal, shared by all who write it.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    entries: Arc<Mutex<Vec<Entry>>>,
    /// Whether nothing is written down.
    is_blank: bool,
}

impl Journal {
    /// A journal that keeps nothing: for a world that nobody judges, and that goes on without end.
    pub fn blank() -> Self {
        Self { is_blank: true, ..Self::default() }
    }

    /// Adds an entry and returns its number.
    pub fn add(&self, at: Timestamp, process: u32, what: What) -> usize {
        if self.is_blank {
            return 0;
        }
        let mut entries = self.lock();
        entries.push(Entry { at, process, what });
        entries.len() - 1
    }

    /// All entries so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().clone()
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Looks at the entries from a number on.
    pub(crate) fn read<T>(&self, number: usize, look: impl FnOnce(&[Entry]) -> T) -> T {
        look(&self.lock()[number..])
    }

    /// Notes what came of a request to AWS.
    pub(crate) fn settle_aws(&self, number: usize, settle: impl FnOnce(&mut AwsRequest)) {
        if let Some(Entry { what: What::Aws(request), .. }) = self.lock().get_mut(number) {
            settle(request);
        }
    }

    /// Notes what came of a request to Kubernetes.
    pub(crate) fn settle_kube(&self, number: usize, settle: impl FnOnce(&mut KubeRequest)) {
        if let Some(Entry { what: What::Kube(request), .. }) = self.lock().get_mut(number) {
            settle(request);
        }
    }

    /// Notes what came of a claim to the Lease.
    pub(crate) fn settle_lease(&self, number: usize, status: u16) {
        if let Some(Entry { what: What::Lease(request), .. }) = self.lock().get_mut(number) {
            request.status = Some(status);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
