//! Watches the candidate of a run that carries traffic, whatever the run waits for: the run has failed where it fails. Where
//! the run may not turn round for that, or where nobody can tell how the candidate is, that is said.

use jiff::{SignedDuration, Timestamp};
use weir_api::TrafficShiftStatus;
use weir_api::traffic_shift::{HeldBy, Run};

use crate::reader::{Asked, Reader, all};
use crate::ready_state::{Explanation, because};
use crate::reason::Reason;

use super::gate::Station;
use super::health::{self, Capacity};
use super::progress::RouteProgress;
use super::{HEALTH_AGE, HEALTH_INTERVAL};

/// How long a candidate may have too little healthy capacity before the run has failed. With none it fails at once.
const DEGRADED_GRACE: SignedDuration = SignedDuration::from_secs(30);
/// The same for one whose weights were just set again: AWS checks the targets of a group anew that had left the action.
const CHECKED_ANEW: SignedDuration = SignedDuration::from_secs(180);

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

/// What was seen of a candidate.
pub(super) struct Watched {
    /// Since when it has less healthy capacity than it needs.
    pub degraded_since: Option<Timestamp>,
    /// Whether nobody checks its targets.
    pub unchecked: bool,
    pub worry: Option<Worry>,
    /// Why the run has failed.
    pub failure: Option<Explanation>,
    /// When to look again.
    pub wake: Option<Timestamp>,
}

/// Watches the health of a candidate that carries traffic.
pub(super) fn candidate(station: &Station<'_>, reader: &mut Reader<'_>) -> Asked<Watched> {
    let run = station.run;
    let (degraded_since, unchecked) = (run.degraded_since, run.unchecked);
    let unseen = Watched { degraded_since, unchecked, worry: None, failure: None, wake: None };
    if run.rollback.is_some() {
        return Some(unseen);
    }
    // A run that has failed and holds, or one under somebody else's weights, does not turn round by itself.
    let has_failed = run.hold.as_ref().is_some_and(|hold| hold.by == HeldBy::Failure);
    let (own, others): (Vec<&RouteProgress<'_>>, Vec<&RouteProgress<'_>>) =
        station.routes.iter().partition(|route| !has_failed && route.is_watched(run));
    let has_remainder = own.iter().any(|route| !health::remainder(route, run).is_empty());
    let acts = (run.weight > 0 || has_remainder) && !own.is_empty();
    let others: Vec<&RouteProgress<'_>> = others.into_iter().filter(|route| route.carried_by(&run.to) > 0).collect();
    if !acts && others.is_empty() {
        return Some(unseen);
    }
    let own = if acts { own } else { Vec::new() };
    let since = reader.began - HEALTH_AGE;
    let (found, broken) = (look(station, &own, &others, reader), health::broken_remainder(&own, run, since, reader));
    let (found, broken) = (found?, broken?);
    let unseen = Watched { wake: Some(reader.began + HEALTH_INTERVAL), ..unseen };
    Some(match broken.into_iter().next() {
        Some(message) => Watched { failure: Some(because(Reason::RemainderUnhealthy, message)), ..unseen },
        None => judged(station, found, has_failed, unseen),
    })
}

/// What was found of a candidate.
struct Found {
    capacity: Capacity,
    /// Whether the run goes back by itself for it.
    acts: bool,
}

/// The worst that is seen of the candidate on any route: on those where the run goes back by itself, and on the others.
fn look(
    station: &Station<'_>,
    own: &[&RouteProgress<'_>],
    others: &[&RouteProgress<'_>],
    reader: &mut Reader<'_>,
) -> Asked<Found> {
    let run = station.run;
    let percent = station.shift.spec.capacity.min_healthy_percent;
    let since = reader.began - HEALTH_AGE;
    let weight = if run.surveying { 0 } else { run.weight };
    let of_own = health::candidate(own, run, |_| weight, percent, since, reader);
    let mut of_other =
        |route| health::candidate(&[route], run, |route| route.carried_by(&run.to), percent, since, reader);
    let of_others = all(others.iter().map(|route| of_other(route)))?;
    let mut worst = Found { capacity: of_own?, acts: true };
    for capacity in of_others {
        if own.is_empty() || capacity.rank() > worst.capacity.rank() {
            worst = Found { capacity, acts: false };
        }
    }
    Some(worst)
}

/// What is to be noted of what was found.
fn judged(station: &Station<'_>, found: Found, has_failed: bool, unseen: Watched) -> Watched {
    let now = station.now;
    match found.capacity {
        Capacity::Enough => {
            let worry = has_failed.then_some(Worry::Well);
            Watched { degraded_since: None, unchecked: false, worry, ..unseen }
        }
        Capacity::Unchecked(_) => Watched { degraded_since: None, unchecked: true, ..unseen },
        Capacity::Unknown(message) => Watched { worry: Some(Worry::Blind(message)), ..unseen },
        Capacity::Short { message, none, starting } => {
            let since = unseen.degraded_since.unwrap_or(now);
            let is_anew = is_checked_anew(now, station.run, station.routes) && starting;
            let (at_once, grace) = if is_anew { (false, CHECKED_ANEW) } else { (none, DEGRADED_GRACE) };
            let noted = Watched { degraded_since: Some(since), ..unseen };
            // Before the weight was seen to be live, it is not yet the candidate that carries it.
            if !at_once && now < since + grace {
                // It may cease to count as checked anew before that.
                let no_more_anew = anew_until(station.routes).filter(|until| is_anew && now < *until);
                let wake = noted.wake.into_iter().chain([since + grace]).chain(no_more_anew).min();
                Watched { wake, ..noted }
            } else if found.acts {
                Watched { failure: Some(because(Reason::CandidateUnhealthy, message)), ..noted }
            } else {
                Watched { worry: Some(Worry::Failing(message)), ..noted }
            }
        }
    }
}

/// Whether the groups of the run may have left the action meanwhile: nobody has checked the candidate, or the weights of the
/// run were set again a moment ago over what somebody else had put there, by a command or a route that corrects.
fn is_checked_anew(now: Timestamp, run: &Run, routes: &[RouteProgress<'_>]) -> bool {
    run.unchecked || run.reasserted_seq == Some(run.seq) || anew_until(routes).is_some_and(|until| now < until)
}

/// Until when targets may be checked anew since a route has corrected its weights.
fn anew_until(routes: &[RouteProgress<'_>]) -> Option<Timestamp> {
    let reversals = routes.iter().flat_map(|route| &route.object.status.reversals);
    reversals.map(|back| back.at + CHECKED_ANEW).max()
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
