//! Instants on record, where the clock that told them has been set since.
//!
//! Pauses, graces and deadlines are counted from instants on record. A clock that leaps ahead would end them all at once,
//! and one that is set back would keep them from ending. So nothing on record is later than now, and where the clock has
//! leapt ahead, what is counted from before is counted from there. What is put right so is recorded like anything else
//! that is decided: whoever takes over counts from there too.

use jiff::{SignedDuration, Timestamp};
use weir_api::traffic_shift::Run;
use weir_api::weighted_route::Intent;
use weir_api::{Condition, EntryPointStatus, EnvironmentStatus, TrafficShiftStatus, WeightedRouteStatus};

/// How much later than now an instant on record may be: clocks of machines differ, and no span is longer for it by more.
const APART: SignedDuration = SignedDuration::from_secs(30);

/// What instants on record are held against.
#[derive(Clone, Copy, Debug)]
pub struct Dates {
    began: Timestamp,
    now: Timestamp,
    counted_from: Timestamp,
}

impl Dates {
    /// In a tick that began at an instant, at another one, by a clock that has leapt ahead to a third, if it has
    /// ([`Timestamp::MIN`] if not). What is put right is as of the beginning, so that it does not move on within the tick.
    pub fn new(began: Timestamp, now: Timestamp, counted_from: Timestamp) -> Self {
        Self { began, now, counted_from }
    }

    /// Something that was: it was before now.
    fn told(&self, at: &mut Timestamp) {
        if *at > self.now.saturating_add(APART).unwrap_or(Timestamp::MAX) {
            *at = self.began;
        }
    }

    /// The beginning of a span that is not over.
    fn counted(&self, at: &mut Timestamp) {
        self.told(at);
        *at = self.counted_from.max(*at);
    }

    fn conditions(&self, conditions: &mut [Condition]) {
        for condition in conditions {
            self.told(&mut condition.last_transition_time);
        }
    }
}

/// A status whose instants can be put right.
pub trait Dated {
    /// Puts right what cannot be so.
    fn redate(&mut self, dates: &Dates);
}

impl Dated for EntryPointStatus {
    fn redate(&mut self, dates: &Dates) {
        dates.conditions(&mut self.conditions);
        self.named_since.iter_mut().for_each(|since| dates.told(since));
    }
}

impl Dated for EnvironmentStatus {
    fn redate(&mut self, dates: &Dates) {
        dates.conditions(&mut self.conditions);
    }
}

impl Dated for TrafficShiftStatus {
    fn redate(&mut self, dates: &Dates) {
        dates.conditions(&mut self.conditions);
        if let Some(run) = &mut self.run {
            run.redate(dates);
        }
        if let Some(waiting) = &mut self.waiting {
            dates.counted(&mut waiting.since);
        }
        if let Some(command) = &mut self.last_command {
            dates.told(&mut command.at);
        }
        for past in &mut self.history {
            dates.told(&mut past.started_at);
            dates.told(&mut past.ended_at);
        }
    }
}

impl Dated for Run {
    fn redate(&mut self, dates: &Dates) {
        let told = self.ended_at.iter_mut().chain([&mut self.started_at]);
        let told = told.chain(self.hold.as_mut().map(|hold| &mut hold.since));
        told.chain(self.rollback.as_mut().map(|cause| &mut cause.since)).for_each(|at| dates.told(at));
        let counted = self.applied_at.iter_mut().chain(&mut self.degraded_since).chain([&mut self.progressed_at]);
        let is_over = self.ended_at.is_some();
        let counted = counted.chain(self.gates.iter_mut().map(|gate| &mut gate.since));
        counted.for_each(|at| if is_over { dates.told(at) } else { dates.counted(at) });
    }
}

impl Dated for WeightedRouteStatus {
    fn redate(&mut self, dates: &Dates) {
        dates.conditions(&mut self.conditions);
        if let Some(intent) = &mut self.intent {
            intent.redate(dates);
        }
        if let Some(difference) = &mut self.difference {
            dates.counted(&mut difference.since);
        }
        self.reversals.iter_mut().for_each(|reversal| dates.told(&mut reversal.at));
        for full in &mut self.full_traffic {
            dates.told(&mut full.since);
            full.until.iter_mut().for_each(|until| dates.told(until));
        }
        if let Some(requests) = &mut self.requests {
            dates.told(&mut requests.since);
            requests.until.iter_mut().for_each(|until| dates.told(until));
        }
        if let Some(command) = &mut self.last_command {
            dates.told(&mut command.at);
        }
    }
}

impl Dated for Intent {
    fn redate(&mut self, dates: &Dates) {
        let corrected = self
            .correction
            .iter_mut()
            .flat_map(|correction| correction.was_live_at.iter_mut().chain([&mut correction.since]));
        self.left_at.iter_mut().chain(corrected).for_each(|at| dates.told(at));
        // While a decision lies ahead, nothing that is read counts as read after it: whoever takes over from a controller
        // whose clock is ahead would write the same again and again until its own clock is there.
        if self.since > dates.now {
            self.since = dates.began;
        }
        // A step towards the route's own weights waits from when the one before was seen; a run counts for itself.
        let is_counted = self.follow.is_some();
        let redate = |at: &mut Timestamp| if is_counted { dates.counted(at) } else { dates.told(at) };
        self.verified_at.iter_mut().chain([&mut self.since]).for_each(redate);
    }
}

#[cfg(test)]
mod tests;
