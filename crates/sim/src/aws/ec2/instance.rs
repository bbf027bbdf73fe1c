//! An instance: pending → running ⇄ stopping → stopped, and shutting-down → terminated from each of these.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::super::timeline::Timeline;
use super::super::xml::Xml;
use super::Tags;

/// How long an instance takes to run, to stop and to be gone. AWS publishes none of it; these are ours, and short.
const PENDING: Duration = Duration::from_secs(10);
const STOPPING: Duration = Duration::from_secs(20);
const SHUTTING_DOWN: Duration = Duration::from_secs(20);
/// How long AWS still tells of an instance that is terminated: "usually about an hour".
const TOLD_AFTER_THE_END: Duration = Duration::from_hours(1);
/// How long the status checks of an instance that runs take: "a couple of minutes".
const STATUS_CHECKS: Duration = Duration::from_mins(2);

/// The state of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::aws) enum State {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// The number that AWS has for it.
    pub(super) fn code(self) -> u32 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }

    /// It as an element of this name.
    pub(super) fn xml(self, name: &str) -> Xml {
        Xml::of(name, vec![Xml::text("code", self.code()), Xml::text("name", self.word())])
    }
}

/// What was asked for when instances were made together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) image: String,
    pub(super) kind: String,
    pub(super) count: (u32, u32),
    pub(super) subnet: Option<String>,
    pub(super) groups: Vec<String>,
    pub(super) tags: Tags,
}

/// Instances that were made together.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) reservation: String,
    pub(super) wish: Wish,
    /// By what the same wish is known when it is sent again.
    pub(super) token: Option<String>,
}

/// An instance.
#[derive(Debug)]
pub(in crate::aws) struct Instance {
    pub(super) id: String,
    pub(super) launch: Arc<Launch>,
    /// Its number among those that were made together.
    pub(super) index: u32,
    pub(in crate::aws) vpc: String,
    pub(super) subnet: String,
    pub(super) zone: String,
    /// Its security groups.
    pub(super) groups: Vec<String>,
    pub(super) address: Option<Ipv4Addr>,
    /// When it was last told to run.
    pub(super) launched: Timestamp,
    pub(super) states: Timeline<State>,
}

impl Instance {
    /// Its state at an instant.
    pub(super) fn state(&self, at: Timestamp) -> State {
        self.states.at(at).copied().unwrap_or(State::Pending)
    }

    /// When its present state began.
    fn since(&self, now: Timestamp) -> Timestamp {
        self.states.instants_until(now).last().unwrap_or(self.launched)
    }

    /// Whether it runs at an instant.
    pub(in crate::aws) fn is_running(&self, at: Timestamp) -> bool {
        self.state(at) == State::Running
    }

    /// Whether it is gone: it has neither network nor address any more.
    pub(super) fn is_terminated(&self, now: Timestamp) -> bool {
        self.state(now) == State::Terminated
    }

    /// When it was terminated, where it was.
    pub(super) fn terminated(&self, now: Timestamp) -> Option<Timestamp> {
        self.is_terminated(now).then(|| self.since(now))
    }

    /// Whether AWS tells of it.
    pub(super) fn is_told(&self, now: Timestamp) -> bool {
        self.terminated(now).is_none_or(|at| now < at + TOLD_AFTER_THE_END)
    }

    /// The key by which it is listed: those that were made together stand together.
    pub(super) fn key(&self) -> String {
        format!("{}\0{:05}\0{}", self.launch.reservation, self.index, self.id)
    }

    /// How its status checks stand: those of one that does not run are none.
    pub(super) fn status(&self, now: Timestamp) -> &'static str {
        match self.state(now) {
            State::Running if now < self.since(now) + STATUS_CHECKS => "initializing",
            State::Running => "ok",
            _ => "not-applicable",
        }
    }

    /// It is told to run, and does so after a while; when that is.
    pub(super) fn start(&mut self, now: Timestamp) -> Timestamp {
        let at = now + PENDING;
        self.launched = now;
        self.states.set(now, State::Pending);
        self.states.then(at, State::Running);
        at
    }

    /// It is told to stop.
    pub(super) fn stop(&mut self, now: Timestamp) {
        self.states.set(now, State::Stopping);
        self.states.then(now + STOPPING, State::Stopped);
    }

    /// It is told to end.
    pub(super) fn end(&mut self, now: Timestamp) {
        self.states.set(now, State::ShuttingDown);
        self.states.then(now + SHUTTING_DOWN, State::Terminated);
    }

    /// What there is to tell of it, besides its security groups and tags.
    pub(super) fn describe(&self, now: Timestamp) -> Vec<Xml> {
        let (state, wish) = (self.state(now), &self.launch.wish);
        let is_by_user = !matches!(state, State::Pending | State::Running);
        let mut elements = vec![
            Xml::text("instanceId", &self.id),
            Xml::text("imageId", &wish.image),
            state.xml("instanceState"),
            Xml::text("reason", if is_by_user { "User initiated" } else { "" }),
            Xml::text("amiLaunchIndex", self.index),
            Xml::text("instanceType", &wish.kind),
            Xml::text("launchTime", format!("{:.3}", self.launched)),
            Xml::of(
                "placement",
                vec![
                    Xml::text("availabilityZone", &self.zone),
                    Xml::text("groupName", ""),
                    Xml::text("tenancy", "default"),
                ],
            ),
            Xml::of("monitoring", vec![Xml::text("state", "disabled")]),
        ];
        if is_by_user {
            let code = "Client.UserInitiatedShutdown";
            let message = format!("{code}: User initiated shutdown");
            elements.push(Xml::of("stateReason", vec![Xml::text("code", code), Xml::text("message", message)]));
        }
        if state != State::Terminated {
            elements.extend([Xml::text("subnetId", &self.subnet), Xml::text("vpcId", &self.vpc)]);
            elements.extend(self.address.map(|address| Xml::text("privateIpAddress", address)));
        }
        elements.extend(self.launch.token.as_ref().map(|token| Xml::text("clientToken", token)));
        elements
    }
}
