//! Decides about a `TrafficShift`: when a run starts, when its next step may come, when it goes back and how it ends.
//!
//! A shift writes nothing to AWS. It publishes in its status the weights that it wants, numbered by run and change;
//! the routes make them live and say when they have seen them. What a run does next follows from the recorded status
//! and what is seen now, so it can be taken up anywhere by anybody.

mod adopt;
mod advance;
mod command;
mod deletion;
mod events;
mod evidence;
mod finish;
mod health;
mod known;
mod lane;
mod leave;
mod missing;
mod objects;
mod pause;
mod plan;
mod report;
mod rollback;
mod start;
mod watch;

pub use events::events;
pub use plan::{Plan, StepPause, Stop};
pub(crate) use rollback::awaits_capacity;
pub use watch::stands_still;

use jiff::{SignedDuration, Timestamp};
use weir_api::TrafficShiftStatus;
use weir_api::traffic_shift::{Outcome, PastRun, Phase, Run, RunRoute, ShiftDeletionPolicy, Waiting};
use weir_api::weighted_route::EnvironmentWeight;

use crate::claim::{Claim, claim};
use crate::grant::Grants;
use crate::object::{Cluster, ShiftObject};
use crate::reason::Reason;
use crate::sight::{Asked, Sight};
use crate::standing::{Explanation, because};
use crate::tick::{Context, Verdict};
use crate::weights;

use watch::Worry;

/// How often the health of a candidate that carries traffic is looked at.
pub const HEALTH_INTERVAL: SignedDuration = SignedDuration::from_secs(15);

/// How old the reading may be that such a look is content with. Shorter than the interval, so that each look is new.
const HEALTH_AGE: SignedDuration = SignedDuration::from_secs(10);

/// How many ended runs are remembered.
const HISTORY: usize = 10;

/// A status in the making.
struct Draft<'a> {
    now: Timestamp,
    counted_from: Timestamp,
    grants: &'a Grants,
    cluster: &'a Cluster,
    shift: &'a ShiftObject,
    status: TrafficShiftStatus,
    stalled: Option<Explanation>,
    /// What somebody should know of the candidate, beside what the shift waits for.
    worry: Option<Worry>,
    wake: Option<Timestamp>,
}

/// Decides about a shift.
pub fn decide(
    context: &Context,
    cluster: &Cluster,
    shift: &ShiftObject,
    sight: &mut Sight<'_>,
) -> Asked<Verdict<TrafficShiftStatus>> {
    let status = TrafficShiftStatus { observed_generation: Some(shift.generation), ..shift.status.clone() };
    let mut draft = Draft {
        now: context.now,
        counted_from: context.counted_from,
        grants: &context.grants,
        cluster,
        shift,
        status,
        stalled: None,
        worry: None,
        wake: None,
    };
    draft.go(sight)?;
    watch::tell(&mut draft);
    let finalizer = draft.needs_undoing();
    report::conclude(&mut draft);
    let verdict = Verdict { finalizer, ..Verdict::record(draft.status) };
    Some(match draft.wake {
        Some(wake) => verdict.waking(wake),
        None => verdict,
    })
}

/// Whether a user has just asked for something by which a run that is moving may go back: it is found out at once.
pub(crate) fn may_turn_round(shift: &ShiftObject) -> bool {
    let Some(run) = &shift.status.run else { return false };
    let is_new = run.rollback.is_none() && run.outcome.is_none();
    let deleted = shift.deleted.is_some() && shift.spec.deletion_policy == ShiftDeletionPolicy::Rollback;
    is_new && (deleted || leave::is_set_back(shift, run) || command::aborts(shift))
}

impl Draft<'_> {
    fn go(&mut self, sight: &mut Sight<'_>) -> Asked<()> {
        self.status.waiting = None;
        if deletion::is_over(self) {
            return Some(());
        }
        command::take(self);
        if let Claim::Lost { route, to } = claim(self.cluster, self.shift) {
            let message =
                format!("the route {route} is moved by the older TrafficShift {to}; name the route in one shift only");
            if self.is_moving() {
                self.end(Outcome::Superseded, &message);
            }
            self.stalled = Some(because(Reason::RouteClaimed, message));
            return Some(());
        }
        if let Some(route) = self.owned_by_user() {
            self.leave_to_user(&route);
            return Some(());
        }
        let plan = match Plan::parse(&self.shift.spec.strategy) {
            Ok(plan) => plan,
            Err(message) => {
                let stands = watch::stands_still(&self.status).map(|stands| format!("; {stands}"));
                self.stalled = Some(because(Reason::Invalid, message + &stands.unwrap_or_default()));
                return Some(());
            }
        };
        if self.is_moving() {
            advance::advance(self, &plan, sight)?;
        }
        if !self.is_moving() && self.shift.deleted.is_none() {
            start::start(self, &plan, sight)?;
        }
        Some(())
    }

    /// The first of the routes whose weights the user owns.
    fn owned_by_user(&self) -> Option<String> {
        let owned = |name: &&String| {
            let route = self.cluster.routes.get(&self.shift.key.beside(name.as_str()));
            route.is_some_and(|route| route.spec.weights.is_some())
        };
        self.shift.spec.routes.iter().find(owned).cloned()
    }

    /// Ends what is moving, and rests. A run that has succeeded is not what the route ended with any more.
    fn leave_to_user(&mut self, route: &str) {
        let message = format!(
            "the WeightedRoute {route} has weights of its own (spec.weights), which no shift moves; take spec.weights out \
             of it to hand it to this shift, or take it out of spec.routes"
        );
        if self.is_moving() {
            self.end(Outcome::Superseded, &message);
        }
        if let Some(run) = self.status.run.as_mut().filter(|run| run.outcome == Some(Outcome::Succeeded)) {
            run.outcome = Some(Outcome::Superseded);
            self.status.phase = Some(Phase::Superseded);
        }
        self.stalled = Some(because(Reason::WeightsOwned, message));
    }

    fn is_moving(&self) -> bool {
        self.status.run.as_ref().is_some_and(|run| run.ended_at.is_none())
    }

    /// Whether deleting the shift now must first be undone on AWS.
    fn needs_undoing(&self) -> bool {
        let can_go_back = |run: &Run| run.routes.iter().any(|part| !weights::without(part.home(), &run.to).is_empty());
        self.shift.spec.deletion_policy == ShiftDeletionPolicy::Rollback
            && self.status.run.as_ref().is_some_and(|run| run.ended_at.is_none() && can_go_back(run))
    }

    /// Says what the shift waits for. The instant stays while the reason does.
    fn wait(&mut self, phase: Phase, reason: impl Into<Reason>, message: impl Into<String>, until: Option<Timestamp>) {
        let reason = reason.into();
        let since = self.waiting_since(reason);
        self.status.phase = Some(phase);
        self.status.waiting = Some(Waiting { reason: reason.to_string(), message: message.into(), since, until });
        if let Some(until) = until {
            self.wake_at(until);
        }
    }

    /// Since when the shift waits for this, without a break.
    fn waiting_since(&self, reason: Reason) -> Timestamp {
        let before = self.shift.status.waiting.as_ref().filter(|waiting| waiting.reason == reason);
        before.map_or(self.now, |waiting| waiting.since)
    }

    fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// Ends the run that is moving.
    fn end(&mut self, outcome: Outcome, message: &str) {
        let now = self.now;
        let Some(run) = self.status.run.as_mut() else { return };
        run.outcome = Some(outcome);
        run.ended_at = Some(now);
        run.hold = None;
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

/// Makes the next change of a run: every route gets new weights, which start from the ones before, under the next number.
fn change(run: &mut Run, next: impl Fn(usize, &RunRoute) -> Vec<EnvironmentWeight>) {
    for (index, part) in run.routes.iter_mut().enumerate() {
        let weights = next(index, part);
        part.before = std::mem::replace(&mut part.weights, weights);
    }
    run.seq += 1;
    run.applied_at = None;
    run.summary = run.routes.first().map(|part| weights::words(&part.weights)).unwrap_or_default();
}
