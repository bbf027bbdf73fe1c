//! Amazon CloudWatch: `GetMetricData` for what Application Load Balancers report, in the protocols that today's clients
//! choose: Smithy RPC v2 over CBOR (the SDK for Rust) and JSON 1.0 (botocore: boto3 and the AWS CLI).
//!
//! Data points come late, some incomplete at first and some never, drawn for each series and minute alone: it does not
//! matter who asks, when, or for what besides. Shapes and constraints are those of botocore's model
//! (`cloudwatch/2010-08-01/service-2.json`); of the codes of refusals it names only `InvalidNextToken`. That the others
//! are `ValidationError` is known from what users of AWS report; their words could not be confirmed everywhere.

use std::ops::RangeInclusive;
use std::time::Duration;

use aws_smithy_cbor::Encoder;
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use self::counts::Counts;
use self::question::{Question, Stat};
use super::Regional;
use super::cbor::Cbor;
use super::elbv2::Elb;
use super::iam::Deed;
use super::partition::{AccountRegion, Partition};
use super::protocol::{Input, Output, Protocol};
use super::rates::Bucket;
use super::refusal::{Refusal, Refused};
use super::service::{Asks, Errand, Operation, Service};

mod counts;
mod json;
mod page;
mod question;

/// Amazon CloudWatch in one of its protocols.
pub(super) struct Monitoring(Protocol);

/// Amazon CloudWatch in CBOR, and in JSON.
pub(super) const CLOUDWATCH: Monitoring = Monitoring(Protocol::Cbor("com.amazonaws.cloudwatch"));
pub(super) const CLOUDWATCH_IN_JSON: Monitoring = Monitoring(Protocol::Json("com.amazonaws.cloudwatch"));

const GET_METRIC_DATA: &str = "GetMetricData";

/// When data points arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// How long after the end of a minute its data point arrives.
    pub delay: RangeInclusive<Duration>,
    /// How many of a thousand data points are incomplete when they arrive.
    pub incomplete_permille: u32,
    /// How much later such a data point is complete.
    pub correction: RangeInclusive<Duration>,
    /// In how many of a thousand minutes a balancer's data never arrives.
    pub missing_permille: u32,
}

impl Default for Arrival {
    /// About a minute late, as AWS's pages say; how often something goes amiss is our guess.
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(30)..=Duration::from_secs(75),
            incomplete_permille: 20,
            correction: Duration::from_secs(20)..=Duration::from_secs(90),
            missing_permille: 5,
        }
    }
}

impl Arrival {
    /// Everything arrives at once and whole.
    pub fn prompt() -> Self {
        Self {
            delay: Duration::ZERO..=Duration::ZERO,
            incomplete_permille: 0,
            correction: Duration::ZERO..=Duration::ZERO,
            missing_permille: 0,
        }
    }
}

/// The metrics of an account and region.
#[derive(Debug)]
pub(super) struct CloudWatch {
    counts: Counts,
    /// How many data points are told in one answer. AWS tells 100,800; fewer show whether a client turns pages.
    most_datapoints: usize,
}

impl CloudWatch {
    pub(super) fn new(seed: u64, arrival: Arrival, most_datapoints: usize) -> Self {
        Self { counts: Counts::new(seed, arrival), most_datapoints }
    }

    /// A balancer has sent so many requests to a group in a minute.
    pub(super) fn count(&mut self, balancer: &str, group: &str, minute: Timestamp, requests: u64) {
        self.counts.add(balancer, group, minute, requests);
    }
}

impl Service for Monitoring {
    fn signing_name(&self) -> &'static str {
        "monitoring"
    }

    fn version(&self) -> &'static str {
        "GraniteServiceVersion20100801"
    }

    fn protocol(&self) -> Protocol {
        self.0
    }

    fn operations(&self) -> Vec<&'static str> {
        vec![GET_METRIC_DATA]
    }

    fn operation(&self, name: &str) -> Option<Operation> {
        let bucket: Bucket = |rates| ("metric data", rates.metric_data);
        (name == GET_METRIC_DATA).then_some(Operation { name: GET_METRIC_DATA, writes: false, bucket: Some(bucket) })
    }

    fn asks(&self, _: &Operation, _: &Input) -> Asks {
        Asks::default()
    }

    fn deeds(&self, _: &Operation, _: &Input, _: &AccountRegion, _: &mut Partition) -> Vec<Deed> {
        vec![Deed::at_large("cloudwatch:GetMetricData")]
    }

    fn perform(
        &self,
        _: &Operation,
        input: &Input,
        errand: &Errand,
        partition: &mut Partition,
    ) -> Result<Output, Refused> {
        let is_json = matches!(self.0, Protocol::Json(_));
        let unreadable =
            |error: String| Refusal::new("SerializationException", format!("The body cannot be read: {error}"));
        let input = if is_json {
            json::read(&input.body).map_err(unreadable)?
        } else {
            Cbor::parse(&input.body).map_err(|error| unreadable(error.to_string()))?
        };
        let question = Question::read(&input)?;
        let Regional { elbv2, cloudwatch, .. } = partition.regional(&errand.place);
        let now = errand.writer.now;
        let series = question.queries.iter().map(|query| cloudwatch.points(elbv2, &question, query, now));
        let series: Vec<Vec<(Timestamp, u64)>> = series.collect();
        let page = page::cut(&question, &series, cloudwatch.most_datapoints)?;
        Ok(Output::Body(if is_json { json::write(&question, &page) } else { answer(&question, &page) }))
    }
}

impl CloudWatch {
    /// The data points of a query in the order that was asked for.
    fn points(&self, elb: &Elb, question: &Question, query: &question::Query, now: Timestamp) -> Vec<(Timestamp, u64)> {
        let Some((balancer, group)) = query.series(elb) else { return Vec::new() };
        let found = self.counts.known(&balancer, group.as_deref(), question.start, question.end, now);
        let mut points: Vec<(Timestamp, u64)> = Vec::new();
        for (minute, count) in found {
            let seconds = i64::from(query.period);
            let begin = minute.as_second() - minute.as_second().rem_euclid(seconds);
            let begin = Timestamp::from_second(begin).unwrap_or(minute);
            // Of a count only the sum says something: every request counts one.
            match points.last_mut().filter(|(last, _)| *last == begin) {
                Some((_, sum)) if query.stat == Stat::Sum => *sum += count,
                Some(_) => {}
                None => points.push((begin, if query.stat == Stat::Sum { count } else { 1 })),
            }
        }
        if question.descending {
            points.reverse();
        }
        points
    }
}

/// The answer as CBOR.
fn answer(question: &Question, page: &page::Page) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.begin_map();
    encoder.str("MetricDataResults").array(question.queries.len());
    for (query, part) in question.queries.iter().zip(&page.parts) {
        encoder.begin_map();
        encoder.str("Id").str(&query.id).str("Label").str(&query.label);
        encoder.str("Timestamps").array(part.points.len());
        for (at, _) in part.points {
            encoder.timestamp(&DateTime::from_secs(at.as_second()));
        }
        encoder.str("Values").array(part.points.len());
        for (_, value) in part.points {
            encoder.double(float(*value));
        }
        encoder.str("StatusCode").str(if part.is_complete { "Complete" } else { "PartialData" });
        encoder.end();
    }
    encoder.str("Messages").array(0);
    if let Some(token) = &page.next {
        encoder.str("NextToken").str(token);
    }
    encoder.end();
    encoder.into_writer()
}

/// CloudWatch writes counts as floating-point numbers.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2⁵³")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
