//! One write of the way out of a place.

use weir_api::weighted_route::{Deletion, DeletionStage};

use crate::ready_state::Explanation;
use crate::write::Write;

/// What is done next to leave a place.
pub(super) enum Undo {
    /// This is written.
    Write(Deletion, Explanation, Write),
    /// Something keeps it from going on.
    Blocked(String),
}

impl Undo {
    /// A write of a stage of which nothing is certain yet.
    pub fn writing(stage: DeletionStage, reason: Explanation, write: Write) -> Self {
        Self::Write(Deletion { stage, result: String::new() }, reason, write)
    }
}
