//! The world's clock: a fixed starting instant plus what tokio's clock has advanced since.
//!
//! On tokio's paused clock the world is virtual and replays; on the real one it runs in real time.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Tells the time of the simulated world.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Timestamp,
    origin: Instant,
}

impl Clock {
    /// A clock that reads `start` now. Must be called inside a tokio runtime.
    pub fn starting_at(start: Timestamp) -> Self {
        Self { start, origin: Instant::now() }
    }

    /// The present instant of the world.
    pub fn now(&self) -> Timestamp {
        self.start + self.elapsed()
    }

    /// How long the world has existed.
    pub fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }
}
