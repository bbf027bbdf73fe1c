//! Requests counted by balancer, group and minute, and when CloudWatch knows of them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Arrival;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// For how long data points of one minute are kept. Source: CloudWatch's API reference.
const KEPT: SignedDuration = SignedDuration::from_hours(15 * 24);

/// A balancer, and one of its groups or all of them, by ARN.
type Series = (String, Option<String>);

/// All counts.
#[derive(Debug)]
pub(super) struct Counts {
    seed: u64,
    arrival: Arrival,
    series: BTreeMap<Series, BTreeMap<Timestamp, u64>>,
}

impl Counts {
    pub(super) fn new(seed: u64, arrival: Arrival) -> Self {
        Self { seed, arrival, series: BTreeMap::new() }
    }

    /// Counts requests of a minute, for the group and for the balancer.
    pub(super) fn add(&mut self, balancer: &str, group: &str, minute: Timestamp, requests: u64) {
        for group in [Some(group.to_owned()), None] {
            let minutes = self.series.entry((balancer.to_owned(), group)).or_default();
            *minutes.entry(minute).or_default() += requests;
            if minutes.first_key_value().is_some_and(|(first, _)| *first + KEPT < minute) {
                minutes.pop_first();
            }
        }
    }

    /// What is known at an instant of the minutes from `start` on and before `end`, oldest first. A minute without
    /// requests has no data point.
    pub(super) fn known(
        &self,
        balancer: &str,
        group: Option<&str>,
        start: Timestamp,
        end: Timestamp,
        now: Timestamp,
    ) -> Vec<(Timestamp, u64)> {
        let series = (balancer.to_owned(), group.map(str::to_owned));
        let Some(minutes) = self.series.get(&series) else { return Vec::new() };
        let known =
            minutes.range(start..end).map(|(minute, count)| (*minute, self.as_of(&series, *minute, *count, now)));
        known.filter(|(_, count)| *count > 0).collect()
    }

    /// How much of a minute's count is known at an instant.
    fn as_of(&self, series: &Series, minute: Timestamp, count: u64, now: Timestamp) -> u64 {
        let mut of_balancer = self.chance(&(series.0.clone(), None), minute);
        if of_balancer.u32(..1000) < self.arrival.missing_permille {
            return 0;
        }
        let mut chance = self.chance(series, minute);
        let incomplete = chance.u32(..1000);
        let mut draw =
            |span: &std::ops::RangeInclusive<Duration>| chance.u64(millis(*span.start())..=millis(*span.end()));
        let arrived = minute + MINUTE + Duration::from_millis(draw(&self.arrival.delay));
        let corrected = arrived + Duration::from_millis(draw(&self.arrival.correction));
        if now < arrived {
            0
        } else if incomplete >= 1000 - self.arrival.incomplete_permille.min(1000) && now < corrected {
            chance.u64(..=count)
        } else {
            count
        }
    }

    /// What is drawn for one minute of one series, whenever it is asked.
    fn chance(&self, (balancer, group): &Series, minute: Timestamp) -> fastrand::Rng {
        let words = [balancer.as_bytes(), b"|", group.as_deref().unwrap_or_default().as_bytes()];
        let number = [self.seed.to_be_bytes(), minute.as_second().to_be_bytes()];
        let bytes = words.into_iter().flatten().copied().chain(number.into_iter().flatten());
        // FNV-1a, which is the same in every process.
        let hash =
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        fastrand::Rng::with_seed(hash)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
