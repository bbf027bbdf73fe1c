//! Says in a route's status which share of the requests each environment answers, and why that is not its weight.
//!
//! The status is changed only where the numbers tell something new, and at most as often as requests are counted.

use jiff::{SignedDuration, Timestamp};
use weir_api::WeightedRouteStatus;
use weir_api::requests::{EnvironmentShare, RequestsSeen};
use weir_api::weighted_route::EnvironmentWeight;

use crate::fact::ErrorKind;
use crate::object::RouteObject;
use crate::reader::{Asked, Reader};
use crate::weights;

use super::observed::Looked;
use super::share::{self, Counts, Known, Sample};

/// Over how many minutes the status speaks.
const MINUTES: u32 = 5;
/// How long the nodes of a balancer may take to act by new weights.
const PROPAGATION: SignedDuration = SignedDuration::from_secs(10);
/// How old numbers in the status may become while the shares stay as they are.
const REFRESH: SignedDuration = SignedDuration::from_mins(5);
/// By how many points a share may differ from the weight without a word.
const NOTICEABLE: i64 = 10;
/// With fewer requests than this a difference may be chance.
const FEW: u64 = 100;

/// Brings the requests seen up to date. While a write is on its way nothing is looked at, since nothing may hold it.
pub(super) fn see(
    looked: &Looked<'_>,
    is_writing: bool,
    status: &mut WeightedRouteStatus,
    reader: &mut Reader<'_>,
) -> Asked<()> {
    let (now, cluster, route) = (looked.context.now, looked.cluster, looked.route);
    let as_it_will_be = RouteObject { status: status.clone(), ..route.clone() };
    if !share::is_measured(cluster, &as_it_will_be) {
        status.requests = None;
        return Some(());
    }
    let same_weights = status.weights == route.status.weights;
    let recorded = status.requests.take().filter(|_| same_weights);
    let since = recorded.as_ref().map_or(now + PROPAGATION, |recorded| recorded.since);
    let recorded = recorded.unwrap_or_else(|| waiting(since));
    if is_writing {
        status.requests = Some(recorded);
        return Some(());
    }
    let fresh = match share::known(cluster, &as_it_will_be, reader)? {
        Known::NotYet => None,
        Known::Never(message) => Some(unknown(since, message)),
        // What fails in passing does not take away what was seen shortly before.
        Known::Failed { at, error }
            if matches!(error.kind, ErrorKind::Throttled | ErrorKind::Transient)
                && recorded.until.is_some_and(|until| at < until + REFRESH * 2) =>
        {
            None
        }
        Known::Failed { error, .. } => Some(unknown(since, format!("CloudWatch does not tell them: {error}"))),
        Known::Counts(counts) => Some(counted(since, &counts, status)),
    };
    status.requests = Some(match fresh {
        Some(fresh) if tells_more(&recorded, &fresh) => fresh,
        _ => recorded,
    });
    Some(())
}

/// Whether numbers are worth a write.
fn tells_more(recorded: &RequestsSeen, fresh: &RequestsSeen) -> bool {
    let is_old = match (recorded.until, fresh.until) {
        (Some(before), Some(now)) => now >= before + REFRESH,
        (before, now) => before.is_some() != now.is_some(),
    };
    is_old
        || recorded.minutes < fresh.minutes
        || recorded.shares != fresh.shares
        || recorded.summary != fresh.summary
        || (fresh.shares.is_empty() && recorded.note != fresh.note)
        || recorded.note.is_some() != fresh.note.is_some()
}

fn waiting(since: Timestamp) -> RequestsSeen {
    RequestsSeen {
        since,
        until: None,
        minutes: None,
        per_minute: None,
        summary: None,
        shares: Vec::new(),
        note: Some("waiting for the first whole minute since the weights are live; it takes up to three".to_owned()),
    }
}

fn unknown(since: Timestamp, why: String) -> RequestsSeen {
    RequestsSeen { summary: Some("unknown".to_owned()), note: Some(why), ..waiting(since) }
}

fn counted(since: Timestamp, counts: &Counts, status: &WeightedRouteStatus) -> RequestsSeen {
    let sample = counts.newest(since, |sample| sample.minutes >= MINUTES);
    let share = |entry: &EnvironmentWeight| {
        let environment = entry.environment.clone();
        Some(EnvironmentShare { percent: sample.percent(&environment)?, environment })
    };
    let Some(shares) = status.weights.iter().map(share).collect::<Option<Vec<_>>>() else {
        return quiet(since, counts, &sample);
    };
    let words: Vec<String> = shares.iter().map(|share| format!("{} {} %", share.environment, share.percent)).collect();
    RequestsSeen {
        since,
        until: sample.until,
        minutes: i32::try_from(sample.minutes).ok(),
        per_minute: i64::try_from(sample.total / u64::from(sample.minutes.max(1))).ok(),
        summary: Some(words.join(", ")),
        note: difference(status, &shares, &sample),
        shares,
    }
}

/// Nothing was counted: no minute has arrived, or none has a request of this route.
fn quiet(since: Timestamp, counts: &Counts, sample: &Sample) -> RequestsSeen {
    let late = since + share::MINUTE * 5;
    let note = match sample.until {
        Some(_) => "the route had no requests in the last minutes that have arrived".to_owned(),
        None if counts.at < late => return waiting(since),
        None => {
            "CloudWatch has no requests of the balancer since the weights are live: there is no traffic, or its metrics \
             do not arrive"
                .to_owned()
        }
    };
    RequestsSeen { note: Some(note), ..waiting(since) }
}

/// Why the shares are not those of the weights, if they differ noticeably.
fn difference(status: &WeightedRouteStatus, shares: &[EnvironmentShare], sample: &Sample) -> Option<String> {
    let total = weights::total(&status.weights).max(1);
    let of = |share: &EnvironmentShare| weights::of(&status.weights, &share.environment);
    let points = |share: &EnvironmentShare| (i64::from(share.percent) * total - of(share) * 100).abs() / total;
    let strays = |share: &EnvironmentShare| of(share) == 0 && share.percent > 0;
    let farthest = shares.iter().max_by_key(|share| points(share))?;
    let noticed = Some(farthest).filter(|farthest| points(farthest) > NOTICEABLE);
    let share = noticed.or_else(|| shares.iter().find(|share| strays(share)))?;
    let weight = (of(share) * 100 + total / 2) / total;
    let found = format!("{} has {weight} % of the weight and {} % of the requests", share.environment, share.percent);
    Some(match status.listener_rule.sticky_seconds {
        Some(seconds) => format!(
            "{found}: group stickiness of {} keeps clients with the group that answered them first; new clients follow \
             the weights",
            weir_api::Duration::from_secs(u32::try_from(seconds).unwrap_or(0))
        ),
        None if sample.total < FEW => format!("{found}: few requests ({})", sample.total),
        None => format!("{found}, which is unexplained: stickiness between groups is off"),
    })
}

#[cfg(test)]
mod tests;
