//! Elastic Load Balancing v2 through the SDK: one function for each operation that Weir uses.
//!
//! Reads follow every page and may be sent again; writes are sent once. Every request takes a token of the call budget
//! first, so the SDK's own retries, which know nothing of it, are off.

mod actions;
mod conditions;
mod read;
mod shapes;
mod write;

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::config::http::HttpResponse;
use aws_sdk_elasticloadbalancingv2::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_elasticloadbalancingv2::config::timeout::TimeoutConfig;
use aws_sdk_elasticloadbalancingv2::config::{Builder, StalledStreamProtectionConfig};
use aws_sdk_elasticloadbalancingv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_elasticloadbalancingv2::{Client, Config};
use aws_types::SdkConfig;
use jiff::SignedDuration;
use tokio::time::sleep;
use tracing::Instrument;
use weir_engine::fact::{AwsError, ErrorKind};
use weir_engine::tick::Urgency;

use crate::budget::Fare;
use crate::errors::{Effect, explain};
use crate::meter::{Attempts, Call, Clock, Meter, Spent};

/// The service's name in metrics.
const SERVICE: &str = "elbv2";
/// How often a read is sent at most that fails in passing.
const READ_ATTEMPTS: u32 = 3;
/// How often a read is sent at most when AWS throttles it: the budget slows down meanwhile.
const THROTTLED_ATTEMPTS: u32 = 8;
/// The same for a rollback, which does not slow down: the others keep still for it.
const ROLLBACK_ATTEMPTS: u32 = 50;
/// How long a read waits before it is sent again; each further time twice as long.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// How long it waits at most.
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);
/// How long one attempt of a read may take.
const READ_TIME: Duration = Duration::from_secs(5);
/// How long a write may take before its outcome counts as unknown.
const WRITE_TIME: Duration = Duration::from_secs(5);

/// The clients of one account and region.
pub(crate) struct Elb {
    reader: Client,
    writer: Client,
    clock: Clock,
    meter: Meter,
}

impl Elb {
    pub(crate) fn new(config: &SdkConfig, clock: Clock, meter: Meter) -> Self {
        // The SDK's own token bucket for retries is one for the whole process; ours is this client's alone.
        let partition = RetryPartition::custom("weir-elbv2").build();
        let base = || -> Builder {
            Config::from(config)
                .to_builder()
                .retry_partition(partition.clone())
                // Answers are small and the timeouts below hold for their bodies too.
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        };
        let reads = base()
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(config).operation_timeout(READ_TIME).build());
        let writes = base()
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(config).operation_timeout(WRITE_TIME).build());
        Self { reader: Client::from_conf(reads.build()), writer: Client::from_conf(writes.build()), clock, meter }
    }

    /// Makes one call, and tells the meter how it went.
    async fn call<T, E, Sent>(
        &self,
        operation: &'static str,
        effect: Effect,
        fare: &mut Fare,
        send: impl Fn(Attempts) -> Sent,
    ) -> Result<T, AwsError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        Sent: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let attempts = Attempts::default();
        let began = (self.clock)();
        let (mut throttled, mut failed) = (0, 0);
        let span = tracing::debug_span!("aws_call", service = SERVICE, operation);
        let result = loop {
            fare.pay().await;
            let (trip, sent) = (fare.depart(), attempts.count());
            let answer = send(attempts.clone()).instrument(span.clone()).await;
            let result = answer.map_err(|error| explain(operation, effect, attempts.count(), &error));
            if attempts.count() == sent {
                trip.was_not_sent();
            }
            let kind = result.as_ref().err().map(|error| error.kind);
            match kind {
                Some(ErrorKind::Throttled) => {
                    throttled += 1;
                    trip.was_throttled();
                }
                Some(ErrorKind::Transient) => failed += 1,
                _ => break result,
            }
            drop(trip);
            let is_rollback = fare.urgency() == Urgency::Rollback;
            let most = if is_rollback { ROLLBACK_ATTEMPTS } else { THROTTLED_ATTEMPTS };
            if effect == Effect::Write || throttled >= most || failed >= READ_ATTEMPTS {
                break result;
            }
            let times = if is_rollback { failed } else { failed + throttled };
            sleep((FIRST_BACKOFF * 2_u32.pow(times.saturating_sub(1))).min(LONGEST_BACKOFF)).await;
        };
        (self.meter)(Call {
            service: SERVICE,
            operation,
            outcome: result.as_ref().map(|_| ()).map_err(|error| error.kind),
            attempts: attempts.count(),
            spent: Some(Spent {
                family: fare.family(),
                urgency: fare.urgency(),
                waited: SignedDuration::try_from(fare.take_waited()).unwrap_or(SignedDuration::MAX),
                throttled,
            }),
            took: began.duration_until((self.clock)()),
        });
        result
    }
}

/// The timeouts of the given configuration (those for connecting, for example), as a start for our own.
fn timeouts(config: &SdkConfig) -> aws_sdk_elasticloadbalancingv2::config::timeout::TimeoutConfigBuilder {
    config.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder)
}

#[cfg(test)]
mod tests;
