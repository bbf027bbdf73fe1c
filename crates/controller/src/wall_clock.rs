//! The wall clock, compared with the monotonic one to detect clock steps: whether somebody has set it.
//!
//! What is due, how old a reading is and how long something waits is told by the wall clock, since instants are on record.
//! So a step of it is noticed before anything else is told by it.

use std::cell::Cell;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::Clock;

/// A step that is not worth beginning anew for: clocks that are kept right are slewed, not set, by less.
const SMALL: SignedDuration = SignedDuration::from_secs(1);
/// Up to this much, a leap ahead shortens a pause or a deadline; beyond it, they are counted from there.
const LEAP: SignedDuration = SignedDuration::from_secs(30);
/// How long it may take to read both clocks: if longer, the process stood still between them, and nothing is told by it.
const TOGETHER: Duration = Duration::from_millis(100);

/// The wall clock of a controller.
pub struct WallClock {
    clock: Clock,
    last: Cell<(Timestamp, Instant)>,
    steps: Cell<u64>,
    /// By how much it was set since that was last asked.
    step: Cell<Option<SignedDuration>>,
    counted_from: Cell<Timestamp>,
}

impl WallClock {
    /// A clock that nobody has set so far.
    pub fn new(clock: Clock) -> Self {
        let last = Cell::new((clock(), Instant::now()));
        Self { clock, last, steps: Cell::new(0), step: Cell::new(None), counted_from: Cell::new(Timestamp::MIN) }
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        let before = Instant::now();
        let (wall, steady) = ((self.clock)(), Instant::now());
        if steady.duration_since(before) > TOGETHER {
            return wall;
        }
        let (last_wall, last_steady) = self.last.replace((wall, steady));
        let passed = SignedDuration::try_from(steady.duration_since(last_steady)).unwrap_or(SignedDuration::MAX);
        let step = wall.duration_since(last_wall).saturating_sub(passed);
        if step.abs() > SMALL {
            self.steps.set(self.steps.get() + 1);
            self.step.set(Some(self.step.take().unwrap_or_default().saturating_add(step)));
            // What was counted from before is later than now, and put right for that.
            self.counted_from.set(if step > LEAP { wall } else { self.counted_from.get().min(wall) });
        }
        wall
    }

    /// How often it was set, as far as was noticed.
    pub fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// By how much it was set since this was last asked, if it was.
    pub fn take_step(&self) -> Option<SignedDuration> {
        self.step.take()
    }

    /// The instant to which it last leapt ahead; [`Timestamp::MIN`] if it never has.
    pub fn counted_from(&self) -> Timestamp {
        self.counted_from.get()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};
    use tokio::time::{Instant, advance};

    use super::WallClock;

    fn wall() -> (WallClock, Arc<AtomicI64>) {
        let ahead = Arc::new(AtomicI64::new(0));
        let (hand, began) = (Arc::clone(&ahead), Instant::now());
        let now = move || {
            let hand = SignedDuration::from_secs(hand.load(Ordering::Relaxed));
            Timestamp::from_second(1_000_000).unwrap() + began.elapsed() + hand
        };
        (WallClock::new(Arc::new(now)), ahead)
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_goes_on_was_not_set() {
        let (wall, ahead) = wall();
        for seconds in [1, 3_600, 86_400] {
            advance(Duration::from_secs(seconds)).await;
            wall.now();
        }
        ahead.store(1, Ordering::Relaxed);
        wall.now();
        assert_eq!((wall.take_step(), wall.steps(), wall.counted_from()), (None, 0, Timestamp::MIN));
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_is_noticed_once_and_a_leap_is_counted_from() {
        let (wall, ahead) = wall();
        ahead.store(-600, Ordering::Relaxed);
        advance(Duration::from_secs(5)).await;
        wall.now();
        assert_eq!(wall.take_step(), Some(SignedDuration::from_secs(-600)));
        assert_eq!((wall.take_step(), wall.steps(), wall.counted_from()), (None, 1, Timestamp::MIN));
        ahead.store(-580, Ordering::Relaxed);
        wall.now();
        assert_eq!((wall.steps(), wall.counted_from()), (2, Timestamp::MIN), "a short leap");
        ahead.store(3_600, Ordering::Relaxed);
        let now = wall.now();
        assert_eq!((wall.steps(), wall.counted_from()), (3, now));
        assert_eq!(wall.take_step(), Some(SignedDuration::from_secs(4_200)));
        ahead.store(0, Ordering::Relaxed);
        let now = wall.now();
        assert_eq!(wall.counted_from(), now, "nothing is counted from what is yet to come");
    }
}
