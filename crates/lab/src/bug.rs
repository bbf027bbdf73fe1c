//! Bugs planted in the lab, one for each class of failures that users of other tools have reported: the controller
//! made wrong in one way, so that it can be seen that a judge finds it. Nothing of this is in the controller.
//!
//! A bug is planted for the thread on which a plan is played: decisions and wires of the lab look for it there. What does
//! its harm is built for tests and examples only, by the feature `bugs`; elsewhere a plan is played without its bug.

#[cfg(feature = "bugs")]
mod decisions;
mod plans;
#[cfg(not(feature = "bugs"))]
mod sound;
#[cfg(feature = "bugs")]
mod wire;
#[cfg(feature = "bugs")]
mod writes;

use std::cell::Cell;
use std::fmt;

use serde::{Deserialize, Serialize};
use weir_engine::invariant::Invariant;

use crate::plan::{Failure, Plan, Wrong};
use crate::wave::seated;

#[cfg(feature = "bugs")]
pub(crate) use decisions::Wrongly;
#[cfg(not(feature = "bugs"))]
pub(crate) use sound::{Tampered, Wrongly, copies, retries, tamper_answer, tamper_request, worker_delay};
#[cfg(feature = "bugs")]
pub(crate) use wire::{Tampered, copies, retries, tamper_answer, tamper_request, worker_delay};

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Bug {
    /// A route says that it has seen what it never looked for.
    ClaimsUnseen,
    /// The last step drops the old group in the write that takes its traffic.
    DropsAtOnce,
    /// A write loses the actions of others.
    Clobbers,
    /// What a rollback knows of the old side's health is from before it broke.
    OverloadsOldSide,
    /// What a step knows of the candidate's health is from before it broke.
    TrustsOldHealth,
    /// What was read before a write had to wait is what it is founded on when it may go.
    BoardsOnOldEvidence,
    /// A refused write is made again and again, and no status says so.
    HidesRefusals,
    /// A finalizer is never taken away.
    KeepsFinalizer,
    /// Each read is made six times.
    CallStorm,
    /// A status is never the same twice.
    HotLoop,
    /// Changes that others make are never seen.
    BlindToDrift,
    /// Another writer is fought for ever.
    FightsForever,
    /// What another installation has marked is taken for its own.
    IgnoresOwners,
    /// The old group is dropped while clients stick to it.
    CutsStickyClients,
    /// A rollback waits behind everything else.
    SlowRollback,
    /// A run that has ended is not remembered.
    ForgetsEnds,
    /// A status grows with every change.
    Grows,
    /// A worker carries out each write once more, long after.
    StaleWorker,
    /// A rule that others have made and deleted is made again.
    MakesForeignRules,
    /// Targets that nobody checks are taken for unhealthy.
    TakesUnknownForBad,
    /// A rollback does not see what somebody has put there, and writes over it.
    OverwritesOnReturn,
    /// A route goes along where its entry point leads to another listener.
    FollowsRepointed,
    /// What AWS refuses is asked for each second.
    RetriesRefusals,
    /// What is on record is counted from, however the clock was set since.
    TrustsTheClock,
    /// A run that is held is not watched, and does not say so.
    ForgetsHeld,
    /// Each decision to move traffic panics.
    Panics,
    /// The guard is handed a write that nobody has decided on.
    HandsOver(BadWrite),
}

/// A write that the guard must refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BadWrite {
    /// More weight for the candidate than is on record.
    SkipsAhead,
    /// The traffic goes back though nobody wants that.
    TurnsRound,
    /// No group has any weight.
    AllZero,
    /// A rule with another number than the one on record.
    TakesPriority,
    /// A rule for more requests than the spec says.
    TakesRequests,
    /// Another listener than the one on record.
    WritesElsewhere,
    /// Another rule than the one on record.
    WritesOtherRule,
    /// The actions of others are left out.
    DropsActions,
    /// A rule is deleted whose route is not.
    DeletesRule,
    /// The marks go while the route stays.
    RemovesMarks,
    /// A tag that is none of Weir's.
    TagsOthers,
    /// The mark of another route.
    MarksAsOther,
    /// What was there before Weir is written over.
    ForgetsBefore,
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// A bug stays planted on this thread for as long as this lives.
#[must_use = "the bug is gone when this is dropped"]
#[derive(Debug)]
pub struct Planted(Option<Bug>);

impl Planted {
    /// Plants a bug; with `None`, none is planted meanwhile.
    pub fn with(bug: Option<Bug>) -> Self {
        Self(PLANTED.replace(bug))
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        PLANTED.set(self.0);
    }
}

/// The bug that is planted on this thread.
pub(crate) fn planted() -> Option<Bug> {
    PLANTED.get()
}

impl Bug {
    /// Every bug, in the order of the classes.
    pub const ALL: [Self; 39] = [
        Self::ClaimsUnseen,
        Self::DropsAtOnce,
        Self::Clobbers,
        Self::OverloadsOldSide,
        Self::TrustsOldHealth,
        Self::BoardsOnOldEvidence,
        Self::HidesRefusals,
        Self::KeepsFinalizer,
        Self::CallStorm,
        Self::HotLoop,
        Self::BlindToDrift,
        Self::FightsForever,
        Self::IgnoresOwners,
        Self::CutsStickyClients,
        Self::SlowRollback,
        Self::ForgetsEnds,
        Self::Grows,
        Self::StaleWorker,
        Self::MakesForeignRules,
        Self::TakesUnknownForBad,
        Self::OverwritesOnReturn,
        Self::FollowsRepointed,
        Self::RetriesRefusals,
        Self::TrustsTheClock,
        Self::ForgetsHeld,
        Self::Panics,
        Self::HandsOver(BadWrite::SkipsAhead),
        Self::HandsOver(BadWrite::TurnsRound),
        Self::HandsOver(BadWrite::AllZero),
        Self::HandsOver(BadWrite::TakesPriority),
        Self::HandsOver(BadWrite::TakesRequests),
        Self::HandsOver(BadWrite::WritesElsewhere),
        Self::HandsOver(BadWrite::WritesOtherRule),
        Self::HandsOver(BadWrite::DropsActions),
        Self::HandsOver(BadWrite::DeletesRule),
        Self::HandsOver(BadWrite::RemovesMarks),
        Self::HandsOver(BadWrite::TagsOthers),
        Self::HandsOver(BadWrite::MarksAsOther),
        Self::HandsOver(BadWrite::ForgetsBefore),
    ];

    /// The class of failures that it stands for.
    pub fn class(self) -> &'static str {
        match self {
            Self::ClaimsUnseen => "finished while all traffic still hit the old group",
            Self::DropsAtOnce => "503s at the final step: accepted is not propagated",
            Self::Clobbers => "settings of others clobbered",
            Self::OverloadsOldSide => "rollback overloads the small side",
            Self::TrustsOldHealth => "a group that scales between ready and rerouted breaks the shift",
            Self::BoardsOnOldEvidence => "a queue of writes carries out what has been overtaken",
            Self::HidesRefusals => "the limit of rules or groups hangs without a word",
            Self::KeepsFinalizer => "finalizers stuck",
            Self::CallStorm => "throttled by its own calls",
            Self::HotLoop => "hot loops",
            Self::BlindToDrift => "drift unnoticed",
            Self::FightsForever => "controllers that fight",
            Self::IgnoresOwners => "ownership between clusters",
            Self::CutsStickyClients => "clients that keep to the old side",
            Self::SlowRollback => "no instant rollback",
            Self::ForgetsEnds => "a release replayed by another cluster",
            Self::Grows => "memory that grows without end",
            Self::StaleWorker => "a stale plan applied by a delayed worker",
            Self::MakesForeignRules => "a login is lost with a rule that is made again from what is known of it",
            Self::TakesUnknownForBad => "what is not known is taken for bad",
            Self::OverwritesOnReturn => "a rollback undoes what somebody did by hand",
            Self::FollowsRepointed => "a change of the objects lets a run write elsewhere",
            Self::RetriesRefusals => "a refusal for good is tried for ever",
            Self::TrustsTheClock => "a clock that is set ends every deadline at once",
            Self::ForgetsHeld => "a paused release keeps its traffic on what has died meanwhile",
            Self::Panics => "one object makes the controller crash",
            Self::HandsOver(_) => "a wrong decision is carried out",
        }
    }

    /// Plays its plan with the bug, and tells what is wrong with how the lab met it: it was not found, or what was found
    /// is there without the bug too.
    pub fn hunt(self) -> Option<String> {
        let failures = self.failures(Some(self));
        if !failures.iter().any(|failure| failure.wrong == self.caught_as()) {
            return Some(format!("{self} was not found as {:?}; found {failures:#?}", self.caught_as()));
        }
        if matches!(self, Self::HandsOver(_)) && failures.iter().any(|failure| is_harm(failure.wrong)) {
            return Some(format!("{self} was not refused each time: {failures:#?}"));
        }
        let failures = self.failures(None);
        (!failures.is_empty()).then(|| format!("without {self} the same plan fails too: {failures:#?}"))
    }

    /// What goes wrong where it would do its harm, with a bug or without.
    fn failures(self, bug: Option<Self>) -> Vec<Failure> {
        match self {
            // A write of a single route waits for nobody.
            Self::BoardsOnOldEvidence => seated::emptied(bug),
            _ => Plan { bug, ..self.plan() }.play().failures,
        }
    }

    /// What must be found.
    pub fn caught_as(self) -> Wrong {
        match self {
            Self::ClaimsUnseen | Self::TakesUnknownForBad => Wrong::Never(Invariant::FalseClaim),
            Self::DropsAtOnce | Self::CutsStickyClients => Wrong::Never(Invariant::TornDownTooSoon),
            Self::Clobbers => Wrong::Clobbered,
            Self::OverloadsOldSide | Self::TrustsOldHealth | Self::BoardsOnOldEvidence => {
                Wrong::Never(Invariant::RaisedWithoutCapacity)
            }
            Self::HidesRefusals => Wrong::Never(Invariant::EndlessRun),
            Self::KeepsFinalizer => Wrong::Hanging,
            Self::CallStorm => Wrong::Restless,
            Self::HotLoop | Self::FightsForever | Self::RetriesRefusals => Wrong::Never(Invariant::EndlessFight),
            Self::BlindToDrift => Wrong::OtherWeights,
            Self::IgnoresOwners | Self::MakesForeignRules | Self::FollowsRepointed => Wrong::Never(Invariant::NotOurs),
            Self::OverwritesOnReturn => Wrong::Never(Invariant::Overwritten),
            Self::TrustsTheClock => Wrong::OtherEnd,
            Self::ForgetsHeld => Wrong::Never(Invariant::SilentFailure),
            Self::SlowRollback => Wrong::Never(Invariant::RollbackImpossible),
            Self::ForgetsEnds => Wrong::Never(Invariant::Replay),
            Self::Grows => Wrong::Bloated,
            Self::StaleWorker => Wrong::Never(Invariant::OutOfRangeOrDirection),
            Self::Panics | Self::HandsOver(_) => Wrong::Defect,
        }
    }
}

/// Whether something was done on AWS that must not be.
fn is_harm(wrong: Wrong) -> bool {
    use Invariant::{
        AllZero, LeftBehind, NotOurs, OutOfRangeOrDirection, OutOfStep, RaisedWithoutCapacity, TornDownTooSoon,
    };
    let harm = [AllZero, LeftBehind, NotOurs, OutOfRangeOrDirection, OutOfStep, RaisedWithoutCapacity, TornDownTooSoon];
    wrong == Wrong::Clobbered || harm.into_iter().any(|invariant| wrong == Wrong::Never(invariant))
}

impl fmt::Display for Bug {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?} ({})", self.class())
    }
}

/// The table of the classes, the bugs and what finds them, as the README of the lab has it.
pub fn table() -> String {
    let rows = Bug::ALL.into_iter().enumerate().map(|(index, bug)| {
        let caught = match bug.caught_as() {
            Wrong::Never(invariant) => format!("judge of `{invariant:?}`"),
            wrong => format!("look at the end: `{wrong:?}`"),
        };
        format!("| {} | {} | `{bug:?}` | {caught} |\n", index + 1, bug.class())
    });
    let head = "| | what users of other tools suffer from | planted bug | caught by |\n|---|---|---|---|\n";
    [head.to_owned()].into_iter().chain(rows).collect()
}

#[cfg(test)]
mod tests;
