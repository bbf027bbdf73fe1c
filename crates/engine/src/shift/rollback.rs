//! Brings the traffic back to what carried it before: at once where that side has the capacity, else as fast as the
//! capacity allows, and always towards the side with more that is known to be healthy.

use jiff::SignedDuration;
use weir_api::traffic_shift::{Outcome, Phase, Run, RunRoute};
use weir_api::weighted_route::EnvironmentWeight;

use crate::object::ShiftObject;
use crate::reader::{Asked, Reader, all};
use crate::reason::Reason;
use crate::tick::Urgency;
use crate::weights;
use crate::write::MAX_GROUPS;

use super::draft::Draft;
use super::plan::Plan;
use super::progress::RouteProgress;
use super::run::{change, returns_to, waiting_since};
use super::{health, supersede};

/// How soon a rollback that waits for capacity looks again.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(5);
/// The same once it has waited for a while: what has not come by then mostly takes long, and many may wait for it.
const LOOK_LATER: SignedDuration = SignedDuration::from_secs(15);
/// How long it is that while.
const WHILE: SignedDuration = SignedDuration::from_mins(1);

/// Whether a rollback has done all that it can until there is more capacity, or resolvers have forgotten what they were
/// answered. Then it only watches, like a run that goes forward: it is urgent again once there is something to write.
pub(crate) fn only_watches(shift: &ShiftObject) -> bool {
    let is_applied = shift.status.run.as_ref().is_some_and(|run| run.applied_at.is_some());
    let waits = [Reason::RollbackCapacity, Reason::OldAnswers];
    is_applied
        && shift.status.waiting.as_ref().is_some_and(|waiting| waits.iter().any(|reason| waiting.reason == *reason))
}

/// What a rollback wants of one route.
struct Return {
    weights: Vec<EnvironmentWeight>,
    /// Why not everything moves at once.
    short: Option<String>,
}

/// Brings the traffic back as far as the capacity allows.
pub(super) fn go_back(
    draft: &mut Draft<'_>,
    routes: &[RouteProgress<'_>],
    plan: &Plan,
    reader: &mut Reader<'_>,
) -> Asked<()> {
    let run = &draft.status.run.clone()?;
    if !only_watches(draft.shift) {
        reader.hurry(Urgency::Rollback);
    }
    let percent = draft.shift.spec.capacity.min_healthy_percent;
    let shift = draft.shift;
    let returns = all(routes.iter().map(|route| {
        let kept = || Return { weights: route.part.weights.clone(), short: None };
        if route.is_left(shift, run) { Some(kept()) } else { of_route(route, run, percent, reader) }
    }))?;
    let short = returns.iter().find_map(|back| back.short.clone());
    // What a run wants that has yet to be told what is live was never written.
    let changed = run.surveying
        || returns.iter().zip(&run.routes).any(|(back, part)| !weights::same_action(&back.weights, &part.weights));
    if changed {
        publish(draft, &returns, short.as_deref());
    }
    let words = draft.status.run.as_ref().map_or_else(String::new, |run| run.summary.clone());
    match (changed || run.applied_at.is_none(), short) {
        (true, None) => {
            let (reason, message) = going_back(draft, run, routes, &words);
            draft.wait(Phase::RollingBack, reason, message, None);
        }
        (_, Some(short)) => {
            if !changed && run.applied_at.is_some() && supersede::replace_rollback(draft, run, plan, reader)? {
                return Some(());
            }
            let is_new = draft.now < waiting_since(draft.shift, Reason::RollbackCapacity, draft.now) + WHILE;
            draft.wait(Phase::RollingBack, Reason::RollbackCapacity, short, None);
            draft.wake_at(reader.began + if is_new { LOOK_AGAIN } else { LOOK_LATER });
            give_up_without_capacity(draft, run);
        }
        (false, None) => remember(draft, Outcome::RolledBack),
    }
    Some(())
}

/// What a rollback waits for: that it is seen to be live, or whatever keeps a route from it.
fn going_back(draft: &Draft<'_>, run: &Run, routes: &[RouteProgress<'_>], words: &str) -> (Reason, String) {
    let why = run.rollback.as_ref().map_or("", |cause| &cause.message);
    let behind = routes.iter().find(|route| route.is_hindered() && !route.is_applied(draft.shift, run));
    match behind {
        Some(route) => (Reason::RollbackBlocked, format!("going back to {words}: {why}; {}", route.says())),
        None => (Reason::RollingBack, format!("going back to {words}, waiting for it to be live: {why}")),
    }
}

/// The sides between which a route's traffic is divided while it goes back.
struct Sides {
    /// What a rollback goes back to.
    target: Vec<EnvironmentWeight>,
    /// What else carries traffic beside the candidate, left half way by a run from which this one took over.
    remainder: Vec<EnvironmentWeight>,
}

fn of_route(route: &RouteProgress<'_>, run: &Run, min_healthy_percent: i32, reader: &mut Reader<'_>) -> Asked<Return> {
    let target = weights::without(route.part.rollback_target(), &run.to);
    if target.is_empty() {
        return Some(Return { weights: route.part.weights.clone(), short: None });
    }
    let sides = Sides { target, remainder: health::remainder(route, run) };
    let fresh = reader.fresh();
    let old = health::carrying(route, &sides.target, fresh, reader);
    let rest = health::carrying(route, &sides.remainder, fresh, reader);
    let new = health::of(route, &run.to, fresh, reader);
    let (old, rest, new) = (old?, rest?.unwrap_or(0), new?);
    let new = new.map_or(0, |health| i32::try_from(health.able()).unwrap_or(i32::MAX));
    let old = match old {
        Ok(old) => old,
        Err(unknown) => {
            let carried = weights::percent_up(&route.part.weights, &run.to);
            let enough = i64::from(new) >= weights::needed(carried, route.part.baseline, min_healthy_percent).max(1);
            // A candidate that is known to be well carries what it has until more is known. Otherwise what cannot be
            // read does not hold the rollback back: the old side did carry the traffic.
            return Some(if enough && carried > 0 && !run.surveying {
                let short =
                    format!("{unknown}, and {} is healthy: it keeps what it carries until more is known", run.to);
                Return { weights: route.part.weights.clone(), short: Some(short) }
            } else {
                Return { weights: sides.everything(route, run), short: None }
            });
        }
    };
    let needed =
        i32::try_from(weights::needed(100, route.part.baseline, min_healthy_percent)).unwrap_or(i32::MAX).max(1);
    let wanted = weights::percent(&route.part.weights, &run.to);
    let live = if weights::total(route.live()) == 0 { wanted } else { weights::percent(route.live(), &run.to) };
    let gone_back = 100 - wanted.min(live);
    let share = share_of_old(old.saturating_add(rest), new, needed).max(gone_back);
    // What is left half way elsewhere takes what the target cannot take yet, rather than the candidate.
    let at_target = if rest == 0 || old >= needed { share } else { share.min(old * 100 / needed) };
    if at_target >= 100 {
        return Some(Return { weights: sides.everything(route, run), short: None });
    }
    let beside = if rest == 0 { String::new() } else { format!(", {rest} on what was left half way before") };
    let at_once = if old > 0 {
        "; to bring everything back at once on what is healthy there, set spec.capacity.minHealthyPercent to 1"
    } else {
        ""
    };
    let short = format!(
        "only {old} of {needed} healthy targets are on the side that carried the traffic before{beside}, {new} on {}: \
         {at_target} % is back, the rest follows as they become healthy{at_once}",
        run.to
    );
    Some(Return { weights: sides.divided(run, at_target, share - at_target), short: Some(short) })
}

impl Sides {
    fn everything(&self, route: &RouteProgress<'_>, run: &Run) -> Vec<EnvironmentWeight> {
        // A client that sticks to the candidate would go on being answered by it while its group is in the action.
        // Once dropped it stays so: without it there is no stickiness left by which to tell.
        let is_attached = route.part.weights.iter().any(|entry| entry.environment == run.to);
        let dropped = !is_attached || route.sticky_seconds().is_some();
        if dropped { weights::normal(self.target.clone()) } else { attached(self.target.clone(), &route.part.weights) }
    }

    fn divided(&self, run: &Run, at_target: i32, remainder: i32) -> Vec<EnvironmentWeight> {
        let candidate = EnvironmentWeight { environment: run.to.clone(), weight: 100 - at_target - remainder };
        let mut weights = weights::portion(&self.target, at_target);
        weights.extend(weights::portion(&self.remainder, remainder));
        weights.push(candidate);
        weights::normal(weights)
    }
}

/// The weights with other environments attached without weight, as many as an action takes.
fn attached(weights: Vec<EnvironmentWeight>, others: &[EnvironmentWeight]) -> Vec<EnvironmentWeight> {
    let mut weights = weights;
    for other in others {
        if weights.len() < MAX_GROUPS && weights.iter().all(|entry| entry.environment != other.environment) {
            weights.push(EnvironmentWeight { environment: other.environment.clone(), weight: 0 });
        }
    }
    weights::normal(weights)
}

/// The weights with what a rollback goes back to attached: a target group that no action names is not checked, and
/// one that is not checked cannot take the traffic at once.
pub(super) fn with_target(weights: Vec<EnvironmentWeight>, part: &RunRoute) -> Vec<EnvironmentWeight> {
    attached(weights, part.rollback_target())
}

/// The part of the traffic, in percent, that the old side takes: what its healthy targets can carry, and where both
/// sides together cannot carry everything, in proportion to what is healthy.
fn share_of_old(old: i32, new: i32, needed: i32) -> i32 {
    let (old, new, needed) = (i64::from(old), i64::from(new), i64::from(needed));
    let share = if old >= needed || new == 0 {
        100
    } else if old + new >= needed {
        old * 100 / needed
    } else {
        old * 100 / (old + new)
    };
    i32::try_from(share).unwrap_or(100)
}

fn publish(draft: &mut Draft<'_>, returns: &[Return], short: Option<&str>) {
    let Some(run) = draft.status.run.as_mut() else { return };
    change(run, |index, _| returns[index].weights.clone());
    run.surveying = false;
    run.weight = run.routes.iter().map(|part| weights::percent_up(&part.weights, &run.to)).max().unwrap_or(0);
    if short.is_some() {
        run.note = Some("the old side had too few healthy targets to take everything at once".to_owned());
    }
}

/// A rollback that has waited for capacity for as long as a run may go without progress has failed.
fn give_up_without_capacity(draft: &mut Draft<'_>, run: &Run) {
    let deadline = draft.deadline_since(run.progressed_at);
    if draft.now >= deadline && run.applied_at.is_some() {
        remember(draft, Outcome::Failed);
    } else if draft.now < deadline {
        draft.wake_at(deadline);
    }
}

/// Asks the routes to remember the end.
fn remember(draft: &mut Draft<'_>, outcome: Outcome) {
    let returned_to = draft.status.run.as_ref().and_then(|run| returns_to(draft.shift, run));
    draft.remember(outcome, |_, part| part.weights.clone());
    if let Some(run) = draft.status.run.as_mut() {
        run.returned_to = returned_to.filter(|_| outcome == Outcome::RolledBack);
    }
}
