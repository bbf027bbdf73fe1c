//! Starts a run, if one is wanted, has not ended before, and can be founded on what is seen.

use jiff::{SignedDuration, Timestamp};
use weir_api::traffic_shift::{Outcome, Phase, Run, RunRoute};
use weir_api::weighted_route::{EnvironmentWeight, RunMemory};

use crate::guard::MAX_GROUPS;
use crate::route;
use crate::sight::Sight;
use crate::standing::because;
use crate::weights;

use super::advance::live_awaited;
use super::lane::Lane;
use super::plan::Plan;
use super::{Draft, command, health, report};

/// How soon a shift that waits for a reading looks again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(15);

/// Starts a run where one is due; otherwise says why none is.
pub(super) fn start(draft: &mut Draft<'_>, plan: &Plan, sight: &mut Sight<'_>) -> Option<()> {
    let to = draft.shift.spec.to.clone();
    let lanes = match ready_lanes(draft) {
        Ok(lanes) => lanes,
        Err((reason, message)) => {
            draft.wait(Phase::Pending, reason, message, None);
            return Some(());
        }
    };
    let is_live = lanes.iter().all(|lane| weights::carries_all(lane.live(), &to));
    let success = RunMemory { shift: draft.shift.key.to_string(), to: to.clone(), outcome: Outcome::Succeeded };
    let remembered = lanes.iter().all(|lane| lane.route.status.last_run.as_ref() == Some(&success));
    if is_live && remembered {
        draft.status.phase = Some(Phase::Succeeded);
        return Some(());
    }
    if !is_live && ended_before(draft, &lanes, &to) && !command::retries(draft) {
        report::rest_after_end(draft, &lanes);
        return Some(());
    }
    if draft.shift.spec.paused {
        draft.wait(Phase::Pending, "Paused", "spec.paused is true; the run starts when it is false", None);
        return Some(());
    }
    if is_live {
        let run = noted(draft, &lanes, plan);
        launch(draft, run);
        return Some(());
    }
    begin(draft, &lanes, plan, sight)
}

/// Puts a run on record.
fn launch(draft: &mut Draft<'_>, run: Run) {
    let phase = if run.outcome.is_some() { Phase::Shifting } else { Phase::Verifying };
    let message = live_awaited(&run);
    draft.status.run = Some(run);
    draft.wait(phase, "Applying", message, None);
}

/// The lanes of all routes that the spec names, when a run can be founded on them; otherwise what is waited for.
fn ready_lanes<'a>(draft: &Draft<'a>) -> Result<Vec<Lane<'a>>, (&'static str, String)> {
    let mut lanes = Vec::new();
    for name in &draft.shift.spec.routes {
        let route = draft
            .cluster
            .routes
            .get(&draft.shift.key.beside(name))
            .ok_or_else(|| ("WaitingForRoute", format!("the WeightedRoute {name} does not exist; create it")))?;
        let part = RunRoute {
            name: name.clone(),
            from: weights::carrying(&route.status.weights),
            baseline: 0,
            before: route.status.weights.clone(),
            weights: Vec::new(),
        };
        let lane = Lane::new(draft.grants, draft.cluster, route, part);
        if !route::is_usable(route) {
            return Err(("WaitingForRoute", lane.says()));
        }
        lane.group(&draft.shift.spec.to).map_err(|message| ("WaitingForEnvironment", message))?;
        lanes.push(lane);
    }
    Ok(lanes)
}

/// How the run of this shift to an environment ended on a route, if that is the last run that ended there. A run that
/// another took over from did not end there.
fn remembers(draft: &Draft<'_>, lane: &Lane<'_>, to: &str) -> Option<Outcome> {
    let by_tag = lane.route.status.last_run.as_ref();
    let by_tag = by_tag.filter(|memory| memory.shift == draft.shift.key.to_string() && memory.to == to);
    let by_status = draft.status.run.as_ref().filter(|run| run.ended_at.is_some() && run.to == to);
    let by_status = by_status.filter(|run| run.routes.iter().any(|part| part.name == lane.part.name));
    let outcome = by_status.and_then(|run| run.outcome).or(by_tag.map(|memory| memory.outcome));
    outcome.filter(|outcome| *outcome != Outcome::Superseded)
}

/// Whether a run to an environment has ended on these routes already: it failed on one of them, or no route that is
/// not there yet is new to it.
fn ended_before(draft: &Draft<'_>, lanes: &[Lane<'_>], to: &str) -> bool {
    let failed = |outcome| matches!(outcome, Some(Outcome::RolledBack | Outcome::Failed));
    let is_behind = |lane: &&Lane<'_>| !weights::carries_all(lane.live(), to);
    lanes.iter().any(|lane| failed(remembers(draft, lane, to)))
        || lanes.iter().filter(is_behind).all(|lane| remembers(draft, lane, to).is_some())
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

/// Starts a run from what is live to the environment that is wanted, or says what it waits for.
fn begin(draft: &mut Draft<'_>, lanes: &[Lane<'_>], plan: &Plan, sight: &mut Sight<'_>) -> Option<()> {
    let to = draft.shift.spec.to.clone();
    let fresh = sight.fresh();
    let counts: Vec<_> = lanes.iter().map(|lane| baseline(draft, lane, &to, fresh, sight)).collect();
    let mut routes = Vec::new();
    for (lane, count) in lanes.iter().zip(counts) {
        let baseline = match count? {
            Ok(baseline) => baseline,
            Err(message) => {
                draft.wait(Phase::Pending, "HealthUnknown", message, None);
                draft.wake_at(sight.began + LOOK_AGAIN);
                return Some(());
            }
        };
        let weights = first_weights(&lane.part.from, &to);
        if weights.len() > MAX_GROUPS {
            let message = format!(
                "route {}: {} groups carry traffic, and with {to} there would be more than the {MAX_GROUPS} that ELBv2 \
                 takes in one action; take the weight from one of them first",
                lane.part.name,
                lane.part.from.len()
            );
            draft.stalled = Some(because("TooManyGroups", message));
            return Some(());
        }
        routes.push(RunRoute { baseline, weights, ..lane.part.clone() });
    }
    let is_first = routes.iter().all(|part| part.from.is_empty());
    let weight = if is_first { 100 } else { routes.iter().map(|part| weights::percent(&part.weights, &to)).min()? };
    let note = is_first.then(|| {
        format!("the first deployment: nothing carried traffic before, so {to} gets all of it at once, healthy or not")
    });
    let run = Run { note, ..new_run(draft, lanes, plan, routes, weight) };
    launch(draft, run);
    Some(())
}

/// How many targets were healthy on the live side. A run that takes over from another keeps what that one counted,
/// since by then the live side holds the targets of two environments; and the candidate itself does not count.
fn baseline(
    draft: &Draft<'_>,
    lane: &Lane<'_>,
    to: &str,
    not_before: Timestamp,
    sight: &mut Sight<'_>,
) -> Option<Result<i32, String>> {
    // What the user's own weights have moved since then is not that run's any more.
    let intent = lane.route.status.intent.as_ref().filter(|intent| intent.uid == draft.shift.uid);
    let superseded =
        draft.status.run.as_ref().filter(|run| {
            run.outcome == Some(Outcome::Superseded) && intent.is_some_and(|intent| intent.run == run.id)
        });
    let part = superseded.and_then(|run| run.routes.iter().find(|part| part.name == lane.part.name));
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
        routes,
        started_at: draft.now,
        applied_at: None,
        progressed_at: draft.now,
        degraded_since: None,
        released_seq: None,
        reasserted_seq: None,
        hold: None,
        rollback: None,
        note: None,
        outcome: None,
        ended_at: None,
    }
}
