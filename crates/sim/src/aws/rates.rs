//! How much AWS takes: buckets of tokens that each service names, of an account in a region, or of an account alone where
//! the service is the same in all regions.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::refusal::Refusal;

/// Nanoseconds in a second: levels are kept in billionths of a token, so that nothing is rounded.
const WHOLE: u128 = 1_000_000_000;

/// A bucket: so many calls a second, and so many at once after a rest. Of changes of records it holds changes instead.
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
    /// For Route 53.
    pub dns: DnsRates,
    /// For EC2, where each operation has a bucket of its own.
    pub ec2: Ec2Rates,
}

/// The buckets of each operation of EC2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ec2Rates {
    /// For one that reads.
    pub describe: Rate,
    /// For one that writes.
    pub modify: Rate,
    /// For `RunInstances` and `StartInstances`.
    pub launch: Rate,
}

impl Ec2Rates {
    /// What AWS's page "Request throttling for the Amazon EC2 API" says. Smaller buckets of calls without filters and pages are
    /// not counted, nor are those of instances.
    pub fn published() -> Self {
        Self {
            describe: Rate { per_second: 20, burst: 100 },
            modify: Rate { per_second: 5, burst: 50 },
            launch: Rate { per_second: 2, burst: 5 },
        }
    }
}

/// The buckets of Route 53, which are an account's whatever the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DnsRates {
    /// For all calls together.
    pub calls: Rate,
    /// For the calls of each operation alone, where it has a bucket.
    pub each: Option<Rate>,
    /// For `CreateHostedZone` alone.
    pub create_zone: Option<Rate>,
    /// For `DeleteHostedZone` alone.
    pub delete_zone: Option<Rate>,
    /// For changes of records, where they are counted: each change of a batch takes one.
    pub changes: Option<Rate>,
}

impl DnsRates {
    /// What AWS's page "Throttling API requests" says since July 2026; the bucket of changes is second hand.
    pub fn of_2026() -> Self {
        let calls = Rate { per_second: 10, burst: 50 };
        Self {
            calls,
            each: Some(calls),
            create_zone: Some(Rate { per_second: 2, burst: 40 }),
            delete_zone: Some(Rate { per_second: 5, burst: 40 }),
            changes: Some(Rate { per_second: 100, burst: 1_500 }),
        }
    }

    /// What the guide of Route 53 said until then: five calls a second.
    pub fn legacy() -> Self {
        let calls = Rate { per_second: 5, burst: 5 };
        Self { calls, each: None, create_zone: None, delete_zone: None, changes: None }
    }
}

impl Rates {
    /// Second hand: what the AWS Load Balancer Controller keeps to since 2026.
    pub fn of_2026() -> Self {
        Self {
            describe: Rate { per_second: 50, burst: 200 },
            register: Rate { per_second: 4, burst: 20 },
            modify: Rate { per_second: 3, burst: 20 },
            metric_data: Rate { per_second: 50, burst: 50 },
            dns: DnsRates::of_2026(),
            ec2: Ec2Rates::published(),
        }
    }

    /// What AWS's pages say of reads; of writes they say nothing, so those are as in 2026.
    pub fn legacy() -> Self {
        Self { describe: Rate { per_second: 10, burst: 40 }, dns: DnsRates::legacy(), ..Self::of_2026() }
    }
}

/// Which bucket of a service a call is taken from, by name, and what it holds.
pub(super) type Bucket = fn(&Rates) -> (&'static str, Rate);

/// What a call takes from a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fare {
    /// The bucket, by name.
    pub(super) bucket: &'static str,
    pub(super) rate: Rate,
    /// So many tokens.
    pub(super) amount: u32,
}

impl Fare {
    /// One token.
    pub(super) fn one(bucket: &'static str, rate: Rate) -> Self {
        Self { bucket, rate, amount: 1 }
    }
}

/// A service by its signing name, and one of its buckets.
type Named = (&'static str, &'static str);

/// How full the buckets are.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    /// The level of each bucket when it was last used; one that never was is full.
    levels: BTreeMap<Named, (u128, Timestamp)>,
}

impl Buckets {
    /// Takes what a call of a service costs, or refuses it.
    pub(super) fn take(&mut self, service: &'static str, fare: Fare, now: Timestamp) -> Result<(), Refusal> {
        let Rate { per_second, burst } = fare.rate;
        let bucket = (service, fare.bucket);
        let full = u128::from(burst) * WHOLE;
        let (level, at) = self.levels.get(&bucket).copied().unwrap_or((full, now));
        let passed = u128::try_from(now.duration_since(at).as_nanos()).unwrap_or(0);
        let level = full.min(level + passed * u128::from(per_second));
        let left = level.checked_sub(u128::from(fare.amount) * WHOLE);
        self.levels.insert(bucket, (left.unwrap_or(level), now));
        left.map(|_| ()).ok_or_else(|| Refusal::new("Throttling", "Rate exceeded"))
    }
}

#[cfg(test)]
mod tests;
