//! A route of which nobody wants anything: it holds what is live, and meets what is not as it was left.

use jiff::{SignedDuration, Timestamp};
use weir_api::weighted_route::{DriftPolicy, Intent};

use crate::reader::{Asked, Reader};
use crate::ready_state::{ReadyState, because};
use crate::reason::Reason;
use crate::weights;

use super::assessment::Assessment;
use super::change::{Change, Progress, held};
use super::gone;
use super::kind::{Place, describe_place};
use super::observed::{Looked, Observed};
use super::record::Record;
use super::target::may_go_on;

/// How long a step towards the user's weights, which are not wanted any more, may still become live.
const HANDING_OVER: SignedDuration = SignedDuration::from_secs(10);

/// Nobody wants anything of the route: it holds what is live, and meets what is not as it was left.
pub(super) fn at_rest(
    looked: &Looked<'_>,
    place: &Place<'_>,
    observed: &Observed,
    record: &mut Record,
    reader: &mut Reader<'_>,
) -> Asked<Assessment> {
    let (route, now, live) = (looked.route, looked.context.now, &observed.live);
    let policy = route.spec.drift;
    let hold = || Some(held(looked, place, observed)).filter(|_| !live.is_empty());
    let Some(mut intent) = record.intent.clone() else {
        if observed.is_gone {
            return Some(Assessment::resting(gone::forgotten(route)));
        }
        if matches!(policy, DriftPolicy::Pause | DriftPolicy::Correct) {
            record.intent = hold();
        }
        return Some(holding(looked, observed));
    };
    if intent.follow.is_some() && is_under_way(&intent, now) && intent.correction.is_none() {
        let until = intent.since + HANDING_OVER;
        let message = format!("spec.weights were taken away; what was on its way may become live until {until:.0}");
        let ready_state = ReadyState::Working(because(Reason::HandingOver, message));
        return Some(Assessment { look_again: false, wake: Some(until), ..Assessment::unknown(ready_state) });
    }
    // What was on its way to weights that are taken away is held, where nothing else is live.
    intent.follow = intent.follow.filter(|_| weights::total(live) > 0);
    let is_same = weights::same_split(&intent.weights, live);
    let change = Change::of(looked, place, observed, &intent);
    let is_held = is_same && change.as_ref().map_or(true, |change| place.is_intact(&change.plan));
    let is_open = !intent.is_settled() && intent.correction.is_none();
    let is_over = is_open && !may_go_on(looked.cluster, route, &intent);
    let adopts = policy == DriftPolicy::Adopt && intent.is_settled() && !is_same && weights::total(live) > 0;
    if intent.follow.is_some() || is_over || adopts {
        record.intent = hold();
        record.reversals.clear();
        record.difference = None;
        return Some(holding(looked, observed));
    }
    if is_open || (intent.is_settled() && is_held) {
        record.difference = None;
        return Some(holding(looked, observed));
    }
    let change = match change {
        Ok(change) => change,
        Err(message) => return Some(Assessment::waiting_for_environment(message)),
    };
    let progress = change.progress(&intent, &intent.weights);
    let assessment = match (&intent.correction, &progress) {
        (Some(_), Progress::There) if let Some(spreading) = change.spreading() => {
            record.difference = None;
            spreading
        }
        (Some(_), Progress::There) => {
            intent.verified_at = Some(now);
            intent.correction = None;
            record.difference = None;
            holding(looked, observed)
        }
        (Some(_), Progress::OnTheWay(_) | Progress::AtStart) => {
            record.difference = None;
            change.correct(&progress, &mut intent, record, reader)?
        }
        (None, _) | (Some(_), Progress::Elsewhere) => change.meet_difference(&mut intent, record, reader)?,
    };
    record.intent = Some(intent);
    Some(assessment)
}

/// What is live is held.
fn holding(looked: &Looked<'_>, observed: &Observed) -> Assessment {
    let reason = if observed.exists {
        because(Reason::Held, format!("{} is live and held", weights::words(&observed.live)))
    } else {
        let place = describe_place(looked.route);
        because(
            Reason::NoTraffic,
            format!("{place} does not exist yet; the first shift that names this route makes it"),
        )
    };
    Assessment::settled(ReadyState::Ready(reason.clone()), reason)
}

/// Whether an intent without a run is being written.
pub(super) fn is_under_way(intent: &Intent, now: Timestamp) -> bool {
    intent.correction.is_some()
        || (intent.follow.is_some() && intent.verified_at.is_none() && now < intent.since + HANDING_OVER)
}
