//! Letting time pass: the controller is carried on, its crashes are seen to, and health is watched.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::journal::What;
use crate::life::Life;
use crate::wire::Strike;

use super::World;

/// How often the world is looked at while time passes.
pub const GLANCE: Duration = Duration::from_secs(1);

/// Why the world came to a stop.
enum Stop {
    Time,
    Struck(Strike),
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
        let planned = self.director.as_ref().and_then(|director| director.next());
        let sooner = self.restart_at.into_iter().chain(self.resume_at).chain(planned);
        let next = sooner.fold(next, Instant::min);
        match carry_on(self.life.as_mut(), next).await {
            Stop::Time => {}
            Stop::Struck(Strike::Dead(away)) => {
                self.life = None;
                self.note(What::Crashed);
                let away = away.or_else(|| self.cut.take().map(|(_, after)| after));
                self.restart_at = away.map(|away| Instant::now() + away);
            }
            Stop::Struck(Strike::Paused(until)) => {
                self.resume_at = Some(until);
                self.pause_controller();
            }
            Stop::Ended(words) => {
                self.life = None;
                self.note(What::Ended(words));
            }
        }
        if self.restart_at.is_some_and(|restart| Instant::now() >= restart) {
            self.start_controller();
        }
        if self.resume_at.is_some_and(|resume| Instant::now() >= resume) {
            self.resume_at = None;
            self.resume_controller();
        }
        if let Some(director) = self.director.clone() {
            director.pass(self.life.as_ref().map(|life| &*life.lifeline));
        }
    }
}

/// Carries a life on until an instant or its end.
async fn carry_on(life: Option<&mut Life>, until: Instant) -> Stop {
    let Some(life) = life else {
        sleep_until(until).await;
        return Stop::Time;
    };
    if life.paused {
        // A process that is stopped can still be killed.
        return tokio::select! {
            biased;
            strike = life.lifeline.struck() => Stop::Struck(strike),
            () = sleep_until(until) => Stop::Time,
        };
    }
    tokio::select! {
        biased;
        strike = life.lifeline.struck() => Stop::Struck(strike),
        ended = &mut life.run => Stop::Ended(match ended {
            Ok(()) => "it was asked to".to_owned(),
            Err(error) => error.to_string(),
        }),
        () = sleep_until(until) => Stop::Time,
    }
}
