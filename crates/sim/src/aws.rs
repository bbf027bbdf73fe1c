//! The simulated AWS, as its clients meet it: requests on the wire, answered after a while on the world's clock.
//!
//! Each service is spoken as AWS speaks it and held to AWS's rules rather than to what a stand-in usually lets pass: of
//! ELBv2, health takes its time, weights and priorities have their ranges, a group belongs to one balancer, and the data
//! plane learns of a change after the control plane has confirmed it. Which services there are, `service.rs` says.
//!
//! Everything is drawn from one seed and told by one clock, so that a world replays bit for bit as long as its
//! requests come in the same order.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use self::cloudwatch::CloudWatch;
use self::ec2::Ec2;
use self::elbv2::Elb;
use self::log::CallLog;
use self::partition::{AccountRegion, Here, Partition};
use self::rates::Buckets;
use crate::clock::Clock;
use crate::traffic::Stream;

mod cbor;
mod cloudwatch;
mod ec2;
mod effect;
mod elbv2;
mod form;
mod iam;
mod log;
mod page;
mod partition;
mod protocol;
mod rates;
mod refusal;
mod rest;
mod route53;
mod scope;
mod service;
mod sts;
mod timeline;
mod xml;

pub use self::cloudwatch::Arrival;
pub use self::effect::{Author, Change, Effect};
pub use self::elbv2::RuleAction;
pub use self::elbv2::group::{GroupSettings, TargetStickiness, TargetType};
pub(crate) use self::elbv2::plane::{Lane, Passage, Way};
pub use self::elbv2::request::HttpRequest;
pub use self::elbv2::target::{AppBehaviour, CheckAnswer, HealthChecks, TargetKey, TargetState};
pub use self::iam::Right;
pub use self::log::Call;
pub use self::rates::{DnsRates, Ec2Rates, Rate, Rates};
pub use self::refusal::Refusal;
pub use self::route53::{DnsAnswer, DnsOutcome, RecordEdit, RecordSays, RecordType, Route53Options};
pub use self::service::{Asks, Sent, Split, operations};

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
    /// What Route 53 is like.
    pub route53: Route53Options,
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
            route53: Route53Options::default(),
        }
    }
}

/// How far back what only observers ask for is known in a world that forgets.
const KEPT: Duration = Duration::from_mins(5);

/// Streams of requests, each for as long as somebody watches it.
type Streams = Arc<Mutex<Vec<Weak<Mutex<Stream>>>>>;

/// One simulated AWS, seen from one account and region.
#[derive(Debug)]
pub struct Aws {
    clock: Clock,
    latency: RangeInclusive<Duration>,
    here: AccountRegion,
    partition: Arc<Mutex<Partition>>,
    /// The streams of requests, which are brought up to date before they are counted.
    streams: Streams,
}

/// What one account has in one region.
#[derive(Debug)]
struct Regional {
    elbv2: Elb,
    ec2: Ec2,
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
        let here = AccountRegion { account: account.to_owned(), region: region.to_owned() };
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
        self.regional().elbv2.options.region.clone()
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
        let total = self.regional().pace.u64(millis(*self.latency.start())..=millis(*self.latency.end()));
        let there = total / 2;
        (Duration::from_millis(there), Duration::from_millis(total - there))
    }

    /// Takes effect now and answers. All requests of clients until now are counted first.
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let now = self.clock.now();
        self.send_what_is_due(now);
        let (service, input) = service::meant(request);
        let mut partition = self.partition();
        let request_id = request_id(&mut partition.regional(&self.here).requests);
        let outcome = partition.perform((service, &input), request, &self.here, (now, &request_id));
        service.protocol().response(&request_id, outcome)
    }

    /// The answer to a request that AWS refuses without a look at it.
    pub fn refuse(request: &Request<Bytes>, refusal: Refusal) -> Response<Bytes> {
        let (service, _) = service::meant(request);
        service.protocol().response("0", Err(service.in_own_words(refusal).into()))
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.regional().log.calls().to_vec()
    }

    /// All calls since they were last taken; the counts stay.
    pub fn take_calls(&self) -> Vec<Call> {
        self.regional().log.take()
    }

    /// Forgets what only those want to know who look back: every call and change, and how things were some minutes ago. A
    /// world that lasts does so now and then, so that what it holds does not grow with what it is asked.
    pub fn forget_history(&self) {
        let now = self.clock.now();
        self.send_what_is_due(now);
        self.partition().forget_before(now - KEPT, now);
    }

    /// How many calls there were, by operation and outcome.
    pub fn call_counts(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        self.regional().log.counts().clone()
    }

    /// Every change that was accepted since the beginning, whoever made it, in any account and region.
    pub fn effects(&self) -> Vec<Effect> {
        self.partition().effects()
    }

    /// What a request meets on its way through a balancer, by its name or ARN, at an instant that is not in the future.
    pub(crate) fn passage(&self, balancer: &str, port: u16, request: &HttpRequest, at: jiff::Timestamp) -> Passage {
        self.regional().elbv2.passage(balancer, port, request, at)
    }

    /// For how long a client can keep a connection to a balancer, by its name or ARN; `None` where it is not there.
    pub(crate) fn keeps_connections(&self, balancer: &str) -> Option<Duration> {
        Some(self.regional().elbv2.balancer_called(balancer)?.keeps_connections())
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

    /// Counts requests that a balancer, by its name or ARN, has sent to groups, by their names and the minute; only an
    /// Application Load Balancer reports them.
    pub(crate) fn count_requests(&self, balancer: &str, counts: &BTreeMap<(jiff::Timestamp, Arc<str>), u64>) {
        let Regional { elbv2: elb, cloudwatch, .. } = &mut *self.regional();
        let Some(balancer) = elb.balancer_called(balancer).filter(|balancer| balancer.is_application()) else { return };
        for ((minute, group), requests) in counts {
            if let Some(group) = elb.group_named(group) {
                cloudwatch.count(&balancer.arn, &group.arn, *minute, *requests);
            }
        }
    }

    /// A panic while this was locked is a failed test already; what it holds is still the truth.
    fn regional(&self) -> Here<'_> {
        Here::new(self.partition(), &self.here)
    }

    fn partition(&self) -> MutexGuard<'_, Partition> {
        self.partition.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Regional {
    fn new(seed: u64, options: AwsOptions) -> Self {
        let mut seeds = fastrand::Rng::with_seed(seed);
        Self {
            pace: seeds.fork(),
            requests: seeds.fork(),
            log: CallLog::default(),
            buckets: Buckets::default(),
            elbv2: Elb::new(seeds.u64(..), options.clone()),
            cloudwatch: CloudWatch::new(seeds.u64(..), options.arrival.clone(), options.datapoints_per_page),
            ec2: Ec2::new(seeds.u64(..), &options),
        }
    }
}

/// An identifier in the form of a UUID.
fn request_id(chance: &mut fastrand::Rng) -> String {
    let number = format!("{:032x}", chance.u128(..));
    format!("{}-{}-{}-{}-{}", &number[..8], &number[8..12], &number[12..16], &number[16..20], &number[20..])
}

#[cfg(test)]
mod tests;
