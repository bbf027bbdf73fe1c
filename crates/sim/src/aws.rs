//! The simulated AWS, as its clients meet it: requests on the wire, answered after a while on the world's clock.
//!
//! ELBv2 is spoken as AWS speaks it (Query in, XML out) and held to AWS's rules rather than to what a stand-in usually
//! lets pass: health takes its time, weights and priorities have their ranges, a group belongs to one balancer, and
//! the data plane learns of a change after the control plane has confirmed it.
//!
//! Everything is drawn from one seed and told by one clock, so that a world replays bit for bit as long as its
//! requests come in the same order.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};

use self::cloudwatch::CloudWatch;
use self::elb::{Elb, Writer};
use self::log::CallLog;
use self::partition::{Here, Identity, Partition, Place};
use self::rates::Buckets;
use self::xml::Xml;
use crate::clock::Clock;
use crate::traffic::Stream;

mod cbor;
mod cloudwatch;
mod elb;
mod form;
mod iam;
mod log;
mod partition;
mod rates;
mod refusal;
mod scope;
mod setup;
mod sts;
mod timeline;
mod xml;

pub use self::cloudwatch::Arrival;
pub use self::elb::group::{GroupSettings, TargetStickiness, TargetType};
pub(crate) use self::elb::plane::{Lane, Passage, Way};
pub use self::elb::request::HttpRequest;
pub use self::elb::target::{AppBehaviour, CheckAnswer, HealthChecks, TargetKey, TargetState};
pub use self::iam::Right;
pub use self::log::{Author, Call, Change};
pub use self::rates::{Rate, Rates};
pub use self::refusal::Refusal;
pub use self::setup::RuleAction;

/// The service of the credential scope that ELB and ELBv2 share.
const ELASTIC_LOAD_BALANCING: &str = "elasticloadbalancing";
/// The version by which ELBv2 is told from the classic service.
const VERSION: &str = "2015-12-01";

/// What a simulated AWS is like.
#[derive(Clone, Debug)]
pub struct AwsOptions {
    /// How long a call takes; it has its effect half way.
    pub latency: RangeInclusive<Duration>,
    /// How long after a change the nodes of a balancer act by it.
    pub propagation: RangeInclusive<Duration>,
    /// The account, twelve digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// How targets are checked where a group does not say it.
    pub checks: HealthChecks,
    /// The quota of rules of a balancer, default rules not counted.
    pub rules_per_balancer: usize,
    /// The quota of different groups behind a balancer.
    pub groups_per_balancer: usize,
    /// How many calls are taken before AWS throttles; `None` takes all.
    pub rates: Option<Rates>,
    /// When CloudWatch knows of requests.
    pub arrival: Arrival,
    /// How many data points CloudWatch tells in one answer.
    pub datapoints_per_page: usize,
}

impl Default for AwsOptions {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(20)..=Duration::from_millis(60),
            propagation: Duration::ZERO..=Duration::from_secs(2),
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            checks: HealthChecks::default(),
            rules_per_balancer: 100,
            groups_per_balancer: 100,
            rates: Some(Rates::of_2026()),
            arrival: Arrival::default(),
            datapoints_per_page: 100_800,
        }
    }
}

/// Streams of requests, each for as long as somebody watches it.
type Streams = Arc<Mutex<Vec<Weak<Mutex<Stream>>>>>;

/// One simulated AWS, seen from one account and region.
#[derive(Debug)]
pub struct Aws {
    clock: Clock,
    latency: RangeInclusive<Duration>,
    here: Place,
    partition: Arc<Mutex<Partition>>,
    /// The streams of requests, which are brought up to date before they are counted.
    streams: Streams,
}

/// What one account has in one region.
#[derive(Debug)]
struct World {
    elb: Elb,
    cloudwatch: CloudWatch,
    log: CallLog,
    buckets: Buckets,
    /// Draws the latency of calls.
    pace: fastrand::Rng,
    /// Draws the identifiers of requests.
    requests: fastrand::Rng,
}

impl Aws {
    /// An AWS with nothing in it.
    pub fn new(clock: Clock, seed: u64, options: AwsOptions) -> Arc<Self> {
        let latency = options.latency.clone();
        let partition = Partition::new(seed, options);
        let here = partition.home().clone();
        Arc::new(Self { clock, latency, here, partition: Arc::new(Mutex::new(partition)), streams: Streams::default() })
    }

    /// The same AWS, seen from another account and region.
    pub fn elsewhere(&self, account: &str, region: &str) -> Arc<Self> {
        let here = Place { account: account.to_owned(), region: region.to_owned() };
        self.partition().settle(&here);
        Arc::new(Self {
            clock: self.clock,
            latency: self.latency.clone(),
            here,
            partition: Arc::clone(&self.partition),
            streams: Arc::clone(&self.streams),
        })
    }

    /// The same AWS, seen from where a resource is.
    pub fn beside(&self, arn: &str) -> Arc<Self> {
        let mut parts = arn.split(':').skip(3);
        match (parts.next(), parts.next()) {
            (Some(region), Some(account)) if !region.is_empty() => self.elsewhere(account, region),
            _ => self.elsewhere(&self.here.account, &self.here.region),
        }
    }

    /// The clock of its world.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The region that it is.
    pub fn region(&self) -> String {
        self.world().elb.options.region.clone()
    }

    /// Answers a request.
    ///
    /// From the first poll on the request belongs to the world: it travels in a task of its own, so that a caller who
    /// goes away in the middle does not undo it. It takes effect after half of its latency, which can be after its
    /// caller is gone and another one has looked.
    ///
    /// # Panics
    /// Outside a tokio runtime, since the request needs one to travel in.
    pub async fn handle(self: &Arc<Self>, request: Request<Bytes>) -> Response<Bytes> {
        let (there, back) = self.draw_latency();
        let aws = Arc::clone(self);
        let journey = tokio::spawn(async move {
            tokio::time::sleep(there).await;
            let response = aws.answer(&request);
            tokio::time::sleep(back).await;
            response
        });
        match journey.await {
            Ok(response) => response,
            // Cancelled only with the whole runtime; then nobody waits for this.
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Whole milliseconds, which is what timers keep.
    fn draw_latency(&self) -> (Duration, Duration) {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let total = self.world().pace.u64(millis(*self.latency.start())..=millis(*self.latency.end()));
        let there = total / 2;
        (Duration::from_millis(there), Duration::from_millis(total - there))
    }

    /// Takes effect now and answers.
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        if cloudwatch::is_meant(request) {
            return self.answer_monitoring(request);
        }
        let now = self.clock.now();
        let mut partition = self.partition();
        let request_id = request_id(&mut partition.world(&self.here).requests);
        let (outcome, namespace) = if sts::is_meant(request) {
            (partition.answer_sts(request, &self.here, now), sts::NAMESPACE)
        } else {
            let visit = partition.visit(request.headers(), &self.here, now);
            (partition.world(&visit.place).perform(request, visit.caller, now), xml::NAMESPACE)
        };
        let (status, root) = match outcome {
            Ok((operation, elements)) => {
                let metadata = Xml::of("ResponseMetadata", vec![Xml::text("RequestId", &request_id)]);
                let result = Xml::of(&format!("{operation}Result"), elements);
                (StatusCode::OK, Xml::of(&format!("{operation}Response"), vec![result, metadata]))
            }
            Err(refusal) => {
                (refusal.status, Xml::of("ErrorResponse", vec![refusal.xml(), Xml::text("RequestId", &request_id)]))
            }
        };
        let mut response = Response::new(Bytes::from(root.document(namespace)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            headers.insert("x-amzn-requestid", value);
        }
        response
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.world().log.calls().to_vec()
    }

    /// All calls since they were last taken; the counts stay.
    pub fn take_calls(&self) -> Vec<Call> {
        self.world().log.take()
    }

    /// How many calls there were, by operation and outcome.
    pub fn call_counts(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        self.world().log.counts().clone()
    }

    /// Every change of the weights of a forward since the beginning, whoever made it.
    pub fn changes(&self) -> Vec<Change> {
        self.world().elb.changes.clone()
    }

    /// What a request meets on its way through a balancer, at an instant that is not in the future.
    pub(crate) fn passage(&self, balancer: &str, port: u16, request: &HttpRequest, at: jiff::Timestamp) -> Passage {
        self.world().elb.passage(balancer, port, request, at)
    }

    /// From now on a stream is brought up to date before its requests are counted.
    pub(crate) fn follow(&self, stream: &Arc<Mutex<Stream>>) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.retain(|stream| stream.strong_count() > 0);
        streams.push(Arc::downgrade(stream));
    }

    /// Has every stream send what is due before an instant.
    fn send_what_is_due(&self, instant: jiff::Timestamp) {
        let streams: Vec<_> = {
            let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
            streams.iter().filter_map(Weak::upgrade).collect()
        };
        for stream in streams {
            stream.lock().unwrap_or_else(PoisonError::into_inner).advance_to(instant);
        }
    }

    /// Counts requests that a balancer has sent to groups, by their names and the minute; only an Application Load
    /// Balancer reports them.
    pub(crate) fn count_requests(&self, balancer: &str, counts: &BTreeMap<(jiff::Timestamp, Arc<str>), u64>) {
        let World { elb, cloudwatch, .. } = &mut *self.world();
        let Some(balancer) = elb.balancer_named(balancer).filter(|balancer| balancer.is_application()) else { return };
        for ((minute, group), requests) in counts {
            if let Some(group) = elb.group_named(group) {
                cloudwatch.count(&balancer.arn, &group.arn, *minute, *requests);
            }
        }
    }

    /// A panic while the world was locked is a failed test already; what it holds is still the truth.
    fn world(&self) -> Here<'_> {
        Here::new(self.partition(), &self.here)
    }

    fn partition(&self) -> MutexGuard<'_, Partition> {
        self.partition.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    fn new(seed: u64, options: AwsOptions) -> Self {
        let mut seeds = fastrand::Rng::with_seed(seed);
        Self {
            pace: seeds.fork(),
            requests: seeds.fork(),
            log: CallLog::default(),
            buckets: Buckets::default(),
            elb: Elb::new(seeds.u64(..), options.clone()),
            cloudwatch: CloudWatch::new(seeds.u64(..), options.arrival, options.datapoints_per_page),
        }
    }

    /// Does what a request asks and writes it down.
    fn perform(
        &mut self,
        request: &Request<Bytes>,
        caller: Result<Identity, Refusal>,
        now: jiff::Timestamp,
    ) -> Result<(&'static str, Vec<Xml>), Refusal> {
        let form = read_form(request);
        let found = form.text("Action").and_then(elb::operation);
        let outcome = self.route(request, &form, found, caller, now);
        self.log.record(Call {
            at: now,
            service: ELASTIC_LOAD_BALANCING,
            operation: found.map_or("unknown", |operation| operation.name),
            write: found.is_some_and(elb::Operation::writes),
            resources: resources(&form),
            outcome: outcome.as_ref().map_or_else(|refusal| refusal.code, |_| "OK"),
        });
        outcome
    }

    fn route(
        &mut self,
        request: &Request<Bytes>,
        form: &form::Form,
        found: Option<&'static elb::Operation>,
        caller: Result<Identity, Refusal>,
        now: jiff::Timestamp,
    ) -> Result<(&'static str, Vec<Xml>), Refusal> {
        scope::check(request.headers(), &self.elb.options.region, ELASTIC_LOAD_BALANCING)?;
        let caller = caller?;
        let name = form.text("Action").ok_or_else(|| {
            Refusal::new("MissingAction", "The request must contain the parameter Action: it names the operation")
        })?;
        let version = form.text("Version").unwrap_or("none");
        let operation = found.filter(|_| version == VERSION).ok_or_else(|| {
            Refusal::new("InvalidAction", format!("Could not find operation {name} for version {version}"))
        })?;
        if let Some(rates) = self.elb.options.rates {
            self.buckets.take(rates, operation.name, operation.writes(), now)?;
        }
        for deed in self.elb.deeds(operation.name, form) {
            caller.admit(&deed)?;
        }
        let writer = Writer { now, author: Author::Caller(caller.key), at_once: false };
        let elements = operation.perform(&mut self.elb, form, &writer)?;
        Ok((operation.name, elements))
    }
}

/// Query parameters stand in the body, or in the query of a GET.
fn read_form(request: &Request<Bytes>) -> form::Form {
    match request.uri().query() {
        Some(query) if request.body().is_empty() => form::Form::parse(query.as_bytes()),
        _ => form::Form::parse(request.body()),
    }
}

/// What a request is about, by the parameters that name resources.
fn resources(form: &form::Form) -> Vec<Arc<str>> {
    const ONE: &[&str] = &["LoadBalancerArn", "ListenerArn", "RuleArn", "TargetGroupArn", "Name"];
    const MANY: &[&str] = &["LoadBalancerArns", "ListenerArns", "RuleArns", "TargetGroupArns", "ResourceArns", "Names"];
    let one = ONE.iter().filter_map(|name| form.text(name));
    let many = MANY.iter().flat_map(|name| form.texts(name));
    one.chain(many).map(Arc::from).collect()
}

/// An identifier in the form of a UUID.
fn request_id(chance: &mut fastrand::Rng) -> String {
    let number = format!("{:032x}", chance.u128(..));
    format!("{}-{}-{}-{}-{}", &number[..8], &number[8..12], &number[12..16], &number[16..20], &number[20..])
}

#[cfg(test)]
mod tests;
