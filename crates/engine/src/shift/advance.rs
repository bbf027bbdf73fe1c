//! Takes a moving run one step on: sees what is live, judges the candidate, asks the gates, makes the next change.
//!
//! A gate changes nothing; what comes of what it says, is done here.

use weir_api::traffic_shift::{Course, HeldBy, Hold, Phase};

use crate::reader::{Asked, Reader};
use crate::ready_state::because;
use crate::reason::Reason;
use crate::weights;

use super::draft::Draft;
use super::gate::{AT_REST, Gate, Next, Station, applied, first_closed, first_health, step_pause};
use super::plan::Plan;
use super::progress::{RouteProgress, routes};
use super::run::{RunState, change};
use super::{adopt, deletion, finish, missing, objects, rollback, start, supersede, watch};

/// Takes the run that is moving one step on.
pub(super) fn advance(draft: &mut Draft<'_>, plan: &Plan, reader: &mut Reader<'_>) -> Asked<()> {
    supersede::brake(draft);
    deletion::heed(draft);
    if !draft.is_moving() || missing::are_awaited(draft, plan, reader)? {
        return Some(());
    }
    let routes = routes(draft.grants, draft.cluster, draft.shift, draft.status.run.as_ref()?);
    observe(draft, &routes);
    match draft.state()? {
        RunState::Remembering(outcome) => finish::conclude(draft, outcome, &routes),
        RunState::Advancing => go_on(draft, &routes, plan, reader)?,
        RunState::RollingBack | RunState::Ended => {}
    }
    // A run that turns round says in the same breath where it goes: what it wanted before is no longer wanted.
    match draft.state()? {
        RunState::RollingBack => rollback::go_back(draft, &routes, plan, reader),
        RunState::Advancing | RunState::Remembering(_) | RunState::Ended => Some(()),
    }
}

/// Takes note of what the routes have seen: the weights that are wanted, or somebody else's.
fn observe(draft: &mut Draft<'_>, routes: &[RouteProgress<'_>]) {
    let (now, shift) = (draft.now, draft.shift);
    let Some(run) = draft.status.run.as_mut() else { return };
    let is_applied = routes.iter().all(|route| route.is_applied(shift, run));
    if run.applied_at.is_none() && is_applied {
        run.applied_at = Some(now);
        run.progressed_at = now;
    }
    // A route that sets the run's weights again, over somebody else's, has not got them; nor has one that was made again.
    if run.outcome.is_none() && !is_applied {
        run.applied_at = None;
    }
    if RunState::of(run) != RunState::Advancing {
        return;
    }
    if adopt::applies(routes, shift, run) {
        adopt::take_over(routes, shift, run, now);
        return;
    }
    let foreign = routes.iter().find_map(|route| route.foreign_change(shift, run));
    let changed = objects::changed(draft.cluster, shift, routes, run);
    let is_over = |hold: &Hold| match hold.by {
        HeldBy::ForeignChange => foreign.is_none(),
        HeldBy::ObjectsChanged => changed.is_none(),
        HeldBy::Command | HeldBy::Failure | HeldBy::HandedBack | HeldBy::StrategyChanged => false,
    };
    if run.hold.as_ref().is_some_and(is_over) {
        run.hold = None;
    }
    if run.hold.is_none() {
        let by = |by, message| Hold { by, message, since: now };
        run.hold = match (foreign, changed) {
            (Some(message), _) => {
                Some(by(HeldBy::ForeignChange, format!("{message}. Put it right, or give the command resume or abort")))
            }
            (None, Some(message)) => {
                Some(by(HeldBy::ObjectsChanged, format!("{message}, and the run goes on; or give the command abort")))
            }
            (None, None) => None,
        };
    }
}

/// Takes a run one step on that is not going back.
fn go_on(draft: &mut Draft<'_>, routes: &[RouteProgress<'_>], plan: &Plan, reader: &mut Reader<'_>) -> Asked<()> {
    let run = draft.status.run.clone()?;
    let watched = watch::candidate(&draft.station(plan, &run, routes), reader)?;
    draft.note(watched);
    if draft.state()? == RunState::RollingBack || supersede::replace(draft, &run, plan, reader)? {
        return Some(());
    }
    let hold = step_pause::outlast(&draft.station(plan, draft.status.run.as_ref()?, routes));
    if let (Some(run), Some(hold)) = (draft.status.run.as_mut(), hold) {
        run.hold = Some(hold);
    }
    while ask_gates(draft, routes, plan, reader)? {}
    Some(())
}

/// Asks the gates before the next change, and makes it where all are open; true when they must be asked again, since what
/// one of them has said changes what the others judge by.
fn ask_gates(draft: &mut Draft<'_>, routes: &[RouteProgress<'_>], plan: &Plan, reader: &mut Reader<'_>) -> Asked<bool> {
    let run = draft.status.run.clone()?;
    let station = draft.station(plan, &run, routes);
    let mut closed = first_closed(AT_REST, &station, reader)?;
    if closed.is_none() {
        // A run that has failed goes back, or waits where it is held now.
        if has_failed_by_deadline(draft, &station) {
            return Some(draft.state()? == RunState::Advancing);
        }
        closed = first_closed(station.next().gates(), &station, reader)?;
    }
    match closed {
        None | Some((_, Gate::Open)) => make(draft, &station, reader)?,
        Some((check, Gate::Wait(wait))) => draft.wait_at(check, wait),
        Some((check, Gate::Failed(why, wait))) => {
            if draft.fail(why) {
                return Some(draft.state()? == RunState::Advancing);
            }
            draft.wait_at(check, wait);
        }
        Some((_, Gate::Gradual(why))) => {
            let message = format!("by the strategy: {} carried all the traffic before, but {why}", run.to);
            let course = Course { immediate: false, reason: Reason::CapacityShort.to_string(), message };
            draft.status.run.as_mut()?.course = Some(course);
            return Some(true);
        }
    }
    Some(false)
}

/// Whether the run has failed since it has made no progress for too long, and that has changed its course.
fn has_failed_by_deadline(draft: &mut Draft<'_>, station: &Station<'_>) -> bool {
    let deadline = station.deadline();
    if draft.now < deadline {
        draft.wake_at(deadline);
        return false;
    }
    let why = draft.shift.status.waiting.as_ref().map_or(String::new(), |waiting| format!(": {}", waiting.message));
    let message = format!("no progress for {}{why}", draft.shift.spec.progress_deadline);
    draft.fail(because(Reason::ProgressDeadlineExceeded, message))
}

/// Makes the change for which all gates are open.
fn make(draft: &mut Draft<'_>, station: &Station<'_>, reader: &mut Reader<'_>) -> Asked<()> {
    match station.next() {
        Next::Observe => start::observe_live(draft, station),
        Next::Step(weight) => publish(draft, station.plan, weight),
        Next::End => {
            let first = first_health::seen(station, reader)?;
            finish::finish(draft, station.routes, first.map(|(words, _)| words));
        }
    }
    Some(())
}

/// Publishes the next weight.
fn publish(draft: &mut Draft<'_>, plan: &Plan, weight: i32) {
    let Some(run) = draft.status.run.as_mut() else { return };
    let to = run.to.clone();
    // A route that is ahead, since somebody else's weights were taken over there, does not go back.
    change(run, |_, part| {
        let ahead = weights::percent_up(&part.weights, &to);
        rollback::with_target(weights::blend(&part.from, &to, weight.max(ahead)), part)
    });
    run.weight = weight;
    run.progress = plan.progress(weight);
    let wait = applied::published(run, Phase::Shifting);
    draft.wait_at(&applied::CHECK, wait);
}
