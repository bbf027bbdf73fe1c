//! What a change makes of a rule or default action: the weights of its target groups, and stickiness between them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use weir_api::weighted_route::{Before, Intent, ListenerRuleIntent};

use crate::Arn;
use crate::fact::{Forward, Tags};
use crate::object::RouteObject;
use crate::reader::{Asked, Reader};
use crate::ready_state::ReadyState;
use crate::write::{LAST_RUN_TAG, ListenerWrite, MAX_GROUPS, Write};

use super::super::memory;
use super::conditions::conditions;
use super::place::{Place, marks_of};
use super::{original, sticky};

/// How long a group that carries nothing any more stays attached before it is dropped, where clients do not stick to
/// it for longer: what was written takes some seconds to reach every node of a balancer.
const LINGER: SignedDuration = SignedDuration::from_secs(60);

/// What a change makes of a rule.
#[derive(Clone, Debug)]
pub(in crate::route) struct Plan {
    forward: Forward,
    /// Group stickiness from before, in seconds.
    sticky_seconds_before: Option<i32>,
}

impl Plan {
    /// What a recorded intent makes of it: these weights of groups.
    pub fn of(split: BTreeMap<Arn, u16>, intent: &Intent) -> Self {
        let ListenerRuleIntent { sticky_seconds, sticky_seconds_before } = intent.listener_rule;
        Self { forward: Forward { groups: split, sticky_seconds }, sticky_seconds_before }
    }

    /// The weights of the groups.
    pub fn split(&self) -> &BTreeMap<Arn, u16> {
        &self.forward.groups
    }

    /// Puts on record what is wanted besides weights.
    pub fn record(&self, intent: &mut Intent) {
        let sticky_seconds_before = self.sticky_seconds_before;
        intent.listener_rule =
            ListenerRuleIntent { sticky_seconds: self.forward.sticky_seconds, sticky_seconds_before };
    }

    /// Whether a write makes it so. Groups without weight do not matter.
    pub fn is_made_by(&self, write: &Write) -> bool {
        let carrying = |forward: &Forward| -> Vec<(Arn, u16)> {
            let groups = forward.groups.iter().filter(|(_, weight)| **weight > 0);
            groups.map(|(group, weight)| (group.clone(), *weight)).collect()
        };
        let is_same = |forward: &Forward| {
            forward.sticky_seconds == self.forward.sticky_seconds && carrying(forward) == carrying(&self.forward)
        };
        write.forward().is_some_and(is_same)
    }
}

/// For how long those who carry nothing any more may still get requests by what an intent has made live.
pub(in crate::route) fn tail(intent: &Intent) -> SignedDuration {
    let sticky = SignedDuration::from_secs(i64::from(intent.listener_rule.sticky_seconds.unwrap_or(0)));
    LINGER.max(sticky)
}

/// Whether the spec asks for another stickiness between groups than what an intent has made live.
pub(in crate::route) fn wants_other_settings(route: &RouteObject, intent: &Intent) -> bool {
    let wanted = route.spec.stickiness.as_ref().map(sticky::chosen);
    wanted.is_some_and(|seconds| intent.listener_rule.sticky_seconds != seconds)
}

impl Place<'_> {
    /// Plans weights of groups. `earlier` is an intent whose memory of what was there before is carried on; without one it is
    /// what is live. The error says what stands in the way of stickiness.
    pub fn plan(
        &self,
        split: BTreeMap<Arn, u16>,
        earlier: Option<&Intent>,
        not_before: Timestamp,
        reader: &mut Reader<'_>,
    ) -> Asked<Result<Plan, ReadyState>> {
        let before = self.sticky_seconds_before(earlier);
        let groups: Vec<&Arn> = split.keys().collect();
        let planned = sticky::seconds(self.route.spec.stickiness.as_ref(), &groups, before, not_before, reader)?;
        Some(planned.map(|sticky_seconds| Plan {
            forward: Forward { groups: split, sticky_seconds },
            sticky_seconds_before: before,
        }))
    }

    fn sticky_seconds_before(&self, earlier: Option<&Intent>) -> Option<i32> {
        earlier.map_or_else(|| self.sticky_seconds(), |intent| intent.listener_rule.sticky_seconds_before)
    }

    /// Puts on record what is live besides weights, as what is held.
    pub fn record_held(&self, intent: &mut Intent) {
        intent.listener_rule.sticky_seconds = self.sticky_seconds();
    }

    /// Puts on record what was there before the first of several changes.
    pub fn record_before(&self, intent: &mut Intent, earlier: Option<&Intent>) {
        intent.listener_rule.sticky_seconds_before = self.sticky_seconds_before(earlier);
    }

    /// Whether AWS shows a plan besides its weights: stickiness, and no group beside its own.
    pub fn shows(&self, plan: &Plan) -> bool {
        self.forward().is_some_and(|live| {
            live.sticky_seconds == plan.forward.sticky_seconds && live.groups.len() == plan.forward.groups.len()
        })
    }

    /// A plan with the groups that carry traffic and are not in it: a group leaves the action by a write after the one that
    /// took its weight, when nobody sends it requests any more.
    pub fn keeping_attached(&self, plan: &Plan) -> Plan {
        let mut kept = plan.clone();
        let carrying = self.forward().into_iter().flat_map(|live| &live.groups);
        for (group, _) in carrying.filter(|(_, weight)| **weight > 0) {
            kept.forward.groups.entry(group.clone()).or_insert(0);
        }
        if kept.forward.groups.len() <= MAX_GROUPS { kept } else { plan.clone() }
    }

    /// The write that makes it so.
    pub fn write(&self, owner: &str, plan: &Plan) -> Write {
        match (self.rule, &self.route.entry.matches, self.priority) {
            (None, Some(matches), Some(priority)) => Write::Listener(ListenerWrite::CreateRule {
                listener: self.listener.clone(),
                priority,
                conditions: conditions(matches),
                forward: plan.forward.clone(),
                tags: self.first_tags(owner),
            }),
            _ => self.set_actions(self.actions_with(&plan.forward)),
        }
    }

    /// The tags of a rule that Weir makes: its marks, that there was nothing before, and what one that was there before
    /// remembered.
    fn first_tags(&self, owner: &str) -> Tags {
        let mut tags = marks_of(owner, &self.route.key);
        tags.extend(original::tags(&Before::default(), &self.listener));
        if let Some(last) = &self.route.status.last_run {
            tags.insert(LAST_RUN_TAG.to_owned(), memory::tag_value(last));
        }
        tags
    }
}
