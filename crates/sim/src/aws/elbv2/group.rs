//! A target group: its settings, its attributes, its targets.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::attribute::{self, COOKIE_NAME, DEREGISTRATION_DELAY, STICKINESS, STICKINESS_TYPE};
use super::check::CheckRequest;
use super::target::{AppBehaviour, HealthChecks, Target, TargetKey, TargetState};

/// Stickiness of a client to one target of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetStickiness {
    /// Every request is routed anew.
    #[default]
    Off,
    /// By a cookie of the balancer.
    BalancerCookie,
    /// By a cookie of the application.
    AppCookie,
}

/// A target group to be made while a world is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSettings {
    /// Its name, unique in the account and region.
    pub name: String,
    /// What its targets are.
    pub target_type: TargetType,
    /// Protocol towards targets: `HTTP` or `HTTPS` behind an application balancer. Functions have none.
    pub protocol: String,
    /// Port of targets that are registered without one. Functions have none.
    pub port: u16,
    /// How targets are checked; `None` is the world's default, and not at all for functions.
    pub checks: Option<HealthChecks>,
    /// Seconds for which a deregistered target drains.
    pub deregistration_delay_seconds: u32,
    /// Stickiness to one target.
    pub stickiness: TargetStickiness,
}

impl GroupSettings {
    /// A group for HTTP on port 8080 with AWS's defaults.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            target_type: TargetType::Instance,
            protocol: "HTTP".to_owned(),
            port: 8080,
            checks: None,
            deregistration_delay_seconds: 300,
            stickiness: TargetStickiness::Off,
        }
    }

    /// A group for one Lambda function, without health checks, as AWS makes it by default.
    pub fn lambda(name: impl Into<String>) -> Self {
        Self { target_type: TargetType::Lambda, protocol: String::new(), port: 0, ..Self::named(name) }
    }
}

/// What the targets of a group are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetType {
    /// Instances, by id.
    Instance,
    /// Addresses.
    Ip,
    /// One Lambda function, by ARN.
    Lambda,
}

impl TargetType {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Ip => "ip",
            Self::Lambda => "lambda",
        }
    }
}

/// A target group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) protocol: String,
    pub(crate) port: u16,
    pub(crate) vpc: String,
    pub(crate) target_type: TargetType,
    pub(crate) checks: HealthChecks,
    pub(crate) check_request: CheckRequest,
    pub(crate) attributes: BTreeMap<String, String>,
    /// All that ever were registered: those that are gone keep their past.
    pub(crate) targets: BTreeMap<TargetKey, Target>,
    /// How the application behaves on targets that are registered from now on.
    app: AppBehaviour,
}

impl Group {
    /// An empty group as these settings say; `checks` are the world's default.
    pub(crate) fn new(arn: String, vpc: String, settings: GroupSettings, checks: HealthChecks) -> Self {
        let target_type = settings.target_type;
        let mut attributes = attribute::defaults(&settings.protocol, target_type);
        if target_type != TargetType::Lambda {
            attributes.insert(DEREGISTRATION_DELAY.to_owned(), settings.deregistration_delay_seconds.to_string());
        }
        attributes.insert(STICKINESS.to_owned(), (settings.stickiness != TargetStickiness::Off).to_string());
        if settings.stickiness == TargetStickiness::AppCookie {
            attributes.insert(STICKINESS_TYPE.to_owned(), "app_cookie".to_owned());
            attributes.insert(COOKIE_NAME.to_owned(), "session".to_owned());
        }
        let checks = settings.checks.unwrap_or(HealthChecks { enabled: target_type != TargetType::Lambda, ..checks });
        let check_request = CheckRequest::of(&settings.protocol, target_type);
        Self {
            arn,
            name: settings.name,
            protocol: settings.protocol,
            port: settings.port,
            vpc,
            target_type,
            checks,
            check_request,
            attributes,
            targets: BTreeMap::new(),
            app: AppBehaviour::well(),
        }
    }

    /// An empty group with the same name and settings, as one that is made again has them.
    pub(crate) fn successor(&self, arn: String) -> Self {
        Self {
            arn,
            name: self.name.clone(),
            protocol: self.protocol.clone(),
            vpc: self.vpc.clone(),
            check_request: self.check_request.clone(),
            attributes: self.attributes.clone(),
            targets: BTreeMap::new(),
            ..*self
        }
    }

    /// Its stickiness to one target.
    pub(crate) fn stickiness(&self) -> TargetStickiness {
        let is = |key: &str, value: &str| self.attributes.get(key).is_some_and(|found| found == value);
        match (is(STICKINESS, "true"), is(STICKINESS_TYPE, "app_cookie")) {
            (false, _) => TargetStickiness::Off,
            (true, false) => TargetStickiness::BalancerCookie,
            (true, true) => TargetStickiness::AppCookie,
        }
    }

    fn deregistration_delay(&self) -> Duration {
        let seconds = self.attributes.get(DEREGISTRATION_DELAY).and_then(|seconds| seconds.parse().ok());
        Duration::from_secs(seconds.unwrap_or(300))
    }

    pub(crate) fn register(&mut self, now: Timestamp, key: TargetKey, in_use: bool) {
        let (app, checks) = (self.app, self.checks);
        self.targets.entry(key).or_insert_with(|| Target::new(now, app)).register(now, in_use, checks);
    }

    pub(crate) fn deregister(&mut self, now: Timestamp, key: &TargetKey) {
        let delay = self.deregistration_delay();
        if let Some(target) = self.targets.get_mut(key) {
            target.deregister(now, delay);
        }
    }

    /// It is deleted: nothing more comes of its targets.
    pub(crate) fn close(&mut self, now: Timestamp) {
        for target in self.targets.values_mut() {
            target.remove(now);
        }
    }

    /// Its targets are checked from now on, or no longer.
    pub(crate) fn set_checked(&mut self, now: Timestamp, checked: bool, in_use: bool) {
        if self.checks.enabled != checked {
            self.checks.enabled = checked;
            self.set_in_use(now, in_use);
        }
    }

    /// It came into use or went out of use.
    pub(crate) fn set_in_use(&mut self, now: Timestamp, in_use: bool) {
        for target in self.targets.values_mut() {
            target.set_in_use(now, in_use, self.checks);
        }
    }

    /// An instance stopped or runs again.
    pub(crate) fn set_running(&mut self, now: Timestamp, instance: &str, running: bool, in_use: bool) {
        for (_, target) in self.targets.iter_mut().filter(|(key, _)| key.id == instance) {
            target.set_running(now, running, in_use, self.checks);
        }
    }

    /// The application behaves otherwise on these targets, or on all present and future ones.
    pub(crate) fn set_app(&mut self, now: Timestamp, id: Option<&str>, app: AppBehaviour) {
        if id.is_none() {
            self.app = app;
        }
        for (_, target) in self.targets.iter_mut().filter(|(key, _)| id.is_none_or(|id| key.id == id)) {
            target.set_app(now, app, self.checks);
        }
    }

    /// The traffic is shifted away from the zone of these targets, or comes back to it.
    pub(crate) fn shift(&mut self, now: Timestamp, ids: &[&str], away: bool) {
        for (_, target) in self.targets.iter_mut().filter(|(key, _)| ids.contains(&key.id.as_str())) {
            target.shift(now, away);
        }
    }

    /// Registered or draining targets with their states.
    pub(crate) fn states(&self, now: Timestamp) -> impl Iterator<Item = (&TargetKey, TargetState)> {
        let states = self.targets.iter().map(move |(key, target)| (key, target.state(now)));
        states.filter(|(_, state)| *state != TargetState::Gone)
    }
}
