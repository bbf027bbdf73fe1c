//! Corrections: what somebody else has changed is written again, once it is due and the capacity for it is there.
//!
//! A correction is recorded before it is written, like any intent.

use jiff::{SignedDuration, Timestamp};
use weir_api::weighted_route::{Correction, Difference, DriftPolicy, EnvironmentWeight, Intent, Reversal};

use crate::limits::Limits;
use crate::object::RouteObject;
use crate::reader::{Asked, Reader};
use crate::ready_state::{Explanation, because};
use crate::reason::Reason;
use crate::weights;

use super::assessment::{Assessment, LOOK_AGAIN};
use super::capacity::{self, Demand};
use super::change::{
    Change, Progress, SETTLING, awaited, awaited_attached, can_take_from_others, members_of_split, unattached,
};
use super::record::Record;

/// The span in which changes by another writer are counted.
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// So many changes by another writer within an hour are a fight.
pub(super) const ENOUGH: usize = 3;

/// Whether the route has stopped to correct.
pub(super) fn is_contested(route: &RouteObject, reversals: &[Reversal]) -> bool {
    route.spec.drift == DriftPolicy::Correct && reversals.len() >= ENOUGH
}

/// Since when corrections are due for what a route has on record, where they are.
pub(super) fn due(route: &RouteObject) -> Option<Timestamp> {
    if route.spec.drift != DriftPolicy::Correct || is_contested(route, &route.status.reversals) {
        return None;
    }
    let verified_at = route.status.intent.as_ref().and_then(|intent| intent.verified_at);
    Some(due_at(route.status.difference.as_ref()?.since, verified_at))
}

/// When a difference that is seen since an instant is corrected, by when what was set was live.
fn due_at(seen: Timestamp, verified_at: Option<Timestamp>) -> Timestamp {
    seen.max(verified_at.unwrap_or(seen)) + SETTLING
}

/// Since when a correction is decided or due, where one is.
pub(super) fn since(route: &RouteObject, now: Timestamp) -> Option<Timestamp> {
    let decided = route.status.intent.as_ref().and_then(|intent| intent.correction.as_ref());
    decided.map(|correction| correction.since).or(due(route).filter(|due| *due <= now))
}

/// Puts a correction of what is live on record: what was set is not seen any more.
pub(super) fn record(now: Timestamp, over: Vec<EnvironmentWeight>, attaching: bool, intent: &mut Intent) {
    let was_live_at = intent.verified_at.take();
    intent.left_at = None;
    intent.correction = Some(Correction { over, since: now, was_live_at, attaching });
}

/// A correction that cannot be written any more, for want of capacity, is given up until it can.
fn give_up(record: &mut Record, intent: &mut Intent) {
    if let Some(correction) = intent.correction.take() {
        intent.verified_at = correction.was_live_at;
        record.reversals.pop();
    }
}

fn correcting(message: String) -> Assessment {
    Assessment::working(because(Reason::Correcting, message))
}

impl Change<'_> {
    /// Writes again what somebody else has changed, once, and waits until that is seen; while the capacity for it is not
    /// there, the difference stays.
    pub fn correct(
        &self,
        progress: &Progress,
        intent: &mut Intent,
        record: &mut Record,
        reader: &mut Reader<'_>,
    ) -> Asked<Assessment> {
        let correction = intent.correction.clone()?;
        intent.members = members_of_split(self.plan.split(), self.looked.members);
        let attached = if correction.attaching { self.unattached(intent) } else { None };
        if let Progress::OnTheWay(until) = progress {
            let message = attached.map_or_else(|| awaited(&intent.weights), |attached| awaited_attached(&attached));
            return Some(Assessment { wake: Some(*until), ..Assessment::applying(None, message) });
        }
        if let Some(attached) = attached {
            return self.attaching(&attached, reader);
        }
        Some(match self.pursue(intent, reader)? {
            // Those that were attached are seen: what is written next goes over what is live now.
            Ok(assessment) if correction.attaching => {
                let (over, since) = (self.live().to_vec(), self.now());
                intent.correction = Some(Correction { over, since, attaching: false, ..correction });
                Assessment { write: None, ..assessment }
            }
            Ok(assessment) => assessment,
            Err(short) => {
                if !correction.attaching {
                    give_up(record, intent);
                }
                Assessment::applying(None, format!("{} waits: {short}", weights::words(&intent.weights)))
            }
        })
    }

    /// Puts a correction on record once it is due and the capacity is there.
    pub fn decide_correction(
        &self,
        found: &Explanation,
        noted: Difference,
        intent: &mut Intent,
        record: &mut Record,
        reader: &mut Reader<'_>,
    ) -> Asked<Assessment> {
        let message = &found.message;
        let due = due_at(noted.since, intent.verified_at);
        if self.now() < due {
            let message = format!("{message}. It will be corrected at {due:.0}");
            return Some(Assessment { wake: Some(due), ..correcting(message) });
        }
        let attaching = match self.may_correct(&noted.found, intent, reader)? {
            Ok(attaching) => attaching,
            Err(why) => {
                let wake = Some(reader.began + LOOK_AGAIN);
                return Some(Assessment { wake, ..correcting(format!("{message}. It waits to be corrected: {why}")) });
            }
        };
        record.reversals.retain(|reversal| self.now() < reversal.at + HOUR);
        record.reversals.push(Reversal { at: noted.since, found: weights::words(&noted.found) });
        if is_contested(self.looked.route, &record.reversals) {
            return Some(Assessment::resting(because(found.reason, format!("{message}. The route is contested"))));
        }
        self::record(self.now(), noted.found, attaching, intent);
        record.difference = None;
        Some(correcting(format!("{message}. It is being corrected")))
    }

    /// Whether the capacity for a correction is there; `true` where members must be attached first to know that. The error
    /// says what is missing.
    fn may_correct(
        &self,
        found: &[EnvironmentWeight],
        intent: &mut Intent,
        reader: &mut Reader<'_>,
    ) -> Asked<Result<bool, String>> {
        let looked = self.looked;
        if intent.baseline.is_none() {
            match capacity::count(found, &intent.weights, looked.members, reader)? {
                Ok(baseline) => intent.baseline = Some(baseline),
                Err(unknown) => return Some(Err(unknown)),
            }
        }
        let percent = looked.route.spec.capacity.min_healthy_percent;
        let needs =
            capacity::needs(intent.baseline.unwrap_or(0), percent, Limits::of(&looked.route.spec.entry).headroom);
        let measure = (intent.baseline.unwrap_or(0), percent);
        if let Err(short) =
            can_take_from_others(looked, self.place, self.plan.spares_others(), (&intent.weights, measure), reader)?
        {
            return Some(Err(short));
        }
        let returns = intent.verified_at.is_some();
        let demand = Demand { live: found, wanted: &intent.weights, needs, returns };
        if weights::total(found) == 0 {
            return Some(Ok(false));
        }
        Some(match capacity::suffices(&demand, looked.members, reader)? {
            Ok(()) => Ok(false),
            Err(_) if unattached(looked, &intent.weights, found).is_some() => Ok(true),
            Err(short) => Err(short),
        })
    }
}
