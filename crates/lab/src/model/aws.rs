//! The model's account: one application load balancer, rules, and target groups whose health follows a delay.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use weir_engine::Arn;
use weir_engine::dns::{ChangeSync, HostedZone, RecordSet};
use weir_engine::fact::{
    Action, ActionKind, AwsError, Balancer, BalancerAttributes, By, Conditions, ErrorKind, Fact, Forward, Found,
    GroupAttributes, Health, Listener, Query, RequestCount, Requests, Rule, RulePriority, Tags, TargetGroup,
    TargetStickiness,
};
use weir_engine::write::{ListenerWrite, TagWrite, Write};

/// How long a target takes to become healthy once its group is in use.
const BECOMES_HEALTHY: SignedDuration = SignedDuration::from_secs(20);

/// The account.
#[derive(Clone, Debug)]
pub struct ModelAws {
    listeners: BTreeMap<Arn, Listener>,
    rules: BTreeMap<Arn, Vec<Rule>>,
    groups: BTreeMap<Arn, ModelGroup>,
    tags: BTreeMap<Arn, Tags>,
    changed: BTreeSet<Arn>,
    changed_tags: BTreeSet<Arn>,
    /// How many of the next writes fail; the flag says whether they take effect all the same.
    pub failing_writes: (u32, bool),
    /// The ports whose listeners may not be written.
    pub denied_ports: BTreeSet<i32>,
    /// Whether reads fail.
    pub failing_reads: bool,
    /// Every forward that was ever live, with the health of its groups at that moment.
    pub history: Vec<(Timestamp, Arn, Forward, BTreeMap<Arn, u32>)>,
    /// How many requests clients send to each listener in a minute.
    pub traffic: u64,
    /// What was last counted.
    counted: BTreeMap<Query, Fact>,
    made: u32,
}

/// A target group.
#[derive(Clone, Debug)]
pub struct ModelGroup {
    /// How many targets it has.
    pub targets: u32,
    /// How many of them answer their health checks.
    pub well: u32,
    /// Whether it is sticky itself.
    pub sticky: bool,
    /// Since when a rule uses it.
    in_use_since: Option<Timestamp>,
}

impl ModelAws {
    /// A balancer `shop` with listeners on the given ports, each answering with a fixed response.
    pub fn new(ports: &[i32]) -> Self {
        let mut aws = Self {
            listeners: BTreeMap::new(),
            rules: BTreeMap::new(),
            groups: BTreeMap::new(),
            tags: BTreeMap::new(),
            changed: BTreeSet::new(),
            changed_tags: BTreeSet::new(),
            failing_writes: (0, false),
            denied_ports: BTreeSet::new(),
            failing_reads: false,
            history: Vec::new(),
            traffic: 600,
            counted: BTreeMap::new(),
            made: 0,
        };
        for port in ports {
            let arn = listener_arn(*port);
            aws.listeners.insert(arn.clone(), Listener { arn: arn.clone(), port: *port, protocol: "HTTP".to_owned() });
            let settings = BTreeMap::from([("statusCode".to_owned(), "503".to_owned())]);
            let fixed = ActionKind::Kept { kind: "fixed-response".to_owned(), settings };
            let rule = Rule {
                arn: Arn::new(format!("{arn}/default")),
                priority: RulePriority::Default,
                conditions: Conditions::new(),
                actions: vec![Action { order: None, kind: fixed }],
            };
            aws.rules.insert(arn, vec![rule]);
        }
        aws
    }

    /// Makes a target group whose targets are all well.
    pub fn add_group(&mut self, name: &str, targets: u32) {
        self.groups.insert(group_arn(name), ModelGroup { targets, well: targets, sticky: false, in_use_since: None });
    }

    /// A group, to be changed.
    ///
    /// # Panics
    ///
    /// When there is no such group.
    pub fn group_mut(&mut self, name: &str) -> &mut ModelGroup {
        self.groups.get_mut(&group_arn(name)).expect("the group was made")
    }

    /// Sends the default traffic of a listener to groups, as a person in the console would.
    pub fn forward_default(&mut self, now: Timestamp, port: i32, weights: &[(&str, u16)]) {
        let groups = weights.iter().map(|(name, weight)| (group_arn(name), *weight)).collect();
        let action = Action { order: None, kind: ActionKind::Forward(Forward { groups, sticky_seconds: None }) };
        let listener = listener_arn(port);
        self.set(now, &listener, RulePriority::Default, vec![action]);
        self.changed.insert(listener);
    }

    /// Lets a listener answer by itself what no rule is for.
    pub fn answer_default(&mut self, now: Timestamp, port: i32) {
        let kind = ActionKind::Kept { kind: "fixed-response".to_owned(), settings: BTreeMap::default() };
        let listener = listener_arn(port);
        self.set(now, &listener, RulePriority::Default, vec![Action { order: None, kind }]);
        self.changed.insert(listener);
    }

    /// A listener.
    pub fn listener(&self, port: i32) -> Arn {
        listener_arn(port)
    }

    /// The rules of a listener with their tags.
    pub fn rules_of(&self, port: i32) -> Vec<(Rule, Tags)> {
        let rules = self.rules.get(&listener_arn(port)).into_iter().flatten();
        rules.map(|rule| (rule.clone(), self.tags.get(&rule.arn).cloned().unwrap_or_default())).collect()
    }

    /// Makes a rule for a host, as somebody without Weir does, unless the number is taken.
    pub fn add_foreign_rule(&mut self, port: i32, priority: i32, host: &str) {
        let listener = listener_arn(port);
        if self.has_rule(&listener, priority) {
            return;
        }
        let conditions = Conditions::from_iter([("host-header".into(), vec![host.into()])]);
        let forward = Forward { groups: BTreeMap::new(), sticky_seconds: None };
        let write =
            ListenerWrite::CreateRule { listener: listener.clone(), priority, conditions, forward, tags: Tags::new() };
        self.change_listener(Timestamp::MIN, &write);
        self.changed.insert(listener);
    }

    /// Deletes the rules of a listener that are so.
    pub fn remove_rules(&mut self, port: i32, is_so: impl Fn(&Rule, &Tags) -> bool) {
        let (listener, none) = (listener_arn(port), Tags::new());
        let tags = &self.tags;
        if let Some(rules) = self.rules.get_mut(&listener) {
            rules.retain(|rule| !is_so(rule, tags.get(&rule.arn).unwrap_or(&none)));
        }
        self.changed.insert(listener);
    }

    fn has_rule(&self, listener: &Arn, priority: i32) -> bool {
        let rules = self.rules.get(listener).into_iter().flatten();
        rules.into_iter().any(|rule| rule.priority == RulePriority::At(priority))
    }

    /// The live weights of a listener's default action, by group name.
    pub fn default_weights(&self, port: i32) -> BTreeMap<String, u16> {
        let rules = self.rules.get(&listener_arn(port));
        let rule = rules.into_iter().flatten().find(|rule| rule.priority == RulePriority::Default);
        let forward = rule.and_then(|rule| rule.actions.iter().find_map(Action::forward));
        let name = |arn: &Arn| arn.as_str().rsplit('/').next().unwrap_or_default().to_owned();
        forward.into_iter().flat_map(|forward| &forward.groups).map(|(arn, weight)| (name(arn), *weight)).collect()
    }

    /// The tags of everything that has any.
    pub fn tags(&self) -> impl Iterator<Item = (&Arn, &Tags)> {
        self.tags.iter().filter(|(_, tags)| !tags.is_empty())
    }

    /// The actions of a listener's default action.
    pub fn default_actions(&self, port: i32) -> Vec<Action> {
        let rules = self.rules.get(&listener_arn(port)).into_iter().flatten();
        rules.filter(|rule| rule.priority == RulePriority::Default).flat_map(|rule| rule.actions.clone()).collect()
    }

    /// How many rules a listener has besides its default action.
    pub fn rule_count(&self, port: i32) -> usize {
        let rules = self.rules.get(&listener_arn(port)).into_iter().flatten();
        rules.filter(|rule| rule.priority != RulePriority::Default).count()
    }

    /// The listeners that somebody else has changed since the last call.
    pub fn take_changed_listeners(&mut self) -> BTreeSet<Arn> {
        std::mem::take(&mut self.changed)
    }

    /// The tags of a listener.
    pub fn listener_tags(&self, port: i32) -> Tags {
        self.tags.get(&listener_arn(port)).cloned().unwrap_or_default()
    }

    /// Replaces the tags of a listener, as somebody else would.
    pub fn set_listener_tags(&mut self, port: i32, tags: Tags) {
        self.tags.insert(listener_arn(port), tags);
        self.changed_tags.insert(listener_arn(port));
    }

    /// Tags the balancer, as another controller would that takes it over.
    pub fn tag_balancer(&mut self, key: &str, value: &str) {
        let arn = balancer().arn;
        self.tags.entry(arn.clone()).or_default().insert(key.to_owned(), value.to_owned());
        self.changed_tags.insert(arn);
    }

    /// The resources whose tags somebody else has changed since the last call.
    pub fn take_changed_tags(&mut self) -> BTreeSet<Arn> {
        std::mem::take(&mut self.changed_tags)
    }

    /// Keeps track of which groups are in use.
    pub fn advance(&mut self, now: Timestamp) {
        let used: BTreeSet<Arn> = self
            .rules
            .values()
            .flatten()
            .filter_map(|rule| rule.actions.iter().find_map(Action::forward))
            .flat_map(|forward| forward.groups.keys().cloned())
            .collect();
        for (arn, group) in &mut self.groups {
            group.in_use_since = if used.contains(arn) { group.in_use_since.or(Some(now)) } else { None };
        }
    }

    fn health(&self, now: Timestamp, group: &Arn) -> Option<Health> {
        let group = self.groups.get(group)?;
        Some(match group.in_use_since {
            None => Health { unused: group.targets, ..Health::default() },
            Some(since) if now < since + BECOMES_HEALTHY => Health { initial: group.targets, ..Health::default() },
            Some(_) => Health {
                healthy: group.well.min(group.targets),
                unhealthy: group.targets.saturating_sub(group.well),
                ..Health::default()
            },
        })
    }

    /// Answers a question at an instant.
    pub fn answer(&self, now: Timestamp, query: Query) -> (Query, Fact) {
        self.answer_as_of(now, now, query)
    }

    /// Answers a question at an instant with what was the case at an earlier one.
    pub fn answer_as_of(&self, then: Timestamp, now: Timestamp, query: Query) -> (Query, Fact) {
        let fact = match &query {
            Query::Balancer(by) => {
                let shop = balancer();
                let is_shop = matches!(by, By::Name(name) if *name == shop.name) || *by == By::Arn(shop.arn.clone());
                self.read(now, is_shop.then_some(shop))
            }
            Query::Listeners(_) => self.read::<Vec<Listener>>(now, Some(self.listeners.values().cloned().collect())),
            Query::Rules(listener) => self.read(now, self.rules.get(listener).cloned()),
            Query::Group(by) => self.read(now, self.target_group(by)),
            Query::Attributes(arn) => self.read(now, self.attributes(arn)),
            Query::Health(arn) => self.read(now, self.health(then, arn)),
            Query::Tags(arn) => self.read(now, Some(self.tags.get(arn).cloned().unwrap_or_default())),
            // There are no names in it.
            Query::BalancerAttributes(_) => self.read::<BalancerAttributes>(now, None),
            Query::Zone(_) => self.read::<HostedZone>(now, None),
            Query::Records(_) => self.read::<Vec<RecordSet>>(now, None),
            Query::Change(_) => self.read::<ChangeSync>(now, None),
            Query::Requests(_) => self.counted.get(&query).cloned().unwrap_or_else(Fact::uncounted),
        };
        (query, fact)
    }

    fn read<T: Into<Found>>(&self, now: Timestamp, found: Option<T>) -> Fact {
        let error = |kind: ErrorKind| AwsError { kind, operation: "Read".to_owned(), message: "modelled".to_owned() };
        let found = match found {
            _ if self.failing_reads => Err(error(ErrorKind::Transient)),
            Some(found) => Ok(found),
            None => Err(error(ErrorKind::NotFound)),
        };
        Fact::new(now, found)
    }

    /// Counts requests. They split by the weights that were live when their minute began, and a minute arrives one
    /// minute after its end; the rate is the present one.
    pub fn measure(&mut self, now: Timestamp, questions: &BTreeSet<Query>) {
        let asked = questions.iter().filter_map(|query| match query {
            Query::Requests(RequestCount { group, .. }) => {
                Some((query.clone(), self.read(now, Some(Some(self.requests(now, group.as_ref()))))))
            }
            _ => None,
        });
        self.counted = asked.collect();
    }

    fn requests(&self, now: Timestamp, group: Option<&Arn>) -> Requests {
        let newest = (now.as_second() / 60 - 2) * 60;
        let minutes = (0..10).filter_map(|back| Timestamp::from_second(newest - back * 60).ok());
        let count = |minute: Timestamp| {
            let of_listener = |listener: &Arn| {
                let live = self.history.iter().rev().find(|(at, place, ..)| place == listener && *at <= minute);
                let (.., forward, _) = live?;
                let total: u64 = forward.groups.values().map(|weight| u64::from(*weight)).sum();
                let weight =
                    group.map_or(total, |group| forward.groups.get(group).map_or(0, |weight| u64::from(*weight)));
                (self.traffic * weight).checked_div(total)
            };
            self.listeners.keys().filter_map(of_listener).sum::<u64>()
        };
        Requests { by_minute: minutes.map(|minute| (minute, count(minute))).filter(|(_, count)| *count > 0).collect() }
    }

    fn attributes(&self, arn: &Arn) -> Option<GroupAttributes> {
        let stickiness =
            |group: &ModelGroup| if group.sticky { TargetStickiness::Balancer } else { TargetStickiness::Off };
        self.groups.get(arn).map(|group| GroupAttributes { stickiness: stickiness(group) })
    }

    fn target_group(&self, by: &By) -> Option<TargetGroup> {
        let arn = match by {
            By::Arn(arn) => arn.clone(),
            By::Name(name) => group_arn(name),
        };
        let used = self.groups.get(&arn)?.in_use_since.is_some();
        Some(TargetGroup {
            name: arn.as_str().rsplit('/').next().unwrap_or_default().to_owned(),
            arn,
            protocol: Some("HTTP".to_owned()),
            port: Some(80),
            balancers: if used { vec![balancer().arn] } else { Vec::new() },
            vpc_id: None,
            target_type: Some("instance".to_owned()),
            protocol_version: Some("HTTP1".to_owned()),
        })
    }

    /// Carries out a write.
    pub fn perform(&mut self, now: Timestamp, write: &Write) -> Result<(), AwsError> {
        let is_denied = |port: &i32| write.forward().is_some() && writes_to(write, &listener_arn(*port));
        if self.denied_ports.iter().any(is_denied) {
            let operation = write.operation().to_owned();
            return Err(AwsError { kind: ErrorKind::Denied, operation, message: "modelled".to_owned() });
        }
        let (failing, takes_effect) = self.failing_writes;
        if failing > 0 {
            self.failing_writes.0 -= 1;
        }
        if let Write::Listener(ListenerWrite::CreateRule { listener, priority, .. }) = write
            && self.has_rule(listener, *priority)
        {
            let (operation, message) = (write.operation().to_owned(), "PriorityInUse".to_owned());
            return Err(AwsError { kind: ErrorKind::Conflict, operation, message });
        }
        if failing == 0 || takes_effect {
            self.take_effect(now, write);
        }
        if failing > 0 {
            let operation = write.operation().to_owned();
            return Err(AwsError { kind: ErrorKind::OutcomeUnknown, operation, message: "modelled".to_owned() });
        }
        Ok(())
    }

    fn take_effect(&mut self, now: Timestamp, write: &Write) {
        match write {
            Write::Listener(write) => self.change_listener(now, write),
            Write::Records(_) => {}
            Write::Tags(TagWrite::Add { resource, tags }) => {
                self.tags.entry(resource.clone()).or_default().extend(tags.clone());
            }
            Write::Tags(TagWrite::Remove { resource, keys }) => {
                self.tags.entry(resource.clone()).or_default().retain(|key, _| !keys.contains(key));
            }
        }
    }

    fn change_listener(&mut self, now: Timestamp, write: &ListenerWrite) {
        match write {
            ListenerWrite::CreateRule { listener, priority, conditions, forward, tags } => {
                self.made += 1;
                let arn = Arn::new(format!("{listener}/rule-{}", self.made));
                let priority = RulePriority::At(*priority);
                let rule = Rule { arn: arn.clone(), priority, conditions: conditions.clone(), actions: Vec::new() };
                self.rules.entry(listener.clone()).or_default().insert(0, rule);
                self.tags.insert(arn, tags.clone());
                let action = Action { order: None, kind: ActionKind::Forward(forward.clone()) };
                self.set(now, listener, priority, vec![action]);
            }
            ListenerWrite::SetRuleActions { listener, rule, actions } => {
                let rules = self.rules.get(listener).into_iter().flatten();
                let priority = rules.filter(|live| live.arn == *rule).map(|live| live.priority).next();
                self.set(now, listener, priority.expect("the rule is there"), actions.clone());
            }
            ListenerWrite::SetDefaultActions { listener, actions } => {
                self.set(now, listener, RulePriority::Default, actions.clone());
            }
            ListenerWrite::DeleteRule { listener, rule } => {
                self.rules.entry(listener.clone()).or_default().retain(|live| live.arn != *rule);
                self.tags.remove(rule);
                self.advance(now);
            }
        }
    }

    fn set(&mut self, now: Timestamp, listener: &Arn, priority: RulePriority, actions: Vec<Action>) {
        let rules = self.rules.get_mut(listener).into_iter().flatten();
        for rule in rules.filter(|rule| rule.priority == priority) {
            rule.actions.clone_from(&actions);
        }
        self.advance(now);
        if let Some(forward) = actions.iter().find_map(Action::forward) {
            let healthy = |arn: &Arn| self.health(now, arn).map_or(0, |health| health.healthy);
            let health = forward.groups.keys().map(|arn| (arn.clone(), healthy(arn))).collect();
            self.history.push((now, listener.clone(), forward.clone(), health));
        }
    }
}

/// Whether a write changes a listener or one of its rules.
fn writes_to(write: &Write, place: &Arn) -> bool {
    match write {
        Write::Listener(write) => write.listener() == place,
        Write::Records(_) | Write::Tags(_) => false,
    }
}

fn balancer() -> Balancer {
    Balancer {
        arn: Arn::new("arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/shop/1"),
        name: "shop".to_owned(),
        dns_name: "shop.elb.amazonaws.com".to_owned(),
        hosted_zone_id: None,
        has_ipv6: false,
        kind: "application".to_owned(),
        vpc_id: None,
    }
}

fn listener_arn(port: i32) -> Arn {
    Arn::new(format!("arn:aws:elasticloadbalancing:eu-west-1:1:listener/app/shop/1/{port}"))
}

fn group_arn(name: &str) -> Arn {
    Arn::new(format!("arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/{name}"))
}
