//! How an object stands, as the conditions that kstatus, `kubectl wait` and GitOps tools understand.

use jiff::Timestamp;
use smol_str::SmolStr;
use weir_api::Condition;
use weir_api::condition::{READY, RECONCILING, STALLED, Truth, find};

use crate::fact::{AwsError, ErrorKind};
use crate::reason::Reason;

/// How an object stands: exactly one of the three, in every status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadyState {
    /// It does what its spec says.
    Ready(Explanation),
    /// Weir is at work, or waits for something that will come.
    Working(Explanation),
    /// Nothing will happen until somebody changes something.
    Stalled(Explanation),
    /// It does not do what its spec says, and rests, as it should.
    Resting(Explanation),
}

/// A reason, and the same in words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// For programs.
    pub reason: Reason,
    /// What was found, what was expected, what to do.
    pub message: SmolStr,
}

/// Explains by a reason.
pub fn because(reason: impl Into<Reason>, message: impl Into<SmolStr>) -> Explanation {
    Explanation { reason: reason.into(), message: message.into() }
}

/// The conditions of a status in the making; a condition that stays keeps the instant of its last transition.
#[derive(Debug)]
pub struct StatusConditions<'a> {
    now: Timestamp,
    generation: i64,
    old: &'a [Condition],
    new: Vec<Condition>,
}

impl<'a> StatusConditions<'a> {
    /// Starts from the conditions of the recorded status.
    pub fn after(old: &'a [Condition], now: Timestamp, generation: i64) -> Self {
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        Self { now, generation, old, new: Vec::new() }
    }

    /// Sets one condition.
    #[must_use]
    pub fn set(mut self, type_: &str, status: impl Into<Truth>, why: &Explanation) -> Self {
        let status = status.into();
        let since = find(self.old, type_)
            .filter(|condition| condition.status == status)
            .map_or(self.now, |condition| condition.last_transition_time);
        self.new.push(Condition {
            type_: type_.into(),
            status,
            reason: why.reason.as_str().into(),
            message: why.message.clone(),
            last_transition_time: since,
            observed_generation: Some(self.generation),
        });
        self
    }

    /// Sets `Ready`, `Reconciling` and `Stalled`.
    #[must_use]
    pub fn ready_state(self, ready_state: &ReadyState) -> Self {
        let (ready, working, stalled, reason) = match ready_state {
            ReadyState::Ready(reason) => (true, false, false, reason),
            ReadyState::Working(reason) => (false, true, false, reason),
            ReadyState::Stalled(reason) => (false, false, true, reason),
            ReadyState::Resting(reason) => (false, false, false, reason),
        };
        self.set(READY, ready, reason).set(RECONCILING, working, reason).set(STALLED, stalled, reason)
    }

    /// The conditions, in the order in which they were set.
    pub fn finish(self) -> Vec<Condition> {
        self.new
    }
}

impl ReadyState {
    /// Why.
    pub fn explanation(&self) -> &Explanation {
        match self {
            Self::Ready(why) | Self::Working(why) | Self::Stalled(why) | Self::Resting(why) => why,
        }
    }

    /// How an object stands with which several things are wrong: all of them are told at once, and what needs somebody's
    /// hand gives the reason. `None` where nothing is wrong.
    pub fn together(wrong: &[Self]) -> Option<Self> {
        let worst = wrong.iter().find(|ready_state| matches!(ready_state, Self::Stalled(_))).or(wrong.first())?;
        let messages: Vec<&str> = wrong.iter().map(|ready_state| ready_state.explanation().message.as_str()).collect();
        let reason = because(worst.explanation().reason, messages.join("; "));
        Some(if matches!(worst, Self::Stalled(_)) { Self::Stalled(reason) } else { Self::Working(reason) })
    }

    /// The ready state of an object that depends on something which could not be read: what does not exist, or may not
    /// be read, needs somebody's hand; all else passes.
    pub fn unreadable(error: &AwsError, what: &str) -> Self {
        let message = match error.kind {
            ErrorKind::NotFound => format!("{what} does not exist: {error}"),
            _ => format!("{what} could not be read: {error}"),
        };
        match error.kind {
            ErrorKind::NotFound | ErrorKind::Denied | ErrorKind::Invalid => Self::Stalled(because(error.kind, message)),
            ErrorKind::Throttled
            | ErrorKind::Conflict
            | ErrorKind::Quota
            | ErrorKind::Expired
            | ErrorKind::Transient
            | ErrorKind::OutcomeUnknown => Self::Working(because(error.kind, message)),
        }
    }

    /// The ready state of an object whose write AWS did not accept. It is tried again with growing delays in any case.
    pub fn unwritable(error: &AwsError) -> Self {
        match error.kind {
            ErrorKind::Quota => Self::Stalled(because(
                error.kind,
                format!(
                    "AWS refused the write: {error}. Delete what is not needed any more, or have the quota of the account \
                     raised; it is tried again by itself"
                ),
            )),
            ErrorKind::NotFound | ErrorKind::Denied | ErrorKind::Invalid | ErrorKind::Conflict => {
                Self::Stalled(because(error.kind, format!("AWS refused the write: {error}")))
            }
            ErrorKind::Throttled | ErrorKind::Expired | ErrorKind::Transient | ErrorKind::OutcomeUnknown => {
                Self::Working(because(error.kind, format!("the write will be tried again: {error}")))
            }
        }
    }
}
