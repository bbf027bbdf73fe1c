//! A token bucket with an adaptive rate: it follows what AWS lets through.
//!
//! Pure: time is passed in, and nothing is rounded but the instant at which to try again. AWS publishes no rate that
//! holds for every account, and others call from the same account; so the rate halves when AWS throttles, and rises
//! again slowly. Where it holds calls up and none is throttled, it rises above what it began with, up to a ceiling; where
//! that went wrong, it stays below for long. Invariant: the last tokens are for rollbacks alone.

use std::time::Duration;

use tokio::time::Instant;
use weir_engine::tick::Urgency;

/// Micro-calls a second times nanoseconds: what one token is counted in.
const WHOLE: u128 = 1_000_000_000_000_000;
/// Micro-calls in a call.
const MICRO: u64 = 1_000_000;
/// A rate is at least this part of what it may be at most.
const FLOOR: u64 = 20;
/// Each call that takes the last token raises the rate by this part of what it begins with.
const STEP: u64 = 12;
/// How long a rate at which AWS has throttled is not tried again: what is tried rises in that time to the ceiling.
const MEMORY: Duration = Duration::from_hours(1);
/// How long all but rollbacks keep still after AWS has throttled, so that it has tokens again for those.
const PAUSE: Duration = Duration::from_millis(500);
/// The fewest tokens that are kept for rollbacks, however low the rate is.
const LEAST_RESERVE: u32 = 2;

/// How many calls are sent at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// Calls a second, to begin with.
    pub per_second: u32,
    /// Calls a second that are tried at most, where AWS takes them.
    pub ceiling: u32,
    /// Calls at once after a rest.
    pub burst: u32,
    /// How many of these at once only rollbacks may make.
    pub reserve: u32,
    /// How long a rate takes to rise from nothing to what it began with.
    pub rise: Duration,
}

/// A bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: Limit,
    /// The rate, in micro-calls a second, from which it rises since an instant.
    rate: u64,
    since: Instant,
    /// The rate that was found to be too high, less a quarter, and since when that is known.
    known: Option<(u64, Instant)>,
    level: u128,
    at: Instant,
    /// Until when all calls but those of rollbacks pause after throttling.
    paused_until: Option<Instant>,
}

impl Bucket {
    /// A full bucket at the rate that it begins with.
    pub fn new(limit: Limit, now: Instant) -> Self {
        Self {
            limit,
            rate: u64::from(limit.per_second) * MICRO,
            since: now,
            known: None,
            level: u128::from(limit.burst) * WHOLE,
            at: now,
            paused_until: None,
        }
    }

    /// Takes so many tokens, or says after which time to try again. More than the bucket holds are as many as it does.
    pub fn take(&mut self, now: Instant, amount: u32, urgency: Urgency) -> Result<(), Duration> {
        self.fill(now);
        let is_rollback = urgency == Urgency::Rollback;
        let kept = if is_rollback { 0 } else { self.reserve(now) };
        let paused = self.paused_until.filter(|until| !is_rollback && *until > now);
        if let Some(until) = paused {
            return Err(until - now);
        }
        let amount = (u128::from(amount) * WHOLE).min(self.capacity(now).saturating_sub(kept));
        if let Some(left) = self.level.checked_sub(amount).filter(|left| *left >= kept) {
            self.level = left;
            if left < kept + WHOLE {
                self.learn(now);
            }
            return Ok(());
        }
        Err(self.time_for(amount + kept - self.level, now))
    }

    /// Takes so many tokens, as far as they are there: what is sent turns out to be more than was thought.
    pub fn take_more(&mut self, now: Instant, amount: u32) {
        self.fill(now);
        self.level = self.level.saturating_sub(u128::from(amount) * WHOLE);
    }

    /// How many tokens there are for others than rollbacks now.
    pub fn available(&mut self, now: Instant) -> usize {
        self.fill(now);
        if self.is_paused(now) {
            return 0;
        }
        usize::try_from(self.level.saturating_sub(self.reserve(now)) / WHOLE).unwrap_or(usize::MAX)
    }

    /// How many there are at most, by the rate as it is now.
    pub fn most(&self, now: Instant) -> usize {
        let most = self.capacity(now).saturating_sub(self.reserve(now)) / WHOLE;
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    /// After which time there are so many of them, or as many as the bucket holds.
    pub fn time_until(&mut self, now: Instant, amount: usize) -> Duration {
        self.fill(now);
        let reserve = self.reserve(now);
        let wanted = u128::try_from(amount).unwrap_or(u128::MAX).saturating_mul(WHOLE);
        let wanted = wanted.min(self.capacity(now).saturating_sub(reserve)) + reserve;
        let paused = self.paused_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        self.time_for(wanted.saturating_sub(self.level), now).max(paused)
    }

    /// How long what is missing takes to come.
    fn time_for(&self, missing: u128, now: Instant) -> Duration {
        let nanos = missing.div_ceil(u128::from(self.rate_at(now)).max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Whether all calls but those of rollbacks pause.
    pub fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| until > now)
    }

    /// Puts back tokens that were not used.
    pub fn put_back(&mut self, now: Instant, amount: u32) {
        self.fill(now);
        self.level = (self.level + u128::from(amount) * WHOLE).min(self.capacity(now));
    }

    /// AWS has throttled a call that was sent at an instant. Calls that were sent before the rate was last lowered say
    /// nothing new, and neither do those of rollbacks while all others keep still: these take the tokens that AWS gets back
    /// as fast as they come, whatever the rate, and must not be slowed down by that.
    pub fn throttled(&mut self, sent: Instant, now: Instant) {
        self.fill(now);
        if self.paused_until.is_none_or(|until| sent >= until) {
            let rate = self.rate_at(now);
            self.known = Some((rate - rate / 4, now));
            self.rate = (rate / 2).max(self.first() / FLOOR);
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
        let passed = now.saturating_duration_since(self.since).min(self.limit.rise);
        let risen = u128::from(self.first()) * passed.as_nanos() / self.limit.rise.as_nanos().max(1);
        // By itself a rate rises to what it began with, and no further.
        self.rate.saturating_add(u64::try_from(risen).unwrap_or(u64::MAX)).min(self.first().max(self.rate))
    }

    /// The rate has held a call up, and AWS takes what is sent: more is tried.
    fn learn(&mut self, now: Instant) {
        let rate = self.rate_at(now);
        if rate >= self.first() {
            self.rate = (rate + self.first() / STEP).min(self.tried(now)).max(rate);
            self.since = now;
        }
    }

    /// The highest rate that is tried now.
    pub fn tried(&self, now: Instant) -> u64 {
        let ceiling = (u64::from(self.limit.ceiling) * MICRO).max(self.first());
        let Some((known, since)) = self.known else { return ceiling };
        let known = known.clamp(self.first(), ceiling);
        let passed = now.saturating_duration_since(since).min(MEMORY);
        let risen = u128::from(ceiling - known) * passed.as_nanos() / MEMORY.as_nanos();
        known.saturating_add(u64::try_from(risen).unwrap_or(u64::MAX))
    }

    /// The rate that it begins with.
    fn first(&self) -> u64 {
        u64::from(self.limit.per_second) * MICRO
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_nanos();
        let average = u128::midpoint(self.rate_at(self.at).into(), self.rate_at(now).into());
        self.at = self.at.max(now);
        self.level = self.level.saturating_add(passed.saturating_mul(average)).min(self.capacity(now));
    }

    /// What the bucket holds: as many seconds of its rate as at the one that it begins with, and no more than the burst.
    fn capacity(&self, now: Instant) -> u128 {
        self.scaled(self.limit.burst, now).max(self.reserve(now) + WHOLE)
    }

    fn reserve(&self, now: Instant) -> u128 {
        let least = self.limit.reserve.min(LEAST_RESERVE);
        self.scaled(self.limit.reserve, now).max(u128::from(least) * WHOLE)
    }

    fn scaled(&self, tokens: u32, now: Instant) -> u128 {
        let first = u128::from(self.first().max(1));
        u128::from(tokens) * WHOLE * u128::from(self.rate_at(now)).min(first) / first
    }
}

#[cfg(test)]
mod tests;
