//! What is known of AWS, shared by everyone in the process who asks.
//!
//! Invariants: a reading is dated by the instant at which its request was sent; of what a write may have changed,
//! no reading is served that was not sent after the write's end; equal questions under way share one call, and
//! nothing is borrowed across an await.

mod batch;
mod fetch;
mod invalidation;
mod memory;
mod resync;
mod tag_poll;
mod yield_until_idle;
mod zone_writer;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use aws_types::SdkConfig;
use futures::future::{self, FutureExt};
use jiff::{SignedDuration, Timestamp};
use weir_engine::Arn;
use weir_engine::fact::{AwsError, ErrorKind, Fact, Query};
use weir_engine::forecast::Limits;
use weir_engine::guard::Permit;
use weir_engine::reader::Ask;
use weir_engine::tick::Urgency;
use weir_engine::write::Write;

use self::batch::{BatchGuard, BatchResult, Batches, SharedResult};
use self::invalidation::Invalidation;
use self::memory::Memory;
use self::resync::LastReported;
pub use self::resync::{ResyncReport, ResyncScope};
use self::tag_poll::TagPoll;
use self::zone_writer::ZoneWriters;
pub use self::zone_writer::{Right, Sent};
use crate::budget::{Budget, CallPriority, CallToken, Family, Waiters};
use crate::cloudwatch::CloudWatch;
use crate::elb::Elb;
use crate::meter::{Call, Clock, Meter};
use crate::route53::Route53;

/// There is no region to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "found no AWS region: set AWS_REGION or --region, or a region in the shared config file's profile (AWS_PROFILE)"
)]
pub struct NoRegion;

/// The shared inventory of one account and region.
pub struct Inventory {
    core: Rc<Core>,
}

/// What calls under way hold on to, so that they outlive the one who asked first.
struct Core {
    elb: Elb,
    region: String,
    /// The account, once something that was found has told it.
    account: RefCell<Option<String>>,
    cloudwatch: CloudWatch,
    route53: Route53,
    clock: Clock,
    budget: Budget,
    memory: RefCell<Memory>,
    batches: RefCell<Batches>,
    zone_writers: RefCell<ZoneWriters>,
    last_reported: RefCell<LastReported>,
    tag_poll: RefCell<TagPoll>,
}

impl Inventory {
    /// An inventory that knows nothing yet. Region, credentials, endpoint and HTTP client are those of the
    /// configuration; `meter` is told of every call.
    pub fn new(
        config: &SdkConfig,
        clock: impl Fn() -> Timestamp + 'static,
        meter: impl Fn(Call) + 'static,
    ) -> Result<Self, NoRegion> {
        Self::with_budget(config, Budget::new(), clock, meter)
    }

    /// The same, spending from a budget that others who call the same account and region spend from too.
    pub fn with_budget(
        config: &SdkConfig,
        budget: Budget,
        clock: impl Fn() -> Timestamp + 'static,
        meter: impl Fn(Call) + 'static,
    ) -> Result<Self, NoRegion> {
        let region = config.region().ok_or(NoRegion)?.to_string();
        let clock: Clock = Rc::new(clock);
        let meter: Meter = Rc::new(meter);
        let core = Core {
            elb: Elb::new(config, Rc::clone(&clock), Rc::clone(&meter)),
            region,
            account: RefCell::default(),
            cloudwatch: CloudWatch::new(config, Rc::clone(&clock), Rc::clone(&meter)),
            route53: Route53::new(config, Rc::clone(&clock), meter),
            clock,
            budget,
            memory: RefCell::default(),
            batches: RefCell::default(),
            zone_writers: RefCell::default(),
            last_reported: RefCell::default(),
            tag_poll: RefCell::default(),
        };
        Ok(Self { core: Rc::new(core) })
    }

    /// Answers one question: from memory if what is known is not older than asked for, else by a call. Requests are
    /// told as they were last counted, see [`Self::measure`].
    pub async fn answer(&self, ask: &Ask, priority: &CallPriority) -> (Query, Fact) {
        if let Query::Requests(_) = &ask.query {
            let last = self.core.memory.borrow_mut().last(&ask.query, self.core.now());
            return (ask.query.clone(), last.unwrap_or_else(Fact::uncounted));
        }
        match self.core.source(ask, priority) {
            Source::Known(fact) => (ask.query.clone(), fact),
            Source::Called(result) => (ask.query.clone(), answer_from(&result.await, &ask.query)),
        }
    }

    /// Answers questions, in their order. Those that one call can answer together are put into one, also with the
    /// questions of others who ask at the same moment or whose call still waits for its turn.
    pub async fn answer_all(&self, asks: &[Ask], priority: &CallPriority) -> Vec<(Query, Fact)> {
        future::join_all(asks.iter().map(|ask| self.answer(ask, priority))).await
    }

    /// The quotas of the account that forecasts count against. They are not remembered: who asks for them asks once.
    pub async fn limits(&self, priority: &CallPriority) -> Result<Limits, AwsError> {
        let mut call_token = self.core.budget.call_token(Family::Describe, &Waiters::of(priority));
        let limits = self.core.elb.limits(&mut call_token).await;
        limits.map_err(|error| self.core.located(error, Family::Describe))
    }

    /// How many tokens of a family others than rollbacks could take now.
    pub fn available(&self, family: Family) -> usize {
        self.core.budget.available(family)
    }

    /// How many tokens of a family others than rollbacks could take at most, after a rest.
    pub fn most(&self, family: Family) -> usize {
        self.core.budget.most(family)
    }

    /// After which time there could be so many.
    pub fn time_until(&self, family: Family, amount: usize) -> Duration {
        self.core.budget.time_until(family, amount)
    }

    /// Waits until the call budget lets a write of a family be sent that takes so many tokens.
    pub async fn acquire(&self, family: Family, amount: u32, priority: &CallPriority) -> CallToken {
        let mut call_token = self.core.budget.call_tokens(family, amount, &Waiters::of(priority));
        call_token.acquire().await;
        call_token
    }

    /// Whether a token is good for a write.
    pub fn covers(&self, call_token: &CallToken, permit: &Permit) -> bool {
        call_token.covers(permit, &self.core.budget)
    }

    /// Counts requests: asks CloudWatch for all of these at once, so that [`Self::answer`] can tell them. Costs one
    /// call for every 500. What cannot be read is remembered as such.
    pub async fn measure(&self, requests: &BTreeSet<Query>) {
        let not_before = self.core.now();
        let priority = CallPriority::new(Urgency::Routine);
        let asks = requests.iter().map(|query| Ask::new(query.clone(), not_before));
        let results: Vec<SharedResult> = asks
            .filter_map(|ask| match self.core.source(&ask, &priority) {
                Source::Known(_) => None,
                Source::Called(result) => Some(result),
            })
            .collect();
        future::join_all(results).await;
    }

    /// Carries out a write: sent once, given five seconds, and as long as there is the right to send it. Whatever comes of it, what is
    /// remembered of the things it touched is forgotten, so that the next question is really asked.
    ///
    /// What is wanted of a name on Route 53 waits until its zone is free, and goes with what is wanted of others.
    pub async fn perform(&self, permit: Permit, call_token: CallToken, priority: &CallPriority, right: Right) -> Sent {
        self.send(permit.write(), call_token, priority, right).await
    }

    /// Sends a write. [`Self::perform`] alone may do so, since it has a permit.
    async fn send(&self, write: &Write, mut call_token: CallToken, priority: &CallPriority, right: Right) -> Sent {
        if let Write::Records(write) = write {
            return self.core.write_to_zone(write, call_token, priority, right).await;
        }
        let invalidation = Invalidation::of(write, &self.core.memory.borrow());
        self.core.invalidate(&invalidation);
        let _at_the_end = InvalidateOnDrop { core: &self.core, invalidation };
        let written = match write {
            Write::Listener(write) => self.core.elb.write(write, &mut call_token).await,
            Write::Tags(write) => self.core.elb.tag(write, &mut call_token).await,
            Write::Records(_) => return None,
        };
        Some(written.map_err(|error| self.core.located(error, Family::of(write))))
    }

    /// Sends a write that nobody has permitted.
    #[cfg(test)]
    pub(crate) async fn send_without_permit(
        &self,
        write: &Write,
        call_token: CallToken,
        priority: &CallPriority,
        right: Right,
    ) -> Sent {
        self.send(write, call_token, priority, right).await
    }

    /// Forgets everything: no answer is given any more that was asked for before.
    pub fn forget(&self) {
        *self.core.memory.borrow_mut() = Memory::default();
        *self.core.last_reported.borrow_mut() = LastReported::default();
        *self.core.tag_poll.borrow_mut() = TagPoll::default();
        self.core.batches.borrow_mut().forget();
    }

    /// Reads balancers with their listeners and rules, unless that was done within the last `fresh` span, and target
    /// groups and names on Route 53, more seldom, and reports what has changed since it was last reported. Balancers,
    /// listeners, rules and names that are seen for the first time count as changed. So does what could not be read for so
    /// long that two resyncs have missed it; one failure does not.
    ///
    /// Costs no more than two calls and one for each listener, for each balancer, all resyncs taken together: listeners and
    /// groups are read in every third resync of half a minute, a hundred groups in one call. Names are read once a minute,
    /// all that are on one page of their zone in one call.
    pub async fn resync(&self, scope: &ResyncScope, fresh: SignedDuration) -> ResyncReport {
        resync::resync(self, scope, fresh).await
    }

    /// Reads the tags of resources again, each at least every ten minutes when this is called at least every minute,
    /// and reports which ones have others than last reported.
    ///
    /// Costs one call for twenty resources every nine minutes, spread over them.
    pub async fn poll_tags(&self, resources: &BTreeSet<Arn>) -> BTreeSet<Arn> {
        tag_poll::poll(self, resources).await
    }
}

/// Where an answer comes from.
enum Source {
    Known(Fact),
    Called(SharedResult),
}

impl Core {
    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Finds the answer in memory, in a call under way, or by a new call.
    fn source(self: &Rc<Self>, ask: &Ask, priority: &CallPriority) -> Source {
        let now = self.now();
        // Nothing can be newer than now; an asker whose clock is ahead gets what is read from now on.
        let not_before = ask.not_before.min(now);
        let mut memory = self.memory.borrow_mut();
        if let Some(fact) = memory.recall(&ask.query, not_before, now) {
            return Source::Known(fact);
        }
        let mut batches = self.batches.borrow_mut();
        let is_doubtful = memory.is_doubtful(&ask.query);
        if let Some(result) = batches.join(&ask.query, (not_before, now), is_doubtful, priority) {
            self.budget.reprioritize();
            return Source::Called(result);
        }
        let waiters = Waiters::of(priority);
        let guard = BatchGuard::new(batches.next_number(), waiters.clone(), Rc::clone(self));
        let number = guard.number();
        let result = run_batch(guard, Family::answering(&ask.query)).boxed_local().shared();
        batches.open(number, &ask.query, is_doubtful, waiters, &result);
        Source::Called(result)
    }

    /// An error that depends on where AWS was asked says so: the commonest mistake is the wrong region or account.
    fn located(&self, error: AwsError, family: Family) -> AwsError {
        if !matches!(error.kind, ErrorKind::NotFound | ErrorKind::Denied | ErrorKind::Invalid) {
            return error;
        }
        let account = self.account.borrow().as_ref().map(|account| format!("account {account}"));
        let region = Some(format!("region {}", self.region)).filter(|_| !family.is_global());
        let place: Vec<String> = account.into_iter().chain(region).collect();
        if place.is_empty() {
            return error;
        }
        let message = format!("{} (in {})", error.message, place.join(", "));
        AwsError { message, ..error }
    }

    /// The same of an answer; what was found tells the account.
    fn located_fact(&self, fact: Fact, family: Family) -> Fact {
        if let Some(arn) = memory::found_arn(&fact).filter(|_| self.account.borrow().is_none()) {
            *self.account.borrow_mut() = arn.account().map(str::to_owned);
        }
        Fact { found: fact.found.map_err(|error| Box::new(self.located(*error, family))), ..fact }
    }

    /// Invalidates what a write may have changed, and does not wait for readings under way.
    fn invalidate(&self, invalidation: &Invalidation) {
        self.memory.borrow_mut().forget(invalidation);
        self.batches.borrow_mut().invalidate(invalidation);
    }
}

/// Invalidates when dropped: also when the write's future is dropped before its end.
struct InvalidateOnDrop<'a> {
    core: &'a Core,
    invalidation: Invalidation,
}

impl Drop for InvalidateOnDrop<'_> {
    fn drop(&mut self) {
        self.core.invalidate(&self.invalidation);
    }
}

/// Makes the calls of one batch and remembers what they brought.
async fn run_batch(guard: BatchGuard, family: Family) -> BatchResult {
    // Whoever else is about to ask something in this turn of the runtime may still come along.
    yield_until_idle::yield_until_idle().await;
    let core = guard.core();
    let mut call_token = core.budget.call_token(family, guard.waiters());
    call_token.acquire().await;
    let batch = core.batches.borrow_mut().close(guard.number(), core.now(), &core.memory.borrow());
    let overtaken = core.batches.borrow().overtaken();
    let facts = fetch::fetch(core, &batch, &mut call_token).await;
    let now = core.now();
    let batches = core.batches.borrow();
    let mut memory = core.memory.borrow_mut();
    let facts = facts.into_iter().map(|(query, fact)| {
        let fact = memory.dated(&query, core.located_fact(fact, family));
        (query, fact)
    });
    let facts: BTreeMap<Query, Fact> = facts.collect();
    for (query, fact) in &facts {
        let is_along = !batch.has(query) && batches.overtaken() == overtaken;
        if is_along || batches.is_current(guard.number(), query) {
            memory.keep(query, fact, now);
        }
    }
    drop((batches, memory));
    Rc::new(facts)
}

fn answer_from(result: &BatchResult, query: &Query) -> Fact {
    result.get(query).cloned().expect("a batch answers each question that was put into it")
}

#[cfg(test)]
mod tests;
