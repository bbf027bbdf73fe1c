//! The plan that brings each bug to light: a rollout on which it does its harm.

use weir_api::weighted_route::DriftPolicy;

use crate::fault::{Absence, Fault, Illness, ManualChange, Moment, Planned, Quota};
use crate::plan::Plan;
use crate::rollout::Rollout;

use super::{BadWrite, Bug};

impl Bug {
    /// The plan, without the bug: it is sound.
    pub fn plan(self) -> Plan {
        let plan = Plan::undisturbed(17, self.rollout());
        let at = |second: u32, fault: Fault| Planned { at: Moment::Second(second), fault };
        let manual = |second: u32, manual: ManualChange| at(second, Fault::Manual(manual));
        let verb = |verb: &str| ManualChange::Command(verb.to_owned());
        let faults = match self {
            Self::ClaimsUnseen
            | Self::DropsAtOnce
            | Self::Clobbers
            | Self::CallStorm
            | Self::HotLoop
            | Self::CutsStickyClients
            | Self::Grows
            | Self::StaleWorker
            | Self::Panics
            | Self::BoardsOnOldEvidence
            | Self::HandsOver(_) => Vec::new(),
            Self::OverloadsOldSide => vec![
                manual(39, verb("pause")),
                at(41, Fault::Ill("blue".to_owned(), Illness::Most, 120)),
                manual(80, verb("abort")),
            ],
            Self::TrustsOldHealth => vec![
                manual(34, verb("pause")),
                at(35, Fault::Ill("green".to_owned(), Illness::Empty, 120)),
                manual(60, verb("resume")),
            ],
            Self::HidesRefusals | Self::RetriesRefusals => vec![at(0, Fault::Quota(Quota::Groups, 120))],
            Self::MakesForeignRules => vec![manual(40, ManualChange::Remove)],
            Self::TakesUnknownForBad => vec![manual(40, ManualChange::Only("blue".to_owned()))],
            Self::TrustsTheClock => {
                vec![at(36, Fault::AwsAway(Absence::Failing, 30)), at(50, Fault::ClockStep(7_200))]
            }
            Self::OverwritesOnReturn => {
                vec![manual(70, verb("pause")), manual(76, ManualChange::Answer), manual(95, verb("abort"))]
            }
            Self::FollowsRepointed => vec![manual(40, ManualChange::PointPort)],
            Self::ForgetsHeld => {
                vec![
                    manual(45, ManualChange::Weights(40, 60)),
                    at(80, Fault::Ill("green".to_owned(), Illness::All, 300)),
                ]
            }
            Self::KeepsFinalizer => vec![manual(38, ManualChange::DeleteShift)],
            Self::BlindToDrift => vec![manual(90, ManualChange::Weights(70, 30))],
            Self::FightsForever => vec![manual(90, ManualChange::Fight(70, 30, 30))],
            Self::IgnoresOwners => vec![manual(35, ManualChange::Claim)],
            Self::SlowRollback => vec![manual(39, verb("abort"))],
            Self::ForgetsEnds => vec![manual(38, verb("abort")), manual(70, ManualChange::RecreateShift)],
        };
        Plan { faults, ..plan }
    }

    fn rollout(self) -> Rollout {
        match self {
            Self::CutsStickyClients => Rollout::sticky(),
            // A rule without a login, which could not be written over what somebody has put in its place.
            Self::OverwritesOnReturn => Rollout { weights: vec![50, 100], pause_s: 60, ..Rollout::first() },
            Self::ForgetsHeld => Rollout { weights: vec![50, 100], pause_s: 60, ..Rollout::short() },
            Self::MakesForeignRules => Rollout { weights: vec![50, 100], pause_s: 20, ..Rollout::adopted() },
            Self::FightsForever => Rollout { drift: DriftPolicy::Correct, ..Rollout::short() },
            // Pauses that are long enough for something to happen in them.
            Self::OverloadsOldSide
            | Self::TrustsOldHealth
            | Self::IgnoresOwners
            | Self::SlowRollback
            | Self::TakesUnknownForBad
            | Self::FollowsRepointed
            | Self::StaleWorker => Rollout { weights: vec![50, 100], pause_s: 20, ..Rollout::release() },
            Self::HandsOver(BadWrite::TakesPriority | BadWrite::TakesRequests) => Rollout::first(),
            Self::HandsOver(BadWrite::WritesOtherRule | BadWrite::DeletesRule) => Rollout::adopted(),
            _ => Rollout::short(),
        }
    }
}
