//! A rule or default action that was found: the tags on it, the weights in it, and how it is marked as a route's.

use jiff::Timestamp;
use weir_api::weighted_route::{EnvironmentWeight, RunMemory};

use crate::Arn;
use crate::backend::{Members, environment_of};
use crate::fact::{Action, ActionKind, ErrorKind, Forward, Rule, Tags};
use crate::object::Key;
use crate::reader::{Asked, Reader};
use crate::ready_state::{Explanation, ReadyState, because};
use crate::reason::Reason;
use crate::weights;
use crate::write::{LAST_RUN_TAG, ListenerWrite, OWNER_TAG, ROUTE_TAG, TagWrite, Write};

use super::super::memory::{self, NO_RUN};
use super::super::observed::{Gone, Looked, Marks};
use super::action::{describe_action, forward_of, is_terminal, unknown_group};
use super::{ListenerRoute, owner};

/// Where a route is.
pub(in crate::route) struct Place<'a> {
    pub(super) route: ListenerRoute<'a>,
    /// The listener.
    pub(super) listener: Arn,
    /// When the rules were read.
    pub read_at: Timestamp,
    /// The priority of the rule, or the one that it will have; `None` for the default action.
    pub(super) priority: Option<i32>,
    /// The rule or the default action; `None` where the rule does not exist yet.
    pub(super) rule: Option<&'a Rule>,
    /// What carries the marks: the rule, or the listener for its default action.
    pub(super) resource: Option<Arn>,
    /// What of it is no more, where the route had its place here.
    pub gone: Option<Gone>,
}

impl Place<'_> {
    /// Whether there is a rule, or a default action, that carries traffic.
    pub fn answers(&self) -> bool {
        self.rule.is_some()
    }

    /// Asks for rules that were read at an instant or later.
    pub fn read_since(&self, at: Timestamp, reader: &mut Reader<'_>) -> Asked<()> {
        reader.rules(&self.listener, at)?;
        Some(())
    }

    /// What carries the marks.
    pub fn resource(&self) -> Option<&Arn> {
        self.resource.as_ref()
    }

    /// Why target groups cannot be used by the listener: AWS lets a listener forward only to groups of its own account and
    /// region. Those of the environments that `is_concerned` are looked at.
    pub fn mismatch(&self, members: &Members, is_concerned: impl Fn(&str) -> bool) -> Option<Explanation> {
        let here = (self.listener.account()?, self.listener.region()?);
        let resolved =
            members.iter().filter_map(|(environment, member)| Some((environment, &member.as_ref().ok()?.arn)));
        let (environment, there) = resolved
            .filter(|(environment, _)| is_concerned(environment))
            .filter_map(|(environment, group)| Some((environment, (group.account()?, group.region()?))))
            .find(|(_, there)| *there != here)?;
        let message = format!(
            "found the environment {environment} in account {} and region {}, and the entry point {} in account {} and \
             region {}; expected them together, since a listener forwards only to target groups of its own account and \
             region. Correct spec.aws of one of the two, or take {environment} out of spec.backends",
            there.0, there.1, self.route.entry.entry_point.name, here.0, here.1
        );
        Some(because(Reason::AccountMismatch, message))
    }

    /// The marks on the place; the error says why Weir must not touch it.
    pub fn marks(
        &self,
        looked: &Looked<'_>,
        not_before: Timestamp,
        reader: &mut Reader<'_>,
    ) -> Asked<Result<Marks, ReadyState>> {
        let Some(resource) = &self.resource else {
            return Some(Ok(Marks::none()));
        };
        let tags = match reader.tags(resource, not_before)?.found {
            Ok(tags) => tags,
            Err(error) => return Some(Err(ReadyState::unreadable(error, &format!("the tags of {resource}")))),
        };
        let last_run = tags.get(LAST_RUN_TAG).and_then(|value| memory::read(value));
        Some(
            owner::is_ours(looked.context, looked.cluster, self.route, (resource, self.rule), tags)
                .map(|is_ours| Marks { is_ours, last_run, tags: tags.clone() })
                .map_err(ReadyState::Stalled),
        )
    }

    /// All tags of what carries the marks, read afresh; `None` where it is gone. The error says why they are not known.
    pub fn tags<'f>(&self, reader: &mut Reader<'f>) -> Asked<Result<Option<&'f Tags>, String>> {
        let Some(resource) = &self.resource else { return Some(Ok(None)) };
        let fresh = reader.fresh();
        Some(match reader.tags(resource, fresh)?.found {
            Ok(tags) => Ok(Some(tags)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("the tags of {resource} could not be read: {error}")),
        })
    }

    /// The priority of the rule, or the one that it will have.
    pub fn priority(&self) -> Option<i32> {
        self.priority
    }

    /// Group stickiness that is live, in seconds.
    pub fn sticky_seconds(&self) -> Option<i32> {
        self.forward()?.sticky_seconds
    }

    /// The write by which the place remembers the run that last ended; without one, that there is none.
    pub fn remember(&self, owner: &str, run: Option<&RunMemory>) -> Option<Write> {
        let resource = self.resource.clone()?;
        let mut tags = marks_of(owner, &self.route.key);
        tags.insert(LAST_RUN_TAG.to_owned(), run.map_or_else(|| NO_RUN.to_owned(), memory::tag_value));
        Some(Write::Tags(TagWrite::Add { resource, tags }))
    }

    /// The weights that are live, by environment. While another action answers on a place of ours, nothing is.
    pub fn live_weights(&self, groups: &Members, is_ours: bool) -> Result<Vec<EnvironmentWeight>, ReadyState> {
        let Some(rule) = self.rule else { return Ok(Vec::new()) };
        let forward =
            forward_of(&rule.actions, is_ours, &describe_action(self.priority)).map_err(ReadyState::Stalled)?;
        let Some(forward) = forward else { return Ok(Vec::new()) };
        let mut live = Vec::new();
        for (group, weight) in &forward.groups {
            match environment_of(groups, group) {
                Some(environment) => {
                    live.push(EnvironmentWeight { environment: environment.to_owned(), weight: i32::from(*weight) });
                }
                None if *weight == 0 => {}
                None => return Err(unknown_group(group, *weight, groups)),
            }
        }
        Ok(weights::normal(live))
    }

    /// The forward that is live.
    pub(super) fn forward(&self) -> Option<&Forward> {
        self.rule.and_then(|rule| rule.actions.iter().find_map(Action::forward))
    }

    /// Whether a group is in the forward that is live.
    pub fn attaches(&self, group: &Arn) -> bool {
        self.forward().is_some_and(|forward| forward.groups.contains_key(group))
    }

    /// All actions with the forward put in the place of the one that is there, or of the fixed response that stands
    /// in its stead.
    pub(super) fn actions_with(&self, forward: &Forward) -> Vec<Action> {
        let kind = ActionKind::Forward(forward.clone());
        let mut actions = self.rule.map(|rule| rule.actions.clone()).unwrap_or_default();
        match actions.iter_mut().find(|action| is_terminal(&action.kind)) {
            Some(action) => action.kind = kind,
            None => actions.push(Action { order: None, kind }),
        }
        actions
    }

    /// The write that gives the rule or default action these actions. The rule must exist.
    pub(super) fn set_actions(&self, actions: Vec<Action>) -> Write {
        let listener = self.listener.clone();
        match self.rule.filter(|_| self.route.entry.matches.is_some()) {
            Some(rule) => Write::Listener(ListenerWrite::SetRuleActions { listener, rule: rule.arn.clone(), actions }),
            None => Write::Listener(ListenerWrite::SetDefaultActions { listener, actions }),
        }
    }
}

/// Whether tags mark a resource as a route's.
pub(in crate::route) fn is_marked(tags: &Tags, owner: &str, route: &Key) -> bool {
    marks_of(owner, route).iter().all(|(key, value)| tags.get(key) == Some(value))
}

/// The tags that mark a resource as a route's.
pub(super) fn marks_of(owner: &str, route: &Key) -> Tags {
    Tags::from_iter([(OWNER_TAG.to_owned(), owner.to_owned()), (ROUTE_TAG.to_owned(), route.to_string())])
}

#[cfg(test)]
mod tests;
