//! The deletion of a route: what must be undone on AWS, in which order, and when it ends whatever happens.
//!
//! A route carries the finalizer only while something would have to be undone. Once deleted it first lets a run go
//! back that is its shift's duty, then does what its policy says, then gives up its marks; what it has done is told by
//! AWS alone, so that it can be taken up anywhere. It needs no other object: the listener, the groups and what was there
//! before are in its own status, and on AWS. After [`DEADLINE`] it goes, and says what it leaves behind.

mod restore;
mod spot;

use jiff::SignedDuration;
use weir_api::WeightedRouteStatus;
use weir_api::condition::{READY, SYNCED, Truth, find};
use weir_api::traffic_shift::ShiftDeletionPolicy;
use weir_api::weighted_route::{Before, Deletion, DeletionStage, RouteDeletionPolicy};

use crate::Arn;
use crate::access;
use crate::backend;
use crate::fact::{Query, Tags};
use crate::object::{Cluster, RouteObject};
use crate::reason::Reason;
use crate::sight::{Asked, Facts, Sight};
use crate::standing::{Explanation, Standing, StatusConditions, because};
use crate::step::{Step, TAG_PREFIX};
use crate::tick::{Context, Trouble, Verdict};
use crate::weights;

use super::place::{describe_place, is_marked};
use super::wanted::{Wanted, wanted};
use super::{before, conflict, look};
use spot::{Spot, spot};

/// How long after its deletion was asked for a route goes, whatever could not be undone.
pub const DEADLINE: SignedDuration = SignedDuration::from_mins(10);

/// How soon a route that is being deleted looks again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(15);

/// Where the deletion stands.
enum Stand {
    /// Something is being written, or will be.
    Undoing(Deletion, Explanation, Step),
    /// Something keeps it from going on.
    Blocked(String),
    /// A run is followed on its way back.
    Following(String, Option<Step>),
    /// Nothing is to be undone any more.
    Over(Explanation),
}

/// Whether deleting the route, with what is live and about to be written, would leave something to be undone.
pub(super) fn is_owed(
    context: &Context,
    route: &RouteObject,
    wanted: Option<&Wanted<'_>>,
    status: &WeightedRouteStatus,
    writes: bool,
    facts: &Facts,
) -> bool {
    if route.spec.deletion_policy == RouteDeletionPolicy::Retain && !wanted.is_some_and(returns) {
        return false;
    }
    let tags = status.listener_rule.arn.as_ref().and_then(|arn| facts.last::<Tags>(Query::Tags(Arn::new(arn))));
    match tags.and_then(|reading| reading.found.ok()) {
        Some(tags) => writes || is_marked(tags, &context.owner, &route.key),
        None => writes || route.has_finalizer() || conflict::was_marked(route),
    }
}

/// Whether the shift of a run goes back when it, or its route, is deleted.
fn returns(wanted: &Wanted<'_>) -> bool {
    let has_before = !weights::without(&wanted.part.from, &wanted.run.to).is_empty();
    has_before && (wanted.goes_back() || wanted.shift.spec.deletion_policy == ShiftDeletionPolicy::Rollback)
}

/// Decides about a route whose deletion was asked for. Where it has no access, `refusal` says why.
pub(super) fn decide(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    refusal: Option<Explanation>,
    sight: &mut Sight<'_>,
) -> Asked<Verdict<WeightedRouteStatus>> {
    let Some(deleted) = route.deleted.filter(|_| route.has_finalizer()) else {
        // What keeps it is somebody else's; nothing of ours is left to do.
        return Some(Verdict::record(route.status.clone()));
    };
    let mut status = WeightedRouteStatus { observed_generation: Some(route.generation), ..route.status.clone() };
    let deadline = deleted.max(context.counted_from) + DEADLINE;
    if stage(route) == Some(DeletionStage::Over) {
        return Some(Verdict::record(status));
    }
    let stand = match refusal {
        _ if context.now >= deadline => Stand::Over(left_behind(route)),
        Some(reason) => Stand::Blocked(reason.message.into()),
        None => undo(context, cluster, route, &mut status, sight)?,
    };
    let is_over = matches!(stand, Stand::Over(_));
    let (reason, step) = match stand {
        Stand::Undoing(deletion, reason, step) => {
            status.deletion = Some(deletion);
            (reason, Some(step))
        }
        Stand::Following(message, step) => (because(Reason::RollingBack, message), step),
        Stand::Blocked(message) => (because(Reason::DeletionBlocked, message), None),
        Stand::Over(reason) => {
            status.deletion = Some(Deletion { stage: DeletionStage::Over, result: String::new() });
            (reason, None)
        }
    };
    let reason = match &context.trouble {
        Some(trouble) if step.is_some() => because(Reason::DeletionBlocked, troubled(trouble)),
        _ => reason,
    };
    let standing = if is_over { Standing::Resting(reason.clone()) } else { Standing::Working(reason.clone()) };
    let synced = if is_over { Truth::False } else { Truth::Unknown };
    status.conditions = StatusConditions::after(&route.status.conditions, context.now, route.generation)
        .standing(&standing)
        .set(SYNCED, synced, &reason)
        .finish();
    let verdict = Verdict { finalizer: !is_over, step, ..Verdict::record(status) };
    Some(if is_over { verdict } else { verdict.waking(deadline).waking(sight.began + LOOK_AGAIN) })
}

fn troubled(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Aws(error) => format!("AWS refuses: {error}"),
        Trouble::Violation(_) => trouble.to_string(),
    }
}

/// One step of the way out.
fn undo(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    status: &mut WeightedRouteStatus,
    sight: &mut Sight<'_>,
) -> Asked<Stand> {
    status.aws = access::record(sight.access());
    let spot = match spot(cluster, route, sight)? {
        Ok(Some(spot)) => spot,
        Ok(None) => return Some(gone(route)),
        Err(blocker) => return Some(Stand::Blocked(blocker)),
    };
    if !is_marked(spot.tags, &context.owner, &route.key) {
        return Some(unmarked(route));
    }
    if let Some(wanted) = wanted(cluster, route).filter(returns) {
        return follow(context, cluster, route, &wanted, status, sight);
    }
    status.listener_rule.listener = Some(spot.listener.to_string());
    status.listener_rule.arn = Some(spot.resource.to_string());
    status.listener_rule.before =
        before::read(spot.tags, &spot.resource).or_else(|| status.listener_rule.before.clone());
    Some(match (route.spec.deletion_policy, status.listener_rule.before.clone()) {
        (RouteDeletionPolicy::Retain, _) => {
            let message = format!("{} stays as it is, with Weir's tags", describe_place(route));
            Stand::Over(because(Reason::NothingToUndo, message))
        }
        (RouteDeletionPolicy::Delete, _) => delete_rule(route, &spot),
        (RouteDeletionPolicy::Restore, None) => {
            let why = "what was there before Weir is not on record, so what is live stays";
            unmark(&spot, why)
        }
        (RouteDeletionPolicy::Restore, Some(before)) if before == Before::default() => delete_rule(route, &spot),
        (RouteDeletionPolicy::Restore, Some(before)) => restore::restore(route, &spot, &before, sight)?,
    })
}

/// A run that goes back is followed to its end; one that will go back is waited for.
fn follow(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    wanted: &Wanted<'_>,
    status: &mut WeightedRouteStatus,
    sight: &mut Sight<'_>,
) -> Asked<Stand> {
    let shift = &wanted.shift.key;
    if !wanted.goes_back() {
        let message = format!("waits for the run of the TrafficShift {shift} to go back over this route");
        return Some(Stand::Following(message, None));
    }
    let groups = backend::groups(cluster, route);
    let outlook = look(context, cluster, route, Some(wanted), &groups, status, sight)?;
    let message =
        format!("the TrafficShift {shift} is rolling back over this route: {}", outlook.standing.explanation().message);
    Some(Stand::Following(message, outlook.step))
}

fn delete_rule(route: &RouteObject, spot: &Spot<'_>) -> Stand {
    let Some(rule) = spot.rule.filter(|_| !spot.is_default) else {
        return unmark(spot, "a listener's default action cannot be deleted and stays");
    };
    let step = Step::DeleteRule { listener: spot.listener.clone(), rule: rule.arn.clone() };
    let reason = because(Reason::DeletingRule, format!("{} is being deleted", describe_place(route)));
    let deletion = Deletion { stage: DeletionStage::DeletingRule, result: String::new() };
    Stand::Undoing(deletion, reason, step)
}

/// The last write: the marks go, and with them the right to write anything else.
fn unmark(spot: &Spot<'_>, why: &str) -> Stand {
    let keys = spot.tags.keys().filter(|key| key.starts_with(TAG_PREFIX)).cloned().collect();
    let step = Step::RemoveTags { resource: spot.resource.clone(), keys };
    let reason = because(Reason::RemovingTags, format!("{why}; Weir's tags are being removed"));
    let deletion = Deletion { stage: DeletionStage::RemovingTags, result: why.to_owned() };
    Stand::Undoing(deletion, reason, step)
}

/// The rule or listener is no more.
fn gone(route: &RouteObject) -> Stand {
    let place = describe_place(route);
    Stand::Over(if stage(route) == Some(DeletionStage::DeletingRule) {
        because(Reason::RuleDeleted, format!("{place} is deleted"))
    } else {
        because(Reason::NothingToUndo, format!("{place} does not exist, so there is nothing to undo"))
    })
}

/// The place does not carry the marks of this route any more.
fn unmarked(route: &RouteObject) -> Stand {
    let place = describe_place(route);
    let deletion = route.status.deletion.as_ref();
    Stand::Over(match deletion.filter(|deletion| deletion.stage == DeletionStage::RemovingTags) {
        Some(deletion) => because(Reason::Restored, format!("{}; Weir's tags are gone from {place}", deletion.result)),
        None => because(
            Reason::NothingToUndo,
            format!("{place} does not carry the tags of this route, so nothing is undone there"),
        ),
    })
}

/// How far the deletion has come, as it is on record.
fn stage(route: &RouteObject) -> Option<DeletionStage> {
    route.status.deletion.as_ref().map(|deletion| deletion.stage)
}

/// The deadline has passed: what is left, and what kept it.
fn left_behind(route: &RouteObject) -> Explanation {
    let ready = find(&route.status.conditions, READY);
    let arn = route.status.listener_rule.arn.as_deref().unwrap_or("whose ARN is not known");
    let live = route.status.live.as_deref().unwrap_or("what is live");
    let why = ready.map_or("it was not looked at", |ready| ready.message.as_str());
    let message = format!(
        "the deletion has waited for {} minutes and ends. Left behind on AWS: {} ({arn}) with {live}, and the tags \
         {TAG_PREFIX}… on it. What kept it: {why}",
        DEADLINE.as_mins(),
        describe_place(route)
    );
    because(Reason::LeftBehind, message)
}
