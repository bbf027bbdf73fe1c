//! Letting time pass: the controller is carried on, its crashes are seen to, and health is watched.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::journal::What;
use crate::life::Life;

use super::World;

/// How often the world is looked at while time passes.
pub const GLANCE: Duration = Duration::from_secs(1);

/// Why the world came to a stop.
enum Stop {
    Time,
    Cut,
    Ended(String),
}

impl World {
    /// Lets so much time pass.
    pub async fn run_for(&mut self, span: Duration) {
        let end = Instant::now() + span;
        while Instant::now() < end {
            self.glance(end).await;
        }
    }

    /// Lets time pass until something is so, and tells how long that took. The error says that it was not so within
    /// the limit.
    pub async fn run_until(
        &mut self,
        mut is_so: impl FnMut(&Self) -> bool,
        limit: Duration,
    ) -> Result<Duration, String> {
        let began = Instant::now();
        while !is_so(self) {
            if began.elapsed() >= limit {
                return Err(format!("what was awaited has not come within {limit:?}; it is {} now", self.now()));
            }
            self.glance(began + limit).await;
        }
        Ok(began.elapsed())
    }

    /// Lets time pass until the next look at the world, or the given instant.
    async fn glance(&mut self, end: Instant) {
        let next = end.min(Instant::now() + GLANCE);
        let next = self.restart_at.map_or(next, |restart| next.min(restart));
        match carry_on(self.life.as_mut(), next).await {
            Stop::Time => {}
            Stop::Cut => {
                self.life = None;
                self.note(What::Crashed);
                self.restart_at = self.cut.take().map(|(_, after)| Instant::now() + after);
            }
            Stop::Ended(words) => {
                self.life = None;
                self.note(What::Ended(words));
            }
        }
        if self.restart_at.is_some_and(|restart| Instant::now() >= restart) {
            self.start_controller();
        }
        self.watch_health();
    }

    /// Notes which groups have another number of healthy targets than before.
    fn watch_health(&mut self) {
        for (group, healthy) in self.all_healthy() {
            if self.healthy.insert(group.clone(), healthy) != Some(healthy) {
                self.note(What::Health { group, healthy });
            }
        }
    }
}

/// Carries a life on until an instant or its end.
async fn carry_on(life: Option<&mut Life>, until: Instant) -> Stop {
    let Some(life) = life.filter(|life| !life.paused) else {
        sleep_until(until).await;
        return Stop::Time;
    };
    tokio::select! {
        biased;
        () = life.lifeline.struck() => Stop::Cut,
        ended = &mut life.run => Stop::Ended(match ended {
            Ok(()) => "it was asked to".to_owned(),
            Err(error) => error.to_string(),
        }),
        () = sleep_until(until) => Stop::Time,
    }
}
