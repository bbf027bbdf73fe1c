//! Whether environments have the healthy capacity for their part of the traffic.

use jiff::Timestamp;
use weir_api::traffic_shift::Run;
use weir_api::weighted_route::EnvironmentWeight;

use crate::access::Access;
use crate::backend::Member;
use crate::fact::Health;
use crate::reader::{Asked, Reader, all};
use crate::route::capacity;
use crate::weights;

use super::progress::RouteProgress;

/// How the candidate stands against what a weight needs.
pub(super) enum Capacity {
    /// It has enough on every route.
    Enough,
    /// It has too little on some route.
    Short {
        /// What is there and what is needed, in words.
        message: String,
        /// Whether no target at all is healthy.
        none: bool,
        /// Whether it would be enough if those that are being checked turn out healthy.
        starting: bool,
    },
    /// Nobody checks its targets, since no listener uses their group.
    Unchecked(String),
    /// It cannot be told.
    Unknown(String),
}

impl Capacity {
    /// How bad it is, beside others.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Enough => 0,
            Self::Unchecked(_) => 1,
            Self::Unknown(_) => 2,
            Self::Short { .. } => 3,
        }
    }
}

/// Judges the candidate of a run for its part of each route. Routes that nothing carried before need nothing.
pub(super) fn candidate(
    routes: &[&RouteProgress<'_>],
    run: &Run,
    part_of: impl Fn(&RouteProgress<'_>) -> i32,
    min_healthy_percent: i32,
    not_before: Timestamp,
    reader: &mut Reader<'_>,
) -> Asked<Capacity> {
    let judged: Vec<&RouteProgress<'_>> =
        routes.iter().filter(|route| !weights::without(&route.part.from, &run.to).is_empty()).copied().collect();
    let found = all(judged.iter().map(|route| of(route, &run.to, not_before, reader)))?;
    let mut capacity = Capacity::Enough;
    for (route, found) in judged.into_iter().zip(found) {
        let needed = weights::needed(part_of(route), route.part.baseline, min_healthy_percent);
        match found {
            Ok(health) if i64::from(health.able()) >= needed => {}
            // Where no listener uses the group, nobody knows how its targets are: the rules must tell what became of it.
            Ok(health) if health.unused > 0 && i64::from(health.able() + health.unused) >= needed => {
                capacity = Capacity::Unchecked(format!(
                    "{} targets of {} are not checked, since no listener sends traffic to their group",
                    health.unused, run.to
                ));
            }
            // What is not known, and may be enough, decides nothing.
            Ok(health) if i64::from(health.able() + health.unknown) >= needed => {
                capacity = Capacity::Unknown(short(&run.to, &health, needed));
            }
            Ok(health) => {
                let message = short(&run.to, &health, needed);
                let starting = i64::from(health.able() + health.initial + health.unknown) >= needed;
                return Some(Capacity::Short { message, none: health.able() + health.unknown == 0, starting });
            }
            Err(message) => capacity = Capacity::Unknown(message),
        }
    }
    Some(capacity)
}

/// What a run took over from others and still carries traffic beside the candidate, in words, where no target of it is
/// healthy any more. Nobody else watches it: its own run is over.
pub(super) fn broken_remainder(
    routes: &[&RouteProgress<'_>],
    run: &Run,
    not_before: Timestamp,
    reader: &mut Reader<'_>,
) -> Asked<Vec<String>> {
    let carried = routes.iter().flat_map(|route| remainder(route, run).into_iter().map(move |entry| (route, entry)));
    let carried = carried.filter(|(route, entry)| weights::of(&route.part.weights, &entry.environment) > 0);
    let found = all(carried.map(|(route, entry)| {
        let health = of(route, &entry.environment, not_before, reader)?;
        Some((entry.environment, health))
    }))?;
    let dead = found.into_iter().filter(|(_, health)| health.as_ref().is_ok_and(Health::is_dead));
    let words = |name| format!("{name}, from which the run takes over, carries traffic and has no healthy target");
    Some(dead.map(|(name, _)| words(name)).collect())
}

/// What carried traffic when a run took over from another, beside what a rollback goes back to.
pub(super) fn remainder(route: &RouteProgress<'_>, run: &Run) -> Vec<EnvironmentWeight> {
    let is_target = |name: &str| route.part.rollback_target().iter().any(|entry| entry.environment == name);
    let from = weights::carrying(&route.part.from).into_iter();
    from.filter(|entry| entry.environment != run.to && !is_target(&entry.environment)).collect()
}

fn short(environment: &str, health: &Health, needed: i64) -> String {
    let others = health.others();
    let others = if others.is_empty() { others } else { format!(" ({others})") };
    let missing = needed - i64::from(health.registered());
    let hint = if missing > 0 {
        let registered = match health.registered() {
            0 => "none".to_owned(),
            some => format!("only {some}"),
        };
        format!(
            "; it has {registered} registered, {missing} more must be added; if each carries more, lower \
             spec.capacity.minHealthyPercent"
        )
    } else {
        String::new()
    };
    format!("{}{others}{hint}", capacity::lacking(environment, health, needed))
}

/// The health of an environment on a route; the error says in words why it is not known.
pub(super) fn of(
    route: &RouteProgress<'_>,
    environment: &str,
    not_before: Timestamp,
    reader: &mut Reader<'_>,
) -> Asked<Result<Health, String>> {
    match lent(route, environment) {
        Ok((access, member)) => {
            reader.by(access, |reader| capacity::of_member(environment, member, not_before, reader))
        }
        Err(message) => Some(Err(message)),
    }
}

/// What an environment lends to a route, and by which access that is looked at; the error says in words why it is not known.
fn lent<'a>(route: &'a RouteProgress<'_>, environment: &str) -> Result<(&'a Access, &'a Member), String> {
    let member = route.member(environment)?;
    let access = route.access.as_ref().map_err(String::clone)?;
    Ok((access, member))
}

/// How many targets are healthy over all environments that carry traffic by these weights. Behind a balancer that is gone
/// there are none.
pub(super) fn carrying(
    route: &RouteProgress<'_>,
    from: &[EnvironmentWeight],
    not_before: Timestamp,
    reader: &mut Reader<'_>,
) -> Asked<Result<i32, String>> {
    let found = all(weights::carrying(from).iter().map(|entry| match lent(route, &entry.environment) {
        Ok((access, member)) => {
            reader.by(access, |reader| capacity::of_standing(&entry.environment, member, not_before, reader))
        }
        Err(message) => Some(Err(message)),
    }))?;
    let able = |health: Health| i32::try_from(health.able()).unwrap_or(i32::MAX);
    Some(found.into_iter().map(|health| health.map(able)).sum())
}
