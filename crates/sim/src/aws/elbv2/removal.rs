//! What is deleted: `DeleteLoadBalancer`, `DeleteListener`, `DeleteRule`, `DeleteTargetGroup`.
//!
//! A listener takes its rules with it, a balancer its listeners, and each thing its tags. Something of the same name
//! that is made later is another thing, with an ARN of its own.

use super::super::ec2::Ec2;
use super::super::effect::Writer;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::arn::Resource;
use super::dispatch::Tags;
use super::rules::not_permitted;
use super::target::{TargetKey, TargetState};
use super::{Elb, Priority};

impl Elb {
    /// Deletes a balancer with its listeners. One that is gone already is deleted with success.
    pub(super) fn delete_load_balancer(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let arn = form.required("LoadBalancerArn")?;
        Resource::Balancer.check(arn)?;
        let listeners: Vec<String> = self.listeners_of(arn).map(|listener| listener.arn.clone()).collect();
        for listener in listeners {
            self.remove_listener(writer, &listener);
        }
        self.balancers.remove(arn);
        self.set_tags(writer, arn, Tags::new());
        Ok(Vec::new())
    }

    pub(super) fn delete_listener(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let arn = form.required("ListenerArn")?;
        self.listener(arn)?;
        self.remove_listener(writer, arn);
        Ok(Vec::new())
    }

    fn remove_listener(&mut self, writer: &Writer, arn: &str) {
        let rules: Vec<String> =
            self.listeners.get(arn).map(|listener| listener.rules.values().cloned().collect()).unwrap_or_default();
        for rule in rules {
            let Some(removed) = self.rules.remove(&rule) else { continue };
            self.set_tags(writer, &rule, Tags::new());
            // While the listener is known, it is known whose groups are no longer used.
            self.settle(writer, &rule, arn, &removed.actions);
        }
        self.listeners.remove(arn);
        self.set_tags(writer, arn, Tags::new());
    }

    pub(super) fn delete_rule(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let arn = form.required("RuleArn")?;
        if self.rule(arn)?.priority == Priority::Default {
            return Err(not_permitted(arn, "deleted"));
        }
        self.remove_rule(writer, arn);
        Ok(Vec::new())
    }

    /// Deletes a rule other than a default one.
    fn remove_rule(&mut self, writer: &Writer, rule: &str) {
        let Some(removed) = self.rules.remove(rule) else { return };
        self.set_tags(writer, rule, Tags::new());
        if let Some(listener) = self.listeners.get_mut(&removed.listener) {
            listener.rules.remove(&removed.priority);
        }
        self.settle(writer, rule, &removed.listener, &removed.actions);
        self.publish(writer, &removed.listener);
    }

    pub(super) fn delete_target_group(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        self.remove_group(writer, form.required("TargetGroupArn")?)?;
        Ok(Vec::new())
    }

    /// Deletes a group that no listener or rule uses, and makes it again with the same settings and targets. Returns its
    /// new ARN.
    pub(crate) fn remake_group(&mut self, writer: &Writer, arn: &str, ec2: &Ec2) -> Result<String, Refusal> {
        let name = self.group(arn)?.name.clone();
        let again = self.registrar.group(&name);
        let again = self.group(arn)?.successor(again);
        let registered = |(_, state): &(&TargetKey, TargetState)| *state != TargetState::Draining;
        let targets = self.group(arn)?.states(writer.now).filter(registered).map(|(key, _)| key.clone()).collect();
        self.remove_group(writer, arn)?;
        let arn = again.arn.clone();
        self.groups.insert(arn.clone(), again);
        self.register(writer, &arn, targets, ec2)?;
        Ok(arn)
    }

    /// Deletes a group that no listener or rule uses.
    fn remove_group(&mut self, writer: &Writer, arn: &str) -> Result<(), Refusal> {
        self.group(arn)?;
        if self.is_in_use(arn) {
            return Err(Refusal::new(
                "ResourceInUse",
                format!("Target group '{arn}' is currently in use by a listener or a rule"),
            ));
        }
        if let Some(mut group) = self.groups.remove(arn) {
            group.close(writer.now);
            self.buried.push(group);
        }
        self.set_tags(writer, arn, Tags::new());
        Ok(())
    }
}
