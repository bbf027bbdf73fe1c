//! The call budget of one account and region: a token bucket per API throttle class, a priority queue before it, and
//! tokens that are reserved for rollbacks.
//!
//! A [`Family`] is a class of operations that AWS throttles together. Each request takes a token, a retry too. The call of
//! the highest priority goes first, then the one that was queued first. Invariants: a rollback waits for tokens only: some are kept for
//! it, and no number of calls in flight holds it back; one token in eight goes to whoever has waited longest, and while
//! rollbacks wait, to whoever else has, so that neither is kept from watching the other side for ever. Nothing here spawns, and the
//! same calls at the same instants get the same answers. Ages come from tokio's clock, which never goes back.

mod bucket;
mod priority;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use weir_engine::fact::Query;
use weir_engine::guard::Permit;
use weir_engine::tick::Urgency;
use weir_engine::write::Write;

use self::bucket::{Bucket, Limit};

pub use self::priority::CallPriority;
pub(crate) use self::priority::Waiters;

/// One token of so many goes to whoever has waited longest, however urgent.
const FAIR: u32 = 8;
/// How long a rate that was lowered takes to rise again from nothing.
const RISE: Duration = Duration::from_mins(5);
/// How many writes of ELBv2 a second are tried at most, unless somebody says otherwise.
pub const MODIFY_RATE: u32 = 10;
/// The shortest time after which another try is worth it: the runtime's clock counts milliseconds.
const SHORTEST: Duration = Duration::from_millis(1);

/// An API throttle class: the operations that share a token bucket on AWS.
///
/// To add one: name it here, give it a limit, and say which calls are of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// The reads of ELBv2.
    Describe,
    /// The writes of ELBv2, but for registrations.
    Modify,
    /// The reads of CloudWatch.
    CloudWatchRead,
    /// The reads of Route 53.
    Route53Read,
    /// The changes of records on Route 53, each a batch for one name.
    Route53Change,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 5] =
        [Self::Describe, Self::Modify, Self::CloudWatchRead, Self::Route53Read, Self::Route53Change];

    /// The family's name in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Describe => "elbv2-describe",
            Self::Modify => "elbv2-modify",
            Self::CloudWatchRead => "cloudwatch-count",
            Self::Route53Read => "route53-read",
            Self::Route53Change => "route53-change",
        }
    }

    /// Whether its service is the same in all regions.
    pub(crate) fn is_global(self) -> bool {
        match self {
            Self::Describe | Self::Modify | Self::CloudWatchRead => false,
            Self::Route53Read | Self::Route53Change => true,
        }
    }

    /// The family of the call that answers a question.
    pub(crate) fn answering(query: &Query) -> Self {
        match query {
            Query::Balancer(_)
            | Query::BalancerAttributes(_)
            | Query::Listeners(_)
            | Query::Rules(_)
            | Query::Group(_)
            | Query::Attributes(_)
            | Query::Health(_)
            | Query::Tags(_) => Self::Describe,
            Query::Zone(_) | Query::Records(_) | Query::Change(_) => Self::Route53Read,
            Query::Requests(_) => Self::CloudWatchRead,
        }
    }

    /// The family of the call that carries out a write.
    pub fn of(write: &Write) -> Self {
        match write {
            Write::Listener(_) | Write::Tags(_) => Self::Modify,
            Write::Records(_) => Self::Route53Change,
        }
    }

    /// The rates to which the AWS Load Balancer Controller keeps since March 2026 (its default throttle settings; AWS
    /// publishes none: describe 50/s burst 200, modify 3/s burst 20), with bursts of three quarters of that, since
    /// others call from the same account too. CloudWatch grants 50 `GetMetricData` a second (its service quotas), which
    /// dashboards and autoscalers of the account need too.
    ///
    /// Some accounts are granted more writes: up to `modify_rate` a second are tried where AWS takes them.
    ///
    /// Route 53 grants an account ten requests a second, fifty at once, all its calls in all regions together
    /// ("Throttling API requests" in its developer guide). DNS controllers, certificates and people in the console call it
    /// too, so both families together take less: eight a second, 35 at once. Since July 30, 2026 it counts changes of records
    /// besides, a hundred a second and 1,500 at once ("Introducing change-based throttling"): a batch for one name has a dozen
    /// at most. Before, it granted five requests a second; where it still does, the rate is lowered when it throttles.
    fn limit(self, modify_rate: u32) -> Limit {
        match self {
            Self::Describe => Limit { per_second: 50, ceiling: 50, burst: 150, reserve: 30, rise: RISE },
            Self::Modify => {
                Limit { per_second: modify_rate.min(3), ceiling: modify_rate, burst: 15, reserve: 5, rise: RISE / 5 }
            }
            Self::CloudWatchRead => Limit { per_second: 10, ceiling: 10, burst: 20, reserve: 0, rise: RISE },
            Self::Route53Read => Limit { per_second: 4, ceiling: 4, burst: 20, reserve: 5, rise: RISE },
            Self::Route53Change => Limit { per_second: 4, ceiling: 4, burst: 15, reserve: 5, rise: RISE },
        }
    }

    /// How many calls may be in flight at once, those of rollbacks not counted in.
    fn in_flight_limit(self) -> usize {
        match self {
            Self::Describe | Self::Modify => 8,
            Self::CloudWatchRead | Self::Route53Read => 4,
            // A zone takes one batch at a time.
            Self::Route53Change => 2,
        }
    }
}

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
}

struct QueuedCall {
    waiters: Waiters,
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

    /// How many calls of a family, other than those of rollbacks, could be sent now, and after which time one more could.
    pub(crate) fn available(&self, family: Family) -> (usize, Duration) {
        let now = Instant::now();
        self.with(family, |queue| {
            let (tokens, next) = queue.bucket.available(now);
            (tokens.saturating_sub(queue.waiting.len()), next.max(SHORTEST))
        })
    }

    /// Whether two are the same budget.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// A priority was raised: the queues are looked through again.
    pub(crate) fn reprioritize(&self) {
        self.0.borrow().values().for_each(CallQueue::wake);
    }

    /// A handle for the tokens of the calls of a family; none is taken yet.
    pub(crate) fn call_token(&self, family: Family, waiters: &Waiters) -> CallToken {
        let waiters = waiters.clone();
        CallToken {
            budget: self.clone(),
            family,
            waiters,
            number: None,
            is_held: false,
            has_waited: false,
            waited: Duration::ZERO,
        }
    }

    fn with<T>(&self, family: Family, act: impl FnOnce(&mut CallQueue) -> T) -> T {
        let mut queues = self.0.borrow_mut();
        act(queues.get_mut(&family).expect("there is a queue for every family"))
    }
}

impl CallQueue {
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
        match self.bucket.take(Instant::now(), urgency) {
            Ok(()) => {
                self.waiting.remove(&number);
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

/// A token of the budget for one call after another: acquired before each request, spent when it is sent, and returned
/// when it is dropped unused.
pub struct CallToken {
    budget: Budget,
    family: Family,
    waiters: Waiters,
    /// The position in the queue, kept when a call must be sent again.
    number: Option<u64>,
    is_held: bool,
    has_waited: bool,
    waited: Duration,
}

impl CallToken {
    /// Waits for a token, unless there is one already.
    pub(crate) async fn acquire(&mut self) {
        if self.is_held {
            return;
        }
        let began = Instant::now();
        let wake_up = Rc::new(Notify::new());
        let queued = QueuedCall { waiters: self.waiters.clone(), wake_up: Rc::clone(&wake_up) };
        let number = self.budget.with(self.family, |queue| {
            let number = self.number.unwrap_or_else(|| {
                queue.last_number += 1;
                queue.last_number
            });
            queue.waiting.insert(number, queued);
            number
        });
        self.number = Some(number);
        let _position = QueuePosition { budget: &self.budget, family: self.family, number };
        loop {
            let tried = self.budget.with(self.family, |queue| queue.try_acquire(number));
            match tried {
                Admission::Granted => break,
                Admission::RetryAfter(span) => tokio::select! {
                    biased;
                    () = wake_up.notified() => {}
                    () = sleep(span) => {}
                },
                Admission::NotYet => wake_up.notified().await,
            }
            self.has_waited = true;
        }
        self.is_held = true;
        self.waited += began.elapsed();
    }

    /// Whether it is good for a write that is paid from a budget.
    pub(crate) fn covers(&self, permit: &Permit, budget: &Budget) -> bool {
        self.family == Family::of(permit.write()) && self.budget.is(budget)
    }

    /// Whether it had to be waited for, so that what the call is for must be decided again.
    pub fn has_waited(&self) -> bool {
        self.has_waited
    }

    /// The same for what was looked at again.
    #[must_use]
    pub fn renewed(mut self) -> Self {
        self.has_waited = false;
        self
    }

    /// How long tokens were waited for since this was last asked.
    pub(crate) fn take_waited(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }

    pub(crate) fn family(&self) -> Family {
        self.family
    }

    /// The priority of the call: that of its most urgent waiter.
    pub(crate) fn urgency(&self) -> Urgency {
        self.waiters.urgency()
    }

    /// Uses the token: a call is sent now.
    pub(crate) fn spend(&mut self) -> InFlight {
        debug_assert!(self.is_held, "a call takes a token before it is sent");
        self.is_held = false;
        self.budget.with(self.family, |queue| queue.in_flight += 1);
        InFlight { budget: self.budget.clone(), family: self.family, sent: Instant::now() }
    }
}

impl Drop for CallToken {
    fn drop(&mut self) {
        if self.is_held {
            self.budget.with(self.family, |queue| {
                queue.bucket.put_back(Instant::now());
                queue.wake();
            });
        }
    }
}

/// A position in a queue. A call that leaves it, whether with a token or without, lets the next one try.
struct QueuePosition<'a> {
    budget: &'a Budget,
    family: Family,
    number: u64,
}

impl Drop for QueuePosition<'_> {
    fn drop(&mut self) {
        self.budget.with(self.family, |queue| {
            queue.waiting.remove(&self.number);
            queue.wake();
        });
    }
}

/// A call in flight.
pub(crate) struct InFlight {
    budget: Budget,
    family: Family,
    sent: Instant,
}

impl InFlight {
    /// No request was sent after all, for want of credentials for example.
    pub fn was_not_sent(&self) {
        self.budget.with(self.family, |queue| queue.bucket.put_back(Instant::now()));
    }

    /// AWS has throttled it.
    pub fn was_throttled(&self) {
        self.budget.with(self.family, |queue| queue.bucket.throttled(self.sent, Instant::now()));
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.budget.with(self.family, |queue| {
            queue.in_flight -= 1;
            queue.wake();
        });
    }
}

#[cfg(test)]
mod tests;
