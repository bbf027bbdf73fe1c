//! The call budget of one account and region: a token bucket per API throttle class, a priority queue before it, and
//! tokens that are reserved for rollbacks.
//!
//! A [`Family`] is a class of operations that AWS throttles together. Each request takes a token, a retry too; what is written to
//! Route 53 takes one for each change besides. The call of the highest priority goes first, then the one that was queued first.
//! Invariants: a rollback waits for tokens only: some are kept for it, and no number of calls in flight holds it back; one token in
//! eight goes to whoever has waited longest, and while rollbacks wait, to whoever else has, so that neither is kept from watching
//! the other side for ever. Nothing here spawns, and the same calls at the same instants get the same answers. Ages come from
//! tokio's clock, which never goes back.

mod bucket;
mod family;
mod priority;
mod token;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use weir_engine::tick::Urgency;

use self::bucket::Bucket;
pub use self::family::Family;
pub(crate) use self::family::MOST_CHANGES;
pub use self::priority::CallPriority;
pub(crate) use self::priority::Waiters;
pub use self::token::CallToken;

/// One token of so many goes to whoever has waited longest, however urgent.
const FAIR: u32 = 8;
/// How many writes of ELBv2 a second are tried at most, unless somebody says otherwise.
pub const MODIFY_RATE: u32 = 10;
/// The shortest time after which another try is worth it: the runtime's clock counts milliseconds.
const SHORTEST: Duration = Duration::from_millis(1);

/// The present state of a token bucket and its queue, for metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetStatus {
    /// The family.
    pub family: Family,
    /// How many calls could be sent at once now.
    pub tokens: u32,
    /// How many calls a second are sent at most now.
    pub per_second: f64,
    /// How many a second are tried at most now.
    pub ceiling: f64,
    /// How many calls wait for a token.
    pub waiting: usize,
}

/// The budget of one account and region. Clones are the same budget.
#[derive(Clone)]
pub struct Budget(Rc<RefCell<Queues>>);

type Queues = BTreeMap<Family, CallQueue>;

/// The calls of one family that wait for a token, and the bucket that they wait for.
struct CallQueue {
    bucket: Bucket,
    last_number: u64,
    waiting: BTreeMap<u64, QueuedCall>,
    in_flight: usize,
    /// How many may be at once, those of rollbacks not counted in.
    in_flight_limit: usize,
    /// How many tokens have gone to others than rollbacks.
    granted: u32,
    /// How many tokens have gone to rollbacks since.
    granted_to_rollbacks: u32,
    /// How many tokens were taken and not used yet, and not put back.
    held: usize,
    /// How many of them belong to writes that wait for their request, with all that it needs.
    handed_in: usize,
    /// Is told when tokens that were taken are used, put back or handed in.
    settled: Rc<Notify>,
}

struct QueuedCall {
    waiters: Waiters,
    amount: u32,
    wake_up: Rc<Notify>,
}

/// The answer to a call at the bucket.
enum Admission {
    Granted,
    /// Nothing changes before so long.
    RetryAfter(Duration),
    /// Another call goes first, and wakes the next.
    NotYet,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

impl Budget {
    /// A budget of which nothing is spent.
    pub fn new() -> Self {
        Self::with_modify_rate(MODIFY_RATE)
    }

    /// The same, by which so many writes of ELBv2 a second are tried at most.
    pub fn with_modify_rate(modify_rate: u32) -> Self {
        let now = Instant::now();
        let queue = |family: Family| {
            let (bucket, in_flight_limit) = (Bucket::new(family.limit(modify_rate), now), family.in_flight_limit());
            let waiting = BTreeMap::new();
            (
                family,
                CallQueue {
                    bucket,
                    last_number: 0,
                    waiting,
                    in_flight: 0,
                    in_flight_limit,
                    granted: 0,
                    granted_to_rollbacks: 0,
                    held: 0,
                    handed_in: 0,
                    settled: Rc::default(),
                },
            )
        };
        Self(Rc::new(RefCell::new(Family::ALL.into_iter().map(queue).collect())))
    }

    /// The state of each bucket.
    pub fn statuses(&self) -> Vec<BudgetStatus> {
        let now = Instant::now();
        let mut queues = self.0.borrow_mut();
        let status = |(family, queue): (&Family, &mut CallQueue)| {
            #[expect(clippy::cast_precision_loss, reason = "a rate is far below what a float holds exactly")]
            let [per_second, ceiling] =
                [queue.bucket.rate_at(now), queue.bucket.tried(now)].map(|rate| rate as f64 / 1e6);
            let (tokens, waiting) = (queue.bucket.tokens(now), queue.waiting.len());
            BudgetStatus { family: *family, tokens, per_second, ceiling, waiting }
        };
        queues.iter_mut().map(status).collect()
    }

    /// How many tokens of a family others than rollbacks could take now. Of those that travel together no more than fit into one
    /// request beside those that have theirs already.
    pub(crate) fn available(&self, family: Family) -> usize {
        let now = Instant::now();
        self.with(family, |queue| {
            let tokens = queue.bucket.available(now).saturating_sub(queue.waited_for());
            let together = family.most_together();
            if together > 1 { tokens.min(together.saturating_sub(queue.held)) } else { tokens }
        })
    }

    /// How many there are at most, after a rest.
    pub(crate) fn most(&self, family: Family) -> usize {
        self.with(family, |queue| queue.bucket.most(Instant::now()))
    }

    /// After which time there could be so many.
    pub(crate) fn time_until(&self, family: Family, amount: usize) -> Duration {
        let now = Instant::now();
        self.with(family, |queue| queue.bucket.time_until(now, amount.saturating_add(queue.waited_for())).max(SHORTEST))
    }

    /// Whether somebody has tokens of a family and has not handed in yet what they are for.
    pub(crate) fn are_coming(&self, family: Family) -> bool {
        self.with(family, |queue| queue.held > queue.handed_in)
    }

    /// Is told when that may have changed.
    pub(crate) fn settled(&self, family: Family) -> Rc<Notify> {
        self.with(family, |queue| Rc::clone(&queue.settled))
    }

    /// AWS has throttled a request that was sent at an instant, and that tokens of a family have travelled with.
    pub(crate) fn was_throttled(&self, family: Family, sent: Instant) {
        self.with(family, |queue| queue.bucket.throttled(sent, Instant::now()));
    }

    /// Whether two are the same budget.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// A priority was raised: the queues are looked through again.
    pub(crate) fn reprioritize(&self) {
        self.0.borrow().values().for_each(CallQueue::wake);
    }

    /// A handle for the tokens of the calls of a family, one for each call; none is taken yet.
    pub(crate) fn call_token(&self, family: Family, waiters: &Waiters) -> CallToken {
        self.call_tokens(family, 1, waiters)
    }

    /// The same with so many tokens for each call.
    pub(crate) fn call_tokens(&self, family: Family, amount: u32, waiters: &Waiters) -> CallToken {
        CallToken::new(self.clone(), family, amount, waiters.clone())
    }

    fn with<T>(&self, family: Family, act: impl FnOnce(&mut CallQueue) -> T) -> T {
        let mut queues = self.0.borrow_mut();
        act(queues.get_mut(&family).expect("there is a queue for every family"))
    }
}

impl CallQueue {
    /// How many tokens are waited for.
    fn waited_for(&self) -> usize {
        self.waiting.values().map(|queued| usize::try_from(queued.amount).unwrap_or(usize::MAX)).sum()
    }

    /// So many tokens are held no more.
    fn release(&mut self, amount: u32, was_handed_in: bool) {
        let amount = usize::try_from(amount).unwrap_or(usize::MAX);
        self.held = self.held.saturating_sub(amount);
        if was_handed_in {
            self.handed_in = self.handed_in.saturating_sub(amount);
        }
        self.settled.notify_waiters();
    }

    /// The call that goes next, and its priority: one that goes among rollbacks waits for their tokens only.
    fn head(&self) -> Option<(u64, Urgency)> {
        let ranked = || self.waiting.iter().map(|(number, queued)| (queued.waiters.urgency(), *number));
        let (urgency, number) = ranked().min()?;
        if urgency != Urgency::Rollback {
            let longest = self.waiting.iter().next().filter(|_| self.granted % FAIR == FAIR - 1);
            return Some(longest.map_or((number, urgency), |(number, queued)| (*number, queued.waiters.urgency())));
        }
        let is_turn = self.granted_to_rollbacks % FAIR == FAIR - 1 && self.in_flight < self.in_flight_limit;
        let is_turn = is_turn && !self.bucket.is_paused(Instant::now());
        let other = ranked().filter(|(urgency, _)| *urgency != Urgency::Rollback).map(|(_, number)| number).min();
        Some((other.filter(|_| is_turn).unwrap_or(number), Urgency::Rollback))
    }

    fn wake(&self) {
        if let Some(next) = self.head().and_then(|(number, _)| self.waiting.get(&number)) {
            next.wake_up.notify_one();
        }
    }

    fn try_acquire(&mut self, number: u64) -> Admission {
        let Some((head, urgency)) = self.head() else { return Admission::NotYet };
        let is_rollback = urgency == Urgency::Rollback;
        if head != number {
            // It may have become its turn by the mere passing of time, unknown to it.
            self.wake();
            return Admission::NotYet;
        }
        if self.in_flight >= self.in_flight_limit && !is_rollback {
            return Admission::NotYet;
        }
        let amount = self.waiting.get(&number).map_or(1, |queued| queued.amount);
        match self.bucket.take(Instant::now(), amount, urgency) {
            Ok(()) => {
                self.waiting.remove(&number);
                self.held += usize::try_from(amount).unwrap_or(usize::MAX);
                if is_rollback {
                    self.granted_to_rollbacks = self.granted_to_rollbacks.wrapping_add(1);
                } else {
                    self.granted = self.granted.wrapping_add(1);
                    self.granted_to_rollbacks = 0;
                }
                self.wake();
                Admission::Granted
            }
            Err(span) => Admission::RetryAfter(span.max(SHORTEST)),
        }
    }
}

#[cfg(test)]
mod tests;
