//! A place that is gone: the rule of a route was deleted, or its listener.
//!
//! What Weir did not make it never makes: of a rule that it adopted it knows a part only, and what it would make in its
//! stead could let in whom the other kept out. Its own rules it makes again, as `spec.drift` says or somebody commands.

use weir_api::condition::Truth;
use weir_api::weighted_route::{DriftPolicy, Intent};

use crate::object::RouteObject;
use crate::ready_state::{Explanation, ReadyState, because};
use crate::reason::Reason;

use super::assessment::Assessment;
use super::kind::describe_place;
use super::observed::{Gone, Looked};
use super::record::{Record, expectation};

/// What follows where a place is gone and nothing may be made: a run that goes back has nothing to take back, and all else
/// waits for whoever made it. Nothing where it is Weir's own, which is a difference like any other.
pub(super) fn meet(looked: &Looked<'_>, gone: Gone, made_by_weir: bool, record: &mut Record) -> Option<Assessment> {
    let (route, now) = (looked.route, looked.context.now);
    let goes_back = looked.run().filter(|run| run.goes_back());
    let leaves = gone == Gone::Whole || !made_by_weir || route.spec.drift != DriftPolicy::Correct;
    if let Some(run) = goes_back.filter(|_| leaves) {
        let mut intent = match record.intent.take() {
            Some(intent) if run.is_intent(&intent) => intent,
            before => {
                let Intent { members, dns, .. } = before.unwrap_or_default();
                Intent { members, dns, ..run.intent(now) }
            }
        };
        intent.left_at.get_or_insert(now);
        record.intent = Some(intent);
        let message = format!("{}; nothing is left to take back", said(route));
        return Some(Assessment::resting(because(Reason::RuleGone, message)));
    }
    if made_by_weir {
        return None;
    }
    let message = format!(
        "{}. Weir did not make it and does not make it again, since it may have done more than Weir knows: whoever made it \
         must bring it back, and it is adopted again; or delete this WeightedRoute and make it again to have a rule of \
         Weir's own",
        said(route)
    );
    let reason = because(Reason::RuleGone, message);
    let synced = (Truth::False, reason.clone());
    Some(Assessment { synced, ..Assessment::unknown(ReadyState::Stalled(reason)) })
}

/// The difference between what was set and a rule that is gone.
pub(super) fn difference(route: &RouteObject, intent: &Intent) -> Explanation {
    let expected = expectation(intent);
    let message = format!(
        "{}; expected it with {expected}. The command resume has it made again, in a run on the TrafficShift, else on \
         this route",
        said(route)
    );
    because(Reason::RuleGone, message)
}

/// A rule of Weir's own that is gone, where nothing tells what it had.
pub(super) fn forgotten(route: &RouteObject) -> Explanation {
    let message = format!(
        "{}, and what it had is not on record. Give the command resume to begin anew: the next shift then makes a rule",
        said(route)
    );
    because(Reason::RuleGone, message)
}

fn said(route: &RouteObject) -> String {
    format!("{} is gone", describe_place(route))
}
