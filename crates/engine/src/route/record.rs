//! What a route has on record of what is wanted of it, and of what others do to it.

use weir_api::WeightedRouteStatus;
use weir_api::command::LastCommand;
use weir_api::weighted_route::{Difference, Intent, Reversal};

use crate::object::RouteObject;
use crate::weights;

/// What is on record of what is wanted, changed by whoever assesses what was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    /// What the route last set out to make live.
    pub intent: Option<Intent>,
    /// What somebody else has changed, while that is live.
    pub difference: Option<Difference>,
    /// The changes by somebody else within an hour.
    pub reversals: Vec<Reversal>,
    /// The last command that was seen.
    pub last_command: Option<LastCommand>,
}

impl Record {
    /// What a route has on record. With a new spec, a fight about the old one is over; a deletion is none.
    pub fn of(route: &RouteObject) -> Self {
        let WeightedRouteStatus { intent, difference, reversals, last_command, .. } = &route.status;
        let is_same_spec = route.status.observed_generation == Some(route.generation) || route.deleted.is_some();
        Self {
            intent: intent.clone(),
            difference: difference.clone(),
            reversals: if is_same_spec { reversals.clone() } else { Vec::new() },
            last_command: last_command.clone(),
        }
    }

    /// Puts it into a status.
    pub fn put(self, status: &mut WeightedRouteStatus) {
        let Self { intent, difference, reversals, last_command } = self;
        (status.intent, status.difference, status.reversals, status.last_command) =
            (intent, difference, reversals, last_command);
    }
}

/// What was set, by whom and when.
pub(super) fn expectation(intent: &Intent) -> String {
    let by = match &intent.follow {
        Some(follow) => format!("spec.weights of generation {} set", follow.generation),
        None if intent.shift.is_empty() => "was live and is held".to_owned(),
        None if intent.left_at.is_some() => format!("run {} of {} would have set", intent.run, intent.shift),
        None => format!("run {} of {} set", intent.run, intent.shift),
    };
    format!("{}, which {by} at {:.0}", weights::words(&intent.weights), intent.since)
}
