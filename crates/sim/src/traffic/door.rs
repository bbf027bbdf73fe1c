//! The balancers before which clients stand, for as long as nothing in the world changes but by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::aws::{Aws, HttpRequest, Passage};

/// What clients find at a balancer.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) passage: Passage,
    /// For how long it keeps a connection; `None` when it is not there.
    pub(super) keeps: Option<Duration>,
}

impl Door {
    /// Whether somebody listens.
    pub(super) fn is_open(&self) -> bool {
        self.passage.way.is_some()
    }
}

/// Balancers by name or ARN, and the requests that each has sent to groups by minute and name.
#[derive(Debug)]
pub(super) struct Doors<'a> {
    aws: &'a Aws,
    port: u16,
    request: &'a HttpRequest,
    known: BTreeMap<Arc<str>, Door>,
    counts: BTreeMap<Arc<str>, ByMinute>,
}

/// Requests by minute and name of group.
type ByMinute = BTreeMap<(Timestamp, Arc<str>), u64>;

impl<'a> Doors<'a> {
    pub(super) fn new(aws: &'a Aws, port: u16, request: &'a HttpRequest) -> Self {
        Self { aws, port, request, known: BTreeMap::new(), counts: BTreeMap::new() }
    }

    /// What a balancer is at an instant.
    pub(super) fn at(&mut self, balancer: &Arc<str>, at: Timestamp) -> &Door {
        let holds = |door: &Door| door.passage.until.is_none_or(|until| at < until);
        if !self.known.get(balancer).is_some_and(holds) {
            let there = self.aws.beside(balancer);
            let passage = there.passage(balancer, self.port, self.request, at);
            self.known.insert(Arc::clone(balancer), Door { passage, keeps: there.keeps_connections(balancer) });
        }
        &self.known[balancer]
    }

    /// Notes that a balancer sent a request to a group.
    pub(super) fn count(&mut self, balancer: &Arc<str>, at: Timestamp, group: &Arc<str>) {
        let counts = self.counts.entry(Arc::clone(balancer)).or_default();
        *counts.entry((whole_minute(at), Arc::clone(group))).or_default() += 1;
    }

    /// Tells CloudWatch.
    pub(super) fn report(self) {
        for (balancer, counts) in &self.counts {
            self.aws.beside(balancer).count_requests(balancer, counts);
        }
    }
}

/// The minute in which something happens, by its beginning.
fn whole_minute(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() - at.as_second().rem_euclid(60)).unwrap_or(at)
}
