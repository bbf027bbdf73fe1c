//! Priorities that Weir chooses: more specific rules before less specific ones, lowest free number first, and neither
//! behind a rule that takes all its requests nor before one whose requests it would take.
//!
//! The numbers from 1000 up are cut into bands of [`WIDTH`], one for each class of host, path and number of further
//! conditions, in this order of weight. A band holds as many rules as AWS allows for a whole balancer by default; where
//! one is full after all, the next free number above it is taken. If all that one match is for is also for another, its
//! band is never a later one: each class counts something that cannot become less when a pattern is narrowed. Rules of
//! one band, and those of others, are looked at one by one.

use std::collections::BTreeSet;

use weir_api::Match;

use super::conditions::is_for_everything;
use super::pattern::{HOST_CLASSES, host_class};

/// The first number that is chosen; those below are left to people.
pub const FIRST: i32 = 1_000;
/// The highest priority of ELBv2.
pub const LAST: i32 = 50_000;
/// How many numbers a band has.
pub const WIDTH: i32 = 100;

/// How many classes of paths and further conditions there are.
const PATHS: i32 = 22;
const OTHERS: i32 = 3;

const _: () = assert!(FIRST + HOST_CLASSES * PATHS * OTHERS * WIDTH < LAST, "the bands fit below the highest priority");

/// The numbers between which a rule must stand, both left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The last rule whose requests the new one would take if it stood before it; 0 where there is none.
    pub after: i32,
    /// The first rule that takes all requests of the new one if that stands behind it; above [`LAST`] where there is none.
    pub before: i32,
}

impl Bounds {
    /// Anywhere.
    pub const NONE: Self = Self { after: 0, before: LAST + 1 };

    /// What both allow.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { after: self.after.max(other.after), before: self.before.min(other.before) }
    }

    /// Whether a number is between them.
    pub fn allow(self, number: i32) -> bool {
        self.after < number && number < self.before
    }
}

/// The lowest number between the bounds that is free in the band of a match, or above it; else the highest one below, as
/// far as numbers are chosen. `None` where all are taken.
pub fn choose(matches: &Match, taken: &BTreeSet<i32>, bounds: Bounds) -> Option<i32> {
    let is_free = |number: &i32| bounds.allow(*number) && !taken.contains(number);
    let first = first_of(matches);
    (first..=LAST).find(is_free).or_else(|| (FIRST..first).rev().find(is_free))
}

/// The first number of the band of a match.
pub fn first_of(matches: &Match) -> i32 {
    let host = widest(&matches.hosts, HOST_CLASSES - 1, host_class);
    let path = widest(&matches.paths, PATHS - 1, path_class);
    let further = [
        matches.headers.len(),
        usize::from(!matches.methods.is_empty()),
        usize::from(!matches.query_strings.is_empty()),
        usize::from(!matches.source_ips.is_empty()),
    ];
    let further = i32::try_from(further.iter().sum::<usize>()).unwrap_or(i32::MAX);
    let other = (OTHERS - 1 - further).max(0);
    FIRST + ((host * PATHS + path) * OTHERS + other) * WIDTH
}

/// A list is as specific as its least specific pattern; without any, it is for everything.
fn widest(patterns: &[String], everything: i32, class: impl Fn(&str) -> i32) -> i32 {
    patterns.iter().map(|pattern| class(pattern)).max().unwrap_or(everything)
}

/// 0 for a path without wildcards, then by the number of slashes (5 or more, 4, 3, 2, fewer) and, where that is equal,
/// by the length of the shortest path that it is for.
fn path_class(pattern: &str) -> i32 {
    if is_for_everything("path-pattern", pattern) {
        return PATHS - 1;
    }
    if is_exact(pattern) {
        return 0;
    }
    let slashes = count(pattern, |letter| letter == '/').clamp(1, 5);
    let shortest = count(pattern, |letter| letter != '*');
    let length = match shortest {
        17.. => 0,
        9.. => 1,
        3.. => 2,
        _ => 3,
    };
    1 + (5 - slashes) * 4 + length
}

fn is_exact(pattern: &str) -> bool {
    !pattern.contains(['*', '?'])
}

fn count(pattern: &str, counts: impl Fn(char) -> bool) -> i32 {
    i32::try_from(pattern.chars().filter(|letter| counts(*letter)).count()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
