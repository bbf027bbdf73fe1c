//! Whether the loop turns and whether it knows the cluster, for probes that are answered on another thread.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use crate::Clock;

/// The state that probes ask for. Clones show the same state.
#[derive(Clone)]
pub struct Health {
    state: Arc<State>,
}

struct State {
    clock: Clock,
    stuck_after: Duration,
    beat_ms: AtomicI64,
    ready: AtomicBool,
}

impl Health {
    /// The state of a loop that is about to begin.
    pub(crate) fn new(clock: Clock, stuck_after: Duration) -> Self {
        let beat_ms = AtomicI64::new(clock().as_millisecond());
        Self { state: Arc::new(State { clock, stuck_after, beat_ms, ready: AtomicBool::new(false) }) }
    }

    /// Whether the loop has turned lately. When it has not, the process should be restarted.
    pub fn live(&self) -> bool {
        let still_ms = (self.state.clock)().as_millisecond() - self.state.beat_ms.load(Ordering::Relaxed);
        u128::try_from(still_ms).is_ok_and(|still_ms| still_ms <= self.state.stuck_after.as_millis()) || still_ms < 0
    }

    /// Whether every kind has been listed, so that decisions are taken, and no shutdown has begun.
    pub fn ready(&self) -> bool {
        self.state.ready.load(Ordering::Relaxed)
    }

    /// The loop has turned.
    pub(crate) fn beat(&self, now: Timestamp) {
        self.state.beat_ms.store(now.as_millisecond(), Ordering::Relaxed);
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.state.ready.store(ready, Ordering::Relaxed);
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Health").field("live", &self.live()).field("ready", &self.ready()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use jiff::Timestamp;

    use super::Health;

    #[test]
    fn a_loop_that_stands_still_is_not_live() {
        let seconds = Arc::new(AtomicI64::new(1_000));
        let hand = Arc::clone(&seconds);
        let now = move || Timestamp::from_second(hand.load(Ordering::Relaxed)).unwrap();
        let health = Health::new(Arc::new(now), Duration::from_mins(1));
        assert!(health.live() && !health.ready());
        seconds.store(1_061, Ordering::Relaxed);
        assert!(!health.live());
        health.beat(Timestamp::from_second(1_061).unwrap());
        assert!(health.live());
        // A clock that was set back must not have the process restarted.
        seconds.store(500, Ordering::Relaxed);
        assert!(health.live());
    }
}
