//! The right to write: who leads has it, as long as the Lease lasts for what is begun.
//!
//! Invariant: each write, to AWS or to Kubernetes, is sent with a [`Right`] taken right before, and ends or is given up
//! before the Lease does. There is no other way to get one. A process that is stopped between taking it and sending
//! cannot be held back by this; what it then writes is an absolute value, and is found by the next look.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::Clock;
use crate::lease::{Moment, Tenure};

/// How long a write may take, to AWS or to Kubernetes.
pub const WRITE_TIME: Duration = weir_aws::WRITE_TIME;

/// The right to send one write, at once.
#[derive(Debug)]
#[must_use = "it is good only for a write that is sent at once"]
pub struct Right(());

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Post {
    /// Another leads, or nobody.
    StandingBy,
    Leading,
    /// Nothing new is set out on; what happened may still be told.
    Closing,
}

/// Whether this process leads.
pub struct Duty {
    clock: Clock,
    post: Cell<Post>,
    tenure: Cell<Option<Tenure>>,
    relieved: Notify,
}

impl Duty {
    /// Nobody's duty yet.
    pub fn new(clock: Clock) -> Self {
        Self { clock, post: Cell::new(Post::StandingBy), tenure: Cell::new(None), relieved: Notify::new() }
    }

    /// The present moment.
    pub fn moment(&self) -> Moment {
        Moment { steady: Instant::now(), wall: (self.clock)() }
    }

    /// Until when the Lease is ours, as far as is known.
    pub fn set_tenure(&self, tenure: Option<Tenure>) {
        self.tenure.set(tenure);
    }

    /// Whether the Lease lasts for a write.
    pub fn is_covered(&self) -> bool {
        self.tenure.get().is_some_and(|tenure| tenure.lasts(self.moment(), WRITE_TIME))
    }

    /// When it no longer does, unless it is renewed; nothing where it does not now.
    pub fn lapse(&self) -> Option<Instant> {
        self.tenure.get().filter(|_| self.is_covered()).map(|tenure| tenure.room_for(WRITE_TIME))
    }

    /// Whether new work may be begun.
    pub fn is_on(&self) -> bool {
        self.post.get() == Post::Leading
    }

    /// Work begins.
    pub fn take_up(&self) {
        self.post.set(Post::Leading);
    }

    /// Nothing new is begun, and what only reads is given up.
    pub fn stand_down(&self) {
        self.post.set(Post::StandingBy);
        self.relieved.notify_waiters();
    }

    /// The same for good; whoever led may still tell what happened.
    pub fn close(&self) {
        if self.is_on() {
            self.post.set(Post::Closing);
        }
        self.relieved.notify_waiters();
    }

    /// The right to send a write now, if this process has it.
    pub fn right(&self) -> Option<Right> {
        (self.post.get() != Post::StandingBy && self.is_covered()).then_some(Right(()))
    }

    /// Does what can be given up at any moment, as long as this process leads. Nothing comes of it when it no longer does.
    pub async fn while_on<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let relieved = pin!(self.relieved.notified());
        if !self.is_on() {
            return None;
        }
        tokio::select! {
            biased;
            () = relieved => None,
            done = work => Some(done),
        }
    }
}
