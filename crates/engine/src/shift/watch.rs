//! Watches the candidate of a run that carries traffic, whatever the run waits for: it turns round where the candidate
//! fails. Where it may not, or where nobody can tell how the candidate is, that is said.

use jiff::{SignedDuration, Timestamp};
use weir_api::TrafficShiftStatus;
use weir_api::traffic_shift::{HeldBy, Run};

use crate::reason::Reason;
use crate::sight::{Asked, Sight, all};

use super::health::{self, Capacity};
use super::lane::{Lane, lanes};
use super::{Draft, HEALTH_AGE, HEALTH_INTERVAL, advance};

/// How long a candidate may have too little healthy capacity before the run has failed. With none it fails at once.
const DEGRADED_GRACE: SignedDuration = SignedDuration::from_secs(30);
/// The same for one whose weights were just set again: AWS checks the targets of a group anew that had left the action.
const CHECKED_ANEW: SignedDuration = SignedDuration::from_secs(180);
/// How long it may be unknown how a candidate is before that is said: one look that fails says nothing.
const BLIND_GRACE: SignedDuration = SignedDuration::from_secs(30);

/// What somebody should know of a candidate that carries traffic.
#[derive(Debug)]
pub(super) enum Worry {
    /// It cannot be told how it is, and why.
    Blind(String),
    /// It fails, and the run does not turn round by itself.
    Failing(String),
    /// It was the reason why the run has failed, and is well again.
    Well,
}

/// What was found of a candidate.
struct Found {
    capacity: Capacity,
    /// Whether the run goes back by itself for it.
    acts: bool,
}

/// Watches the candidate on those routes of the run that are there.
pub(super) fn present(draft: &mut Draft<'_>, run: &Run, sight: &mut Sight<'_>) -> Asked<()> {
    let lanes = lanes(draft.grants, draft.cluster, draft.shift, run);
    candidate(draft, run, &lanes, sight).map(drop)
}

/// The candidate cannot be watched everywhere.
pub(super) fn lose_sight(draft: &mut Draft<'_>, run: &Run, why: &str) {
    let carries = run.weight > 0 && run.rollback.is_none();
    if carries && !matches!(draft.worry, Some(Worry::Failing(_))) {
        draft.worry = Some(Worry::Blind(why.to_owned()));
    }
}

/// Watches the health of a candidate that carries traffic; true when that has decided what happens.
pub(super) fn candidate(draft: &mut Draft<'_>, run: &Run, lanes: &[Lane<'_>], sight: &mut Sight<'_>) -> Asked<bool> {
    if run.rollback.is_some() {
        return Some(false);
    }
    // A run that has failed and holds, or one under somebody else's weights, does not turn round by itself.
    let has_failed = run.hold.as_ref().is_some_and(|hold| hold.by == HeldBy::Failure);
    let (own, others): (Vec<&Lane<'_>>, Vec<&Lane<'_>>) =
        lanes.iter().partition(|lane| !has_failed && lane.is_watched(run));
    let has_remainder = own.iter().any(|lane| !health::remainder(lane, run).is_empty());
    let acts = (run.weight > 0 || has_remainder) && !own.is_empty();
    let others: Vec<&Lane<'_>> = others.into_iter().filter(|lane| lane.carried_by(&run.to) > 0).collect();
    if !acts && others.is_empty() {
        return Some(false);
    }
    let own = if acts { own } else { Vec::new() };
    let since = sight.began - HEALTH_AGE;
    let (found, broken) = (look(draft, run, &own, &others, sight), health::broken_remainder(&own, run, since, sight));
    let (found, broken) = (found?, broken?);
    draft.wake_at(sight.began + HEALTH_INTERVAL);
    if let Some(message) = broken.into_iter().next() {
        return Some(advance::fail(draft, Reason::RemainderUnhealthy, message));
    }
    let anew = is_checked_anew(draft.now, run, lanes);
    let Some(failure) = note(draft, found.capacity, anew, has_failed) else { return Some(false) };
    if found.acts {
        return Some(advance::fail(draft, Reason::CandidateUnhealthy, failure));
    }
    draft.worry = Some(Worry::Failing(failure));
    Some(false)
}

/// The worst that is seen of the candidate on any route: on those where the run goes back by itself, and on the others.
fn look(draft: &Draft<'_>, run: &Run, own: &[&Lane<'_>], others: &[&Lane<'_>], sight: &mut Sight<'_>) -> Asked<Found> {
    let percent = draft.shift.spec.capacity.min_healthy_percent;
    let since = sight.began - HEALTH_AGE;
    let weight = if run.surveying { 0 } else { run.weight };
    let of_own = health::candidate(own, run, weight, percent, since, sight);
    let mut of_other = |lane| health::candidate(&[lane], run, lane.carried_by(&run.to), percent, since, sight);
    let of_others = all(others.iter().map(|lane| of_other(lane)))?;
    let mut worst = Found { capacity: of_own?, acts: true };
    for capacity in of_others {
        if own.is_empty() || capacity.rank() > worst.capacity.rank() {
            worst = Found { capacity, acts: false };
        }
    }
    Some(worst)
}

/// Notes what was seen; the message of a failure by which a run would go back.
fn note(draft: &mut Draft<'_>, capacity: Capacity, anew: bool, has_failed: bool) -> Option<String> {
    let now = draft.now;
    let noted = draft.status.run.as_mut()?;
    match capacity {
        Capacity::Enough => {
            (noted.degraded_since, noted.unchecked) = (None, false);
            draft.worry = has_failed.then_some(Worry::Well);
        }
        Capacity::Unchecked(_) => (noted.degraded_since, noted.unchecked) = (None, true),
        Capacity::Unknown(message) => draft.worry = Some(Worry::Blind(message)),
        Capacity::Short { message, none, starting } => {
            let since = *noted.degraded_since.get_or_insert(now);
            let (at_once, grace) = if anew && starting { (false, CHECKED_ANEW) } else { (none, DEGRADED_GRACE) };
            // Before the weight was seen to be live, it is not yet the candidate that carries it.
            if at_once || now >= since + grace {
                return Some(message);
            }
            draft.wake_at(since + grace);
        }
    }
    None
}

/// Whether the groups of the run may have left the action meanwhile: nobody has checked the candidate, or the weights of the
/// run were set again a moment ago over what somebody else had put there, by a command or a route that corrects.
fn is_checked_anew(now: Timestamp, run: &Run, lanes: &[Lane<'_>]) -> bool {
    let corrected = |lane: &Lane<'_>| lane.route.status.reversals.iter().any(|back| now < back.at + CHECKED_ANEW);
    run.unchecked || run.reasserted_seq == Some(run.seq) || lanes.iter().any(corrected)
}

/// What becomes of a run that is moving while its shift cannot be decided on: nothing moves it, and nobody watches.
pub fn stands_still(status: &TrafficShiftStatus) -> Option<String> {
    let run = status.run.as_ref().filter(|run| run.ended_at.is_none())?;
    let (id, to, summary) = (run.id, &run.to, &run.summary);
    Some(match &run.rollback {
        Some(_) => format!("run {id}, which is going back ({summary}), goes no further until then"),
        None => format!(
            "run {id} stands still at {summary} until then: {to} is not watched, and nothing goes back by itself. Weights that \
             are changed on AWS by hand stay"
        ),
    })
}

/// Says what somebody should know of the candidate, beside what the shift waits for.
pub(super) fn tell(draft: &mut Draft<'_>) {
    let worry = draft.worry.take();
    let known = draft.shift.status.run.as_ref().map(|run| (run.id, run.blind_since));
    let now = draft.now;
    let Some(run) = draft.status.run.as_mut() else { return };
    run.blind_since = None;
    if run.rollback.is_some() || run.outcome.is_some() || run.ended_at.is_some() {
        return;
    }
    let (to, hold) = (run.to.clone(), run.hold.as_ref().map(|hold| hold.by));
    match worry {
        Some(Worry::Blind(why)) => {
            let since = known.filter(|(id, _)| *id == run.id).and_then(|(_, since)| since).unwrap_or(now);
            run.blind_since = Some(since);
            if now < since + BLIND_GRACE {
                draft.wake_at(since + BLIND_GRACE);
                return;
            }
            draft.add(&format!(
                "how {to} is has not been known since {since:.0}, so nothing goes back by itself: {why}"
            ));
        }
        Some(Worry::Failing(failure)) => match hold {
            None => draft.add(&failure),
            Some(HeldBy::Failure) => draft.add(&format!("{failure} still, and nothing goes back by itself")),
            Some(
                HeldBy::Command
                | HeldBy::ForeignChange
                | HeldBy::HandedBack
                | HeldBy::ObjectsChanged
                | HeldBy::StrategyChanged,
            ) => draft.warn(&failure),
        },
        Some(Worry::Well) => draft.add(&format!("{to} has the healthy targets by now that it needs")),
        None => {}
    }
}

impl Draft<'_> {
    /// Adds to what the shift waits for.
    fn add(&mut self, more: &str) {
        if let Some(waiting) = self.status.waiting.as_mut() {
            waiting.message = format!("{}; {more}", waiting.message);
        }
    }

    /// A run that is held does not turn round, though its candidate fails: that is what somebody must know first.
    fn warn(&mut self, failure: &str) {
        let (Some(phase), Some(waiting)) = (self.status.phase, self.status.waiting.take()) else { return };
        let message = format!(
            "{failure}, and the traffic does not go back by itself, since other weights are live than the run has set; the \
             command abort brings it back: {}",
            waiting.message
        );
        self.wait(phase, Reason::NotGoingBack, message, waiting.until);
    }
}
