//! Commands that users give a shift by annotation.

use jiff::Timestamp;
use weir_api::command::{Command, LastCommand, Verb};
use weir_api::traffic_shift::{GateName, HeldBy, Hold, Run, RunGate};
use weir_api::weighted_route::EnvironmentWeight;

use crate::command::{Outcome, ignored, record, unseen};
use crate::object::ShiftObject;
use crate::reason::Reason;
use crate::weights;
use crate::write::MAX_GROUPS;

use super::draft::Draft;
use super::gate;
use super::run::{RunState, renumber};

/// What is said to a run that has come to its end.
const AT_ITS_END: &str = "the run has come to its end, which is being remembered on AWS; set to to go elsewhere";

/// Takes a command that was not seen before.
pub(super) fn take(draft: &mut Draft<'_>) {
    let Some(text) = unseen(draft.shift.command.as_ref(), draft.status.last_command.as_ref()) else { return };
    // With a status that was lost, the memory of which command was carried out is lost too: none is given twice.
    let was_there_before = draft.shift.status.observed_generation.is_none();
    let outcome = match text.parse::<Command>() {
        Ok(_) if was_there_before => ignored("it was there before the shift had a status; give it a new token"),
        Ok(command) => carry_out(draft, command.verb),
        Err(message) => Err(message),
    };
    draft.status.last_command = Some(record(text, outcome, draft.now));
}

/// Whether the command abort was given and not carried out yet.
pub(super) fn aborts(shift: &ShiftObject) -> bool {
    let given = unseen(shift.command.as_ref(), shift.status.last_command.as_ref());
    given.is_some_and(|given| given.parse::<Command>().is_ok_and(|command| command.verb == Verb::Abort))
}

/// Whether a `retry` was given after the last run had ended, so that the memory of it does not hold a new one back.
pub(super) fn retries(draft: &Draft<'_>) -> bool {
    let is_retry = |last: &&LastCommand| last.is_accepted(Verb::Retry);
    let Some(last) = draft.status.last_command.as_ref().filter(is_retry) else { return false };
    let ended = draft.status.run.as_ref().and_then(|run| run.ended_at);
    let started = draft.status.run.as_ref().map(|run| run.started_at);
    started.is_none_or(|started| last.at > started) && ended.is_none_or(|ended| last.at >= ended)
}

fn carry_out(draft: &mut Draft<'_>, verb: Verb) -> Outcome {
    match (draft.state().unwrap_or(RunState::Ended), verb) {
        (RunState::Ended, Verb::Retry) if is_everything_there(draft) => {
            ignored(&format!("{} carries all the traffic already", draft.shift.spec.to))
        }
        (RunState::Ended, Verb::Retry) => Ok("accepted: a new run starts".to_owned()),
        (RunState::Ended, _) => ignored("no run is moving"),
        (_, Verb::Retry) => ignored("a run is moving; abort it first"),
        (RunState::Remembering(_), _) => ignored(AT_ITS_END),
        (RunState::RollingBack, _) => ignored("the run is going back already"),
        (RunState::Advancing, Verb::Abort) => abort(draft),
        (RunState::Advancing, Verb::Pause) => pause(draft),
        (RunState::Advancing, Verb::Resume | Verb::Promote) if draft.shift.spec.paused => {
            ignored("spec.paused is true; the run goes on when it is false")
        }
        (RunState::Advancing, Verb::Resume | Verb::Promote) => go_on(draft, verb),
    }
}

/// Whether what `to` names carries the traffic of every route, so that there is nothing to try again.
fn is_everything_there(draft: &Draft<'_>) -> bool {
    let spec = &draft.shift.spec;
    spec.routes.iter().all(|name| live(draft, name).is_some_and(|live| weights::carries_all(&live, &spec.to)))
}

/// What is live on a route, as far as it has said so.
fn live(draft: &Draft<'_>, route: &str) -> Option<Vec<EnvironmentWeight>> {
    let route = draft.cluster.routes.get(&draft.shift.key.sibling(route))?;
    Some(route.status.weights.clone())
}

fn abort(draft: &mut Draft<'_>) -> Outcome {
    match draft.turn_round(Reason::Aborted, "the command abort was given".to_owned()) {
        Ok(()) => Ok("accepted: the traffic goes back".to_owned()),
        Err(message) => ignored(&message),
    }
}

fn pause(draft: &mut Draft<'_>) -> Outcome {
    let now = draft.now;
    match draft.status.run.as_mut() {
        Some(run) if run.hold.is_none() => {
            let message = "the command pause was given; resume goes on".to_owned();
            run.hold = Some(Hold { by: HeldBy::Command, message, since: now });
            Ok("accepted: the run holds where it is".to_owned())
        }
        _ => ignored("the run is held already"),
    }
}

/// Ends what holds the run; where nothing does, releases the gates at which it waits. `resume` ends no pause that ends by
/// itself: whoever says it twice, or to a run that somebody else has told to go on, does not mean that.
fn go_on(draft: &mut Draft<'_>, verb: Verb) -> Outcome {
    let now = draft.now;
    let Some(run) = draft.status.run.as_ref() else { return ignored("no run is moving") };
    let lives: Vec<_> = run.routes.iter().map(|part| live(draft, &part.name).unwrap_or_default()).collect();
    let gates = draft.shift.status.run.as_ref().map_or(&[][..], |run| &run.gates);
    let Some(run) = draft.status.run.as_mut() else { return ignored("no run is moving") };
    if let Some(hold) = run.hold.as_ref().filter(|hold| hold.by == HeldBy::ObjectsChanged) {
        return ignored(&hold.message);
    }
    if let Some(hold) = run.hold.take() {
        if verb == Verb::Promote && hold.by != HeldBy::ForeignChange {
            run.release([GateName::StepPause]);
        }
        return Ok(end_hold(run, hold.by, lives, now));
    }
    let is_open = |gate: &RunGate| gate.name == GateName::StepPause && gate.until.is_none();
    let promotable: Vec<&RunGate> = gates.iter().filter(|gate| gate::release(gate.name).is_some()).collect();
    let ended = promotable.iter().filter(|gate| verb == Verb::Promote || is_open(gate));
    let ended: Vec<GateName> = ended.map(|gate| gate.name).collect();
    if !ended.is_empty() {
        let words: Vec<&str> = ended.iter().filter_map(|name| gate::release(*name)).collect();
        run.release(ended);
        return Ok(format!("accepted: {}", words.join("; ")));
    }
    match promotable.first().map(|gate| gate.name) {
        Some(GateName::StepPause) => ignored("nothing is held; promote ends the pause"),
        Some(_) => ignored("nothing is held; promote ends the wait"),
        None => ignored("nothing is held, and no pause is there to end"),
    }
}

/// What the end of a hold means for a run.
fn end_hold(run: &mut Run, by: HeldBy, lives: Vec<Vec<EnvironmentWeight>>, now: Timestamp) -> String {
    run.progressed_at = now;
    match by {
        HeldBy::ForeignChange => {
            // The user has seen what is live: the same weights are wanted again, starting from there.
            for (part, live) in run.routes.iter_mut().zip(lives) {
                // What carries traffic stays attached: clients may stick to it.
                let attached = weights::with_attached(&part.weights, &weights::carrying(&live));
                if attached.len() <= MAX_GROUPS {
                    part.weights = attached;
                }
                part.before = live;
            }
            renumber(run);
            run.reasserted_seq = Some(run.seq);
            "accepted: the run's weights are set again over the foreign change".to_owned()
        }
        HeldBy::Failure | HeldBy::Command | HeldBy::HandedBack | HeldBy::ObjectsChanged | HeldBy::StrategyChanged => {
            run.degraded_since = None;
            "accepted: the run goes on".to_owned()
        }
    }
}

#[cfg(test)]
mod tests;
