//! What is wanted of a route now: by a run that moves it, by the user who owns the weights, or nothing.

use jiff::Timestamp;
use weir_api::traffic_shift::{Outcome, Run, RunRoute};
use weir_api::weighted_route::{EnvironmentWeight, Intent, RunMemory};

use crate::claim;
use crate::object::{Cluster, RouteObject, ShiftObject};
use crate::weights;

/// What is wanted of a route.
pub(super) enum Target<'a> {
    /// What a run wants.
    Run(RunTarget<'a>),
    /// The weights of the spec, which the user owns.
    Chosen(Vec<EnvironmentWeight>),
    /// Nothing: what is live is held.
    Hold,
}

impl<'a> Target<'a> {
    /// What is wanted of a route. A change of a run that is older than the recorded intent is nothing.
    pub fn of(cluster: &'a Cluster, route: &RouteObject) -> Self {
        match chosen(route) {
            Some(weights) => Self::Chosen(weights),
            None => RunTarget::of(cluster, route).map_or(Self::Hold, Self::Run),
        }
    }

    /// What a run wants.
    pub fn run(&self) -> Option<&RunTarget<'a>> {
        match self {
            Self::Run(run) => Some(run),
            Self::Chosen(_) | Self::Hold => None,
        }
    }

    /// Whether an environment is one of those between which traffic is wanted to move. Where nobody wants anything, each is.
    pub fn touches(&self, environment: &str) -> bool {
        let names = |weights: &[EnvironmentWeight]| weights.iter().any(|entry| entry.environment == environment);
        match self {
            Self::Run(run) if run.goes_back() => weights::of(&run.part.weights, environment) > 0,
            Self::Run(run) => names(&run.part.weights),
            Self::Chosen(weights) => names(weights),
            Self::Hold => true,
        }
    }
}

/// The weights that the user wants, where the user owns them.
pub(super) fn chosen(route: &RouteObject) -> Option<Vec<EnvironmentWeight>> {
    let entry = |(environment, weight): (&String, &i32)| EnvironmentWeight {
        environment: environment.clone(),
        weight: *weight,
    };
    route.spec.weights.as_ref().map(|weights| weights.iter().map(entry).collect())
}

/// What a run wants of a route.
pub(super) struct RunTarget<'a> {
    /// The shift.
    pub shift: &'a ShiftObject,
    /// Its run.
    pub run: &'a Run,
    /// The route's part in it.
    pub part: &'a RunRoute,
}

/// Whether the run that a recorded intent belongs to may still go on: its shift has a run that has not ended, or one
/// that is older than the intent, so that newer ones are to come.
pub(super) fn may_go_on(cluster: &Cluster, route: &RouteObject, intent: &Intent) -> bool {
    if route.spec.weights.is_some() || intent.shift.is_empty() {
        return false;
    }
    let shift = cluster.shifts.get(&route.key.sibling(&intent.shift)).filter(|shift| shift.uid == intent.uid);
    let run = shift.and_then(|shift| shift.status.run.as_ref());
    shift.is_some() && run.is_none_or(|run| run.ended_at.is_none() || run.id < intent.run)
}

impl<'a> RunTarget<'a> {
    fn of(cluster: &'a Cluster, route: &RouteObject) -> Option<Self> {
        let shift = claim::holder(cluster, &route.key)?;
        let run = shift.status.run.as_ref().filter(|run| run.ended_at.is_none())?;
        let part = run.routes.iter().find(|part| part.name == route.key.name)?;
        let recorded = route.status.intent.as_ref().filter(|intent| intent.uid == shift.uid);
        let is_older = recorded.is_some_and(|intent| (run.id, run.seq) < (intent.run, intent.seq));
        (!is_older).then_some(Self { shift, run, part })
    }

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
