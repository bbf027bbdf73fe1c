//! Puts back what was there before Weir, once that side can carry what is live.
//!
//! Groups that have left the action come back without weight first: a group that no listener uses is not checked by
//! AWS, so its health would never be known. A group that is gone or unhealthy takes nothing: what is live stays.

use crate::Arn;
use crate::fact::{Action, ActionKind, By, ErrorKind, Forward};
use crate::object::RouteObject;
use crate::reason::Reason;
use crate::sight::{Asked, Sight, all};
use crate::standing::because;
use crate::step::{MAX_GROUPS, Step};
use weir_api::weighted_route::{Before, Deletion, DeletionStage};

use super::super::place::{describe_place, is_terminal};
use super::super::{before, sticky};
use super::spot::Spot;
use super::{Stand, unmark};

pub(super) fn restore(route: &RouteObject, spot: &Spot<'_>, before: &Before, sight: &mut Sight<'_>) -> Asked<Stand> {
    let live = spot.rule.map(|rule| rule.actions.as_slice()).unwrap_or_default();
    let is_strange = |action: &Action| match &action.kind {
        ActionKind::Unsupported { .. } => true,
        ActionKind::Kept { kind, .. } => kind == "redirect",
        ActionKind::Forward(_) => false,
    };
    let written = match before::put_back(live, before) {
        Some(written) if !live.iter().any(is_strange) => written,
        _ => {
            let why = "somebody else has put another action there, so what was there before Weir is not put back";
            return Some(unmark(spot, why));
        }
    };
    if written == live {
        return Some(unmark(spot, "what was there before Weir is back"));
    }
    let set = |actions: Vec<Action>| {
        let listener = spot.listener.clone();
        match spot.rule.filter(|_| !spot.is_default) {
            Some(rule) => Step::SetRuleActions { listener, rule: rule.arn.clone(), actions },
            None => Step::SetDefaultActions { listener, actions },
        }
    };
    let message = format!("what was there before Weir is being put back on {}", describe_place(route));
    let deletion = Deletion { stage: DeletionStage::Restoring, result: String::new() };
    let restoring = |step| Some(Stand::Undoing(deletion, because(Reason::Restoring, message), step));
    let percent = u32::try_from(route.spec.capacity.min_healthy_percent).unwrap_or(0);
    let none = Forward::default();
    let present = live.iter().find_map(Action::forward).unwrap_or(&none);
    let Some(wanted) = before::forward(before) else { return restoring(set(written)) };
    let rising: Vec<&Arn> = wanted.groups.keys().filter(|group| rises(group, present, &wanted)).collect();
    if let Err(blocker) = exist(&rising, sight)? {
        return Some(Stand::Blocked(blocker));
    }
    if present.groups.is_empty() {
        // Nothing carries traffic now, so there is nothing to lose; and groups that no listener uses are not checked.
        return restoring(set(written));
    }
    let missing: Vec<&Arn> = rising.iter().filter(|group| !present.groups.contains_key(**group)).copied().collect();
    if !missing.is_empty() {
        let forward = match with_attached(route, present, &wanted, sight)? {
            Ok(forward) => forward,
            Err(blocker) => return Some(Stand::Blocked(blocker)),
        };
        let mut actions = live.to_vec();
        if let Some(action) = actions.iter_mut().find(|action| is_terminal(&action.kind)) {
            action.kind = ActionKind::Forward(forward);
        }
        return restoring(set(actions));
    }
    match capacity(&rising, present, &wanted, percent, sight)? {
        Ok(()) => restoring(set(written)),
        Err(blocker) => Some(Stand::Blocked(blocker)),
    }
}

/// Whether the share of a group is higher in what was there before than in what is live.
fn rises(group: &Arn, live: &Forward, wanted: &Forward) -> bool {
    let weight = |forward: &Forward| u64::from(forward.groups.get(group).copied().unwrap_or(0));
    let (old, old_total, new, new_total) = (weight(live), total(live), weight(wanted), total(wanted));
    new > 0 && (old_total == 0 || new * old_total > old * new_total)
}

fn total(forward: &Forward) -> u64 {
    forward.groups.values().map(|weight| u64::from(*weight)).sum()
}

/// Whether all groups are there still; the error names the one that is not.
fn exist(groups: &[&Arn], sight: &mut Sight<'_>) -> Asked<Result<(), String>> {
    let fresh = sight.fresh();
    let readings = all(groups.iter().map(|group| sight.group(&By::Arn((*group).clone()), fresh)))?;
    for (group, reading) in groups.iter().zip(readings) {
        match reading.found {
            Ok(_) => {}
            Err(error) if error.kind == ErrorKind::NotFound => {
                return Some(Err(format!(
                    "{group}, which carried the traffic before Weir, does not exist any more; write deletionPolicy: \
                     Retain to leave what is live"
                )));
            }
            Err(error) => return Some(Err(format!("{group} could not be read: {error}"))),
        }
    }
    Some(Ok(()))
}

/// What is live, and without weight the groups of what was there before.
fn with_attached(
    route: &RouteObject,
    live: &Forward,
    wanted: &Forward,
    sight: &mut Sight<'_>,
) -> Asked<Result<Forward, String>> {
    let mut groups = live.groups.clone();
    groups.retain(|group, weight| *weight > 0 || wanted.groups.contains_key(group));
    for group in wanted.groups.iter().filter(|(_, weight)| **weight > 0).map(|(group, _)| group) {
        groups.entry(group.clone()).or_insert(0);
    }
    if groups.len() > MAX_GROUPS {
        return Some(Err(format!(
            "what is live and what was there before Weir have {} groups together, more than the {MAX_GROUPS} that ELBv2 \
             takes in one action; take the weight from one of them first",
            groups.len()
        )));
    }
    let members: Vec<&Arn> = groups.keys().collect();
    let since = sight.fresh();
    let seconds = sticky::seconds(route.spec.stickiness.as_ref(), &members, live.sticky_seconds, since, sight)?;
    Some(match seconds {
        Ok(sticky_seconds) => Ok(Forward { groups, sticky_seconds }),
        Err(standing) => Err(standing.explanation().message.to_string()),
    })
}

/// Whether the groups that gain have their part of the healthy targets of the strongest group that carries the traffic
/// now. Where traffic is split in the middle of a run, both sides together have about twice what the traffic needs.
fn capacity(
    rising: &[&Arn],
    live: &Forward,
    wanted: &Forward,
    min_healthy_percent: u32,
    sight: &mut Sight<'_>,
) -> Asked<Result<(), String>> {
    let fresh = sight.fresh();
    let carrying: Vec<&Arn> = live.groups.iter().filter(|(_, weight)| **weight > 0).map(|(group, _)| group).collect();
    let asked: Vec<&Arn> = if rising.is_empty() { Vec::new() } else { [carrying.as_slice(), rising].concat() };
    let readings = all(asked.iter().map(|group| sight.health(group, fresh)))?;
    let mut healthy = Vec::new();
    for (group, reading) in asked.into_iter().zip(readings) {
        match reading.found {
            Ok(health) => healthy.push((group, u64::from(health.able()))),
            Err(error) => return Some(Err(format!("the health of {group} could not be read: {error}"))),
        }
    }
    let count = |group: &Arn| healthy.iter().find(|(known, _)| *known == group).map_or(0, |(_, count)| *count);
    let baseline = carrying.iter().map(|group| count(group)).max().unwrap_or(0);
    for group in rising {
        let weight = u64::from(wanted.groups.get(*group).copied().unwrap_or(0));
        let part = weight * baseline * u64::from(min_healthy_percent);
        let needed = part.div_ceil(total(wanted).max(1) * 100).max(1);
        if count(group) < needed {
            return Some(Err(format!(
                "{group}, which carried the traffic before Weir, has {} of the {needed} healthy targets that it needs for \
                 what is live; start them, lower spec.capacity.minHealthyPercent if they are larger, or write deletionPolicy: \
                 Retain to leave what is live",
                count(group)
            )));
        }
    }
    Some(Ok(()))
}
