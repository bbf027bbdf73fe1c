//! Commands given by annotation: each is carried out once, and what became of it is recorded.

use weir_api::command::{Command, Verb};
use weir_api::traffic_shift::{HeldBy, Hold, LastCommand, Released, Wait};

use crate::object::ShiftObject;

use super::{Draft, rollback};

/// What became of a `retry` that lets a new run start.
const RETRYING: &str = "accepted: a new run starts";

/// Takes a command that was not seen before.
pub(super) fn take(draft: &mut Draft<'_>) {
    let Some(text) = &draft.shift.command else { return };
    if draft.status.last_command.as_ref().is_some_and(|last| last.command == *text) {
        return;
    }
    // With a status that was lost, the memory of which command was carried out is lost too: none is given twice.
    let was_there_before = draft.shift.status.observed_generation.is_none();
    let result = match text.parse::<Command>() {
        Ok(_) if was_there_before => {
            "ignored: it was there before the shift had a status; give it a new token".to_owned()
        }
        Ok(command) => carry_out(draft, command.verb),
        Err(message) => message,
    };
    draft.status.last_command = Some(LastCommand { command: text.clone(), result, at: draft.now });
}

/// Whether the command abort was given and not carried out yet.
pub(super) fn aborts(shift: &ShiftObject) -> bool {
    let last = shift.status.last_command.as_ref().map(|last| &last.command);
    let given = shift.command.as_ref().filter(|given| Some(*given) != last);
    given.is_some_and(|given| given.parse::<Command>().is_ok_and(|command| command.verb == Verb::Abort))
}

/// Whether a `retry` was given after the last run had ended, so that the memory of it does not hold a new one back.
pub(super) fn retries(draft: &Draft<'_>) -> bool {
    let Some(last) = draft.status.last_command.as_ref().filter(|last| last.result == RETRYING) else { return false };
    let ended = draft.status.run.as_ref().and_then(|run| run.ended_at);
    let started = draft.status.run.as_ref().map(|run| run.started_at);
    started.is_none_or(|started| last.at > started) && ended.is_none_or(|ended| last.at >= ended)
}

fn carry_out(draft: &mut Draft<'_>, verb: Verb) -> String {
    if !draft.is_moving() {
        return match verb {
            Verb::Retry => RETRYING.to_owned(),
            Verb::Pause | Verb::Resume | Verb::Promote | Verb::Abort => "ignored: no run is moving".to_owned(),
        };
    }
    match verb {
        Verb::Retry => "ignored: a run is moving; abort it first".to_owned(),
        Verb::Abort => abort(draft),
        Verb::Pause => pause(draft),
        Verb::Resume | Verb::Promote => release(draft, verb),
    }
}

fn abort(draft: &mut Draft<'_>) -> String {
    if draft.status.run.as_ref().is_some_and(|run| run.rollback.is_some()) {
        return "ignored: the run is going back already".to_owned();
    }
    match rollback::begin(draft, "Aborted", "the command abort was given".to_owned()) {
        Ok(()) => "accepted: the traffic goes back".to_owned(),
        Err(message) => format!("ignored: {message}"),
    }
}

fn pause(draft: &mut Draft<'_>) -> String {
    let now = draft.now;
    match draft.status.run.as_mut() {
        Some(run) if run.rollback.is_some() => "ignored: the run is going back".to_owned(),
        Some(run) if run.hold.is_none() => {
            let message = "the command pause was given; resume goes on".to_owned();
            run.hold = Some(Hold { by: HeldBy::Command, message, since: now });
            "accepted: the run holds where it is".to_owned()
        }
        _ => "ignored: the run is held already".to_owned(),
    }
}

fn release(draft: &mut Draft<'_>, verb: Verb) -> String {
    let now = draft.now;
    let reason = draft.shift.status.waiting.as_ref().map(|waiting| waiting.reason.as_str());
    let wait = Wait::ALL.into_iter().find(|wait| Some(wait.reason()) == reason).unwrap_or(Wait::StepPause);
    let lives: Vec<_> = draft
        .status
        .run
        .iter()
        .flat_map(|run| &run.routes)
        .map(|part| {
            draft.cluster.routes.get(&draft.shift.key.beside(&part.name)).map(|route| route.status.weights.clone())
        })
        .collect();
    let Some(run) = draft.status.run.as_mut().filter(|run| run.rollback.is_none()) else {
        return "ignored: the run is going back".to_owned();
    };
    if let Some(hold) = run.hold.as_ref().filter(|hold| hold.by == HeldBy::ObjectsChanged) {
        return format!("ignored: {}", hold.message);
    }
    match run.hold.take().map(|hold| hold.by) {
        Some(HeldBy::ForeignChange) => {
            // The user has seen what is live: the same weights are wanted again, starting from there.
            for (part, live) in run.routes.iter_mut().zip(lives) {
                part.before = live.unwrap_or_default();
            }
            run.seq += 1;
            run.reasserted_seq = Some(run.seq);
            run.applied_at = None;
            run.progressed_at = now;
            "accepted: the run's weights are set again over the foreign change".to_owned()
        }
        Some(HeldBy::Failure | HeldBy::Command | HeldBy::HandedBack | HeldBy::ObjectsChanged) => {
            run.progressed_at = now;
            run.degraded_since = None;
            if verb == Verb::Promote {
                run.released = Some(Released { seq: run.seq, wait: Wait::StepPause });
            }
            "accepted: the run goes on".to_owned()
        }
        None => {
            run.released = Some(Released { seq: run.seq, wait });
            match wait {
                Wait::StepPause => "accepted: the pause at the present weight ends",
                Wait::ShareNotSeen => "accepted: the share at the present weight is not waited for",
                Wait::StickyClients => "accepted: clients that stick to the old side are not waited for",
            }
            .to_owned()
        }
    }
}
