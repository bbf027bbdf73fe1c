//! The plan that brings each bug to light: a course on which it does its harm.

use weir_api::weighted_route::DriftPolicy;

use crate::course::Course;
use crate::fault::{Absence, Fault, Hand, Illness, Moment, Planned, Quota};
use crate::plan::Plan;

use super::{BadStep, Bug};

impl Bug {
    /// The plan, without the bug: it is sound.
    pub fn plan(self) -> Plan {
        let plan = Plan::undisturbed(17, self.course());
        let at = |second: u32, fault: Fault| Planned { at: Moment::Second(second), fault };
        let hand = |second: u32, hand: Hand| at(second, Fault::Hand(hand));
        let verb = |verb: &str| Hand::Command(verb.to_owned());
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
            | Self::HandsOver(_) => Vec::new(),
            Self::OverloadsOldSide => vec![
                hand(39, verb("pause")),
                at(41, Fault::Ill("blue".to_owned(), Illness::Most, 120)),
                hand(80, verb("abort")),
            ],
            Self::TrustsOldHealth => vec![
                hand(34, verb("pause")),
                at(35, Fault::Ill("green".to_owned(), Illness::Empty, 120)),
                hand(60, verb("resume")),
            ],
            Self::HidesRefusals | Self::RetriesRefusals => vec![at(0, Fault::Quota(Quota::Groups, 120))],
            Self::MakesForeignRules => vec![hand(40, Hand::Remove)],
            Self::TakesUnknownForBad => vec![hand(40, Hand::Only("blue".to_owned()))],
            Self::TrustsTheClock => {
                vec![at(36, Fault::AwsAway(Absence::Failing, 30)), at(50, Fault::ClockStep(7_200))]
            }
            Self::OverwritesOnReturn => vec![hand(70, verb("pause")), hand(76, Hand::Answer), hand(95, verb("abort"))],
            Self::FollowsRepointed => vec![hand(40, Hand::PointPort)],
            Self::ForgetsHeld => {
                vec![hand(45, Hand::Weights(40, 60)), at(80, Fault::Ill("green".to_owned(), Illness::All, 300))]
            }
            Self::KeepsFinalizer => vec![hand(38, Hand::DeleteShift)],
            Self::BlindToDrift => vec![hand(90, Hand::Weights(70, 30))],
            Self::FightsForever => vec![hand(90, Hand::Fight(70, 30, 30))],
            Self::IgnoresOwners => vec![hand(35, Hand::Claim)],
            Self::SlowRollback => vec![hand(39, verb("abort"))],
            Self::ForgetsEnds => vec![hand(38, verb("abort")), hand(70, Hand::RecreateShift)],
        };
        Plan { faults, ..plan }
    }

    fn course(self) -> Course {
        match self {
            Self::CutsStickyClients => Course::sticky(),
            // A rule without a login, which could not be written over what somebody has put in its place.
            Self::OverwritesOnReturn => Course { weights: vec![50, 100], pause_s: 60, ..Course::first() },
            Self::ForgetsHeld => Course { weights: vec![50, 100], pause_s: 60, ..Course::short() },
            Self::MakesForeignRules => Course { weights: vec![50, 100], pause_s: 20, ..Course::adopted() },
            Self::FightsForever => Course { drift: DriftPolicy::Correct, ..Course::short() },
            // Pauses that are long enough for something to happen in them.
            Self::OverloadsOldSide
            | Self::TrustsOldHealth
            | Self::IgnoresOwners
            | Self::SlowRollback
            | Self::TakesUnknownForBad
            | Self::FollowsRepointed
            | Self::StaleWorker => Course { weights: vec![50, 100], pause_s: 20, ..Course::release() },
            Self::HandsOver(BadStep::TakesPriority | BadStep::TakesRequests) => Course::first(),
            Self::HandsOver(BadStep::WritesOtherRule | BadStep::DeletesRule) => Course::adopted(),
            _ => Course::short(),
        }
    }
}
