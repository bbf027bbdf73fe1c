//! Elastic Load Balancing v2 through the SDK: one function for each operation that Weir uses.
//!
//! Reads follow every page and may be sent again by the SDK; writes are sent once.

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
use tracing::Instrument;
use weir_engine::fact::AwsError;

use crate::errors::{Effect, explain};
use crate::meter::{Attempts, Call, Clock, Meter};

/// The service's name in metrics.
const SERVICE: &str = "elbv2";
/// How often one read is sent at most.
const READ_ATTEMPTS: u32 = 3;
/// How long the SDK waits at most between two attempts of a read.
const READ_BACKOFF: Duration = Duration::from_secs(5);
/// How long one attempt of a read may take.
const READ_ATTEMPT: Duration = Duration::from_secs(5);
/// How long a read may take with all its attempts.
const READ_TIME: Duration = Duration::from_secs(20);
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
            .retry_config(RetryConfig::standard().with_max_attempts(READ_ATTEMPTS).with_max_backoff(READ_BACKOFF))
            .timeout_config(
                timeouts(config).operation_attempt_timeout(READ_ATTEMPT).operation_timeout(READ_TIME).build(),
            );
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
        send: impl FnOnce(Attempts) -> Sent,
    ) -> Result<T, AwsError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        Sent: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let attempts = Attempts::default();
        let began = (self.clock)();
        let span = tracing::debug_span!("aws_call", service = SERVICE, operation);
        let answer = send(attempts.clone()).instrument(span).await;
        let result = answer.map_err(|error| explain(operation, effect, attempts.count(), &error));
        (self.meter)(Call {
            service: SERVICE,
            operation,
            outcome: result.as_ref().map(|_| ()).map_err(|error| error.kind),
            attempts: attempts.count(),
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
