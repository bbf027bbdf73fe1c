//! Invariant 17: a run that a place on AWS remembers as the last one is not started again, unless it was asked for.

use jiff::Timestamp;
use weir_api::TrafficShift;
use weir_api::command::{Command, Verb};
use weir_api::traffic_shift::Run;
use weir_engine::Key;
use weir_engine::write::LAST_RUN_TAG;

use super::history::{History, run_of};
use super::{Breach, Invariant};

pub(super) fn judge(history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, seen) in history.shifts.iter().enumerate() {
        let Some(run) = run_of(&seen.object) else { continue };
        let is_known = history.shifts[..number].iter().any(|earlier| {
            earlier.object.metadata.uid == seen.object.metadata.uid
                && run_of(&earlier.object).is_some_and(|before| before.id == run.id)
        });
        // A run with its outcome from the start only notes what is live already.
        if is_known || run.outcome.is_some() {
            continue;
        }
        for part in &run.routes {
            let route = Key::new(seen.key.namespace.clone(), part.name.clone());
            let Some((at, memory)) = memory(history, &route, run.started_at.min(seen.at)) else { continue };
            let is_theirs = memory.starts_with(&format!("{} {} ", seen.key, run.to));
            let is_over = memory.ends_with(" Succeeded") && was_led_away(history, &route, run, at);
            if is_theirs && !is_over && !was_asked_for(&seen.object, at) {
                let message = format!("{} started a run to {} though {route} remembers {memory}", seen.key, run.to);
                breaches.push(Breach { at: seen.at, invariant: Invariant::Replay, message });
            }
        }
    }
    breaches
}

/// The last run that a route's place remembered at an instant, and since when. What somebody has taken from its tags
/// is remembered no more.
fn memory<'a>(history: &'a History<'_>, route: &Key, at: Timestamp) -> Option<(Timestamp, &'a String)> {
    let writes = history.writes.iter().take_while(|write| write.at < at);
    let remembered = writes
        .filter(|write| write.route.as_ref() == Some(route))
        .filter_map(|write| Some((write, write.tags.get(LAST_RUN_TAG)?)));
    let (write, memory) = remembered.last()?;
    let is_kept = history.retagged(&write.place, write.at, at).all(|left| left.contains_key(LAST_RUN_TAG));
    is_kept.then_some((write.at, memory))
}

/// Whether a run to elsewhere has begun on a route since an instant: what succeeded before it is over.
fn was_led_away(history: &History<'_>, route: &Key, run: &Run, since: Timestamp) -> bool {
    let others = history.shifts.iter().filter(|seen| seen.key.namespace == route.namespace);
    others.filter_map(|seen| run_of(&seen.object)).any(|other| {
        let is_between = other.started_at >= since && other.started_at < run.started_at;
        is_between && other.to != run.to && other.routes.iter().any(|part| part.name == route.name)
    })
}

fn was_asked_for(shift: &TrafficShift, since: Timestamp) -> bool {
    let last = shift.status.as_ref().and_then(|status| status.last_command.as_ref());
    last.is_some_and(|last| {
        last.at >= since && last.command.parse::<Command>().is_ok_and(|command| command.verb == Verb::Retry)
    })
}
