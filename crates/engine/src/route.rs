//! Decides about a `WeightedRoute`: reads what is live, and makes live what the shift that has the route wants.
//!
//! The route acts only on a change that the shift has published and that this route has recorded as its intent, and
//! only when it finds the weights that the change starts from. Everything else is somebody else's change: it is
//! reported, not overwritten. Between runs the route holds what is live.

mod conditions;
mod events;
mod memory;
mod pattern;
mod permission;
mod place;
pub mod priority;
pub mod quota;
mod rivalry;
#[cfg(test)]
mod stand_ins;
mod sticky;
mod wanted;
mod write;

pub use events::events;
pub(crate) use events::stalled;
pub use memory::tag_value;
pub use place::describe_place;
pub use rivalry::{entry_key, uses};

use jiff::SignedDuration;
use weir_api::WeightedRouteStatus;
use weir_api::condition::{STALLED, SYNCED, Truth, find, holds};

use crate::access;
use crate::backend;
use crate::object::{Cluster, KindName, ObjectRef, RouteObject};
use crate::sight::Sight;
use crate::standing::{Conditions, Reason, Standing, because};
use crate::step::Proposal;
use crate::tick::{Context, Trouble, Verdict};
use crate::weights;

use place::Place;
use wanted::Wanted;

/// How soon a route that waits for something on AWS looks again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(15);

/// What a look at a route came to.
struct Outlook {
    standing: Standing,
    synced: (Truth, Reason),
    proposal: Option<Proposal>,
    look_again: bool,
}

impl Outlook {
    /// The route cannot be judged, for the reason that its standing gives.
    fn unknown(standing: Standing) -> Self {
        let synced = (Truth::Unknown, standing.reason().clone());
        Self { standing, synced, proposal: None, look_again: true }
    }

    /// The route is not to be looked at on AWS, until one of the objects changes that decide about it.
    fn refused(reason: Reason) -> Self {
        let synced = (Truth::Unknown, reason.clone());
        Self { standing: Standing::Stalled(reason), synced, proposal: None, look_again: false }
    }

    fn settled(standing: Standing, synced: Reason) -> Self {
        Self { standing, synced: (Truth::True, synced), proposal: None, look_again: false }
    }
}

/// Decides about a route.
pub fn decide(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    sight: &mut Sight<'_>,
) -> Option<Verdict<WeightedRouteStatus>> {
    let mut status = WeightedRouteStatus { observed_generation: Some(route.generation), ..route.status.clone() };
    let wanted = wanted::wanted(cluster, route);
    let mut outlook = look(context, cluster, route, wanted.as_ref(), &mut status, sight)?;
    if let (Some(_), Some(trouble)) = (&outlook.proposal, &context.trouble) {
        outlook.standing = troubled(trouble);
    }
    status.conditions = Conditions::after(&route.status.conditions, context.now, route.generation)
        .standing(&outlook.standing)
        .set(SYNCED, outlook.synced.0, &outlook.synced.1)
        .finish();
    let confirm = [
        Some(ObjectRef::new(KindName::WeightedRoute, route.key.clone())),
        wanted.map(|wanted| ObjectRef::new(KindName::TrafficShift, wanted.shift.key.clone())),
    ];
    let verdict = Verdict {
        proposal: outlook.proposal,
        confirm: confirm.into_iter().flatten().collect(),
        ..Verdict::record(status)
    };
    Some(if outlook.look_again { verdict.waking(sight.began + LOOK_AGAIN) } else { verdict })
}

/// Whether a shift may found a run on what this route's status says: it speaks of the present spec, and what is
/// live was read and understood.
pub fn is_usable(route: &RouteObject) -> bool {
    route.status.observed_generation == Some(route.generation)
        && !holds(&route.status.conditions, STALLED)
        && find(&route.status.conditions, SYNCED).is_some_and(|synced| synced.status != Truth::Unknown)
}

fn look(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    wanted: Option<&Wanted<'_>>,
    status: &mut WeightedRouteStatus,
    sight: &mut Sight<'_>,
) -> Option<Outlook> {
    // What is live is held; only traffic that is on its way back goes the rest of it.
    if let Some(reason) = place::refusal(cluster, route).filter(|_| !wanted.is_some_and(Wanted::goes_back)) {
        return Some(Outlook::refused(reason));
    }
    let access = match context.grants.of_route(cluster, route) {
        Ok(access) => access,
        Err(reason) => return Some(Outlook::unknown(Standing::Stalled(reason))),
    };
    sight.through(&access);
    let groups = backend::groups(cluster, route);
    let verified = wanted.is_none_or(|wanted| wanted.is_verified(route));
    let place = match place::find(cluster, route, verified, sight)? {
        Ok(place) => place,
        Err(standing) => return Some(Outlook::unknown(standing)),
    };
    status.priority = place.priority;
    status.arn = Some(place.resource.as_ref().unwrap_or(&place.listener).to_string());
    status.aws = access::record(&access);
    let entry_point = &route.spec.listener.entry_point.name;
    // What a run does not touch does not hold it up.
    let is_concerned = |environment: &str| wanted.is_none_or(|wanted| wanted.touches(environment));
    if let Some(reason) = access::mismatch(&place.listener, entry_point, &groups, is_concerned) {
        return Some(Outlook::unknown(Standing::Stalled(reason)));
    }
    let tags_from = wanted.map_or(crate::sight::ANY_AGE, |wanted| wanted.run.started_at);
    let marks = match place.marks(context, cluster, route, tags_from, sight)? {
        Ok(marks) => marks,
        Err(standing) => return Some(Outlook::unknown(standing)),
    };
    status.last_run.clone_from(&marks.last_run);
    let live = match place.live_weights(&groups) {
        Ok(live) => live,
        Err(standing) => return Some(Outlook::unknown(standing)),
    };
    status.live = Some(weights::words(&live));
    status.weights.clone_from(&live);
    if !marks.is_ours && place.resource.is_some() {
        return Some(adopting(context, route, &place));
    }
    let Some(wanted) = wanted else {
        return Some(at_rest(route, status, &place));
    };
    write::follow(context, route, wanted, &groups, &place, &marks, status, sight)
}

/// The rule or action is marked as this route's before anything else is done to it.
fn adopting(context: &Context, route: &RouteObject, place: &Place<'_>) -> Outlook {
    let reason = because("Adopting", format!("{} is being marked as this route's", describe_place(route)));
    Outlook {
        standing: Standing::Working(reason.clone()),
        synced: (Truth::False, reason),
        proposal: place.adoption(context, route),
        look_again: true,
    }
}

/// No run wants anything of the route: it holds what is live, and says when that is not what a run left.
fn at_rest(route: &RouteObject, status: &WeightedRouteStatus, place: &Place<'_>) -> Outlook {
    if place.resource.is_none() {
        let message =
            format!("{} does not exist yet; the first shift that names this route makes it", describe_place(route));
        let reason = because("NoTraffic", message);
        return Outlook::settled(Standing::Ready(reason.clone()), reason);
    }
    match &status.intent {
        Some(intent) if intent.verified_at.is_some() && !weights::same_split(&intent.weights, &status.weights) => {
            let reason = because("Drifted", wanted::difference(intent, &status.weights));
            Outlook {
                standing: Standing::Resting(reason.clone()),
                synced: (Truth::False, reason),
                proposal: None,
                look_again: false,
            }
        }
        _ => {
            let reason = because("Held", format!("{} is live and held", weights::words(&status.weights)));
            Outlook::settled(Standing::Ready(reason.clone()), reason)
        }
    }
}

fn troubled(trouble: &Trouble) -> Standing {
    match trouble {
        Trouble::Aws(error) => Standing::unwritable(error),
        Trouble::Violation(_) => Standing::Stalled(because("GuardViolation", trouble.to_string())),
    }
}
