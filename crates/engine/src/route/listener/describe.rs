//! The place of a route in words.

use super::ListenerRoute;
use super::conditions::{conditions, describe as describe_conditions};

/// The place of a route in words.
pub(in crate::route) fn describe(route: ListenerRoute<'_>) -> String {
    let entry = route.entry;
    let entry_point = match &entry.entry_point.namespace {
        Some(namespace) if *namespace != route.key.namespace => format!("{namespace}/{}", entry.entry_point.name),
        _ => entry.entry_point.name.clone(),
    };
    let listener = format!("of listener {} of {entry_point}", entry.listener);
    match (&entry.matches, entry.priority.or(route.status.listener_rule.priority)) {
        (None, _) => format!("the default action {listener}"),
        (Some(_), Some(priority)) => format!("the rule with priority {priority} {listener}"),
        (Some(matches), None) => format!("the rule for {} {listener}", describe_conditions(&conditions(matches))),
    }
}
