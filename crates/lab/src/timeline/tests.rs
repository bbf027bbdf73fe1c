//! A timeline of a short release with a fault.

use crate::fault::{Fault, Moment, Side};
use crate::plan::Plan;
use crate::rollout::Rollout;

use super::timeline;

#[test]
fn tells_faults_writes_and_what_statuses_say() {
    let plan = Plan::undisturbed(7, Rollout::short())
        .with(Moment::Request(56, Side::Before), Fault::LostWrites(Side::After, 1))
        .with(Moment::Request(76, Side::After), Fault::Crash(5));
    let played = plan.play();
    let text = timeline(&played.evidence);
    for expected in [
        "world         *** the answers of the next 1 writes to AWS are lost",
        "controller 1  ModifyListener blue 90, green 10 → no answer, had effect",
        "controller 1  dies",
        "controller 2  begins",
        "targets       green: 4 healthy",
        "trafficshifts/checkout/status: Shifting; blue 50, green 50",
        "world         *** everything is well again",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}
