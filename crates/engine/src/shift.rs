//! Decides about a `TrafficShift`: when a run starts, when its next step may come, when it goes back and how it ends.
//!
//! A shift writes nothing to AWS. It publishes in its status the weights that it wants, numbered by run and change;
//! the routes make them live and say when they have seen them. What a run does next follows from the recorded status
//! and what is seen now, so it can be taken up anywhere by anybody.

mod adopt;
mod advance;
mod command;
mod deletion;
mod draft;
mod ended;
mod events;
mod finish;
mod gate;
mod health;
mod immediate;
mod missing;
mod new_run;
mod objects;
mod plan;
mod progress;
mod report;
mod rollback;
mod run;
mod start;
mod supersede;
mod watch;

pub use events::events;
pub use plan::{Plan, StepPause, Stop};
pub(crate) use rollback::only_watches;
pub use watch::stands_still;

use jiff::SignedDuration;
use weir_api::TrafficShiftStatus;
use weir_api::traffic_shift::{Outcome, Phase, ShiftDeletionPolicy};

use crate::claim::{Claim, claim};
use crate::object::{Cluster, ShiftObject};
use crate::reader::{Asked, Reader};
use crate::ready_state::because;
use crate::reason::Reason;
use crate::tick::{Context, Verdict};

use draft::Draft;
use run::RunState;

/// How often the health of a candidate that carries traffic is looked at.
pub const HEALTH_INTERVAL: SignedDuration = SignedDuration::from_secs(15);

/// How old the reading may be that such a look is content with. Shorter than the interval, so that each look is new.
const HEALTH_AGE: SignedDuration = SignedDuration::from_secs(10);

/// Decides about a shift.
pub fn decide(
    context: &Context,
    cluster: &Cluster,
    shift: &ShiftObject,
    reader: &mut Reader<'_>,
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
    draft.go(reader)?;
    report::tell_worry(&mut draft);
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
    let deleted = shift.deleted.is_some() && shift.spec.deletion_policy == ShiftDeletionPolicy::Rollback;
    RunState::of(run) == RunState::Advancing && (deleted || run::is_set_back(shift, run) || command::aborts(shift))
}

impl Draft<'_> {
    fn go(&mut self, reader: &mut Reader<'_>) -> Asked<()> {
        self.status.waiting = None;
        self.status.run.iter_mut().for_each(|run| run.gates.clear());
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
            advance::advance(self, &plan, reader)?;
        }
        if !self.is_moving() && self.shift.deleted.is_none() {
            start::start(self, &plan, reader)?;
        }
        Some(())
    }

    /// The first of the routes whose weights the user owns.
    fn owned_by_user(&self) -> Option<String> {
        let owned = |name: &&String| {
            let route = self.cluster.routes.get(&self.shift.key.sibling(name.as_str()));
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
}
