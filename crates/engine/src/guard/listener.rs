//! Writes to a listener: at the place that is on record, for the requests that the spec says, on what is the route's own, and
//! nothing of the actions changed but the forward.

use std::collections::BTreeSet;

use weir_api::Match;
use weir_api::weighted_route::{Before, Entry, RouteDeletionPolicy};

use crate::Arn;
use crate::fact::{Action, ActionKind, Conditions, Forward, Rule, RulePriority, Tags};
use crate::write::ListenerWrite;

use super::ownership::{given_up, not_ours};
use super::recorded::{is_at, unrecorded};
use super::split::total;
use super::{Scene, Violation};

impl Scene<'_> {
    pub(super) fn listener(&self, write: &ListenerWrite) -> Result<(), Violation> {
        let record = &self.recorded.route.status.listener_rule;
        is_at("listener", write.listener(), self.listener_on_record(write))?;
        match write {
            ListenerWrite::CreateRule { listener, priority, conditions, forward, tags } => {
                if record.priority != Some(*priority) {
                    let recorded = record.priority.map_or_else(|| "none".to_owned(), |recorded| recorded.to_string());
                    let written = format!("a rule with the priority {priority}");
                    return Err(unrecorded(written, format!("the priority {recorded}")));
                }
                self.is_for(conditions)?;
                self.new_rule(listener, *priority, tags)?;
                self.split(&Forward::default(), forward)
            }
            ListenerWrite::SetRuleActions { listener, rule, actions } => {
                is_at("rule", rule, record.arn.as_ref())?;
                let live = self.rule(listener, rule)?;
                self.ours(rule)?;
                self.actions(&live.actions, actions)
            }
            ListenerWrite::SetDefaultActions { listener, actions } => {
                let live = self.rules(listener)?.iter().find(|live| live.priority == RulePriority::Default);
                let live = live.ok_or_else(|| not_ours(listener, "the listener is gone"))?;
                self.ours(listener)?;
                self.actions(&live.actions, actions)
            }
            ListenerWrite::DeleteRule { listener, rule } => {
                is_at("rule", rule, record.arn.as_ref())?;
                self.gives_up_rule(listener, rule)
            }
        }
    }

    /// The listener that is on record; where the default action is the route's place, that is what carries the marks.
    fn listener_on_record(&self, write: &ListenerWrite) -> Option<&String> {
        let record = &self.recorded.route.status.listener_rule;
        match write {
            ListenerWrite::SetDefaultActions { .. } => record.arn.as_ref(),
            _ => record.listener.as_ref(),
        }
    }

    fn rule(&self, listener: &Arn, rule: &Arn) -> Result<&Rule, Violation> {
        let live = self.rules(listener)?.iter().find(|live| live.arn == *rule);
        live.ok_or_else(|| not_ours(rule, "the rule is gone"))
    }

    /// Whether a rule is for the requests that the spec says.
    fn is_for(&self, conditions: &Conditions) -> Result<(), Violation> {
        let Entry::Listener(entry) = &self.recorded.route.spec.entry else {
            return Err(unrecorded("a rule".to_owned(), "a name in DNS".to_owned()));
        };
        let wanted = entry.matches.as_ref().map(values).unwrap_or_default();
        let written: BTreeSet<(String, String)> = conditions
            .iter()
            .flat_map(|(field, values)| values.iter().map(move |value| (field.to_string(), value.to_string())))
            .collect();
        if wanted == written && !wanted.is_empty() {
            return Ok(());
        }
        let what = |values: BTreeSet<(String, String)>| format!("a rule with {} conditions", values.len());
        Err(unrecorded(what(written), format!("{} of other requests", what(wanted))))
    }

    /// A new rule carries the marks from the start, and takes nobody's place.
    fn new_rule(&self, listener: &Arn, priority: i32, tags: &Tags) -> Result<(), Violation> {
        if !self.is_marked(tags) {
            return Err(not_ours(listener, "the new rule would be without it"));
        }
        if self.rules(listener)?.iter().any(|rule| rule.priority == RulePriority::At(priority)) {
            return Err(not_ours(listener, "another rule has the priority already"));
        }
        Ok(())
    }

    fn gives_up_rule(&self, listener: &Arn, rule: &Arn) -> Result<(), Violation> {
        self.leaves(rule)?;
        let route = self.recorded.route;
        let was_nothing = route.status.listener_rule.before.as_ref() == Some(&Before::default());
        match route.spec.deletion_policy {
            RouteDeletionPolicy::Delete => {}
            RouteDeletionPolicy::Restore if was_nothing => {}
            policy => return Err(given_up(rule, format!("its deletion policy is {policy:?}"))),
        }
        if self.rule(listener, rule)?.priority == RulePriority::Default {
            return Err(given_up(rule, "a listener keeps its default action".to_owned()));
        }
        self.ours(rule)
    }

    /// Judges the actions that are written against those that are there.
    fn actions(&self, live: &[Action], written: &[Action]) -> Result<(), Violation> {
        let none = Forward::default();
        let before = live.iter().find_map(Action::forward).unwrap_or(&none);
        let after = written.iter().find_map(Action::forward);
        let others = |actions: &[Action]| -> Vec<Action> {
            actions.iter().filter(|action| !self.is_replaceable(action, before)).cloned().collect()
        };
        if others(live) != others(written) {
            return Err(Violation::OtherActions(format!(
                "found {:?}, would write {:?}",
                others(live),
                others(written)
            )));
        }
        if let Some(action) = written.iter().find(|action| matches!(action.kind, ActionKind::Unsupported { .. })) {
            return Err(Violation::OtherActions(format!("{action:?} is not understood")));
        }
        match after {
            Some(after) => self.split(before, after),
            // A fixed response that was there before Weir answers every request by itself.
            None if written.iter().any(|action| self.recorded.restores_response(action)) => Ok(()),
            None => Err(Violation::AllZero),
        }
    }

    /// Whether a write may replace an action: the forward itself; where nothing carries traffic also the fixed response or
    /// redirect that stands in its place, and a restoration puts a fixed response back.
    fn is_replaceable(&self, action: &Action, before: &Forward) -> bool {
        match &action.kind {
            ActionKind::Forward(_) => true,
            ActionKind::Kept { kind, .. } => match kind.as_str() {
                "fixed-response" => total(before) == 0 || self.recorded.is_leaving(),
                "redirect" => total(before) == 0 && !self.recorded.restores(),
                _ => false,
            },
            ActionKind::Unsupported { .. } => false,
        }
    }
}

/// Every value of a match, by the field of ELBv2 that holds it.
fn values(matches: &Match) -> BTreeSet<(String, String)> {
    let field = |name: &str, values: &[String]| -> Vec<(String, String)> {
        values.iter().map(|value| (name.to_owned(), value.clone())).collect()
    };
    let queries: Vec<String> = matches
        .query_strings
        .iter()
        .map(|query| format!("{}={}", query.key.as_deref().unwrap_or_default(), query.value))
        .collect();
    let headers = matches
        .headers
        .iter()
        .flat_map(|header| field(&format!("http-header:{}", header.name.to_lowercase()), &header.values));
    let all = [
        field("host-header", &matches.hosts),
        field("path-pattern", &matches.paths),
        field("http-request-method", &matches.methods),
        field("source-ip", &matches.source_ips),
        field("query-string", &queries),
    ];
    all.into_iter().flatten().chain(headers).collect()
}
