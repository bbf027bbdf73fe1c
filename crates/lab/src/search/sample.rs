//! A sample of plans, drawn from a seed: singles and pairs on short and long courses, and random courses of what
//! users do.

use fastrand::Rng;

use crate::course::Course;
use crate::fault::{Fault, Hand, Moment, Planned, Side};
use crate::matrix::POLICIES;
use crate::plan::Plan;

use super::singles::{faults, hands};

/// How many of the plans are random courses of what users do, of five.
const USERS: u32 = 1;

/// So many plans drawn from a seed.
pub fn sample(seed: u64, count: usize) -> Vec<Plan> {
    let mut chance = Rng::with_seed(seed);
    (0..count).map(|_| draw(&mut chance)).collect()
}

fn draw(chance: &mut Rng) -> Plan {
    let course = match chance.u32(..8) {
        0 => Course::release(),
        1 => Course::first(),
        2 => Course::sticky(),
        3 | 4 => Course::adopted(),
        _ => Course::short(),
    };
    let course = Course { drift: POLICIES[chance.usize(..POLICIES.len())], ..course };
    // The undisturbed course makes so many requests for each step, and some before and after.
    let requests = 60 + 25 * u64::try_from(course.weights.len() * course.releases.len()).unwrap_or(1);
    let mut plan = Plan::undisturbed(chance.u64(..), course);
    plan.faults = if chance.u32(..5) < USERS {
        users(&plan.course, chance)
    } else {
        let count = if chance.u32(..3) == 0 { 1 } else { 2 };
        (0..count).map(|_| at_request(&plan.course, requests, chance)).collect()
    };
    // A process that is stopped right before a write cannot be fenced: see `scenarios/leaders.rs`.
    let stops = plan.faults.iter().any(|planned| matches!(planned.fault, Fault::Pause(_)));
    if chance.u32(..4) == 0 && !stops {
        plan.faults.push(Planned { at: Moment::Second(0), fault: Fault::Another(chance.i32(-60..=60)) });
    }
    plan.faults.sort();
    plan
}

fn at_request(course: &Course, requests: u64, chance: &mut Rng) -> Planned {
    let faults = faults(course);
    let fault = faults[chance.usize(..faults.len())].clone();
    let side = if chance.bool() { Side::Before } else { Side::After };
    Planned { at: Moment::Request(chance.u64(1..=requests), side), fault }
}

/// What users do in five minutes, with an accident now and then.
fn users(course: &Course, chance: &mut Rng) -> Vec<Planned> {
    let (hands, faults) = (hands(course), faults(course));
    let count = chance.usize(2..=6);
    let mut planned = Vec::new();
    for _ in 0..count {
        let at = Moment::Second(chance.u32(1..300));
        let fault = match chance.u32(..10) {
            0 => faults[chance.usize(..faults.len())].clone(),
            1 | 2 => Fault::Hand(Hand::To(if chance.bool() { "blue" } else { "green" }.to_owned())),
            _ => Fault::Hand(hands[chance.usize(..hands.len())].clone()),
        };
        planned.push(Planned { at, fault });
    }
    planned
}
