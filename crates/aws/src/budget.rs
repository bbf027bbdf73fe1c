//! The call budget of one account and region: who may send the next call, and when.
//!
//! Each family of operations has a bucket of tokens, as AWS has. Whoever sends a request, also again, takes a token.
//! The most urgent goes first, then the one who came first. Invariants: a rollback waits for tokens only: some are kept for
//! it, and no number of calls under way holds it back; one token in eight goes to whoever has waited longest, and while
//! rollbacks wait, to whoever else has, so that neither is kept from watching the other side for ever. Nothing here spawns, and the
//! same calls at the same instants get the same answers. Ages come from tokio's clock, which never goes back.

mod bucket;
mod haste;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use weir_engine::fact::Query;
use weir_engine::guard::Permit;
use weir_engine::step::Step;
use weir_engine::tick::Urgency;

use self::bucket::{Bucket, Limit};

pub(crate) use self::haste::Askers;
pub use self::haste::Haste;

/// One token of so many goes to whoever has waited longest, however urgent.
const FAIR: u32 = 8;
/// The shortest time after which another try is worth it: the runtime's clock counts milliseconds.
const SHORTEST: Duration = Duration::from_millis(1);

/// Operations that share a bucket on AWS.
///
/// To add one: name it here, give it a limit, and say which calls are of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// The reads of ELBv2.
    Describe,
    /// The writes of ELBv2, but for registrations.
    Modify,
    /// The reads of CloudWatch.
    Count,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 3] = [Self::Describe, Self::Modify, Self::Count];

    /// The family's name in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Describe => "elbv2-describe",
            Self::Modify => "elbv2-modify",
            Self::Count => "cloudwatch-count",
        }
    }

    /// The family of the call that answers a question.
    pub(crate) fn answering(query: &Query) -> Self {
        match query {
            Query::Balancer(_)
            | Query::Listeners(_)
            | Query::Rules(_)
            | Query::Group(_)
            | Query::Attributes(_)
            | Query::Health(_)
            | Query::Tags(_) => Self::Describe,
            Query::Requests(_) => Self::Count,
        }
    }

    /// The family of the call that carries out a step.
    pub fn of(step: &Step) -> Self {
        match step {
            Step::CreateRule { .. }
            | Step::SetRuleActions { .. }
            | Step::SetDefaultActions { .. }
            | Step::AddTags { .. }
            | Step::RemoveTags { .. }
            | Step::DeleteRule { .. } => Self::Modify,
        }
    }

    /// The rates to which the AWS Load Balancer Controller keeps since March 2026 (its default throttle settings; AWS
    /// publishes none: describe 50/s burst 200, modify 3/s burst 20), with bursts of three quarters of that, since
    /// others call from the same account too. CloudWatch grants 50 `GetMetricData` a second (its service quotas), which
    /// dashboards and autoscalers of the account need too.
    fn limit(self) -> Limit {
        match self {
            Self::Describe => Limit { per_second: 50, burst: 150, reserve: 30 },
            Self::Modify => Limit { per_second: 3, burst: 15, reserve: 5 },
            Self::Count => Limit { per_second: 10, burst: 20, reserve: 0 },
        }
    }

    /// How many calls may be under way at once, those of rollbacks not counted in.
    fn at_once(self) -> usize {
        match self {
            Self::Describe | Self::Modify => 8,
            Self::Count => 4,
        }
    }
}

/// How a bucket stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// The family.
    pub family: Family,
    /// How many calls could be sent at once now.
    pub tokens: u32,
    /// How many calls a second are sent at most now.
    pub per_second: f64,
    /// How many calls wait for a token.
    pub waiting: usize,
}

/// The budget of one account and region. Clones are the same budget.
#[derive(Clone)]
pub struct Budget(Rc<RefCell<Lines>>);

type Lines = BTreeMap<Family, Line>;

/// Those who wait for calls of one family, and the bucket that they wait for.
struct Line {
    bucket: Bucket,
    last_number: u64,
    waiting: BTreeMap<u64, Waiter>,
    under_way: usize,
    /// How many may be at once, those of rollbacks not counted in.
    at_once: usize,
    /// How many tokens have gone to others than rollbacks.
    given: u32,
    /// How many tokens have gone to rollbacks since.
    returned: u32,
}

struct Waiter {
    askers: Askers,
    call: Rc<Notify>,
}

/// What comes of a try to go.
enum Try {
    Go,
    /// Nothing changes before so long.
    After(Duration),
    /// Somebody else goes first, and wakes the next.
    Later,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

impl Budget {
    /// A budget of which nothing is spent.
    pub fn new() -> Self {
        let now = Instant::now();
        let line = |family: Family| {
            let (bucket, at_once) = (Bucket::new(family.limit(), now), family.at_once());
            let waiting = BTreeMap::new();
            (family, Line { bucket, last_number: 0, waiting, under_way: 0, at_once, given: 0, returned: 0 })
        };
        Self(Rc::new(RefCell::new(Family::ALL.into_iter().map(line).collect())))
    }

    /// How the buckets stand.
    pub fn standings(&self) -> Vec<Standing> {
        let now = Instant::now();
        let mut lines = self.0.borrow_mut();
        let standing = |(family, line): (&Family, &mut Line)| {
            #[expect(clippy::cast_precision_loss, reason = "a rate is far below what a float holds exactly")]
            let per_second = line.bucket.rate_at(now) as f64 / 1e6;
            Standing { family: *family, tokens: line.bucket.tokens(now), per_second, waiting: line.waiting.len() }
        };
        lines.iter_mut().map(standing).collect()
    }

    /// How many calls of a family wait for a token.
    pub(crate) fn waiting(&self, family: Family) -> usize {
        self.with(family, |line| line.waiting.len())
    }

    /// Somebody who waits has become more urgent.
    pub(crate) fn reconsider(&self) {
        self.0.borrow().values().for_each(Line::wake);
    }

    /// What it takes to send calls of a family on behalf of somebody; nothing is taken yet.
    pub(crate) fn fare(&self, family: Family, askers: &Askers) -> Fare {
        let askers = askers.clone();
        Fare {
            budget: self.clone(),
            family,
            askers,
            number: None,
            is_paid: false,
            is_overdue: false,
            waited: Duration::ZERO,
        }
    }

    fn with<T>(&self, family: Family, act: impl FnOnce(&mut Line) -> T) -> T {
        let mut lines = self.0.borrow_mut();
        act(lines.get_mut(&family).expect("there is a line for every family"))
    }
}

impl Line {
    /// Who goes next, and as how urgent: who goes among rollbacks waits for their tokens only.
    fn head(&self) -> Option<(u64, Urgency)> {
        let ranked = || self.waiting.iter().map(|(number, waiter)| (waiter.askers.urgency(), *number));
        let (urgency, number) = ranked().min()?;
        if urgency != Urgency::Rollback {
            let longest = self.waiting.iter().next().filter(|_| self.given % FAIR == FAIR - 1);
            return Some(longest.map_or((number, urgency), |(number, waiter)| (*number, waiter.askers.urgency())));
        }
        let is_turn = self.returned % FAIR == FAIR - 1 && self.under_way < self.at_once;
        let is_turn = is_turn && !self.bucket.is_still(Instant::now());
        let other = ranked().filter(|(urgency, _)| *urgency != Urgency::Rollback).map(|(_, number)| number).min();
        Some((other.filter(|_| is_turn).unwrap_or(number), Urgency::Rollback))
    }

    fn wake(&self) {
        if let Some(next) = self.head().and_then(|(number, _)| self.waiting.get(&number)) {
            next.call.notify_one();
        }
    }

    fn try_to_go(&mut self, number: u64) -> Try {
        let Some((head, urgency)) = self.head() else { return Try::Later };
        let is_rollback = urgency == Urgency::Rollback;
        if head != number {
            // It may have become its turn by the mere passing of time, unknown to it.
            self.wake();
            return Try::Later;
        }
        if self.under_way >= self.at_once && !is_rollback {
            return Try::Later;
        }
        match self.bucket.take(Instant::now(), urgency) {
            Ok(()) => {
                self.waiting.remove(&number);
                self.under_way += 1;
                if is_rollback {
                    self.returned = self.returned.wrapping_add(1);
                } else {
                    self.given = self.given.wrapping_add(1);
                    self.returned = 0;
                }
                self.wake();
                Try::Go
            }
            Err(span) => Try::After(span.max(SHORTEST)),
        }
    }
}

/// The right to send one call after another: each takes a token first. A token that is not used goes back.
pub struct Fare {
    budget: Budget,
    family: Family,
    askers: Askers,
    /// The place in the line, kept when a call must be sent again.
    number: Option<u64>,
    is_paid: bool,
    is_overdue: bool,
    waited: Duration,
}

impl Fare {
    /// Waits for a token, unless there is one already.
    pub(crate) async fn pay(&mut self) {
        if self.is_paid {
            return;
        }
        let began = Instant::now();
        let call = Rc::new(Notify::new());
        let waiter = Waiter { askers: self.askers.clone(), call: Rc::clone(&call) };
        let number = self.budget.with(self.family, |line| {
            let number = self.number.unwrap_or_else(|| {
                line.last_number += 1;
                line.last_number
            });
            line.waiting.insert(number, waiter);
            number
        });
        self.number = Some(number);
        let _place = Place { budget: &self.budget, family: self.family, number };
        loop {
            let tried = self.budget.with(self.family, |line| line.try_to_go(number));
            match tried {
                Try::Go => break,
                Try::After(span) => tokio::select! {
                    biased;
                    () = call.notified() => {}
                    () = sleep(span) => {}
                },
                Try::Later => call.notified().await,
            }
            self.is_overdue = true;
        }
        self.is_paid = true;
        self.waited += began.elapsed();
    }

    /// Whether it is good for a write.
    pub fn covers(&self, permit: &Permit) -> bool {
        self.family == Family::of(permit.step())
    }

    /// Whether it had to be waited for, so that what it was for must be looked at again.
    pub fn is_overdue(&self) -> bool {
        self.is_overdue
    }

    /// The same for what was looked at again.
    #[must_use]
    pub fn renewed(mut self) -> Self {
        self.is_overdue = false;
        self
    }

    /// How long tokens were waited for since this was last asked.
    pub(crate) fn take_waited(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }

    pub(crate) fn family(&self) -> Family {
        self.family
    }

    /// How urgent those are for whom it is.
    pub(crate) fn urgency(&self) -> Urgency {
        self.askers.urgency()
    }

    /// Uses the token: a call is sent now.
    pub(crate) fn depart(&mut self) -> Trip {
        debug_assert!(self.is_paid, "a call takes a token before it is sent");
        self.is_paid = false;
        Trip { budget: self.budget.clone(), family: self.family, sent: Instant::now() }
    }
}

impl Drop for Fare {
    fn drop(&mut self) {
        if self.is_paid {
            self.budget.with(self.family, |line| {
                line.bucket.put_back(Instant::now());
                line.under_way -= 1;
                line.wake();
            });
        }
    }
}

/// A place in a line. Who leaves, whether with a token or without, lets the next one try.
struct Place<'a> {
    budget: &'a Budget,
    family: Family,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.budget.with(self.family, |line| {
            line.waiting.remove(&self.number);
            line.wake();
        });
    }
}

/// A call under way.
pub(crate) struct Trip {
    budget: Budget,
    family: Family,
    sent: Instant,
}

impl Trip {
    /// No request was sent after all, for want of credentials for example.
    pub fn was_not_sent(&self) {
        self.budget.with(self.family, |line| line.bucket.put_back(Instant::now()));
    }

    /// AWS has throttled it.
    pub fn was_throttled(&self) {
        self.budget.with(self.family, |line| line.bucket.throttled(self.sent, Instant::now()));
    }
}

impl Drop for Trip {
    fn drop(&mut self) {
        self.budget.with(self.family, |line| {
            line.under_way -= 1;
            line.wake();
        });
    }
}

#[cfg(test)]
mod tests;
