//! Where a route is on AWS: its listener, its rule or default action, the marks on it and the weights in it.

use jiff::Timestamp;
use weir_api::WeightedRouteStatus;
use weir_api::condition::{READY, find as find_condition, holds};
use weir_api::weighted_route::{EnvironmentWeight, RunMemory};

use crate::Arn;
use crate::backend::{self, Groups, environment_of};
use crate::fact::{Action, ActionKind, ErrorKind, Forward, Rule, RulePriority, Tags};
use crate::object::{Cluster, Key, RouteObject};
use crate::reason::Reason;
use crate::sight::{ANY_AGE, Asked, Sight};
use crate::standing::{Explanation, Standing, because};
use crate::step::{LAST_RUN_TAG, OWNER_TAG, ROUTE_TAG, Step};
use crate::tick::Context;
use crate::weights;

use super::conditions::{conditions, describe};
use super::conflict::{self, entry_key};
use super::locate::{among_others, free_priority, own_rule};
use super::{crowd, gone, memory, owner, permission};

/// Where a route is.
pub(super) struct Place<'a> {
    /// The listener.
    pub listener: Arn,
    /// When the rules were read.
    pub read_at: Timestamp,
    /// The priority of the rule, or the one that it will have; `None` for the default action.
    pub priority: Option<i32>,
    /// The rule or the default action; `None` where the rule does not exist yet.
    pub rule: Option<&'a Rule>,
    /// What carries the marks: the rule, or the listener for its default action.
    pub resource: Option<Arn>,
    /// What of it is no more, where the route had its place here.
    pub gone: Option<Gone>,
}

/// What of a place is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    Rule,
    /// And with it all its rules: none can be made there again.
    Listener,
}

/// The marks found on a rule or listener.
pub(super) struct Marks {
    /// Whether they are this route's.
    pub is_ours: bool,
    /// The run that last ended.
    pub last_run: Option<RunMemory>,
    /// All tags that are there.
    pub tags: Tags,
}

/// The place in words.
pub fn describe_place(route: &RouteObject) -> String {
    let entry = &route.spec.listener;
    let entry_point = match &entry.entry_point.namespace {
        Some(namespace) if *namespace != route.key.namespace => format!("{namespace}/{}", entry.entry_point.name),
        _ => entry.entry_point.name.clone(),
    };
    let listener = format!("of listener {} of {entry_point}", entry.listener);
    match (&entry.matches, entry.priority.or(route.status.listener_rule.priority)) {
        (None, _) => format!("the default action {listener}"),
        (Some(_), Some(priority)) => format!("the rule with priority {priority} {listener}"),
        (Some(matches), None) => format!("the rule for {} {listener}", describe(&conditions(matches))),
    }
}

/// Why a route may not be where it wants to be: its entry point does not allow it, or another route has what it wants.
/// A route that is about to be refused and does not know whether it has its place looks at AWS first, since whoever has
/// it keeps it; what it finds is put into the status.
pub(super) fn refusal(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    goes_back: bool,
    status: &mut WeightedRouteStatus,
    sight: &mut Sight<'_>,
) -> Asked<Result<(), Explanation>> {
    let Some(entry_point) = cluster.entry_points.get(&entry_key(route)) else { return Some(Ok(())) };
    if let Some(reason) = permission::refusal(cluster, route, entry_point) {
        return Some(Err(reason));
    }
    if let Some(reason) = crowd::refusal(cluster, route) {
        return Some(Err(reason));
    }
    let settled = conflict::is_settled(cluster, route);
    let Some(reason) = conflict::conflict(cluster, route, settled) else { return Some(Ok(())) };
    if settled || conflict::conflict(cluster, route, true).is_some() {
        return Some(Err(reason));
    }
    Some(if recognizes(context, cluster, route, goes_back, status, sight)? { Ok(()) } else { Err(reason) })
}

/// Whether there is a rule or listener that carries the marks of a route; it is put into the status.
fn recognizes(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    goes_back: bool,
    status: &mut WeightedRouteStatus,
    sight: &mut Sight<'_>,
) -> Asked<bool> {
    let Ok(listener) = listener(cluster, route, goes_back, status) else { return Some(false) };
    let listener_arn = listener.to_string();
    let Ok(rules) = sight.rules(&listener, ANY_AGE)?.found else { return Some(false) };
    let resource = match &route.spec.listener.matches {
        None => Some(listener),
        Some(matches) => own_rule(route, matches, rules, sight)?.ok().flatten().map(|rule| rule.arn.clone()),
    };
    let Some(resource) = resource else { return Some(false) };
    let tags = sight.tags(&resource, ANY_AGE)?.found;
    let is_marked = tags.is_ok_and(|tags| is_marked(tags, &context.owner, &route.key));
    if is_marked {
        let rule = &mut status.listener_rule;
        rule.marked = Some(resource.to_string());
        rule.arn.clone_from(&rule.marked);
        rule.listener = Some(listener_arn);
    }
    Some(is_marked)
}

/// Finds the place. Rules are read afresh unless all that is wanted was verified. Where it is, as far as it was found,
/// is put into the status: a rule that is gone is nobody's place any more.
pub(super) fn find<'a>(
    context: &Context,
    cluster: &Cluster,
    route: &RouteObject,
    verified: bool,
    goes_back: bool,
    status: &mut WeightedRouteStatus,
    sight: &mut Sight<'a>,
) -> Asked<Result<Place<'a>, Standing>> {
    let listener = match listener(cluster, route, goes_back, status) {
        Ok(listener) => listener,
        Err(standing) => return Some(Err(standing)),
    };
    let is_bound = conflict::bound(status).is_some();
    let recorded = route.status.intent.as_ref().map_or(ANY_AGE, |intent| intent.since);
    let not_before = if verified { ANY_AGE } else { sight.fresh().max(recorded.min(sight.began)) };
    let reading = sight.rules(&listener, not_before)?;
    let read_at = reading.at;
    let priority = status.listener_rule.priority;
    let gone = |listener, gone| Place { listener, read_at, priority, rule: None, resource: None, gone: Some(gone) };
    let rules = match reading.found {
        Ok(rules) => rules,
        // There is nothing on it that a run could bring back.
        Err(error) if error.kind == ErrorKind::NotFound && is_bound && goes_back => {
            return Some(Ok(gone(listener, Gone::Listener)));
        }
        Err(error) => return Some(Err(Standing::unreadable(error, "the rules of the listener"))),
    };
    let told = &mut status.listener_rule;
    told.listener = Some(listener.to_string());
    let known = route.status.listener_rule.arn.as_deref();
    let is_there = |arn: &String| rules.iter().any(|rule| rule.arn.as_str() == arn);
    told.arn = told.arn.take().filter(is_there).or_else(|| told.listener.clone());
    let Some(matches) = &route.spec.listener.matches else {
        told.arn.clone_from(&told.listener);
        let rule = rules.iter().find(|rule| rule.priority == RulePriority::Default);
        let resource = Some(listener.clone());
        return Some(Ok(Place { listener, read_at, priority: None, rule, resource, gone: None }));
    };
    // The way back leads to the rule that the run has moved, whatever number and conditions it has by now.
    let moved = rules.iter().find(|rule| goes_back && known == Some(rule.arn.as_str()));
    let rule = match moved {
        Some(moved) => Some(moved),
        None => match own_rule(route, matches, rules, sight)? {
            Ok(rule) => rule,
            Err(reason) => return Some(Err(Standing::Stalled(reason))),
        },
    };
    told.arn = rule.map(|rule| rule.arn.to_string()).or_else(|| told.listener.clone());
    let is_gone = rule.is_none() && is_bound;
    if is_gone && !gone::is_own(status) {
        return Some(Ok(gone(listener, Gone::Rule)));
    }
    let priority = match rule.map(|rule| rule.priority) {
        Some(RulePriority::At(priority)) => Ok(priority),
        _ => match among_others(context, cluster, route, matches, rules, sight)? {
            Ok(among) => free_priority(cluster, route, matches, rules, among),
            Err(standing) => return Some(Err(standing)),
        },
    };
    let resource = rule.map(|rule| rule.arn.clone());
    Some(match priority {
        Ok(priority) => Ok(Place {
            listener,
            read_at,
            priority: Some(priority),
            rule,
            resource,
            gone: is_gone.then_some(Gone::Rule),
        }),
        Err(reason) => Err(Standing::Stalled(reason)),
    })
}

/// The ARN of a route's listener; the error says what is waited for. A route that has its place on one stays there where its
/// entry point leads to another: `adopt`, given for the one, is no leave to take the other.
fn listener(
    cluster: &Cluster,
    route: &RouteObject,
    goes_back: bool,
    status: &WeightedRouteStatus,
) -> Result<Arn, Standing> {
    let entry = &route.spec.listener;
    let key = entry_key(route);
    let is_elsewhere = key.namespace != route.key.namespace;
    let name = if is_elsewhere { key.to_string() } else { key.name.to_string() };
    let waiting = |message: String| Standing::Working(because(Reason::WaitingForEntryPoint, message));
    // A rollback needs nothing that may have been deleted.
    let recorded = route.status.listener_rule.listener.as_ref().filter(|_| goes_back);
    let Some(found) = cluster.entry_points.get(&key) else {
        let rest = route.status.live.as_ref().map_or(String::new(), |live| format!("; until then {live} stays live"));
        let missing = || {
            waiting(if is_elsewhere && cluster.namespaces.is_none() {
                format!(
                    "the EntryPoint {name} is not seen by this controller, which watches one namespace only; run it \
                     for all namespaces, or use an EntryPoint of this namespace{rest}"
                )
            } else {
                format!("the EntryPoint {name} does not exist; {}{rest}", cluster.remedy())
            })
        };
        return recorded.map(Arn::new).ok_or_else(missing);
    };
    let listeners = &found.status.listeners;
    let is_current = found.status.observed_generation == Some(found.generation);
    if let Some(listener) = listeners.iter().find(|listener| is_current && listener.name == entry.listener) {
        return match (conflict::bound(status).filter(|bound| *bound != listener.arn), recorded) {
            (None, _) => Ok(Arn::new(&listener.arn)),
            (Some(_), Some(recorded)) => Ok(Arn::new(recorded)),
            (Some(bound), None) => Err(Standing::Stalled(led_away(&name, bound, &listener.arn))),
        };
    }
    if let Some(recorded) = recorded {
        return Ok(Arn::new(recorded));
    }
    if !is_current || !holds(&found.status.conditions, READY) {
        let ready = find_condition(&found.status.conditions, READY);
        let why = ready.map_or("it was not looked at yet", |ready| &ready.message);
        if ready.is_some_and(|ready| ready.reason == Reason::OwnedByAnother) {
            return Err(Standing::Stalled(because(Reason::OwnedByAnother, why)));
        }
        return Err(waiting(format!("the EntryPoint {name} is not ready: {why}")));
    }
    let names: Vec<&str> = listeners.iter().map(|listener| listener.name.as_str()).collect();
    let message =
        format!("the EntryPoint {name} has no listener named {}; it has {}", entry.listener, names.join(", "));
    Err(Standing::Stalled(because(Reason::ListenerNotFound, message)))
}

fn led_away(entry_point: &str, bound: &str, found: &str) -> Explanation {
    let message = format!(
        "the EntryPoint {entry_point} leads to the listener {found} now, and this route has its place on {bound}. Nothing \
         is read or written on the new one: point the EntryPoint back, or give this route the command resume to leave \
         what is on the old one as it is and begin on the new one"
    );
    because(Reason::ListenerChanged, message)
}

impl Place<'_> {
    /// Puts what is live into the status.
    pub fn tell(&self, live: &[EnvironmentWeight], groups: &Groups, status: &mut WeightedRouteStatus) {
        status.live = Some(weights::words(live));
        status.weights = live.to_vec();
        status.members = backend::lent(groups, live);
        status.listener_rule.sticky_seconds = self.forward().and_then(|forward| forward.sticky_seconds);
    }

    /// The marks on the place; the error says why Weir must not touch it.
    pub fn marks(
        &self,
        context: &Context,
        cluster: &Cluster,
        route: &RouteObject,
        not_before: Timestamp,
        sight: &mut Sight<'_>,
    ) -> Asked<Result<Marks, Standing>> {
        let Some(resource) = &self.resource else {
            return Some(Ok(Marks { is_ours: false, last_run: None, tags: Tags::new() }));
        };
        let tags = match sight.tags(resource, not_before)?.found {
            Ok(tags) => tags,
            Err(error) => return Some(Err(Standing::unreadable(error, &format!("the tags of {resource}")))),
        };
        let last_run = tags.get(LAST_RUN_TAG).and_then(|value| memory::read(value));
        Some(
            owner::is_ours(context, cluster, route, (resource, self.rule), tags)
                .map(|is_ours| Marks { is_ours, last_run, tags: tags.clone() })
                .map_err(Standing::Stalled),
        )
    }

    /// The write that marks the place as the route's, and has it remember what was there before.
    pub fn adoption(&self, context: &Context, route: &RouteObject, memory: Tags) -> Option<Step> {
        let resource = self.resource.clone()?;
        let mut tags = marks_of(&context.owner, &route.key);
        tags.extend(memory);
        Some(Step::AddTags { resource, tags })
    }

    /// The weights that are live, by environment. While another action answers on a place of ours, nothing is.
    pub fn live_weights(&self, groups: &Groups, is_ours: bool) -> Result<Vec<EnvironmentWeight>, Standing> {
        let Some(rule) = self.rule else { return Ok(Vec::new()) };
        let forward = forward_of(&rule.actions, is_ours, &describe_action(self.priority)).map_err(Standing::Stalled)?;
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
    pub fn forward(&self) -> Option<&Forward> {
        self.rule.and_then(|rule| rule.actions.iter().find_map(Action::forward))
    }

    /// Whether a group is in the forward that is live.
    pub fn attaches(&self, group: &Arn) -> bool {
        self.forward().is_some_and(|forward| forward.groups.contains_key(group))
    }

    /// All actions with the forward put in the place of the one that is there, or of the fixed response that stands
    /// in its stead.
    pub fn actions_with(&self, forward: &Forward) -> Vec<Action> {
        let kind = ActionKind::Forward(forward.clone());
        let mut actions = self.rule.map(|rule| rule.actions.clone()).unwrap_or_default();
        match actions.iter_mut().find(|action| is_terminal(&action.kind)) {
            Some(action) => action.kind = kind,
            None => actions.push(Action { order: None, kind }),
        }
        actions
    }
}

/// Whether an action answers requests, in a way that Weir may replace.
pub(super) fn is_terminal(kind: &ActionKind) -> bool {
    match kind {
        ActionKind::Forward(_) => true,
        ActionKind::Kept { kind, .. } => kind == "fixed-response" || kind == "redirect",
        ActionKind::Unsupported { .. } => false,
    }
}

fn describe_action(priority: Option<i32>) -> String {
    priority.map_or_else(|| "the default action".to_owned(), |priority| format!("the rule with priority {priority}"))
}

/// The forward among actions; `None` where something else answers, in whose place one may be put: a fixed response, and
/// what somebody has put on a place of ours.
fn forward_of<'a>(actions: &'a [Action], is_ours: bool, place: &str) -> Result<Option<&'a Forward>, Explanation> {
    for action in actions {
        match &action.kind {
            ActionKind::Kept { kind, .. } if kind == "redirect" && !is_ours => {
                let message = format!(
                    "{place} is a redirect; expected a forward or a fixed response. Point it at a target group first, or \
                     make a WeightedRoute for another place"
                );
                return Err(because(Reason::NotAForward, message));
            }
            ActionKind::Unsupported { kind } => {
                let message = format!(
                    "found an action of type {kind}, which Weir cannot write back as it is and therefore does not touch; \
                     take it out of {place}, or make a WeightedRoute for another place"
                );
                return Err(because(Reason::UnsupportedAction, message));
            }
            ActionKind::Forward(_) | ActionKind::Kept { .. } => {}
        }
    }
    Ok(actions.iter().find_map(Action::forward))
}

/// A group that no environment lends. While an environment is not known yet, it may still turn out to be that one's.
fn unknown_group(group: &Arn, weight: u16, groups: &Groups) -> Standing {
    let stranger = format!(
        "the action sends traffic (weight {weight}) to {group}, which belongs to no environment of spec.backends"
    );
    if let Some(unresolved) = groups.values().find_map(|group| group.as_ref().err()) {
        return Standing::Working(because(
            Reason::WaitingForEnvironment,
            format!("{stranger} that is known: {unresolved}"),
        ));
    }
    Standing::Stalled(because(Reason::UnknownTargetGroup, format!("{stranger}; add the environment that has it")))
}

/// Whether tags mark a resource as a route's.
pub(super) fn is_marked(tags: &Tags, owner: &str, route: &Key) -> bool {
    marks_of(owner, route).iter().all(|(key, value)| tags.get(key) == Some(value))
}

/// The tags that mark a resource as a route's.
pub(super) fn marks_of(owner: &str, route: &Key) -> Tags {
    Tags::from_iter([(OWNER_TAG.to_owned(), owner.to_owned()), (ROUTE_TAG.to_owned(), route.to_string())])
}
