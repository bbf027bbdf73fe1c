//! Whether the environments that gain by a change of a route have the healthy targets for it, and against what that
//! is measured.
//!
//! The measure is taken when a change begins: the healthy targets of the environments that carry traffic and do not
//! gain, and no less than the largest of all that carry. So two environments of full size that share the traffic are
//! not added up when one of them takes everything.

use jiff::Timestamp;
use weir_api::weighted_route::EnvironmentWeight;

use crate::backend::{Member, Members};
use crate::fact::{AwsError, By, ErrorKind, Health};
use crate::reader::{Asked, Reader, all};
use crate::weights;

/// How many healthy targets a share of the traffic needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needs {
    /// How many targets were healthy on the live side when the change began.
    baseline: i32,
    /// How many of them a share needs, in percent of that part of them.
    min_healthy_percent: i32,
    /// By how many percent points more than its weight says a share may be.
    headroom: i32,
}

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
pub(super) fn needs(baseline: i32, min_healthy_percent: i32, headroom: i32) -> Needs {
    Needs { baseline, min_healthy_percent, headroom }
}

/// Counts the healthy targets of the side that carries the traffic; the error says in words why they are not known. Behind a
/// balancer that is gone there are none.
pub(super) fn count(
    live: &[EnvironmentWeight],
    wanted: &[EnvironmentWeight],
    groups: &Members,
    reader: &mut Reader<'_>,
) -> Asked<Result<i32, String>> {
    let gaining = weights::gaining(live, wanted);
    let carrying = weights::carrying(live);
    let found = all(carrying.iter().map(|entry| {
        let environment = &entry.environment;
        let Some(Ok(member)) = groups.get(environment) else { return health(environment, groups, reader) };
        let fresh = reader.fresh();
        reader.evidence(|reader| of_standing(environment, member, fresh, reader))
    }))?;
    let (mut largest, mut losing) = (0_i64, 0_i64);
    for (entry, health) in carrying.iter().zip(found) {
        match health {
            Ok(health) => {
                let healthy = i64::from(health.able());
                largest = largest.max(healthy);
                losing += if gaining.contains(&entry.environment.as_str()) { 0 } else { healthy };
            }
            Err(message) => return Some(Err(message)),
        }
    }
    Some(Ok(i32::try_from(largest.max(losing)).unwrap_or(i32::MAX)))
}

/// Whether each of some environments has the healthy targets for its part of what is wanted; the error says of the first that
/// has not what is missing.
pub(super) fn carries(
    environments: &[&str],
    wanted: &[EnvironmentWeight],
    needs: Needs,
    groups: &Members,
    reader: &mut Reader<'_>,
) -> Asked<Result<(), String>> {
    let found = all(environments.iter().map(|environment| health(environment, groups, reader)))?;
    Some(
        environments.iter().zip(&found).try_for_each(|(environment, found)| has_for(wanted, needs, environment, found)),
    )
}

/// Whether the capacity is there; the error says what is missing.
pub(super) fn suffices(demand: &Demand<'_>, groups: &Members, reader: &mut Reader<'_>) -> Asked<Result<(), String>> {
    let gaining = weights::gaining(demand.live, demand.wanted);
    let mut read =
        |environments: &[&str]| all(environments.iter().map(|environment| health(environment, groups, reader)));
    let carrying = weights::carrying(demand.live);
    let losing: Vec<&str> = carrying.iter().map(|entry| entry.environment.as_str()).collect();
    let losing: Vec<&str> = losing.into_iter().filter(|name| demand.returns && !gaining.contains(name)).collect();
    let (able, other) = (read(&gaining), read(&losing));
    let (able, other) = (able?, other?);
    let judge = |(environment, found): (&&str, _)| has_for(demand.wanted, demand.needs, environment, found);
    let Err(short) = gaining.iter().zip(&able).try_for_each(judge) else { return Some(Ok(())) };
    if demand.returns {
        let count = |all: &[Result<Health, String>], of: fn(&Health) -> u32| -> i64 {
            all.iter().flatten().map(|health| i64::from(of(health))).sum()
        };
        // Where nothing that carries the traffic has any hope, there is nothing to lose.
        let is_lost = count(&other, Health::hopeful) == 0;
        let (able, other) = (count(&able, Health::able), count(&other, Health::able));
        let part: i64 = gaining.iter().map(|environment| weights::of(demand.wanted, environment)).sum();
        // As a rollback: where nobody has enough, each side gets its part of all that is known to be healthy.
        let is_fair = able > 0 && part * (able + other) <= able * weights::total(demand.wanted);
        if is_fair || (able == 0 && is_lost) {
            return Some(Ok(()));
        }
    }
    Some(Err(short))
}

/// Whether an environment has the healthy targets for its part; the error says what is missing.
fn has_for(
    wanted: &[EnvironmentWeight],
    needs: Needs,
    environment: &str,
    found: &Result<Health, String>,
) -> Result<(), String> {
    let percent = weights::percent_up(wanted, environment).saturating_add(needs.headroom).min(100);
    let needed = weights::needed(percent, needs.baseline, needs.min_healthy_percent);
    match found {
        Ok(health) if i64::from(health.able()) >= needed => Ok(()),
        Ok(health) => Err(lacking(environment, health, needed)),
        Err(message) => Err(message.clone()),
    }
}

/// What an environment has of what it needs, in words.
pub(crate) fn lacking(environment: &str, health: &Health, needed: i64) -> String {
    format!("{environment} has {} of the {needed} healthy targets that it needs", health.able())
}

/// The health of an environment; the error says in words why it is not known.
pub(super) fn health(environment: &str, groups: &Members, reader: &mut Reader<'_>) -> Asked<Result<Health, String>> {
    match groups.get(environment) {
        Some(Ok(member)) => {
            let fresh = reader.fresh();
            reader.evidence(|reader| of_member(environment, member, fresh, reader))
        }
        Some(Err(message)) => Some(Err(message.clone())),
        None => Some(Err(format!("the environment {environment} is not among spec.backends"))),
    }
}

/// The health of what an environment lends, not older than an instant: of several target groups behind a balancer that of the
/// one with the fewest able targets.
pub(crate) fn of_member(
    environment: &str,
    member: &Member,
    not_before: Timestamp,
    reader: &mut Reader<'_>,
) -> Asked<Result<Health, String>> {
    Some(weakest(environment, read(member, not_before, reader)?))
}

/// The same of one that carries traffic: behind a balancer that is gone there are no targets.
pub(crate) fn of_standing(
    environment: &str,
    member: &Member,
    not_before: Timestamp,
    reader: &mut Reader<'_>,
) -> Asked<Result<Health, String>> {
    let found = read(member, not_before, reader)?;
    let is_gone = |error: &AwsError| error.kind == ErrorKind::NotFound;
    if member.is_balancer() && found.iter().any(|found| found.is_err_and(is_gone)) {
        let balancer = reader.balancer(&By::Arn(member.arn.clone()), not_before)?.found;
        if balancer.is_err_and(is_gone) {
            return Some(Ok(Health::default()));
        }
    }
    Some(weakest(environment, found))
}

fn read<'f>(
    member: &Member,
    not_before: Timestamp,
    reader: &mut Reader<'f>,
) -> Asked<Vec<Result<Health, &'f AwsError>>> {
    all(member.groups.iter().map(|group| Some(reader.health(group, not_before)?.found.copied())))
}

fn weakest(environment: &str, found: Vec<Result<Health, &AwsError>>) -> Result<Health, String> {
    let found: Result<Vec<Health>, &AwsError> = found.into_iter().collect();
    let found = found.map_err(|error| format!("the health of {environment} could not be read: {error}"))?;
    let weakest = found.into_iter().min_by_key(Health::able);
    weakest.ok_or_else(|| format!("{environment} names no target group by which its capacity is known"))
}
