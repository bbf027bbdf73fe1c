//! Where a route that is being deleted was on AWS, told by its own status as far as possible.

use jiff::SignedDuration;

use crate::Arn;
use crate::fact::{ErrorKind, Rule, RulePriority, Tags};
use crate::object::{Cluster, RouteObject};
use crate::sight::{Asked, Sight};

use super::super::conflict::entry_key;
use super::super::locate::own_rule;

/// How long after it was recorded a rule that was to be made may still come into sight: a write takes five seconds at
/// most, and AWS some time to show it.
const UNDER_WAY: SignedDuration = SignedDuration::from_secs(10);

/// A place that is there.
pub(super) struct Spot<'a> {
    /// The listener.
    pub listener: Arn,
    /// The rule or the default action.
    pub rule: Option<&'a Rule>,
    /// Whether it is the default action.
    pub is_default: bool,
    /// What carries the marks.
    pub resource: Arn,
    /// All its tags.
    pub tags: &'a Tags,
}

/// Finds the place; nothing where it is gone. The error says what keeps it from being seen.
pub(super) fn spot<'a>(
    cluster: &Cluster,
    route: &RouteObject,
    sight: &mut Sight<'a>,
) -> Asked<Result<Option<Spot<'a>>, String>> {
    let Some(listener) = listener(cluster, route) else {
        let name = &route.spec.listener.entry_point.name;
        return Some(Err(format!("where the route was is not on record, and the EntryPoint {name} does not tell")));
    };
    let fresh = sight.fresh();
    let reading = sight.rules(&listener, fresh)?;
    let rules = match reading.found {
        Ok(rules) => rules,
        Err(error) if error.kind == ErrorKind::NotFound => return Some(Ok(None)),
        Err(error) => return Some(Err(format!("the rules of the listener could not be read: {error}"))),
    };
    let is_default = route.spec.listener.matches.is_none();
    let by_arn = rules.iter().find(|rule| Some(rule.arn.as_str()) == route.status.listener_rule.arn.as_deref());
    let rule = match (by_arn, &route.spec.listener.matches, route.spec.listener.priority) {
        (Some(rule), _, _) => Some(rule),
        (None, None, _) => rules.iter().find(|rule| rule.priority == RulePriority::Default),
        (None, Some(_), Some(priority)) => rules.iter().find(|rule| rule.priority == RulePriority::At(priority)),
        (None, Some(matches), None) => own_rule(route, matches, rules, sight)?.ok().flatten(),
    };
    let resource = match rule {
        _ if is_default => listener.clone(),
        Some(rule) => rule.arn.clone(),
        None => {
            let intent = route.status.intent.as_ref().filter(|intent| intent.verified_at.is_none());
            let may_come = intent.is_some_and(|intent| reading.at < intent.since + UNDER_WAY);
            return Some(if may_come { Err("the rule may still be on its way".to_owned()) } else { Ok(None) });
        }
    };
    Some(match sight.tags(&resource, fresh)?.found {
        Ok(tags) => Ok(Some(Spot { listener, rule, is_default, resource, tags })),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("the tags of {resource} could not be read: {error}")),
    })
}

fn listener(cluster: &Cluster, route: &RouteObject) -> Option<Arn> {
    if let Some(recorded) = &route.status.listener_rule.listener {
        return Some(Arn::new(recorded));
    }
    let entry = &route.spec.listener;
    let entry_point = cluster.entry_points.get(&entry_key(route))?;
    let listener = entry_point.status.listeners.iter().find(|listener| listener.name == entry.listener)?;
    Some(Arn::new(&listener.arn))
}
