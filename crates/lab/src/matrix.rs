//! Everything that people may do by hand, in every phase of a run and under every drift policy, and what comes of it.
//!
//! [`page`] is `docs/drift.md`: its table says what came of each when it was played, and a test plays it again.

mod page;
mod play;
mod rows;

use std::collections::BTreeMap;
use std::fmt;

use weir_api::weighted_route::DriftPolicy;

use crate::search::on_all_threads;

pub use page::{page, read};
pub use play::PlayedCell;
use play::play;
pub use rows::{ROWS, Row};

/// The policies, in the order of the columns.
pub const POLICIES: [DriftPolicy; 4] =
    [DriftPolicy::Alert, DriftPolicy::Pause, DriftPolicy::Correct, DriftPolicy::Adopt];

/// When somebody does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The route holds what is live, and no run has moved anything but a first deployment.
    AtRest,
    /// The candidate is attached without weight, and its health is watched.
    Verifying,
    /// Half of the traffic is on the candidate, and the run rests there.
    AtStep,
    /// The same, and somebody has given the command `pause`.
    Paused,
    /// The same, and the traffic is about to go back.
    RollingBack,
    /// The run has succeeded.
    AfterEnd,
}

impl Phase {
    /// All of them, in the order of a run.
    pub const ALL: [Self; 6] =
        [Self::AtRest, Self::Verifying, Self::AtStep, Self::Paused, Self::RollingBack, Self::AfterEnd];

    /// As the page calls it.
    pub fn words(self) -> &'static str {
        match self {
            Self::AtRest => "before a run",
            Self::Verifying => "verifying",
            Self::AtStep => "at a step",
            Self::Paused => "paused",
            Self::RollingBack => "rolling back",
            Self::AfterEnd => "after the end",
        }
    }
}

/// What came of something that somebody did, some minutes later, as AWS and the objects show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// What was put there is live, and is told.
    Left,
    /// What was there before is live again, though nobody has put it back.
    SetAgain,
    /// What was put there is live, and is what the route holds from now on.
    Adopted,
    /// What was live stays live; nothing new begins, and why is told.
    Held,
    /// The run has ended, and the traffic is on what carried it before.
    WentBack,
    /// Nothing has to be met: it goes on as it would have.
    GoesOn,
    /// What was put there is live, and nothing tells it: this must not be.
    Unseen,
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Left => "left",
            Self::SetAgain => "set again",
            Self::Adopted => "adopted",
            Self::Held => "held",
            Self::WentBack => "went back",
            Self::GoesOn => "goes on",
            Self::Unseen => "unseen",
        })
    }
}

/// One thing done in one phase under one policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The number of the row.
    pub row: usize,
    /// The number of the policy.
    pub policy: usize,
    /// When it is done.
    pub phase: Phase,
}

impl Cell {
    /// Plays it.
    pub fn play(self) -> PlayedCell {
        play(&ROWS[self.row], self.phase, POLICIES[self.policy])
    }

    /// Every cell in which something can be done.
    pub fn all() -> Vec<Self> {
        let cells = (0..ROWS.len()).flat_map(|row| (0..POLICIES.len()).map(move |policy| (row, policy)));
        let phases = |(row, policy): (usize, usize)| {
            let fits = move |phase: &Phase| ROWS[row].fits(*phase);
            Phase::ALL.into_iter().filter(fits).map(move |phase| Self { row, policy, phase })
        };
        cells.flat_map(phases).collect()
    }

    /// Every row once under each policy, each in another phase; the number turns the phases round.
    pub fn sample(number: usize) -> Vec<Self> {
        let cells = (0..ROWS.len()).flat_map(|row| (0..POLICIES.len()).map(move |policy| (row, policy)));
        let drawn = |(row, policy): (usize, usize)| {
            let phases: Vec<Phase> = Phase::ALL.into_iter().filter(|phase| ROWS[row].fits(*phase)).collect();
            Self { row, policy, phase: phases[(row + policy + number) % phases.len()] }
        };
        cells.map(drawn).collect()
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, policy, phase } = self;
        write!(formatter, "{}, {}, drift: {:?}", ROWS[*row].what, phase.words(), POLICIES[*policy])
    }
}

/// What came of each cell, in the words of the page.
pub type Table = BTreeMap<Cell, String>;

/// Plays cells on all threads. What must not have happened stands with its cell.
pub fn play_all(cells: &[Cell]) -> (Table, Vec<String>) {
    let played = on_all_threads(cells, |cell| {
        let PlayedCell { verdict, wrong, .. } = cell.play();
        (*cell, verdict, wrong)
    });
    let (mut table, mut all_wrong) = (Table::new(), Vec::new());
    for (cell, verdict, wrong) in played {
        all_wrong.extend(wrong.iter().map(|message| format!("{cell}: {message}")));
        table.insert(cell, verdict);
    }
    (table, all_wrong)
}

/// In which cells something else has come of it than the page says.
pub fn differences(kept: &Table, played: &Table) -> Vec<String> {
    let differs = |(cell, verdict): (&Cell, &String)| {
        let kept = kept.get(cell).map_or("nothing", String::as_str);
        (kept != verdict).then(|| format!("{cell}: docs/drift.md says {kept:?}, it was {verdict:?}"))
    };
    played.iter().filter_map(differs).collect()
}

#[cfg(test)]
mod tests;
