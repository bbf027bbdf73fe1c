//! What the shift that has a route wants of it now.

use jiff::Timestamp;
use weir_api::traffic_shift::{Outcome, Run, RunRoute};
use weir_api::weighted_route::{Intent, RunMemory};

use crate::claim;
use crate::object::{Cluster, RouteObject, ShiftObject};

/// What a run wants of a route.
pub(super) struct Wanted<'a> {
    /// The shift.
    pub shift: &'a ShiftObject,
    /// Its run.
    pub run: &'a Run,
    /// The route's part in it.
    pub part: &'a RunRoute,
}

/// What is wanted of a route, if a run is moving it. A change that is older than the recorded intent is nothing, and
/// so is every change where the user owns the weights.
pub(super) fn wanted<'a>(cluster: &'a Cluster, route: &RouteObject) -> Option<Wanted<'a>> {
    if route.spec.weights.is_some() {
        return None;
    }
    let shift = claim::holder(cluster, &route.key)?;
    let run = shift.status.run.as_ref().filter(|run| run.ended_at.is_none())?;
    let part = run.routes.iter().find(|part| part.name == route.key.name)?;
    let is_older = route
        .status
        .intent
        .as_ref()
        .is_some_and(|intent| intent.uid == shift.uid && (run.id, run.seq) < (intent.run, intent.seq));
    (!is_older).then_some(Wanted { shift, run, part })
}

/// Whether the run that a recorded intent belongs to may still go on: its shift has a run that has not ended, or one
/// that is older than the intent, so that newer ones are to come.
pub(super) fn may_go_on(cluster: &Cluster, route: &RouteObject, intent: &Intent) -> bool {
    if route.spec.weights.is_some() || intent.shift.is_empty() {
        return false;
    }
    let shift = cluster.shifts.get(&route.key.beside(&intent.shift)).filter(|shift| shift.uid == intent.uid);
    let run = shift.and_then(|shift| shift.status.run.as_ref());
    shift.is_some() && run.is_none_or(|run| run.ended_at.is_none() || run.id < intent.run)
}

impl Wanted<'_> {
    /// Whether the recorded intent is this very change.
    pub fn is_intent(&self, intent: &Intent) -> bool {
        intent.uid == self.shift.uid && (intent.run, intent.seq) == (self.run.id, self.run.seq)
    }

    /// The change as an intent of the route, with nothing known of its groups yet.
    pub fn intent(&self, now: Timestamp) -> Intent {
        Intent {
            shift: self.shift.key.name.to_string(),
            uid: self.shift.uid.to_string(),
            run: self.run.id,
            seq: self.run.seq,
            since: now,
            weights: self.part.weights.clone(),
            baseline: Some(self.part.baseline),
            ..Intent::default()
        }
    }

    /// Whether the change was recorded and then seen to be live, or left.
    pub fn is_settled(&self, route: &RouteObject) -> bool {
        let intent = route.status.intent.as_ref().filter(|intent| self.is_intent(intent));
        intent.is_some_and(Intent::is_settled)
    }

    /// What the tag on AWS shall remember once the run has come to its end.
    /// A run that went back to what `to` names by then has fulfilled that wish.
    pub fn memory(&self) -> Option<RunMemory> {
        let shift = self.shift.key.to_string();
        let outcome = self.run.outcome?;
        Some(match &self.run.returned_to {
            Some(to) => RunMemory { shift, to: to.clone(), outcome: Outcome::Succeeded },
            None => RunMemory { shift, to: self.run.to.clone(), outcome },
        })
    }

    /// Whether an environment is one of those between which the traffic moves.
    pub fn touches(&self, environment: &str) -> bool {
        self.part.weights.iter().any(|entry| entry.environment == environment)
    }

    /// Whether the run first wants to be told what is live.
    pub fn surveys(&self) -> bool {
        self.run.surveying && self.run.rollback.is_none()
    }

    /// Whether a user has the run's weights set over somebody else's.
    pub fn reasserts(&self) -> bool {
        self.run.reasserted_seq == Some(self.run.seq) && self.run.rollback.is_none()
    }

    /// Whether the traffic is going back.
    pub fn goes_back(&self) -> bool {
        self.run.rollback.is_some()
    }
}
