//! One step of the way out of a place.

use weir_api::weighted_route::{Deletion, DeletionStage};

use crate::standing::Explanation;
use crate::step::Step;

/// What is done next to leave a place.
pub(super) enum Undo {
    /// This is written.
    Write(Deletion, Explanation, Step),
    /// Something keeps it from going on.
    Blocked(String),
}

impl Undo {
    /// A write of a stage of which nothing is certain yet.
    pub fn writing(stage: DeletionStage, reason: Explanation, step: Step) -> Self {
        Self::Write(Deletion { stage, result: String::new() }, reason, step)
    }
}
