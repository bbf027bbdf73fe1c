//! `evidence: Share`: the next step waits until clients were seen to follow the present one.
//!
//! A rollback never comes here. The wait is no pause: it counts towards the deadline.

use jiff::{SignedDuration, Timestamp};
use weir_api::requests::Evidence;
use weir_api::traffic_shift::{GateName, Run};

use crate::reader::{Asked, Reader, all};
use crate::reason::Reason;
use crate::route::share::{self, Known, Sample};
use crate::shift::progress::RouteProgress;
use crate::shift::{immediate, run};
use crate::weights;

use super::{Check, Gate, Station, Wait};

pub(super) const CHECK: Check =
    Check { name: GateName::ShareSeen, release: Some("the share at the present weight is not waited for"), judge };

/// How many whole minutes must be seen.
const MINUTES: u32 = 2;
/// How many requests must be seen in them.
const REQUESTS: u64 = 100;
/// What to do where too few requests come.
const WAY_OUT: &str = "Where traffic is this low, set spec.evidence to Weights or give the command promote";
/// By how much the candidate's share may differ from its weight, in hundredths of a percent.
const TOLERANCE: u64 = 500;
/// How long the nodes of a balancer may take to act by new weights.
const PROPAGATION: SignedDuration = SignedDuration::from_secs(10);

fn judge(station: &Station<'_>, reader: &mut Reader<'_>) -> Asked<Gate> {
    let run = station.run;
    let is_exempt = station.shift.spec.evidence == Evidence::Weights || run.weight == 0 || immediate::is_immediate(run);
    let Some(applied_at) = run.applied_at.filter(|_| !is_exempt) else { return Some(Gate::Open) };
    // Where one group gets everything there is nothing to tell apart.
    let split = station.routes.iter().filter(|route| route.part.weights.len() > 1);
    let known = all(split.map(|route| match &route.access {
        Ok(access) => Some((route, reader.by(access, |reader| share::known(station.cluster, route.object, reader))?)),
        Err(message) => Some((route, Known::Never(message.clone()))),
    }))?;
    for (route, known) in known {
        if let Err(why) = follows(route, run, applied_at + PROPAGATION, known) {
            let message = format!("route {}: {} is not seen to have its share: {why}", route.part.name, run.to);
            return Some(Gate::Wait(Wait::new(run::phase(run), Reason::ShareNotSeen, message)));
        }
    }
    Some(Gate::Open)
}

/// Judges one route; the error says what is missing.
fn follows(route: &RouteProgress<'_>, run: &Run, since: Timestamp, known: Known) -> Result<(), String> {
    let counts = match known {
        Known::Counts(counts) => counts,
        Known::NotYet => return Err("the requests were not counted yet".to_owned()),
        Known::Never(why) => {
            return Err(format!("it cannot be told: {why}, or set spec.evidence to Weights"));
        }
        Known::Failed { error, .. } => {
            return Err(format!(
                "CloudWatch does not tell it ({error}). Allow cloudwatch:GetMetricData, or set spec.evidence to Weights"
            ));
        }
    };
    let sample = counts.newest(since, |sample| sample.minutes >= MINUTES && sample.total >= REQUESTS);
    enough(&sample, since)?;
    let total = u64::try_from(weights::total(&route.part.weights)).unwrap_or(0).max(1);
    let weight = u64::try_from(weights::of(&route.part.weights, &run.to)).unwrap_or(0) * 10_000 / total;
    near(&run.to, weight, route.object.status.listener_rule.sticky_seconds.is_some(), &sample)
}

/// Whether there is enough to judge by.
fn enough(sample: &Sample, since: Timestamp) -> Result<(), String> {
    let Some(until) = sample.until.filter(|_| sample.total > 0) else {
        return Err(format!(
            "no requests were seen since {since:.0}; without traffic there is no evidence. If there is none to come, set \
             spec.evidence to Weights or give the command promote"
        ));
    };
    if sample.minutes < MINUTES || sample.total < REQUESTS {
        let way_out = if sample.total < REQUESTS { format!(". {WAY_OUT}") } else { String::new() };
        return Err(format!(
            "{} requests in {} whole minutes until {until:.0}; it takes {REQUESTS} in at least {MINUTES}{way_out}",
            sample.total, sample.minutes
        ));
    }
    Ok(())
}

/// Whether the candidate's share is near its weight, which is given in hundredths of a percent.
fn near(candidate: &str, weight: u64, is_sticky: bool, sample: &Sample) -> Result<(), String> {
    let share = sample.share(candidate).unwrap_or(0);
    let seen = || {
        let until = sample.until.map(|until| format!(" until {until:.0}")).unwrap_or_default();
        format!("{} of {} requests in {} minutes{until}", percent(share), sample.total, sample.minutes)
    };
    if is_sticky {
        // Clients stay where they are, so the share tells when they came, not how new ones are sent.
        return if sample.busy_minutes(candidate) >= MINUTES {
            Ok(())
        } else {
            Err(format!("{}; it should have answered some in at least {MINUTES} of them. {WAY_OUT}", seen()))
        };
    }
    let (least, most) = (weight.saturating_sub(TOLERANCE).max(weight / 2), weight + TOLERANCE);
    if (least..=most).contains(&share) {
        Ok(())
    } else {
        let most = percent(most.min(10_000));
        Err(format!("{}; expected {} to {most} at a weight of {}", seen(), percent(least), percent(weight)))
    }
}

/// Hundredths of a percent in words.
fn percent(hundredths: u64) -> String {
    match (hundredths / 100, hundredths % 100 / 10) {
        (whole, 0) => format!("{whole} %"),
        (whole, tenths) => format!("{whole}.{tenths} %"),
    }
}

#[cfg(test)]
mod tests;
