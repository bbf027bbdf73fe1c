//! Decides about a `WeightedRoute`: reads what is live, and makes live what the shift that has the route wants.
//!
//! The route acts only on a change that the shift has published and that this route has recorded as its intent, and
//! only when it finds the weights that the change starts from. Everything else is somebody else's change: it is met as
//! `spec.drift` says. Between runs the route holds what is live. Where the user owns the weights (`spec.weights`), it
//! follows them instead of a shift.

mod backends;
mod before;
mod capacity;
mod chosen;
mod command;
mod conditions;
mod conflict;
mod crowd;
mod deletion;
mod drift;
mod events;
mod full;
mod gone;
mod locate;
mod memory;
mod owner;
mod pattern;
mod permission;
mod place;
pub mod priority;
mod requests;
mod rest;
mod shadow;
mod sick;
#[cfg(test)]
pub(crate) mod stand_ins;
mod sticky;
pub mod usable;
mod wanted;
mod write;

pub(crate) use backends::changed as group_changed;
pub use conflict::entry_key;
pub(crate) use conflict::{is_led_away, listener_of, was_marked};
pub(crate) use crowd::MOST;
pub use deletion::DEADLINE as DELETION_DEADLINE;
pub use events::events;
pub(crate) use events::stalled;
pub use memory::tag_value;
pub(crate) use permission::wrong_namespace;
pub use place::describe_place;

use jiff::{SignedDuration, Timestamp};
use weir_api::WeightedRouteStatus;
use weir_api::condition::{CONTESTED, STALLED, SYNCED, Truth, find, holds};
use weir_api::weighted_route::{DriftPolicy, RouteDeletionPolicy};

use crate::Arn;
use crate::access::{self, Access};
use crate::backend::{self, Groups};
use crate::fact::Tags;
use crate::object::{Cluster, KindName, ObjectRef, RouteObject};
use crate::reason::Reason;
use crate::sight::{ANY_AGE, Asked, Sight};
use crate::standing::{Explanation, Standing, StatusConditions, because};
use crate::step::{BEFORE_TAG, OWNER_TAG, ROUTE_TAG, Step};
use crate::tick::{Context, Trouble, Verdict};
use crate::weights;

use command::Accepted;
use place::{Marks, Place};
use rest::held;
use wanted::Wanted;

/// What a route says while it leaves a listener.
const LEAVING: &str = "what is on the old listener is left as it is";

/// How soon a route that waits for something on AWS looks again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(15);

/// What a look at a route came to.
struct Outlook {
    standing: Standing,
    synced: (Truth, Explanation),
    /// The write that follows.
    step: Option<Step>,
    look_again: bool,
    /// When to look again at the latest.
    wake: Option<Timestamp>,
}

impl Outlook {
    /// The route cannot be judged, for the reason that its standing gives.
    fn unknown(standing: Standing) -> Self {
        let synced = (Truth::Unknown, standing.explanation().clone());
        Self { standing, synced, step: None, look_again: true, wake: None }
    }

    /// The route is not to be looked at on AWS, until one of the objects changes that decide about it.
    fn refused(reason: Explanation) -> Self {
        let synced = (Truth::Unknown, reason.clone());
        Self { standing: Standing::Stalled(reason), synced, step: None, look_again: false, wake: None }
    }

    fn settled(standing: Standing, synced: Explanation) -> Self {
        Self { standing, synced: (Truth::True, synced), step: None, look_again: false, wake: None }
    }
}

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
    let mut status = WeightedRouteStatus { observed_generation: Some(route.generation), ..route.status.clone() };
    if route.status.observed_generation != Some(route.generation) {
        status.reversals.clear();
    }
    let wanted = wanted::wanted(cluster, route);
    let groups = backend::groups(cluster, route);
    let mut outlook = match refusal {
        Some(reason) => Outlook::unknown(Standing::Stalled(reason)),
        None => look(context, cluster, route, wanted.as_ref(), &groups, &mut status, sight)?,
    };
    if outlook.synced.0 != Truth::Unknown {
        requests::see(context.now, cluster, route, outlook.step.is_some(), &mut status, sight)?;
    } else if status.weights != route.status.weights {
        status.requests = None;
    }
    if let Some(step) = &outlook.step
        && let Err(reason) = usable::refusal(cluster, route, step, sight)?
    {
        outlook.step = None;
        outlook.synced = (Truth::False, reason.clone());
        outlook.standing = Standing::Stalled(reason);
        outlook.look_again = true;
    }
    shadow::mention(route, &status, &mut outlook, sight)?;
    backends::mention(cluster, route, &groups, &mut outlook);
    sick::mention(cluster, route, &mut outlook);
    sick::mention_chosen(context, route, &groups, &status, &mut outlook, sight)?;
    if let (Some(_), Some(trouble)) = (&outlook.step, &context.trouble) {
        outlook.standing = troubled(trouble);
    }
    let mut conditions = StatusConditions::after(&route.status.conditions, context.now, route.generation)
        .standing(&outlook.standing)
        .set(SYNCED, outlook.synced.0, &outlook.synced.1);
    if let Some((is_contested, reason)) = drift::contested(route, &status) {
        conditions = conditions.set(CONTESTED, is_contested, &reason);
    }
    status.conditions = conditions.finish();
    let writes = outlook.step.is_some();
    let finalizer = deletion::is_owed(context, route, wanted.as_ref(), &status, writes, sight.facts());
    let confirm = wanted.map(|wanted| ObjectRef::new(KindName::TrafficShift, wanted.shift.key.clone()));
    let confirm = confirm.into_iter().collect();
    let verdict = Verdict { finalizer, step: outlook.step, confirm, ..Verdict::record(status) };
    let wake = outlook.wake.into_iter().chain(outlook.look_again.then(|| sight.began + LOOK_AGAIN)).min();
    Some(match wake {
        Some(wake) => verdict.waking(wake),
        None => verdict,
    })
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
    is_on_its_way || drift::correction_due(route).is_some()
}

/// Whether a route is on its way to weights that the user owns.
pub fn is_following(route: &RouteObject) -> bool {
    let intent = route.status.intent.as_ref().filter(|intent| intent.verified_at.is_some());
    let follow = intent.and_then(|intent| Some((intent, intent.follow.as_ref()?)));
    let is_there = follow.is_some_and(|(intent, follow)| weights::same_split(&intent.weights, &follow.goal));
    chosen::goal(route).is_some_and(|goal| !is_there || follow.is_some_and(|(_, follow)| follow.goal != goal))
}

fn look(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    wanted: Option<&Wanted<'_>>,
    groups: &Groups,
    status: &mut WeightedRouteStatus,
    sight: &mut Sight<'_>,
) -> Asked<Outlook> {
    // What is live is held; only traffic that is on its way back goes the rest of it, and no rule is made for that.
    let goes_back = wanted.is_some_and(Wanted::goes_back);
    let refusal = place::refusal(context, cluster, route, goes_back, status, sight)?.err();
    if let Some(reason) = refusal.clone().filter(|_| !goes_back) {
        return Some(Outlook::refused(reason));
    }
    if conflict::is_led_away(cluster, route) && command::leaves_place(context, route, wanted, status) {
        return Some(Outlook::unknown(Standing::Working(because(Reason::ListenerChanged, LEAVING))));
    }
    let goal = chosen::goal(route);
    let any_age = match (&goal, wanted) {
        (Some(goal), _) => chosen::rests(route, goal, context.now),
        (None, Some(wanted)) => wanted.is_settled(route),
        (None, None) => route.status.intent.as_ref().is_none_or(|intent| !rest::is_under_way(intent, context.now)),
    };
    let correction_due = drift::correction_due(route);
    let any_age = any_age && correction_due.is_none_or(|due| context.now < due);
    let place = match place::find(context, cluster, route, any_age, goes_back, status, sight)? {
        Ok(place) => place,
        Err(standing) => return Some(Outlook::unknown(standing)),
    };
    if let Some(reason) = refusal.filter(|_| place.rule.is_none()) {
        return Some(Outlook::refused(reason));
    }
    status.listener_rule.priority = place.priority;
    status.aws = access::record(sight.access());
    if let Some(gone) = place.gone {
        place.tell(&[], groups, status);
        if let Some(outlook) = gone::meet(context, route, wanted, gone, status) {
            return Some(outlook);
        }
    }
    let entry_point = &route.spec.listener.entry_point.name;
    // What nobody wants to move does not hold up the rest.
    let is_concerned = |environment: &str| match &goal {
        Some(goal) => goal.iter().any(|entry| entry.environment == environment),
        None => wanted.is_none_or(|wanted| wanted.touches(environment)),
    };
    if let Some(reason) = access::mismatch(&place.listener, entry_point, groups, is_concerned) {
        return Some(Outlook::unknown(Standing::Stalled(reason)));
    }
    // Marks are read again before somebody else's change is undone: the place may have been taken over.
    let correction_since = correction_since(route, correction_due, context.now);
    // And before each write: whose the place is can change between two steps.
    let begun = wanted.map_or(ANY_AGE, |wanted| wanted.run.started_at);
    let tags_from = if any_age { begun.max(correction_since.unwrap_or(ANY_AGE)) } else { sight.fresh() };
    let marks = match place.marks(context, cluster, route, tags_from, sight)? {
        Ok(marks) if marks.is_ours => Ok(marks),
        // Somebody may have put right meanwhile what is said of them; and no place is marked by an old reading.
        _ => place.marks(context, cluster, route, tags_from.max(sight.fresh()), sight)?,
    };
    let marks = match marks {
        Ok(marks) => marks,
        Err(standing) => {
            let was_marked = place.resource.as_ref().map(Arn::as_str) == status.listener_rule.marked.as_deref();
            let is_bare = was_marked && standing.explanation().reason == Reason::NotAdopted;
            return Some(Outlook::unknown(if is_bare { marks_removed(context, route) } else { standing }));
        }
    };
    if place.gone.is_none() {
        status.last_run.clone_from(&marks.last_run);
    }
    status.listener_rule.before = before::seen(&place, &marks, &context.owner, &route.status);
    if let Some(standing) = lost_mark(context, route, &place, &marks, status) {
        return Some(Outlook::unknown(standing));
    }
    let live = match place.live_weights(groups, marks.is_ours) {
        Ok(live) => live,
        Err(standing) => return Some(Outlook::unknown(standing)),
    };
    place.tell(&live, groups, status);
    full::note(context.now, wanted, groups, status);
    if let Some(resource) = place.resource.as_ref().filter(|_| !marks.is_ours) {
        return Some(
            match before::owed(route, resource, &marks, &context.owner, status.listener_rule.before.as_ref()) {
                Ok(memory) => adopting(context, route, &place, memory),
                Err(standing) => Outlook::unknown(standing),
            },
        );
    }
    if let Some(since) = correction_since
        && let Err(standing) = drift::balancer_is_free(cluster, route, since, sight)?
    {
        return Some(Outlook::unknown(standing));
    }
    match command::accepts(context, route, wanted, status) {
        Some(Accepted::Live) => {
            status.intent = Some(held(context.now, &place, &live, groups)).filter(|_| !live.is_empty());
            drift::clear(status);
        }
        Some(Accepted::Held) => {
            drift::set_again(context, status);
            return Some(write::applying(None, "what was held is set again".to_owned()));
        }
        Some(Accepted::Nothing) => status.listener_rule.marked = None,
        None => {}
    }
    match (goal, wanted) {
        (Some(goal), _) => chosen::follow(context, route, goal, groups, &place, &marks, status, sight),
        (None, Some(wanted)) => write::follow(context, route, wanted, groups, &place, &marks, status, sight),
        (None, None) if let Some(outlook) = forgotten(route, status, &place) => Some(outlook),
        (None, None) => rest::at_rest(context, cluster, route, groups, &place, status, sight),
    }
}

/// Since when a correction is decided or due, where one is.
fn correction_since(route: &RouteObject, due: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let decided = route.status.intent.as_ref().and_then(|intent| intent.correction.as_ref());
    decided.map(|correction| correction.since).or(due.filter(|due| *due <= now))
}

/// A place that has carried this route's marks and does not any more was taken away: it is not marked again unless
/// somebody says `resume`.
fn lost_mark(
    context: &Context,
    route: &RouteObject,
    place: &Place<'_>,
    marks: &Marks,
    status: &mut WeightedRouteStatus,
) -> Option<Standing> {
    let resource = place.resource.as_ref()?.to_string();
    if marks.is_ours {
        status.listener_rule.marked = Some(resource);
        return None;
    }
    if status.listener_rule.marked.as_ref() != Some(&resource) {
        return None;
    }
    if matches!(command::new(route, status), Some(command::New::Resume)) {
        status.listener_rule.marked = None;
        command::note(context, route, status, Ok("accepted: the route's marks are put on AWS again".to_owned()));
        return None;
    }
    Some(marks_removed(context, route))
}

fn marks_removed(context: &Context, route: &RouteObject) -> Standing {
    let way_back = if route.spec.adopt {
        "give the command resume to have it marked again".to_owned()
    } else {
        format!("add the tags {OWNER_TAG}={} and {ROUTE_TAG}={} again", context.owner, route.key)
    };
    let message = format!(
        "the marks of this route (the tags {OWNER_TAG} and {ROUTE_TAG}) were removed from {}, so nothing more is written \
         there. If that was a mistake, {way_back}; else delete this route",
        describe_place(route)
    );
    Standing::Stalled(because(Reason::MarksRemoved, message))
}

/// The rule or action is marked as this route's before anything else is done to it.
fn adopting(context: &Context, route: &RouteObject, place: &Place<'_>, memory: Tags) -> Outlook {
    let reason = because(Reason::Adopting, format!("{} is being marked as this route's", describe_place(route)));
    Outlook {
        standing: Standing::Working(reason.clone()),
        synced: (Truth::False, reason),
        step: place.adoption(context, route, memory),
        look_again: true,
        wake: None,
    }
}

/// What was there before Weir is not known, so that the route cannot keep the word that its policy gives.
fn forgotten(route: &RouteObject, status: &WeightedRouteStatus, place: &Place<'_>) -> Option<Outlook> {
    let restores = route.spec.deletion_policy == RouteDeletionPolicy::Restore;
    if !restores || status.listener_rule.before.is_some() || place.resource.is_none() {
        return None;
    }
    let message = format!(
        "spec.deletionPolicy is Restore, but what was at {} before Weir is not on record (the tags {BEFORE_TAG}… are not \
         there); write deletionPolicy: Retain, or Delete for a rule",
        describe_place(route)
    );
    let reason = because(Reason::NotRestorable, message);
    Some(Outlook { look_again: false, ..Outlook::unknown(Standing::Stalled(reason)) })
}

fn troubled(trouble: &Trouble) -> Standing {
    match trouble {
        Trouble::Aws(error) => Standing::unwritable(error),
        Trouble::Violation(_) => Standing::Stalled(because(Reason::GuardViolation, trouble.to_string())),
    }
}

#[cfg(test)]
mod tests;
