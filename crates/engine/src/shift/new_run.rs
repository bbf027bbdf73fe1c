//! The run that would begin now: from what is live to the environment that is wanted.

use jiff::{SignedDuration, Timestamp};
use weir_api::traffic_shift::{Outcome, Phase, Run, RunRoute};
use weir_api::weighted_route::EnvironmentWeight;

use crate::reader::{Asked, Reader, all};
use crate::reason::Reason;
use crate::route;
use crate::weights;

use super::draft::Draft;
use super::gate::{Check, Wait};
use super::plan::Plan;
use super::progress::RouteProgress;
use super::run::summary;
use super::{command, health, immediate};

/// How soon a shift that waits for a reading looks again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(15);

/// Why no run can begin yet.
pub(super) struct Refusal {
    /// The gate at which it waits, where it is one.
    pub gate: Option<&'static Check>,
    pub wait: Wait,
    /// Whether nothing will happen until somebody changes something.
    pub stalls: bool,
}

impl Refusal {
    pub fn new(reason: Reason, message: String) -> Self {
        Self { gate: None, wait: Wait::new(Phase::Pending, reason, message), stalls: false }
    }
}

/// A run that has nothing to move: what is wanted is live already, and is only put on record.
fn noted(draft: &Draft<'_>, routes: &[RouteProgress<'_>], plan: &Plan) -> Run {
    let parts = routes.iter().map(|route| RunRoute { weights: route.live().to_vec(), ..route.part.clone() }).collect();
    Run {
        outcome: Some(Outcome::Succeeded),
        note: Some("it did so already; nothing was moved".to_owned()),
        ..beginning(draft, routes, plan, parts, 100)
    }
}

/// A run from what is live to the environment that is wanted; the error says what it waits for. One that takes over
/// from another goes back, if it must, to where that one would have gone back.
pub(super) fn new_run(
    draft: &Draft<'_>,
    routes: &[RouteProgress<'_>],
    moving: Option<&Run>,
    plan: &Plan,
    reader: &mut Reader<'_>,
) -> Asked<Result<Run, Refusal>> {
    let to = draft.shift.spec.to.clone();
    let fresh = reader.fresh();
    let surveying = must_observe(draft, routes, moving);
    let is_live = routes.iter().all(|route| weights::carries_all(route.live(), &to));
    if is_live && !surveying {
        return Some(Ok(noted(draft, routes, plan)));
    }
    let counts = all(routes.iter().map(|route| baseline(draft, route, moving, &to, fresh, reader)))?;
    let mut parts = Vec::new();
    for (route, count) in routes.iter().zip(counts) {
        let baseline = match count {
            Ok(baseline) => baseline,
            Err(message) => {
                let mut refusal = Refusal::new(Reason::HealthUnknown, message);
                refusal.wait.look_again = Some(reader.began + LOOK_AGAIN);
                return Some(Err(refusal));
            }
        };
        let before = moving.and_then(|run| run.routes.iter().find(|part| part.name == route.part.name));
        let home = before.map(|part| part.rollback_target().to_vec());
        let home = home.filter(|home| *home != route.part.from).unwrap_or_default();
        match with_first_weights(RunRoute { baseline, home, ..route.part.clone() }, &to, route.limits().members) {
            Ok(part) => parts.push(part),
            Err(refusal) => return Some(Err(refusal)),
        }
    }
    if let Some(emptied) = routes.iter().find(|route| is_emptied(route)).filter(|_| !command::retries(draft)) {
        return Some(Err(nothing_live(draft, emptied)));
    }
    let is_first = parts.iter().all(|part| part.from.is_empty());
    let note = is_first.then(|| {
        format!("the first deployment: nothing carried traffic before, so {to} gets all of it at once, healthy or not")
    });
    let course = (!is_first).then(|| immediate::course(draft.shift, routes));
    let weight = first_weight(&parts, &to);
    Some(Ok(Run { note, course, surveying, ..beginning(draft, routes, plan, parts, weight) }))
}

fn nothing_live(draft: &Draft<'_>, emptied: &RouteProgress<'_>) -> Refusal {
    // A command that is refused is no advice: nothing is tried again while a run is moving.
    let command = if draft.is_moving() {
        "abort, and then resume on that route, which sets again what it had"
    } else {
        "retry to begin as with a first deployment"
    };
    let message = format!(
        "nothing carries the traffic of route {} now, and {} did before: put the forward back, or give the command \
         {command}",
        emptied.part.name,
        emptied.object.status.full_traffic.first().map_or("", |full| &full.environment)
    );
    Refusal::new(Reason::NothingLive, message)
}

/// Whether a route that has carried traffic carries none: that is no first deployment.
fn is_emptied(route: &RouteProgress<'_>) -> bool {
    route.part.from.is_empty() && !route.object.status.full_traffic.is_empty()
}

/// Whether the routes must first say what is live: a change of an earlier run may still be on its way, or what a route
/// has last said cannot be relied on.
fn must_observe(draft: &Draft<'_>, routes: &[RouteProgress<'_>], moving: Option<&Run>) -> bool {
    let is_open = |route: &RouteProgress<'_>| {
        let intent = route.object.status.intent.as_ref();
        intent.is_some_and(|intent| intent.verified_at.is_none() && intent.uid == draft.shift.uid)
    };
    moving.is_some_and(|run| run.applied_at.is_none())
        || routes.iter().any(|route| is_open(route) || !route::is_usable(route.object))
}

/// A route's part with the weights with which the run begins, unless they are of more environments than its place takes.
pub(super) fn with_first_weights(part: RunRoute, to: &str, most: usize) -> Result<RunRoute, Refusal> {
    let count = |weights: &[EnvironmentWeight]| weights.len();
    let weights = weights::with_attached(&first_weights(&part.from, to), part.rollback_target());
    if count(&weights) <= most {
        return Ok(RunRoute { weights, ..part });
    }
    let message = format!(
        "route {}: {} environments carry traffic or would take it back, and with {to} there would be more than the \
         {most} that AWS takes in one split; take the weight from one of them first, or set to to one of them",
        part.name,
        count(&weights) - 1
    );
    Err(Refusal { stalls: true, ..Refusal::new(Reason::TooManyGroups, message) })
}

/// The weight that the candidate has already where it has the least; everything where nothing carried traffic before.
pub(super) fn first_weight(routes: &[RunRoute], to: &str) -> i32 {
    if routes.iter().all(|part| part.from.is_empty()) {
        return 100;
    }
    routes.iter().map(|part| weights::percent(&part.weights, to)).min().unwrap_or(0)
}

/// How many targets were healthy on the live side. A run that takes over from another keeps what that one counted,
/// since by then the live side holds the targets of two environments; and the candidate itself does not count.
fn baseline(
    draft: &Draft<'_>,
    route: &RouteProgress<'_>,
    moving: Option<&Run>,
    to: &str,
    not_before: Timestamp,
    reader: &mut Reader<'_>,
) -> Asked<Result<i32, String>> {
    // What the user's own weights have moved since then is not that run's any more.
    let intent = route.object.status.intent.as_ref().filter(|intent| intent.uid == draft.shift.uid);
    let superseded =
        draft.status.run.as_ref().filter(|run| {
            run.outcome == Some(Outcome::Superseded) && intent.is_some_and(|intent| intent.run == run.id)
        });
    let part = moving.or(superseded).and_then(|run| run.routes.iter().find(|part| part.name == route.part.name));
    match part {
        Some(part) => Some(Ok(part.baseline)),
        None => health::carrying(route, &weights::without(&route.part.from, to), not_before, reader),
    }
}

/// The weights with which a run begins: what is live, with the candidate attached.
fn first_weights(from: &[EnvironmentWeight], to: &str) -> Vec<EnvironmentWeight> {
    if weights::of(from, to) > 0 { from.to_vec() } else { weights::blend(from, to, 0) }
}

/// A run as it begins, with what it wants of each route.
pub(super) fn beginning(
    draft: &Draft<'_>,
    routes: &[RouteProgress<'_>],
    plan: &Plan,
    parts: Vec<RunRoute>,
    weight: i32,
) -> Run {
    // A route may remember a run of this very shift that the shift's own status has lost.
    let on_routes = routes.iter().filter_map(|route| route.object.status.intent.as_ref());
    let known = on_routes.filter(|intent| intent.uid == draft.shift.uid).map(|intent| intent.run);
    let last = known.chain(draft.status.run.iter().map(|run| run.id)).max().unwrap_or(0);
    Run {
        id: last + 1,
        to: draft.shift.spec.to.clone(),
        seq: 1,
        weight,
        progress: plan.progress(weight),
        summary: summary(&parts),
        routes: parts,
        started_at: draft.now,
        progressed_at: draft.now,
        ..Run::default()
    }
}
