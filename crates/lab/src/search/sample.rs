//! A sample of plans, drawn from a seed: singles and pairs on short and long rollouts, and random rollouts of what
//! users do.

use fastrand::Rng;

use crate::fault::{Fault, ManualChange, Moment, Planned, Side};
use crate::matrix::POLICIES;
use crate::plan::Plan;
use crate::rollout::Rollout;

use super::singles::{faults, manual_changes};

/// How many of the plans are random rollouts of what users do, of five.
const USERS: u32 = 1;

/// So many plans drawn from a seed.
pub fn sample(seed: u64, count: usize) -> Vec<Plan> {
    let mut chance = Rng::with_seed(seed);
    (0..count).map(|_| draw(&mut chance)).collect()
}

fn draw(chance: &mut Rng) -> Plan {
    let rollout = match chance.u32(..8) {
        0 => Rollout::release(),
        1 => Rollout::first(),
        2 => Rollout::sticky(),
        3 | 4 => Rollout::adopted(),
        _ => Rollout::short(),
    };
    let rollout = Rollout { drift: POLICIES[chance.usize(..POLICIES.len())], ..rollout };
    // The undisturbed rollout makes so many requests for each step, and some before and after.
    let requests = 60 + 25 * u64::try_from(rollout.weights.len() * rollout.releases.len()).unwrap_or(1);
    let mut plan = Plan::undisturbed(chance.u64(..), rollout);
    plan.faults = if chance.u32(..5) < USERS {
        users(&plan.rollout, chance)
    } else {
        let count = if chance.u32(..3) == 0 { 1 } else { 2 };
        (0..count).map(|_| at_request(&plan.rollout, requests, chance)).collect()
    };
    // A process that is stopped right before a write cannot be fenced: see `scenarios/leaders.rs`.
    let stops = plan.faults.iter().any(|planned| matches!(planned.fault, Fault::Pause(_)));
    if chance.u32(..4) == 0 && !stops {
        plan.faults.push(Planned { at: Moment::Second(0), fault: Fault::Another(chance.i32(-60..=60)) });
    }
    plan.faults.sort();
    plan
}

fn at_request(rollout: &Rollout, requests: u64, chance: &mut Rng) -> Planned {
    let faults = faults(rollout);
    let fault = faults[chance.usize(..faults.len())].clone();
    let side = if chance.bool() { Side::Before } else { Side::After };
    Planned { at: Moment::Request(chance.u64(1..=requests), side), fault }
}

/// What users do in five minutes, with an accident now and then.
fn users(rollout: &Rollout, chance: &mut Rng) -> Vec<Planned> {
    let (manual_changes, faults) = (manual_changes(rollout), faults(rollout));
    let count = chance.usize(2..=6);
    let mut planned = Vec::new();
    for _ in 0..count {
        let at = Moment::Second(chance.u32(1..300));
        let fault = match chance.u32(..10) {
            0 => faults[chance.usize(..faults.len())].clone(),
            1 | 2 => Fault::Manual(ManualChange::To(if chance.bool() { "blue" } else { "green" }.to_owned())),
            _ => Fault::Manual(manual_changes[chance.usize(..manual_changes.len())].clone()),
        };
        planned.push(Planned { at, fault });
    }
    planned
}
