//! What can be known about AWS, in the engine's own words, and the questions that lead to it.

mod question;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use litemap::LiteMap;
use smol_str::SmolStr;

pub(crate) use question::questions;
pub use question::{By, Fact, Finding, Found, Query, Reading, RequestCount};

/// An Amazon Resource Name. Clones share the text: of each there are many.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn(Arc<str>);

impl Arn {
    /// Takes a text for an ARN as it stands; AWS is the judge of its form.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Arc::from(text.into()))
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of a target group, or of a balancer, which its ARN holds between two slashes; the whole text of anything else.
    pub fn name(&self) -> &str {
        match self.0.split_once(":loadbalancer/") {
            Some((_, rest)) => rest.split('/').nth(1).unwrap_or(&self.0),
            None => self.group_name(),
        }
    }

    /// The name of a target group, which its ARN holds between two slashes; the whole text of anything else.
    pub fn group_name(&self) -> &str {
        self.0.split(":targetgroup/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or(&self.0)
    }

    /// The balancer that a listener or rule is on.
    pub fn balancer(&self) -> Option<Self> {
        let (before, place) = self.0.split_once(":listener/").or_else(|| self.0.split_once(":listener-rule/"))?;
        let balancer: Vec<&str> = place.split('/').take(3).collect();
        Some(Self::new(format!("{before}:loadbalancer/{}", balancer.join("/"))))
    }

    /// The region, the fourth part of an ARN.
    pub fn region(&self) -> Option<&str> {
        self.0.split(':').nth(3).filter(|region| !region.is_empty())
    }

    /// The account, the fifth part of an ARN.
    pub fn account(&self) -> Option<&str> {
        self.0.split(':').nth(4).filter(|account| !account.is_empty())
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a call to AWS did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct AwsError {
    /// The kind of failure.
    pub kind: ErrorKind,
    /// The operation, for example `DescribeRules`.
    pub operation: String,
    /// The code and message of AWS, or of the transport.
    pub message: String,
}

/// The kinds of failure that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// Too many calls.
    Throttled,
    /// The resource does not exist.
    NotFound,
    /// The credentials do not allow it.
    Denied,
    /// Something else holds the resource or the place.
    Conflict,
    /// AWS does not accept the request.
    Invalid,
    /// A quota of the account is used up.
    Quota,
    /// The credentials have expired or there are none.
    Expired,
    /// The network or AWS failed in passing.
    Transient,
    /// A write was sent and no answer came: it may or may not have taken effect.
    OutcomeUnknown,
}

impl ErrorKind {
    /// The kind as one word, used in reasons and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Throttled => "Throttled",
            Self::NotFound => "NotFound",
            Self::Denied => "Denied",
            Self::Conflict => "Conflict",
            Self::Invalid => "Invalid",
            Self::Quota => "Quota",
            Self::Expired => "Expired",
            Self::Transient => "Transient",
            Self::OutcomeUnknown => "OutcomeUnknown",
        }
    }

    /// Whether the same request will be refused again until somebody changes something.
    pub fn is_refusal(self) -> bool {
        match self {
            Self::NotFound | Self::Denied | Self::Conflict | Self::Invalid | Self::Quota => true,
            Self::Throttled | Self::Expired | Self::Transient | Self::OutcomeUnknown => false,
        }
    }
}

/// The tags of a resource.
///
/// Kept of thousands of resources, and few of each: a sorted list takes half of what a tree does.
pub type Tags = LiteMap<String, String>;

/// The conditions of a rule by field of ELBv2: `host-header`, `path-pattern`, `http-header:<name in small letters>`,
/// `http-request-method`, `query-string` (as `key=value`; the key is empty where any will do) and `source-ip`. The
/// values of a field are alternatives, sorted, each once.
pub type Conditions = LiteMap<SmolStr, Vec<SmolStr>>;

/// A balancer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Balancer {
    /// Its ARN.
    pub arn: Arn,
    /// Its name.
    pub name: String,
    /// The name that clients resolve.
    pub dns_name: String,
    /// The Route 53 zone of that name.
    pub hosted_zone_id: Option<String>,
    /// Its type as AWS writes it: `application`, `network` or `gateway`.
    pub kind: String,
    /// Whether it has addresses of IPv6.
    pub has_ipv6: bool,
    /// The network that it is in.
    pub vpc_id: Option<String>,
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Listener {
    /// Its ARN.
    pub arn: Arn,
    /// Its port.
    pub port: i32,
    /// Its protocol as AWS writes it, for example `HTTPS`.
    pub protocol: String,
}

/// A rule of a listener, or its default action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule {
    /// Its ARN.
    pub arn: Arn,
    /// Its place among the rules.
    pub priority: RulePriority,
    /// Which requests it is for. Empty on the default rule.
    pub conditions: Conditions,
    /// What is done with a request, in the order of AWS.
    pub actions: Vec<Action>,
}

/// The place of a rule: numbers are tried from the lowest up, the default rule last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RulePriority {
    /// A rule with a number from 1 to 50,000.
    At(i32),
    /// The listener's default action.
    Default,
}

impl RulePriority {
    /// The number, where the rule has one.
    pub fn number(self) -> Option<i32> {
        match self {
            Self::At(number) => Some(number),
            Self::Default => None,
        }
    }
}

/// One action of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action {
    /// Its place among the actions, where AWS gives one.
    pub order: Option<i32>,
    /// What it does.
    pub kind: ActionKind,
}

impl Action {
    /// The forward, where the action is one.
    pub fn forward(&self) -> Option<&Forward> {
        match &self.kind {
            ActionKind::Forward(forward) => Some(forward),
            ActionKind::Kept { .. } | ActionKind::Unsupported { .. } => None,
        }
    }
}

/// What an action does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActionKind {
    /// Sends the request to target groups by weight.
    Forward(Forward),
    /// Something that Weir writes back as it was: `fixed-response`, `redirect`, `authenticate-oidc`,
    /// `authenticate-cognito` or `jwt-validation`, with all settings by name.
    Kept {
        /// The type as AWS writes it.
        kind: String,
        /// All its settings, flattened to text.
        settings: BTreeMap<String, String>,
    },
    /// A type that Weir does not understand, so that it cannot write it back and must leave the rule alone.
    Unsupported {
        /// The type as AWS writes it.
        kind: String,
    },
}

/// A weighted forward.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Forward {
    /// The groups with their weights, 0 to 999.
    pub groups: BTreeMap<Arn, u16>,
    /// Group stickiness in seconds; `None` when it is off.
    pub sticky_seconds: Option<i32>,
}

/// A target group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetGroup {
    /// Its ARN.
    pub arn: Arn,
    /// Its name.
    pub name: String,
    /// The protocol towards targets, where it has one.
    pub protocol: Option<String>,
    /// The port towards targets, where it has one.
    pub port: Option<i32>,
    /// The balancers that use it: AWS allows one.
    pub balancers: Vec<Arn>,
    /// The network that its targets are in, where they are in one.
    pub vpc_id: Option<String>,
    /// What its targets are, as AWS writes it: `instance`, `ip`, `lambda` or `alb`.
    pub target_type: Option<String>,
    /// The version of HTTP towards targets, where it speaks HTTP: `HTTP1`, `HTTP2` or `GRPC`.
    pub protocol_version: Option<String>,
}

/// The attributes of a balancer that matter to those who come by a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BalancerAttributes {
    /// After how many seconds it closes a connection of a client; `None` where it does not.
    pub keep_alive_seconds: Option<i32>,
}

/// The attributes of a target group that matter to a weighted forward.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupAttributes {
    /// Stickiness to one target.
    pub stickiness: TargetStickiness,
}

/// Stickiness of a client to one target of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetStickiness {
    /// Off.
    Off,
    /// By a cookie or address that the balancer keeps itself.
    Balancer,
    /// By a cookie of the application, which does not work with weighted groups.
    Application,
}

/// Requests by minute, as CloudWatch has them: a minute that has not arrived yet, and one without requests, is not
/// among them. Source: "CloudWatch metrics for your Application Load Balancer" in AWS's documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requests {
    /// How many requests there were, by the beginning of the minute.
    pub by_minute: BTreeMap<Timestamp, u64>,
}

/// How many targets of a group are in which state: each state and reason of ELBv2's model (`TargetHealth` and
/// `AdministrativeOverride` of `elbv2/2015-12-01`) is counted under exactly one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Health {
    /// Passing their checks.
    pub healthy: u32,
    /// Not checked, since the group's checks are switched off, as those of Lambda groups are by default. AWS sends
    /// them requests all the same.
    pub unchecked: u32,
    /// Registered and not yet checked often enough.
    pub initial: u32,
    /// Failing their checks.
    pub unhealthy: u32,
    /// Not checked, since no listener uses the group or their zone is not one of the balancer's.
    pub unused: u32,
    /// Registered and sent nothing: stopped or terminated, or an address that belongs to a balancer.
    pub stopped: u32,
    /// Registered and sent nothing, since the traffic was shifted away from their zone.
    pub shifted_away: u32,
    /// Deregistered and finishing their requests.
    pub draining: u32,
    /// In a state that AWS does not know itself, or one that Weir does not know.
    pub unknown: u32,
}

impl Health {
    /// Targets that AWS sends requests to, so that they carry traffic.
    pub fn able(&self) -> u32 {
        self.healthy + self.unchecked
    }

    /// Targets that are able, or may turn out to be without anybody's doing.
    pub fn hopeful(&self) -> u32 {
        self.able() + self.initial + self.unused + self.unknown
    }

    /// Whether it is known that no target is able: what is not known to be bad is not bad.
    pub fn is_dead(&self) -> bool {
        self.able() + self.unused + self.unknown == 0
    }

    /// Targets that are registered and stay.
    pub fn registered(&self) -> u32 {
        self.hopeful() + self.unhealthy + self.stopped + self.shifted_away
    }

    /// The targets that are not able, in words: `2 starting, 1 unhealthy`; empty where there are none.
    pub fn others(&self) -> String {
        let counts = [
            (self.initial, "starting"),
            (self.unhealthy, "unhealthy"),
            (self.unused, "not checked yet"),
            (self.stopped, "stopped"),
            (self.shifted_away, "in a zone that the traffic was shifted away from"),
            (self.unknown, "of unknown health"),
        ];
        let words = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
        words.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests;
