//! Starts a run, if one is wanted, has not ended before, and can be founded on what is seen.

use jiff::{SignedDuration, Timestamp};
use weir_api::traffic_shift::{HeldBy, Hold, Outcome, PastRun, Phase, Run, RunRoute};
use weir_api::weighted_route::{EnvironmentWeight, RunMemory};

use crate::backend;
use crate::reason::Reason;
use crate::route;
use crate::sight::{Asked, Sight, all};
use crate::standing::because;
use crate::step::MAX_GROUPS;
use crate::weights;

use super::advance::live_awaited;
use super::lane::Lane;
use super::plan::Plan;
use super::{Draft, command, finish, health, known, report};

/// How soon a shift that waits for a reading looks again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(15);

/// Starts a run where one is due; otherwise says why none is.
pub(super) fn start(draft: &mut Draft<'_>, plan: &Plan, sight: &mut Sight<'_>) -> Asked<()> {
    let to = draft.shift.spec.to.clone();
    let lanes = match ready_lanes(draft) {
        Ok(lanes) => lanes,
        Err((reason, message)) => {
            // A run that went back has ended, whatever has become of its routes since.
            let ended = draft.status.run.as_ref().and_then(|run| ended(run, &to));
            match ended.filter(|outcome| is_failure(*outcome) && !command::retries(draft)) {
                Some(outcome) => report::rest_after_end(draft, outcome, &[]),
                None => draft.wait(Phase::Pending, reason, message, None),
            }
            return Some(());
        }
    };
    let is_live = lanes.iter().all(|lane| weights::carries_all(lane.live(), &to));
    if is_live && lanes.iter().all(|lane| is_on_record(draft, lane, &to)) {
        draft.status.phase = Some(Phase::Succeeded);
        return finish::watch_first(draft, &lanes, sight);
    }
    if let Some(outcome) = ended_before(draft, &lanes, &to).filter(|_| !is_live && !command::retries(draft)) {
        report::rest_after_end(draft, outcome, &lanes);
        return Some(());
    }
    if draft.shift.spec.paused {
        draft.wait(Phase::Pending, Reason::Paused, "spec.paused is true; the run starts when it is false", None);
        return Some(());
    }
    match found(draft, &lanes, None, plan, sight)? {
        Ok(run) => {
            let hold = hold_of(draft, &run);
            launch(draft, Run { hold, ..run });
        }
        Err(refusal) => refuse(draft, refusal),
    }
    Some(())
}

/// What holds a run that takes up one to the same environment that was cut short: whoever took the routes from the shift
/// in the middle of that one, by weights of their own or by another shift, had a reason for it.
fn hold_of(draft: &Draft<'_>, run: &Run) -> Option<Hold> {
    let is_of_last = |past: &&PastRun| draft.status.run.as_ref().is_some_and(|last| last.id == past.id);
    let past = draft.status.history.first().filter(is_of_last)?;
    let was_cut_short = past.outcome == Outcome::Superseded && past.to == run.to;
    // What is live is put on record, or nothing carried traffic before: there is nothing to hold.
    let may_move = run.course.is_some();
    (was_cut_short && may_move && !command::retries(draft)).then(|| {
        let message = format!(
            "run {} was cut short when a route was taken from this shift, which has it again: give the command resume to \
             go on from what is live, or abort to go back",
            past.id
        );
        Hold { by: HeldBy::HandedBack, message, since: draft.now }
    })
}

fn is_failure(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::RolledBack | Outcome::Failed)
}

/// Why no run can begin yet.
pub(super) struct Refusal {
    reason: Reason,
    message: String,
    /// Whether nothing will happen until somebody changes something.
    stalls: bool,
    look_again: Option<Timestamp>,
}

impl Refusal {
    fn waiting((reason, message): (Reason, String)) -> Self {
        Self { reason, message, stalls: false, look_again: None }
    }
}

/// Says why no run begins.
pub(super) fn refuse(draft: &mut Draft<'_>, refusal: Refusal) {
    draft.wait(Phase::Pending, refusal.reason, refusal.message.clone(), None);
    if refusal.stalls {
        draft.stalled = Some(because(refusal.reason, refusal.message));
    }
    if let Some(at) = refusal.look_again {
        draft.wake_at(at);
    }
}

/// The run to what `to` names now, taking over from one that is moving.
pub(super) fn successor(
    draft: &Draft<'_>,
    moving: &Run,
    plan: &Plan,
    sight: &mut Sight<'_>,
) -> Asked<Result<Run, Refusal>> {
    let lanes = match lanes(draft) {
        Ok(lanes) => lanes,
        Err(refusal) => return Some(Err(Refusal::waiting(refusal))),
    };
    found(draft, &lanes, Some(moving), plan, sight)
}

/// A run that has been told what is live goes on from there.
pub(super) fn take_stock(draft: &mut Draft<'_>, run: &Run, lanes: &[Lane<'_>], plan: &Plan) {
    let mut routes = Vec::new();
    for lane in lanes {
        let from = weights::carrying(lane.live());
        let part = RunRoute { from, before: lane.live().to_vec(), ..lane.part.clone() };
        match with_first_weights(part, &run.to) {
            Ok(part) => routes.push(part),
            Err(refusal) => return refuse(draft, refusal),
        }
    }
    let Some(noted) = draft.status.run.as_mut() else { return };
    noted.weight = first_weight(&routes, &run.to);
    noted.progress = plan.progress(noted.weight);
    noted.summary = routes.first().map(|part| weights::words(&part.weights)).unwrap_or_default();
    noted.routes = routes;
    noted.surveying = false;
    noted.seq += 1;
    noted.applied_at = None;
    let message = live_awaited(noted);
    draft.wait(Phase::Verifying, Reason::Applying, message, None);
}

/// Puts a run on record.
pub(super) fn launch(draft: &mut Draft<'_>, run: Run) {
    let phase = if run.outcome.is_some() { Phase::Shifting } else { Phase::Verifying };
    let message = if run.surveying {
        "waiting for the routes to say what is live, since a change was on its way".to_owned()
    } else {
        live_awaited(&run)
    };
    draft.status.run = Some(run);
    draft.wait(phase, Reason::Applying, message, None);
}

/// The lanes of all routes that the spec names, when a run can be founded on what they say; otherwise what is waited
/// for.
fn ready_lanes<'a>(draft: &Draft<'a>) -> Result<Vec<Lane<'a>>, (Reason, String)> {
    let lanes = lanes(draft)?;
    match lanes.iter().find(|lane| !route::is_usable(lane.route)) {
        Some(lane) => Err((Reason::WaitingForRoute, lane.says())),
        None => Ok(lanes),
    }
}

/// The lanes of all routes that the spec names, when they are there and know the environment; otherwise what is
/// waited for.
fn lanes<'a>(draft: &Draft<'a>) -> Result<Vec<Lane<'a>>, (Reason, String)> {
    let mut lanes = Vec::new();
    for name in &draft.shift.spec.routes {
        let route = draft
            .cluster
            .routes
            .get(&draft.shift.key.beside(name))
            .filter(|route| route.deleted.is_none())
            .ok_or_else(|| {
                let remedy = draft.cluster.remedy();
                (Reason::WaitingForRoute, format!("the WeightedRoute {name} does not exist; {remedy}"))
            })?;
        let part = RunRoute {
            name: name.clone(),
            from: weights::carrying(&route.status.weights),
            home: Vec::new(),
            baseline: 0,
            before: route.status.weights.clone(),
            weights: Vec::new(),
        };
        let lane = Lane::new(draft.grants, draft.cluster, route, part);
        let to = &draft.shift.spec.to;
        let group = lane.group(to).map_err(|message| (Reason::WaitingForEnvironment, message))?;
        if let Some(said) = backend::renamed(draft.cluster, route, &lane.groups, to) {
            return Err((Reason::GroupChanged, route::group_changed(to, &said, group)));
        }
        lanes.push(lane);
    }
    Ok(lanes)
}

/// Whether nothing is left to be put on record of a route where everything is on `to`: its tag says so, or could not be
/// written by the time the run had to end.
fn is_on_record(draft: &Draft<'_>, lane: &Lane<'_>, to: &str) -> bool {
    let success = RunMemory { shift: draft.shift.key.to_string(), to: to.to_owned(), outcome: Outcome::Succeeded };
    if lane.route.status.last_run.as_ref() == Some(&success) {
        return true;
    }
    let Some(run) = last_run(draft, lane).filter(|run| ended(run, to) == Some(Outcome::Succeeded)) else {
        return false;
    };
    // What was remembered once and is gone is put there again.
    let intent = lane.route.status.intent.as_ref();
    let was_remembered = intent.is_some_and(|intent| {
        intent.uid == draft.shift.uid && (intent.run, intent.seq) == (run.id, run.seq) && intent.verified_at.is_some()
    });
    !was_remembered
}

/// The last run that the shift has on record, where it has moved a route.
fn last_run<'a>(draft: &'a Draft<'_>, lane: &Lane<'_>) -> Option<&'a Run> {
    draft.status.run.as_ref().filter(|run| run.routes.iter().any(|part| part.name == lane.part.name))
}

/// How the run of this shift to an environment ended on a route, if that is the last run that ended there. A run that
/// another took over from did not end there.
fn remembers(draft: &Draft<'_>, lane: &Lane<'_>, to: &str) -> Option<Outcome> {
    let by_tag = lane.route.status.last_run.as_ref();
    let by_tag = by_tag.filter(|memory| memory.shift == draft.shift.key.to_string() && memory.to == to);
    let by_tag = by_tag.filter(|memory| memory.outcome != Outcome::Succeeded || !was_led_away(draft, lane, to));
    let outcome = last_run(draft, lane).and_then(|run| ended(run, to)).or(by_tag.map(|memory| memory.outcome));
    outcome.filter(|outcome| *outcome != Outcome::Superseded)
}

/// Whether a run has moved a route away from `to` since the tag was written that says that everything got there. Such
/// a run need not have ended, or its end could not be remembered.
fn was_led_away(draft: &Draft<'_>, lane: &Lane<'_>, to: &str) -> bool {
    let by_another = last_run(draft, lane).is_some_and(|run| {
        run.ended_at.is_some() && run.outcome != Some(Outcome::RolledBack) && ended(run, to).is_none()
    });
    let intent = lane.route.status.intent.as_ref().filter(|intent| !intent.uid.is_empty());
    by_another || intent.is_some_and(|intent| !weights::carries_all(&intent.weights, to))
}

/// How a run ended as one to an environment. One that went back to what `to` named by then has fulfilled that wish, and
/// none other.
pub(super) fn ended(run: &Run, to: &str) -> Option<Outcome> {
    run.ended_at?;
    match &run.returned_to {
        Some(returned_to) => (returned_to == to).then_some(Outcome::Succeeded),
        None => run.outcome.filter(|_| run.to == to),
    }
}

/// How a run to an environment has ended on these routes already: it failed on one of them, or no route that is not
/// there yet is new to it.
fn ended_before(draft: &Draft<'_>, lanes: &[Lane<'_>], to: &str) -> Option<Outcome> {
    let is_behind = |lane: &&Lane<'_>| !weights::carries_all(lane.live(), to);
    let failure = lanes.iter().filter_map(|lane| remembers(draft, lane, to)).find(|outcome| is_failure(*outcome));
    let are_known = || lanes.iter().filter(is_behind).all(|lane| remembers(draft, lane, to).is_some());
    failure.or_else(|| are_known().then_some(Outcome::Succeeded))
}

/// A run that has nothing to move: what is wanted is live already, and is only put on record.
fn noted(draft: &Draft<'_>, lanes: &[Lane<'_>], plan: &Plan) -> Run {
    let routes = lanes.iter().map(|lane| RunRoute { weights: lane.live().to_vec(), ..lane.part.clone() }).collect();
    Run {
        outcome: Some(Outcome::Succeeded),
        note: Some("it did so already; nothing was moved".to_owned()),
        ..new_run(draft, lanes, plan, routes, 100)
    }
}

/// A run from what is live to the environment that is wanted; the error says what it waits for. One that takes over
/// from another goes back, if it must, to where that one would have gone back.
fn found(
    draft: &Draft<'_>,
    lanes: &[Lane<'_>],
    moving: Option<&Run>,
    plan: &Plan,
    sight: &mut Sight<'_>,
) -> Asked<Result<Run, Refusal>> {
    let to = draft.shift.spec.to.clone();
    let fresh = sight.fresh();
    let surveying = must_survey(draft, lanes, moving);
    let is_live = lanes.iter().all(|lane| weights::carries_all(lane.live(), &to));
    if is_live && !surveying {
        return Some(Ok(noted(draft, lanes, plan)));
    }
    let counts = all(lanes.iter().map(|lane| baseline(draft, lane, moving, &to, fresh, sight)))?;
    let mut routes = Vec::new();
    for (lane, count) in lanes.iter().zip(counts) {
        let baseline = match count {
            Ok(baseline) => baseline,
            Err(message) => {
                let look_again = Some(sight.began + LOOK_AGAIN);
                return Some(Err(Refusal { reason: Reason::HealthUnknown, message, stalls: false, look_again }));
            }
        };
        let before = moving.and_then(|run| run.routes.iter().find(|part| part.name == lane.part.name));
        let home = before.map(|part| part.home().to_vec()).filter(|home| *home != lane.part.from).unwrap_or_default();
        match with_first_weights(RunRoute { baseline, home, ..lane.part.clone() }, &to) {
            Ok(part) => routes.push(part),
            Err(refusal) => return Some(Err(refusal)),
        }
    }
    let is_first = routes.iter().all(|part| part.from.is_empty());
    if let Some(emptied) = lanes.iter().find(|lane| is_emptied(lane)).filter(|_| !command::retries(draft)) {
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
            emptied.route.status.full_traffic.first().map_or("", |full| &full.environment)
        );
        return Some(Err(Refusal { reason: Reason::NothingLive, message, stalls: false, look_again: None }));
    }
    let note = is_first.then(|| {
        format!("the first deployment: nothing carried traffic before, so {to} gets all of it at once, healthy or not")
    });
    let course = (!is_first).then(|| known::course(draft, lanes));
    let weight = first_weight(&routes, &to);
    Some(Ok(Run { note, course, surveying, ..new_run(draft, lanes, plan, routes, weight) }))
}

/// Whether a route that has carried traffic carries none: that is no first deployment.
fn is_emptied(lane: &Lane<'_>) -> bool {
    lane.part.from.is_empty() && !lane.route.status.full_traffic.is_empty()
}

/// Whether the routes must first say what is live: a change of an earlier run may still be on its way, or what a route
/// has last said cannot be relied on.
fn must_survey(draft: &Draft<'_>, lanes: &[Lane<'_>], moving: Option<&Run>) -> bool {
    let is_open = |lane: &Lane<'_>| {
        let intent = lane.route.status.intent.as_ref();
        intent.is_some_and(|intent| intent.verified_at.is_none() && intent.uid == draft.shift.uid)
    };
    moving.is_some_and(|run| run.applied_at.is_none())
        || lanes.iter().any(|lane| is_open(lane) || !route::is_usable(lane.route))
}

/// A route's part with the weights with which the run begins, unless they are too many for one action.
fn with_first_weights(part: RunRoute, to: &str) -> Result<RunRoute, Refusal> {
    let count = |weights: &[EnvironmentWeight]| weights.len();
    let weights = weights::with_attached(&first_weights(&part.from, to), part.home());
    if count(&weights) <= MAX_GROUPS {
        return Ok(RunRoute { weights, ..part });
    }
    let message = format!(
        "route {}: {} groups carry traffic or would take it back, and with {to} there would be more than the \
         {MAX_GROUPS} that ELBv2 takes in one action; take the weight from one of them first, or set to to one of them",
        part.name,
        count(&weights) - 1
    );
    Err(Refusal { reason: Reason::TooManyGroups, message, stalls: true, look_again: None })
}

/// The weight that the candidate has already where it has the least; everything where nothing carried traffic before.
fn first_weight(routes: &[RunRoute], to: &str) -> i32 {
    if routes.iter().all(|part| part.from.is_empty()) {
        return 100;
    }
    routes.iter().map(|part| weights::percent(&part.weights, to)).min().unwrap_or(0)
}

/// How many targets were healthy on the live side. A run that takes over from another keeps what that one counted,
/// since by then the live side holds the targets of two environments; and the candidate itself does not count.
fn baseline(
    draft: &Draft<'_>,
    lane: &Lane<'_>,
    moving: Option<&Run>,
    to: &str,
    not_before: Timestamp,
    sight: &mut Sight<'_>,
) -> Asked<Result<i32, String>> {
    // What the user's own weights have moved since then is not that run's any more.
    let intent = lane.route.status.intent.as_ref().filter(|intent| intent.uid == draft.shift.uid);
    let superseded =
        draft.status.run.as_ref().filter(|run| {
            run.outcome == Some(Outcome::Superseded) && intent.is_some_and(|intent| intent.run == run.id)
        });
    let part = moving.or(superseded).and_then(|run| run.routes.iter().find(|part| part.name == lane.part.name));
    match part {
        Some(part) => Some(Ok(part.baseline)),
        None => health::carrying(lane, &weights::without(&lane.part.from, to), not_before, sight),
    }
}

/// The weights with which a run begins: what is live, with the candidate attached.
fn first_weights(from: &[EnvironmentWeight], to: &str) -> Vec<EnvironmentWeight> {
    if weights::of(from, to) > 0 { from.to_vec() } else { weights::blend(from, to, 0) }
}

fn new_run(draft: &Draft<'_>, lanes: &[Lane<'_>], plan: &Plan, routes: Vec<RunRoute>, weight: i32) -> Run {
    // A route may remember a run of this very shift that the shift's own status has lost.
    let on_routes = lanes.iter().filter_map(|lane| lane.route.status.intent.as_ref());
    let known = on_routes.filter(|intent| intent.uid == draft.shift.uid).map(|intent| intent.run);
    let last = known.chain(draft.status.run.iter().map(|run| run.id)).max().unwrap_or(0);
    Run {
        id: last + 1,
        to: draft.shift.spec.to.clone(),
        seq: 1,
        weight,
        progress: plan.progress(weight),
        summary: routes.first().map(|part| weights::words(&part.weights)).unwrap_or_default(),
        course: None,
        surveying: false,
        routes,
        started_at: draft.now,
        applied_at: None,
        progressed_at: draft.now,
        degraded_since: None,
        blind_since: None,
        unchecked: false,
        released: None,
        reasserted_seq: None,
        hold: None,
        rollback: None,
        note: None,
        outcome: None,
        returned_to: None,
        ended_at: None,
    }
}
