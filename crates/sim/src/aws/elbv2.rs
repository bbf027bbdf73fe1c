//! Elastic Load Balancing, version 2: what there is, and the few ways in which it changes.
//!
//! All actions pass through [`Elb::put_actions`] and [`Elb::remove_rule`], which keep four things in step: the rule,
//! which balancer uses which group (and with it whether targets are checked), the log of weights, and what the data
//! plane will know.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use self::action::{Action, forward_of};
use self::admit::Ground;
use self::arn::{Registrar, Resource};
use self::condition::Condition;
use self::group::Group;
use self::plane::{Plane, PlaneRule};
use super::effect::{Change, Writer};
use super::form::Form;
use super::refusal::Refusal;
use super::{AwsOptions, timeline::Timeline};

pub(crate) mod action;
mod admit;
mod arn;
mod attribute;
mod balancer_attribute;
mod balancers;
mod check;
mod condition;
mod dispatch;
pub(crate) mod group;
mod groups;
mod health;
mod listeners;
mod page;
pub(crate) mod plane;
mod quotas;
mod removal;
pub(crate) mod request;
mod rights;
mod rules;
mod setup;
mod tags;
pub(crate) mod target;
mod targets;

pub(crate) use self::condition::Condition as RuleCondition;
pub(super) use self::dispatch::ELBV2;
use self::dispatch::Tags;
#[cfg(test)]
pub(super) use self::dispatch::VERSION;
pub use self::setup::RuleAction;

/// A balancer.
#[derive(Debug)]
pub(crate) struct Balancer {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) kind: BalancerKind,
    scheme: String,
    vpc: String,
    /// The names of its zones, and its subnet in each.
    subnets: Vec<(String, String)>,
    security_groups: Vec<String>,
    /// Whether its name has addresses of version 6 besides.
    dual_stack: bool,
    /// `client_keep_alive.seconds`: how long after its begin it closes a connection of a client.
    client_keep_alive: u32,
    created: Timestamp,
    /// Until then it is being provisioned and answers nobody.
    active_from: Timestamp,
}

impl Balancer {
    pub(crate) fn is_application(&self) -> bool {
        self.kind == BalancerKind::Application
    }
}

/// The types of balancers that the world has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BalancerKind {
    Application,
    Network,
}

impl BalancerKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Network => "network",
        }
    }

    /// How it is called in ARNs.
    fn short(self) -> &'static str {
        match self {
            Self::Application => "app",
            Self::Network => "net",
        }
    }
}

/// A listener.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) arn: String,
    pub(crate) balancer: String,
    pub(crate) port: u16,
    pub(crate) protocol: String,
    certificates: Vec<String>,
    ssl_policy: Option<String>,
    /// ARNs of its rules in the order in which they are tried.
    pub(crate) rules: BTreeMap<Priority, String>,
    plane: Timeline<Arc<Plane>>,
}

impl Listener {
    /// The ARN of its default rule. Every listener is made with one.
    pub(crate) fn default_rule(&self) -> &str {
        self.rules.get(&Priority::Default).map_or("", String::as_str)
    }
}

/// The priority of a rule among those of its listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Lower numbers are tried first.
    At(u32),
    /// The default rule is tried last.
    Default,
}

/// A rule, or the default rule that stands for a listener's default actions.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) arn: String,
    pub(crate) listener: String,
    pub(crate) priority: Priority,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) actions: Vec<Action>,
    transforms: Option<Form>,
    plane: Arc<PlaneRule>,
}

/// A new rule before it has an ARN.
#[derive(Debug)]
struct Draft {
    priority: Priority,
    conditions: Vec<Condition>,
    actions: Vec<Action>,
    transforms: Option<Form>,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Elb {
    pub(crate) options: AwsOptions,
    registrar: Registrar,
    lag: fastrand::Rng,
    pub(crate) balancers: BTreeMap<String, Balancer>,
    pub(crate) listeners: BTreeMap<String, Listener>,
    pub(crate) rules: BTreeMap<String, Rule>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// Groups that were deleted, in that order: the past of their targets stays known.
    buried: Vec<Group>,
    /// Tags by the ARN that carries them.
    tags: BTreeMap<String, Tags>,
    /// How many rules of which balancer use a group.
    uses: BTreeMap<String, BTreeMap<String, u32>>,
}

impl Elb {
    pub(crate) fn new(seed: u64, options: AwsOptions) -> Self {
        let mut seeds = fastrand::Rng::with_seed(seed);
        Self {
            registrar: Registrar::new(&options.region, &options.account, seeds.u64(..)),
            lag: seeds.fork(),
            options,
            balancers: BTreeMap::new(),
            listeners: BTreeMap::new(),
            rules: BTreeMap::new(),
            groups: BTreeMap::new(),
            buried: Vec::new(),
            tags: BTreeMap::new(),
            uses: BTreeMap::new(),
        }
    }

    /// Forgets how things were before an instant, and targets that were gone by then.
    pub(super) fn forget_before(&mut self, at: Timestamp) {
        for listener in self.listeners.values_mut() {
            listener.plane.forget_before(at);
        }
        for group in self.groups.values_mut() {
            group.targets.retain(|_, target| target.forget_before(at));
        }
        self.buried.clear();
    }

    pub(crate) fn balancer(&self, arn: &str) -> Result<&Balancer, Refusal> {
        Resource::Balancer.check(arn)?;
        self.balancers.get(arn).ok_or_else(|| Resource::Balancer.not_found())
    }

    pub(crate) fn listener(&self, arn: &str) -> Result<&Listener, Refusal> {
        Resource::Listener.check(arn)?;
        self.listeners.get(arn).ok_or_else(|| Resource::Listener.not_found())
    }

    pub(crate) fn rule(&self, arn: &str) -> Result<&Rule, Refusal> {
        Resource::Rule.check(arn)?;
        self.rules.get(arn).ok_or_else(|| Resource::Rule.not_found())
    }

    pub(crate) fn group(&self, arn: &str) -> Result<&Group, Refusal> {
        Resource::Group.check(arn)?;
        self.groups.get(arn).ok_or_else(|| Resource::Group.not_found())
    }

    fn group_mut(&mut self, arn: &str) -> Result<&mut Group, Refusal> {
        Resource::Group.check(arn)?;
        self.groups.get_mut(arn).ok_or_else(|| Resource::Group.not_found())
    }

    pub(crate) fn balancer_named(&self, name: &str) -> Option<&Balancer> {
        self.balancers.values().find(|balancer| balancer.name == name)
    }

    /// The balancer of a name or an ARN.
    pub(crate) fn balancer_called(&self, name_or_arn: &str) -> Option<&Balancer> {
        self.balancers.get(name_or_arn).or_else(|| self.balancer_named(name_or_arn))
    }

    pub(crate) fn group_named(&self, name: &str) -> Option<&Group> {
        self.groups.values().find(|group| group.name == name)
    }

    /// Every group that there is or was.
    pub(crate) fn groups_ever(&self) -> impl Iterator<Item = &Group> {
        self.buried.iter().chain(self.groups.values())
    }

    /// The ARN of the balancer that metrics call `app/name/id`.
    pub(crate) fn balancer_by_dimension(&self, dimension: &str) -> Option<String> {
        let is_it = |arn: &&String| arn.split_once(":loadbalancer/").is_some_and(|(_, name)| name == dimension);
        self.balancers.keys().find(is_it).cloned()
    }

    /// The ARN of the group that metrics call `targetgroup/name/id`.
    pub(crate) fn group_by_dimension(&self, dimension: &str) -> Option<String> {
        let is_it = |arn: &&String| arn.rsplit_once(':').is_some_and(|(_, name)| name == dimension);
        self.groups.keys().find(is_it).cloned()
    }

    /// All listeners of a balancer.
    pub(crate) fn listeners_of<'a>(&'a self, balancer: &'a str) -> impl Iterator<Item = &'a Listener> {
        self.listeners.values().filter(move |listener| listener.balancer == balancer)
    }

    /// The balancers that use a group: at most one.
    pub(crate) fn users_of(&self, group: &str) -> impl Iterator<Item = &str> {
        self.uses.get(group).into_iter().flat_map(|users| users.keys().map(String::as_str))
    }

    pub(crate) fn is_in_use(&self, group: &str) -> bool {
        self.uses.contains_key(group)
    }

    fn groups_used_by<'a>(&'a self, balancer: &'a str) -> impl Iterator<Item = &'a str> {
        self.uses.iter().filter(move |(_, users)| users.contains_key(balancer)).map(|(group, _)| group.as_str())
    }

    /// The actions of a rule, or the default actions of a listener.
    pub(crate) fn actions_at(&self, place: &str) -> Option<&[Action]> {
        let rule = self.listeners.get(place).map_or(place, Listener::default_rule);
        self.rules.get(rule).map(|rule| rule.actions.as_slice())
    }

    /// Makes a rule whose parts have been admitted.
    fn add_rule(&mut self, writer: &Writer, listener: &str, draft: Draft) -> String {
        let arn = self.registrar.within(Resource::Rule, listener);
        let Draft { priority, conditions, actions, transforms } = draft;
        let plane = Arc::new(PlaneRule::new(&conditions, &actions));
        let rule = Rule {
            arn: arn.clone(),
            listener: listener.to_owned(),
            priority,
            conditions,
            actions: Vec::new(),
            transforms,
            plane,
        };
        self.rules.insert(arn.clone(), rule);
        if let Some(listener) = self.listeners.get_mut(listener) {
            listener.rules.insert(priority, arn.clone());
        }
        self.put_actions(writer, &arn, actions);
        arn
    }

    /// Gives a rule other conditions that have been admitted.
    fn put_conditions(&mut self, writer: &Writer, rule: &str, conditions: Vec<Condition>) {
        let Some(found) = self.rules.get_mut(rule) else { return };
        found.plane = Arc::new(PlaneRule::new(&conditions, &found.actions));
        found.conditions = conditions;
        let listener = found.listener.clone();
        self.publish(writer, &listener);
    }

    /// Gives a rule other actions that have been admitted.
    pub(crate) fn put_actions(&mut self, writer: &Writer, rule: &str, actions: Vec<Action>) {
        let Some(found) = self.rules.get_mut(rule) else { return };
        found.plane = Arc::new(PlaneRule::new(&found.conditions, &actions));
        let before = std::mem::replace(&mut found.actions, actions);
        let listener = found.listener.clone();
        self.settle(writer, rule, &listener, &before);
        self.publish(writer, &listener);
    }

    /// Gives a rule other actions if AWS takes them.
    pub(crate) fn rewrite(&mut self, writer: &Writer, rule: &str, actions: Vec<Action>) -> Result<(), Refusal> {
        let found = self.rule(rule)?;
        let listener = self.listener(&found.listener)?;
        let balancer = self.balancer(&listener.balancer)?;
        let ground = Ground { balancer, protocol: &listener.protocol, present: &found.actions };
        let actions = self.admit(ground, actions)?;
        self.put_actions(writer, rule, actions);
        Ok(())
    }

    /// Brings the uses of groups and the log of weights in line with a rule whose actions were `before`.
    fn settle(&mut self, writer: &Writer, rule: &str, listener: &str, before: &[Action]) {
        let weights = |actions: &[Action]| forward_of(actions).map(action::Forward::weights).unwrap_or_default();
        let before = weights(before);
        let after = self.rules.get(rule).map(|rule| weights(&rule.actions)).unwrap_or_default();
        if before == after {
            return;
        }
        let Some(owner) = self.listeners.get(listener) else { return };
        let (balancer, is_default) = (owner.balancer.clone(), owner.default_rule() == rule);
        for group in after.keys().filter(|group| !before.contains_key(*group)) {
            let users = self.uses.entry(group.clone()).or_default();
            let comes_into_use = users.is_empty();
            *users.entry(balancer.clone()).or_default() += 1;
            if comes_into_use && let Some(group) = self.groups.get_mut(group) {
                group.set_in_use(writer.now, true);
            }
        }
        for group in before.keys().filter(|group| !after.contains_key(*group)) {
            self.release(writer.now, group, &balancer);
        }
        let place = if is_default { listener } else { rule };
        let named = |weights: &BTreeMap<String, u32>| self.by_name(weights);
        writer.note(Change::Weights { place: place.to_owned(), before: named(&before), after: named(&after) });
    }

    fn release(&mut self, now: Timestamp, group: &str, balancer: &str) {
        let Some(users) = self.uses.get_mut(group) else { return };
        if let Some(count) = users.get_mut(balancer) {
            *count -= 1;
            if *count == 0 {
                users.remove(balancer);
            }
        }
        if users.is_empty() {
            self.uses.remove(group);
            if let Some(group) = self.groups.get_mut(group) {
                group.set_in_use(now, false);
            }
        }
    }

    /// Weights by the names of the groups.
    pub(crate) fn by_name(&self, weights: &BTreeMap<String, u32>) -> BTreeMap<String, u32> {
        let name = |arn: &String| self.groups.get(arn).map_or_else(|| arn.clone(), |group| group.name.clone());
        weights.iter().map(|(arn, weight)| (name(arn), *weight)).collect()
    }

    /// Tells the data plane how a listener stands now; it will know after a while.
    fn publish(&mut self, writer: &Writer, listener: &str) {
        let span = &self.options.propagation;
        let (least, most) = (millis(*span.start()), millis(*span.end()));
        let lag = if writer.at_once { Duration::ZERO } else { Duration::from_millis(self.lag.u64(least..=most)) };
        let Some(listener) = self.listeners.get_mut(listener) else { return };
        let active_from = self.balancers.get(&listener.balancer).map_or(writer.now, |balancer| balancer.active_from);
        let rules = listener.rules.values().filter_map(|rule| self.rules.get(rule));
        let plane = Arc::new(Plane { rules: rules.map(|rule| Arc::clone(&rule.plane)).collect() });
        listener.plane.then((writer.now + lag).max(active_from), plane);
    }

    /// Tags of a resource.
    pub(crate) fn tags_of(&self, arn: &str) -> Tags {
        self.tags.get(arn).cloned().unwrap_or_default()
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
