//! Traffic that stays on a candidate without a healthy target is taken back, or it is said that nothing takes it back.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use weir_api::TrafficShift;
use weir_api::traffic_shift::HeldBy;
use weir_engine::Key;

use crate::evidence::Evidence;
use crate::journal::{Entry, What};

use super::history::{History, run_of, share};
use super::{Breach, Invariant, silence};

/// How long it may stay without a word: until that is known, looked at and written, with some patience for targets that
/// are being checked.
const PATIENCE: SignedDuration = SignedDuration::from_secs(90);
/// How often it is looked whether that is so.
const STEP: SignedDuration = SignedDuration::from_secs(15);
/// How long a controller may ask AWS nothing before it counts as kept from looking: a round is half a minute.
const GAP: SignedDuration = SignedDuration::from_secs(35);
/// What a shift says whose traffic does not go back by itself.
const SAYS: [&str; 2] = ["NotGoingBack", "RouteGone"];

pub(super) fn judge(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (group, from, to) in illnesses(evidence) {
        let mut since = None;
        let mut at = from;
        while at <= to {
            let neglected = neglected(history, group, at).filter(|_| is_at_work(evidence, at));
            let Some(key) = neglected else {
                (since, at) = (None, at + STEP);
                continue;
            };
            if at > *since.get_or_insert(at) + PATIENCE {
                let message = format!("{key} leaves traffic on {group}, which has no healthy target, and says nothing");
                breaches.push(Breach { at, invariant: Invariant::SilentFailure, message });
                break;
            }
            at += STEP;
        }
    }
    breaches
}

/// The spans in which a group has no healthy target.
fn illnesses(evidence: &Evidence) -> Vec<(&str, Timestamp, Timestamp)> {
    let health = |entry: &'_ Entry| match &entry.what {
        What::Health { group, healthy } => Some((entry.at, group.clone(), *healthy)),
        _ => None,
    };
    let known: Vec<(Timestamp, String, u32)> = evidence.entries.iter().filter_map(health).collect();
    let groups: BTreeSet<&str> = evidence.groups.values().map(String::as_str).collect();
    let mut spans = Vec::new();
    for group in groups {
        let of_group: Vec<_> = known.iter().filter(|(_, name, _)| name == group).collect();
        for (index, (from, _, healthy)) in of_group.iter().enumerate() {
            if *healthy == 0 {
                let to = of_group.get(index + 1).map_or(evidence.ended, |(at, ..)| *at);
                spans.push((group, *from, to));
            }
        }
    }
    spans
}

/// The shift that has a group as its candidate, with traffic on it, and neither brings that back nor says anything.
fn neglected(history: &History<'_>, group: &str, at: Timestamp) -> Option<Key> {
    let routes: Vec<Key> = history.route_keys().into_iter().cloned().collect();
    routes.into_iter().find_map(|route| {
        let shift = history.mover(&route, at)?;
        let run = run_of(shift).filter(|run| run.rollback.is_none() && run.outcome.is_none())?;
        let is_candidate = history.group_of(&route, &run.to, at) == Some(group);
        let can_go_back =
            run.routes.iter().any(|part| part.rollback_target().iter().any(|entry| entry.environment != run.to));
        let carries = history.places(&route, at, at).any(|place| share(&history.live(place, at), group).0 > 0);
        let key = Key::new(route.namespace.clone(), shift.metadata.name.clone().unwrap_or_default());
        (is_candidate && can_go_back && carries && !says(shift)).then_some(key)
    })
}

fn says(shift: &TrafficShift) -> bool {
    let Some(status) = &shift.status else { return false };
    let run = status.run.as_ref();
    let is_blind = run.is_some_and(|run| run.blind_since.is_some());
    let has_failed = run.and_then(|run| run.hold.as_ref()).is_some_and(|hold| hold.by == HeldBy::Failure);
    is_blind || has_failed || status.waiting.as_ref().is_some_and(|waiting| SAYS.contains(&waiting.reason.as_str()))
}

/// Whether a controller could look and write in the half minute before an instant: AWS answered, and nothing that was asked
/// of it or of the API server failed.
fn is_at_work(evidence: &Evidence, at: Timestamp) -> bool {
    let from = at - GAP;
    let mut answers = 0;
    for entry in evidence.entries.iter().filter(|entry| entry.at > from && entry.at <= at) {
        match &entry.what {
            What::Aws(request) if request.status == Some(200) => answers += 1,
            What::Kube(request) if request.status.is_some_and(|status| status < 500) => {}
            What::Health { .. } | What::Lease(_) => {}
            What::Befell(_) if entry.process == 0 => {}
            _ => return false,
        }
    }
    answers > 0 && silence::silences(evidence).iter().all(|(gone, back)| *back <= from || *gone >= at)
}
