//! What befalls a play: drawn from the lab's list, at moments drawn from its requests.

use std::str::FromStr;

use fastrand::Rng;

use crate::fault::{Moment, Planned, Side};
use crate::search::accidents;

/// The most accidents of a play.
const MOST: usize = 3;

/// What befalls each play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Accidents {
    /// Nothing.
    None,
    /// One accident.
    Single,
    /// One to three.
    Random,
}

impl Accidents {
    /// Each, with the word for it.
    pub const ALL: [(&'static str, Self); 3] =
        [("none", Self::None), ("single", Self::Single), ("random", Self::Random)];

    /// Those of a seed, in a play whose controllers make so many requests while nothing befalls them.
    pub(super) fn draw(self, seed: u64, requests: u64, groups: &[String]) -> Vec<Planned> {
        // What else is drawn from the seed shall not hang on this.
        let mut chance = Rng::with_seed(!seed);
        let count = match self {
            Self::None => 0,
            Self::Single => 1,
            Self::Random => chance.usize(1..=MOST),
        };
        let possible = accidents(groups);
        let mut planned: Vec<Planned> = (0..count)
            .map(|_| {
                let side = if chance.bool() { Side::Before } else { Side::After };
                let at = Moment::Request(chance.u64(1..=requests), side);
                Planned { at, fault: possible[chance.usize(..possible.len())].clone() }
            })
            .collect();
        planned.sort();
        planned
    }
}

impl FromStr for Accidents {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(word, _)| *word == text);
        found.map(|(_, accidents)| *accidents).ok_or_else(|| "expected none, single or random".to_owned())
    }
}
