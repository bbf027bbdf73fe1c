//! Leadership, and the fencing of writes by it: only the leader writes, and only while its Lease outlasts the write.
//!
//! Invariant: each write, to AWS or to Kubernetes, is sent with a [`WriteToken`] taken right before, and ends or is given
//! up before the Lease does. There is no other way to get one. Neither API checks a fencing token of its own, so a process
//! that is stopped between taking the token and sending cannot be held back by this; what it then writes is an absolute
//! value, and is found by the next look.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::Clock;
use crate::lease::{LeaseHold, Moment};

/// How long a write may take, to AWS or to Kubernetes.
pub const WRITE_TIME: Duration = weir_aws::WRITE_TIME;

/// Permission to send one write, at once or as long as it holds: the fence between this leader and the next.
#[must_use = "it is good only for a write that is sent at once"]
pub struct WriteToken {
    holds: Rc<dyn Fn() -> bool>,
}

impl WriteToken {
    /// Tells whether a write may still be sent with it.
    pub fn holds(self) -> Rc<dyn Fn() -> bool> {
        self.holds
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LeaderState {
    /// Another process leads, or none.
    Standby,
    Leading,
    /// No new work is begun before the Lease is released; what happened may still be published.
    Releasing,
}

/// Whether this process leads, and until when it may write.
pub struct Leadership {
    clock: Clock,
    state: Cell<LeaderState>,
    hold: Rc<Cell<Option<LeaseHold>>>,
    stepped_down: Notify,
}

impl Leadership {
    /// A process on standby.
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Cell::new(LeaderState::Standby), hold: Rc::default(), stepped_down: Notify::new() }
    }

    /// The present moment.
    pub fn moment(&self) -> Moment {
        Moment { steady: Instant::now(), wall: (self.clock)() }
    }

    /// Takes note of the Lease as held by this process, or as no longer held.
    pub fn set_hold(&self, hold: Option<LeaseHold>) {
        self.hold.set(hold);
    }

    /// Whether the Lease outlasts a write that begins now.
    pub fn covers_a_write(&self) -> bool {
        self.hold.get().is_some_and(|hold| hold.lasts(self.moment(), WRITE_TIME))
    }

    /// When it no longer does, unless it is renewed; nothing where it does not now.
    pub fn write_deadline(&self) -> Option<Instant> {
        self.hold.get().filter(|_| self.covers_a_write()).map(|hold| hold.room_for(WRITE_TIME))
    }

    /// Whether new work may be begun.
    pub fn is_leading(&self) -> bool {
        self.state.get() == LeaderState::Leading
    }

    /// This process leads from now on.
    pub fn start_leading(&self) {
        self.state.set(LeaderState::Leading);
    }

    /// This process is on standby from now on, and what only reads is given up.
    pub fn step_down(&self) {
        self.state.set(LeaderState::Standby);
        self.stepped_down.notify_waiters();
    }

    /// The same at shutdown; a leader may still publish what happened.
    pub fn close(&self) {
        if self.is_leading() {
            self.state.set(LeaderState::Releasing);
        }
        self.stepped_down.notify_waiters();
    }

    /// A token for a write that is sent now, if this process may send one.
    pub fn write_token(&self) -> Option<WriteToken> {
        if self.state.get() == LeaderState::Standby || !self.covers_a_write() {
            return None;
        }
        let (hold, clock) = (Rc::clone(&self.hold), self.clock.clone());
        let holds = move || {
            let moment = Moment { steady: Instant::now(), wall: clock() };
            hold.get().is_some_and(|hold| hold.lasts(moment, WRITE_TIME))
        };
        Some(WriteToken { holds: Rc::new(holds) })
    }

    /// Does what can be given up at any moment, as long as this process leads. Nothing comes of it when it no longer does.
    pub async fn while_leading<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let stepped_down = pin!(self.stepped_down.notified());
        if !self.is_leading() {
            return None;
        }
        tokio::select! {
            biased;
            () = stepped_down => None,
            done = work => Some(done),
        }
    }
}
