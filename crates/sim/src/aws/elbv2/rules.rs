//! Rules: `CreateRule`, `ModifyRule`, `SetRulePriorities`, `DescribeRules`.

use std::collections::BTreeMap;

use super::super::effect::Writer;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::action::Action;
use super::admit::Ground;
use super::condition::Condition;
use super::page::Page;
use super::{BalancerKind, Draft, Elb, Listener, Priority, Rule};

/// The highest number that a rule can have.
const MOST_PRIORITY: u32 = 50_000;

impl Elb {
    /// Makes a rule whose actions are still to be admitted.
    pub(crate) fn make_rule(
        &mut self,
        writer: &Writer,
        listener: &str,
        priority: u32,
        conditions: Vec<Condition>,
        actions: Vec<Action>,
        transforms: Option<Form>,
    ) -> Result<String, Refusal> {
        let owner = self.listener(listener)?;
        let balancer = self.balancer(&owner.balancer)?;
        if balancer.kind == BalancerKind::Network {
            return Err(Refusal::new(
                "UnsupportedProtocol",
                format!("Rules are unsupported for {} listeners", owner.protocol),
            ));
        }
        Condition::check_all(&conditions)?;
        let at = Priority::At(priority);
        if owner.rules.contains_key(&at) {
            return Err(in_use(priority));
        }
        // Default rules are not counted, rules of all listeners are.
        let count: usize = self.listeners_of(&balancer.arn).map(|listener| listener.rules.len() - 1).sum();
        if count >= self.options.rules_per_balancer {
            return Err(Refusal::new(
                "TooManyRules",
                format!("The maximum number of rules on load balancer '{}' has been reached", balancer.arn),
            ));
        }
        let actions = self.admit(Ground { balancer, protocol: &owner.protocol, present: &[] }, actions)?;
        Ok(self.add_rule(writer, listener, Draft { priority: at, conditions, actions, transforms }))
    }

    pub(super) fn create_rule(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let listener = form.required("ListenerArn")?;
        self.listener(listener)?;
        let priority = form.number_within("Priority", 1, MOST_PRIORITY)?.ok_or_else(|| Refusal::missing("Priority"))?;
        let conditions = Condition::read_all(&form.list("Conditions"))?;
        let actions = Action::read_all(&form.list("Actions"))?;
        let tags = Self::read_tags(form)?;
        let transforms = form.field("Transforms").cloned();
        let arn = self.make_rule(writer, listener, priority, conditions, actions, transforms)?;
        self.put_tags(writer, &arn, tags)?;
        Ok(vec![Xml::list("Rules", [self.rule(&arn)?.describe()])])
    }

    pub(super) fn modify_rule(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let arn = form.required("RuleArn")?;
        let rule = self.rule(arn)?;
        if rule.priority == Priority::Default {
            return Err(not_permitted(arn, "modified"));
        }
        let conditions = form.has("Conditions").then(|| Condition::read_all(&form.list("Conditions"))).transpose()?;
        let actions = if form.has("Actions") {
            let actions = Action::read_all(&form.list("Actions"))?;
            let listener = self.listener(&rule.listener)?;
            let balancer = self.balancer(&listener.balancer)?;
            let ground = Ground { balancer, protocol: &listener.protocol, present: &rule.actions };
            Some(self.admit(ground, actions)?)
        } else {
            None
        };
        let reset = form.flag("ResetTransforms")?.unwrap_or(false);
        if let Some(rule) = self.rules.get_mut(arn) {
            if form.has("Transforms") {
                rule.transforms = form.field("Transforms").cloned();
            } else if reset {
                rule.transforms = None;
            }
        }
        if let Some(conditions) = conditions {
            self.put_conditions(writer, arn, conditions);
        }
        if let Some(actions) = actions {
            self.put_actions(writer, arn, actions);
        }
        Ok(vec![Xml::list("Rules", [self.rule(arn)?.describe()])])
    }

    /// Gives rules other numbers, all at once, so that two may change places. ARNs and tags stay.
    pub(super) fn set_rule_priorities(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let mut wanted: BTreeMap<&str, u32> = BTreeMap::new();
        for pair in form.list("RulePriorities") {
            let arn = pair.required("RuleArn")?;
            if self.rule(arn)?.priority == Priority::Default {
                return Err(not_permitted(arn, "reprioritized"));
            }
            let priority =
                pair.number_within("Priority", 1, MOST_PRIORITY)?.ok_or_else(|| Refusal::missing("Priority"))?;
            wanted.insert(arn, priority);
        }
        if wanted.is_empty() {
            return Err(Refusal::missing("RulePriorities"));
        }
        let mut listeners: BTreeMap<String, BTreeMap<Priority, String>> = BTreeMap::new();
        for arn in wanted.keys() {
            let listener = self.listener(&self.rule(arn)?.listener)?;
            let rules = listeners.entry(listener.arn.clone()).or_insert_with(|| listener.rules.clone());
            rules.retain(|_, rule| rule != arn);
        }
        for (arn, priority) in &wanted {
            let listener = &self.rule(arn)?.listener;
            let taken =
                listeners.get_mut(listener).and_then(|rules| rules.insert(Priority::At(*priority), (*arn).to_owned()));
            if taken.is_some() {
                return Err(in_use(*priority));
            }
        }
        for (arn, priority) in &wanted {
            if let Some(rule) = self.rules.get_mut(*arn) {
                rule.priority = Priority::At(*priority);
            }
        }
        for (arn, rules) in listeners {
            if let Some(listener) = self.listeners.get_mut(&arn) {
                listener.rules = rules;
            }
            self.publish(writer, &arn);
        }
        let described = wanted.keys().filter_map(|arn| self.rules.get(*arn)).map(Rule::describe);
        Ok(vec![Xml::list("Rules", described)])
    }

    pub(super) fn describe_rules(&self, form: &Form, _: &Writer) -> Result<Vec<Xml>, Refusal> {
        let (listener, arns) = (form.text("ListenerArn"), form.texts("RuleArns"));
        let mut found: Vec<&Rule> = match (listener, arns.as_slice()) {
            (Some(_), [_, ..]) | (None, []) => {
                return Err(Refusal::invalid("You must specify either a listener ARN or rule ARNs"));
            }
            (Some(listener), []) => self.rules_of(self.listener(listener)?).collect(),
            (None, arns) => arns.iter().map(|arn| self.rule(arn)).collect::<Result<_, _>>()?,
        };
        let key = |rule: &Rule| format!("{}/{}", rule.place_key(), rule.arn);
        found.sort_by_key(|rule| key(rule));
        found.dedup_by_key(|rule| &rule.arn);
        let keyed = found.into_iter().map(|rule| (key(rule), rule));
        Ok(Page::of(form, keyed)?.describe("Rules", Rule::describe))
    }

    /// The rules of a listener in the order in which they are tried.
    pub(crate) fn rules_of<'a>(&'a self, listener: &'a Listener) -> impl Iterator<Item = &'a Rule> {
        listener.rules.values().filter_map(|arn| self.rules.get(arn))
    }
}

fn in_use(priority: u32) -> Refusal {
    Refusal::new("PriorityInUse", format!("Priority '{priority}' is currently in use"))
}

pub(super) fn not_permitted(arn: &str, what: &str) -> Refusal {
    Refusal::new("OperationNotPermitted", format!("Default rule '{arn}' cannot be {what}"))
}

impl Rule {
    /// Sorts as the places do.
    fn place_key(&self) -> String {
        match self.priority {
            Priority::At(priority) => format!("{priority:05}"),
            Priority::Default => "default".to_owned(),
        }
    }

    fn describe(&self) -> Vec<Xml> {
        let priority = match self.priority {
            Priority::At(priority) => priority.to_string(),
            Priority::Default => "default".to_owned(),
        };
        let mut elements = vec![
            Xml::text("RuleArn", &self.arn),
            Xml::text("Priority", priority),
            Xml::list("Conditions", self.conditions.iter().map(Condition::describe)),
            Xml::list("Actions", self.actions.iter().map(Action::describe)),
            Xml::text("IsDefault", self.priority == Priority::Default),
        ];
        elements.extend(self.transforms.as_ref().map(|transforms| transforms.xml("Transforms")));
        elements
    }
}
