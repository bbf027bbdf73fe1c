//! Rules that take each other's requests: of those that a request fits, the one with the lowest number has it. A rule
//! behind one that is for all its requests gets none, whatever its weights are.

use weir_api::Match;
use weir_api::weighted_route::ListenerRule;

use crate::Arn;
use crate::fact::{Conditions, Rule, RulePriority};
use crate::reader::{ANY_AGE, Asked, Reader};
use crate::ready_state::{Explanation, because};
use crate::reason::Reason;

use super::ListenerRoute;
use super::conditions::{conditions, covers, describe_theirs, same};
use super::describe::describe as describe_place;
use super::priority::Bounds;

/// The rule with the lowest number that takes all requests of others with these conditions, if they stand behind it.
fn widest<'a>(wanted: &Conditions, rules: impl IntoIterator<Item = &'a Rule>) -> Option<(i32, &'a Rule)> {
    let wider = rules.into_iter().filter(|rule| covers(&rule.conditions, wanted));
    wider.filter_map(|rule| Some((rule.priority.number()?, rule))).min_by_key(|(number, _)| *number)
}

/// Where a new rule must stand: before whatever would take all its requests, and behind those whose requests it would
/// take. One that gets no request anyway loses none.
pub(super) fn bounds(wanted: &Conditions, rules: &[Rule]) -> Bounds {
    let before = widest(wanted, rules).map_or(Bounds::NONE.before, |(number, _)| number);
    let narrower = rules.iter().filter(|rule| covers(wanted, &rule.conditions) && !same(wanted, &rule.conditions));
    let numbers = narrower.filter_map(|rule| rule.priority.number());
    Bounds { after: numbers.filter(|number| *number < before).max().unwrap_or(0), before }
}

/// Why no rule is made with a number, if it would get no request there.
pub(super) fn refusal(matches: &Match, rules: &[Rule], number: i32) -> Option<Explanation> {
    let (first, wider) = widest(&conditions(matches), rules).filter(|(first, _)| *first < number)?;
    Some(because(
        Reason::Shadowed,
        format!(
            "{} gets all requests that a rule with priority {number} would be for. Give that rule a higher number, or \
             make this WeightedRoute again with a spec.listener.priority below {first}",
            in_words(first, wider)
        ),
    ))
}

/// Why no number can be chosen for a new rule: each that is free is behind a rule that takes all its requests.
pub(super) fn no_room(matches: &Match, rules: &[Rule]) -> Option<Explanation> {
    let (first, wider) = widest(&conditions(matches), rules)?;
    Some(because(
        Reason::Shadowed,
        format!(
            "{} gets all requests that this route is for, and no number that Weir may choose is free before it. Give \
             that rule a higher number, or make this WeightedRoute again with a free spec.listener.priority below \
             {first}",
            in_words(first, wider)
        ),
    ))
}

/// Why the rule or default action of a route gets no request: another rule before it is for all of them.
pub(in crate::route) fn shadowed(
    route: ListenerRoute<'_>,
    recorded: &ListenerRule,
    reader: &mut Reader<'_>,
) -> Asked<Option<Explanation>> {
    let Some(listener) = &recorded.listener else { return Some(None) };
    let Ok(rules) = reader.rules(&Arn::new(listener), ANY_AGE)?.found else { return Some(None) };
    let is_own = |rule: &&Rule| match &route.entry.matches {
        Some(_) => recorded.arn.as_deref() == Some(rule.arn.as_str()),
        None => rule.priority == RulePriority::Default,
    };
    let Some(own) = rules.iter().find(is_own) else { return Some(None) };
    let others = rules.iter().filter(|rule| rule.arn != own.arn && rule.priority < own.priority);
    let Some((number, rule)) = widest(&own.conditions, others) else { return Some(None) };
    let message = format!(
        "{} gets no request: {}, which stands before it, gets all that it is for. Give that rule a higher number, or \
         conditions that leave some out",
        describe_place(route),
        in_words(number, rule)
    );
    Some(Some(because(Reason::Shadowed, message)))
}

fn in_words(number: i32, rule: &Rule) -> String {
    format!("the rule with priority {number} for {}", describe_theirs(&rule.conditions))
}

#[cfg(test)]
mod tests;
