//! Batching and request coalescing: questions that one call can answer share it, equal questions share an answer.
//!
//! A batch is open to more questions until its call is sent: the longer it waits for a token of the call budget, the more
//! join it, and its priority is that of the most urgent waiter. All waiters poll the same shared future; when the last of
//! them is dropped, so is the batch.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures::future::{LocalBoxFuture, Shared, WeakShared};
use jiff::Timestamp;
use weir_engine::dns::ZoneId;
use weir_engine::fact::{By, Fact, Query};
use weir_engine::reader::FRESH;

use super::Core;
use super::invalidation::Invalidation;
use super::memory::Memory;
use crate::budget::{CallPriority, Waiters};
use crate::cloudwatch;

/// How many resources ELBv2 takes in one call of `DescribeTags` or `DescribeLoadBalancers`.
pub(super) const MOST_TOGETHER: usize = 20;
/// How many groups are asked for in one call of `DescribeTargetGroups`, for which AWS publishes no limit. Were there one
/// below this, AWS would find the call invalid, and it would be halved.
const MOST_GROUPS: usize = 100;
/// How many names of a zone are asked for together. They share pages: a thousand with an address each are on few.
const MOST_NAMES: usize = 1_000;

/// The answers of a batch, by question.
pub(super) type BatchResult = Rc<BTreeMap<Query, Fact>>;
/// The result of a batch, which many can wait for.
pub(super) type SharedResult = Shared<LocalBoxFuture<'static, BatchResult>>;

/// The batches and the questions in them.
#[derive(Default)]
pub(super) struct Batches {
    last_number: u64,
    /// How often writes to names have overtaken readings.
    overtaken: u64,
    /// Batches whose call was not sent yet, by number.
    open: BTreeMap<u64, OpenBatch>,
    /// The batch of each question whose answer may be remembered.
    pending: BTreeMap<Query, PendingQuery>,
}

/// The questions of one call.
#[derive(Default)]
pub(super) struct Batch {
    /// Those that somebody waits for.
    pub asked: BTreeSet<Query>,
    /// Those that nobody has asked yet, fetched ahead.
    pub prefetched: BTreeSet<Query>,
}

impl Batch {
    /// Whether it has a question.
    pub(super) fn has(&self, query: &Query) -> bool {
        self.asked.contains(query) || self.prefetched.contains(query)
    }
}

struct OpenBatch {
    key: BatchKey,
    queries: BTreeSet<Query>,
    waiters: Waiters,
    result: WeakShared<LocalBoxFuture<'static, BatchResult>>,
}

struct PendingQuery {
    batch: u64,
    sent_at: Option<Timestamp>,
    waiters: Waiters,
    result: WeakShared<LocalBoxFuture<'static, BatchResult>>,
}

/// What the questions of one batch have in common: those with the same key can share a call.
#[derive(Clone, Debug, PartialEq, Eq)]
enum BatchKey {
    BalancersByArn,
    BalancersByName,
    GroupsByArn,
    GroupsByName,
    Tags,
    Requests,
    /// The names of a zone.
    Names(ZoneId),
    /// Each for itself.
    Alone,
}

impl BatchKey {
    /// A doubtful question (what it is about did not exist last time) would make a call fail for all the others.
    fn of(query: &Query, doubtful: bool) -> Self {
        match query {
            // CloudWatch fails no call for a metric that it does not know.
            Query::Requests(_) => Self::Requests,
            // Where a zone is gone, its names are all asked for in vain: in one call.
            Query::Records(at) => Self::Names(at.zone.clone()),
            _ if doubtful => Self::Alone,
            Query::Balancer(By::Arn(_)) => Self::BalancersByArn,
            Query::Balancer(By::Name(_)) => Self::BalancersByName,
            Query::Group(By::Arn(_)) => Self::GroupsByArn,
            Query::Group(By::Name(_)) => Self::GroupsByName,
            Query::Tags(_) => Self::Tags,
            Query::BalancerAttributes(_)
            | Query::Listeners(_)
            | Query::Rules(_)
            | Query::Attributes(_)
            | Query::Health(_)
            | Query::Zone(_)
            | Query::Change(_) => Self::Alone,
        }
    }

    /// How many questions fit into one call.
    fn room(&self) -> usize {
        match self {
            Self::Alone => 1,
            Self::Requests => cloudwatch::MOST_TOGETHER,
            Self::GroupsByArn | Self::GroupsByName => MOST_GROUPS,
            Self::Names(_) => MOST_NAMES,
            Self::BalancersByArn | Self::BalancersByName | Self::Tags => MOST_TOGETHER,
        }
    }
}

impl Batches {
    /// Joins a batch that will answer the question with a reading from `not_before` or later, and from now or before.
    pub(super) fn join(
        &mut self,
        query: &Query,
        (not_before, now): (Timestamp, Timestamp),
        doubtful: bool,
        priority: &CallPriority,
    ) -> Option<SharedResult> {
        let same = self.pending.get(query);
        let is_usable = |sent_at| (not_before..=now).contains(&sent_at);
        if let Some(same) = same.filter(|same| same.sent_at.is_none_or(is_usable)) {
            same.waiters.join(priority);
            return same.result.upgrade();
        }
        let key = BatchKey::of(query, doubtful);
        let has_room = |open: &OpenBatch| open.key == key && open.queries.len() < key.room();
        let (number, open) = self.open.iter_mut().find(|(_, open)| has_room(open))?;
        let result = open.result.upgrade()?;
        open.queries.insert(query.clone());
        open.waiters.join(priority);
        let (waiters, weak_result) = (open.waiters.clone(), open.result.clone());
        let pending = PendingQuery { batch: *number, sent_at: None, waiters, result: weak_result };
        self.pending.insert(query.clone(), pending);
        Some(result)
    }

    /// The number of the next batch.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Opens a batch with its first question.
    pub(super) fn open(&mut self, number: u64, query: &Query, doubtful: bool, waiters: Waiters, result: &SharedResult) {
        let Some(result) = result.downgrade() else { return };
        let pending = PendingQuery { batch: number, sent_at: None, waiters: waiters.clone(), result: result.clone() };
        self.pending.insert(query.clone(), pending);
        let key = BatchKey::of(query, doubtful);
        self.open.insert(number, OpenBatch { key, queries: BTreeSet::from([query.clone()]), waiters, result });
    }

    /// Closes a batch, whose call is sent now, and tells the questions in it. Where it still has room, the tags of other
    /// rules are fetched along that somebody may be about to ask for: routes are looked at one by one, each with a rule of its
    /// own.
    pub(super) fn close(&mut self, number: u64, now: Timestamp, memory: &Memory) -> Batch {
        let Some(OpenBatch { key, queries: asked, waiters, result }) = self.open.remove(&number) else {
            return Batch::default();
        };
        for query in &asked {
            if let Some(pending) = self.pending.get_mut(query).filter(|pending| pending.batch == number) {
                pending.sent_at = Some(now);
            }
        }
        let room = if key == BatchKey::Tags { MOST_TOGETHER - asked.len() } else { 0 };
        let is_free = |query: &Query| !asked.contains(query) && !self.pending.contains_key(query);
        let prefetched = memory.old_tags(&asked, now - FRESH, is_free, room);
        for query in &prefetched {
            let (waiters, result) = (waiters.clone(), result.clone());
            self.pending.insert(query.clone(), PendingQuery { batch: number, sent_at: Some(now), waiters, result });
        }
        Batch { asked, prefetched }
    }

    /// Whether the answer of a batch to a question may be remembered: no write has invalidated it, and no newer batch has
    /// the question too.
    pub(super) fn is_current(&self, number: u64, query: &Query) -> bool {
        self.pending.get(query).is_some_and(|pending| pending.batch == number)
    }

    /// How often writes to names have overtaken readings: what is told along with answers may be remembered where none has since
    /// they were asked for.
    pub(super) fn overtaken(&self) -> u64 {
        self.overtaken
    }

    /// Makes those who ask from now on wait for a call of their own instead of one that a write has overtaken.
    pub(super) fn invalidate(&mut self, invalidation: &Invalidation) {
        self.overtaken += u64::from(invalidation.queries().iter().any(|query| matches!(query, Query::Records(_))));
        self.pending.retain(|query, pending| pending.sent_at.is_none() || !invalidation.queries().contains(query));
    }

    /// Makes everybody who asks from now on wait for a call that has not been sent yet, and lets nothing be remembered of
    /// those that have.
    pub(super) fn forget(&mut self) {
        self.overtaken += 1;
        self.pending.clear();
    }

    fn retire(&mut self, number: u64) {
        self.open.remove(&number);
        self.pending.retain(|_, pending| pending.batch != number);
    }
}

/// Removes a batch from the inventory when its future is dropped.
pub(super) struct BatchGuard {
    number: u64,
    waiters: Waiters,
    core: Rc<Core>,
}

impl BatchGuard {
    pub(super) fn new(number: u64, waiters: Waiters, core: Rc<Core>) -> Self {
        Self { number, waiters, core }
    }

    pub(super) fn waiters(&self) -> &Waiters {
        &self.waiters
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn core(&self) -> &Rc<Core> {
        &self.core
    }
}

impl Drop for BatchGuard {
    fn drop(&mut self) {
        self.core.batches.borrow_mut().retire(self.number);
    }
}
