//! The world's clock: a fixed starting instant plus what tokio's clock has advanced since.
//!
//! On tokio's paused clock the world is virtual and replays; on the real one it runs in real time, or some times as fast.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// A century, in milliseconds.
const CENTURY: u64 = 100 * 365 * 24 * 3_600 * 1_000;

/// Tells the time of the simulated world.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Timestamp,
    origin: Instant,
    speed: u32,
    /// By how many milliseconds it was set forward; `None` where it cannot be.
    ahead: Option<&'static AtomicU64>,
}

impl Clock {
    /// A clock that reads `start` now. Must be called inside a tokio runtime.
    pub fn starting_at(start: Timestamp) -> Self {
        Self { start, origin: Instant::now(), speed: 1, ahead: None }
    }

    /// The same, going so many times as fast as tokio's clock. What takes time on the wire takes it by that one.
    #[must_use]
    pub fn at_speed(self, speed: u32) -> Self {
        Self { speed, ..self }
    }

    /// The same, to be set forward. It takes a few bytes that are never given back: for a world that lives as long as its
    /// program.
    #[must_use]
    pub fn that_can_be_set(self) -> Self {
        Self { ahead: Some(Box::leak(Box::default())), ..self }
    }

    /// Sets it and all its copies forward; whether it can be set, which it can by a century in all.
    pub fn set_forward(&self, by: Duration) -> bool {
        let Some(ahead) = self.ahead else { return false };
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let added = |ahead: u64| ahead.checked_add(by).filter(|ahead| *ahead <= CENTURY);
        ahead.fetch_update(Ordering::Relaxed, Ordering::Relaxed, added).is_ok()
    }

    /// The present instant of the world.
    pub fn now(&self) -> Timestamp {
        self.start + self.elapsed()
    }

    /// How long the world has existed.
    pub fn elapsed(&self) -> Duration {
        let ahead = self.ahead.map_or(0, |ahead| ahead.load(Ordering::Relaxed));
        self.origin.elapsed() * self.speed + Duration::from_millis(ahead)
    }
}
