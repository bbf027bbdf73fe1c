//! The polling of request counts from CloudWatch metrics, once a minute and beside the ticks, so that none waits for it.
//!
//! Invariant: each account and region is counted by itself, at most once at a time, and none waits for another's.

use std::collections::BTreeSet;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use weir_engine::share::MEASURE_INTERVAL;
use weir_engine::{Access, Key};

use crate::context::Context;
use crate::kinds::Decisions;
use crate::run::later;

/// The routes of one access whose requests were counted.
type Counted = (Access, Vec<Key>);

/// The polls that are under way, and when the next are due.
pub(crate) struct RequestCounts<'a> {
    running: FuturesUnordered<LocalBoxFuture<'a, Counted>>,
    under_way: BTreeSet<Access>,
    due: Timestamp,
}

impl<'a> RequestCounts<'a> {
    /// Nothing is counted before the first interval has passed.
    pub fn new(now: Timestamp) -> Self {
        Self { running: FuturesUnordered::new(), under_way: BTreeSet::new(), due: later(now, MEASURE_INTERVAL) }
    }

    /// When to count next.
    pub fn due(&self) -> Timestamp {
        self.due
    }

    /// Begins to count where that is due. Where nothing is worth counting there is no call.
    pub fn start<D: Decisions>(&mut self, context: &'a Context<D>, now: Timestamp) {
        if now < self.due {
            return;
        }
        self.due = later(now, MEASURE_INTERVAL);
        for (access, measured) in context.beside("seeking what to count", || context.measured()) {
            if !self.under_way.insert(access.clone()) {
                continue;
            }
            let count = async move {
                let requests = measured.values().flatten().cloned().collect();
                context.meanwhile("counting requests", context.accounts.measure(&access, &requests)).await;
                (access, measured.into_keys().collect())
            };
            self.running.push(count.boxed_local());
        }
    }

    /// The next poll that ends; `None` while there is none under way.
    pub async fn next(&mut self) -> Option<Counted> {
        self.running.next().await
    }

    /// A poll has ended.
    pub fn end(&mut self, access: &Access) {
        self.under_way.remove(access);
    }

    /// Drops the polls that are under way.
    pub fn cancel(&mut self) {
        self.running.clear();
    }
}
