//! What a change of a shift's status tells the user.

use weir_api::TrafficShiftStatus;
use weir_api::traffic_shift::{Outcome, Run, Waiting};

use crate::event::Event;
use crate::reason::Reason;
use crate::route::stalled;

/// What a user has asked for, and so needs not be warned of.
const ORDINARY: [Reason; 3] = [Reason::StepPause, Reason::Paused, Reason::PausedByCommand];

/// What a change of status tells.
pub fn events(old: &TrafficShiftStatus, new: &TrafficShiftStatus) -> Vec<Event> {
    let mut events = Vec::new();
    if let Some(last) = new.last_command.as_ref().filter(|last| old.last_command.as_ref() != Some(*last)) {
        events.push(Event::about_command(last));
    }
    if let (Some(run), Some(next)) = (&new.run, new.queued.as_ref().filter(|next| old.queued.as_ref() != Some(*next))) {
        events.push(Event::normal(Reason::Queued, format!("the run to {next} follows when run {} has ended", run.id)));
    }
    if let Some(run) = &new.run {
        let before = old.run.as_ref().filter(|before| before.id == run.id);
        run_events(before, run, &mut events);
    }
    if let Some(phase) = new.phase.filter(|phase| phase.rests())
        && (old.phase != new.phase || reason(old) != reason(new))
        && let Some(waiting) = &new.waiting
    {
        let is_ordinary = ORDINARY.iter().any(|reason| waiting.reason == *reason);
        let make = if is_ordinary { Event::normal } else { Event::warning };
        let is_named = waiting.reason == Reason::NotGoingBack;
        let reason = if is_named { Reason::NotGoingBack } else { phase.into() };
        events.push(make(reason, waiting.message.clone()));
    }
    let is_sick = |waiting: &&Waiting| waiting.reason == Reason::NoHealthyTarget;
    if let (None, Some(waiting)) = (old.waiting.as_ref().filter(is_sick), new.waiting.as_ref().filter(is_sick)) {
        events.push(Event::warning(Reason::NoHealthyTarget, waiting.message.clone()));
    }
    if let Some(past) = new.history.first().filter(|past| old.history.first() != Some(*past)) {
        let (reason, warning) = match past.outcome {
            Outcome::Succeeded => (Reason::Succeeded, false),
            Outcome::RolledBack => (Reason::RolledBack, true),
            Outcome::Failed => (Reason::Failed, true),
            Outcome::Superseded => (Reason::Superseded, false),
        };
        events.push(Event { warning, reason, message: format!("run {} to {}: {}", past.id, past.to, past.message) });
    }
    events.extend(stalled(&old.conditions, &new.conditions));
    events
}

fn reason(status: &TrafficShiftStatus) -> Option<&str> {
    status.waiting.as_ref().map(|waiting| waiting.reason.as_str())
}

fn run_events(before: Option<&Run>, run: &Run, events: &mut Vec<Event>) {
    if before.is_none() {
        let why = run.course.as_ref().map(|course| &course.message);
        let why = run.note.as_ref().or(why).map_or_else(String::new, |why| format!(" ({why})"));
        events.push(Event::normal(Reason::RunStarted, format!("run {} moves the traffic to {}{why}", run.id, run.to)));
    }
    if let (Some(old), Some(new)) = (before.and_then(|before| before.course.as_ref()), &run.course)
        && old.immediate
        && !new.immediate
    {
        events.push(Event::normal(Reason::Gradual, format!("run {}: {}", run.id, new.message)));
    }
    if let Some(cause) = run.rollback.as_ref().filter(|_| before.is_some_and(|before| before.rollback.is_none())) {
        events.push(Event::warning(Reason::RollingBack, format!("{}: {}", cause.reason, cause.message)));
    }
    let wanted = |run: &Run| match run.rollback {
        Some(_) => format!("going back: {}", run.summary),
        None => format!("step {}: {}", run.progress, run.summary),
    };
    // A step without a pause is seen to be live and followed by the next in one decision.
    let passed = before.filter(|before| {
        before.applied_at.is_none() && before.hold.is_none() && before.seq < run.seq && run.rollback.is_none()
    });
    let arrived = Some(run).filter(|run| {
        run.applied_at.is_some() && before.is_none_or(|before| before.applied_at.is_none() || before.seq < run.seq)
    });
    for seen in [passed, arrived].into_iter().flatten().filter(|seen| seen.outcome.is_none()) {
        events.push(Event::normal(Reason::StepApplied, format!("{} is live on every route", wanted(seen))));
    }
    let is_new = before.is_some_and(|before| before.seq != run.seq);
    if run.applied_at.is_none() && run.outcome.is_none() && is_new {
        events.push(Event::normal(Reason::StepPublished, format!("{} is wanted", wanted(run))));
    }
}
