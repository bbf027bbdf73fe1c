//! Counting requests, once a minute, beside the ticks, so that none waits for CloudWatch.
//!
//! Invariant: each account and region is counted by itself, at most once at a time, and none waits for another's.

use std::collections::BTreeSet;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use weir_engine::share::MEASURE_INTERVAL;
use weir_engine::{Access, Key};

use crate::kinds::Decisions;
use crate::run::later;
use crate::world::World;

/// The routes of one access whose requests were counted.
type Counted = (Access, Vec<Key>);

/// The counts that are under way, and when the next are due.
pub(crate) struct Counts<'a> {
    running: FuturesUnordered<LocalBoxFuture<'a, Counted>>,
    under_way: BTreeSet<Access>,
    due: Timestamp,
}

impl<'a> Counts<'a> {
    /// Nothing is counted before the first interval has passed.
    pub fn new(now: Timestamp) -> Self {
        Self { running: FuturesUnordered::new(), under_way: BTreeSet::new(), due: later(now, MEASURE_INTERVAL) }
    }

    /// When to count next.
    pub fn due(&self) -> Timestamp {
        self.due
    }

    /// Begins to count where that is due. Where nothing is worth counting there is no call.
    pub fn start<D: Decisions>(&mut self, world: &'a World<D>, now: Timestamp) {
        if now < self.due {
            return;
        }
        self.due = later(now, MEASURE_INTERVAL);
        for (access, measured) in world.beside("seeking what to count", || world.measured()) {
            if !self.under_way.insert(access.clone()) {
                continue;
            }
            let count = async move {
                let requests = measured.values().flatten().cloned().collect();
                world.meanwhile("counting requests", world.accounts.measure(&access, &requests)).await;
                (access, measured.into_keys().collect())
            };
            self.running.push(count.boxed_local());
        }
    }

    /// The next count that ends; `None` while there is none under way.
    pub async fn next(&mut self) -> Option<Counted> {
        self.running.next().await
    }

    /// A count has ended.
    pub fn end(&mut self, access: &Access) {
        self.under_way.remove(access);
    }

    /// Drops the counts that are under way.
    pub fn give_up(&mut self) {
        self.running.clear();
    }
}
