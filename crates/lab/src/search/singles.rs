//! Every fault alone, at every moment of a course that makes a difference to it.

use crate::course::{Course, Place};
use crate::fault::{Absence, Fault, Hand, Illness, Moment, Quota, Side, Sort};
use crate::maker::SPARE;
use crate::plan::Plan;

/// By how much the clock of the controller is ahead that stands by.
const AHEAD_S: i32 = 20;

/// All plans of one fault on a course: each at every moment that makes a difference to it. The undisturbed course comes
/// first.
pub fn singles(seed: u64, course: &Course) -> Vec<Plan> {
    let undisturbed = Plan::undisturbed(seed, course.clone());
    let requests = undisturbed.play().requests;
    let mut plans = vec![undisturbed.clone()];
    for fault in faults(course).into_iter().filter(|fault| !fault.is_about_leaders()) {
        let moments = moments(&fault, &requests).into_iter();
        plans.extend(moments.map(|moment| undisturbed.clone().with(moment, fault.clone())));
    }
    plans
}

/// All plans of one fault on a course.
#[cfg(test)]
pub(crate) fn at_every_moment(seed: u64, course: &Course, fault: &Fault) -> Vec<Plan> {
    let undisturbed = Plan::undisturbed(seed, course.clone());
    let moments = moments(fault, &undisturbed.play().requests).into_iter();
    moments.map(|moment| undisturbed.clone().with(moment, fault.clone())).collect()
}

/// The moments of a course that make a difference to a fault.
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
/// after each write of the course, for every reason.
pub fn successions(seed: u64, course: &Course) -> Vec<Plan> {
    let beside = Plan::undisturbed(seed, course.clone()).with(Moment::Second(0), Fault::Another(AHEAD_S));
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
pub(super) fn faults(course: &Course) -> Vec<Fault> {
    let group = |name: &str| name.to_owned();
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
    for name in ["blue", "green"] {
        faults.extend([
            Fault::Ill(group(name), Illness::All, 60),
            Fault::Ill(group(name), Illness::Most, 25),
            Fault::Ill(group(name), Illness::Most, 120),
            Fault::Ill(group(name), Illness::Empty, 60),
        ]);
    }
    faults.extend(hands(course).into_iter().map(Fault::Hand));
    faults
}

/// What people may do by hand on a course.
pub(super) fn hands(course: &Course) -> Vec<Hand> {
    let first = course.releases.first().cloned().unwrap_or_default();
    let other = if first == "green" { "blue" } else { "green" };
    let name = |name: &str| name.to_owned();
    let mut hands = vec![
        Hand::Weights(70, 30),
        Hand::Weights(1, 0),
        Hand::Weights(0, 1),
        Hand::Fight(90, 10, 4),
        Hand::Remove,
        Hand::Untag,
        Hand::Claim,
        Hand::Detach(name("green")),
        Hand::Detach(name("blue")),
        Hand::To(name(other)),
        Hand::Paused(true),
        Hand::DeleteShift,
        Hand::RecreateShift,
        Hand::RecreateRoute,
        Hand::RecreateEnvironment(name("blue")),
        Hand::RecreateEnvironment(name("green")),
        Hand::WipeStatuses,
        Hand::Only(name("blue")),
        Hand::Only(name("green")),
        Hand::Replace,
        Hand::Login,
        Hand::Novel,
        Hand::Answer,
        Hand::Redirect,
        Hand::RecreateGroup(name("green")),
        Hand::GiveAway(name("green")),
        Hand::Uncheck(name("green")),
        Hand::Uncheck(name("blue")),
        Hand::RecreateListener,
        Hand::RecreateBalancer,
        Hand::ToTwice(name(other), first.clone()),
        Hand::Strategy(vec![30, 100]),
        Hand::CommandTwice(name("abort")),
        Hand::CommandTwice(name("resume")),
        Hand::PointEnvironment(name("green"), name(SPARE)),
        Hand::PointEnvironment(name("green"), name("blue")),
        Hand::PointEnvironment(name("blue"), name(SPARE)),
        Hand::PointPort,
        Hand::PointBalancer,
        Hand::DropBackend(name("green")),
        Hand::DropBackend(name("blue")),
        Hand::DeleteEntryPoint,
        Hand::DeleteEnvironment(name("green")),
        Hand::DeleteEnvironment(name("blue")),
    ];
    hands.extend(["pause", "resume", "promote", "abort", "retry"].map(|verb| Hand::Command(verb.to_owned())));
    if course.place != Place::DefaultAction {
        hands.extend([Hand::Renumber, Hand::Narrow]);
    }
    hands
}
