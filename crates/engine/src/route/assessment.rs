//! What a look at a route comes to, for its conditions and for the tick.

use jiff::{SignedDuration, Timestamp};
use weir_api::condition::Truth;

use crate::ready_state::{Explanation, ReadyState, because};
use crate::reason::Reason;
use crate::write::Write;

/// How soon a route that waits for something on AWS looks again.
pub(super) const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(15);

/// What a look at a route came to.
pub(super) struct Assessment {
    pub ready_state: ReadyState,
    pub synced: (Truth, Explanation),
    /// The write that follows.
    pub write: Option<Write>,
    pub look_again: bool,
    /// When to look again at the latest.
    pub wake: Option<Timestamp>,
}

impl Assessment {
    /// The route cannot be judged, for the reason that its ready state gives.
    pub fn unknown(ready_state: ReadyState) -> Self {
        let synced = (Truth::Unknown, ready_state.explanation().clone());
        Self { ready_state, synced, write: None, look_again: true, wake: None }
    }

    /// The route is not to be looked at on AWS, until one of the objects changes that decide about it.
    pub fn refused(reason: Explanation) -> Self {
        Self { look_again: false, ..Self::unknown(ReadyState::Stalled(reason)) }
    }

    /// The route waits for an environment to say what it has.
    pub fn waiting_for_environment(message: String) -> Self {
        Self::unknown(ReadyState::Working(because(Reason::WaitingForEnvironment, message)))
    }

    /// What is wanted is live.
    pub fn settled(ready_state: ReadyState, synced: Explanation) -> Self {
        Self { ready_state, synced: (Truth::True, synced), write: None, look_again: false, wake: None }
    }

    /// Weir is at work, and what is wanted is not live yet.
    pub fn working(reason: Explanation) -> Self {
        let synced = (Truth::False, reason.clone());
        Self { ready_state: ReadyState::Working(reason), synced, write: None, look_again: false, wake: None }
    }

    /// The same, while something is being written.
    pub fn applying(write: Option<Write>, message: String) -> Self {
        Self { write, look_again: true, ..Self::working(because(Reason::Applying, message)) }
    }

    /// What is wanted is not live, and nothing is done about it.
    pub fn resting(reason: Explanation) -> Self {
        let synced = (Truth::False, reason.clone());
        Self { ready_state: ReadyState::Resting(reason), synced, write: None, look_again: false, wake: None }
    }
}
