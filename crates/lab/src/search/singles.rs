//! Every fault alone, at every moment at which a course makes a request.

use crate::course::Course;
use crate::fault::{Absence, Fault, Hand, Illness, Moment, Quota, Side};
use crate::plan::Plan;

/// All plans of one fault on a course: each before every request, and also after each write, whose answer may matter.
/// A fault that waits for requests of some sort is played at these alone. The undisturbed course comes first.
pub fn singles(seed: u64, course: &Course) -> Vec<Plan> {
    let undisturbed = Plan::undisturbed(seed, course.clone());
    let requests = undisturbed.play().requests;
    let mut plans = vec![undisturbed.clone()];
    let number = |index: usize| u64::try_from(index).unwrap_or(u64::MAX) + 1;
    for fault in faults(course) {
        for (index, sort) in requests.iter().enumerate().filter(|(_, sort)| fault.strikes_at(**sort)) {
            plans.push(undisturbed.clone().with(Moment::Request(number(index), Side::Before), fault.clone()));
            if sort.is_write() {
                plans.push(undisturbed.clone().with(Moment::Request(number(index), Side::After), fault.clone()));
            }
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
    ];
    hands.extend(["pause", "resume", "promote", "abort", "retry"].map(|verb| Hand::Command(verb.to_owned())));
    hands
}
