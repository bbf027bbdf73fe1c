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
    hindrances: Mutex<BTreeMap<Hindering, String>>,
}

/// What somebody has to see to, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hindering {
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
                hindrances: Mutex::default(),
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
        if let Some(hindrance) = self.hindrances().values().next() {
            return Err(hindrance.clone());
        }
        if self.state.ready.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err("the cluster's objects are not known yet, or the process ends".to_owned())
    }

    /// A watch has said something: what could never be listed, until somebody sees to it, stands in the way. Of a watch
    /// that fails later it is not known when it goes on; the election tells of what hinders all requests.
    pub(crate) fn hear(&self, notice: &Notice) {
        match notice {
            Notice::Failed { subject: Subject::Kind(kind), message, code: Some(401 | 403 | 404), .. }
                if !self.state.ready.load(Ordering::Relaxed) =>
            {
                self.set_hindrance(Hindering::List(*kind), Some(message.clone()));
            }
            Notice::Complete(Subject::Kind(kind)) => self.set_hindrance(Hindering::List(*kind), None),
            _ => {}
        }
    }

    /// The loop has turned.
    pub(crate) fn beat(&self, now: Timestamp) {
        self.state.beat_ms.store(now.as_millisecond(), Ordering::Relaxed);
    }

    /// What stands in the way of something, where somebody has to see to it; nothing where it is in order.
    pub(crate) fn set_hindrance(&self, of: Hindering, hindrance: Option<String>) {
        match hindrance {
            Some(hindrance) => drop(self.hindrances().insert(of, hindrance)),
            None => drop(self.hindrances().remove(&of)),
        }
    }

    fn hindrances(&self) -> MutexGuard<'_, BTreeMap<Hindering, String>> {
        self.state.hindrances.lock().unwrap_or_else(PoisonError::into_inner)
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

    use super::{Health, Hindering};

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
        health.set_hindrance(Hindering::Election, Some("not allowed".to_owned()));
        health.set_hindrance(Hindering::Namespace, Some("not there".to_owned()));
        assert_eq!(health.ready(), Err("not there".to_owned()));
        health.set_hindrance(Hindering::Namespace, None);
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
