//! Amazon Route 53 through the SDK: one function for each operation that Weir uses.
//!
//! Reads follow every page and may be sent again; writes are sent once. Route 53 has one endpoint in each partition of AWS,
//! whatever the region, which the SDK knows.

mod listing;
mod read;
mod shapes;
mod write;

use aws_sdk_route53::config::StalledStreamProtectionConfig;
use aws_sdk_route53::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_route53::config::timeout::TimeoutConfig;
use aws_sdk_route53::{Client, Config};
use aws_types::SdkConfig;

use crate::call::{Caller, READ_TIME, WRITE_TIME};
use crate::meter::{Clock, Meter};

/// The service's name in metrics.
const SERVICE: &str = "route53";
/// The operation that changes records.
pub(crate) const CHANGE: &str = "ChangeResourceRecordSets";

/// The clients of one account.
pub(crate) struct Route53 {
    reader: Client,
    writer: Client,
    caller: Caller,
}

impl Route53 {
    pub(crate) fn new(config: &SdkConfig, clock: Clock, meter: Meter) -> Self {
        let partition = RetryPartition::custom("weir-route53").build();
        let client = |time| {
            let timeouts = config.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
            let settings = Config::from(config)
                .to_builder()
                .retry_partition(partition.clone())
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .retry_config(RetryConfig::disabled())
                .timeout_config(timeouts.operation_timeout(time).build());
            Client::from_conf(settings.build())
        };
        Self { reader: client(READ_TIME), writer: client(WRITE_TIME), caller: Caller::global(SERVICE, clock, meter) }
    }
}

#[cfg(test)]
pub(crate) mod tests;
