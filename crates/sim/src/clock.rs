//! The world's clock: a fixed starting instant plus what tokio's clock has advanced since.
//!
//! On tokio's paused clock the world is virtual and replays; on the real one it runs in real time, or some times as fast.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Tells the time of the simulated world.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Timestamp,
    origin: Instant,
    speed: u32,
}

impl Clock {
    /// A clock that reads `start` now. Must be called inside a tokio runtime.
    pub fn starting_at(start: Timestamp) -> Self {
        Self { start, origin: Instant::now(), speed: 1 }
    }

    /// The same, going so many times as fast as tokio's clock. What takes time on the wire takes it by that one.
    #[must_use]
    pub fn at_speed(self, speed: u32) -> Self {
        Self { speed, ..self }
    }

    /// The present instant of the world.
    pub fn now(&self) -> Timestamp {
        self.start + self.elapsed()
    }

    /// How long the world has existed.
    pub fn elapsed(&self) -> Duration {
        self.origin.elapsed() * self.speed
    }
}
