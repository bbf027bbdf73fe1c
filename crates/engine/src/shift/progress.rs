//! One route of a run: its part in it, what it says, and how far it has got.

use jiff::Timestamp;
use weir_api::condition::{CONTESTED, READY, STALLED, SYNCED, Truth, find, holds};
use weir_api::traffic_shift::{Run, RunRoute};
use weir_api::weighted_route::{DriftPolicy, EnvironmentWeight, Intent};

use crate::access::Access;
use crate::backend::{self, Member, Members};
use crate::grant::Grants;
use crate::limits::Limits;
use crate::object::{Cluster, RouteObject, ShiftObject};
use crate::reason::Reason;
use crate::route::answers_until;
use crate::weights;

/// By these reasons a route tells that something else is live than was set.
const DIFFERS: [Reason; 2] = [Reason::Drifted, Reason::RuleGone];
/// By these reasons a route tells that somebody else has changed its place, so that it cannot go on.
const KEEPS_OFF: [Reason; 10] = [
    Reason::RuleGone,
    Reason::RuleElsewhere,
    Reason::PriorityTaken,
    Reason::ConditionsChanged,
    Reason::MarksRemoved,
    Reason::OwnedByAnother,
    Reason::NotAForward,
    Reason::UnsupportedAction,
    Reason::UnknownTargetGroup,
    Reason::UnknownTarget,
];

/// One route of a run: what is wanted of it, and how far it has got.
pub(super) struct RouteProgress<'a> {
    /// The route.
    pub object: &'a RouteObject,
    /// What its backends lend to it.
    pub members: Members,
    /// The route's part in the run as it is recorded.
    pub part: RunRoute,
    /// By which access its groups are looked at; the error says why they may not be.
    pub access: Result<Access, String>,
}

/// All routes of a run that are there, in their order.
pub(super) fn routes<'a>(
    grants: &Grants,
    cluster: &'a Cluster,
    shift: &ShiftObject,
    run: &Run,
) -> Vec<RouteProgress<'a>> {
    let progress = |part: &RunRoute| {
        let route = following(cluster, shift, run, part)?;
        Some(RouteProgress::new(grants, cluster, route, part.clone()))
    };
    run.routes.iter().filter_map(progress).collect()
}

/// The route of a part of a run, if it still does what the run wants of it. One that is being deleted can go back, as long
/// as it carries the finalizer, but not forward.
pub(super) fn following<'a>(
    cluster: &'a Cluster,
    shift: &ShiftObject,
    run: &Run,
    part: &RunRoute,
) -> Option<&'a RouteObject> {
    let route = cluster.routes.get(&shift.key.sibling(&part.name))?;
    let goes_back = run.rollback.is_some() && route.has_finalizer();
    (route.deleted.is_none() || goes_back).then_some(route)
}

impl<'a> RouteProgress<'a> {
    /// A route with its part in a run.
    pub fn new(grants: &Grants, cluster: &'a Cluster, object: &'a RouteObject, part: RunRoute) -> Self {
        let access = grants.of_route(cluster, object).map_err(|reason| reason.message.into());
        Self { object, members: backend::members(cluster, object), part, access }
    }

    /// The route's intent, where it is the change that the run wants now.
    fn intent(&self, shift: &ShiftObject, run: &Run) -> Option<&Intent> {
        let intent = self.object.status.intent.as_ref()?;
        (intent.uid == shift.uid && (intent.run, intent.seq) == (run.id, run.seq)).then_some(intent)
    }

    /// Whether the route was seen to have what the run wants now, or nothing is to be done there.
    pub fn is_applied(&self, shift: &ShiftObject, run: &Run) -> bool {
        self.intent(shift, run).is_some_and(Intent::is_settled)
    }

    /// Whether the run had nothing to take back on the route: what somebody else has put there was left.
    pub fn is_left(&self, shift: &ShiftObject, run: &Run) -> bool {
        self.intent(shift, run).is_some_and(|intent| intent.left_at.is_some())
    }

    /// What somebody else has changed, in words: other weights than those of the present change, or something by which the
    /// route cannot go on.
    pub fn foreign_change(&self, shift: &ShiftObject, run: &Run) -> Option<String> {
        let synced = find(&self.object.status.conditions, SYNCED)?;
        let drifted = synced.status == Truth::False
            && self.intent(shift, run).is_some()
            && DIFFERS.iter().any(|reason| synced.reason == *reason);
        let is_kept_off =
            holds(&self.object.status.conditions, STALLED) && KEEPS_OFF.iter().any(|reason| synced.reason == *reason);
        (drifted || is_kept_off).then(|| format!("route {}: {}", self.part.name, synced.message))
    }

    /// Whether somebody else's weights are live, and are to be adopted as they are.
    pub fn has_other_weights(&self, shift: &ShiftObject, run: &Run) -> bool {
        let synced = find(&self.object.status.conditions, SYNCED);
        let drifted = synced.is_some_and(|synced| synced.status == Truth::False && synced.reason == Reason::Drifted);
        drifted && self.intent(shift, run).is_some()
    }

    /// Whether what is live splits the traffic as the run has it, or had it until its present change is live.
    fn has_own_split(&self, run: &Run) -> bool {
        let had = || run.applied_at.is_none() && weights::same_split(self.live(), &self.part.before);
        weights::same_split(self.live(), &self.part.weights) || had()
    }

    /// Whether the run goes back by itself where its candidate fails on the route: what is live is its own, or would be
    /// corrected.
    pub fn is_watched(&self, run: &Run) -> bool {
        let corrects =
            self.object.spec.drift == DriftPolicy::Correct && !holds(&self.object.status.conditions, CONTESTED);
        self.has_own_split(run) || (corrects && self.carried_by(&run.to) > 0)
    }

    /// The part of the traffic that an environment was last seen to carry, in percent, rounded up.
    pub fn carried_by(&self, environment: &str) -> i32 {
        weights::percent_up(self.live(), environment)
    }

    /// How long clients may stick to a group that has no weight any more, in seconds.
    pub fn sticky_seconds(&self) -> Option<i32> {
        let intent = self.object.status.intent.as_ref()?;
        intent.listener_rule.sticky_seconds.filter(|_| self.part.weights.len() > 1)
    }

    /// Until when resolvers may lead clients to environments that have no weight any more.
    pub fn answers_until(&self) -> Option<Timestamp> {
        answers_until(self.object)
    }

    /// What the place of the route takes.
    pub fn limits(&self) -> Limits {
        Limits::of(&self.object.spec.entry)
    }

    /// Whether something keeps the route from what is wanted of it: what it says while all is well tells nothing new.
    pub fn is_hindered(&self) -> bool {
        let conditions = &self.object.status.conditions;
        let is_behind = find(conditions, SYNCED).is_none_or(|synced| synced.status != Truth::True);
        is_behind
            && find(conditions, READY)
                .is_none_or(|ready| ready.status != Truth::True && ready.reason != Reason::Applying)
    }

    /// What the route itself says it is doing, in words.
    pub fn says(&self) -> String {
        let says =
            find(&self.object.status.conditions, READY).map_or("it was not looked at yet", |ready| &ready.message);
        format!("route {}: {says}", self.part.name)
    }

    /// What is live, as the route last saw it.
    pub fn live(&self) -> &[EnvironmentWeight] {
        &self.object.status.weights
    }

    /// What an environment lends to the route.
    pub fn member(&self, environment: &str) -> Result<&Member, String> {
        match self.members.get(environment) {
            Some(Ok(member)) => Ok(member),
            Some(Err(message)) => Err(message.clone()),
            None => Err(format!(
                "the environment {environment} is not among spec.backends of the route {}; add it there",
                self.part.name
            )),
        }
    }
}
