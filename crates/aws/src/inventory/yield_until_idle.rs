//! Yields until the runtime is idle: every other task that is ready has been polled once.
//!
//! `tokio::task::yield_now` counts polls: the second one ends it. A future that many wait for is polled by each of
//! them within one turn, so here only the runtime's own wake-up, which comes after the turn, ends the wait.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::future;
use futures::task::AtomicWaker;

/// Ends when all futures that are ready now have been polled.
pub(super) async fn yield_until_idle() {
    let flag = Arc::new(IdleFlag::default());
    let end_of_turn = Waker::from(Arc::clone(&flag));
    // The first poll hands the waker to the runtime; that is all it is for.
    let handed_over = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&end_of_turn)).is_pending();
    debug_assert!(handed_over, "the first poll of a yield is pending");
    future::poll_fn(|context| {
        flag.waiting.register(context.waker());
        if flag.over.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[derive(Default)]
struct IdleFlag {
    over: AtomicBool,
    waiting: AtomicWaker,
}

impl Wake for IdleFlag {
    fn wake(self: Arc<Self>) {
        self.over.store(true, Ordering::Release);
        self.waiting.wake();
    }
}
