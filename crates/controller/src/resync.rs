//! The periodic resync of AWS: each account and region in its own time.
//!
//! Invariant: there is at most one resync of an access at a time, and none waits for another's.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::{SignedDuration, Timestamp};
use tracing::{debug, info, warn};
use weir_aws::{AccountRegion, ResyncReport};
use weir_engine::Access;

use crate::connectivity::Connectivity;
use crate::context::Context;
use crate::kinds::Decisions;
use crate::run::later;

/// The report of a resync.
type Found = (Access, ResyncReport);

/// The resyncs that are under way, and when the next are due.
pub(crate) struct Resyncs<'a> {
    interval: SignedDuration,
    running: FuturesUnordered<LocalBoxFuture<'a, Found>>,
    under_way: BTreeSet<Access>,
    /// When each access is due again that has been resynced.
    due: BTreeMap<Access, Timestamp>,
    /// Where something cannot be read, as was said in the log.
    unreadable: BTreeMap<Access, Connectivity>,
    /// How many balancers and target groups the last resync of each access has read.
    sizes: BTreeMap<Access, [usize; 2]>,
    /// When everything that each access leads to was last read; until it was, when that was first tried.
    read: BTreeMap<Access, Timestamp>,
    /// When to look which ones are due.
    next: Timestamp,
}

impl<'a> Resyncs<'a> {
    /// No resync begins before the first interval has passed.
    pub fn new(now: Timestamp, interval: SignedDuration) -> Self {
        Self {
            interval,
            running: FuturesUnordered::new(),
            under_way: BTreeSet::new(),
            due: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            sizes: BTreeMap::new(),
            read: BTreeMap::new(),
            next: later(now, interval),
        }
    }

    /// When the next resync may begin.
    pub fn due(&self) -> Timestamp {
        self.next
    }

    /// Begins the resyncs that are due.
    pub fn start<D: Decisions>(&mut self, context: &'a Context<D>, now: Timestamp) {
        if now < self.next {
            return;
        }
        let (scopes, mut marked) =
            context.beside("seeking what to look at", || (context.resync_scopes(), context.marked()));
        self.due.retain(|access, _| scopes.contains_key(access));
        self.read.retain(|access, _| scopes.contains_key(access));
        self.unreadable.retain(|access, _| scopes.contains_key(access));
        self.sizes = scopes
            .iter()
            .map(|(access, scope)| (access.clone(), [scope.balancers.len(), scope.groups.len()]))
            .collect();
        // A reading that a tick has asked for since the last resync stands for this one's.
        let fresh = self.interval * 9 / 10;
        for (access, scope) in scopes {
            if self.under_way.contains(&access) || self.due.get(&access).is_some_and(|due| now < *due) {
                continue;
            }
            self.under_way.insert(access.clone());
            self.read.entry(access.clone()).or_insert(now);
            self.due.remove(&access);
            let marked = marked.remove(&access).unwrap_or_default();
            let resync = async move {
                let look = async {
                    let mut report = context.accounts.resync(&access, &scope, fresh).await;
                    report.changed.extend(context.accounts.poll_tags(&access, &marked).await);
                    report
                };
                let report = context.meanwhile("looking around on AWS", look).await;
                (access, report)
            };
            self.running.push(resync.boxed_local());
        }
        self.next = self.due.values().copied().chain([later(now, self.interval)]).min().unwrap_or(now);
    }

    /// The next resync that ends; `None` while there is none under way.
    pub async fn next(&mut self) -> Option<Found> {
        self.running.next().await
    }

    /// A resync has ended.
    pub fn end(&mut self, access: &Access, report: &ResyncReport, now: Timestamp) {
        self.under_way.remove(access);
        if !report.failing {
            self.read.insert(access.clone(), now);
        }
        self.tell(access, report, now);
        let due = later(now, self.interval);
        self.due.insert(access.clone(), due);
        self.next = self.next.min(due);
    }

    /// How old what is known of AWS is, in seconds: the oldest of each account and region.
    pub fn ages(&self, now: Timestamp) -> BTreeMap<AccountRegion, i64> {
        let mut ages = BTreeMap::new();
        for (access, read) in &self.read {
            let age: &mut i64 = ages.entry(AccountRegion::of(access)).or_default();
            *age = (*age).max(now.duration_since(*read).as_secs());
        }
        ages
    }

    /// Says in the log that something cannot be read, at growing intervals, and once that everything can be again.
    fn tell(&mut self, access: &Access, report: &ResyncReport, now: Timestamp) {
        let said = match &report.unreadable {
            Some(error) => {
                let connectivity = self
                    .unreadable
                    .entry(access.clone())
                    .or_insert_with(|| Connectivity::reading(format!("AWS ({access})")));
                let [balancers, groups] = self.sizes.get(access).copied().unwrap_or_default();
                let waits = format!("what hangs on {balancers} balancers and {groups} target groups");
                let why = error.to_string();
                connectivity
                    .record_failure(now, Some(&waits), &why)
                    .map(|words| warn!(outcome = error.kind.word(), "{words}"))
            }
            None => self
                .unreadable
                .remove(access)
                .and_then(|mut connectivity| connectivity.record_success(now))
                .map(|words| info!("{words}")),
        };
        if said.is_none() && report.unreadable.is_some() {
            debug!(%access, "AWS still cannot be read");
        }
    }

    /// Drops the resyncs that are under way.
    pub fn cancel(&mut self) {
        self.read.clear();
        self.running.clear();
    }
}
