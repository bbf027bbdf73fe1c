//! Which rule of a listener is a route's, and where a rule that is still to be made will stand.
//!
//! A rule with a given priority is looked for there; one whose priority was chosen is found by its conditions and marks,
//! wherever it stands, and is never moved.

use smol_str::SmolStr;
use weir_api::Match;

use crate::fact::{Conditions, ErrorKind, Rule, RulePriority};
use crate::object::Cluster;
use crate::reader::{ANY_AGE, Asked, Reader, all};
use crate::ready_state::{Explanation, ReadyState, because};
use crate::reason::Reason;
use crate::tick::Context;
use crate::write::ROUTE_TAG;

use super::ListenerRoute;
use super::conditions::{conditions, describe, describe_theirs, same};
use super::describe::describe as describe_place;
use super::pattern::{Relation, relate};
use super::priority::Bounds;
use super::{conflict, owner, priority, shadow};

/// The rule of a route, where there is one; the error says what stands in its place.
pub(super) fn own_rule<'a>(
    route: ListenerRoute<'_>,
    matches: &Match,
    rules: &'a [Rule],
    reader: &mut Reader<'_>,
) -> Asked<Result<Option<&'a Rule>, Explanation>> {
    match route.entry.priority {
        Some(priority) => Some(at_priority(route, matches, priority, rules)),
        None => by_conditions(route, matches, rules, reader),
    }
}

/// The rule at the priority that the spec gives; the error says that it is for something else, or that the route's rule
/// has another number. A second rule for the same would take all requests from the live one, or get none.
fn at_priority<'a>(
    route: ListenerRoute<'_>,
    matches: &Match,
    priority: i32,
    rules: &'a [Rule],
) -> Result<Option<&'a Rule>, Explanation> {
    let rule = rules.iter().find(|rule| rule.priority == RulePriority::At(priority));
    let wanted = conditions(matches);
    match rule.filter(|rule| !same(&rule.conditions, &wanted)) {
        Some(rule) if is_known(route, rule) => Err(changed(route, rule, &wanted)),
        Some(rule) => Err(because(
            Reason::PriorityTaken,
            format!(
                "{} is for {}; expected {}. Make this WeightedRoute again with another spec.listener.priority, or \
                 without one, and Weir chooses a free one; or with a spec.listener.match that says what the rule says",
                describe_place(route),
                describe_theirs(&rule.conditions),
                describe(&wanted)
            ),
        )),
        None if rule.is_some() => Ok(rule),
        None => elsewhere(route, priority, &wanted, rules).map_or(Ok(None), Err),
    }
}

/// Whether a rule is the one that a route has had, by its ARN.
fn is_known(route: ListenerRoute<'_>, rule: &Rule) -> bool {
    route.status.listener_rule.arn.as_deref() == Some(rule.arn.as_str())
}

/// Says that the rule of a route is for something else than it was.
fn changed(route: ListenerRoute<'_>, rule: &Rule, wanted: &Conditions) -> Explanation {
    let message = format!(
        "{} is for {} now; expected {}. Somebody else has changed it: give it its conditions back, or make this \
         WeightedRoute again with a spec.listener.match that says what the rule says",
        describe_place(route),
        describe_theirs(&rule.conditions),
        describe(wanted)
    );
    because(Reason::ConditionsChanged, message)
}

/// Says where the rule of a route stands that is not where the spec has it.
fn elsewhere(route: ListenerRoute<'_>, priority: i32, wanted: &Conditions, rules: &[Rule]) -> Option<Explanation> {
    let known = rules.iter().find(|rule| is_known(route, rule));
    let rule = known.or_else(|| rules.iter().find(|rule| same(&rule.conditions, wanted)))?;
    let number = rule.priority.number()?;
    let message = format!(
        "the rule for {} has the priority {number}; expected {priority}. Give the rule the priority {priority} \
         (SetRulePriorities). Or set spec.deletionPolicy to Retain, which leaves the rule as it is, and make this \
         WeightedRoute again with spec.listener.priority {number} or without one: it finds the rule",
        describe_theirs(&rule.conditions)
    );
    Some(because(Reason::RuleElsewhere, message))
}

/// The rule for just what the route is for, wherever it stands. Of several it is the one that the status knows, else
/// the one that carries the route's mark, else the first.
fn by_conditions<'a>(
    route: ListenerRoute<'_>,
    matches: &Match,
    rules: &'a [Rule],
    reader: &mut Reader<'_>,
) -> Asked<Result<Option<&'a Rule>, Explanation>> {
    let wanted = conditions(matches);
    let known = rules.iter().find(|rule| is_known(route, rule));
    if let Some(known) = known {
        if same(&known.conditions, &wanted) {
            return Some(Ok(Some(known)));
        }
        return Some(Err(changed(route, known, &wanted)));
    }
    let alike: Vec<&Rule> = rules.iter().filter(|rule| same(&rule.conditions, &wanted)).collect();
    if alike.len() < 2 {
        return Some(Ok(alike.first().copied()));
    }
    let mark = route.key.to_string();
    let tags = all(alike.iter().map(|rule| reader.tags(&rule.arn, ANY_AGE)))?;
    let is_marked = tags.iter().map(|tags| tags.found.is_ok_and(|tags| tags.get(ROUTE_TAG) == Some(&mark)));
    let marked = alike.iter().zip(is_marked).find_map(|(rule, is_marked)| is_marked.then_some(*rule));
    Some(Ok(marked.or(alike.first().copied())))
}

/// The priority for a rule that is still to be made: the one of the spec, else the one that is on record while nobody
/// has a better right to it, else one that is free. Where it would get no request the error says so.
pub(super) fn free_priority(
    cluster: &Cluster,
    route: ListenerRoute<'_>,
    matches: &Match,
    rules: &[Rule],
    among: Bounds,
) -> Result<i32, Explanation> {
    if let Some(priority) = route.entry.priority {
        return shadow::refusal(matches, rules, priority).map_or(Ok(priority), Err);
    }
    let bounds = shadow::bounds(&conditions(matches), rules).and(among);
    let neighbours = conflict::neighbours(cluster, route);
    let theirs = |other: &ListenerRoute<'_>| other.entry.priority.or(other.status.listener_rule.priority);
    let in_use = || rules.iter().filter_map(|rule| rule.priority.number());
    if let Some(recorded) = route.status.listener_rule.priority {
        // Two that chose at the same moment may have chosen alike; then the older keeps it.
        let older = neighbours.iter().filter(|other| other.creation_order() < route.creation_order());
        if bounds.allow(recorded) && !older.filter_map(theirs).chain(in_use()).any(|taken| taken == recorded) {
            return Ok(recorded);
        }
    }
    let taken = neighbours.iter().filter_map(theirs).chain(in_use()).collect();
    priority::choose(matches, &taken, bounds).ok_or_else(|| {
        let message = format!(
            "no priority from {} to {} is free for a new rule; delete rules that are not needed any more, or make this \
             WeightedRoute again with a free number below as spec.listener.priority",
            priority::FIRST.max(bounds.after + 1),
            priority::LAST
        );
        shadow::no_room(matches, rules).unwrap_or_else(|| because(Reason::NoPriorityLeft, message))
    })
}

/// Where a rule that is still to be made may stand among those of others: behind each that is for some of its hosts and more
/// specific in them, and before each less specific one of a guest. So nobody's rule takes requests from one that names their
/// hosts better, whatever else it asks for. The error says whose the hosts are, where the marks on AWS tell that they are
/// not its namespace's: where a cluster was restored, the ages of routes say nothing about who came first, and whoever has a
/// host may not be there yet.
pub(super) fn among_others(
    context: &Context,
    cluster: &Cluster,
    route: ListenerRoute<'_>,
    matches: &Match,
    rules: &[Rule],
    reader: &mut Reader<'_>,
) -> Asked<Result<Bounds, ReadyState>> {
    let related = rules.iter().filter_map(|rule| Some((rule, rule.priority.number()?, relations(matches, rule))));
    let related = related.filter(|(.., relations)| !relations.is_empty());
    let related: Vec<_> = related.collect();
    let tags = all(related.iter().map(|(rule, ..)| reader.tags(&rule.arn, ANY_AGE)))?;
    let mut bounds = Bounds::NONE;
    for ((rule, number, relations), tags) in related.into_iter().zip(tags) {
        let tags = match tags.found {
            Ok(tags) => tags,
            Err(error) if error.kind == ErrorKind::NotFound => continue,
            Err(error) => return Some(Err(ReadyState::unreadable(error, &format!("the tags of {}", rule.arn)))),
        };
        let owner = owner::of_rule(context, cluster, route, rule, tags);
        let Some(reason) = owner::keeps_off(context, cluster, route, rule, &owner) else { continue };
        if relations.contains(&Relation::Same) {
            return Some(Err(ReadyState::Stalled(reason)));
        }
        let (wider, narrower) = (relations.contains(&Relation::Wider), relations.contains(&Relation::Narrower));
        let is_guests = owner::is_guest(cluster, route, &owner);
        if wider && narrower && is_guests {
            return Some(Err(ReadyState::Stalled(entangled(rule))));
        }
        if wider {
            bounds.after = bounds.after.max(number);
        }
        if narrower && is_guests {
            bounds.before = bounds.before.min(number);
        }
    }
    Some(Ok(bounds))
}

/// How the hosts of a match stand to those of a rule, as far as they have any in common.
fn relations(matches: &Match, rule: &Rule) -> Vec<Relation> {
    let theirs: Vec<&str> = rule.conditions.get("host-header").into_iter().flatten().map(SmolStr::as_str).collect();
    let mine: Vec<&str> = matches.hosts.iter().map(String::as_str).collect();
    let name_hosts = !theirs.is_empty() && !mine.is_empty();
    // What names no host is for every one, and has none.
    let (theirs, mine) = (every_if_none(theirs), every_if_none(mine));
    // Nobody knows which hosts an expression is for: it counts as naming them better.
    let relation =
        |mine: &str, theirs: &str| if theirs.starts_with("regex ") { Relation::Wider } else { relate(mine, theirs) };
    let relations = mine.iter().flat_map(|mine| theirs.iter().map(|theirs| relation(mine, theirs)));
    relations.filter(|relation| *relation != Relation::Apart && (name_hosts || *relation != Relation::Same)).collect()
}

fn every_if_none(hosts: Vec<&str>) -> Vec<&str> {
    if hosts.is_empty() { vec!["*"] } else { hosts }
}

fn entangled(rule: &Rule) -> Explanation {
    let message = format!(
        "the rule for {}, which belongs to another namespace, is for hosts that this route names better, and the other way \
         round. Make a WeightedRoute for each host",
        describe_theirs(&rule.conditions)
    );
    because(Reason::Conflict, message)
}

#[cfg(test)]
mod tests;
