//! Counting requests: in all, by group, by cause of failure, and for the last minutes second by second.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

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
}

type ByGroup = BTreeMap<Arc<str>, Counts>;

/// The counts of one stream.
#[derive(Debug, Default)]
pub(super) struct Tally {
    totals: Counts,
    by_group: ByGroup,
    failures: BTreeMap<(Option<Arc<str>>, Cause), u64>,
    /// The last seconds, the newest last; seconds without requests are left out.
    seconds: VecDeque<(u64, ByGroup)>,
}

impl Tally {
    pub(super) fn record(&mut self, second: u64, group: Option<Arc<str>>, outcome: Result<(), Cause>) {
        let failed = outcome.is_err();
        self.totals.add(failed);
        if self.seconds.back().is_none_or(|(last, _)| *last != second) {
            self.seconds.push_back((second, ByGroup::new()));
            while self.seconds.front().is_some_and(|(first, _)| first + KEPT_SECONDS <= second) {
                self.seconds.pop_front();
            }
        }
        if let Some(group) = &group {
            self.by_group.entry(Arc::clone(group)).or_default().add(failed);
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
        self.by_group.iter().map(|(group, counts)| (group.to_string(), *counts)).collect()
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
                let sum = window.entry(group.to_string()).or_default();
                sum.sent += counts.sent;
                sum.failed += counts.failed;
            }
        }
        window
    }
}
