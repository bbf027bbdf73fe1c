//! Counting requests: in all, by group, by balancer, by cause of failure, and for the last minutes second by second.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

/// For how many seconds single seconds are kept.
const KEPT_SECONDS: u64 = 900;

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The application answered with status 500.
    AppError,
    /// The application did not answer: 504.
    NoAnswer,
    /// The group had no target that takes requests: 503.
    NoTargets,
    /// All weights of the forward were zero: 503.
    NoWeight,
    /// The rule itself says to answer with this status.
    BalancerAnswer(u16),
    /// There is no such listener, or its balancer is not active yet.
    NobodyListens,
    /// There is no such name, or nobody who could answer for it.
    NameNotFound,
    /// The name has no address of the versions that the client has, or one that is no balancer's.
    NoAddress,
    /// The name leads to a balancer that is not there any more, or it did when the resolver last asked.
    BalancerGone,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AppError => formatter.write_str("the application answered 500"),
            Self::NoAnswer => formatter.write_str("the application did not answer (504)"),
            Self::NoTargets => formatter.write_str("the target group had no targets (503)"),
            Self::NoWeight => formatter.write_str("all weights were zero (503)"),
            Self::BalancerAnswer(status) => write!(formatter, "the rule answers {status}"),
            Self::NobodyListens => formatter.write_str("nobody listened"),
            Self::NameNotFound => formatter.write_str("the name was not found"),
            Self::NoAddress => formatter.write_str("the name had no address of a balancer"),
            Self::BalancerGone => formatter.write_str("the name led to a balancer that was gone"),
        }
    }
}

/// How many requests there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub sent: u64,
    /// Those that failed: with a status of 500 or more, or without any answer.
    pub failed: u64,
}

impl Counts {
    /// Those that did not fail.
    pub fn answered(self) -> u64 {
        self.sent - self.failed
    }

    fn add(&mut self, failed: bool) {
        self.sent += 1;
        self.failed += u64::from(failed);
    }

    fn join(&mut self, other: Self) {
        self.sent += other.sent;
        self.failed += other.failed;
    }
}

/// A request: where it came, and what became of it.
#[derive(Debug)]
pub(super) struct Trip {
    /// The name or the ARN of the balancer that it was sent to, if it was.
    pub(super) balancer: Option<Arc<str>>,
    /// The name of the group that it came to, if it did.
    pub(super) group: Option<Arc<str>>,
    pub(super) outcome: Result<(), Cause>,
}

type ByGroup = BTreeMap<Arc<str>, Counts>;

/// Requests to one place, and when the last one was sent there.
#[derive(Clone, Copy, Debug)]
struct Visits {
    counts: Counts,
    last: Timestamp,
}

type ByPlace = BTreeMap<Arc<str>, Visits>;

/// The counts of one stream.
#[derive(Debug, Default)]
pub(super) struct Tally {
    totals: Counts,
    by_group: ByPlace,
    /// By name or ARN.
    by_balancer: ByPlace,
    failures: BTreeMap<(Option<Arc<str>>, Cause), u64>,
    /// The last seconds, the newest last; seconds without requests are left out.
    seconds: VecDeque<(u64, ByGroup)>,
}

impl Tally {
    pub(super) fn record(&mut self, second: u64, at: Timestamp, Trip { balancer, group, outcome }: Trip) {
        let failed = outcome.is_err();
        self.totals.add(failed);
        if self.seconds.back().is_none_or(|(last, _)| *last != second) {
            self.seconds.push_back((second, ByGroup::new()));
            while self.seconds.front().is_some_and(|(first, _)| first + KEPT_SECONDS <= second) {
                self.seconds.pop_front();
            }
        }
        if let Some(balancer) = balancer {
            visit(&mut self.by_balancer, balancer, at, failed);
        }
        if let Some(group) = &group {
            visit(&mut self.by_group, Arc::clone(group), at, failed);
            if let Some((_, counts)) = self.seconds.back_mut() {
                counts.entry(Arc::clone(group)).or_default().add(failed);
            }
        }
        if let Err(cause) = outcome {
            *self.failures.entry((group, cause)).or_default() += 1;
        }
    }

    pub(super) fn totals(&self) -> Counts {
        self.totals
    }

    pub(super) fn by_group(&self) -> BTreeMap<String, Counts> {
        self.by_group.iter().map(|(group, visits)| (group.to_string(), visits.counts)).collect()
    }

    pub(super) fn last_seen(&self) -> BTreeMap<String, Timestamp> {
        self.by_group.iter().map(|(group, visits)| (group.to_string(), visits.last)).collect()
    }

    /// Balancers of one name in several places count as one.
    pub(super) fn by_balancer(&self) -> BTreeMap<String, Counts> {
        let mut sums: BTreeMap<String, Counts> = BTreeMap::new();
        for (balancer, visits) in &self.by_balancer {
            sums.entry(name_of(balancer)).or_default().join(visits.counts);
        }
        sums
    }

    pub(super) fn last_seen_by_balancer(&self) -> BTreeMap<String, Timestamp> {
        let mut last: BTreeMap<String, Timestamp> = BTreeMap::new();
        for (balancer, visits) in &self.by_balancer {
            let latest = last.entry(name_of(balancer)).or_insert(visits.last);
            *latest = visits.last.max(*latest);
        }
        last
    }

    pub(super) fn failures(&self) -> BTreeMap<(Option<String>, Cause), u64> {
        let named = |(group, cause): &(Option<Arc<str>>, Cause)| (group.as_ref().map(ToString::to_string), *cause);
        self.failures.iter().map(|(key, count)| (named(key), *count)).collect()
    }

    pub(super) fn window(&self, seconds: u64) -> BTreeMap<String, Counts> {
        let mut window: BTreeMap<String, Counts> = BTreeMap::new();
        let Some((last, _)) = self.seconds.back() else { return window };
        for (_, counts) in self.seconds.iter().rev().take_while(|(second, _)| second + seconds > *last) {
            for (group, counts) in counts {
                window.entry(group.to_string()).or_default().join(*counts);
            }
        }
        window
    }
}

fn visit(places: &mut ByPlace, place: Arc<str>, at: Timestamp, failed: bool) {
    let visits = places.entry(place).or_insert(Visits { counts: Counts::default(), last: at });
    visits.counts.add(failed);
    visits.last = at;
}

/// The name of a balancer that is given by name or ARN.
fn name_of(balancer: &str) -> String {
    match balancer.split_once(":loadbalancer/") {
        Some((_, path)) => path.split('/').nth(1).unwrap_or(path).to_owned(),
        None => balancer.to_owned(),
    }
}
