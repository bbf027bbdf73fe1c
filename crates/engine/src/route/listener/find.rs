//! Finds the place of a route on AWS: its listener, and there its rule or the default action.

use jiff::{SignedDuration, Timestamp};
use weir_api::condition::{READY, find as find_condition, holds};
use weir_api::weighted_route::ListenerRule;

use crate::Arn;
use crate::fact::{ErrorKind, Rule, RulePriority};
use crate::object::{Cluster, EntryPointObject};
use crate::reader::{ANY_AGE, Asked, Reader};
use crate::ready_state::{Explanation, ReadyState, because};
use crate::reason::Reason;

use super::super::observed::{Gone, Looked};
use super::locate::{among_others, free_priority, own_rule};
use super::original::made_by_weir;
use super::place::{Place, is_marked};
use super::{ListenerRoute, conflict, permission, route_limit};

/// How long after it was recorded a rule that was to be made may still come into sight: a write takes five seconds at
/// most, and AWS some time to show it.
const UNDER_WAY: SignedDuration = SignedDuration::from_secs(10);

/// Why a route may not be where it wants to be: its entry point does not allow it, or another route has what it wants.
/// A route that is about to be refused and does not know whether it has its place looks at AWS first, since whoever has
/// it keeps it; what it finds is to be recorded.
pub(in crate::route) fn refusal(
    looked: &Looked<'_>,
    route: ListenerRoute<'_>,
    reader: &mut Reader<'_>,
) -> Asked<(ListenerRule, Option<Explanation>)> {
    let cluster = looked.cluster;
    let recorded = || route.status.listener_rule.clone();
    let Some(entry_point) = cluster.entry_points.get(&route.entry_point()) else { return Some((recorded(), None)) };
    let refused = permission::refusal(cluster, route, entry_point).or_else(|| route_limit::refusal(cluster, route));
    if refused.is_some() {
        return Some((recorded(), refused));
    }
    let settled = conflict::is_settled(cluster, route);
    let Some(reason) = conflict::conflict(cluster, route, settled) else { return Some((recorded(), None)) };
    if settled || conflict::conflict(cluster, route, true).is_some() {
        return Some((recorded(), Some(reason)));
    }
    Some(match recognized(looked, route, reader)? {
        Some(found) => (found, None),
        None => (recorded(), Some(reason)),
    })
}

/// The rule or listener that carries the marks of a route, to be recorded; `None` where there is none.
fn recognized(looked: &Looked<'_>, route: ListenerRoute<'_>, reader: &mut Reader<'_>) -> Asked<Option<ListenerRule>> {
    let recorded = &route.status.listener_rule;
    let Ok(listener) = listener(looked, route, recorded) else { return Some(None) };
    let Ok(rules) = reader.rules(&listener, ANY_AGE)?.found else { return Some(None) };
    let resource = match &route.entry.matches {
        None => Some(listener.clone()),
        Some(matches) => own_rule(route, matches, rules, reader)?.ok().flatten().map(|rule| rule.arn.clone()),
    };
    let Some(resource) = resource else { return Some(None) };
    let tags = reader.tags(&resource, ANY_AGE)?.found;
    let is_marked = tags.is_ok_and(|tags| is_marked(tags, &looked.context.owner, &route.key));
    let arn = Some(resource.to_string());
    Some(is_marked.then(|| ListenerRule {
        marked: arn.clone(),
        arn,
        listener: Some(listener.to_string()),
        ..recorded.clone()
    }))
}

/// Finds the place, and what is to be recorded of where it is, as far as it was found: a rule that is gone is nobody's place
/// any more. Rules are read afresh unless a reading of `any_age` will do.
pub(in crate::route) fn find<'a, 'f: 'a>(
    looked: &Looked<'a>,
    route: ListenerRoute<'a>,
    recorded: ListenerRule,
    any_age: bool,
    reader: &mut Reader<'f>,
) -> Asked<(ListenerRule, Result<Place<'a>, ReadyState>)> {
    let listener = match listener(looked, route, &recorded) {
        Ok(listener) => listener,
        Err(ready_state) => return Some((recorded, Err(ready_state))),
    };
    let goes_back = looked.goes_back();
    let is_bound = conflict::bound(&recorded).is_some();
    let since = route.status.intent.as_ref().map_or(ANY_AGE, |intent| intent.since);
    let not_before = if any_age { ANY_AGE } else { reader.fresh().max(since.min(reader.began)) };
    let reading = reader.rules(&listener, not_before)?;
    let place = Place {
        route,
        listener,
        read_at: reading.at,
        priority: recorded.priority,
        rule: None,
        resource: None,
        gone: None,
    };
    let rules = match reading.found {
        Ok(rules) => rules,
        // There is nothing on it that a run could bring back.
        Err(error) if error.kind == ErrorKind::NotFound && is_bound && goes_back => {
            return Some((recorded, Ok(Place { gone: Some(Gone::Whole), ..place })));
        }
        Err(error) => return Some((recorded, Err(ReadyState::unreadable(error, "the rules of the listener")))),
    };
    let on_it = |arn: Option<String>| ListenerRule {
        listener: Some(place.listener.to_string()),
        arn: arn.or_else(|| Some(place.listener.to_string())),
        ..recorded.clone()
    };
    let Some(matches) = &route.entry.matches else {
        let rule = rules.iter().find(|rule| rule.priority == RulePriority::Default);
        let resource = Some(place.listener.clone());
        return Some((on_it(None), Ok(Place { priority: None, rule, resource, ..place })));
    };
    // The way back leads to the rule that the run has moved, whatever number and conditions it has by now.
    let known = route.status.listener_rule.arn.as_deref();
    let moved = rules.iter().find(|rule| goes_back && known == Some(rule.arn.as_str()));
    let rule = match moved {
        Some(moved) => Some(moved),
        None => match own_rule(route, matches, rules, reader)? {
            Ok(rule) => rule,
            Err(reason) => {
                let is_there = |arn: &String| rules.iter().any(|rule| rule.arn.as_str() == arn);
                let arn = recorded.arn.clone().filter(is_there);
                return Some((on_it(arn), Err(ReadyState::Stalled(reason))));
            }
        },
    };
    let is_gone = rule.is_none() && is_bound;
    let record = on_it(rule.map(|rule| rule.arn.to_string()));
    if is_gone && !made_by_weir(&record) {
        return Some((record, Ok(Place { gone: Some(Gone::Place), ..place })));
    }
    let priority = match rule.map(|rule| rule.priority) {
        Some(RulePriority::At(priority)) => Ok(priority),
        _ => match among_others(looked.context, looked.cluster, route, matches, rules, reader)? {
            Ok(among) => free_priority(looked.cluster, route, matches, rules, among).map_err(ReadyState::Stalled),
            Err(ready_state) => Err(ready_state),
        },
    };
    let place = priority.map(|priority| Place {
        priority: Some(priority),
        rule,
        resource: rule.map(|rule| rule.arn.clone()),
        gone: is_gone.then_some(Gone::Place),
        ..place
    });
    Some((record, place))
}

/// The ARN of a route's listener; the error says what is waited for. A route that has its place on one stays there where its
/// entry point leads to another: `adopt`, given for the one, is no leave to take the other.
fn listener(looked: &Looked<'_>, route: ListenerRoute<'_>, found: &ListenerRule) -> Result<Arn, ReadyState> {
    let key = route.entry_point();
    let is_elsewhere = key.namespace != route.key.namespace;
    let name = if is_elsewhere { key.to_string() } else { key.name.to_string() };
    // A rollback needs nothing that may have been deleted.
    let recorded = route.status.listener_rule.listener.as_ref().filter(|_| looked.goes_back());
    let Some(entry_point) = looked.cluster.entry_points.get(&key) else {
        return recorded.map(Arn::new).ok_or_else(|| missing(looked.cluster, route, &name, is_elsewhere));
    };
    let is_current = entry_point.status.observed_generation == Some(entry_point.generation);
    let mut listeners = entry_point.status.listeners.iter().filter(|_| is_current);
    if let Some(listener) = listeners.find(|listener| listener.name == route.entry.listener) {
        return match (conflict::bound(found).filter(|bound| *bound != listener.arn), recorded) {
            (None, _) => Ok(Arn::new(&listener.arn)),
            (Some(_), Some(recorded)) => Ok(Arn::new(recorded)),
            (Some(bound), None) => Err(ReadyState::Stalled(led_away(&name, bound, &listener.arn))),
        };
    }
    recorded.map(Arn::new).ok_or_else(|| unready(route, entry_point, &name))
}

fn waiting(message: String) -> ReadyState {
    ReadyState::Working(because(Reason::WaitingForEntryPoint, message))
}

/// There is no such entry point.
fn missing(cluster: &Cluster, route: ListenerRoute<'_>, name: &str, is_elsewhere: bool) -> ReadyState {
    let rest = route.status.live.as_ref().map_or(String::new(), |live| format!("; until then {live} stays live"));
    waiting(if is_elsewhere && cluster.namespaces.is_none() {
        format!(
            "the EntryPoint {name} is not seen by this controller, which watches one namespace only; run it for all \
             namespaces, or use an EntryPoint of this namespace{rest}"
        )
    } else {
        format!("the EntryPoint {name} does not exist; {}{rest}", cluster.remedy())
    })
}

/// The entry point does not tell of such a listener.
fn unready(route: ListenerRoute<'_>, entry_point: &EntryPointObject, name: &str) -> ReadyState {
    let status = &entry_point.status;
    let is_current = status.observed_generation == Some(entry_point.generation);
    if !is_current || !holds(&status.conditions, READY) {
        let ready = find_condition(&status.conditions, READY);
        let why = ready.map_or("it was not looked at yet", |ready| &ready.message);
        if ready.is_some_and(|ready| ready.reason == Reason::OwnedByAnother) {
            return ReadyState::Stalled(because(Reason::OwnedByAnother, why));
        }
        return waiting(format!("the EntryPoint {name} is not ready: {why}"));
    }
    let names: Vec<&str> = status.listeners.iter().map(|listener| listener.name.as_str()).collect();
    let message =
        format!("the EntryPoint {name} has no listener named {}; it has {}", route.entry.listener, names.join(", "));
    ReadyState::Stalled(because(Reason::ListenerNotFound, message))
}

fn led_away(entry_point: &str, bound: &str, found: &str) -> Explanation {
    let message = format!(
        "the EntryPoint {entry_point} leads to the listener {found} now, and this route has its place on {bound}. Nothing \
         is read or written on the new one: point the EntryPoint back, or give this route the command resume to leave \
         what is on the old one as it is and begin on the new one"
    );
    because(Reason::ListenerChanged, message)
}

/// Finds the place of a route that is being deleted, told by its own status as far as possible; `None` where it is gone. The
/// error says what keeps it from being seen.
pub(in crate::route) fn find_to_leave<'a, 'f: 'a>(
    cluster: &Cluster,
    route: ListenerRoute<'a>,
    reader: &mut Reader<'f>,
) -> Asked<Result<Option<Place<'a>>, String>> {
    let recorded = &route.status.listener_rule;
    let listener = recorded.listener.as_deref().or_else(|| conflict::listener_of(cluster, route.object()));
    let Some(listener) = listener.map(Arn::new) else {
        let name = &route.entry.entry_point.name;
        return Some(Err(format!("where the route was is not on record, and the EntryPoint {name} does not tell")));
    };
    let fresh = reader.fresh();
    let reading = reader.rules(&listener, fresh)?;
    let rules = match reading.found {
        Ok(rules) => rules,
        Err(error) if error.kind == ErrorKind::NotFound => return Some(Ok(None)),
        Err(error) => return Some(Err(format!("the rules of the listener could not be read: {error}"))),
    };
    let Some(rule) = rule_to_leave(route, rules, reader)? else {
        let is_default = route.entry.matches.is_none();
        let may_come = || {
            let intent = route.status.intent.as_ref().filter(|intent| intent.verified_at.is_none());
            intent.is_some_and(|intent| reading.at < intent.since + UNDER_WAY)
        };
        return Some(match () {
            () if is_default => Ok(Some(left(route, listener, reading.at, None))),
            () if may_come() => Err("the rule may still be on its way".to_owned()),
            () => Ok(None),
        });
    };
    Some(Ok(Some(left(route, listener, reading.at, Some(rule)))))
}

fn left<'a>(route: ListenerRoute<'a>, listener: Arn, read_at: Timestamp, rule: Option<&'a Rule>) -> Place<'a> {
    let rule_arn = rule.filter(|_| route.entry.matches.is_some()).map(|rule| rule.arn.clone());
    let resource = Some(rule_arn.unwrap_or_else(|| listener.clone()));
    let priority = rule.and_then(|rule| rule.priority.number());
    Place { route, listener, read_at, priority, rule, resource, gone: None }
}

/// The rule that is on record, else the one that the spec tells.
fn rule_to_leave<'a>(route: ListenerRoute<'_>, rules: &'a [Rule], reader: &mut Reader<'_>) -> Asked<Option<&'a Rule>> {
    let recorded = route.status.listener_rule.arn.as_deref();
    if let Some(known) = rules.iter().find(|rule| Some(rule.arn.as_str()) == recorded) {
        return Some(Some(known));
    }
    let at = |priority| rules.iter().find(|rule| rule.priority == priority);
    match (&route.entry.matches, route.entry.priority) {
        (None, _) => Some(at(RulePriority::Default)),
        (Some(_), Some(priority)) => Some(at(RulePriority::At(priority))),
        (Some(matches), None) => Some(own_rule(route, matches, rules, reader)?.ok().flatten()),
    }
}
