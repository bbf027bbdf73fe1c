//! Requests seen: which share of a route's requests each environment answers.
//!
//! The configured weight and the share seen are two things and never mixed. A share is counted from whole minutes
//! in which the balancer's own count has arrived: a minute that has not arrived is not zero. Nothing here waits for
//! CloudWatch: what it counted is read beside the ticks ([`measured`] says of whom), and a decision takes what is
//! there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::Arn;
use crate::backend;
use crate::fact::{Action, AwsError, Query, RequestCount, Requests, RulePriority};
use crate::object::{Cluster, Key, RouteObject};
use crate::reader::{ANY_AGE, Asked, Reader, all};
use crate::{claim, weights};

use super::listener::{balancer_of, entry_point_of};

/// How often requests are counted. CloudWatch has them by the minute.
pub const MEASURE_INTERVAL: SignedDuration = SignedDuration::from_mins(1);
/// How far back a measurement reaches.
pub const REACH: SignedDuration = SignedDuration::from_mins(12);
/// The length of what is counted at a time.
pub const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// How long after its end a minute is left alone: until about then it is still on its way.
const ARRIVAL: SignedDuration = SignedDuration::from_mins(1);

/// What must be counted for each route whose shares are worth knowing: while traffic is split, while a run moves it,
/// and while clients may stick to a group that has no weight. A route with everything on one group is not among them.
pub fn measured(cluster: &Cluster) -> BTreeMap<Key, BTreeSet<Query>> {
    let routes = cluster.routes.values().filter(|route| is_measured(cluster, route));
    let questions = routes.filter_map(|route| Some((route.key.clone(), counted(cluster, route).ok()?.queries())));
    questions.collect()
}

/// Whether the shares of a route are worth knowing.
pub fn is_measured(cluster: &Cluster, route: &RouteObject) -> bool {
    let live = &route.status.weights;
    // What goes to a name is not counted at one balancer.
    if route.deleted.is_some() || live.len() < 2 || route.spec.entry.takes_balancers() {
        return false;
    }
    weights::carrying(live).len() > 1
        || route.status.listener_rule.sticky_seconds.is_some()
        || claim::holder(cluster, &route.key).is_some_and(|shift| {
            let is_moving = shift.status.run.as_ref().filter(|run| run.ended_at.is_none());
            is_moving.is_some_and(|run| run.routes.iter().any(|part| part.name == route.key.name))
        })
}

/// What is counted for a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    balancer: Arn,
    /// The groups of the environments in the action.
    groups: BTreeMap<String, Arn>,
}

/// What is counted for a route; the error says why nothing can be.
fn counted(cluster: &Cluster, route: &RouteObject) -> Result<Counted, String> {
    if route.spec.entry.takes_balancers() {
        return Err("requests to a name in DNS are not counted".to_owned());
    }
    let entry_point = || entry_point_of(route).map(|key| key.name.to_string()).unwrap_or_default();
    let balancer = balancer_of(cluster, route)
        .ok_or_else(|| format!("the balancer of the EntryPoint {} is not known", entry_point()))?;
    if !balancer.as_str().contains(":loadbalancer/app/") {
        return Err(format!(
            "{balancer} is not an Application Load Balancer, and only those count requests by target group"
        ));
    }
    let groups = backend::members(cluster, route);
    let of_environment = |environment: &String| match groups.get(environment) {
        Some(Ok(member)) => Ok((environment.clone(), member.arn.clone())),
        Some(Err(message)) => Err(message.clone()),
        None => Err(format!("the environment {environment} is not among spec.backends")),
    };
    let groups = route.status.weights.iter().map(|entry| of_environment(&entry.environment));
    Ok(Counted { balancer, groups: groups.collect::<Result<_, _>>()? })
}

impl Counted {
    fn queries(&self) -> BTreeSet<Query> {
        let groups = self.groups.values().cloned().map(Some).chain([None]);
        groups.map(|group| Query::Requests(self.count(group))).collect()
    }

    fn count(&self, group: Option<Arn>) -> RequestCount {
        RequestCount { balancer: self.balancer.clone(), group }
    }
}

/// What is known of the requests of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// They were not counted yet since the process began.
    NotYet,
    /// They cannot be told apart, in words.
    Never(String),
    /// CloudWatch did not tell them.
    Failed {
        /// When it was asked.
        at: Timestamp,
        /// What it said.
        error: AwsError,
    },
    /// They were counted.
    Counts(Counts),
}

/// Requests by minute and environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    /// When CloudWatch was asked.
    pub at: Timestamp,
    /// The minutes that have arrived, by their beginning.
    minutes: BTreeMap<Timestamp, BTreeMap<String, u64>>,
}

/// What is known of the requests of a route.
pub(crate) fn known(cluster: &Cluster, route: &RouteObject, reader: &mut Reader<'_>) -> Asked<Known> {
    let counted = match counted(cluster, route) {
        Ok(counted) => counted,
        Err(message) => return Some(Known::Never(message)),
    };
    if let Err(message) = alone(cluster, route, &counted, reader)? {
        return Some(Known::Never(message));
    }
    let total = reader.requests(&counted.count(None), ANY_AGE);
    let mut requests_of = |group: &Arn| reader.requests(&counted.count(Some(group.clone())), ANY_AGE);
    let parts = all(counted.groups.iter().map(|(environment, group)| Some((environment, requests_of(group)?))))?;
    let total = total?;
    let readings = || parts.iter().map(|(_, reading)| reading).chain([&total]);
    if readings().any(|reading| reading.found == Ok(&None)) {
        return Some(Known::NotYet);
    }
    // What was asked first knows least: what it does not know yet is not taken for zero.
    let at = readings().map(|reading| reading.at).min().unwrap_or(total.at);
    let mut by_environment = BTreeMap::new();
    for (environment, reading) in &parts {
        match reading.found {
            Ok(requests) => by_environment.extend(requests.iter().map(|requests| (*environment, requests))),
            Err(error) => return Some(Known::Failed { at: reading.at, error: error.clone() }),
        }
    }
    Some(match total.found {
        Ok(Some(total)) => Known::Counts(Counts::new(at, total, &by_environment)),
        Ok(None) => Known::NotYet,
        Err(error) => Known::Failed { at, error: error.clone() },
    })
}

/// Whether the requests of the groups are those of this route alone; the error says which other rule sends some to one
/// of them as well.
fn alone(
    cluster: &Cluster,
    route: &RouteObject,
    counted: &Counted,
    reader: &mut Reader<'_>,
) -> Asked<Result<(), String>> {
    let Ok(listeners) = reader.listeners(&counted.balancer, ANY_AGE)?.found else { return Some(Ok(())) };
    let readings = all(listeners.iter().map(|listener| reader.rules(&listener.arn, ANY_AGE)))?;
    for (listener, reading) in listeners.iter().zip(readings) {
        for rule in reading.found.into_iter().flatten() {
            let place = if rule.priority == RulePriority::Default { &listener.arn } else { &rule.arn };
            if route.status.listener_rule.arn.as_deref() == Some(place.as_str()) {
                continue;
            }
            let forward = rule.actions.iter().find_map(Action::forward);
            let also = counted
                .groups
                .iter()
                .find(|(_, group)| forward.is_some_and(|forward| forward.groups.contains_key(*group)));
            let Some((environment, _)) = also else { continue };
            let owner =
                cluster.routes.values().find(|other| other.status.listener_rule.arn.as_deref() == Some(place.as_str()));
            let whose = match (owner, rule.priority) {
                (Some(other), _) => format!("the WeightedRoute {}", other.key),
                (None, RulePriority::Default) => format!("the default action of port {}", listener.port),
                (None, RulePriority::At(priority)) => format!("the rule {priority} of port {}", listener.port),
            };
            return Some(Err(format!(
                "the target group of {environment} also serves {whose}, and CloudWatch counts requests by target group \
                 only; give each its own group"
            )));
        }
    }
    Some(Ok(()))
}

impl Counts {
    fn new(at: Timestamp, total: &Requests, groups: &BTreeMap<&String, &Requests>) -> Self {
        let has_arrived = |minute: &&Timestamp| **minute + MINUTE + ARRIVAL <= at;
        let in_minute = |minute: Timestamp| {
            let of = |requests: &Requests| requests.by_minute.get(&minute).copied().unwrap_or(0);
            (minute, groups.iter().map(|(environment, requests)| ((*environment).clone(), of(requests))).collect())
        };
        let minutes = total.by_minute.keys().filter(has_arrived).map(|minute| in_minute(*minute)).collect();
        Self { at, minutes }
    }

    /// Takes minutes that began at an instant or later, newest first, until there are enough.
    pub(crate) fn newest(&self, since: Timestamp, enough: impl Fn(&Sample) -> bool) -> Sample {
        let mut sample = Sample::default();
        for (minute, counts) in self.minutes.range(since..).rev() {
            if enough(&sample) {
                break;
            }
            sample.add(*minute, counts);
        }
        sample
    }
}

/// The requests of some minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// The end of the newest minute.
    pub until: Option<Timestamp>,
    /// How many minutes.
    pub minutes: u32,
    /// All requests.
    pub total: u64,
    counts: BTreeMap<String, u64>,
    /// In how many minutes each environment had any.
    busy: BTreeMap<String, u32>,
}

impl Sample {
    /// A sample of minutes with these requests of `blue` and `green`, the newest last.
    #[cfg(test)]
    pub(crate) fn of(minutes: &[(u64, u64)]) -> Self {
        let mut sample = Self::default();
        let begin = Timestamp::constant(1_795_255_200, 0);
        for (index, (blue, green)) in (0..).zip(minutes) {
            let counts = BTreeMap::from([("blue".to_owned(), *blue), ("green".to_owned(), *green)]);
            sample.add(begin + MINUTE * index, &counts);
        }
        sample
    }

    fn add(&mut self, minute: Timestamp, counts: &BTreeMap<String, u64>) {
        self.until = self.until.max(Some(minute + MINUTE));
        self.minutes += 1;
        for (environment, count) in counts {
            self.total += count;
            *self.counts.entry(environment.clone()).or_default() += count;
            *self.busy.entry(environment.clone()).or_default() += u32::from(*count > 0);
        }
    }

    /// The share of an environment in hundredths of a percent; `None` without requests.
    pub(crate) fn share(&self, environment: &str) -> Option<u64> {
        let count = self.counts.get(environment).copied().unwrap_or(0);
        (count * 10_000 + self.total / 2).checked_div(self.total)
    }

    /// The share of an environment in percent, rounded; `None` without requests.
    pub(crate) fn percent(&self, environment: &str) -> Option<i32> {
        let count = self.counts.get(environment).copied().unwrap_or(0);
        let percent = (count * 100 + self.total / 2).checked_div(self.total)?;
        i32::try_from(percent).ok()
    }

    /// In how many of the minutes an environment has answered requests.
    pub(crate) fn busy_minutes(&self, environment: &str) -> u32 {
        self.busy.get(environment).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
