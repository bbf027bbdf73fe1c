//! What must never happen, each stated once, with who judges it.
//!
//! The guard judges before each write, from what the tick has read. World truth and trace are judged by the lab, which
//! sees what no controller can see. An invariant stands here once the code that it is about exists.

/// Something that must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// An action whose weights are all zero is written, even at creation.
    AllZero,
    /// A weight is raised towards an environment without fresh, sufficient healthy capacity for its new share. The
    /// first deployment of a route and a rollback are excepted.
    RaisedWithoutCapacity,
    /// A weight is out of range, or a step goes against the direction of its run.
    OutOfRangeOrDirection,
    /// More than one external write in a tick, or a next step before the last was observed. A rollback need not wait.
    StepBeforeObservation,
    /// One route of a run is ahead of another by more than one change, or they are left apart by a run that went back.
    OutOfStep,
    /// A group leaves an action while it carries traffic, or while clients may still stick to it.
    TornDownTooSoon,
    /// A write to something without our mark or an explicit `adopt`, or two owners of one rule or action.
    NotOurs,
    /// A write is issued later than the end of the lease less the time that the write may take.
    AfterLease,
    /// A write with unknown outcome is repeated without reading first.
    BlindRetry,
    /// A status claims what was not observed.
    FalseClaim,
    /// Traffic is moved because the controller or Kubernetes went away.
    MovedByAbsence,
    /// A rollback needs something that no longer exists.
    RollbackImpossible,
    /// Traffic stays on a candidate without a healthy target, and nobody says that nothing brings it back.
    SilentFailure,
    /// What somebody else has put there on purpose is written over, though neither `drift` nor a command says so. A rollback
    /// is excepted while the candidate carries traffic.
    Overwritten,
    /// A difference is fought without end, or a write that is refused is not made ever more rarely.
    EndlessFight,
    /// A finalizer stays after its deadline.
    HangingFinalizer,
    /// A deletion leaves behind what its policy says is undone, without saying so, or a write is made for an object that
    /// is gone.
    LeftBehind,
    /// A run does not end within bounded time once faults stop, unless it waits for a user.
    EndlessRun,
    /// A release is replayed because status, object or cluster was lost.
    Replay,
}

/// Who judges an invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Judge {
    /// [`crate::guard::guard`], before each write.
    Guard,
    /// The lab, by the state of the simulated world.
    World,
    /// The lab, by the order of what happened.
    Trace,
}

impl Invariant {
    /// Every invariant, in the order of the design's list.
    pub const ALL: [Self; 19] = [
        Self::AllZero,
        Self::RaisedWithoutCapacity,
        Self::OutOfRangeOrDirection,
        Self::StepBeforeObservation,
        Self::OutOfStep,
        Self::TornDownTooSoon,
        Self::NotOurs,
        Self::AfterLease,
        Self::BlindRetry,
        Self::FalseClaim,
        Self::MovedByAbsence,
        Self::RollbackImpossible,
        Self::SilentFailure,
        Self::Overwritten,
        Self::EndlessFight,
        Self::HangingFinalizer,
        Self::LeftBehind,
        Self::EndlessRun,
        Self::Replay,
    ];

    /// Who judges it.
    pub fn judges(self) -> &'static [Judge] {
        match self {
            Self::AllZero | Self::RaisedWithoutCapacity | Self::NotOurs => &[Judge::Guard, Judge::World],
            Self::OutOfRangeOrDirection => &[Judge::Guard, Judge::Trace],
            Self::FalseClaim | Self::TornDownTooSoon | Self::SilentFailure | Self::LeftBehind => &[Judge::World],
            Self::StepBeforeObservation
            | Self::OutOfStep
            | Self::AfterLease
            | Self::BlindRetry
            | Self::MovedByAbsence
            | Self::RollbackImpossible
            | Self::Overwritten
            | Self::EndlessFight
            | Self::HangingFinalizer
            | Self::EndlessRun
            | Self::Replay => &[Judge::Trace],
        }
    }
}
