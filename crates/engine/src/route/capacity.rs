//! Whether the environments that gain by a change of a route have the healthy targets for it, and against what that
//! is measured.
//!
//! The measure is taken when a change begins: the healthy targets of the environments that carry traffic and do not
//! gain, and no less than the largest of all that carry. So two environments of full size that share the traffic are
//! not added up when one of them takes everything.

use weir_api::weighted_route::EnvironmentWeight;

use crate::Arn;
use crate::backend::Groups;
use crate::sight::Sight;
use crate::step::Needs;
use crate::weights;

/// What a change of weights needs.
pub(super) struct Demand<'a> {
    /// What is live.
    pub live: &'a [EnvironmentWeight],
    /// What shall be.
    pub wanted: &'a [EnvironmentWeight],
    /// What the healthy targets are measured against.
    pub needs: Needs,
    /// Whether it goes back to what was live before.
    pub returns: bool,
}

/// Makes the needs from what is recorded and what the spec says.
pub(super) fn needs(baseline: i32, min_healthy_percent: i32) -> Needs {
    Needs {
        baseline: u32::try_from(baseline).unwrap_or(0),
        min_healthy_percent: u32::try_from(min_healthy_percent).unwrap_or(0),
    }
}

/// Counts the healthy targets of the side that carries the traffic; the error says in words why they are not known.
pub(super) fn count(
    live: &[EnvironmentWeight],
    wanted: &[EnvironmentWeight],
    groups: &Groups,
    sight: &mut Sight<'_>,
) -> Option<Result<i32, String>> {
    let gaining = weights::gaining(live, wanted);
    let readings: Vec<_> =
        weights::carrying(live).into_iter().map(|entry| (healthy(&entry.environment, groups, sight), entry)).collect();
    let (mut largest, mut losing) = (0_i64, 0_i64);
    for (reading, entry) in readings {
        match reading? {
            Ok(healthy) => {
                largest = largest.max(healthy);
                losing += if gaining.contains(&entry.environment.as_str()) { 0 } else { healthy };
            }
            Err(message) => return Some(Err(message)),
        }
    }
    Some(Ok(i32::try_from(largest.max(losing)).unwrap_or(i32::MAX)))
}

/// Whether the capacity is there; the error says what is missing.
pub(super) fn suffices(demand: &Demand<'_>, groups: &Groups, sight: &mut Sight<'_>) -> Option<Result<(), String>> {
    let gaining = weights::gaining(demand.live, demand.wanted);
    let read = |environments: &[&str], sight: &mut Sight<'_>| -> Vec<Option<Result<i64, String>>> {
        environments.iter().map(|environment| healthy(environment, groups, sight)).collect()
    };
    let carrying = weights::carrying(demand.live);
    let losing: Vec<&str> = carrying.iter().map(|entry| entry.environment.as_str()).collect();
    let losing: Vec<&str> = losing.into_iter().filter(|name| demand.returns && !gaining.contains(name)).collect();
    let (able, other) = (read(&gaining, sight), read(&losing, sight));
    let able: Vec<Result<i64, String>> = able.into_iter().collect::<Option<_>>()?;
    let other: Vec<Result<i64, String>> = other.into_iter().collect::<Option<_>>()?;
    let short = gaining.iter().zip(&able).find_map(|(environment, found)| lacks(demand, environment, found));
    let Some(short) = short else { return Some(Ok(())) };
    if demand.returns {
        let known = |counts: Vec<Result<i64, String>>| counts.into_iter().map(|count| count.unwrap_or(0)).sum::<i64>();
        let (able, other) = (known(able), known(other));
        let part: i64 = gaining.iter().map(|environment| weights::of(demand.wanted, environment)).sum();
        // As a rollback: where nobody has enough, each side gets its part of all that is known to be healthy.
        if able + other == 0 || part * (able + other) <= able * weights::total(demand.wanted) {
            return Some(Ok(()));
        }
    }
    Some(Err(short))
}

/// What an environment lacks for its part, in words.
fn lacks(demand: &Demand<'_>, environment: &str, found: &Result<i64, String>) -> Option<String> {
    let percent = weights::percent_up(demand.wanted, environment);
    let of = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let needed = weights::needed(percent, of(demand.needs.baseline), of(demand.needs.min_healthy_percent));
    match found {
        Ok(healthy) if *healthy >= needed => None,
        Ok(healthy) => Some(format!("{environment} has {healthy} of the {needed} healthy targets that it needs")),
        Err(message) => Some(message.clone()),
    }
}

/// How many targets of an environment are healthy; the error says in words why that is not known.
fn healthy(environment: &str, groups: &Groups, sight: &mut Sight<'_>) -> Option<Result<i64, String>> {
    let group: &Arn = match groups.get(environment) {
        Some(Ok(group)) => group,
        Some(Err(message)) => return Some(Err(message.clone())),
        None => return Some(Err(format!("the environment {environment} is not among spec.backends"))),
    };
    let fresh = sight.fresh();
    Some(match &sight.health(group, fresh)?.found {
        Ok(health) => Ok(i64::from(health.able())),
        Err(error) => Err(format!("the health of {environment} could not be read: {error}")),
    })
}
