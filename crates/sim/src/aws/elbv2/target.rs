//! A registered target and its health: initial → healthy ⇄ unhealthy → draining → gone, as the balancer sees it.
//!
//! The balancer checks each target at fixed instants: the end of each interval since it was registered or its group
//! came into use. Between two events (registered, app broken, group out of use, …) nothing about a target changes
//! but by these checks, so at each event the one transition that lies ahead is computed and written down. No state
//! is ever advanced, and hours cost nothing.

use std::time::Duration;

use jiff::Timestamp;

use super::super::timeline::Timeline;

/// What names a target in its group: AWS keeps targets apart by id and port together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetKey {
    /// The instance, or the address.
    pub id: String,
    /// The port.
    pub port: u16,
}

/// The state of a target, with AWS's reason for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetState {
    /// Registered a moment ago: no check has ended yet.
    Registering,
    /// Checked, but not often enough to be called healthy or not.
    InitialChecks,
    /// Passing its checks.
    Healthy,
    /// Failing its checks by answering with an error.
    WrongAnswer,
    /// Failing its checks by not answering.
    NoAnswer,
    /// In a group that no listener or rule uses, so that nobody checks it.
    NotInUse,
    /// In a group that is used and whose checks are switched off: it gets requests like a healthy one.
    Unchecked,
    /// An instance that does not run.
    Stopped,
    /// Deregistered, and given time to finish its requests.
    Draining,
    /// Not registered, or no longer.
    Gone,
}

impl TargetState {
    /// The state as AWS writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Registering | Self::InitialChecks => "initial",
            Self::Healthy => "healthy",
            Self::WrongAnswer | Self::NoAnswer => "unhealthy",
            Self::NotInUse | Self::Stopped | Self::Gone => "unused",
            Self::Draining => "draining",
            Self::Unchecked => "unavailable",
        }
    }

    /// The reason code of AWS, which healthy targets do not have.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Registering => Some("Elb.RegistrationInProgress"),
            Self::InitialChecks => Some("Elb.InitialHealthChecking"),
            Self::Healthy => None,
            Self::WrongAnswer => Some("Target.ResponseCodeMismatch"),
            Self::NoAnswer => Some("Target.Timeout"),
            Self::NotInUse => Some("Target.NotInUse"),
            Self::Unchecked => Some("Target.HealthCheckDisabled"),
            Self::Stopped => Some("Target.InvalidState"),
            Self::Draining => Some("Target.DeregistrationInProgress"),
            Self::Gone => Some("Target.NotRegistered"),
        }
    }

    /// What AWS says to a person.
    pub(crate) fn description(self) -> Option<&'static str> {
        match self {
            Self::Registering => Some("Target registration is in progress"),
            Self::InitialChecks => Some("Initial health checks in progress"),
            Self::Healthy => None,
            Self::WrongAnswer => Some("Health checks failed with these codes: [500]"),
            Self::NoAnswer => Some("Request timed out"),
            Self::NotInUse => Some("Target group is not configured to receive traffic from the load balancer"),
            Self::Unchecked => Some("Health checks are not enabled for this target"),
            Self::Stopped => Some("Target is in the stopped state"),
            Self::Draining => Some("Target deregistration is in progress"),
            Self::Gone => Some("Target is not registered to the target group"),
        }
    }

    /// Whether the balancer checks a target in this state.
    fn is_checked(self) -> bool {
        match self {
            Self::Registering | Self::InitialChecks | Self::Healthy | Self::WrongAnswer | Self::NoAnswer => true,
            Self::Unchecked | Self::NotInUse | Self::Stopped | Self::Draining | Self::Gone => false,
        }
    }

    /// Whether the balancer sends requests to a target in this state.
    fn takes_requests(self) -> bool {
        matches!(self, Self::Healthy | Self::Unchecked)
    }

    /// Whether the balancer may send requests here when no target of the group takes them.
    pub(crate) fn takes_requests_at_need(self) -> bool {
        // A group that has just been taken out of use may still get the requests of nodes that do not know it yet.
        self.is_checked() || self == Self::NotInUse
    }
}

/// How the balancer checks the targets of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthChecks {
    /// Whether there are any: groups of Lambda functions have none by default, all others always have.
    pub enabled: bool,
    /// Seconds between two checks of a target.
    pub interval_seconds: u32,
    /// Seconds after which a check has failed.
    pub timeout_seconds: u32,
    /// Passed checks in a row after which a target is healthy.
    pub healthy_threshold: u32,
    /// Failed checks in a row after which a target is unhealthy.
    pub unhealthy_threshold: u32,
    /// Whether a check passes as soon as the target takes a connection, whatever it then answers: one of TCP.
    pub by_connection: bool,
    /// Passed checks in a row after which a target that has just come is healthy; `None` is `healthy_threshold`. The
    /// guide to Application Load Balancers says that one is enough; the longer wait is the safer assumption.
    pub joining_threshold: Option<u32>,
}

impl Default for HealthChecks {
    /// AWS's own defaults for an Application Load Balancer.
    fn default() -> Self {
        Self {
            enabled: true,
            interval_seconds: 30,
            timeout_seconds: 5,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            by_connection: false,
            joining_threshold: None,
        }
    }
}

impl HealthChecks {
    /// What a target becomes that goes on to say this to its checks; `None` where it passes them.
    fn failure(self, answer: CheckAnswer) -> Option<TargetState> {
        match answer {
            CheckAnswer::Well => None,
            CheckAnswer::WithError => (!self.by_connection).then_some(TargetState::WrongAnswer),
            CheckAnswer::NotAtAll => Some(TargetState::NoAnswer),
        }
    }
}

/// What the application on a target says to a health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckAnswer {
    /// It answers as it should.
    Well,
    /// It answers with status 500.
    WithError,
    /// It does not answer.
    NotAtAll,
}

/// How the application on a target behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppBehaviour {
    /// What it says to health checks.
    pub checks: CheckAnswer,
    /// How many of a thousand requests it fails.
    pub error_permille: u32,
}

impl AppBehaviour {
    /// Answers everything.
    pub fn well() -> Self {
        Self { checks: CheckAnswer::Well, error_permille: 0 }
    }

    /// Passes its health checks and fails this many of a thousand requests: what health checks do not see.
    pub fn failing_requests(error_permille: u32) -> Self {
        Self { checks: CheckAnswer::Well, error_permille }
    }

    /// Answers everything with status 500.
    pub fn broken() -> Self {
        Self { checks: CheckAnswer::WithError, error_permille: 1000 }
    }

    /// Answers nothing.
    pub fn down() -> Self {
        Self { checks: CheckAnswer::NotAtAll, error_permille: 1000 }
    }
}

/// A target of a group, with its past.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    states: Timeline<TargetState>,
    app: Timeline<AppBehaviour>,
    /// Whether the traffic was shifted away from its zone.
    shifted: Timeline<bool>,
    /// When the balancer began to check it: checks end at whole intervals from here.
    checked_since: Timestamp,
    /// The present row of passed or failed checks begins with the first check after this instant.
    same_since: Timestamp,
}

impl Target {
    /// A target that is not registered yet.
    pub(crate) fn new(at: Timestamp, app: AppBehaviour) -> Self {
        Self {
            states: Timeline::starting(at, TargetState::Gone),
            app: Timeline::starting(at, app),
            shifted: Timeline::starting(at, false),
            checked_since: at,
            same_since: at,
        }
    }

    /// Its state at this instant.
    pub(crate) fn state(&self, at: Timestamp) -> TargetState {
        self.states.at(at).copied().unwrap_or(TargetState::Gone)
    }

    /// Every instant up to this one at which its state, or whether it gets requests, changed.
    pub(crate) fn changes_until(&self, at: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.states.instants_until(at).chain(self.shifted.instants_until(at))
    }

    /// Whether the traffic was shifted away from its zone at this instant. It is checked all the same.
    pub(crate) fn is_shifted_away(&self, at: Timestamp) -> bool {
        self.shifted.at(at).copied().unwrap_or(false)
    }

    /// Whether the balancer sends requests here at this instant.
    pub(crate) fn takes_requests(&self, at: Timestamp) -> bool {
        self.state(at).takes_requests() && !self.is_shifted_away(at)
    }

    /// How its application behaves at this instant.
    pub(crate) fn app(&self, at: Timestamp) -> AppBehaviour {
        self.app.at(at).copied().unwrap_or_else(AppBehaviour::well)
    }

    /// When state or behaviour will next change, as far as is known.
    pub(crate) fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        [self.states.next_after(at), self.app.next_after(at), self.shifted.next_after(at)].into_iter().flatten().min()
    }

    /// Forgets how it was before an instant. Whether there is anything left to know of it.
    pub(crate) fn forget_before(&mut self, at: Timestamp) -> bool {
        self.states.forget_before(at);
        self.app.forget_before(at);
        self.shifted.forget_before(at);
        self.state(at) != TargetState::Gone || !self.states.rests_since(at)
    }

    /// Registers it; a target that is registered already stays as it is.
    pub(crate) fn register(&mut self, now: Timestamp, in_use: bool, checks: HealthChecks) {
        if matches!(self.state(now), TargetState::Gone | TargetState::Draining) {
            self.begin(now, in_use, checks);
        }
    }

    /// Deregisters it: it drains, or is gone at once when nobody has sent it requests.
    pub(crate) fn deregister(&mut self, now: Timestamp, delay: Duration) {
        match self.state(now) {
            TargetState::Gone | TargetState::Draining => {}
            TargetState::NotInUse | TargetState::Stopped => self.states.set(now, TargetState::Gone),
            _ => {
                self.states.set(now, TargetState::Draining);
                self.states.then(now + delay, TargetState::Gone);
            }
        }
    }

    /// Its group is deleted.
    pub(crate) fn remove(&mut self, now: Timestamp) {
        self.states.set(now, TargetState::Gone);
    }

    /// Its group came into use or went out of use, or is checked otherwise.
    pub(crate) fn set_in_use(&mut self, now: Timestamp, in_use: bool, checks: HealthChecks) {
        match (self.state(now), self.states.next_after(now)) {
            (TargetState::Gone | TargetState::Draining, _) | (TargetState::Stopped, None) => {}
            // Its instance was started and does not run yet.
            (TargetState::Stopped, Some(runs)) => self.begin(runs, in_use, checks),
            _ => self.begin(now, in_use, checks),
        }
    }

    /// Its instance stopped or runs again.
    pub(crate) fn set_running(&mut self, now: Timestamp, running: bool, in_use: bool, checks: HealthChecks) {
        match (self.state(now), running) {
            (TargetState::Stopped, true) => self.begin(now, in_use, checks),
            (TargetState::Gone | TargetState::Draining, _) | (_, true) => {}
            (_, false) => self.states.set(now, TargetState::Stopped),
        }
    }

    /// Its application behaves otherwise from now on.
    pub(crate) fn set_app(&mut self, now: Timestamp, app: AppBehaviour, checks: HealthChecks) {
        let passes = |app: AppBehaviour| checks.failure(app.checks).is_none();
        // One whose instance does not run yet is checked from then on.
        let checked = match self.state(now) {
            TargetState::Stopped => self.states.next_after(now).unwrap_or(now),
            _ => now,
        };
        if passes(self.app(now)) != passes(app) {
            self.same_since = checked;
        }
        self.app.set(now, app);
        self.expect(checked, checks);
    }

    /// The traffic is shifted away from its zone, or comes back to it.
    pub(crate) fn shift(&mut self, now: Timestamp, away: bool) {
        self.shifted.set(now, away);
    }

    /// A new life in the group: no check counts that was made before.
    fn begin(&mut self, now: Timestamp, in_use: bool, checks: HealthChecks) {
        self.checked_since = now;
        self.same_since = now;
        let state = match (in_use, checks.enabled) {
            (true, true) => TargetState::Registering,
            (true, false) => TargetState::Unchecked,
            (false, _) => TargetState::NotInUse,
        };
        self.states.set(now, state);
        self.expect(now, checks);
    }

    /// Writes down the transition that lies ahead if nothing else happens.
    fn expect(&mut self, now: Timestamp, checks: HealthChecks) {
        let state = self.state(now);
        if !state.is_checked() {
            return;
        }
        self.states.forget_after(now);
        let failure = checks.failure(self.app(now).checks);
        if state == TargetState::Registering {
            self.states.then(self.check(self.checked_since, 1, checks), TargetState::InitialChecks);
        }
        match (state, failure) {
            (TargetState::Registering | TargetState::InitialChecks, None) => {
                let threshold = checks.joining_threshold.unwrap_or(checks.healthy_threshold);
                self.states.then(self.check(self.same_since, threshold, checks), TargetState::Healthy);
            }
            (TargetState::WrongAnswer | TargetState::NoAnswer, None) => {
                let at = self.check(self.same_since, checks.healthy_threshold, checks);
                self.states.then(at, TargetState::Healthy);
            }
            (TargetState::Registering | TargetState::InitialChecks | TargetState::Healthy, Some(failure)) => {
                self.states.then(self.check(self.same_since, checks.unhealthy_threshold, checks), failure);
            }
            (TargetState::WrongAnswer | TargetState::NoAnswer, Some(failure)) if failure != state => {
                self.states.then(self.check(now, 1, checks), failure);
            }
            _ => {}
        }
    }

    /// The end of the `number`th check after an instant.
    fn check(&self, after: Timestamp, number: u32, checks: HealthChecks) -> Timestamp {
        let interval = Duration::from_secs(u64::from(checks.interval_seconds.max(1)));
        let age = Duration::try_from(after.duration_since(self.checked_since)).unwrap_or_default();
        // A world does not live for so long that the number of checks leaves 32 bits.
        let before = u32::try_from(age.as_nanos() / interval.as_nanos()).unwrap_or(u32::MAX);
        self.checked_since + interval * before.saturating_add(number)
    }
}

#[cfg(test)]
mod tests;
