//! What a route was given for the first time, and cannot answer: nobody has a healthy target there yet. A rule that is new
//! is not Ready before there is one, since its requests fail, which something else has answered until then.

use jiff::SignedDuration;
use weir_api::WeightedRouteStatus;
use weir_api::condition::{READY, find};

use crate::claim;
use crate::reader::{Asked, Reader, all};
use crate::ready_state::{ReadyState, because};
use crate::reason::Reason;
use crate::weights;

use super::assessment::Assessment;
use super::capacity;
use super::observed::Looked;

/// How long after weights were seen to be live their first health is asked for.
const MOMENT: SignedDuration = SignedDuration::from_secs(60);
/// How soon it is looked at again.
const INTERVAL: SignedDuration = SignedDuration::from_secs(15);

/// Says of a route that is otherwise ready that its first shift has brought the traffic to where nothing is healthy.
pub(super) fn mention(looked: &Looked<'_>, assessment: &mut Assessment) {
    let ReadyState::Ready(_) = &assessment.ready_state else { return };
    let (cluster, route) = (looked.cluster, looked.route);
    let waiting = claim::holder(cluster, &route.key).and_then(|shift| shift.status.waiting.as_ref());
    if let Some(waiting) =
        waiting.filter(|waiting| waiting.reason == Reason::NoHealthyTarget && route.spec.weights.is_none())
    {
        assessment.ready_state = ReadyState::Resting(because(Reason::NoHealthyTarget, waiting.message.clone()));
    }
}

/// The same of a route whose first weights are the user's own.
pub(super) fn mention_chosen(
    looked: &Looked<'_>,
    status: &WeightedRouteStatus,
    assessment: &mut Assessment,
    reader: &mut Reader<'_>,
) -> Asked<()> {
    let ReadyState::Ready(_) = &assessment.ready_state else { return Some(()) };
    let intent =
        status.intent.as_ref().filter(|intent| intent.follow.as_ref().is_some_and(|follow| follow.from.is_empty()));
    let Some(verified_at) = intent.and_then(|intent| intent.verified_at) else { return Some(()) };
    let is_told =
        find(&looked.route.status.conditions, READY).is_some_and(|ready| ready.reason == Reason::NoHealthyTarget);
    if !is_told && looked.context.now >= verified_at + MOMENT {
        return Some(());
    }
    let carrying = weights::carrying(&status.weights);
    let known =
        carrying.iter().filter_map(|entry| Some((entry, looked.members.get(&entry.environment)?.as_ref().ok()?)));
    let since = reader.began - INTERVAL;
    let found = all(
        known.map(|(entry, member)| Some((entry, capacity::of_member(&entry.environment, member, since, reader)?)))
    )?;
    // What cannot be read is not known to be bad.
    let health = found.into_iter().filter_map(|(entry, health)| Some((entry, health.ok()?)));
    let sick = health.filter(|(_, health)| health.able() == 0);
    let sick = sick.map(|(entry, health)| format!("{} (0 of {} targets)", entry.environment, health.registered()));
    let sick: Vec<String> = sick.collect();
    assessment.wake = Some(assessment.wake.map_or(reader.began + INTERVAL, |wake| wake.min(reader.began + INTERVAL)));
    if !sick.is_empty() {
        let message = format!(
            "{} is live, and nothing is healthy yet on {}: requests that go there fail until something is",
            weights::words(&status.weights),
            sick.join(" and ")
        );
        assessment.ready_state = ReadyState::Working(because(Reason::NoHealthyTarget, message));
    }
    Some(())
}
