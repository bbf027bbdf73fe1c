//! Amazon CloudWatch: `GetMetricData` for what Application Load Balancers report, in the protocol that today's SDKs
//! speak (Smithy RPC v2 over CBOR).
//!
//! Data points come late, some incomplete at first and some never, drawn for each series and minute alone: it does not
//! matter who asks, when, or for what besides. Shapes and constraints are those of botocore's model
//! (`cloudwatch/2010-08-01/service-2.json`); of the codes of refusals it names only `InvalidNextToken`. That the others
//! are `ValidationError` is known from what users of AWS report; their words could not be confirmed everywhere.

use std::ops::RangeInclusive;
use std::time::Duration;

use aws_smithy_cbor::Encoder;
use aws_smithy_types::DateTime;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use jiff::Timestamp;

use self::counts::Counts;
use self::question::{Question, Stat};
use super::cbor::Cbor;
use super::elb::Elb;
use super::iam::Deed;
use super::partition::Identity;
use super::refusal::Refusal;
use super::{Aws, Call, World, request_id, scope};

mod counts;
mod page;
mod question;

/// The service of the credential scope.
pub(super) const MONITORING: &str = "monitoring";
const PREFIX: &str = "/service/GraniteServiceVersion20100801/operation/";
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

/// The service.
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

/// Whether a request is meant for CloudWatch.
pub(super) fn is_meant(request: &Request<Bytes>) -> bool {
    request.uri().path().starts_with("/service/")
}

impl Aws {
    /// Answers a request to CloudWatch. All requests of clients until now are counted first.
    pub(super) fn answer_monitoring(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let now = self.clock.now();
        self.send_what_is_due(now);
        let mut partition = self.partition();
        let request_id = request_id(&mut partition.world(&self.here).requests);
        let visit = partition.visit(request.headers(), &self.here, now);
        let (status, refusal, body) = match partition.world(&visit.place).monitor(request, visit.caller, now) {
            Ok(body) => (StatusCode::OK, None, body),
            Err(refusal) => (refusal.status, Some(refusal.code), refusal_body(&refusal)),
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/cbor"));
        headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
        // The code for clients that knew the service when it spoke Query.
        let query_error = refusal.and_then(|code| HeaderValue::from_str(&format!("{code};Sender")).ok());
        query_error.map(|value| headers.insert("x-amzn-query-error", value));
        HeaderValue::from_str(&request_id).ok().map(|value| headers.insert("x-amzn-requestid", value));
        response
    }
}

impl World {
    /// Does what a request to CloudWatch asks and writes it down.
    fn monitor(
        &mut self,
        request: &Request<Bytes>,
        caller: Result<Identity, Refusal>,
        now: Timestamp,
    ) -> Result<Vec<u8>, Refusal> {
        let is_known = request.uri().path().strip_prefix(PREFIX) == Some(GET_METRIC_DATA);
        let outcome = caller
            .and_then(|caller| caller.admit(&Deed::at_large("cloudwatch:GetMetricData")))
            .and_then(|()| self.metric_data(request, is_known, now));
        self.log.record(Call {
            at: now,
            service: MONITORING,
            operation: if is_known { GET_METRIC_DATA } else { "unknown" },
            write: false,
            resources: Vec::new(),
            outcome: outcome.as_ref().map_or_else(|refusal| refusal.code, |_| "OK"),
        });
        outcome
    }

    fn metric_data(&mut self, request: &Request<Bytes>, is_known: bool, now: Timestamp) -> Result<Vec<u8>, Refusal> {
        scope::check(request.headers(), &self.elb.options.region, MONITORING)?;
        if !is_known || request.headers().get("smithy-protocol").is_none_or(|protocol| protocol != "rpc-v2-cbor") {
            return Err(Refusal {
                status: StatusCode::NOT_FOUND,
                ..Refusal::new("UnknownOperationException", "The operation is not known, or not in this protocol")
            });
        }
        if let Some(rates) = self.elb.options.rates {
            self.buckets.take(rates, GET_METRIC_DATA, false, now)?;
        }
        let input = Cbor::parse(request.body())
            .map_err(|error| Refusal::new("SerializationException", format!("The body is not CBOR: {error}")))?;
        let question = Question::read(&input)?;
        let series = question.queries.iter().map(|query| self.cloudwatch.points(&self.elb, &question, query, now));
        let series: Vec<Vec<(Timestamp, u64)>> = series.collect();
        let page = page::cut(&question, &series, self.cloudwatch.most_datapoints)?;
        Ok(answer(&question, &page))
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

fn refusal_body(refusal: &Refusal) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.begin_map();
    encoder.str("__type").str(&format!("com.amazonaws.cloudwatch#{}", refusal.code));
    encoder.str("message").str(&refusal.message);
    encoder.end();
    encoder.into_writer()
}

#[cfg(test)]
mod tests;
