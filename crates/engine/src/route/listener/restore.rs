//! Puts back what was there before Weir, once that side can carry what is live.
//!
//! Groups that have left the action come back without weight first: a group that no listener uses is not checked by
//! AWS, so its health would never be known. A group that is gone or unhealthy takes nothing: what is live stays.

use weir_api::weighted_route::{Before, Deletion, DeletionStage, EnvironmentWeight, ListenerRule};

use crate::Arn;
use crate::backend::{Member, Members};
use crate::fact::{Action, ActionKind, By, ErrorKind, Forward, Tags};
use crate::reader::{Asked, Reader, all};
use crate::ready_state::because;
use crate::reason::Reason;
use crate::weights;
use crate::write::{ListenerWrite, MAX_GROUPS, TAG_PREFIX, TagWrite, Write};

use super::super::capacity;
use super::super::undo::Undo;
use super::action::is_terminal;
use super::describe::describe;
use super::place::Place;
use super::{ListenerRoute, original, sticky};

impl Place<'_> {
    /// What is to be recorded of a place that is left: where it is, and what was there before Weir.
    pub fn record_leaving(&self, tags: &Tags, recorded: ListenerRule) -> ListenerRule {
        let resource = self.left();
        ListenerRule {
            before: original::read(tags, &resource).or(recorded.before),
            listener: Some(self.listener.to_string()),
            arn: Some(resource.to_string()),
            ..recorded
        }
    }

    /// Puts back what was there before, as it is on record, and then gives the place up. Where there was nothing, the rule is
    /// deleted.
    pub fn restore(&self, tags: &Tags, recorded: &ListenerRule, reader: &mut Reader<'_>) -> Asked<Undo> {
        match &recorded.before {
            None => Some(release(self, tags, "what was there before Weir is not on record, so what is live stays")),
            Some(_) if original::made_by_weir(recorded) => Some(self.delete(tags)),
            Some(before) => put_back(self, tags, before, reader),
        }
    }

    /// Deletes the rule; a default action is given up as it is.
    pub fn delete(&self, tags: &Tags) -> Undo {
        let Some(rule) = self.rule.filter(|_| self.route.entry.matches.is_some()) else {
            return release(self, tags, "a listener's default action cannot be deleted and stays");
        };
        let write =
            Write::Listener(ListenerWrite::DeleteRule { listener: self.listener.clone(), rule: rule.arn.clone() });
        let reason = because(Reason::DeletingRule, format!("{} is being deleted", describe(self.route)));
        Undo::writing(DeletionStage::DeletingRule, reason, write)
    }

    /// What carries the marks.
    fn left(&self) -> Arn {
        self.resource.clone().unwrap_or_else(|| self.listener.clone())
    }
}

/// The last write: the marks go, and with them the right to write anything else.
fn release(place: &Place<'_>, tags: &Tags, why: &str) -> Undo {
    let keys = tags.keys().filter(|key| key.starts_with(TAG_PREFIX)).cloned().collect();
    let write = Write::Tags(TagWrite::Remove { resource: place.left(), keys });
    let reason = because(Reason::RemovingTags, format!("{why}; Weir's tags are being removed"));
    Undo::Write(Deletion { stage: DeletionStage::RemovingTags, result: why.to_owned() }, reason, write)
}

fn put_back(place: &Place<'_>, tags: &Tags, before: &Before, reader: &mut Reader<'_>) -> Asked<Undo> {
    let route = place.route;
    let live = place.rule.map(|rule| rule.actions.as_slice()).unwrap_or_default();
    let is_strange = |action: &Action| match &action.kind {
        ActionKind::Unsupported { .. } => true,
        ActionKind::Kept { kind, .. } => kind == "redirect",
        ActionKind::Forward(_) => false,
    };
    let written = match original::put_back(live, before) {
        Some(written) if !live.iter().any(is_strange) => written,
        _ => {
            let why = "somebody else has put another action there, so what was there before Weir is not put back";
            return Some(release(place, tags, why));
        }
    };
    if written == live {
        return Some(release(place, tags, "what was there before Weir is back"));
    }
    let message = format!("what was there before Weir is being put back on {}", describe(route));
    let restoring = |actions| {
        let reason = because(Reason::Restoring, message);
        Some(Undo::writing(DeletionStage::Restoring, reason, place.set_actions(actions)))
    };
    let none = Forward::default();
    let present = live.iter().find_map(Action::forward).unwrap_or(&none);
    let Some(wanted) = original::forward(before) else { return restoring(written) };
    let (carrying, restored) = (as_weights(present), as_weights(&wanted));
    let rising = weights::gaining(&carrying, &restored);
    if let Err(blocker) = exist(&rising, reader)? {
        return Some(Undo::Blocked(blocker));
    }
    if present.groups.is_empty() {
        // Nothing carries traffic now, so there is nothing to lose; and groups that no listener uses are not checked.
        return restoring(written);
    }
    if rising.iter().any(|group| carrying.iter().all(|entry| entry.environment != *group)) {
        let forward = match with_attached(route, present, &wanted, reader)? {
            Ok(forward) => forward,
            Err(blocker) => return Some(Undo::Blocked(blocker)),
        };
        let mut actions = live.to_vec();
        if let Some(action) = actions.iter_mut().find(|action| is_terminal(&action.kind)) {
            action.kind = ActionKind::Forward(forward);
        }
        return restoring(actions);
    }
    match carries(&rising, &carrying, &restored, route.spec.capacity.min_healthy_percent, reader)? {
        Ok(()) => restoring(written),
        Err(blocker) => Some(Undo::Blocked(blocker)),
    }
}

/// The weights of a forward, in which each group stands for itself.
fn as_weights(forward: &Forward) -> Vec<EnvironmentWeight> {
    let entry = |(group, weight): (&Arn, &u16)| EnvironmentWeight {
        environment: group.to_string(),
        weight: i32::from(*weight),
    };
    forward.groups.iter().map(entry).collect()
}

/// Whether all groups are there still; the error names the one that is not.
fn exist(groups: &[&str], reader: &mut Reader<'_>) -> Asked<Result<(), String>> {
    let fresh = reader.fresh();
    let readings = all(groups.iter().map(|group| reader.group(&By::Arn(Arn::new(*group)), fresh)))?;
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
    route: ListenerRoute<'_>,
    live: &Forward,
    wanted: &Forward,
    reader: &mut Reader<'_>,
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
    let since = reader.fresh();
    let seconds = sticky::seconds(route.spec.stickiness.as_ref(), &members, live.sticky_seconds, since, reader)?;
    Some(match seconds {
        Ok(sticky_seconds) => Ok(Forward { groups, sticky_seconds }),
        Err(ready_state) => Err(ready_state.explanation().message.to_string()),
    })
}

/// Whether the groups that gain have their part of the healthy targets of the strongest group that carries the traffic
/// now. Where traffic is split in the middle of a run, both sides together have about twice what the traffic needs.
fn carries(
    rising: &[&str],
    live: &[EnvironmentWeight],
    wanted: &[EnvironmentWeight],
    min_healthy_percent: i32,
    reader: &mut Reader<'_>,
) -> Asked<Result<(), String>> {
    let member = |entry: &EnvironmentWeight| Member::of_group(Arn::new(&entry.environment));
    let groups: Members =
        live.iter().chain(wanted).map(|entry| (entry.environment.clone(), Ok(member(entry)))).collect();
    let carrying = weights::carrying(live);
    let asked = carrying.iter().map(|entry| entry.environment.as_str()).filter(|_| !rising.is_empty());
    let found = all(asked.chain(rising.iter().copied()).map(|group| capacity::health(group, &groups, reader)))?;
    let mut baseline = 0;
    for health in found.into_iter().take(carrying.len()) {
        match health {
            Ok(health) => baseline = baseline.max(i32::try_from(health.able()).unwrap_or(i32::MAX)),
            Err(unknown) => return Some(Err(unknown)),
        }
    }
    let needs = capacity::needs(baseline, min_healthy_percent, 0);
    let judged = capacity::carries(rising, wanted, needs, &groups, reader)?;
    Some(judged.map_err(|short| {
        format!(
            "{short} to carry again what it carried before Weir; start them, lower spec.capacity.minHealthyPercent if they \
             are larger, or write deletionPolicy: Retain to leave what is live"
        )
    }))
}
