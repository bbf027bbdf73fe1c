//! What somebody else has changed: told in words and, where the route's policy says so, undone, but not for ever.
//!
//! After [`correction::ENOUGH`] changes by another writer within an hour the route is contested: nothing more is written for
//! its intent until somebody wants something new.

use weir_api::condition::Truth;
use weir_api::weighted_route::{Difference, DriftPolicy, EnvironmentWeight, Intent, Reversal};

use crate::object::RouteObject;
use crate::reader::{Asked, Reader};
use crate::ready_state::{Explanation, because};
use crate::reason::Reason;
use crate::weights;

use super::assessment::Assessment;
use super::change::Change;
use super::correction::{self, is_contested};
use super::gone;
use super::observed::{Looked, Observed};
use super::record::{Record, expectation};

/// The condition `Contested`, for a route that corrects.
pub(super) fn contested(
    route: &RouteObject,
    intent: Option<&Intent>,
    reversals: &[Reversal],
) -> Option<(Truth, Explanation)> {
    (route.spec.drift == DriftPolicy::Correct).then(|| {
        if is_contested(route, reversals) {
            (Truth::True, because(Reason::Contested, fight(intent, reversals)))
        } else {
            (Truth::False, because(Reason::Uncontested, "nobody keeps changing what this route sets"))
        }
    })
}

/// The fight in words: what was expected, and what another writer has set instead, and when.
fn fight(intent: Option<&Intent>, reversals: &[Reversal]) -> String {
    let changes: Vec<String> =
        reversals.iter().map(|reversal| format!("{} at {:.0}", reversal.found, reversal.at)).collect();
    let expected = intent.map_or_else(String::new, expectation);
    format!(
        "another writer keeps changing the weights: it has set {}; expected {expected}. Nothing more is corrected until \
         the spec changes, a run wants something new, or the command resume is given. Find the writer (CloudTrail shows \
         who calls ModifyRule and ModifyListener) and make it leave these weights alone",
        changes.join(", then ")
    )
}

/// The difference between weights that were set and those that are live.
fn difference(intent: &Intent, live: &[EnvironmentWeight]) -> Explanation {
    // Whoever has put something else in its place may not know what takes it away again.
    let way = if weights::total(live) == 0 {
        ". The command resume has it set again, in a run on the TrafficShift, else on this route"
    } else {
        ""
    };
    because(Reason::Drifted, format!("found {}; expected {}{way}", weights::words(live), expectation(intent)))
}

/// A step that was about to be made finds something else than it starts from.
fn departure(intent: &Intent, before: &[EnvironmentWeight], live: &[EnvironmentWeight]) -> Explanation {
    let by = match &intent.follow {
        Some(_) => "spec.weights".to_owned(),
        None => format!("run {} of {}", intent.run, intent.shift),
    };
    let message = format!(
        "found {}; expected {}, from which {by} was about to go to {}",
        weights::words(live),
        weights::words(before),
        weights::words(&intent.weights)
    );
    because(Reason::Drifted, message)
}

/// Something new is wanted: what was different from the old is no difference any more, and a fight about it is over.
pub(super) fn forget(route: &RouteObject, record: &mut Record) {
    record.difference = None;
    if is_contested(route, &record.reversals) {
        record.reversals.clear();
    }
}

/// What is live where nothing was held is nothing to go on from: what was held is to be set again.
pub(super) fn set_again(looked: &Looked<'_>, observed: &Observed, record: &mut Record) {
    record.difference = None;
    if let Some(intent) = record.intent.as_mut() {
        correction::record(looked.context.now, observed.live.clone(), false, intent);
    }
}

impl Change<'_> {
    /// What is live differs from what was set: it is met as the route's policy says.
    pub fn meet_difference(
        &self,
        intent: &mut Intent,
        record: &mut Record,
        reader: &mut Reader<'_>,
    ) -> Asked<Assessment> {
        let difference = || {
            if self.has_weights_of(intent) {
                because(Reason::Drifted, self.place.difference(&self.plan))
            } else {
                difference(intent, self.live())
            }
        };
        self.meet(&self.gone_or(intent, difference), intent, record, reader)
    }

    /// A step finds something else than it starts from: it is met as the route's policy says.
    pub fn meet_departure(
        &self,
        before: &[EnvironmentWeight],
        intent: &mut Intent,
        record: &mut Record,
        reader: &mut Reader<'_>,
    ) -> Asked<Assessment> {
        self.meet(&self.gone_or(intent, || departure(intent, before, self.live())), intent, record, reader)
    }

    fn gone_or(&self, intent: &Intent, difference: impl FnOnce() -> Explanation) -> Explanation {
        if self.observed.is_gone { gone::difference(self.looked.route, intent) } else { difference() }
    }

    fn meet(
        &self,
        found: &Explanation,
        intent: &mut Intent,
        record: &mut Record,
        reader: &mut Reader<'_>,
    ) -> Asked<Assessment> {
        let route = self.looked.route;
        let noted = record.difference.take().filter(|noted| noted.found == self.live());
        let noted = noted.unwrap_or_else(|| Difference { since: self.now(), found: self.live().to_vec() });
        let since = noted.since;
        record.difference = Some(noted.clone());
        let message = format!("{}. Somebody else has changed it; seen since {since:.0}", found.message);
        let telling = |message: String| Assessment::resting(because(found.reason, message));
        Some(match route.spec.drift {
            DriftPolicy::Alert | DriftPolicy::Adopt => telling(message),
            DriftPolicy::Pause => telling(format!(
                "{message}. spec.drift is Pause: nothing new is begun until that is live again, or the command resume \
                 accepts what is live"
            )),
            DriftPolicy::Correct if is_contested(route, &record.reversals) => {
                telling(format!("{message}. The route is contested"))
            }
            DriftPolicy::Correct => {
                return self.decide_correction(&because(found.reason, message), noted, intent, record, reader);
            }
        })
    }
}

#[cfg(test)]
mod tests;
