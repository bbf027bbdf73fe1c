//! The classes of calls that AWS throttles together, and what each is granted.

use std::time::Duration;

use weir_engine::fact::Query;
use weir_engine::write::Write;

use super::bucket::Limit;

/// How long a rate that was lowered takes to rise again from nothing.
const RISE: Duration = Duration::from_mins(5);
/// The most changes in a batch of Route 53. Source: "Quotas on `ChangeResourceRecordSets`" in
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>
pub(crate) const MOST_CHANGES: usize = 1_000;

/// An API throttle class: the operations that share a token bucket on AWS.
///
/// To add one: name it here, give it a limit, and say which calls are of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// The reads of ELBv2.
    Describe,
    /// The writes of ELBv2, but for registrations.
    Modify,
    /// The reads of CloudWatch.
    CloudWatchRead,
    /// The requests of Route 53.
    Route53,
    /// The changes of records on Route 53, of which a request has many.
    Route53Change,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 5] = [Self::Describe, Self::Modify, Self::CloudWatchRead, Self::Route53, Self::Route53Change];

    /// The family's name in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Describe => "elbv2-describe",
            Self::Modify => "elbv2-modify",
            Self::CloudWatchRead => "cloudwatch-count",
            Self::Route53 => "route53",
            Self::Route53Change => "route53-change",
        }
    }

    /// Whether its service is the same in all regions.
    pub(crate) fn is_global(self) -> bool {
        match self {
            Self::Describe | Self::Modify | Self::CloudWatchRead => false,
            Self::Route53 | Self::Route53Change => true,
        }
    }

    /// The family of the call that answers a question.
    pub(crate) fn answering(query: &Query) -> Self {
        match query {
            Query::Balancer(_)
            | Query::BalancerAttributes(_)
            | Query::Listeners(_)
            | Query::Rules(_)
            | Query::Group(_)
            | Query::Attributes(_)
            | Query::Health(_)
            | Query::Tags(_) => Self::Describe,
            Query::Zone(_) | Query::Records(_) | Query::Change(_) => Self::Route53,
            Query::Requests(_) => Self::CloudWatchRead,
        }
    }

    /// How many tokens the writes take at most that share one request.
    pub fn most_together(self) -> usize {
        match self {
            Self::Describe | Self::Modify | Self::CloudWatchRead | Self::Route53 => 1,
            Self::Route53Change => MOST_CHANGES,
        }
    }

    /// The family of the tokens that a write takes.
    pub fn of(write: &Write) -> Self {
        match write {
            Write::Listener(_) | Write::Tags(_) => Self::Modify,
            Write::Records(_) => Self::Route53Change,
        }
    }

    /// The rates to which the AWS Load Balancer Controller keeps since March 2026 (its default throttle settings; AWS
    /// publishes none: describe 50/s burst 200, modify 3/s burst 20), with bursts of three quarters of that, since
    /// others call from the same account too. CloudWatch grants 50 `GetMetricData` a second (its service quotas), which
    /// dashboards and autoscalers of the account need too.
    ///
    /// Some accounts are granted more writes: up to `modify_rate` a second are tried where AWS takes them.
    ///
    /// Route 53 grants an account ten requests a second, fifty at once, all its calls in all regions together
    /// ("Throttling API requests" in its developer guide). DNS controllers, certificates and people in the console call it
    /// too, so less is taken: eight a second, 35 at once. Since July 30, 2026 it counts changes of records besides, a hundred a
    /// second and 1,500 at once ("Introducing change-based throttling"). Before, it granted five requests a second; where it
    /// still does, the rate is lowered when it throttles.
    pub(super) fn limit(self, modify_rate: u32) -> Limit {
        match self {
            Self::Describe => Limit { per_second: 50, ceiling: 50, burst: 150, reserve: 30, rise: RISE },
            Self::Modify => {
                Limit { per_second: modify_rate.min(3), ceiling: modify_rate, burst: 15, reserve: 5, rise: RISE / 5 }
            }
            Self::CloudWatchRead => Limit { per_second: 10, ceiling: 10, burst: 20, reserve: 0, rise: RISE },
            Self::Route53 => Limit { per_second: 8, ceiling: 8, burst: 35, reserve: 10, rise: RISE },
            Self::Route53Change => Limit { per_second: 100, ceiling: 100, burst: 1_500, reserve: 300, rise: RISE },
        }
    }

    /// How many calls may be in flight at once, those of rollbacks not counted in.
    pub(super) fn in_flight_limit(self) -> usize {
        match self {
            Self::Describe | Self::Modify => 8,
            Self::CloudWatchRead | Self::Route53 => 4,
            // They travel with requests.
            Self::Route53Change => usize::MAX,
        }
    }
}
