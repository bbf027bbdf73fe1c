//! The deletion of a route: what must be undone on AWS, in which order, and when it ends whatever happens.
//!
//! A route carries the finalizer only while something would have to be undone. Once deleted it first lets a run go
//! back that is its shift's duty, then does what its policy says, then gives up its marks; what it has done is told by
//! AWS alone, so that it can be taken up anywhere. It needs no other object: the listener, the groups and what was there
//! before are in its own status, and on AWS. After [`DEADLINE`] it goes, and says what it leaves behind.

use jiff::SignedDuration;
use weir_api::WeightedRouteStatus;
use weir_api::condition::{READY, SYNCED, Truth, find};
use weir_api::traffic_shift::ShiftDeletionPolicy;
use weir_api::weighted_route::{Deletion, DeletionStage, RouteDeletionPolicy};

use crate::access;
use crate::backend;
use crate::object::{Cluster, RouteObject};
use crate::reader::{Asked, Facts, Reader};
use crate::ready_state::{Explanation, ReadyState, StatusConditions, because};
use crate::reason::Reason;
use crate::tick::{Context, Verdict, WriteError};
use crate::weights;
use crate::write::Write;

use super::assessment::LOOK_AGAIN;
use super::kind::{self, PlaceRecord, describe_place};
use super::look::look;
use super::observed::Looked;
use super::target::{RunTarget, Target};
use super::undo::Undo;

/// How long after its deletion was asked for a route goes, whatever could not be undone.
pub const DEADLINE: SignedDuration = SignedDuration::from_mins(10);

/// What a look at a route that is being deleted comes to.
enum Leaving {
    /// Something is being written, or will be.
    Undoing(Deletion, Explanation, Write),
    /// Something keeps it from going on.
    Blocked(String),
    /// A run is followed on its way back.
    Following(String, Option<Write>),
    /// Nothing is to be undone any more.
    Over(Explanation),
}

/// Whether deleting the route, with what is live and about to be written, would leave something to be undone.
pub(super) fn is_owed(looked: &Looked<'_>, place: &PlaceRecord, writes: bool, facts: &Facts) -> bool {
    let route = looked.route;
    if route.spec.deletion_policy == RouteDeletionPolicy::Retain && !looked.run().is_some_and(returns) {
        return false;
    }
    let is_marked = place.carries_marks(&looked.context.owner, route, facts);
    writes || is_marked.unwrap_or_else(|| route.has_finalizer() || kind::was_marked(route))
}

/// Whether the shift of a run goes back when it, or its route, is deleted.
fn returns(run: &RunTarget<'_>) -> bool {
    let has_before = !weights::without(&run.part.from, &run.run.to).is_empty();
    has_before && (run.goes_back() || run.shift.spec.deletion_policy == ShiftDeletionPolicy::Rollback)
}

/// Decides about a route whose deletion was asked for. Where it has no access, `refusal` says why.
pub(super) fn decide(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    refusal: Option<Explanation>,
    reader: &mut Reader<'_>,
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
    let leaving = match refusal {
        _ if context.now >= deadline => Leaving::Over(left_behind(route)),
        Some(reason) => Leaving::Blocked(reason.message.into()),
        None => undo(context, cluster, route, &mut status, reader)?,
    };
    let is_over = matches!(leaving, Leaving::Over(_));
    let (reason, write) = match leaving {
        Leaving::Undoing(deletion, reason, write) => {
            status.deletion = Some(deletion);
            (reason, Some(write))
        }
        Leaving::Following(message, write) => (because(Reason::RollingBack, message), write),
        Leaving::Blocked(message) => (because(Reason::DeletionBlocked, message), None),
        Leaving::Over(reason) => {
            status.deletion = Some(Deletion { stage: DeletionStage::Over, result: String::new() });
            (reason, None)
        }
    };
    let reason = match &context.write_error {
        Some(write_error) if write.is_some() => because(Reason::DeletionBlocked, failed_to_write(write_error)),
        _ => reason,
    };
    let ready_state = if is_over { ReadyState::Resting(reason.clone()) } else { ReadyState::Working(reason.clone()) };
    let synced = if is_over { Truth::False } else { Truth::Unknown };
    status.conditions = StatusConditions::after(&route.status.conditions, context.now, route.generation)
        .ready_state(&ready_state)
        .set(SYNCED, synced, &reason)
        .finish();
    let verdict = Verdict { finalizer: !is_over, write, ..Verdict::record(status) };
    Some(if is_over { verdict } else { verdict.waking(deadline).waking(reader.began + LOOK_AGAIN) })
}

fn failed_to_write(write_error: &WriteError) -> String {
    match write_error {
        WriteError::Aws(error) => format!("AWS refuses: {error}"),
        WriteError::Violation(_) => write_error.to_string(),
    }
}

/// One step of the way out.
fn undo(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    status: &mut WeightedRouteStatus,
    reader: &mut Reader<'_>,
) -> Asked<Leaving> {
    status.aws = access::record(reader.access());
    let target = Target::of(cluster, route);
    let members = backend::members(cluster, route);
    let looked = Looked { context, cluster, route, target: &target, members: &members };
    let place = match kind::find_to_leave(&looked, reader)? {
        Ok(Some(place)) => place,
        Ok(None) => return Some(gone(route)),
        Err(blocker) => return Some(Leaving::Blocked(blocker)),
    };
    let marks = match place.marks_to_leave(&context.owner, route, reader)? {
        Ok(Some(marks)) => marks,
        Ok(None) => return Some(gone(route)),
        Err(blocker) => return Some(Leaving::Blocked(blocker)),
    };
    if !marks.is_ours {
        return Some(unmarked(route));
    }
    if let Some(run) = target.run().filter(|run| returns(run)) {
        return follow(&looked, run, status, reader);
    }
    let record = place.record_leaving(&marks, PlaceRecord::of(route));
    record.clone().put(status);
    let undo = match route.spec.deletion_policy {
        RouteDeletionPolicy::Retain => {
            let message = format!("{} stays as it is, with Weir's marks", describe_place(route));
            return Some(Leaving::Over(because(Reason::NothingToUndo, message)));
        }
        RouteDeletionPolicy::Delete => place.delete(&marks),
        RouteDeletionPolicy::Restore => place.restore(&marks, &record, reader)?,
    };
    Some(match undo {
        Undo::Write(deletion, reason, write) => Leaving::Undoing(deletion, reason, write),
        Undo::Blocked(blocker) => Leaving::Blocked(blocker),
    })
}

/// A run that goes back is followed to its end; one that will go back is waited for.
fn follow(
    looked: &Looked<'_>,
    run: &RunTarget<'_>,
    status: &mut WeightedRouteStatus,
    reader: &mut Reader<'_>,
) -> Asked<Leaving> {
    let shift = &run.shift.key;
    if !run.goes_back() {
        let message = format!("waits for the run of the TrafficShift {shift} to go back over this route");
        return Some(Leaving::Following(message, None));
    }
    let (seen, assessment) = look(looked, reader)?;
    *status = seen.report(looked);
    if let Some(write) = &assessment.write {
        kind::record_write(write, status);
    }
    let message = format!(
        "the TrafficShift {shift} is rolling back over this route: {}",
        assessment.ready_state.explanation().message
    );
    Some(Leaving::Following(message, assessment.write))
}

/// The rule or listener is no more.
fn gone(route: &RouteObject) -> Leaving {
    let place = describe_place(route);
    Leaving::Over(if stage(route) == Some(DeletionStage::DeletingRule) {
        because(Reason::RuleDeleted, format!("{place} is deleted"))
    } else {
        because(Reason::NothingToUndo, format!("{place} does not exist, so there is nothing to undo"))
    })
}

/// The place does not carry the marks of this route any more.
fn unmarked(route: &RouteObject) -> Leaving {
    let place = describe_place(route);
    let deletion = route.status.deletion.as_ref();
    Leaving::Over(match deletion.map(|deletion| (deletion.stage, &deletion.result)) {
        Some((DeletionStage::RemovingTags, result)) => {
            because(Reason::Restored, format!("{result}; Weir's tags are gone from {place}"))
        }
        Some((DeletionStage::ReplacingRecords, result)) => because(Reason::Restored, result.clone()),
        _ => because(
            Reason::NothingToUndo,
            format!("{place} does not carry the marks of this route, so nothing is undone there"),
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
    let arn = route.status.listener_rule.arn.as_ref().map(|arn| format!(" ({arn})")).unwrap_or_default();
    let live = route.status.live.as_deref().unwrap_or("what is live");
    let why = ready.map_or("it was not looked at", |ready| ready.message.as_str());
    let message = format!(
        "the deletion has waited for {} minutes and ends. Left behind on AWS: {}{arn} with {live}, and \
         Weir's marks there. What kept it: {why}",
        DEADLINE.as_mins(),
        describe_place(route)
    );
    because(Reason::LeftBehind, message)
}
