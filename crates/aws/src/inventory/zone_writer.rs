//! The writes to zones of Route 53: what is wanted of many names of a zone at once goes in one request.
//!
//! A zone takes one batch at a time, and AWS counts the requests of an account and the changes in them. So whoever wants to
//! write hands in what it wants, with the tokens for its changes, and waits; as soon as the zone is free and nobody is about to
//! hand in more, all go together, the most urgent first. What is wanted of a name is never divided.
//!
//! AWS takes a batch or refuses it, and does not always say for what. Those that it names are answered, and the others go
//! again; where it names none, each half goes by itself, so that nobody suffers from another's mistake for long.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture, Shared, WeakShared};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};
use weir_engine::dns::{DnsName, ZoneId};
use weir_engine::fact::{AwsError, ErrorKind};
use weir_engine::tick::Urgency;
use weir_engine::write::RecordsWrite;

use super::invalidation::Invalidation;
use super::yield_until_idle::yield_until_idle;
use super::{Core, InvalidateOnDrop};
use crate::budget::{CallPriority, CallToken, Family, MOST_CHANGES, Waiters};
use crate::errors::{is_refused_batch, refusal_of, says_busy};
use crate::receipt::Receipt;

/// The most characters of values in a request. Source: "Quotas on `ChangeResourceRecordSets`" in
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>
const MOST_CHARACTERS: usize = 32_000;
/// How long those wait at most that have handed in what they want for others that are about to.
const BOARDING_TIME: Duration = Duration::from_millis(500);
/// After how long a request goes again that the zone or the account was too busy for: nothing was done then. Each further time
/// after twice as long.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
/// After how long at most.
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);
/// How long a zone is left alone that has taken a request: AWS says of no answer how long it is busy, and users get through
/// with this (<https://github.com/NixOS/nixops/issues/177>).
const DIGESTION: Duration = Duration::from_millis(500);
/// After so many refusals within a minute a zone gets few requests.
const MANY_REFUSALS: usize = 30;
/// How far apart these are.
const SLOW: Duration = Duration::from_secs(2);

/// What came of a write: `None` where it was not sent, since it was no longer time.
pub type Sent = Option<Result<Receipt, AwsError>>;

/// What is wanted of a name, until it is sent.
struct Entry {
    write: RecordsWrite,
    /// The tokens for its changes.
    call_token: CallToken,
    priority: CallPriority,
    /// How urgent it was when it was handed in: if it is more so now, something else is wanted by now.
    urgency: Urgency,
    right: Right,
    answer: oneshot::Sender<Sent>,
}

/// The right to send a write that waits for its request.
#[derive(Clone)]
pub struct Right {
    /// Until when what it is founded on is new enough; `None` where that does not count.
    pub until: Option<Instant>,
    /// Whether who sends it is still the one who may.
    pub holds: Rc<dyn Fn() -> bool>,
}

impl Right {
    fn is_given(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() <= until) && (self.holds)()
    }
}

impl Entry {
    fn answer(self, sent: Sent) {
        // Who does not wait any more need not know.
        let _ = self.answer.send(sent);
    }

    fn names(&self) -> impl Iterator<Item = &DnsName> {
        let batch = &self.write.batch;
        batch.create.iter().chain(&batch.delete).map(|record| &record.name).chain([&batch.name])
    }

    fn is_rollback(&self) -> bool {
        self.urgency == Urgency::Rollback
    }

    /// Whether it may be sent now, and somebody waits for it.
    fn may_go(&self) -> bool {
        self.right.is_given() && self.priority.urgency() == self.urgency && !self.answer.is_closed()
    }
}

/// What waits for a zone.
#[derive(Default)]
pub(super) struct ZoneWriter {
    entries: Vec<Entry>,
    /// When the first of them was handed in.
    since: Option<Instant>,
    waiters: Option<Waiters>,
    /// What sends them, while there are any.
    driver: Option<WeakShared<LocalBoxFuture<'static, ()>>>,
    refused: VecDeque<Instant>,
    /// When a request was last sent, and when one was last taken.
    sent: Option<Instant>,
    taken: Option<Instant>,
}

/// The zones that something was written to.
pub(super) type ZoneWriters = BTreeMap<ZoneId, ZoneWriter>;

impl ZoneWriter {
    /// Whether those that wait go without waiting for more: they are in a hurry, or as many as fit into a request.
    fn is_due(&self, now: Instant) -> bool {
        let is_full = self.entries.iter().map(|entry| entry.write.batch.elements()).sum::<usize>() >= MOST_CHANGES;
        is_full
            || self.entries.iter().any(Entry::is_rollback)
            || self.since.is_none_or(|since| now >= since + BOARDING_TIME)
    }

    /// Takes out those that go together, as many as fit into a request, the most urgent first.
    fn depart(&mut self, may_go: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        self.entries.sort_by_key(|entry| entry.urgency);
        let (mut elements, mut characters) = (0, 0);
        let mut fits = |entry: &Entry| {
            let is_first = elements == 0;
            elements += entry.write.batch.elements();
            characters += entry.write.batch.characters();
            is_first || (elements <= MOST_CHANGES && characters <= MOST_CHARACTERS)
        };
        let waiting = std::mem::take(&mut self.entries).into_iter();
        let (leaving, staying) = waiting.partition(|entry| may_go(entry) && fits(entry));
        self.entries = staying;
        self.since = Some(Instant::now()).filter(|_| !self.entries.is_empty());
        leaving
    }

    /// When the next request may be sent: once the zone has taken in the last one, and after many refusals it takes its time.
    fn next_request(&mut self, now: Instant) -> Instant {
        while self.refused.front().is_some_and(|at| now.saturating_duration_since(*at) > Duration::from_mins(1)) {
            self.refused.pop_front();
        }
        let slow = self.sent.filter(|_| self.refused.len() >= MANY_REFUSALS).map(|sent| sent + SLOW);
        let digested = self.taken.map(|taken| taken + DIGESTION);
        [slow, digested].into_iter().flatten().fold(now, Instant::max)
    }
}

impl Core {
    /// Writes what is wanted of a name, together with what is wanted of others, unless that takes too long.
    pub(super) async fn write_to_zone(
        self: &Rc<Self>,
        write: &RecordsWrite,
        mut call_token: CallToken,
        priority: &CallPriority,
        right: Right,
    ) -> Sent {
        let Some(zone) = write.zone_id() else {
            let message = format!("{} is not the ARN of a zone", write.zone);
            let operation = write.operation().to_owned();
            return Some(Err(AwsError { kind: ErrorKind::Invalid, operation, message }));
        };
        call_token.hand_in(u32::try_from(write.batch.changes().len()).unwrap_or(u32::MAX));
        let (answer, mut answered) = oneshot::channel();
        let (write, priority) = (write.clone(), priority.clone());
        let urgency = priority.urgency();
        let entry = Entry { write, call_token, priority, urgency, right, answer };
        let driver = self.board(&zone, entry);
        tokio::select! {
            biased;
            sent = &mut answered => sent.ok().flatten(),
            () = driver => answered.await.ok().flatten(),
        }
    }

    /// Adds an entry to those of its zone, and tells what sends them.
    fn board(self: &Rc<Self>, zone: &ZoneId, entry: Entry) -> Shared<LocalBoxFuture<'static, ()>> {
        let mut writers = self.zone_writers.borrow_mut();
        let writer = writers.entry(zone.clone()).or_default();
        match &writer.waiters {
            Some(waiters) => waiters.join(&entry.priority),
            None => writer.waiters = Some(Waiters::of(&entry.priority)),
        }
        writer.entries.push(entry);
        writer.since.get_or_insert_with(Instant::now);
        if let Some(driver) = writer.driver.as_ref().and_then(WeakShared::upgrade) {
            self.budget.reprioritize();
            self.budget.settled(Family::Route53Change).notify_waiters();
            return driver;
        }
        let driver = drive(Rc::clone(self), zone.clone()).boxed_local().shared();
        writer.driver = driver.downgrade();
        driver
    }

    fn writer<T>(&self, zone: &ZoneId, act: impl FnOnce(&mut ZoneWriter) -> T) -> T {
        act(self.zone_writers.borrow_mut().entry(zone.clone()).or_default())
    }
}

/// Sends what waits for a zone, one request after another, until nothing does.
async fn drive(core: Rc<Core>, zone: ZoneId) {
    // Whoever else is about to hand something in in this turn of the runtime comes along.
    yield_until_idle().await;
    loop {
        wait_for_others(&core, &zone).await;
        let next = core.writer(&zone, |writer| writer.next_request(Instant::now()));
        sleep_until(next).await;
        let waiters = core.writer(&zone, |writer| writer.waiters.clone());
        let Some(waiters) = waiters else { break };
        let mut call_token = core.budget.call_token(Family::Route53, &waiters);
        call_token.acquire().await;
        let leaving = core.writer(&zone, |writer| {
            let leaving = writer.depart(|_| true);
            writer.waiters = writer.entries.first().map(|first| Waiters::of(&first.priority));
            if let Some(waiters) = &writer.waiters {
                writer.entries.iter().skip(1).for_each(|entry| waiters.join(&entry.priority));
            }
            leaving
        });
        send(&core, &zone, leaving, &mut call_token).await;
    }
    core.writer(&zone, |writer| writer.driver = None);
}

/// Waits for those who have tokens and are about to hand in what they want.
async fn wait_for_others(core: &Core, zone: &ZoneId) {
    loop {
        let settled = core.budget.settled(Family::Route53Change);
        let (is_due, since) = core.writer(zone, |writer| (writer.is_due(Instant::now()), writer.since));
        let Some(since) = since.filter(|_| !is_due && core.budget.are_coming(Family::Route53Change)) else { return };
        tokio::select! {
            biased;
            () = settled.notified() => {}
            () = sleep_until(since + BOARDING_TIME) => {}
        }
    }
}

/// Answers all of some entries alike.
fn answer_all(entries: Vec<Entry>, sent: &Sent) {
    for entry in entries {
        entry.answer(sent.clone());
    }
}

/// Sends entries of a zone in as few requests as AWS lets them go, and answers each. What the zone or the account was too busy
/// for goes again, as long as it may; what is to go back comes in between.
async fn send(core: &Rc<Core>, zone: &ZoneId, entries: Vec<Entry>, call_token: &mut CallToken) {
    // Of one culprit among a thousand each half is found in ten; where all are refused, that is no way to tell them apart.
    let mut refusals = 2 * (entries.len().max(1).ilog2() + 1);
    let mut parts = vec![entries];
    let mut backoff = FIRST_BACKOFF;
    let mut failure: Option<AwsError> = None;
    while let Some(part) = parts.pop() {
        let part = leave_out_late(part, failure.as_ref());
        if part.is_empty() {
            continue;
        }
        let (part, result) = send_together(core, zone, part, call_token).await;
        match result {
            Err(error) if error.kind == ErrorKind::Throttled && part.iter().any(Entry::may_go) => {
                failure = Some(error);
                parts.push(part);
                sleep(backoff).await;
                backoff = (backoff * 2).min(LONGEST_BACKOFF);
            }
            Err(error) if is_for_one(&error) && part.len() > 1 && refusals > 0 => {
                refusals -= u32::from(!is_refused_batch(&error));
                failure = Some(error.clone());
                parts.extend(without_culprits(part, &error));
            }
            result => {
                backoff = FIRST_BACKOFF;
                answer_all(part, &Some(result));
            }
        }
        if !parts.is_empty() {
            let urgent = core.writer(zone, |writer| writer.depart(Entry::is_rollback));
            for entry in &urgent {
                call_token.join(&entry.priority);
            }
            parts.push(urgent);
        }
    }
}

/// Whether a failure may be that of one name among several: AWS has refused something in the request, or may not be asked for it.
fn is_for_one(error: &AwsError) -> bool {
    matches!(error.kind, ErrorKind::Denied | ErrorKind::Invalid | ErrorKind::Conflict | ErrorKind::Quota)
}

/// Those that may be sent. The others are answered: with what AWS has said before, where it has, so that they do not begin anew
/// together.
fn leave_out_late(part: Vec<Entry>, failure: Option<&AwsError>) -> Vec<Entry> {
    let (going, late): (Vec<Entry>, Vec<Entry>) = part.into_iter().partition(Entry::may_go);
    answer_all(late, &failure.map(|error| Err(error.clone())));
    going
}

/// Answers those for which a request was refused, and tells what goes again without them: where nobody is named, both halves,
/// each by itself.
fn without_culprits(part: Vec<Entry>, error: &AwsError) -> Vec<Vec<Entry>> {
    let (mut rest, mut is_anybody_named) = (Vec::new(), false);
    for entry in part {
        match refusal_of(error, entry.names()) {
            Some(refusal) => {
                is_anybody_named = true;
                entry.answer(Some(Err(refusal)));
            }
            None => rest.push(entry),
        }
    }
    if is_anybody_named {
        return vec![rest];
    }
    let half = rest.split_off(rest.len() / 2);
    vec![half, rest]
}

/// Sends entries in one request once the zone can take it; those that may not be sent any more are answered. Tells which were
/// sent, and what came of it.
async fn send_together(
    core: &Rc<Core>,
    zone: &ZoneId,
    entries: Vec<Entry>,
    call_token: &mut CallToken,
) -> (Vec<Entry>, Result<Receipt, AwsError>) {
    let next = core.writer(zone, |writer| writer.next_request(Instant::now()));
    sleep_until(next).await;
    call_token.acquire().await;
    let mut going = leave_out_late(entries, None);
    if going.is_empty() {
        return (going, Ok(Receipt::default()));
    }
    let result = request(core, zone, &mut going, call_token).await;
    (going, result)
}

/// Sends one request, and notes what came of it.
async fn request(
    core: &Rc<Core>,
    zone: &ZoneId,
    part: &mut [Entry],
    call_token: &mut CallToken,
) -> Result<Receipt, AwsError> {
    let now = Instant::now();
    for entry in part.iter_mut() {
        entry.call_token.use_up();
    }
    core.writer(zone, |writer| writer.sent = Some(now));
    let writes: Vec<&RecordsWrite> = part.iter().map(|entry| &entry.write).collect();
    let invalidation = Invalidation::of_records(&writes);
    core.invalidate(&invalidation);
    let _at_the_end = InvalidateOnDrop { core, invalidation };
    let taken = core.route53.replace(zone, &writes, call_token).await;
    match &taken {
        Ok(_) => core.writer(zone, |writer| writer.taken = Some(Instant::now())),
        Err(error) if is_refused_batch(error) => core.writer(zone, |writer| writer.refused.push_back(now)),
        // Which of the two limits it was, AWS does not say.
        Err(error) if error.kind == ErrorKind::Throttled && !says_busy(error) => {
            core.budget.was_throttled(Family::Route53Change, now);
        }
        Err(_) => {}
    }
    taken.map_err(|error| core.located(error, Family::Route53Change))
}

#[cfg(test)]
mod tests;
