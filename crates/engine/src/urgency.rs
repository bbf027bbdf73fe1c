//! How urgent it is to look at an object.

/// How urgent a tick is; the more urgent goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Traffic is going back.
    Rollback,
    /// A run is moving.
    Progress,
    /// What somebody else has changed is put right.
    Repair,
    /// Everything else: looking around.
    Routine,
}

impl Urgency {
    /// Every urgency, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Rollback, Self::Progress, Self::Repair, Self::Routine];

    /// The urgency's name in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Progress => "progress",
            Self::Repair => "repair",
            Self::Routine => "routine",
        }
    }
}
