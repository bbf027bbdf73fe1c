//! The status of a shift in the making, and what may become of its run: it waits, fails, turns round, ends.

use jiff::{SignedDuration, Timestamp};
use weir_api::TrafficShiftStatus;
use weir_api::traffic_shift::{
    Cause, HeldBy, Hold, OnFailure, Outcome, PastRun, Phase, Run, RunGate, RunRoute, ShiftDeletionPolicy, Waiting,
};

use weir_api::weighted_route::EnvironmentWeight;

use crate::grant::Grants;
use crate::object::{Cluster, ShiftObject};
use crate::ready_state::Explanation;
use crate::reason::Reason;

use super::gate::{Check, Station, Wait};
use super::plan::Plan;
use super::progress::RouteProgress;
use super::run::{self, RunState, can_go_back, waiting_since};
use super::watch::{Watched, Worry};

/// How many ended runs are remembered.
const HISTORY: usize = 10;

/// A status in the making.
pub(super) struct Draft<'a> {
    pub now: Timestamp,
    pub counted_from: Timestamp,
    pub grants: &'a Grants,
    pub cluster: &'a Cluster,
    pub shift: &'a ShiftObject,
    pub status: TrafficShiftStatus,
    pub stalled: Option<Explanation>,
    /// What somebody should know of the candidate, beside what the shift waits for.
    pub worry: Option<Worry>,
    pub wake: Option<Timestamp>,
}

impl<'a> Draft<'a> {
    /// The state of the run that is moving, or of the last one.
    pub fn state(&self) -> Option<RunState> {
        self.status.run.as_ref().map(RunState::of)
    }

    pub fn is_moving(&self) -> bool {
        self.state().is_some_and(|state| state != RunState::Ended)
    }

    /// Whether deleting the shift now must first be undone on AWS.
    pub fn needs_undoing(&self) -> bool {
        self.shift.spec.deletion_policy == ShiftDeletionPolicy::Rollback
            && self.is_moving()
            && self.status.run.as_ref().is_some_and(can_go_back)
    }

    /// The run as its gates see it.
    pub fn station<'s>(&self, plan: &'s Plan, run: &'s Run, routes: &'s [RouteProgress<'s>]) -> Station<'s>
    where
        'a: 's,
    {
        let (now, counted_from, cluster, shift) = (self.now, self.counted_from, self.cluster, self.shift);
        Station { now, counted_from, cluster, shift, plan, run, before: None, routes }
    }

    /// Says what the shift waits for. The instant stays while the reason does.
    pub fn wait(
        &mut self,
        phase: Phase,
        reason: impl Into<Reason>,
        message: impl Into<String>,
        until: Option<Timestamp>,
    ) {
        let reason = reason.into();
        let since = waiting_since(self.shift, reason, self.now);
        self.status.phase = Some(phase);
        self.status.waiting = Some(Waiting { reason: reason.to_string(), message: message.into(), since, until });
        if let Some(until) = until {
            self.wake_at(until);
        }
    }

    /// The same, and when to look again.
    pub fn wait_for(&mut self, wait: Wait) {
        self.wait(wait.phase, wait.reason, wait.message, wait.until);
        if let Some(at) = wait.look_again {
            self.wake_at(at);
        }
    }

    /// Says that the shift waits at a gate, and of the run that is moving which one that is.
    pub fn wait_at(&mut self, check: &Check, wait: Wait) {
        let (reason, message, until) = (wait.reason, wait.message.clone(), wait.until);
        self.wait_for(wait);
        let (name, promotable) = (check.name, check.release.is_some());
        let recorded = self.shift.status.run.as_ref();
        let now = self.now;
        let Some(run) = self.status.run.as_mut().filter(|run| RunState::of(run) == RunState::Advancing) else {
            return;
        };
        let gates = recorded.filter(|recorded| recorded.id == run.id).map_or(&[][..], |recorded| &recorded.gates);
        let before = gates.iter().find(|gate| gate.name == name && gate.reason == reason);
        let since = before.map_or(now, |gate| gate.since);
        run.gates = vec![RunGate { name, reason: reason.to_string(), message, since, until, promotable }];
    }

    pub fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// Notes what was seen of the candidate; a run that has failed by it turns round, or holds.
    pub fn note(&mut self, watched: Watched) {
        let Some(run) = self.status.run.as_mut() else { return };
        (run.degraded_since, run.unchecked) = (watched.degraded_since, watched.unchecked);
        self.worry = watched.worry;
        if let Some(at) = watched.wake {
            self.wake_at(at);
        }
        if let Some(failure) = watched.failure {
            self.fail(failure);
        }
    }

    /// The run has failed: it goes back, or holds where it is, as the user wants; true when that has changed its course.
    pub fn fail(&mut self, why: Explanation) -> bool {
        let now = self.now;
        match self.shift.spec.on_failure {
            OnFailure::Rollback => self.turn_round(why.reason, why.message.into()).is_ok(),
            OnFailure::Pause => {
                let Some(run) = self.status.run.as_mut().filter(|run| run.hold.is_none()) else { return false };
                let message = format!("{}. Give the command resume or abort", why.message);
                run.hold = Some(Hold { by: HeldBy::Failure, message, since: now });
                true
            }
        }
    }

    /// Turns the run round; the error says why there is nothing to go back to.
    pub fn turn_round(&mut self, reason: Reason, message: String) -> Result<(), String> {
        let now = self.now;
        let Some(run) = self.status.run.as_mut() else { return Err("no run is moving".to_owned()) };
        if !can_go_back(run) {
            return Err(format!("nothing but {} has carried this traffic, so there is nothing to go back to", run.to));
        }
        run.rollback = Some(Cause { reason: reason.to_string(), message, since: now });
        run.hold = None;
        run.progressed_at = now;
        self.wait(Phase::RollingBack, Reason::RollingBack, "the traffic goes back", None);
        Ok(())
    }

    /// Asks the routes to remember how the run ends.
    pub fn remember(&mut self, outcome: Outcome, weights: impl Fn(usize, &RunRoute) -> Vec<EnvironmentWeight>) {
        let now = self.now;
        let Some(run) = self.status.run.as_mut() else { return };
        run::change(run, weights);
        run.outcome = Some(outcome);
        // However long it took until here, the end has all the time to be remembered.
        run.progressed_at = now;
        let phase = run::phase(run);
        self.wait(phase, Reason::Remembering, "the run's end is being remembered on AWS", None);
    }

    /// The instant by which a run ends that makes no progress, whatever keeps it.
    pub fn deadline_since(&self, progress: Timestamp) -> Timestamp {
        progress + SignedDuration::from(self.shift.spec.progress_deadline)
    }

    /// Ends the run that is moving.
    pub fn end(&mut self, outcome: Outcome, message: &str) {
        let now = self.now;
        let Some(run) = self.status.run.as_mut() else { return };
        run.outcome = Some(outcome);
        run.ended_at = Some(now);
        run.hold = None;
        run.gates.clear();
        let past = PastRun {
            id: run.id,
            to: run.to.clone(),
            outcome,
            message: message.to_owned(),
            started_at: run.started_at,
            ended_at: now,
        };
        self.status.history.insert(0, past);
        self.status.history.truncate(HISTORY);
        self.status.waiting = None;
        self.status.phase = Some(match outcome {
            Outcome::Succeeded => Phase::Succeeded,
            Outcome::RolledBack => Phase::RolledBack,
            Outcome::Failed => Phase::Failed,
            Outcome::Superseded => Phase::Superseded,
        });
    }
}
