//! The hand of whoever sets a world up, breaks things in it, or edits in the console.
//!
//! Everything here passes the same checks as the wire does. What is set up is known to the data plane at once; an edit
//! takes its time like any other.
//!
//! Wherever a balancer or a group is asked for, its name or its ARN will do.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;

use super::super::effect::{Author, Writer};
use super::super::form::Form;
use super::super::{AppBehaviour, Aws, GroupSettings, Refusal, Regional, TargetKey, TargetState, TargetType};
use super::action::{Action, Deed, forward_of};
use super::{BalancerKind, Elb, Listener, Priority, RuleCondition};

/// What a rule or listener does, for setting up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleAction {
    /// Forwards by weight.
    Forward {
        /// Groups with their weights.
        groups: Vec<(String, u32)>,
        /// How long a client stays with its group.
        sticky_seconds: Option<u32>,
    },
    /// Answers with this status.
    FixedResponse(u16),
    /// Sends clients to another host.
    Redirect(String),
}

impl RuleAction {
    /// A forward without stickiness.
    pub fn forward(groups: &[(&str, u32)]) -> Self {
        let groups = groups.iter().map(|(group, weight)| ((*group).to_owned(), *weight)).collect();
        Self::Forward { groups, sticky_seconds: None }
    }

    /// A forward that keeps clients with their group.
    pub fn sticky_forward(groups: &[(&str, u32)], seconds: u32) -> Self {
        let groups = groups.iter().map(|(group, weight)| ((*group).to_owned(), *weight)).collect();
        Self::Forward { groups, sticky_seconds: Some(seconds) }
    }
}

impl Aws {
    /// Somebody who acts with his own hand, after all requests until now.
    fn builder(&self) -> Writer {
        self.send_what_is_due(self.clock.now());
        let writer = self.partition().writer(&self.here, Author::Hand, self.clock.now());
        Writer { at_once: true, ..writer }
    }

    fn operator(&self) -> Writer {
        Writer { at_once: false, ..self.builder() }
    }

    /// Makes an application balancer that is active at once. Returns its ARN.
    pub fn add_balancer(&self, name: &str) -> Result<String, Refusal> {
        let made = self.builder();
        let mut regional = self.regional();
        Ok(regional.elbv2.make_balancer(&made, BalancerKind::Application, name)?.arn.clone())
    }

    /// Makes a network balancer that is active at once. Returns its ARN.
    pub fn add_network_balancer(&self, name: &str) -> Result<String, Refusal> {
        let made = self.builder();
        let mut regional = self.regional();
        Ok(regional.elbv2.make_balancer(&made, BalancerKind::Network, name)?.arn.clone())
    }

    /// From now on the name of a balancer has addresses of version 6 too.
    pub fn make_dual_stack(&self, balancer: &str) -> Result<(), Refusal> {
        self.send_what_is_due(self.clock.now());
        let elb = &mut self.regional().elbv2;
        let balancer = find_balancer(elb, balancer)?;
        if let Some(balancer) = elb.balancers.get_mut(&balancer) {
            balancer.dual_stack = true;
        }
        Ok(())
    }

    /// From now on an application balancer closes the connections of clients so many seconds after their begin, those that
    /// are open already left out (`client_keep_alive.seconds`).
    pub fn set_client_keep_alive(&self, balancer: &str, seconds: u32) -> Result<(), Refusal> {
        self.send_what_is_due(self.clock.now());
        let elb = &mut self.regional().elbv2;
        let balancer = find_balancer(elb, balancer)?;
        elb.balancers.get_mut(&balancer).map_or(Ok(()), |balancer| balancer.set_client_keep_alive(&seconds.to_string()))
    }

    /// The name of a balancer in DNS, and the zone of Route 53 in which it stands.
    pub fn balancer_dns(&self, balancer: &str) -> Result<(String, &'static str), Refusal> {
        let elb = &self.regional().elbv2;
        let balancer = elb.balancer(&find_balancer(elb, balancer)?)?;
        Ok((balancer.dns_name(&elb.options.region), balancer.hosted_zone()))
    }

    /// Makes a listener. Those of TLS get a certificate that nobody looks at. Returns its ARN.
    pub fn add_listener(
        &self,
        balancer: &str,
        protocol: &str,
        port: u16,
        default: &RuleAction,
    ) -> Result<String, Refusal> {
        let made = self.builder();
        let elb = &mut self.regional().elbv2;
        let balancer = find_balancer(elb, balancer)?;
        let action = build_action(elb, default)?;
        let certificate = format!("arn:aws:acm:{}:{}:certificate/0", elb.options.region, elb.options.account);
        let certificates = if matches!(protocol, "HTTPS" | "TLS") { vec![certificate] } else { Vec::new() };
        elb.make_listener(&made, &balancer, (protocol, port), certificates, vec![action])
    }

    /// Makes a rule for these hosts and paths, of which one kind may be empty. Returns its ARN.
    pub fn add_rule(
        &self,
        listener: &str,
        priority: u32,
        (hosts, paths): (&[&str], &[&str]),
        action: &RuleAction,
    ) -> Result<String, Refusal> {
        let made = self.builder();
        let elb = &mut self.regional().elbv2;
        let mut conditions = Vec::new();
        if !hosts.is_empty() {
            conditions.push(RuleCondition::hosts(hosts));
        }
        if !paths.is_empty() {
            conditions.push(RuleCondition::paths(paths));
        }
        let action = build_action(elb, action)?;
        elb.make_rule(&made, listener, priority, conditions, vec![action], None)
    }

    /// Makes a group with these targets, whose instances run from now on. Returns its ARN.
    pub fn add_target_group(&self, settings: GroupSettings, targets: &[(&str, u16)]) -> Result<String, Refusal> {
        let arn = self.regional().elbv2.make_group(settings)?.arn.clone();
        self.register(&arn, targets)?;
        Ok(arn)
    }

    /// Deletes a group that nobody uses, and makes it again under its name with the same settings and targets. Returns
    /// its new ARN.
    pub fn remake_group(&self, group: &str) -> Result<String, Refusal> {
        let writer = self.operator();
        let Regional { elbv2: elb, ec2, .. } = &mut *self.regional();
        let group = find_group(elb, group)?;
        elb.remake_group(&writer, &group, ec2)
    }

    /// Registers targets as an Auto Scaling group would: their instances run from now on.
    pub fn register(&self, group: &str, targets: &[(&str, u16)]) -> Result<(), Refusal> {
        let writer = self.operator();
        let Regional { elbv2: elb, ec2, .. } = &mut *self.regional();
        let group = find_group(elb, group)?;
        if elb.group(&group)?.target_type == TargetType::Instance {
            for (id, _) in targets {
                ec2.run_by_hand(&writer, id, elb);
            }
        }
        let keys = targets.iter().map(|(id, port)| TargetKey { id: (*id).to_owned(), port: *port }).collect();
        elb.register(&writer, &group, keys, ec2)
    }

    /// Has an operation of ELBv2 carried out now, as a person in the console would; it is not in the log of calls.
    pub fn by_hand(&self, operation: &str, parameters: &[(&str, &str)]) -> Result<(), Refusal> {
        let writer = self.operator();
        let mut form = Form::default();
        for (name, value) in parameters {
            form.put(name, *value);
        }
        let Regional { elbv2, ec2, .. } = &mut *self.regional();
        elbv2.perform(operation, &form, &writer, ec2).map(drop)
    }

    /// From now on the nodes of balancers act by a change so long after it.
    pub fn set_propagation(&self, propagation: RangeInclusive<Duration>) {
        self.regional().elbv2.options.propagation = propagation;
    }

    /// From now on these are the quotas of rules and of groups of a balancer; what there is beyond them stays.
    pub fn set_quotas(&self, rules_per_balancer: usize, groups_per_balancer: usize) {
        let options = &mut self.regional().elbv2.options;
        options.rules_per_balancer = rules_per_balancer;
        options.groups_per_balancer = groups_per_balancer;
    }

    /// Terminates an instance: its targets drain and are gone.
    pub fn terminate_instance(&self, id: &str) {
        let writer = self.operator();
        let Regional { elbv2, ec2, .. } = &mut *self.regional();
        ec2.end_by_hand(&writer, id, elbv2);
    }

    /// Stops an instance: its targets stay registered and get no requests.
    pub fn stop_instance(&self, id: &str) {
        let writer = self.operator();
        let Regional { elbv2, ec2, .. } = &mut *self.regional();
        ec2.stop_by_hand(&writer, id, elbv2);
    }

    /// Starts an instance, new or stopped.
    pub fn start_instance(&self, id: &str) {
        let writer = self.operator();
        let Regional { elbv2, ec2, .. } = &mut *self.regional();
        ec2.run_by_hand(&writer, id, elbv2);
    }

    /// The application behaves so on all targets of a group from now on, those included that come later.
    pub fn set_app(&self, group: &str, app: AppBehaviour) -> Result<(), Refusal> {
        self.behave(group, None, app)
    }

    /// The application behaves so on one target, by its id.
    pub fn set_app_on(&self, group: &str, id: &str, app: AppBehaviour) -> Result<(), Refusal> {
        self.behave(group, Some(id), app)
    }

    fn behave(&self, group: &str, id: Option<&str>, app: AppBehaviour) -> Result<(), Refusal> {
        let now = self.clock.now();
        let elb = &mut self.regional().elbv2;
        let group = find_group(elb, group)?;
        if let Some(group) = elb.groups.get_mut(&group) {
            group.set_app(now, id, app);
        }
        Ok(())
    }

    /// Shifts the traffic away from the zone in which these targets of a group are, as Application Recovery Controller
    /// does, or lets it come back.
    pub fn shift_zone(&self, group: &str, ids: &[&str], away: bool) -> Result<(), Refusal> {
        let now = self.clock.now();
        let elb = &mut self.regional().elbv2;
        let group = find_group(elb, group)?;
        if let Some(group) = elb.groups.get_mut(&group) {
            group.shift(now, ids, away);
        }
        Ok(())
    }

    /// Switches the health checks of a group on or off, as AWS lets one do it with groups of Lambda functions.
    pub fn set_checked(&self, group: &str, checked: bool) -> Result<(), Refusal> {
        let now = self.clock.now();
        let elb = &mut self.regional().elbv2;
        let group = find_group(elb, group)?;
        let in_use = elb.is_in_use(&group);
        if let Some(group) = elb.groups.get_mut(&group) {
            group.set_checked(now, checked, in_use);
        }
        Ok(())
    }

    /// Writes other weights into the forward of a rule or listener, as a person in the console would: groups that are
    /// not named leave the forward, stickiness and other actions stay.
    pub fn edit_weights(&self, place: &str, weights: &[(&str, u32)]) -> Result<(), Refusal> {
        let writer = self.operator();
        let elb = &mut self.regional().elbv2;
        let wanted = [build_action(elb, &RuleAction::forward(weights))?];
        let groups = forward_of(&wanted).map(|forward| forward.groups.clone()).unwrap_or_default();
        let rule = elb.listeners.get(place).map_or(place, Listener::default_rule).to_owned();
        let mut actions = elb.rule(&rule)?.actions.clone();
        for action in &mut actions {
            if let Deed::Forward(forward) = &mut action.deed {
                forward.groups.clone_from(&groups);
            }
        }
        elb.rewrite(&writer, &rule, actions)
    }

    /// Writes another action into a rule or listener, as a person in the console would.
    pub fn edit_action(&self, place: &str, action: &RuleAction) -> Result<(), Refusal> {
        let writer = self.operator();
        let elb = &mut self.regional().elbv2;
        let action = build_action(elb, action)?;
        let rule = elb.listeners.get(place).map_or(place, Listener::default_rule).to_owned();
        elb.rewrite(&writer, &rule, vec![action])
    }

    /// Puts an action of a type that no client knows before the others of a rule or listener, as AWS may have one day.
    pub fn add_novel_action(&self, place: &str) -> Result<(), Refusal> {
        let writer = self.operator();
        let elb = &mut self.regional().elbv2;
        let rule = elb.listeners.get(place).map_or(place, Listener::default_rule).to_owned();
        let mut actions = elb.rule(&rule)?.actions.clone();
        for (order, action) in (2..).zip(&mut actions) {
            action.order = Some(order);
        }
        actions.insert(0, Action::novel());
        elb.rewrite(&writer, &rule, actions)
    }

    /// The weights of the forward of a rule or listener, by name of group; empty when nothing is forwarded.
    pub fn weights(&self, place: &str) -> BTreeMap<String, u32> {
        let elb = &self.regional().elbv2;
        let forward = elb.actions_at(place).and_then(forward_of);
        forward.map(|forward| elb.by_name(&forward.weights())).unwrap_or_default()
    }

    /// The types of the actions of a rule or listener, in order.
    pub fn action_kinds(&self, place: &str) -> Vec<&'static str> {
        let elb = &self.regional().elbv2;
        elb.actions_at(place).unwrap_or_default().iter().map(|action| action.kind().word()).collect()
    }

    /// The group stickiness of the forward of a rule or listener, in seconds.
    pub fn sticky_seconds(&self, place: &str) -> Option<u32> {
        let elb = &self.regional().elbv2;
        elb.actions_at(place).and_then(forward_of).filter(|forward| forward.sticky)?.sticky_seconds
    }

    /// The registered and draining targets of a group, as they are now.
    pub fn health(&self, group: &str) -> BTreeMap<TargetKey, TargetState> {
        self.health_at(group, self.clock.now())
    }

    /// The registered and draining targets of a group, as they were at a past instant.
    pub fn health_at(&self, group: &str, at: Timestamp) -> BTreeMap<TargetKey, TargetState> {
        let elb = &self.regional().elbv2;
        let arn = find_group(elb, group).ok();
        let group = arn.and_then(|arn| elb.groups.get(&arn));
        group.map(|group| group.states(at).map(|(key, state)| (key.clone(), state)).collect()).unwrap_or_default()
    }

    /// How many targets of the groups of a name, one after the other, were healthy, from each instant on at which that
    /// changed, until now.
    pub fn healthy_counts(&self, group: &str) -> Vec<(Timestamp, u32)> {
        let now = self.clock.now();
        let elb = &self.regional().elbv2;
        let targets = || elb.groups_ever().filter(|ever| ever.name == group).flat_map(|ever| ever.targets.values());
        let instants: BTreeSet<Timestamp> = targets().flat_map(|target| target.changes_until(now)).collect();
        let count = |at: Timestamp| {
            let healthy = targets().filter(|target| target.takes_requests(at)).count();
            (at, u32::try_from(healthy).unwrap_or(u32::MAX))
        };
        let mut counts: Vec<(Timestamp, u32)> = instants.into_iter().map(count).collect();
        counts.dedup_by_key(|(_, healthy)| *healthy);
        counts
    }

    /// The tags of a resource.
    pub fn tags(&self, arn: &str) -> BTreeMap<String, String> {
        self.regional().elbv2.tags_of(arn)
    }

    /// Adds tags to a resource.
    pub fn add_tags(&self, arn: &str, tags: &[(&str, &str)]) -> Result<(), Refusal> {
        let writer = self.operator();
        let elb = &mut self.regional().elbv2;
        elb.check_resource(arn)?;
        elb.put_tags(&writer, arn, tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    /// The ARN of a balancer.
    pub fn balancer_arn(&self, name: &str) -> Option<String> {
        self.regional().elbv2.balancer_named(name).map(|balancer| balancer.arn.clone())
    }

    /// The ARN of a group.
    pub fn group_arn(&self, name: &str) -> Option<String> {
        self.regional().elbv2.group_named(name).map(|group| group.arn.clone())
    }

    /// The ARNs and names of all groups that there are or were.
    pub fn groups_ever(&self) -> BTreeMap<String, String> {
        self.regional().elbv2.groups_ever().map(|group| (group.arn.clone(), group.name.clone())).collect()
    }

    /// The ARN of the listener on a port of a balancer.
    pub fn listener_arn(&self, balancer: &str, port: u16) -> Option<String> {
        let elb = &self.regional().elbv2;
        let balancer = find_balancer(elb, balancer).ok()?;
        elb.listeners_of(&balancer).find(|listener| listener.port == port).map(|listener| listener.arn.clone())
    }

    /// The ARNs of the rules of a listener by priority, the default one left out.
    pub fn rule_arns(&self, listener: &str) -> BTreeMap<u32, String> {
        let elb = &self.regional().elbv2;
        let rules = elb.listeners.get(listener).into_iter().flat_map(|listener| elb.rules_of(listener));
        let numbered = rules.filter_map(|rule| match rule.priority {
            Priority::At(priority) => Some((priority, rule.arn.clone())),
            Priority::Default => None,
        });
        numbered.collect()
    }
}

fn find_balancer(elb: &Elb, name_or_arn: &str) -> Result<String, Refusal> {
    match elb.balancer_named(name_or_arn) {
        Some(balancer) => Ok(balancer.arn.clone()),
        None => elb.balancer(name_or_arn).map(|balancer| balancer.arn.clone()),
    }
}

fn find_group(elb: &Elb, name_or_arn: &str) -> Result<String, Refusal> {
    if elb.groups.contains_key(name_or_arn) {
        return Ok(name_or_arn.to_owned());
    }
    match elb.group_named(name_or_arn) {
        Some(group) => Ok(group.arn.clone()),
        None => elb.group(name_or_arn).map(|group| group.arn.clone()),
    }
}

/// Goes the way of a request, so that nothing can be set up that could not be written.
fn build_action(elb: &Elb, action: &RuleAction) -> Result<Action, Refusal> {
    let mut form = Form::default();
    match action {
        RuleAction::FixedResponse(status) => {
            form.put("Type", "fixed-response");
            form.put("FixedResponseConfig.StatusCode", status.to_string());
        }
        RuleAction::Redirect(host) => {
            form.put("Type", "redirect");
            form.put("RedirectConfig.Host", host);
            form.put("RedirectConfig.StatusCode", "HTTP_302");
        }
        RuleAction::Forward { groups, sticky_seconds } => {
            form.put("Type", "forward");
            for (number, (group, weight)) in groups.iter().enumerate() {
                let tuple = format!("ForwardConfig.TargetGroups.member.{number}");
                form.put(&format!("{tuple}.TargetGroupArn"), find_group(elb, group)?);
                form.put(&format!("{tuple}.Weight"), weight.to_string());
            }
            if let Some(seconds) = sticky_seconds {
                form.put("ForwardConfig.TargetGroupStickinessConfig.Enabled", "true");
                form.put("ForwardConfig.TargetGroupStickinessConfig.DurationSeconds", seconds.to_string());
            }
        }
    }
    Action::read(&form)
}
