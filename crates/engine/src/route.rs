//! Decides about a `WeightedRoute`: reads what is live, and makes live what the shift that has the route wants.
//!
//! The route acts only on a change that the shift has published and that this route has recorded as its intent, and
//! only when it finds the weights that the change starts from. Everything else is somebody else's change: it is met as
//! `spec.drift` says. Between runs the route holds what is live. Where the user owns the weights (`spec.weights`), it
//! follows them instead of a shift.

mod access;
mod assessment;
mod backends;
pub(crate) mod capacity;
mod change;
mod chosen;
mod command;
mod correction;
mod deletion;
mod dns;
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

pub(crate) use backends::changed as member_changed;
pub use deletion::DEADLINE as DELETION_DEADLINE;
pub use dns::expected_changes;
pub(crate) use dns::{contended, names_of};
pub use events::events;
pub(crate) use events::stalled;
pub use kind::{answers_until, can_remember, describe_place};
pub(crate) use listener::{MOST, entry_point_of, listener_of, place_changed};
pub use listener::{priority, usable};
pub use memory::tag_value;

use weir_api::WeightedRouteStatus;
use weir_api::condition::{CONTESTED, STALLED, SYNCED, Truth, find, holds};
use weir_api::weighted_route::DriftPolicy;

use crate::access::Access;
use crate::backend;
use crate::object::{Cluster, KindName, ObjectRef, RouteObject};
use crate::reader::{Asked, Reader};
use crate::ready_state::{Explanation, ReadyState, StatusConditions, because};
use crate::reason::Reason;
use crate::tick::{Context, Verdict, WriteError};
use crate::weights;

use assessment::{Assessment, LOOK_AGAIN};
use look::{Look, look};
use observed::Looked;
use target::Target;

/// Decides about a route.
pub fn decide(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    reader: &mut Reader<'_>,
) -> Asked<Verdict<WeightedRouteStatus>> {
    let (access, refusal) = match context.grants.of_route(cluster, route) {
        Ok(access) => (access, None),
        // Then nothing is asked.
        Err(reason) => (Access::default(), Some(reason)),
    };
    reader.by(&access, |reader| match route.deleted {
        Some(_) => deletion::decide(context, cluster, route, refusal, reader),
        None => judge(context, cluster, route, refusal, reader),
    })
}

/// Decides about a route that is there to stay. Where it has no access, `refusal` says why.
fn judge(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    refusal: Option<Explanation>,
    reader: &mut Reader<'_>,
) -> Asked<Verdict<WeightedRouteStatus>> {
    let members = backend::members(cluster, route);
    let target = Target::of(cluster, route);
    let looked = Looked { context, cluster, route, target: &target, members: &members };
    let (seen, mut assessment) = match refusal {
        Some(reason) => (Look::begin(route), Assessment::unknown(ReadyState::Stalled(reason))),
        None => look(&looked, reader)?,
    };
    let mut status = seen.report(&looked);
    if assessment.synced.0 != Truth::Unknown {
        requests::see(&looked, assessment.write.is_some(), &mut status, reader)?;
    } else if status.weights != route.status.weights {
        status.requests = None;
    }
    if let Some(write) = &assessment.write
        && let Err(reason) = kind::unusable(cluster, route, write, reader)?
    {
        let synced = (Truth::False, reason.clone());
        assessment = Assessment { synced, wake: assessment.wake, ..Assessment::unknown(ReadyState::Stalled(reason)) };
    }
    mention(&looked, &seen, &status, &mut assessment, reader)?;
    let mut conditions = StatusConditions::after(&route.status.conditions, context.now, route.generation)
        .ready_state(&assessment.ready_state)
        .set(SYNCED, assessment.synced.0, &assessment.synced.1);
    if let Some((is_contested, reason)) = drift::contested(route, status.intent.as_ref(), &status.reversals) {
        conditions = conditions.set(CONTESTED, is_contested, &reason);
    }
    status.conditions = conditions.finish();
    assessment.write.iter().for_each(|write| kind::record_write(write, &mut status));
    let finalizer = deletion::is_owed(&looked, &seen.place, assessment.write.is_some(), reader.facts());
    let confirm = target.run().map(|run| ObjectRef::new(KindName::TrafficShift, run.shift.key.clone()));
    let confirm = confirm.into_iter().collect();
    let verdict = Verdict { finalizer, write: assessment.write, confirm, ..Verdict::record(status) };
    let look_again = assessment.look_again.then(|| reader.began + LOOK_AGAIN);
    let wake = assessment.wake.into_iter().chain(look_again).chain(seen.spreading_wake()).min();
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
    assessment: &mut Assessment,
    reader: &mut Reader<'_>,
) -> Asked<()> {
    if let ReadyState::Ready(_) = &assessment.ready_state
        && let Some(reason) = kind::shadowed(looked.route, &seen.place, reader)?
    {
        assessment.ready_state = ReadyState::Stalled(reason);
    }
    backends::mention(looked, assessment);
    sick::mention(looked, assessment);
    sick::mention_chosen(looked, status, assessment, reader)?;
    if let (Some(_), Some(write_error)) = (&assessment.write, &looked.context.write_error) {
        assessment.ready_state = failed_to_write(write_error);
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

fn failed_to_write(write_error: &WriteError) -> ReadyState {
    match write_error {
        WriteError::Aws(error) => ReadyState::unwritable(error),
        WriteError::Violation(_) => ReadyState::Stalled(because(Reason::GuardViolation, write_error.to_string())),
    }
}

#[cfg(test)]
mod tests;
