//! Shrinking, with failures that are told without any world.

use crate::fault::{Fault, Moment, Side};
use crate::plan::{Failure, Plan, Wrong};
use crate::rollout::Rollout;

use super::shrink_by;

fn failure(wrong: Wrong) -> Vec<Failure> {
    vec![Failure { wrong, message: String::new() }]
}

#[test]
fn what_does_not_matter_is_left_out() {
    let plan = Plan::undisturbed(1, Rollout::release())
        .with(Moment::Request(90, Side::Before), Fault::Pause(300))
        .with(Moment::Request(200, Side::After), Fault::Conflict(5))
        .with(Moment::Second(40), Fault::Compacted);
    // It fails wherever a pause of 40 s or more comes at the twentieth request or later.
    let play = |plan: &Plan| {
        let matters = plan
            .faults
            .iter()
            .any(|planned| matches!((&planned.fault, &planned.at), (Fault::Pause(40..), Moment::Request(20.., _))));
        if matters { failure(Wrong::Restless) } else { Vec::new() }
    };
    let (smallest, failures) = shrink_by(&plan, &failure(Wrong::Restless), play);
    let expected = Plan::undisturbed(1, Rollout { weights: vec![100], ..Rollout::release() })
        .with(Moment::Request(20, Side::Before), Fault::Pause(40));
    assert_eq!((smallest, failures), (expected, failure(Wrong::Restless)));
}

#[test]
fn another_failure_is_not_followed() {
    let plan = Plan::undisturbed(1, Rollout::short()).with(Moment::Second(9), Fault::Crash(5));
    let play = |plan: &Plan| failure(if plan.faults.len() == 1 { Wrong::Silent } else { Wrong::Restless });
    let (smallest, _) = shrink_by(&plan, &failure(Wrong::Silent), play);
    assert_eq!(smallest.faults.len(), 1);
}
