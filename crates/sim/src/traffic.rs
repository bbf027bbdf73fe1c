//! Clients that send requests through a balancer, and what becomes of them.
//!
//! Requests are spread evenly over time and answered as the data plane stood at the instant of each one, so that it
//! does not matter in how many portions the world asks for them: the same seed gives the same requests and answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use self::tally::Tally;
use crate::aws::{AppBehaviour, Aws, CheckAnswer, HttpRequest, Lane, Passage, Way};

mod tally;

pub use self::tally::{Cause, Counts};

/// Who sends requests where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrafficSettings {
    /// The name of the balancer.
    pub balancer: String,
    /// The port.
    pub port: u16,
    /// What each request is.
    pub request: HttpRequest,
    /// Requests of all clients together.
    pub requests_per_second: u32,
    /// How many clients take turns at random.
    pub clients: u32,
    /// How many of a thousand clients send the balancer's cookies back.
    pub keep_cookies_permille: u32,
}

impl TrafficSettings {
    /// A hundred requests a second to `/` from a thousand clients, of which nine in ten keep cookies.
    pub fn to(balancer: impl Into<String>, port: u16, host: impl Into<String>) -> Self {
        Self {
            balancer: balancer.into(),
            port,
            request: HttpRequest::get(host, "/"),
            requests_per_second: 100,
            clients: 1000,
            keep_cookies_permille: 900,
        }
    }
}

/// A stream of requests in the hands of whoever watches it. It ends when this is dropped.
#[derive(Debug)]
pub struct Traffic {
    stream: Arc<Mutex<Stream>>,
}

/// A stream of requests.
#[derive(Debug)]
pub(crate) struct Stream {
    aws: Arc<Aws>,
    settings: TrafficSettings,
    chance: fastrand::Rng,
    start: Timestamp,
    /// How many requests have been sent.
    sent: u64,
    /// The cookie of each client; `None` also for those that keep none.
    cookies: Vec<Option<Cookie>>,
    /// Whose turn it is in each group.
    turns: BTreeMap<Arc<str>, usize>,
    tally: Tally,
}

/// `AWSALBTG`: a client belongs to a group for a while.
#[derive(Clone, Debug)]
struct Cookie {
    group: Arc<str>,
    until: Timestamp,
}

impl Traffic {
    /// Requests that begin now.
    pub fn new(aws: Arc<Aws>, seed: u64, settings: TrafficSettings) -> Self {
        let stream = Arc::new(Mutex::new(Stream::new(Arc::clone(&aws), seed, settings)));
        aws.follow(&stream);
        Self { stream }
    }

    /// Sends all requests that are due before an instant, or before now if that is earlier: what happens now is not
    /// over yet, and nobody knows the future.
    pub fn advance_to(&mut self, instant: Timestamp) {
        self.stream().advance_to(instant);
    }

    /// All requests so far.
    pub fn totals(&self) -> Counts {
        self.stream().tally.totals()
    }

    /// All requests so far by name of group.
    pub fn by_group(&self) -> BTreeMap<String, Counts> {
        self.stream().tally.by_group()
    }

    /// Why requests failed, and in which group if it came to one.
    pub fn failures(&self) -> BTreeMap<(Option<String>, Cause), u64> {
        self.stream().tally.failures()
    }

    /// Why requests failed, wherever.
    pub fn causes(&self) -> BTreeMap<Cause, u64> {
        let mut causes = BTreeMap::new();
        for ((_, cause), count) in self.failures() {
            *causes.entry(cause).or_default() += count;
        }
        causes
    }

    /// The requests of the last seconds by name of group.
    pub fn window(&self, seconds: u64) -> BTreeMap<String, Counts> {
        self.stream().tally.window(seconds)
    }

    /// The share of each group in the requests of the last seconds that came to one, in thousandths.
    pub fn shares_permille(&self, seconds: u64) -> BTreeMap<String, u32> {
        let window = self.window(seconds);
        let total: u64 = window.values().map(|counts| counts.sent).sum();
        let share = |counts: Counts| (counts.sent * 1000 + total / 2).checked_div(total).unwrap_or(0);
        window.into_iter().map(|(group, counts)| (group, u32::try_from(share(counts)).unwrap_or(1000))).collect()
    }

    /// A panic while a stream was locked is a failed test already.
    fn stream(&self) -> MutexGuard<'_, Stream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    fn new(aws: Arc<Aws>, seed: u64, settings: TrafficSettings) -> Self {
        let start = aws.clock().now();
        let clients = usize::try_from(settings.clients.max(1)).unwrap_or(usize::MAX);
        Self {
            aws,
            chance: fastrand::Rng::with_seed(seed),
            start,
            sent: 0,
            cookies: vec![None; clients],
            turns: BTreeMap::new(),
            tally: Tally::default(),
            settings,
        }
    }

    /// Sends all requests that are due before an instant, or before now if that is earlier: what happens now is not
    /// over yet, and nobody knows the future.
    pub(crate) fn advance_to(&mut self, instant: Timestamp) {
        let end = instant.min(self.aws.clock().now());
        let mut passage: Option<Passage> = None;
        let mut counts: BTreeMap<(Timestamp, Arc<str>), u64> = BTreeMap::new();
        while let Some(at) = self.due().filter(|at| *at < end) {
            let known = passage.take().filter(|passage| passage.until.is_none_or(|until| at < until));
            let current = known.unwrap_or_else(|| {
                let TrafficSettings { balancer, port, request, .. } = &self.settings;
                self.aws.passage(balancer, *port, request, at)
            });
            let second = self.sent / u64::from(self.settings.requests_per_second);
            let (group, outcome) = self.send(&current, at);
            // The metric counts requests for which a target could be chosen.
            if let Some(group) = group.as_ref().filter(|_| outcome != Err(Cause::NoTargets)) {
                *counts.entry((whole_minute(at), Arc::clone(group))).or_default() += 1;
            }
            self.tally.record(second, group, outcome);
            self.sent += 1;
            passage = Some(current);
        }
        if !counts.is_empty() {
            self.aws.count_requests(&self.settings.balancer, &counts);
        }
    }

    /// When the next request is due; `None` when none is ever sent.
    fn due(&self) -> Option<Timestamp> {
        let rate = u64::from(self.settings.requests_per_second);
        let whole = Duration::from_secs(self.sent.checked_div(rate)?);
        let part = Duration::from_nanos((self.sent % rate) * 1_000_000_000 / rate);
        Some(self.start + whole + part)
    }

    /// One request of a random client: the group it was sent to, if any, and what became of it.
    fn send(&mut self, passage: &Passage, at: Timestamp) -> (Option<Arc<str>>, Result<(), Cause>) {
        let client = self.chance.usize(..self.cookies.len());
        let (lanes, sticky) = match &passage.way {
            None => return (None, Err(Cause::NobodyListens)),
            Some(Way::Answer(status)) if *status >= 500 => return (None, Err(Cause::BalancerAnswer(*status))),
            Some(Way::Answer(_)) => return (None, Ok(())),
            Some(Way::Forward { lanes, sticky }) => (lanes, sticky),
        };
        let held = sticky.and_then(|_| self.held(client, lanes, at));
        let Some(lane) = held.or_else(|| self.draw(lanes)) else { return (None, Err(Cause::NoWeight)) };
        let lane = &lanes[lane];
        if let Some(duration) = sticky
            && self.keeps_cookies(client)
        {
            // Each answer brings a fresh cookie, so a client that keeps coming stays.
            self.cookies[client] = Some(Cookie { group: Arc::clone(&lane.group), until: at + *duration });
        }
        let outcome = self.ask(lane);
        (Some(Arc::clone(&lane.group)), outcome)
    }

    /// The first clients are those that keep cookies: clients are alike otherwise.
    fn keeps_cookies(&self, client: usize) -> bool {
        let keepers = self.cookies.len() * usize::try_from(self.settings.keep_cookies_permille).unwrap_or(1000) / 1000;
        client < keepers
    }

    /// The lane that a client's cookie names, whatever its weight, while its group is still in the forward.
    fn held(&self, client: usize, lanes: &[Lane], at: Timestamp) -> Option<usize> {
        let cookie = self.cookies[client].as_ref().filter(|cookie| at < cookie.until)?;
        lanes.iter().position(|lane| lane.group == cookie.group)
    }

    /// A lane by weight.
    fn draw(&mut self, lanes: &[Lane]) -> Option<usize> {
        let total: u32 = lanes.iter().map(|lane| lane.weight).sum();
        if total == 0 {
            return None;
        }
        let mut drawn = self.chance.u32(..total);
        lanes.iter().position(|lane| {
            let here = drawn < lane.weight;
            drawn = drawn.saturating_sub(lane.weight);
            here
        })
    }

    /// Sends to the targets of a group in turn.
    fn ask(&mut self, lane: &Lane) -> Result<(), Cause> {
        if lane.targets.is_empty() {
            return Err(Cause::NoTargets);
        }
        let turn = self.turns.entry(Arc::clone(&lane.group)).or_default();
        let (_, AppBehaviour { checks, error_permille }) = lane.targets[*turn % lane.targets.len()];
        *turn = turn.wrapping_add(1);
        if self.chance.u32(..1000) >= error_permille {
            return Ok(());
        }
        Err(if checks == CheckAnswer::NotAtAll { Cause::NoAnswer } else { Cause::AppError })
    }
}

/// The minute in which something happens, by its beginning.
fn whole_minute(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() - at.as_second().rem_euclid(60)).unwrap_or(at)
}

#[cfg(test)]
mod tests;
