//! Whether the loop turns and whether it knows the cluster, for probes that are answered on another thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    hindrance: Mutex<Option<String>>,
}

impl Health {
    /// The state of a loop that is about to begin.
    pub(crate) fn new(clock: Clock, stuck_after: Duration) -> Self {
        let beat_ms = AtomicI64::new(clock().as_millisecond());
        Self {
            state: Arc::new(State {
                clock,
                stuck_after,
                beat_ms,
                ready: AtomicBool::new(false),
                hindrance: Mutex::default(),
            }),
        }
    }

    /// Whether the loop has turned lately. When it has not, the process should be restarted.
    pub fn live(&self) -> bool {
        let still_ms = (self.state.clock)().as_millisecond() - self.state.beat_ms.load(Ordering::Relaxed);
        u128::try_from(still_ms).is_ok_and(|still_ms| still_ms <= self.state.stuck_after.as_millis()) || still_ms < 0
    }

    /// Whether this process leads or could take over at once: every kind has been listed, nothing that somebody has to see
    /// to stands in the way of the election, and no shutdown has begun. The error says what is missing.
    pub fn ready(&self) -> Result<(), String> {
        if !self.state.ready.load(Ordering::Relaxed) {
            return Err("the cluster's objects are not known yet, or the process ends".to_owned());
        }
        match &*self.hindrance() {
            Some(hindrance) => Err(hindrance.clone()),
            None => Ok(()),
        }
    }

    /// The loop has turned.
    pub(crate) fn beat(&self, now: Timestamp) {
        self.state.beat_ms.store(now.as_millisecond(), Ordering::Relaxed);
    }

    /// What stands in the way of the election, where somebody has to see to it.
    pub(crate) fn set_hindrance(&self, hindrance: Option<String>) {
        *self.hindrance() = hindrance;
    }

    fn hindrance(&self) -> MutexGuard<'_, Option<String>> {
        self.state.hindrance.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert!(health.live());
        let unknown = Err("the cluster's objects are not known yet, or the process ends".to_owned());
        assert_eq!(health.ready(), unknown);
        health.set_ready(true);
        assert_eq!(health.ready(), Ok(()));
        health.set_hindrance(Some("not allowed".to_owned()));
        assert_eq!(health.ready(), Err("not allowed".to_owned()));
        seconds.store(1_061, Ordering::Relaxed);
        assert!(!health.live());
        health.beat(Timestamp::from_second(1_061).unwrap());
        assert!(health.live());
        // A clock that was set back must not have the process restarted.
        seconds.store(500, Ordering::Relaxed);
        assert!(health.live());
    }
}
