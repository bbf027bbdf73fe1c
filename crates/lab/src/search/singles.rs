//! Every fault alone, at every moment of a rollout that makes a difference to it.

use crate::fault::{Absence, Fault, Illness, ManualChange, Moment, Quota, Side, Sort};
use crate::plan::Plan;
use crate::provisioner::SPARE;
use crate::rollout::{Rollout, SplitPoint};

/// By how much the clock of the controller is ahead that stands by.
const AHEAD_S: i32 = 20;

/// All plans of one fault on a rollout: each at every moment that makes a difference to it. The undisturbed rollout comes
/// first.
pub fn singles(seed: u64, rollout: &Rollout) -> Vec<Plan> {
    let undisturbed = Plan::undisturbed(seed, rollout.clone());
    let requests = undisturbed.play().requests;
    let mut plans = vec![undisturbed.clone()];
    for fault in faults(rollout).into_iter().filter(|fault| !fault.is_about_leaders()) {
        let moments = moments(&fault, &requests).into_iter();
        plans.extend(moments.map(|moment| undisturbed.clone().with(moment, fault.clone())));
    }
    plans
}

/// All plans of one fault on a rollout.
#[cfg(test)]
pub(crate) fn at_every_moment(seed: u64, rollout: &Rollout, fault: &Fault) -> Vec<Plan> {
    let undisturbed = Plan::undisturbed(seed, rollout.clone());
    let moments = moments(fault, &undisturbed.play().requests).into_iter();
    moments.map(|moment| undisturbed.clone().with(moment, fault.clone())).collect()
}

/// The moments of a rollout that make a difference to a fault.
///
/// What certain requests notice is played before each of these. What may be noticed at any time is played before the
/// first request, and before and after each write: whatever befalls a controller that only looks at the world comes to the
/// same as right after the write before.
pub(super) fn moments(fault: &Fault, requests: &[Sort]) -> Vec<Moment> {
    let numbered = (1..).zip(requests.iter().copied());
    if let Some(sorts) = fault.noticed_by() {
        let noticing = numbered.filter(|(_, sort)| sorts.contains(sort));
        return noticing.map(|(number, _)| Moment::Request(number, Side::Before)).collect();
    }
    let writes = numbered.filter(|(_, sort)| sort.is_write() && *sort != Sort::KubeEvent);
    let around = writes.flat_map(|(number, _)| [Side::Before, Side::After].map(|side| Moment::Request(number, side)));
    std::iter::once(Moment::Request(1, Side::Before)).chain(around).collect()
}

/// All plans in which another controller stands by, its clock wrong, and whoever leads ceases to or is hindered: before and
/// after each write of the rollout, for every reason.
pub fn successions(seed: u64, rollout: &Rollout) -> Vec<Plan> {
    let beside = Plan::undisturbed(seed, rollout.clone()).with(Moment::Second(0), Fault::Another(AHEAD_S));
    let requests = beside.play().requests;
    let mut plans = vec![beside.clone()];
    let reasons = [
        Fault::Crash(5),
        Fault::Pause(40),
        Fault::Stop(3),
        Fault::KubeAway(Absence::Hanging, 45),
        Fault::LeaseConflict(8),
        Fault::LeaseTaken(40),
    ];
    for fault in reasons {
        let writes = requests.iter().enumerate().filter(|(_, sort)| sort.is_write());
        // A process that is stopped right before a write cannot be fenced: see `scenarios/leaders.rs`.
        let sides = if matches!(fault, Fault::Pause(_)) { vec![Side::After] } else { vec![Side::Before, Side::After] };
        for (index, side) in writes.flat_map(|(index, _)| sides.iter().map(move |side| (index, *side))) {
            let number = u64::try_from(index).unwrap_or(u64::MAX) + 1;
            plans.push(beside.clone().with(Moment::Request(number, side), fault.clone()));
        }
    }
    plans
}

/// Every fault, with the spans that make a difference.
pub(super) fn faults(rollout: &Rollout) -> Vec<Fault> {
    let mut faults = accidents(&["blue".to_owned(), "green".to_owned()]);
    faults.extend(manual_changes(rollout).into_iter().map(Fault::Manual));
    faults
}

/// Every fault that nobody has a hand in, where there are these target groups.
pub(crate) fn accidents(groups: &[String]) -> Vec<Fault> {
    let mut faults = vec![
        Fault::Crash(5),
        Fault::Crash(90),
        // A lease lasts for 15 s to 30 s; a run goes without progress for 10 min.
        Fault::Pause(40),
        Fault::Pause(300),
        Fault::Stop(3),
        Fault::ClockStep(-900),
        Fault::ClockStep(7_200),
        Fault::LeaseConflict(8),
        Fault::LeaseTaken(40),
        Fault::Conflict(1),
        Fault::Conflict(5),
        Fault::Compacted,
        Fault::StaleWatch(3),
        Fault::StaleWatch(45),
        Fault::LostWatch(20),
        Fault::LostWatch(120),
        Fault::RepeatedWatch(60),
        Fault::KubeAway(Absence::Refused, 15),
        Fault::KubeAway(Absence::Hanging, 45),
        Fault::KubeAway(Absence::Failing, 90),
        Fault::Throttled(1),
        Fault::Throttled(8),
        Fault::ThrottleStorm(30),
        Fault::ThrottleStorm(150),
        Fault::AwsAway(Absence::Refused, 20),
        Fault::AwsAway(Absence::Hanging, 60),
        Fault::AwsAway(Absence::Failing, 120),
        Fault::LostWrites(Side::Before, 1),
        Fault::LostWrites(Side::Before, 3),
        Fault::LostWrites(Side::After, 1),
        Fault::LostWrites(Side::After, 3),
        Fault::StaleReads(1),
        Fault::StaleReads(3),
        Fault::SlowPropagation(30),
        Fault::Quota(Quota::Groups, 60),
        Fault::Quota(Quota::Rules, 60),
        Fault::Expired(10),
        Fault::Expired(180),
    ];
    for group in groups {
        faults.extend([
            Fault::Ill(group.clone(), Illness::All, 60),
            Fault::Ill(group.clone(), Illness::Most, 25),
            Fault::Ill(group.clone(), Illness::Most, 120),
            Fault::Ill(group.clone(), Illness::Empty, 60),
        ]);
    }
    faults
}

/// What people may do by hand on a rollout.
pub(super) fn manual_changes(rollout: &Rollout) -> Vec<ManualChange> {
    let first = rollout.releases.first().cloned().unwrap_or_default();
    let other = if first == "green" { "blue" } else { "green" };
    let name = |name: &str| name.to_owned();
    let mut manual_changes = vec![
        ManualChange::Weights(70, 30),
        ManualChange::Weights(1, 0),
        ManualChange::Weights(0, 1),
        ManualChange::Fight(90, 10, 4),
        ManualChange::Remove,
        ManualChange::Untag,
        ManualChange::Claim,
        ManualChange::Detach(name("green")),
        ManualChange::Detach(name("blue")),
        ManualChange::To(name(other)),
        ManualChange::Paused(true),
        ManualChange::DeleteShift,
        ManualChange::RecreateShift,
        ManualChange::RecreateRoute,
        ManualChange::RecreateEnvironment(name("blue")),
        ManualChange::RecreateEnvironment(name("green")),
        ManualChange::WipeStatuses,
        ManualChange::Only(name("blue")),
        ManualChange::Only(name("green")),
        ManualChange::Replace,
        ManualChange::Login,
        ManualChange::Novel,
        ManualChange::Answer,
        ManualChange::Redirect,
        ManualChange::RecreateGroup(name("green")),
        ManualChange::GiveAway(name("green")),
        ManualChange::Uncheck(name("green")),
        ManualChange::Uncheck(name("blue")),
        ManualChange::RecreateListener,
        ManualChange::RecreateBalancer,
        ManualChange::ToTwice(name(other), first.clone()),
        ManualChange::Strategy(vec![30, 100]),
        ManualChange::CommandTwice(name("abort")),
        ManualChange::CommandTwice(name("resume")),
        ManualChange::PointEnvironment(name("green"), name(SPARE)),
        ManualChange::PointEnvironment(name("green"), name("blue")),
        ManualChange::PointEnvironment(name("blue"), name(SPARE)),
        ManualChange::PointPort,
        ManualChange::PointBalancer,
        ManualChange::DropBackend(name("green")),
        ManualChange::DropBackend(name("blue")),
        ManualChange::DeleteEntryPoint,
        ManualChange::DeleteEnvironment(name("green")),
        ManualChange::DeleteEnvironment(name("blue")),
    ];
    manual_changes
        .extend(["pause", "resume", "promote", "abort", "retry"].map(|verb| ManualChange::Command(verb.to_owned())));
    if rollout.place != SplitPoint::DefaultAction {
        manual_changes.extend([ManualChange::Renumber, ManualChange::Narrow]);
    }
    manual_changes
}
