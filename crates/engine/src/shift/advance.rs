//! Takes a moving run one step on: sees what is live, judges the candidate, pauses, publishes the next weights.

use jiff::{SignedDuration, Timestamp};
use weir_api::traffic_shift::{HeldBy, Hold, OnFailure, Phase, Run, Wait};

use crate::reason::Reason;
use crate::sight::{Asked, Sight};
use crate::weights;

use super::health::Capacity;
use super::known::{self, Leap};
use super::lane::{Lane, lanes};
use super::missing::{self, Routes};
use super::plan::{Plan, StepPause};
use super::{
    Draft, HEALTH_INTERVAL, adopt, change, deletion, evidence, finish, health, leave, objects, pause, rollback, start,
    watch,
};

/// Takes the run that is moving one step on.
pub(super) fn advance(draft: &mut Draft<'_>, plan: &Plan, sight: &mut Sight<'_>) -> Asked<()> {
    leave::brake(draft);
    deletion::heed(draft);
    let run = draft.status.run.clone()?;
    if run.ended_at.is_some() {
        return Some(());
    }
    if let Routes::Awaited = missing::look(draft, &run, plan, sight)? {
        return Some(());
    }
    let run = draft.status.run.clone()?;
    let lanes = lanes(draft.grants, draft.cluster, draft.shift, &run);
    let run = observe(draft, &lanes);
    if run.outcome.is_some() {
        finish::conclude(draft, &run, &lanes);
        return Some(());
    }
    if run.rollback.is_none() {
        go_on(draft, run, &lanes, plan, sight)?;
    }
    // A run that turns round says in the same breath where it goes: what it wanted before is no longer wanted.
    match draft.status.run.clone().filter(|run| run.rollback.is_some() && run.outcome.is_none()) {
        Some(run) => rollback::go_back(draft, &run, &lanes, plan, sight),
        None => Some(()),
    }
}

/// Takes a run one step on that is not going back.
fn go_on(draft: &mut Draft<'_>, run: Run, lanes: &[Lane<'_>], plan: &Plan, sight: &mut Sight<'_>) -> Asked<()> {
    if watch::candidate(draft, &run, lanes, sight)? || leave::replace(draft, &run, plan, sight)? {
        return Some(());
    }
    let mut run = draft.status.run.clone()?;
    if is_paused(draft, &run, plan) || has_failed_by_deadline(draft, &run, lanes) {
        return Some(());
    }
    if run.applied_at.is_none() {
        wait_for_routes(draft, &run, lanes);
        return Some(());
    }
    if run.surveying {
        start::take_stock(draft, &run, lanes, plan);
        return Some(());
    }
    if known::is_immediate(&run) && run.weight < 100 {
        match known::leap(draft, &run, lanes, sight)? {
            Leap::Now => {
                publish(draft, &run, plan, 100);
                return Some(());
            }
            Leap::Later => return Some(()),
            Leap::Never => {
                run = draft.status.run.clone()?;
                if is_paused(draft, &run, plan) {
                    return Some(());
                }
            }
        }
    }
    if !known::is_immediate(&run) && evidence::is_awaited(draft, &run, lanes, sight)? {
        return Some(());
    }
    match plan.after(run.weight) {
        Some(weight) => step(draft, &run, lanes, plan, weight, sight),
        None => finish::finish(draft, &run, lanes, sight),
    }
}

pub(super) fn phase_of(run: &Run) -> Phase {
    match (&run.rollback, run.weight) {
        (Some(_), _) => Phase::RollingBack,
        (None, 0) => Phase::Verifying,
        (None, _) => Phase::Shifting,
    }
}

/// Takes note of what the routes have seen: the weights that are wanted, or somebody else's.
fn observe(draft: &mut Draft<'_>, lanes: &[Lane<'_>]) -> Run {
    let (now, shift) = (draft.now, draft.shift);
    let run = draft.status.run.as_mut().expect("advance is called with a run");
    if run.applied_at.is_none() && lanes.iter().all(|lane| lane.is_applied(shift, run)) {
        run.applied_at = Some(now);
        run.progressed_at = now;
    }
    // A route that sets the run's weights again, over somebody else's, has not got them; nor has one that was made again.
    if run.outcome.is_none() && lanes.iter().any(|lane| !lane.is_applied(shift, run)) {
        run.applied_at = None;
    }
    let is_free = run.rollback.is_none() && run.outcome.is_none();
    let foreign = lanes.iter().find_map(|lane| lane.foreign_change(shift, run)).filter(|_| is_free);
    let changed = objects::changed(draft.cluster, shift, lanes, run).filter(|_| is_free);
    if adopt::applies(lanes, shift, run) {
        adopt::take_over(lanes, shift, run, now);
        return run.clone();
    }
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
    run.clone()
}

/// The run has failed: it goes back, or holds where it is, as the user wants; true when that has changed its course.
pub(super) fn fail(draft: &mut Draft<'_>, reason: Reason, message: String) -> bool {
    let now = draft.now;
    match draft.shift.spec.on_failure {
        OnFailure::Rollback => rollback::begin(draft, reason, message).is_ok(),
        OnFailure::Pause => {
            if let Some(run) = draft.status.run.as_mut().filter(|run| run.hold.is_none()) {
                let message = format!("{message}. Give the command resume or abort");
                run.hold = Some(Hold { by: HeldBy::Failure, message, since: now });
            }
            false
        }
    }
}

/// Whether the run rests at its weight, and why.
fn is_paused(draft: &mut Draft<'_>, run: &Run, plan: &Plan) -> bool {
    if let Some(hold) = run.hold.clone().or_else(|| pause::outlast(draft, run, plan)) {
        draft.wait(hold.by.phase(), hold.by, hold.message, None);
        return true;
    }
    if draft.shift.spec.paused {
        draft.wait(Phase::Held, Reason::Paused, "spec.paused is true; the run goes on when it is false", None);
        return true;
    }
    let Some(applied_at) = run.applied_at.filter(|_| !run.is_released(Wait::StepPause)) else { return false };
    match pause::at(draft, run, plan, applied_at) {
        _ if known::is_immediate(run) => false,
        StepPause::None => false,
        StepPause::For(length) => {
            let until = applied_at + length;
            if draft.now < until {
                draft.wait(Phase::Paused, Wait::StepPause, format!("{} until {until:.0}", run.summary), Some(until));
            }
            draft.now < until
        }
        StepPause::UntilTold => {
            let message = format!("{} until the command resume or promote is given", run.summary);
            draft.wait(Phase::Paused, Wait::StepPause, message, None);
            true
        }
    }
}

/// The instant at which a run without progress has failed. A pause that has just ended does not count, nor does the
/// time for which clients stick to the old side.
pub(super) fn deadline(draft: &Draft<'_>, run: &Run, lanes: &[Lane<'_>]) -> Timestamp {
    let was_paused = draft.shift.status.phase.is_some_and(|phase| phase.rests() || phase == Phase::Pending);
    let base = if was_paused { draft.now } else { run.progressed_at };
    let base = finish::sticks_until(run, lanes).map_or(base, |until| until.max(base));
    base + SignedDuration::from(draft.shift.spec.progress_deadline)
}

fn has_failed_by_deadline(draft: &mut Draft<'_>, run: &Run, lanes: &[Lane<'_>]) -> bool {
    let deadline = deadline(draft, run, lanes);
    if draft.now < deadline {
        draft.wake_at(deadline);
        return false;
    }
    let why = draft.shift.status.waiting.as_ref().map_or(String::new(), |waiting| format!(": {}", waiting.message));
    let message = format!("no progress for {}{why}", draft.shift.spec.progress_deadline);
    fail(draft, Reason::ProgressDeadlineExceeded, message)
}

fn wait_for_routes(draft: &mut Draft<'_>, run: &Run, lanes: &[Lane<'_>]) {
    if let Some(message) = missing::left_behind(draft, run, lanes)
        && fail(draft, Reason::RouteStalled, message)
    {
        return;
    }
    let behind = lanes.iter().filter(|lane| !lane.is_applied(draft.shift, run));
    let message = behind.into_iter().find(|lane| lane.is_hindered()).map_or_else(|| live_awaited(run), Lane::says);
    draft.wait(phase_of(run), Reason::Applying, message, None);
}

/// What a run waits for while all is well.
pub(super) fn live_awaited(run: &Run) -> String {
    format!("waiting for {} to be live", run.summary)
}

/// Publishes the next weight, once the candidate has the capacity for it.
fn step(
    draft: &mut Draft<'_>,
    run: &Run,
    lanes: &[Lane<'_>],
    plan: &Plan,
    weight: i32,
    sight: &mut Sight<'_>,
) -> Asked<()> {
    let percent = draft.shift.spec.capacity.min_healthy_percent;
    let all: Vec<&Lane<'_>> = lanes.iter().collect();
    let capacity = health::candidate(&all, run, weight, percent, sight.fresh(), sight)?;
    let (reason, message) = match capacity {
        Capacity::Enough => {
            publish(draft, run, plan, weight);
            return Some(());
        }
        Capacity::Short { message, .. } => {
            let since = draft.waiting_since(Reason::Capacity).strftime("%H:%M:%S");
            (Reason::Capacity, format!("waiting for targets of {} to become healthy since {since}: {message}", run.to))
        }
        Capacity::Unchecked(message) | Capacity::Unknown(message) => (Reason::HealthUnknown, message),
    };
    draft.wait(phase_of(run), reason, message, None);
    draft.wake_at(sight.began + HEALTH_INTERVAL);
    Some(())
}

/// Publishes a weight for which the capacity is there.
fn publish(draft: &mut Draft<'_>, run: &Run, plan: &Plan, weight: i32) {
    let to = run.to.clone();
    let Some(run) = draft.status.run.as_mut() else { return };
    // A route that is ahead, since somebody else's weights were taken over there, does not go back.
    change(run, |_, part| {
        let ahead = weights::percent_up(&part.weights, &to);
        rollback::with_home(weights::blend(&part.from, &to, weight.max(ahead)), part)
    });
    run.weight = weight;
    run.progress = plan.progress(weight);
    let message = live_awaited(run);
    draft.wait(Phase::Shifting, Reason::Applying, message, None);
}
