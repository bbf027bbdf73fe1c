//! A place that is gone: the rule of a route was deleted, or its listener.
//!
//! What Weir did not make it never makes: of a rule that it adopted it knows a part only, and what it would make in its
//! stead could let in whom the other kept out. Its own rules it makes again, as `spec.drift` says or somebody commands.

use weir_api::WeightedRouteStatus;
use weir_api::condition::Truth;
use weir_api::weighted_route::{Before, DriftPolicy, Intent};

use crate::object::RouteObject;
use crate::reason::Reason;
use crate::standing::{Explanation, Standing, because};
use crate::tick::Context;

use super::place::{Gone, describe_place};
use super::wanted::Wanted;
use super::{Outlook, drift};

/// Whether Weir made the rule of a route: there was nothing before it.
pub(super) fn is_own(status: &WeightedRouteStatus) -> bool {
    status.listener_rule.before == Some(Before::default())
}

/// What follows where a place is gone and nothing may be made: a run that goes back has nothing to take back, and all else waits for whoever
/// made the rule. Nothing where it is Weir's own rule, which is a difference like any other.
pub(super) fn meet(
    context: &Context,
    route: &RouteObject,
    wanted: Option<&Wanted<'_>>,
    gone: Gone,
    status: &mut WeightedRouteStatus,
) -> Option<Outlook> {
    let goes_back = wanted.filter(|wanted| wanted.goes_back());
    let leaves = gone == Gone::Listener || !is_own(status) || route.spec.drift != DriftPolicy::Correct;
    if let Some(wanted) = goes_back.filter(|_| leaves) {
        let mut intent = match status.intent.take() {
            Some(intent) if wanted.is_intent(&intent) => intent,
            before => Intent { members: before.unwrap_or_default().members, ..wanted.intent(context.now) },
        };
        intent.left_at.get_or_insert(context.now);
        status.intent = Some(intent);
        return Some(drift::told(because(Reason::RuleGone, format!("{}; nothing is left to take back", said(route)))));
    }
    if is_own(status) {
        return None;
    }
    let reason = because(
        Reason::RuleGone,
        format!(
            "{}. Weir did not make it and does not make it again, since it may have done more than Weir knows: whoever \
             made it must bring it back, and it is adopted again; or delete this WeightedRoute and make it again to have \
             a rule of Weir's own",
            said(route)
        ),
    );
    let synced = (Truth::False, reason.clone());
    Some(Outlook { standing: Standing::Stalled(reason), synced, step: None, look_again: true, wake: None })
}

/// The difference between what was set and a rule that is gone.
pub(super) fn difference(route: &RouteObject, intent: &Intent) -> Explanation {
    let expected = drift::expectation(intent);
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
