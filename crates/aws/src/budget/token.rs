//! The tokens of a budget: taken before a call, and used by it.

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use weir_engine::guard::Permit;
use weir_engine::tick::Urgency;

use super::{Admission, Budget, CallPriority, Family, QueuedCall, Waiters};

/// A token of the budget for one call after another, or the tokens that each takes: acquired before each request, spent when
/// it is sent, and returned when it is dropped unused.
pub struct CallToken {
    budget: Budget,
    family: Family,
    amount: u32,
    is_handed_in: bool,
    waiters: Waiters,
    /// The position in the queue, kept when a call must be sent again.
    number: Option<u64>,
    is_held: bool,
    has_waited: bool,
    waited: Duration,
}

impl CallToken {
    /// A handle for so many tokens of a family for each call; none is taken yet.
    pub(super) fn new(budget: Budget, family: Family, amount: u32, waiters: Waiters) -> Self {
        Self {
            budget,
            family,
            amount,
            is_handed_in: false,
            waiters,
            number: None,
            is_held: false,
            has_waited: false,
            waited: Duration::ZERO,
        }
    }

    /// Waits for a token, unless there is one already.
    pub(crate) async fn acquire(&mut self) {
        if self.is_held {
            return;
        }
        let began = Instant::now();
        let wake_up = Rc::new(Notify::new());
        let (waiters, amount) = (self.waiters.clone(), self.amount);
        let queued = QueuedCall { waiters, amount, wake_up: Rc::clone(&wake_up) };
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

    /// Somebody else waits for the same call.
    pub(crate) fn join(&self, priority: &CallPriority) {
        self.waiters.join(priority);
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
        self.use_up();
        self.budget.with(self.family, |queue| queue.in_flight += 1);
        InFlight { budget: self.budget.clone(), family: self.family, sent: Instant::now() }
    }

    /// What the tokens are for is ready to be sent, and takes so many.
    pub(crate) fn hand_in(&mut self, amount: u32) {
        let (held, handed_in) =
            (std::mem::replace(&mut self.amount, amount), std::mem::replace(&mut self.is_handed_in, true));
        debug_assert!(self.is_held && !handed_in, "tokens are handed in once they are there, and once");
        self.budget.with(self.family, |queue| {
            let now = Instant::now();
            if held > amount {
                queue.bucket.put_back(now, held - amount);
            } else {
                queue.bucket.take_more(now, amount - held);
            }
            queue.release(held, false);
            queue.held += usize::try_from(amount).unwrap_or(usize::MAX);
            queue.handed_in += usize::try_from(amount).unwrap_or(usize::MAX);
            queue.wake();
        });
    }

    /// The tokens travel with a request of another family.
    pub(crate) fn use_up(&mut self) {
        if std::mem::take(&mut self.is_held) {
            let (amount, was_handed_in) = (self.amount, std::mem::take(&mut self.is_handed_in));
            self.budget.with(self.family, |queue| queue.release(amount, was_handed_in));
        }
    }
}

impl Drop for CallToken {
    fn drop(&mut self) {
        if self.is_held {
            self.budget.with(self.family, |queue| {
                queue.bucket.put_back(Instant::now(), self.amount);
                queue.release(self.amount, self.is_handed_in);
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
        self.budget.with(self.family, |queue| queue.bucket.put_back(Instant::now(), 1));
    }

    /// AWS has throttled it.
    pub fn was_throttled(&self) {
        self.budget.was_throttled(self.family, self.sent);
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
