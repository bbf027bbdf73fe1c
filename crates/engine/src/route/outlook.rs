//! What a look at a route comes to, for its conditions and for the tick.

use jiff::{SignedDuration, Timestamp};
use weir_api::condition::Truth;

use crate::reason::Reason;
use crate::standing::{Explanation, Standing, because};
use crate::step::Step;

/// How soon a route that waits for something on AWS looks again.
pub(super) const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(15);

/// What a look at a route came to.
pub(super) struct Outlook {
    pub standing: Standing,
    pub synced: (Truth, Explanation),
    /// The write that follows.
    pub step: Option<Step>,
    pub look_again: bool,
    /// When to look again at the latest.
    pub wake: Option<Timestamp>,
}

impl Outlook {
    /// The route cannot be judged, for the reason that its standing gives.
    pub fn unknown(standing: Standing) -> Self {
        let synced = (Truth::Unknown, standing.explanation().clone());
        Self { standing, synced, step: None, look_again: true, wake: None }
    }

    /// The route is not to be looked at on AWS, until one of the objects changes that decide about it.
    pub fn refused(reason: Explanation) -> Self {
        Self { look_again: false, ..Self::unknown(Standing::Stalled(reason)) }
    }

    /// The route waits for an environment to say what it has.
    pub fn waiting_for_environment(message: String) -> Self {
        Self::unknown(Standing::Working(because(Reason::WaitingForEnvironment, message)))
    }

    /// What is wanted is live.
    pub fn settled(standing: Standing, synced: Explanation) -> Self {
        Self { standing, synced: (Truth::True, synced), step: None, look_again: false, wake: None }
    }

    /// Weir is at work, and what is wanted is not live yet.
    pub fn working(reason: Explanation) -> Self {
        let synced = (Truth::False, reason.clone());
        Self { standing: Standing::Working(reason), synced, step: None, look_again: false, wake: None }
    }

    /// The same, while something is being written.
    pub fn applying(step: Option<Step>, message: String) -> Self {
        Self { step, look_again: true, ..Self::working(because(Reason::Applying, message)) }
    }

    /// What is wanted is not live, and nothing is done about it.
    pub fn resting(reason: Explanation) -> Self {
        let synced = (Truth::False, reason.clone());
        Self { standing: Standing::Resting(reason), synced, step: None, look_again: false, wake: None }
    }
}
