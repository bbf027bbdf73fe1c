//! Whether the loop turns and whether it knows the cluster, for probes that are answered on another thread.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use weir_engine::KindName;

use crate::Clock;
use crate::watch::{Notice, Subject};

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
    unmet: Mutex<BTreeMap<Prerequisite, String>>,
}

/// What readiness depends on and somebody may have to see to, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Prerequisite {
    /// The one namespace that is looked at.
    Namespace,
    /// The list of a kind.
    List(KindName),
    /// The definitions that the API server has.
    Definitions,
    /// The election.
    Election,
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
                unmet: Mutex::default(),
            }),
        }
    }

    /// Whether the loop has turned lately. When it has not, the process should be restarted.
    pub fn live(&self) -> bool {
        let still_ms = (self.state.clock)().as_millisecond() - self.state.beat_ms.load(Ordering::Relaxed);
        u128::try_from(still_ms).is_ok_and(|still_ms| still_ms <= self.state.stuck_after.as_millis()) || still_ms < 0
    }

    /// Whether this process leads or could take over at once: every kind has been listed, nothing that somebody has to see
    /// to stands in the way, and no shutdown has begun. The error says what is missing.
    pub fn ready(&self) -> Result<(), String> {
        if let Some(reason) = self.unmet().values().next() {
            return Err(reason.clone());
        }
        if self.state.ready.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err("the cluster's objects are not known yet, or the process ends".to_owned())
    }

    /// A watch has said something: what could never be listed, until somebody sees to it, stands in the way. Of a watch
    /// that fails later it is not known when it goes on; the election tells of what hinders all requests.
    pub(crate) fn handle_notice(&self, notice: &Notice) {
        match notice {
            Notice::Failed { subject: Subject::Kind(kind), message, code: Some(401 | 403 | 404), .. }
                if !self.state.ready.load(Ordering::Relaxed) =>
            {
                self.set_unmet(Prerequisite::List(*kind), Some(message.clone()));
            }
            Notice::Complete(Subject::Kind(kind)) => self.set_unmet(Prerequisite::List(*kind), None),
            _ => {}
        }
    }

    /// The loop has turned.
    pub(crate) fn beat(&self, now: Timestamp) {
        self.state.beat_ms.store(now.as_millisecond(), Ordering::Relaxed);
    }

    /// Says why a prerequisite is not met; nothing where it is.
    pub(crate) fn set_unmet(&self, of: Prerequisite, reason: Option<String>) {
        match reason {
            Some(reason) => drop(self.unmet().insert(of, reason)),
            None => drop(self.unmet().remove(&of)),
        }
    }

    fn unmet(&self) -> MutexGuard<'_, BTreeMap<Prerequisite, String>> {
        self.state.unmet.lock().unwrap_or_else(PoisonError::into_inner)
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

    use super::{Health, Prerequisite};

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
        health.set_unmet(Prerequisite::Election, Some("not allowed".to_owned()));
        health.set_unmet(Prerequisite::Namespace, Some("not there".to_owned()));
        assert_eq!(health.ready(), Err("not there".to_owned()));
        health.set_unmet(Prerequisite::Namespace, None);
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
