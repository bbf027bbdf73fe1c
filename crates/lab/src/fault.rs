//! Faults as data: what befalls a world, and at which moment.
//!
//! A fault is written down before anything runs, so a plan of faults can be played again, made smaller, and read.

mod manual;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use crate::wire::{Absence, Side, Sort};
pub use manual::ManualChange;

/// A moment of a rollout.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Moment {
    /// At a request of the controllers, counted from 1 over AWS and Kubernetes and all processes together.
    Request(u64, Side),
    /// At a request of one name, counted from 1: an operation of AWS, such as `ModifyRule`, or a method and the end of a path
    /// of Kubernetes, such as `PUT trafficshifts/checkout/status`. It stays the same moment where other requests come and go.
    Named(String, u64, Side),
    /// So many seconds after the rollout has begun.
    Second(u32),
}

/// A fault with its moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Planned {
    /// When.
    pub at: Moment,
    /// What.
    pub fault: Fault,
}

/// A quota of a balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Quota {
    /// Of rules.
    Rules,
    /// Of target groups.
    Groups,
}

/// How ill a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Illness {
    /// Every target fails its checks.
    All,
    /// All but one fail them.
    Most,
    /// No target is registered any more.
    Empty,
}

/// What may befall a world. Spans are in seconds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// The controller dies, and another begins after a while.
    Crash(u32),
    /// The controller is not carried on for a while.
    Pause(u32),
    /// The controller is told to end, as in a rollout, and another begins a while after it has.
    Stop(u32),
    /// Another controller begins beside the first, its clock being so many seconds ahead.
    Another(i32),
    /// The clock of the controller's machine is set ahead by so many seconds, or back.
    ClockStep(i32),
    /// Somebody else changes the Lease right before so many next renewals arrive: 409.
    LeaseConflict(u32),
    /// Somebody who is none of the controllers has the Lease for a while.
    LeaseTaken(u32),
    /// Somebody else changes the objects of so many next status writes right before these arrive: 409.
    Conflict(u32),
    /// The API server forgets its history, and the watches break: 410, and everything is listed again.
    Compacted,
    /// Watches hear of changes late; reads are fresh.
    StaleWatch(u32),
    /// Watches hear of nothing, and then everything is listed again.
    LostWatch(u32),
    /// Watches tell every event twice.
    RepeatedWatch(u32),
    /// The API server is away.
    KubeAway(Absence, u32),
    /// So many next calls of AWS are throttled.
    Throttled(u32),
    /// All calls of AWS are throttled for a while.
    ThrottleStorm(u32),
    /// AWS is away.
    AwsAway(Absence, u32),
    /// The next writes to AWS are lost: the request (`Before`), or only its answer (`After`).
    LostWrites(Side, u32),
    /// After the next write, AWS shows for a while what was before it.
    StaleReads(u32),
    /// The nodes of balancers follow changes late, until the end.
    SlowPropagation(u32),
    /// A quota is used up for a while.
    Quota(Quota, u32),
    /// The credentials have expired, until somebody gives new ones.
    Expired(u32),
    /// The targets of a group are ill for a while.
    Ill(String, Illness, u32),
    /// Somebody does something by hand.
    Manual(ManualChange),
}

impl Fault {
    /// The class of faults that it belongs to, for summaries.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Crash(_) => "crash",
            Self::Pause(_) => "pause",
            Self::Stop(_) => "stop",
            Self::Another(_) => "another controller",
            Self::ClockStep(_) => "clock that is set",
            Self::LeaseConflict(_) | Self::LeaseTaken(_) => "lease",
            Self::Conflict(_) => "conflict (409)",
            Self::Compacted => "compacted (410)",
            Self::StaleWatch(_) => "stale cache",
            Self::LostWatch(_) => "lost watch events",
            Self::RepeatedWatch(_) => "repeated watch events",
            Self::KubeAway(..) => "API server away",
            Self::Throttled(_) | Self::ThrottleStorm(_) => "throttling",
            Self::AwsAway(..) => "AWS away",
            Self::LostWrites(Side::Before, _) => "timeout without effect",
            Self::LostWrites(Side::After, _) => "timeout with effect",
            Self::StaleReads(_) => "stale describes",
            Self::SlowPropagation(_) => "delayed propagation",
            Self::Quota(..) => "quota",
            Self::Expired(_) => "expired credentials",
            Self::Ill(..) => "health",
            Self::Manual(manual) if manual.is_on_aws() => "console",
            Self::Manual(_) => "kubectl",
        }
    }

    /// The sorts of requests that are the first to notice it; `None` where a controller may notice it at any time.
    ///
    /// Until such a request comes, everything goes on as if the fault were not there: wherever it is planned between
    /// two of them, the same happens from the second one on, but that what lasts for a while ends sooner.
    pub fn noticed_by(&self) -> Option<&'static [Sort]> {
        use Sort::{AwsRead, AwsWrite, KubePut, KubeRead, KubeWrite};
        match self {
            // Replacements of objects find another version.
            Self::Conflict(_) => Some(&[KubePut]),
            // What is not written is not heard of late.
            Self::StaleWatch(_) | Self::LostWatch(_) | Self::RepeatedWatch(_) => Some(&[KubePut, KubeWrite]),
            Self::KubeAway(..) => Some(&[KubeRead, KubePut, KubeWrite]),
            Self::LostWrites(..) | Self::StaleReads(_) | Self::SlowPropagation(_) | Self::Quota(..) => {
                Some(&[AwsWrite])
            }
            Self::Throttled(_) | Self::ThrottleStorm(_) | Self::AwsAway(..) | Self::Expired(_) | Self::Ill(..) => {
                Some(&[AwsRead, AwsWrite])
            }
            Self::Manual(manual) if manual.is_on_aws() => Some(&[AwsRead, AwsWrite]),
            Self::Crash(_)
            | Self::Pause(_)
            | Self::Stop(_)
            | Self::Another(_)
            | Self::ClockStep(_)
            | Self::LeaseConflict(_)
            | Self::LeaseTaken(_)
            | Self::Compacted
            | Self::Manual(_) => None,
        }
    }

    /// How many seconds it lasts, where it ends by itself.
    pub fn span_s(&self) -> u32 {
        match self {
            Self::Crash(s)
            | Self::Pause(s)
            | Self::Stop(s)
            | Self::LeaseTaken(s)
            | Self::StaleWatch(s)
            | Self::LostWatch(s)
            | Self::RepeatedWatch(s)
            | Self::KubeAway(_, s)
            | Self::ThrottleStorm(s)
            | Self::AwsAway(_, s)
            | Self::StaleReads(s)
            | Self::SlowPropagation(s)
            | Self::Quota(_, s)
            | Self::Expired(s)
            | Self::Ill(_, _, s) => *s,
            Self::Another(_)
            | Self::ClockStep(_)
            | Self::LeaseConflict(_)
            | Self::Conflict(_)
            | Self::Compacted
            | Self::Throttled(_)
            | Self::LostWrites(..)
            | Self::Manual(_) => 0,
        }
    }

    /// The same with another span or count.
    #[must_use]
    pub fn scaled(&self, to: u32) -> Self {
        match self {
            Self::Crash(_) => Self::Crash(to),
            Self::Pause(_) => Self::Pause(to),
            Self::Stop(_) => Self::Stop(to),
            Self::LeaseConflict(_) => Self::LeaseConflict(to),
            Self::LeaseTaken(_) => Self::LeaseTaken(to),
            Self::Conflict(_) => Self::Conflict(to),
            Self::StaleWatch(_) => Self::StaleWatch(to),
            Self::LostWatch(_) => Self::LostWatch(to),
            Self::RepeatedWatch(_) => Self::RepeatedWatch(to),
            Self::KubeAway(how, _) => Self::KubeAway(*how, to),
            Self::Throttled(_) => Self::Throttled(to),
            Self::ThrottleStorm(_) => Self::ThrottleStorm(to),
            Self::AwsAway(how, _) => Self::AwsAway(*how, to),
            Self::LostWrites(side, _) => Self::LostWrites(*side, to),
            Self::StaleReads(_) => Self::StaleReads(to),
            Self::SlowPropagation(_) => Self::SlowPropagation(to),
            Self::Quota(quota, _) => Self::Quota(*quota, to),
            Self::Expired(_) => Self::Expired(to),
            Self::Ill(group, illness, _) => Self::Ill(group.clone(), *illness, to),
            Self::Another(_) | Self::ClockStep(_) | Self::Compacted | Self::Manual(_) => self.clone(),
        }
    }

    /// The span or count that can be made smaller.
    pub fn size(&self) -> u32 {
        match self {
            Self::LeaseConflict(times)
            | Self::Conflict(times)
            | Self::Throttled(times)
            | Self::LostWrites(_, times) => *times,
            _ => self.span_s(),
        }
    }

    /// Whether a release must get through it without anybody's help and end as it was wished.
    pub fn is_endured(&self) -> bool {
        !matches!(self, Self::Ill(..) | Self::Manual(_) | Self::Quota(..))
    }

    /// Whether it is about who leads.
    pub fn is_about_leaders(&self) -> bool {
        matches!(self, Self::Stop(_) | Self::Another(_) | Self::LeaseConflict(_) | Self::LeaseTaken(_))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash(s) => write!(formatter, "the controller dies; another begins after {s} s"),
            Self::Pause(s) => write!(formatter, "the controller is stopped for {s} s"),
            Self::Stop(s) => write!(formatter, "the controller is told to end; another begins {s} s after it has"),
            Self::Another(s) => write!(formatter, "another controller begins, whose clock is {s} s ahead"),
            Self::ClockStep(s) if *s < 0 => {
                write!(formatter, "the controller's clock is set back by {} s", s.unsigned_abs())
            }
            Self::ClockStep(s) => write!(formatter, "the controller's clock is set ahead by {s} s"),
            Self::LeaseConflict(n) => write!(formatter, "somebody changes the Lease before its next {n} renewals"),
            Self::LeaseTaken(s) => write!(formatter, "somebody else has the Lease for {s} s"),
            Self::Conflict(n) => write!(formatter, "somebody changes the objects of the next {n} status writes"),
            Self::Compacted => write!(formatter, "the API server forgets its history, and the watches break"),
            Self::StaleWatch(s) => write!(formatter, "watches hear of nothing for {s} s"),
            Self::LostWatch(s) => write!(formatter, "watches hear of nothing for {s} s, and then have to list again"),
            Self::RepeatedWatch(s) => write!(formatter, "watches tell everything twice for {s} s"),
            Self::KubeAway(how, s) => write!(formatter, "the API server is away for {s} s ({how:?})"),
            Self::Throttled(n) => write!(formatter, "AWS throttles the next {n} calls"),
            Self::ThrottleStorm(s) => write!(formatter, "AWS throttles all calls for {s} s"),
            Self::AwsAway(how, s) => write!(formatter, "AWS is away for {s} s ({how:?})"),
            Self::LostWrites(Side::Before, n) => write!(formatter, "the next {n} writes to AWS are lost"),
            Self::LostWrites(Side::After, n) => write!(formatter, "the answers of the next {n} writes to AWS are lost"),
            Self::StaleReads(s) => write!(formatter, "for {s} s after the next write, AWS shows what was before it"),
            Self::SlowPropagation(s) => write!(formatter, "from now on balancers follow changes after {s} s"),
            Self::Quota(Quota::Rules, s) => write!(formatter, "the balancer takes no more rules for {s} s"),
            Self::Quota(Quota::Groups, s) => write!(formatter, "the balancer takes no more target groups for {s} s"),
            Self::Expired(s) => write!(formatter, "the credentials have expired for {s} s"),
            Self::Ill(group, Illness::All, s) => write!(formatter, "all targets of {group} fail for {s} s"),
            Self::Ill(group, Illness::Most, s) => write!(formatter, "all targets of {group} but one fail for {s} s"),
            Self::Ill(group, Illness::Empty, s) => write!(formatter, "{group} has no targets for {s} s"),
            Self::Manual(manual) => write!(formatter, "{manual}"),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(number, Side::Before) => write!(formatter, "before request {number}"),
            Self::Request(number, Side::After) => write!(formatter, "after request {number}"),
            Self::Named(name, number, Side::Before) => write!(formatter, "before {name} number {number}"),
            Self::Named(name, number, Side::After) => write!(formatter, "after {name} number {number}"),
            Self::Second(second) => write!(formatter, "after {second} s"),
        }
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.at, self.fault)
    }
}
