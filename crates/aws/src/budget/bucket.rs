//! A token bucket with an adaptive rate: it follows what AWS lets through.
//!
//! Pure: time is passed in, and nothing is rounded but the instant at which to try again. AWS publishes no rate that
//! holds for every account, and others call from the same account; so the rate halves when AWS throttles, and rises
//! again slowly. Invariant: the last tokens are for rollbacks alone.

use std::time::Duration;

use tokio::time::Instant;
use weir_engine::tick::Urgency;

/// Micro-calls a second times nanoseconds: what one token is counted in.
const WHOLE: u128 = 1_000_000_000_000_000;
/// Micro-calls in a call.
const MICRO: u64 = 1_000_000;
/// A rate is at least this part of what it may be at most.
const FLOOR: u64 = 20;
/// How long a rate takes to rise from nothing to what it may be at most.
const RISE: Duration = Duration::from_mins(5);
/// How long all but rollbacks keep still after AWS has throttled, so that it has tokens again for those.
const PAUSE: Duration = Duration::from_millis(500);
/// The fewest tokens that are kept for rollbacks, however low the rate is.
const LEAST_RESERVE: u32 = 2;

/// How many calls are sent at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// Calls a second.
    pub per_second: u32,
    /// Calls at once after a rest.
    pub burst: u32,
    /// How many of these at once only rollbacks may make.
    pub reserve: u32,
}

/// A bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: Limit,
    /// The rate, in micro-calls a second, from which it rises since an instant.
    rate: u64,
    since: Instant,
    level: u128,
    at: Instant,
    /// Until when all calls but those of rollbacks pause after throttling.
    paused_until: Option<Instant>,
}

impl Bucket {
    /// A full bucket at its highest rate.
    pub fn new(limit: Limit, now: Instant) -> Self {
        Self {
            limit,
            rate: u64::from(limit.per_second) * MICRO,
            since: now,
            level: u128::from(limit.burst) * WHOLE,
            at: now,
            paused_until: None,
        }
    }

    /// Takes a token, or says after which time to try again.
    pub fn take(&mut self, now: Instant, urgency: Urgency) -> Result<(), Duration> {
        self.fill(now);
        let is_rollback = urgency == Urgency::Rollback;
        let kept = if is_rollback { 0 } else { self.reserve(now) };
        let paused = self.paused_until.filter(|until| !is_rollback && *until > now);
        if let Some(until) = paused {
            return Err(until - now);
        }
        if let Some(left) = self.level.checked_sub(WHOLE).filter(|left| *left >= kept) {
            self.level = left;
            return Ok(());
        }
        let missing = WHOLE + kept - self.level;
        let nanos = missing.div_ceil(u128::from(self.rate_at(now)).max(1));
        Err(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// Whether all calls but those of rollbacks pause.
    pub fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| until > now)
    }

    /// Puts back a token that was not used.
    pub fn put_back(&mut self, now: Instant) {
        self.fill(now);
        self.level = (self.level + WHOLE).min(self.capacity(now));
    }

    /// AWS has throttled a call that was sent at an instant. Calls that were sent before the rate was last lowered say
    /// nothing new, and neither do those of rollbacks while all others keep still: these take the tokens that AWS gets back
    /// as fast as they come, whatever the rate, and must not be slowed down by that.
    pub fn throttled(&mut self, sent: Instant, now: Instant) {
        self.fill(now);
        if self.paused_until.is_none_or(|until| sent >= until) {
            let floor = u64::from(self.limit.per_second) * MICRO / FLOOR;
            self.rate = (self.rate_at(now) / 2).max(floor);
            self.since = now;
        }
        // What AWS still has is for rollbacks.
        self.level = self.level.min(self.reserve(now));
        self.paused_until = Some(now + PAUSE);
    }

    /// How many whole tokens there are.
    pub fn tokens(&mut self, now: Instant) -> u32 {
        self.fill(now);
        u32::try_from(self.level / WHOLE).unwrap_or(u32::MAX)
    }

    /// The rate now, in micro-calls a second.
    pub fn rate_at(&self, now: Instant) -> u64 {
        let highest = u64::from(self.limit.per_second) * MICRO;
        let passed = now.saturating_duration_since(self.since).min(RISE);
        let risen = u128::from(highest) * passed.as_nanos() / RISE.as_nanos();
        self.rate.saturating_add(u64::try_from(risen).unwrap_or(u64::MAX)).min(highest)
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_nanos();
        let average = u128::midpoint(self.rate_at(self.at).into(), self.rate_at(now).into());
        self.at = self.at.max(now);
        self.level = self.level.saturating_add(passed.saturating_mul(average)).min(self.capacity(now));
    }

    /// What the bucket holds: as many seconds of its rate as at the highest one.
    fn capacity(&self, now: Instant) -> u128 {
        self.scaled(self.limit.burst, now).max(self.reserve(now) + WHOLE)
    }

    fn reserve(&self, now: Instant) -> u128 {
        let least = self.limit.reserve.min(LEAST_RESERVE);
        self.scaled(self.limit.reserve, now).max(u128::from(least) * WHOLE)
    }

    fn scaled(&self, tokens: u32, now: Instant) -> u128 {
        let highest = (u128::from(self.limit.per_second) * u128::from(MICRO)).max(1);
        u128::from(tokens) * WHOLE * u128::from(self.rate_at(now)) / highest
    }
}

#[cfg(test)]
mod tests;
