//! What somebody else has put there on purpose is written over only where `drift` or a command says so, and by a rollback
//! while the candidate carries traffic.

use jiff::{SignedDuration, Timestamp};
use weir_api::weighted_route::DriftPolicy;
use weir_engine::Key;

use crate::evidence::{Change, Evidence, Weights};

use super::history::{History, run_of, same_split, words};
use super::{Breach, Invariant, STALENESS};

pub(super) fn judge(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, change) in evidence.changes.iter().enumerate().filter(|(_, change)| !change.by_hand) {
        let before = evidence.changes[..number].iter().rfind(|before| before.place == change.place);
        let Some(put) = before.filter(|before| before.by_hand && !same_split(&before.after, &change.after)) else {
            continue;
        };
        let write = history.writes.iter().rfind(|write| write.place == change.place && write.at <= change.at);
        let Some(route) = write.and_then(|write| write.route.as_ref()) else { continue };
        // What was read right before may be a moment old.
        if change.at > put.at + STALENESS && !may_go_over(history, route, put, change.at) {
            let message = format!(
                "{} was set to {} over {}, which somebody had put there",
                change.place,
                words(&change.after),
                words(&put.after)
            );
            breaches.push(Breach { at: change.at, invariant: Invariant::Overwritten, message });
        }
    }
    breaches
}

fn may_go_over(history: &History<'_>, route: &Key, put: &Change<Weights>, at: Timestamp) -> bool {
    let Some(object) = history.route(route, at) else { return true };
    let is_deleted = object.metadata.deletion_timestamp.is_some();
    let Some(intent) = object.status.as_ref().and_then(|status| status.intent.as_ref()) else { return true };
    let corrects = intent.correction.is_some() && object.spec.drift == DriftPolicy::Correct;
    // What it was made for has never been seen to be live: a first deployment that finds another answer goes on.
    let is_unseen = intent.verified_at.is_none() && put.after.values().all(|weight| *weight == 0);
    let begins = is_unseen && object.status.as_ref().is_some_and(|status| status.weights.is_empty());
    // Nobody can tell a write that was undone before it was seen from one that never came.
    let before = object.status.as_ref().and_then(|status| history.by_group(route, &status.weights, at));
    let starts_over = intent.verified_at.is_none() && before.is_some_and(|before| same_split(&before, &put.after));
    if is_deleted || corrects || begins || starts_over || is_resumed(history, route, put.at, at) {
        return true;
    }
    match history.mover(route, at).and_then(run_of).filter(|run| run.rollback.is_some()) {
        Some(run) => {
            let candidate = history.group_of(route, &run.to, at);
            candidate.is_none_or(|candidate| put.after.get(candidate).is_some_and(|weight| *weight > 0))
        }
        // A change that was begun later starts from what was there by then.
        None => history.intended_at(route, intent) > put.at - SignedDuration::from_secs(1),
    }
}

/// Whether somebody has said between two instants that what was held is to be set again.
pub(super) fn is_resumed(history: &History<'_>, route: &Key, from: Timestamp, to: Timestamp) -> bool {
    let says = |command: &str, at: Timestamp| command.starts_with("resume") && at >= from && at <= to;
    let routes = history.routes.iter().filter(|seen| seen.key == *route);
    let mut of_routes = routes.filter_map(|seen| seen.object.status.as_ref()?.last_command.as_ref());
    let mut of_shifts = history.shifts.iter().filter_map(|seen| seen.object.status.as_ref()?.last_command.as_ref());
    of_routes.any(|command| says(&command.command, command.at))
        || of_shifts.any(|command| says(&command.command, command.at))
}
