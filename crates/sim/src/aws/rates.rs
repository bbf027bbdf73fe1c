//! How many calls AWS takes: buckets of tokens that each service names, for the whole account and region.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::refusal::Refusal;

/// Nanoseconds in a second: levels are kept in billionths of a token, so that nothing is rounded.
const WHOLE: u128 = 1_000_000_000;

/// A bucket: so many calls a second, and so many at once after a rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Calls a second.
    pub per_second: u32,
    /// Calls at once.
    pub burst: u32,
}

/// The buckets of all services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// For operations that read.
    pub describe: Rate,
    /// For `RegisterTargets` and `DeregisterTargets`.
    pub register: Rate,
    /// For all other operations.
    pub modify: Rate,
    /// For `GetMetricData` of CloudWatch.
    pub metric_data: Rate,
}

impl Rates {
    /// Second hand: what the AWS Load Balancer Controller keeps to since 2026.
    pub fn of_2026() -> Self {
        Self {
            describe: Rate { per_second: 50, burst: 200 },
            register: Rate { per_second: 4, burst: 20 },
            modify: Rate { per_second: 3, burst: 20 },
            metric_data: Rate { per_second: 50, burst: 50 },
        }
    }

    /// What AWS's pages say of reads; of writes they say nothing, so those are as in 2026.
    pub fn legacy() -> Self {
        Self { describe: Rate { per_second: 10, burst: 40 }, ..Self::of_2026() }
    }
}

/// Which bucket of a service a call is taken from, by name, and what it holds.
pub(super) type Bucket = fn(&Rates) -> (&'static str, Rate);

/// A service by its signing name, and one of its buckets.
type Named = (&'static str, &'static str);

/// How full the buckets are.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    /// The level of each bucket when it was last used; one that never was is full.
    levels: BTreeMap<Named, (u128, Timestamp)>,
}

impl Buckets {
    /// Takes a token for a call, or refuses it.
    pub(super) fn take(&mut self, bucket: Named, rate: Rate, now: Timestamp) -> Result<(), Refusal> {
        let Rate { per_second, burst } = rate;
        let full = u128::from(burst) * WHOLE;
        let (level, at) = self.levels.get(&bucket).copied().unwrap_or((full, now));
        let passed = u128::try_from(now.duration_since(at).as_nanos()).unwrap_or(0);
        let level = full.min(level + passed * u128::from(per_second));
        let left = level.checked_sub(WHOLE);
        self.levels.insert(bucket, (left.unwrap_or(level), now));
        left.map(|_| ()).ok_or_else(|| Refusal::new("Throttling", "Rate exceeded"))
    }
}

#[cfg(test)]
mod tests;
