//! Letting time pass: the controllers are carried on, their crashes are seen to, and health is watched.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::journal::What;
use crate::process::Process;
use crate::wire::{ProcessControl, Strike};

use super::World;
use super::replica::Replica;

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
        let sooner = self.replicas.iter().flat_map(Replica::next).chain(planned);
        let next = sooner.fold(next, Instant::min);
        let [first, other] = &mut self.replicas;
        let (number, stop) = tokio::select! {
            biased;
            stop = carry_on(first.process.as_mut(), next) => (0, stop),
            stop = carry_on(other.process.as_mut(), next), if other.process.is_some() => (1, stop),
        };
        self.stopped(number, stop);
        for number in 0..self.replicas.len() {
            let is_due = |due: Option<Instant>| due.is_some_and(|due| Instant::now() >= due);
            if is_due(self.replicas[number].restart_at) {
                self.start(number);
            }
            if is_due(self.replicas[number].resume_at) {
                self.replicas[number].resume_at = None;
                self.resume(number);
            }
        }
        if let Some(director) = self.director.clone() {
            director.pass(self.leading());
            if let Some(ahead) = director.take_another() {
                self.start_another(ahead);
            }
        }
    }

    fn stopped(&mut self, number: usize, stop: Stop) {
        let replica = &mut self.replicas[number];
        let process = replica.process.as_ref().map_or(0, |process| process.control.process);
        match stop {
            Stop::Time => {}
            Stop::Struck(Strike::Dead(away)) => {
                replica.process = None;
                let away = away.or_else(|| self.crash_point.take().map(|(_, after)| after));
                replica.restart_at = away.map(|away| Instant::now() + away);
                replica.restart_after = None;
                self.note_process(process, What::Crashed);
            }
            Stop::Struck(Strike::Paused(until)) => {
                replica.resume_at = Some(until);
                self.pause(number);
            }
            Stop::Struck(Strike::Told(away)) => {
                replica.restart_after = Some(away);
                if let Some(process) = &mut replica.process {
                    process.tell_to_end();
                }
            }
            Stop::Ended(words) => {
                let is_told = replica.process.take().is_some_and(|process| process.is_told_to_end());
                replica.restart_at = replica.restart_after.take().map(|away| Instant::now() + away);
                self.note_process(process, if is_told { What::Stopped } else { What::Ended(words) });
            }
        }
    }

    /// The process that leads, or else one that is there: what befalls a controller without saying which befalls this one.
    fn leading(&self) -> Option<&ProcessControl> {
        let processes = || self.replicas.iter().filter_map(|replica| replica.process.as_ref());
        let leader = if self.replicas[1].is_taken { self.leader() } else { None };
        let leading = processes().find(|process| Some(process.control.process) == leader);
        leading.or_else(|| processes().next()).map(|process| &*process.control)
    }
}

/// Carries a process on until an instant or its end.
async fn carry_on(process: Option<&mut Process>, until: Instant) -> Stop {
    let Some(process) = process else {
        sleep_until(until).await;
        return Stop::Time;
    };
    if process.paused {
        // A process that is stopped can still be killed.
        return tokio::select! {
            biased;
            strike = process.control.struck() => Stop::Struck(strike),
            () = sleep_until(until) => Stop::Time,
        };
    }
    tokio::select! {
        biased;
        strike = process.control.struck() => Stop::Struck(strike),
        ended = &mut process.run => Stop::Ended(match ended {
            Ok(()) => "it was asked to".to_owned(),
            Err(error) => error.to_string(),
        }),
        () = sleep_until(until) => Stop::Time,
    }
}
