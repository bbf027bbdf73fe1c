//! A route of which nobody wants anything: it holds what is live, and meets what is not as it was left.

use jiff::{SignedDuration, Timestamp};
use weir_api::WeightedRouteStatus;
use weir_api::weighted_route::{DriftPolicy, EnvironmentWeight, Intent, ListenerRuleIntent};

use crate::backend::{self, Groups};
use crate::fact::Forward;
use crate::object::{Cluster, RouteObject};
use crate::reason::Reason;
use crate::sight::{Asked, Sight};
use crate::standing::{Standing, because};
use crate::tick::Context;
use crate::weights;

use super::place::Place;
use super::write::{Change, lenders};
use super::{Outlook, describe_place, drift, gone, wanted};

/// How long a step towards the user's weights, which are not wanted any more, may still become live.
const HANDING_OVER: SignedDuration = SignedDuration::from_secs(10);

/// Nobody wants anything of the route: it holds what is live, and meets what is not as it was left.
pub(super) fn at_rest(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    groups: &Groups,
    place: &Place<'_>,
    status: &mut WeightedRouteStatus,
    sight: &mut Sight<'_>,
) -> Asked<Outlook> {
    let live = status.weights.clone();
    let policy = route.spec.drift;
    let Some(mut intent) = status.intent.clone() else {
        if place.gone.is_some() {
            return Some(drift::told(gone::forgotten(route)));
        }
        let is_held = matches!(policy, DriftPolicy::Pause | DriftPolicy::Correct) && !live.is_empty();
        status.intent = is_held.then(|| held(context.now, place, &live, groups));
        return Some(holding(route, place, status));
    };
    if intent.follow.is_some() && is_under_way(&intent, context.now) && intent.correction.is_none() {
        let until = intent.since + HANDING_OVER;
        let message = format!("spec.weights were taken away; what was on its way may become live until {until:.0}");
        let standing = Standing::Working(because(Reason::HandingOver, message));
        return Some(Outlook { look_again: false, wake: Some(until), ..Outlook::unknown(standing) });
    }
    // What was on its way to weights that are taken away is held, where nothing else is live.
    intent.follow = intent.follow.filter(|_| weights::total(&live) > 0);
    let is_same = weights::same_split(&intent.weights, &live);
    let is_open = !intent.is_settled() && intent.correction.is_none();
    let is_over = policy != DriftPolicy::Alert && is_open && !wanted::may_go_on(cluster, route, &intent);
    let adopts = policy == DriftPolicy::Adopt && intent.is_settled() && !is_same && weights::total(&live) > 0;
    if intent.follow.is_some() || is_over || adopts {
        status.intent = Some(held(context.now, place, &live, groups)).filter(|_| !live.is_empty());
        status.reversals.clear();
        drift::clear(status);
        return Some(holding(route, place, status));
    }
    if is_open || (intent.is_settled() && is_same) {
        drift::clear(status);
        return Some(holding(route, place, status));
    }
    let change = match change(context, route, groups, place, &intent, live) {
        Ok(change) => change,
        Err(standing) => return Some(Outlook::unknown(standing)),
    };
    if intent.correction.is_some() && change.is_live(&intent) {
        intent.verified_at = Some(context.now);
        intent.correction = None;
        drift::clear(status);
        status.intent = Some(intent);
        return Some(holding(route, place, status));
    }
    let outlook = if intent.correction.is_some() && change.starts_right(&intent, &intent.weights) {
        drift::clear(status);
        change.correct(&mut intent, status, sight)?
    } else {
        change.meet_difference(&mut intent, status, sight)?
    };
    status.intent = Some(intent);
    Some(outlook)
}

/// The recorded intent as a change that is on its way.
fn change<'a>(
    context: &'a Context,
    route: &'a RouteObject,
    groups: &'a Groups,
    place: &'a Place<'_>,
    intent: &Intent,
    live: Vec<EnvironmentWeight>,
) -> Result<Change<'a>, Standing> {
    let split = backend::by_group(groups, &intent.weights)
        .map_err(|message| Standing::Working(because(Reason::WaitingForEnvironment, message)))?;
    let forward = Forward { groups: split, sticky_seconds: intent.listener_rule.sticky_seconds };
    Ok(Change { context, route, groups, place, forward, live })
}

/// What is live is held.
fn holding(route: &RouteObject, place: &Place<'_>, status: &WeightedRouteStatus) -> Outlook {
    let reason = if place.resource.is_none() {
        let message =
            format!("{} does not exist yet; the first shift that names this route makes it", describe_place(route));
        because(Reason::NoTraffic, message)
    } else {
        because(Reason::Held, format!("{} is live and held", weights::words(&status.weights)))
    };
    Outlook::settled(Standing::Ready(reason.clone()), reason)
}

/// Whether an intent without a run is being written.
pub(super) fn is_under_way(intent: &Intent, now: Timestamp) -> bool {
    intent.correction.is_some()
        || (intent.follow.is_some() && intent.verified_at.is_none() && now < intent.since + HANDING_OVER)
}

/// What is live, taken for what is held.
pub(super) fn held(now: Timestamp, place: &Place<'_>, live: &[EnvironmentWeight], groups: &Groups) -> Intent {
    let split = backend::by_group(groups, live).unwrap_or_default();
    Intent {
        since: now,
        weights: live.to_vec(),
        members: lenders(&split, groups),
        listener_rule: ListenerRuleIntent {
            sticky_seconds: place.forward().and_then(|forward| forward.sticky_seconds),
            sticky_seconds_before: None,
        },
        verified_at: Some(place.read_at),
        ..Intent::default()
    }
}
