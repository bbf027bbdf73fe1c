//! Why things are as they are, as words that programs compare: the reasons of conditions, events, waits and rollbacks.
//!
//! `docs/troubleshooting.md` explains each; a test holds the page to [`Reason::ALL`].

use std::fmt;

use smol_str::SmolStr;
use weir_api::traffic_shift::{HeldBy, Phase};

use crate::fact::ErrorKind;

macro_rules! reasons {
    ($($reason:ident)*) => {
        /// A reason, by the word in CamelCase that stands in a status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {$(
            #[doc = concat!("`", stringify!($reason), "`.")]
            $reason,
        )*}

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$reason),*];

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => stringify!($reason),)*
                }
            }
        }
    };
}

reasons! {
    Aborted
    AccountMismatch
    Adopted
    Adopting
    ApplicationCookie
    Applied
    Applying
    BackendUnusable
    Baking
    BalancerNotAllowed
    CandidateUnhealthy
    Capacity
    CapacityShort
    Command
    ConditionsChanged
    Conflict
    Contested
    Correcting
    Degraded
    Deleted
    DeletingRule
    DeletionBlocked
    Denied
    DriftGone
    Drifted
    EnvironmentGone
    Expired
    Failed
    FirstHealth
    Following
    ForeignChange
    Found
    Gradual
    GroupChanged
    GroupNotUsable
    GuardViolation
    HandedBack
    HandingOver
    HealthUnknown
    Held
    Invalid
    KnownGood
    LeftBehind
    ListenerChanged
    ListenerNotFound
    MarksRemoved
    MovedAway
    NamespacesNotWatched
    NeverCarriedAll
    NoHealthyTarget
    NoPriorityLeft
    NoTraffic
    NotAForward
    NotAdopted
    NotAllowed
    NotApplicationLoadBalancer
    NotFound
    NotGoingBack
    NotRestorable
    NothingLive
    NothingToUndo
    ObjectsChanged
    OldAnswers
    OtherTargetGroup
    OutcomeUnknown
    OwnedByAnother
    Paused
    PausedByCommand
    Pending
    PriorityTaken
    ProgressDeadlineExceeded
    Queued
    Quota
    Recovered
    RegionNotAllowed
    RemainderUnhealthy
    Remembering
    RemovingTags
    Restored
    Restoring
    RoleNotAllowed
    RollbackBlocked
    RollbackCapacity
    RolledBack
    RollingBack
    RouteClaimed
    RouteDeleted
    RouteGone
    RouteStalled
    RuleDeleted
    RuleElsewhere
    RuleGone
    RunStarted
    SameTargetGroup
    SetBack
    Shadowed
    ShareNotSeen
    Shifting
    Stalled
    StatusOverwritten
    StepApplied
    StepPause
    StepPublished
    StickinessDemanded
    StickyClients
    StrategyChanged
    Succeeded
    Superseded
    Surveyed
    TargetGroupNotAllowed
    Throttled
    TooManyGroups
    TooManyRoutes
    Transient
    Uncontested
    UnknownAnnotation
    UnknownTarget
    UnknownTargetGroup
    UnsupportedAction
    Verifying
    WaitingForEntryPoint
    WaitingForEnvironment
    WaitingForRoute
    WeightsApplied
    WeightsOwned
    ZoneNotAllowed
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl PartialEq<Reason> for SmolStr {
    fn eq(&self, reason: &Reason) -> bool {
        self == reason.as_str()
    }
}

impl PartialEq<Reason> for String {
    fn eq(&self, reason: &Reason) -> bool {
        self == reason.as_str()
    }
}

macro_rules! of {
    ($of:ty: $($from:ident => $reason:ident),*) => {
        impl From<$of> for Reason {
            fn from(of: $of) -> Self {
                match of {
                    $(<$of>::$from => Self::$reason,)*
                }
            }
        }
    };
}

of!(Phase: Pending => Pending, Verifying => Verifying, Shifting => Shifting, Paused => Paused, Held => Held,
    Degraded => Degraded, Baking => Baking, Succeeded => Succeeded, RollingBack => RollingBack, RolledBack => RolledBack,
    Failed => Failed, Superseded => Superseded);
of!(HeldBy: Command => PausedByCommand, ForeignChange => ForeignChange, Failure => Failed, HandedBack => HandedBack,
    ObjectsChanged => ObjectsChanged, StrategyChanged => StrategyChanged);
of!(ErrorKind: Throttled => Throttled, NotFound => NotFound, Denied => Denied, Conflict => Conflict, Invalid => Invalid,
    Quota => Quota, Expired => Expired, Transient => Transient, OutcomeUnknown => OutcomeUnknown);
