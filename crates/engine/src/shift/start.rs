//! Starts a run, if one is wanted, has not ended before, its gates are open, and it can be founded on what is seen.

use weir_api::requests::Evidence;
use weir_api::traffic_shift::{HeldBy, Hold, Outcome, PastRun, Phase, Run, RunRoute};

use crate::backend;
use crate::reader::{Asked, Reader};
use crate::ready_state::because;
use crate::reason::Reason;
use crate::route;
use crate::weights;

use super::draft::Draft;
use super::ended::{ended, ended_before, is_failure, is_on_record};
use super::gate::{self, BEFORE_START, Gate, Station, applied};
use super::new_run::{Refusal, beginning, first_weight, new_run, with_first_weights};
use super::plan::Plan;
use super::progress::RouteProgress;
use super::run::renumber;
use super::{command, finish};

/// Starts a run where one is due; otherwise says why none is.
pub(super) fn start(draft: &mut Draft<'_>, plan: &Plan, reader: &mut Reader<'_>) -> Asked<()> {
    let to = draft.shift.spec.to.clone();
    let routes = match usable_routes(draft) {
        Ok(routes) => routes,
        Err(refusal) => {
            // A run that went back has ended, whatever has become of its routes since.
            let ended = draft.status.run.as_ref().and_then(|run| ended(run, &to));
            match ended.filter(|outcome| is_failure(*outcome) && !command::retries(draft)) {
                Some(outcome) => rest_after_end(draft, outcome, &[]),
                None => refuse(draft, refusal),
            }
            return Some(());
        }
    };
    let is_live = routes.iter().all(|route| weights::carries_all(route.live(), &to));
    if is_live && routes.iter().all(|route| is_on_record(draft, route, &to)) {
        draft.status.phase = Some(Phase::Succeeded);
        return finish::watch_first(draft, &routes, reader);
    }
    if let Some(outcome) = ended_before(draft, &routes, &to).filter(|_| !is_live && !command::retries(draft)) {
        rest_after_end(draft, outcome, &routes);
        return Some(());
    }
    let next = match barred(draft, &routes, None, plan, reader)? {
        Some(refusal) => Err(refusal),
        None => new_run(draft, &routes, None, plan, reader)?,
    };
    match next {
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

/// A run to this environment has ended here before: nothing happens, and why is said. A success is told only of traffic
/// that is there.
pub(super) fn rest_after_end(draft: &mut Draft<'_>, outcome: Outcome, routes: &[RouteProgress<'_>]) {
    let to = &draft.shift.spec.to;
    match outcome {
        Outcome::RolledBack => draft.status.phase = Some(Phase::RolledBack),
        Outcome::Failed => draft.status.phase = Some(Phase::Failed),
        Outcome::Succeeded | Outcome::Superseded => {
            let behind = routes.iter().find(|route| !weights::carries_all(route.live(), to));
            let live = behind.map(|route| {
                format!(", and since then route {} was changed to {}", route.part.name, weights::words(route.live()))
            });
            let message = format!(
                "the run to {to} has succeeded before{}; give the command retry to move the traffic again",
                live.unwrap_or_default()
            );
            draft.wait(Phase::Superseded, Reason::MovedAway, message, None);
        }
    }
}

/// Says why no run begins.
pub(super) fn refuse(draft: &mut Draft<'_>, refusal: Refusal) {
    if refusal.stalls {
        draft.stalled = Some(because(refusal.wait.reason, refusal.wait.message.clone()));
    }
    match refusal.gate {
        Some(check) => draft.wait_at(check, refusal.wait),
        None => draft.wait_for(refusal.wait),
    }
}

/// The run to what `to` names now, taking over from one that is moving.
pub(super) fn successor(
    draft: &Draft<'_>,
    moving: &Run,
    plan: &Plan,
    reader: &mut Reader<'_>,
) -> Asked<Result<Run, Refusal>> {
    let routes = routes(draft);
    let there = routes.as_deref().unwrap_or_default();
    if let Some(refusal) = barred(draft, there, Some(moving), plan, reader)? {
        return Some(Err(refusal));
    }
    match routes {
        Ok(routes) => new_run(draft, &routes, Some(moving), plan, reader),
        Err(refusal) => Some(Err(refusal)),
    }
}

/// The gate that is not open to a run which would begin now, or take over from another.
fn barred(
    draft: &Draft<'_>,
    routes: &[RouteProgress<'_>],
    before: Option<&Run>,
    plan: &Plan,
    reader: &mut Reader<'_>,
) -> Asked<Option<Refusal>> {
    let parts = routes.iter().map(|route| route.part.clone()).collect();
    let run = beginning(draft, routes, plan, parts, 0);
    let station = Station { before, ..draft.station(plan, &run, routes) };
    Some(match gate::first_closed(BEFORE_START, &station, reader)? {
        // What has not begun cannot fail.
        Some((check, Gate::Wait(wait) | Gate::Failed(_, wait))) => {
            Some(Refusal { gate: Some(check), wait, stalls: false })
        }
        None | Some((_, Gate::Open | Gate::Gradual(_))) => None,
    })
}

/// A run that has been told what is live goes on from there.
pub(super) fn observe_live(draft: &mut Draft<'_>, station: &Station<'_>) {
    let to = &station.run.to;
    let mut parts = Vec::new();
    for route in station.routes {
        let from = weights::carrying(route.live());
        let part = RunRoute { from, before: route.live().to_vec(), ..route.part.clone() };
        match with_first_weights(part, to, route.limits().members) {
            Ok(part) => parts.push(part),
            Err(refusal) => return refuse(draft, refusal),
        }
    }
    let Some(run) = draft.status.run.as_mut() else { return };
    run.weight = first_weight(&parts, to);
    run.progress = station.plan.progress(run.weight);
    run.routes = parts;
    run.surveying = false;
    renumber(run);
    let wait = applied::published(run, Phase::Verifying);
    draft.wait_at(&applied::CHECK, wait);
}

/// Puts a run on record.
pub(super) fn launch(draft: &mut Draft<'_>, run: Run) {
    let phase = if run.outcome.is_some() { Phase::Shifting } else { Phase::Verifying };
    let mut wait = applied::published(&run, phase);
    if run.surveying {
        "waiting for the routes to say what is live, since a change was on its way".clone_into(&mut wait.message);
    }
    draft.status.run = Some(run);
    draft.wait_at(&applied::CHECK, wait);
}

/// All routes that the spec names, when a run can be founded on what they say.
fn usable_routes<'a>(draft: &Draft<'a>) -> Result<Vec<RouteProgress<'a>>, Refusal> {
    let routes = routes(draft)?;
    match routes.iter().find(|route| !route::is_usable(route.object)) {
        Some(route) => Err(Refusal::new(Reason::WaitingForRoute, route.says())),
        None => Ok(routes),
    }
}

/// All routes that the spec names, when they are there and know the environment.
fn routes<'a>(draft: &Draft<'a>) -> Result<Vec<RouteProgress<'a>>, Refusal> {
    let to = &draft.shift.spec.to;
    let mut routes = Vec::new();
    for name in &draft.shift.spec.routes {
        let route = draft.cluster.routes.get(&draft.shift.key.sibling(name)).filter(|route| route.deleted.is_none());
        let route = route.ok_or_else(|| {
            let remedy = draft.cluster.remedy();
            Refusal::new(Reason::WaitingForRoute, format!("the WeightedRoute {name} does not exist; {remedy}"))
        })?;
        if route.spec.entry.takes_balancers() && draft.shift.spec.evidence == Evidence::Share {
            let message = format!(
                "found evidence: Share and the WeightedRoute {name} of a name in DNS, whose requests are not counted; write \
                 evidence: Weights"
            );
            return Err(Refusal { stalls: true, ..Refusal::new(Reason::Invalid, message) });
        }
        let part = RunRoute {
            name: name.clone(),
            from: weights::carrying(&route.status.weights),
            before: route.status.weights.clone(),
            ..RunRoute::default()
        };
        let progress = RouteProgress::new(draft.grants, draft.cluster, route, part);
        let member = progress.member(to).map_err(|message| Refusal::new(Reason::WaitingForEnvironment, message))?;
        if let Some(said) = backend::renamed(draft.cluster, route, &progress.members, to) {
            return Err(Refusal::new(Reason::GroupChanged, route::member_changed(to, &said, &member.arn)));
        }
        routes.push(progress);
    }
    Ok(routes)
}
