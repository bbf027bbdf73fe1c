//! Decides about a `WeightedRoute`: reads what is live, and makes live what the shift that has the route wants.
//!
//! The route acts only on a change that the shift has published and that this route has recorded as its intent, and
//! only when it finds the weights that the change starts from. Everything else is somebody else's change: it is met as
//! `spec.drift` says. Between runs the route holds what is live. Where the user owns the weights (`spec.weights`), it
//! follows them instead of a shift.

mod backends;
pub(crate) mod capacity;
mod change;
mod chosen;
mod command;
mod correction;
mod deletion;
mod drift;
mod events;
mod full;
mod gone;
mod kind;
mod listener;
mod look;
mod memory;
mod names;
mod observed;
mod outlook;
mod record;
mod requests;
mod rest;
mod run;
pub mod share;
mod sick;
#[cfg(test)]
pub(crate) mod stand_ins;
mod target;
mod undo;

pub(crate) use backends::changed as group_changed;
pub use deletion::DEADLINE as DELETION_DEADLINE;
pub use events::events;
pub(crate) use events::stalled;
pub use kind::describe_place;
pub(crate) use listener::{MOST, entry_point_of, listener_of, place_changed};
pub use listener::{priority, usable};
pub use memory::tag_value;

use weir_api::WeightedRouteStatus;
use weir_api::condition::{CONTESTED, STALLED, SYNCED, Truth, find, holds};
use weir_api::weighted_route::DriftPolicy;

use crate::access::Access;
use crate::backend;
use crate::object::{Cluster, KindName, ObjectRef, RouteObject};
use crate::reason::Reason;
use crate::sight::{Asked, Sight};
use crate::standing::{Explanation, Standing, StatusConditions, because};
use crate::tick::{Context, Trouble, Verdict};
use crate::weights;

use look::{Look, look};
use observed::Looked;
use outlook::{LOOK_AGAIN, Outlook};
use target::Target;

/// Decides about a route.
pub fn decide(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    sight: &mut Sight<'_>,
) -> Asked<Verdict<WeightedRouteStatus>> {
    let (access, refusal) = match context.grants.of_route(cluster, route) {
        Ok(access) => (access, None),
        // Then nothing is asked.
        Err(reason) => (Access::default(), Some(reason)),
    };
    sight.by(&access, |sight| match route.deleted {
        Some(_) => deletion::decide(context, cluster, route, refusal, sight),
        None => judge(context, cluster, route, refusal, sight),
    })
}

/// Decides about a route that is there to stay. Where it has no access, `refusal` says why.
fn judge(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    refusal: Option<Explanation>,
    sight: &mut Sight<'_>,
) -> Asked<Verdict<WeightedRouteStatus>> {
    let members = backend::groups(cluster, route);
    let target = Target::of(cluster, route);
    let looked = Looked { context, cluster, route, target: &target, members: &members };
    let (seen, mut outlook) = match refusal {
        Some(reason) => (Look::begin(route), Outlook::unknown(Standing::Stalled(reason))),
        None => look(&looked, sight)?,
    };
    let mut status = seen.report(&looked);
    if outlook.synced.0 != Truth::Unknown {
        requests::see(&looked, outlook.step.is_some(), &mut status, sight)?;
    } else if status.weights != route.status.weights {
        status.requests = None;
    }
    if let Some(step) = &outlook.step
        && let Err(reason) = kind::unusable(cluster, route, step, sight)?
    {
        let synced = (Truth::False, reason.clone());
        outlook = Outlook { synced, wake: outlook.wake, ..Outlook::unknown(Standing::Stalled(reason)) };
    }
    mention(&looked, &seen, &status, &mut outlook, sight)?;
    let mut conditions = StatusConditions::after(&route.status.conditions, context.now, route.generation)
        .standing(&outlook.standing)
        .set(SYNCED, outlook.synced.0, &outlook.synced.1);
    if let Some((is_contested, reason)) = drift::contested(route, status.intent.as_ref(), &status.reversals) {
        conditions = conditions.set(CONTESTED, is_contested, &reason);
    }
    status.conditions = conditions.finish();
    let finalizer = deletion::is_owed(&looked, &seen.place, outlook.step.is_some(), sight.facts());
    let confirm = target.run().map(|run| ObjectRef::new(KindName::TrafficShift, run.shift.key.clone()));
    let confirm = confirm.into_iter().collect();
    let verdict = Verdict { finalizer, step: outlook.step, confirm, ..Verdict::record(status) };
    let wake = outlook.wake.into_iter().chain(outlook.look_again.then(|| sight.began + LOOK_AGAIN)).min();
    Some(match wake {
        Some(wake) => verdict.waking(wake),
        None => verdict,
    })
}

/// Says what else somebody should know of the route: of one that is otherwise ready what keeps it from serving, and why a
/// write did not happen.
fn mention(
    looked: &Looked<'_>,
    seen: &Look,
    status: &WeightedRouteStatus,
    outlook: &mut Outlook,
    sight: &mut Sight<'_>,
) -> Asked<()> {
    if let Standing::Ready(_) = &outlook.standing
        && let Some(reason) = kind::shadowed(looked.route, &seen.place, sight)?
    {
        outlook.standing = Standing::Stalled(reason);
    }
    backends::mention(looked, outlook);
    sick::mention(looked, outlook);
    sick::mention_chosen(looked, status, outlook, sight)?;
    if let (Some(_), Some(trouble)) = (&outlook.step, &looked.context.trouble) {
        outlook.standing = troubled(trouble);
    }
    Some(())
}

/// Whether a shift may found a run on what this route's status says: it speaks of the present spec, and what is
/// live was read and understood, and is not a difference that must be accepted first or is being corrected. Nor can a run
/// set out from nothing where something was held.
pub fn is_usable(route: &RouteObject) -> bool {
    let correction = route.status.intent.as_ref().and_then(|intent| intent.correction.as_ref());
    if correction.is_some_and(|correction| !correction.attaching) {
        return false;
    }
    let difference = route.status.difference.as_ref();
    let is_emptied = difference.is_some_and(|difference| weights::total(&difference.found) == 0);
    let pauses = is_emptied || (route.spec.drift == DriftPolicy::Pause && difference.is_some());
    route.deleted.is_none()
        && route.status.observed_generation == Some(route.generation)
        && !pauses
        && !holds(&route.status.conditions, STALLED)
        && find(&route.status.conditions, SYNCED).is_some_and(|synced| synced.status != Truth::Unknown)
}

/// Whether the route is putting right, or about to, what somebody else has changed.
pub(crate) fn is_correcting(route: &RouteObject) -> bool {
    let is_on_its_way = route.status.intent.as_ref().is_some_and(|intent| intent.correction.is_some());
    is_on_its_way || correction::due(route).is_some()
}

/// Whether a route is on its way to weights that the user owns.
pub fn is_following(route: &RouteObject) -> bool {
    let intent = route.status.intent.as_ref().filter(|intent| intent.verified_at.is_some());
    let follow = intent.and_then(|intent| Some((intent, intent.follow.as_ref()?)));
    let is_there = follow.is_some_and(|(intent, follow)| weights::same_split(&intent.weights, &follow.goal));
    target::chosen(route).is_some_and(|goal| !is_there || follow.is_some_and(|(_, follow)| follow.goal != goal))
}

fn troubled(trouble: &Trouble) -> Standing {
    match trouble {
        Trouble::Aws(error) => Standing::unwritable(error),
        Trouble::Violation(_) => Standing::Stalled(because(Reason::GuardViolation, trouble.to_string())),
    }
}

#[cfg(test)]
mod tests;
