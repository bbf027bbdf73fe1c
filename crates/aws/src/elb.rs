//! Elastic Load Balancing v2 through the SDK: one function for each operation that Weir uses.
//!
//! Reads follow every page and may be sent again; writes are sent once.

mod actions;
mod conditions;
mod read;
mod shapes;
mod write;

use aws_sdk_elasticloadbalancingv2::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_elasticloadbalancingv2::config::timeout::TimeoutConfig;
use aws_sdk_elasticloadbalancingv2::config::{Builder, StalledStreamProtectionConfig};
use aws_sdk_elasticloadbalancingv2::{Client, Config};
use aws_types::SdkConfig;

use crate::call::{Caller, READ_TIME, WRITE_TIME};
use crate::meter::{Clock, Meter};

/// The service's name in metrics.
const SERVICE: &str = "elbv2";

/// The clients of one account and region.
pub(crate) struct Elb {
    reader: Client,
    writer: Client,
    caller: Caller,
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
        Self {
            reader: Client::from_conf(reads.build()),
            writer: Client::from_conf(writes.build()),
            caller: Caller::new(SERVICE, config, clock, meter),
        }
    }
}

/// The timeouts of the given configuration (those for connecting, for example), as a start for our own.
fn timeouts(config: &SdkConfig) -> aws_sdk_elasticloadbalancingv2::config::timeout::TimeoutConfigBuilder {
    config.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder)
}

#[cfg(test)]
mod tests;
