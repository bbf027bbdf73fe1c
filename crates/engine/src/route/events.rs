//! What a change of a route's status tells the user.

use weir_api::WeightedRouteStatus;
use weir_api::condition::{CONTESTED, READY, STALLED, SYNCED, Truth, find, holds};
use weir_api::weighted_route::Intent;

use crate::event::Event;
use crate::reason::Reason;
use crate::weights;

/// What a change of status tells.
pub fn events(old: &WeightedRouteStatus, new: &WeightedRouteStatus) -> Vec<Event> {
    let mut events = Vec::new();
    let verified =
        |status: &'_ WeightedRouteStatus| status.intent.clone().filter(|intent| intent.verified_at.is_some());
    // The last change of a run only remembers its end: it wants what was seen to be live before. So does one that gives
    // nothing more to an environment of a name.
    let was_live = |intent: &Intent| match &new.dns.change {
        Some(change) => change.accepted_at < intent.since,
        None => weights::same_action(&old.weights, &intent.weights),
    };
    if let Some(intent) = verified(new).filter(|intent| verified(old).is_none() && !was_live(intent)) {
        let by = match &intent.follow {
            Some(follow) => format!("spec.weights {}", weights::words(&follow.goal)),
            None => format!("run {} of {}", intent.run, intent.shift),
        };
        let message = format!("{} is live, seen on AWS ({by})", weights::words(&intent.weights));
        events.push(Event::normal(Reason::WeightsApplied, message));
    }
    events.extend(commanded(old, new));
    events.extend(corrected(old, new));
    let drift = |status: &WeightedRouteStatus| {
        find(&status.conditions, SYNCED)
            .filter(|synced| {
                synced.status == Truth::False
                    && [Reason::Drifted, Reason::RuleGone].iter().any(|reason| synced.reason == *reason)
            })
            .map(|synced| synced.message.to_string())
    };
    match (drift(old), drift(new)) {
        (before, Some(message)) if before.as_ref() != Some(&message) => {
            events.push(Event::warning(Reason::Drifted, message));
        }
        (Some(_), None) if holds(&new.conditions, SYNCED) => {
            let message = format!("{} is live again as it should be", new.live.as_deref().unwrap_or("nothing"));
            events.push(Event::normal(Reason::DriftGone, message));
        }
        _ => {}
    }
    events.extend(turned(old, new));
    events.extend(stalled(&old.conditions, &new.conditions));
    events
}

/// What a deletion came to or is kept by, and which environment is gone, each told once.
fn turned(old: &WeightedRouteStatus, new: &WeightedRouteStatus) -> Option<Event> {
    const TOLD: [(Reason, bool); 7] = [
        (Reason::DeletionBlocked, true),
        (Reason::LeftBehind, true),
        (Reason::EnvironmentGone, true),
        (Reason::NoHealthyTarget, true),
        (Reason::RollingBack, false),
        (Reason::Restored, false),
        (Reason::RuleDeleted, false),
    ];
    let told = |status: &WeightedRouteStatus| {
        let ready = find(&status.conditions, READY)?;
        let (reason, warning) = TOLD.into_iter().find(|(reason, _)| ready.reason == *reason)?;
        Some(Event { warning, reason, message: ready.message.to_string() })
    };
    // What is in the ordinary course is told once, however its message goes on.
    let is_known = |before: &Event, event: &Event| before.reason == event.reason && (!event.warning || before == event);
    told(new).filter(|event| !told(old).is_some_and(|before| is_known(&before, event)))
}

/// What became of a command.
fn commanded(old: &WeightedRouteStatus, new: &WeightedRouteStatus) -> Option<Event> {
    let last = new.last_command.as_ref().filter(|last| old.last_command.as_ref() != Some(*last))?;
    Some(Event::about_command(last))
}

/// What was done about somebody else's change.
fn corrected(old: &WeightedRouteStatus, new: &WeightedRouteStatus) -> Vec<Event> {
    let mut events = Vec::new();
    let correction = |status: &WeightedRouteStatus| status.intent.as_ref().and_then(|intent| intent.correction.clone());
    if let Some(correction) = correction(new).filter(|new| correction(old).as_ref() != Some(new)) {
        let wanted = new.intent.as_ref().map(|intent| weights::words(&intent.weights)).unwrap_or_default();
        let over = weights::words(&correction.over);
        let message = if over == wanted {
            format!("{wanted} is set again, with what else of it was changed")
        } else {
            format!("{wanted} is set again over {over}")
        };
        events.push(Event::normal(Reason::Correcting, message));
    }
    let taken = |intent: &Intent| intent.shift.is_empty() && intent.follow.is_none();
    let left = old.intent.as_ref().filter(|left| left.follow.is_none() || old.difference.is_some());
    let differs = |intent: &Intent| left.is_some_and(|left| !weights::same_split(&left.weights, &intent.weights));
    if let Some(intent) = new.intent.as_ref().filter(|intent| taken(intent) && differs(intent)) {
        let message = format!("{}, which somebody else has set, is held from now on", weights::words(&intent.weights));
        events.push(Event::normal(Reason::Adopted, message));
    }
    let contested = |status: &WeightedRouteStatus| {
        find(&status.conditions, CONTESTED)
            .filter(|found| found.status == Truth::True)
            .map(|found| found.message.clone())
    };
    if let (None, Some(message)) = (contested(old), contested(new)) {
        events.push(Event::warning(Reason::Contested, message));
    }
    events
}

/// The event that tells of an object that came to a stand, for any kind.
pub(crate) fn stalled(old: &[weir_api::Condition], new: &[weir_api::Condition]) -> Option<Event> {
    let stands = |conditions: &[weir_api::Condition]| {
        find(conditions, STALLED)
            .filter(|_| holds(conditions, STALLED))
            .map(|stalled| (stalled.reason.clone(), stalled.message.clone()))
    };
    match (stands(old), stands(new)) {
        (before, Some(now)) if before.as_ref() != Some(&now) => {
            Some(Event::warning(Reason::Stalled, format!("{}: {}", now.0, now.1)))
        }
        (Some(_), None) if holds(new, READY) => {
            find(new, READY).map(|ready| Event::normal(Reason::Recovered, ready.message.to_string()))
        }
        _ => None,
    }
}
