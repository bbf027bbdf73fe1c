//! The balancers of an environment, to which names in DNS lead, and the target groups by which their capacity is known.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use weir_api::condition::{READY, holds};
use weir_api::environment::{LoadBalancerRef, LoadBalancerStatus, TargetGroupStatus};

use crate::Arn;
use crate::fact::{AwsError, Balancer, By, ErrorKind};
use crate::grant::Subject;
use crate::object::EnvironmentObject;
use crate::reader::{ANY_AGE, Asked, Reader, all};
use crate::ready_state::{Explanation, ReadyState, because};
use crate::reason::Reason;
use crate::tick::Context;

use super::{LOOK_AGAIN, Seen};

/// The types of balancers to which an alias leads and whose target groups tell their health.
const KINDS: [&str; 2] = ["application", "network"];

/// How old the attributes of a balancer may be.
const ATTRIBUTES_AGE: SignedDuration = SignedDuration::from_hours(1);

/// A balancer that the spec names, and what AWS says of it.
type Named<'a, 'f> = (&'a LoadBalancerRef, Result<&'f Balancer, ReadyState>, bool);

/// Asks for the balancers that the spec names.
pub(super) fn asked<'a, 'f>(
    context: &Context,
    object: &'a EnvironmentObject,
    reader: &mut Reader<'f>,
) -> Asked<Vec<Named<'a, 'f>>> {
    // What does not fit together may be of several times: a balancer is made again under its name.
    let is_well = holds(&object.status.conditions, READY);
    let since = if is_well { ANY_AGE } else { reader.began - LOOK_AGAIN };
    let refusal = |by: &By| context.grants.refusal_by(&object.key.namespace, Subject::Balancer, by);
    let look = |wanted: &'a LoadBalancerRef| {
        let existing = &wanted.existing;
        let by = existing.arn.as_ref().map(|arn| By::Arn(Arn::new(arn)));
        let by = by.unwrap_or_else(|| By::Name(existing.name.clone().unwrap_or_default()));
        if let Some(reason) = refusal(&by) {
            return Some((wanted, Err(ReadyState::Stalled(reason)), false));
        }
        Some(match reader.balancer(&by, since)?.found {
            Ok(balancer) => match refusal(&By::Arn(balancer.arn.clone())) {
                Some(reason) => (wanted, Err(ReadyState::Stalled(reason)), false),
                None => (wanted, usable(balancer).map(|()| balancer).map_err(ReadyState::Stalled), false),
            },
            Err(error) => (wanted, Err(unreadable(error, &by)), error.kind != ErrorKind::NotFound),
        })
    };
    all(object.spec.load_balancers.iter().map(look))
}

fn unreadable(error: &AwsError, by: &By) -> ReadyState {
    ReadyState::unreadable(error, &format!("the balancer {by}"))
}

/// Whether a name can lead to a balancer; the error says why not.
fn usable(balancer: &Balancer) -> Result<(), Explanation> {
    if KINDS.contains(&balancer.kind.as_str()) && balancer.hosted_zone_id.is_some() {
        return Ok(());
    }
    let message = format!(
        "{} is a balancer of the type {}; expected an Application or Network Load Balancer, to which names in DNS lead",
        balancer.name, balancer.kind
    );
    Err(because(Reason::NotApplicationLoadBalancer, message))
}

/// The balancers that were found, with the target groups behind them.
pub(super) fn found(
    object: &EnvironmentObject,
    named: Vec<Named<'_, '_>>,
    groups: &[TargetGroupStatus],
    reader: &mut Reader<'_>,
) -> Asked<Seen<LoadBalancerStatus>> {
    let (mut found, mut wrong) = (Vec::<LoadBalancerStatus>::new(), Vec::new());
    let mut names: BTreeMap<Arn, &str> = BTreeMap::new();
    let named = all(named.into_iter().map(|(wanted, balancer, may_pass)| {
        let seen = match balancer {
            Ok(balancer) => {
                let (behind, keep_alive) =
                    (behind(balancer, wanted, groups, reader), keep_alive(object, balancer, reader));
                Ok((balancer, behind?, keep_alive?))
            }
            Err(ready_state) => Err(ready_state),
        };
        Some((wanted, seen, may_pass))
    }))?;
    for (wanted, seen, may_pass) in named {
        match seen {
            Ok((balancer, Ok(target_groups), keep_alive_seconds)) => {
                match names.insert(balancer.arn.clone(), &wanted.name) {
                    None => found.push(LoadBalancerStatus {
                        name: wanted.name.clone(),
                        arn: balancer.arn.to_string(),
                        dns_name: balancer.dns_name.clone(),
                        hosted_zone_id: balancer.hosted_zone_id.clone().unwrap_or_default(),
                        target_groups,
                        keep_alive_seconds,
                    }),
                    Some(other) => {
                        let message = format!(
                            "{other} and {} are the same balancer, {}; name each balancer once",
                            wanted.name, balancer.arn
                        );
                        wrong.push(ReadyState::Stalled(because(Reason::Invalid, message)));
                    }
                }
            }
            Ok((_, Err(reason), _)) => wrong.push(ReadyState::Stalled(reason)),
            Err(ready_state) => {
                wrong.push(ready_state);
                // What was found before serves on while AWS cannot be asked.
                let known = object.status.load_balancers.iter().find(|known| known.name == wanted.name);
                let is_current = object.status.observed_generation == Some(object.generation);
                found.extend(known.filter(|_| is_current && may_pass).cloned());
            }
        }
    }
    Some(Seen { found, wrong })
}

/// After how many seconds a balancer closes connections of clients; what was read before, while it cannot be read.
fn keep_alive(object: &EnvironmentObject, balancer: &Balancer, reader: &mut Reader<'_>) -> Asked<Option<i32>> {
    let since = reader.began - ATTRIBUTES_AGE;
    let found = reader.balancer_attributes(&balancer.arn, since)?.found;
    let mut known = object.status.load_balancers.iter().filter(|known| known.arn == balancer.arn.as_str());
    Some(found.map_or_else(|_| known.next()?.keep_alive_seconds, |found| found.keep_alive_seconds))
}

/// The target groups of the environment that a balancer uses; the error says that there are none, or which it does not use.
fn behind(
    balancer: &Balancer,
    wanted: &LoadBalancerRef,
    groups: &[TargetGroupStatus],
    reader: &mut Reader<'_>,
) -> Asked<Result<Vec<String>, Explanation>> {
    let is_named =
        |group: &&TargetGroupStatus| wanted.capacity_from.is_empty() || wanted.capacity_from.contains(&group.name);
    let candidates: Vec<&TargetGroupStatus> = groups.iter().filter(is_named).collect();
    let used = all(candidates.iter().map(|group| uses(balancer, group, ANY_AGE, reader)))?;
    // Where none was used, a listener may have begun to use one meanwhile.
    let is_enough = if wanted.capacity_from.is_empty() { used.contains(&true) } else { !used.contains(&false) };
    let used = if is_enough { used } else { all(candidates.iter().map(|group| uses_now(balancer, group, reader)))? };
    let of = |is_used: bool| {
        candidates.iter().zip(&used).filter(move |(_, used)| **used == is_used).map(|(group, _)| *group)
    };
    let unknown = wanted.capacity_from.iter().find(|name| !groups.iter().any(|group| group.name == **name));
    Some(match (unknown, of(false).next().filter(|_| !wanted.capacity_from.is_empty())) {
        (Some(name), _) => Err(because(
            Reason::Invalid,
            format!(
                "found {name} in capacityFrom of {}; expected the name of a target group of this Environment that was found",
                wanted.name
            ),
        )),
        (None, Some(group)) => Err(because(
            Reason::GroupNotUsable,
            format!(
                "found {} in capacityFrom of {}, which the balancer {} does not use; name groups that its listeners send \
                 traffic to",
                group.name, wanted.name, balancer.name
            ),
        )),
        (None, None) if of(true).next().is_none() => Err(because(
            Reason::GroupNotUsable,
            format!(
                "the balancer {} ({}) uses none of spec.targetGroups, by which its capacity would be known; name there the groups \
                 that its listeners send traffic to",
                wanted.name, balancer.name
            ),
        )),
        (None, None) => Ok(of(true).map(|group| group.arn.clone()).collect()),
    })
}

fn uses_now(balancer: &Balancer, group: &TargetGroupStatus, reader: &mut Reader<'_>) -> Asked<bool> {
    let fresh = reader.fresh();
    uses(balancer, group, fresh, reader)
}

/// Whether a balancer uses a target group. What cannot be read was found before.
fn uses(balancer: &Balancer, group: &TargetGroupStatus, not_before: Timestamp, reader: &mut Reader<'_>) -> Asked<bool> {
    let reading = reader.group(&By::Arn(Arn::new(&group.arn)), not_before)?;
    Some(reading.found.map_or(true, |group| group.balancers.contains(&balancer.arn)))
}

/// What was found, in words.
pub(super) fn found_words(object: &EnvironmentObject) -> &'static str {
    if object.spec.load_balancers.is_empty() {
        "the target groups were found"
    } else {
        "the target groups and balancers were found"
    }
}
