//! Amazon CloudWatch through the SDK: the requests that balancers have sent to target groups, by minute.
//!
//! Many groups are asked for in one call. Nothing is written, and nothing here may hold up what moves traffic: whoever
//! calls does so beside the ticks.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::StalledStreamProtectionConfig;
use aws_sdk_cloudwatch::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_cloudwatch::config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, StatusCode};
use aws_types::SdkConfig;
use jiff::Timestamp;
use weir_engine::Arn;
use weir_engine::fact::{AwsError, ErrorKind, RequestCount, Requests};
use weir_engine::share::{MINUTE, REACH};

use crate::budget::CallToken;
use crate::call::{Caller, READ_TIME};
use crate::errors::{Effect, nonsense};
use crate::meter::{Attempts, Clock, Meter};

/// How many queries CloudWatch takes in one call of `GetMetricData`. Source: its API reference.
pub(crate) const MOST_TOGETHER: usize = 500;

/// The service's name in metrics.
pub(crate) const SERVICE: &str = "cloudwatch";
const OPERATION: &str = "GetMetricData";
/// How many pages of an answer are followed before it counts as one that has no end.
const MAX_PAGES: usize = 20;

/// The client of one account and region.
pub(crate) struct CloudWatch {
    client: Client,
    caller: Caller,
}

impl CloudWatch {
    pub(crate) fn new(config: &SdkConfig, clock: Clock, meter: Meter) -> Self {
        let timeouts = config.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        let settings = aws_sdk_cloudwatch::Config::from(config)
            .to_builder()
            .retry_partition(RetryPartition::custom("weir-cloudwatch").build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts.operation_timeout(READ_TIME).build());
        Self { client: Client::from_conf(settings.build()), caller: Caller::new(SERVICE, config, clock, meter) }
    }

    /// The requests of the last minutes, as of an instant. At most [`MOST_TOGETHER`] are asked for at once.
    pub(crate) async fn requests(
        &self,
        at: Timestamp,
        counts: &[RequestCount],
        call_token: &mut CallToken,
    ) -> Result<BTreeMap<RequestCount, Requests>, AwsError> {
        let queries = counts.iter().enumerate().map(|(index, count)| query(index, count));
        let queries: Vec<MetricDataQuery> = queries.collect::<Result<_, _>>()?;
        let mut found: BTreeMap<RequestCount, Requests> =
            counts.iter().map(|count| (count.clone(), Requests::default())).collect();
        let mut token = None;
        for _ in 0..MAX_PAGES {
            let (results, next) = self.page(at, queries.clone(), token, call_token).await?;
            for result in results {
                add(counts, &mut found, &result)?;
            }
            token = next.filter(|next| !next.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
        Err(nonsense(OPERATION, format!("the answer did not end within {MAX_PAGES} pages")))
    }

    async fn page(
        &self,
        at: Timestamp,
        queries: Vec<MetricDataQuery>,
        token: Option<String>,
        call_token: &mut CallToken,
    ) -> Result<(Vec<MetricDataResult>, Option<String>), AwsError> {
        let request = self.client.get_metric_data().set_metric_data_queries(Some(queries));
        let request = request.start_time(whole_minute(at - REACH)).end_time(whole_minute(at)).set_next_token(token);
        let send = |attempts: Attempts| request.clone().customize().interceptor(attempts).send();
        let answer = self.caller.call(OPERATION, Effect::Read, call_token, send).await?;
        Ok((answer.metric_data_results.unwrap_or_default(), answer.next_token))
    }
}

fn query(index: usize, RequestCount { balancer, group }: &RequestCount) -> Result<MetricDataQuery, AwsError> {
    let dimension = |name: &str, arn: &Arn| {
        let value = dimension_of(arn).ok_or_else(|| invalid(format!("{arn} is not the ARN of a {name}")))?;
        Ok(Dimension::builder().name(name).value(value).build())
    };
    let mut metric = Metric::builder().namespace("AWS/ApplicationELB").metric_name("RequestCount");
    metric = metric.dimensions(dimension("LoadBalancer", balancer)?);
    if let Some(group) = group {
        metric = metric.dimensions(dimension("TargetGroup", group)?);
    }
    let seconds = i32::try_from(MINUTE.as_secs()).unwrap_or(i32::MAX);
    let stat = MetricStat::builder().metric(metric.build()).period(seconds).stat("Sum");
    Ok(MetricDataQuery::builder().id(format!("q{index}")).metric_stat(stat.build()).build())
}

/// What stands for a balancer or group in the dimensions of a metric: `app/name/id` or `targetgroup/name/id`.
/// Source: "CloudWatch metrics for your Application Load Balancer" in AWS's documentation.
fn dimension_of(arn: &Arn) -> Option<&str> {
    let resource = arn.as_str().splitn(6, ':').nth(5)?;
    let value = resource.strip_prefix("loadbalancer/").unwrap_or(resource);
    (value.split('/').count() == 3).then_some(value)
}

/// Adds what one result tells to what was found before it.
fn add(
    counts: &[RequestCount],
    found: &mut BTreeMap<RequestCount, Requests>,
    result: &MetricDataResult,
) -> Result<(), AwsError> {
    let index = result.id().and_then(|id| id.strip_prefix('q')?.parse::<usize>().ok());
    let Some(asked) = index.and_then(|index| counts.get(index)) else {
        return Err(nonsense(OPERATION, format!("found a result for {:?}, which was not asked", result.id())));
    };
    if let Some(status) = result.status_code().map(StatusCode::as_str)
        && !matches!(status, "Complete" | "PartialData")
    {
        let kind = if status == "Forbidden" { ErrorKind::Denied } else { ErrorKind::Transient };
        let words: Vec<&str> = result.messages().iter().filter_map(|message| message.value()).collect();
        let message = format!("{status}: {}", words.join("; "));
        return Err(AwsError { kind, operation: OPERATION.to_owned(), message });
    }
    let Some(requests) = found.get_mut(asked) else { return Ok(()) };
    for (at, value) in result.timestamps().iter().zip(result.values()) {
        let minute = Timestamp::from_second(at.secs() - at.secs().rem_euclid(60));
        let minute = minute.map_err(|error| nonsense(OPERATION, error.to_string()))?;
        requests.by_minute.insert(minute, whole(*value));
    }
    Ok(())
}

/// A count as a whole number. CloudWatch writes all values as floating-point numbers; counts beyond 2⁵³ do not occur.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count is whole, and clamped before")]
fn whole(value: f64) -> u64 {
    value.round().clamp(0.0, 9e15) as u64
}

fn whole_minute(at: Timestamp) -> DateTime {
    DateTime::from_secs(at.as_second() - at.as_second().rem_euclid(60))
}

fn invalid(message: String) -> AwsError {
    AwsError { kind: ErrorKind::Invalid, operation: OPERATION.to_owned(), message }
}

#[cfg(test)]
mod tests;
