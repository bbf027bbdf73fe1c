//! What somebody else has changed: told in words and, where the route's policy says so, undone, but not for ever.
//!
//! A correction is recorded before it is written, like any intent. After [`ENOUGH`] changes by another writer within
//! an hour the route is contested: nothing more is written for its intent until somebody wants something new.

use jiff::{SignedDuration, Timestamp};
use weir_api::WeightedRouteStatus;
use weir_api::condition::Truth;
use weir_api::weighted_route::{Correction, Difference, DriftPolicy, EnvironmentWeight, Intent, Reversal};

use crate::Arn;
use crate::entry_point;
use crate::fact::Forward;
use crate::object::{Cluster, RouteObject};
use crate::reason::Reason;
use crate::sight::{Asked, Sight};
use crate::standing::{Explanation, Standing, because};
use crate::step::MAX_GROUPS;
use crate::tick::Context;
use crate::weights;

use super::capacity::{self, Demand};
use super::write::Change;
use super::{LOOK_AGAIN, Outlook, gone};

/// How long a difference must be seen, and what was set must have been live, before it is corrected, and how long after a
/// correction was written what it went over counts as live still: AWS may show the state before a write for some seconds
/// after it.
const SETTLING: SignedDuration = SignedDuration::from_secs(10);
/// The span in which changes by another writer are counted.
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// So many changes by another writer within an hour are a fight.
pub(super) const ENOUGH: usize = 3;

/// Whether the route has stopped to correct.
pub(super) fn is_contested(route: &RouteObject, status: &WeightedRouteStatus) -> bool {
    route.spec.drift == DriftPolicy::Correct && status.reversals.len() >= ENOUGH
}

/// The condition `Contested`, for a route that corrects.
pub(super) fn contested(route: &RouteObject, status: &WeightedRouteStatus) -> Option<(Truth, Explanation)> {
    (route.spec.drift == DriftPolicy::Correct).then(|| {
        if is_contested(route, status) {
            (Truth::True, because(Reason::Contested, fight(status)))
        } else {
            (Truth::False, because(Reason::Uncontested, "nobody keeps changing what this route sets"))
        }
    })
}

/// The fight in words: what was expected, and what another writer has set instead, and when.
fn fight(status: &WeightedRouteStatus) -> String {
    let changes: Vec<String> =
        status.reversals.iter().map(|reversal| format!("{} at {:.0}", reversal.found, reversal.at)).collect();
    let expected = status.intent.as_ref().map_or_else(String::new, expectation);
    format!(
        "another writer keeps changing the weights: it has set {}; expected {expected}. Nothing more is corrected until \
         the spec changes, a run wants something new, or the command resume is given. Find the writer (CloudTrail shows \
         who calls ModifyRule and ModifyListener) and make it leave these weights alone",
        changes.join(", then ")
    )
}

/// What was set, by whom and when.
pub(super) fn expectation(intent: &Intent) -> String {
    let by = match &intent.follow {
        Some(follow) => format!("spec.weights of generation {} set", follow.generation),
        None if intent.shift.is_empty() => "was live and is held".to_owned(),
        None if intent.left_at.is_some() => format!("run {} of {} would have set", intent.run, intent.shift),
        None => format!("run {} of {} set", intent.run, intent.shift),
    };
    format!("{}, which {by} at {:.0}", weights::words(&intent.weights), intent.since)
}

/// The difference between what was set and what is live.
fn difference(intent: &Intent, live: &[EnvironmentWeight]) -> Explanation {
    if weights::same_action(live, &intent.weights) {
        let message = "the weights are as they should be, but stickiness between groups, or a group without weight, was \
                       changed";
        return because(Reason::Drifted, message);
    }
    // Whoever has put something else in its place may not know what takes it away again.
    let way = if weights::total(live) == 0 {
        ". The command resume has it set again, in a run on the TrafficShift, else on this route"
    } else {
        ""
    };
    because(Reason::Drifted, format!("found {}; expected {}{way}", weights::words(live), expectation(intent)))
}

/// A step that was about to be made finds something else than it starts from.
fn departure(intent: &Intent, before: &[EnvironmentWeight], live: &[EnvironmentWeight]) -> Explanation {
    let by = match &intent.follow {
        Some(_) => "spec.weights".to_owned(),
        None => format!("run {} of {}", intent.run, intent.shift),
    };
    let message = format!(
        "found {}; expected {}, from which {by} was about to go to {}",
        weights::words(live),
        weights::words(before),
        weights::words(&intent.weights)
    );
    because(Reason::Drifted, message)
}

/// Since when corrections are due for what a route has on record, where they are.
pub(super) fn correction_due(route: &RouteObject) -> Option<Timestamp> {
    if route.spec.drift != DriftPolicy::Correct || is_contested(route, &route.status) {
        return None;
    }
    let seen = route.status.difference.as_ref()?.since;
    let live_since = route.status.intent.as_ref().and_then(|intent| intent.verified_at);
    Some(seen.max(live_since.unwrap_or(seen)) + SETTLING)
}

/// What is live is as it should be: there is no difference.
pub(super) fn clear(status: &mut WeightedRouteStatus) {
    status.difference = None;
}

/// Something new is wanted: what was different from the old is no difference any more, and a fight about it is over.
pub(super) fn forget(route: &RouteObject, status: &mut WeightedRouteStatus) {
    clear(status);
    if is_contested(route, status) {
        status.reversals.clear();
    }
}

/// What is live where nothing was held is nothing to go on from: what was held is to be set again.
pub(super) fn set_again(context: &Context, status: &mut WeightedRouteStatus) {
    clear(status);
    let over = status.weights.clone();
    if let Some(intent) = status.intent.as_mut() {
        record(context, over, false, intent);
    }
}

/// Puts a correction of what is live on record: what was set is not seen any more.
fn record(context: &Context, over: Vec<EnvironmentWeight>, attaching: bool, intent: &mut Intent) {
    let was_live_at = intent.verified_at.take();
    intent.left_at = None;
    intent.correction = Some(Correction { over, since: context.now, was_live_at, attaching });
}

/// Nothing is done about it.
pub(super) fn told(reason: Explanation) -> Outlook {
    Outlook {
        standing: Standing::Resting(reason.clone()),
        synced: (Truth::False, reason),
        step: None,
        look_again: false,
        wake: None,
    }
}

fn correcting(message: String) -> Outlook {
    let reason = because(Reason::Correcting, message);
    Outlook {
        standing: Standing::Working(reason.clone()),
        synced: (Truth::False, reason),
        step: None,
        look_again: false,
        wake: None,
    }
}

/// A correction that cannot be written any more, for want of capacity, is given up until it can.
pub(super) fn give_up(status: &mut WeightedRouteStatus, intent: &mut Intent) {
    if let Some(correction) = intent.correction.take() {
        intent.verified_at = correction.was_live_at;
        status.reversals.pop();
    }
}

/// What is live with the groups attached that a correction will give weight and that somebody else has detached; none
/// where all are there, or would be too many. Only attached groups have their health checked.
pub(super) fn missing(wanted: &[EnvironmentWeight], live: &[EnvironmentWeight]) -> Option<Vec<EnvironmentWeight>> {
    let attached = weights::with_attached(&weights::carrying(live), &weights::carrying(wanted));
    let is_new = |entry: &&EnvironmentWeight| !live.iter().any(|there| there.environment == entry.environment);
    (attached.iter().any(|entry| is_new(&entry)) && attached.len() <= MAX_GROUPS).then_some(attached)
}

impl Change<'_> {
    /// What is live differs from what was set: it is met as the route's policy says.
    pub(super) fn meet_difference(
        &self,
        intent: &mut Intent,
        status: &mut WeightedRouteStatus,
        sight: &mut Sight<'_>,
    ) -> Asked<Outlook> {
        self.meet(&self.gone_or(intent, || difference(intent, &self.live)), status, intent, sight)
    }

    /// A step finds something else than it starts from: it is met as the route's policy says.
    pub(super) fn meet_departure(
        &self,
        intent: &mut Intent,
        before: &[EnvironmentWeight],
        status: &mut WeightedRouteStatus,
        sight: &mut Sight<'_>,
    ) -> Asked<Outlook> {
        self.meet(&self.gone_or(intent, || departure(intent, before, &self.live)), status, intent, sight)
    }

    fn meet(
        &self,
        found: &Explanation,
        status: &mut WeightedRouteStatus,
        intent: &mut Intent,
        sight: &mut Sight<'_>,
    ) -> Asked<Outlook> {
        let noted = status.difference.take().filter(|noted| noted.found == self.live);
        let noted = noted.unwrap_or_else(|| Difference { since: self.context.now, found: self.live.clone() });
        let since = noted.since;
        status.difference = Some(noted.clone());
        let message = format!("{}. Somebody else has changed it; seen since {since:.0}", found.message);
        let telling = |message: String| told(because(found.reason, message));
        Some(match self.route.spec.drift {
            DriftPolicy::Alert | DriftPolicy::Adopt => telling(message),
            DriftPolicy::Pause => telling(format!(
                "{message}. spec.drift is Pause: nothing new is begun until that is live again, or the command resume \
                 accepts what is live"
            )),
            DriftPolicy::Correct if is_contested(self.route, status) => {
                telling(format!("{message}. The route is contested"))
            }
            DriftPolicy::Correct => {
                return self.decide_correction(&because(found.reason, message), noted, status, intent, sight);
            }
        })
    }

    /// Puts a correction on record once it is due and the capacity is there.
    fn decide_correction(
        &self,
        found: &Explanation,
        noted: Difference,
        status: &mut WeightedRouteStatus,
        intent: &mut Intent,
        sight: &mut Sight<'_>,
    ) -> Asked<Outlook> {
        let message = &found.message;
        let due = noted.since.max(intent.verified_at.unwrap_or(noted.since)) + SETTLING;
        if self.context.now < due {
            let message = format!("{message}. It will be corrected at {due:.0}");
            return Some(Outlook { wake: Some(due), ..correcting(message) });
        }
        let waiting = |why: String, sight: &Sight<'_>| {
            let wake = Some(sight.began + LOOK_AGAIN);
            Some(Outlook { wake, ..correcting(format!("{message}. It waits to be corrected: {why}")) })
        };
        if intent.baseline.is_none() {
            match capacity::count(&noted.found, &intent.weights, self.groups, sight)? {
                Ok(baseline) => intent.baseline = Some(baseline),
                Err(unknown) => return waiting(unknown, sight),
            }
        }
        let demand = Demand {
            live: &noted.found,
            wanted: &intent.weights,
            needs: capacity::needs(intent.baseline.unwrap_or(0), self.route.spec.capacity.min_healthy_percent),
            returns: intent.verified_at.is_some(),
        };
        let mut attaching = false;
        if weights::total(demand.live) > 0
            && let Err(short) = capacity::suffices(&demand, self.groups, sight)?
        {
            attaching = missing(&intent.weights, &noted.found).is_some();
            if !attaching {
                return waiting(short, sight);
            }
        }
        status.reversals.retain(|reversal| self.context.now < reversal.at + HOUR);
        status.reversals.push(Reversal { at: noted.since, found: weights::words(&noted.found) });
        if is_contested(self.route, status) {
            return Some(told(because(found.reason, format!("{message}. The route is contested"))));
        }
        record(self.context, noted.found, attaching, intent);
        status.difference = None;
        Some(correcting(format!("{message}. It is being corrected")))
    }

    fn gone_or(&self, intent: &Intent, difference: impl FnOnce() -> Explanation) -> Explanation {
        if self.place.gone.is_some() { gone::difference(self.route, intent) } else { difference() }
    }

    /// Whether a correction was written and has been undone before it was seen: what it went over is live again, or still.
    ///
    /// One that was decided and not written, since the process died or had to wait, is no change of anybody's. So it counts
    /// that this process has written it; or that this is on record, as a difference that is seen.
    pub(super) fn is_undone(&self, intent: &Intent) -> bool {
        let Some(correction) = intent.correction.as_ref() else { return false };
        let waits_for_health = correction.attaching && missing(&intent.weights, &self.live).is_none();
        let is_noted = self.route.status.difference.as_ref().is_some_and(|noted| noted.found == self.live);
        let is_written = self.settles_at(correction).is_some_and(|at| self.context.now >= at);
        weights::same_split(&correction.over, &self.live) && !waits_for_health && (is_noted || is_written)
    }

    /// The same without the write, where that was made and AWS may not show it yet.
    pub(super) fn written_once(&self, correction: &Correction, outlook: Outlook) -> Outlook {
        match self.settles_at(correction).filter(|at| self.context.now < *at) {
            Some(at) => Outlook { step: None, wake: Some(at), ..outlook },
            None => outlook,
        }
    }

    /// When a correction that this process has written counts as undone if it is not seen to be live by then.
    fn settles_at(&self, correction: &Correction) -> Option<Timestamp> {
        let (at, step) = self.context.accepted.as_ref().filter(|_| self.context.trouble.is_none())?;
        let is_it = step.forward().is_some_and(|forward| correction.attaching || carry_alike(forward, &self.forward));
        (is_it && *at >= correction.since).then_some(*at + SETTLING)
    }
}

/// Whether both give the same groups the same weights. Groups without weight do not matter.
fn carry_alike(one: &Forward, other: &Forward) -> bool {
    let carrying = |forward: &Forward| -> Vec<(Arn, u16)> {
        let groups = forward.groups.iter().filter(|(_, weight)| **weight > 0);
        groups.map(|(group, weight)| (group.clone(), *weight)).collect()
    };
    one.sticky_seconds == other.sticky_seconds && carrying(one) == carrying(other)
}

/// Whether another controller has taken over the balancer, as its tags tell since the correction was decided; the
/// error says so.
pub(super) fn balancer_is_free(
    cluster: &Cluster,
    route: &RouteObject,
    since: Timestamp,
    sight: &mut Sight<'_>,
) -> Asked<Result<(), Standing>> {
    let Some(balancer) = entry_point::balancer_of(cluster, route) else { return Some(Ok(())) };
    Some(match sight.tags(&balancer, since)?.found {
        Ok(tags) => entry_point::owned_by_another(tags).map_or(Ok(()), |reason| Err(Standing::Stalled(reason))),
        Err(error) => Err(Standing::unreadable(error, "the balancer's tags")),
    })
}

#[cfg(test)]
mod tests;
