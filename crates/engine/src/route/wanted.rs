//! What the shift that has a route wants of it now.

use weir_api::traffic_shift::{Run, RunRoute};
use weir_api::weighted_route::{EnvironmentWeight, Intent, RunMemory};

use crate::claim;
use crate::object::{Cluster, RouteObject, ShiftObject};
use crate::weights;

/// What a run wants of a route.
pub(super) struct Wanted<'a> {
    /// The shift.
    pub shift: &'a ShiftObject,
    /// Its run.
    pub run: &'a Run,
    /// The route's part in it.
    pub part: &'a RunRoute,
}

/// What is wanted of a route, if a run is moving it. A change that is older than the recorded intent is nothing.
pub(super) fn wanted<'a>(cluster: &'a Cluster, route: &RouteObject) -> Option<Wanted<'a>> {
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

impl Wanted<'_> {
    /// Whether the recorded intent is this very change.
    pub fn is_intent(&self, intent: &Intent) -> bool {
        intent.uid == self.shift.uid && (intent.run, intent.seq) == (self.run.id, self.run.seq)
    }

    /// Whether the change was recorded and then seen to be live.
    pub fn is_verified(&self, route: &RouteObject) -> bool {
        let intent = route.status.intent.as_ref().filter(|intent| self.is_intent(intent));
        intent.is_some_and(|intent| intent.verified_at.is_some())
    }

    /// What the tag on AWS shall remember once the run has come to its end.
    pub fn memory(&self) -> Option<RunMemory> {
        let outcome = self.run.outcome?;
        Some(RunMemory { shift: self.shift.key.to_string(), to: self.run.to.clone(), outcome })
    }

    /// Whether an environment is one of those between which the traffic moves.
    pub fn touches(&self, environment: &str) -> bool {
        self.part.weights.iter().any(|entry| entry.environment == environment)
    }

    /// Whether the traffic is going back.
    pub fn goes_back(&self) -> bool {
        self.run.rollback.is_some()
    }
}

/// The difference between what was set and what is live, in words.
pub(super) fn difference(intent: &Intent, live: &[EnvironmentWeight]) -> String {
    format!(
        "found {}; expected {}, which run {} of {} set. Somebody else has changed it",
        weights::words(live),
        weights::words(&intent.weights),
        intent.run,
        intent.shift
    )
}
