//! Clients that send requests to a balancer or to a name, and what becomes of them.
//!
//! Requests are spread evenly over time and answered as name servers and the data plane stood at the instant of each one,
//! so that it does not matter in how many portions the world asks for them: the same seed gives the same requests and
//! answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use self::dns::Seekers;
use self::door::Doors;
use self::tally::{Tally, Trip};
use crate::aws::{AppBehaviour, Aws, CheckAnswer, Lane, Way};

mod dns;
mod door;
mod settings;
mod tally;

pub use self::settings::{Destination, DnsClients, TrafficSettings};
pub use self::tally::{Cause, Counts};

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
    route: Route,
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

/// How clients come to a balancer.
#[derive(Debug)]
enum Route {
    /// They know it, by its name.
    Straight(Arc<str>),
    /// They look for it by a name in DNS.
    ByName(Seekers),
}

/// `AWSALBTG`: a client belongs to a group of a balancer for a while.
#[derive(Clone, Debug)]
struct Cookie {
    balancer: Arc<str>,
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

    /// All requests so far by name of the balancer that they were sent to, also where it was not there any more.
    pub fn by_balancer(&self) -> BTreeMap<String, Counts> {
        self.stream().tally.by_balancer()
    }

    /// When the last request was sent to each group, by its name.
    pub fn last_seen(&self) -> BTreeMap<String, Timestamp> {
        self.stream().tally.last_seen()
    }

    /// When the last request was sent to each balancer, by its name, also where it was not there any more.
    pub fn last_seen_by_balancer(&self) -> BTreeMap<String, Timestamp> {
        self.stream().tally.last_seen_by_balancer()
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
        let route = match &settings.destination {
            Destination::Balancer(balancer) => Route::Straight(Arc::from(balancer.as_str())),
            Destination::Name { zone, name } => {
                Route::ByName(Seekers::new(Arc::clone(&aws), seed, (zone, name), (clients, &settings.dns)))
            }
        };
        Self {
            aws,
            route,
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
        let (aws, request) = (Arc::clone(&self.aws), self.settings.request.clone());
        let mut doors = Doors::new(&aws, self.settings.port, &request);
        while let Some(at) = self.due().filter(|at| *at < end) {
            let second = self.sent / u64::from(self.settings.requests_per_second);
            let trip = self.send(&mut doors, at);
            // The metric counts requests for which a target could be chosen.
            if let (Some(balancer), Some(group)) = (&trip.balancer, &trip.group)
                && trip.outcome != Err(Cause::NoTargets)
            {
                doors.count(balancer, at, group);
            }
            self.tally.record(second, at, trip);
            self.sent += 1;
        }
        doors.report();
    }

    /// When the next request is due; `None` when none is ever sent.
    fn due(&self) -> Option<Timestamp> {
        let rate = u64::from(self.settings.requests_per_second);
        let whole = Duration::from_secs(self.sent.checked_div(rate)?);
        let part = Duration::from_nanos((self.sent % rate) * 1_000_000_000 / rate);
        Some(self.start + whole + part)
    }

    /// One request of a random client.
    fn send(&mut self, doors: &mut Doors<'_>, at: Timestamp) -> Trip {
        let client = self.chance.usize(..self.cookies.len());
        let found = match &mut self.route {
            Route::Straight(balancer) => Ok(Arc::clone(balancer)),
            Route::ByName(seekers) => seekers.find(client, doors, at),
        };
        let balancer = match found {
            Ok(balancer) => balancer,
            Err(cause) => return Trip { balancer: None, group: None, outcome: Err(cause) },
        };
        let door = doors.at(&balancer, at);
        let is_gone = door.keeps.is_none() && matches!(self.route, Route::ByName(_));
        let (group, outcome) = match &door.passage.way {
            None if is_gone => (None, Err(Cause::BalancerGone)),
            None => (None, Err(Cause::NobodyListens)),
            Some(Way::Answer(status)) if *status >= 500 => (None, Err(Cause::BalancerAnswer(*status))),
            Some(Way::Answer(_)) => (None, Ok(())),
            Some(Way::Forward { lanes, sticky }) => self.forward(client, &balancer, (lanes, *sticky), at),
        };
        Trip { balancer: Some(balancer), group, outcome }
    }

    /// A request that a balancer sends on: the group, if any, and what became of it.
    fn forward(
        &mut self,
        client: usize,
        balancer: &Arc<str>,
        (lanes, sticky): (&[Lane], Option<Duration>),
        at: Timestamp,
    ) -> (Option<Arc<str>>, Result<(), Cause>) {
        let held = sticky.and_then(|_| self.held(client, balancer, lanes, at));
        let Some(lane) = held.or_else(|| self.draw(lanes)) else { return (None, Err(Cause::NoWeight)) };
        let lane = &lanes[lane];
        if let Some(duration) = sticky
            && self.keeps_cookies(client)
        {
            // Each answer brings a fresh cookie, so a client that keeps coming stays.
            let (balancer, group) = (Arc::clone(balancer), Arc::clone(&lane.group));
            self.cookies[client] = Some(Cookie { balancer, group, until: at + duration });
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
    fn held(&self, client: usize, balancer: &Arc<str>, lanes: &[Lane], at: Timestamp) -> Option<usize> {
        // A balancer cannot read the cookie of another one.
        let is_valid = |cookie: &&Cookie| at < cookie.until && cookie.balancer == *balancer;
        let cookie = self.cookies[client].as_ref().filter(is_valid)?;
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

#[cfg(test)]
mod tests;
