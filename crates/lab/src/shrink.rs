//! Makes a plan that fails smaller, as long as it goes on failing in the same way: fewer faults, fewer steps, shorter
//! spans, earlier moments.

use std::collections::BTreeSet;

use crate::fault::{Fault, Moment, Planned};
use crate::plan::{Failure, Plan, Wrong};

/// How many plans are played at most to make one smaller.
pub const TRIES: usize = 200;

/// The smallest plan found that fails in the same way, and how it fails.
pub fn shrink(plan: &Plan, failures: &[Failure]) -> (Plan, Vec<Failure>) {
    shrink_by(plan, failures, Plan::failures)
}

fn shrink_by(plan: &Plan, failures: &[Failure], play: impl Fn(&Plan) -> Vec<Failure>) -> (Plan, Vec<Failure>) {
    let Some(wrong) = failures.iter().map(|failure| failure.wrong).min() else {
        return (plan.clone(), Vec::new());
    };
    let mut best = (plan.clone(), failures.to_vec());
    let (mut tries, mut sound) = (0, BTreeSet::new());
    'again: loop {
        for candidate in smaller(&best.0) {
            if sound.contains(&candidate) {
                continue;
            }
            if tries == TRIES {
                return best;
            }
            tries += 1;
            let failures = play(&candidate);
            if fails_like(&failures, wrong) {
                best = (candidate, failures);
                continue 'again;
            }
            sound.insert(candidate);
        }
        return best;
    }
}

fn fails_like(failures: &[Failure], wrong: Wrong) -> bool {
    failures.iter().any(|failure| failure.wrong == wrong)
}

/// Plans that are a little smaller, those that are smallest first.
fn smaller(plan: &Plan) -> Vec<Plan> {
    let mut plans = Vec::new();
    for index in 0..plan.faults.len() {
        let mut fewer = plan.clone();
        fewer.faults.remove(index);
        plans.push(fewer);
    }
    plans.extend(with_fewer_steps(plan));
    for (index, planned) in plan.faults.iter().enumerate() {
        let other = |planned: Planned| {
            let mut other = plan.clone();
            other.faults[index] = planned;
            other
        };
        plans.extend(sizes(&planned.fault).into_iter().map(|fault| other(Planned { fault, ..planned.clone() })));
        plans.extend(moments(planned.at.clone()).into_iter().map(|at| other(Planned { at, ..planned.clone() })));
    }
    plans
}

/// The same with half of the steps, or one step less. The requests of a step that is left out are no longer made, so
/// moments come earlier by as many.
fn with_fewer_steps(plan: &Plan) -> Vec<Plan> {
    let count = plan.rollout.weights.len();
    let mut plans = Vec::new();
    for left in [count / 2, count.saturating_sub(1)] {
        if left == 0 || left >= count || (left == count.saturating_sub(1) && count / 2 == left && !plans.is_empty()) {
            continue;
        }
        let mut fewer = plan.clone();
        fewer.rollout.weights.drain(..count - left);
        let mut sooner = fewer.clone();
        for planned in &mut sooner.faults {
            if let Moment::Request(number, _) = &mut planned.at {
                let left = u64::try_from(left).unwrap_or(1);
                let count = u64::try_from(count).unwrap_or(1);
                *number = (*number * left / count).max(1);
            }
        }
        plans.extend([fewer, sooner]);
    }
    plans
}

fn sizes(fault: &Fault) -> Vec<Fault> {
    let size = fault.size();
    [1, size / 2, size * 3 / 4, size * 9 / 10, size.saturating_sub(1)]
        .into_iter()
        .filter(|smaller| *smaller > 0 && *smaller < size)
        .map(|smaller| fault.scaled(smaller))
        .collect()
}

fn moments(at: Moment) -> Vec<Moment> {
    match at {
        Moment::Request(number, side) => {
            let earlier = [1, number / 2, number * 3 / 4, number * 9 / 10, number.saturating_sub(1)];
            let earlier = earlier.into_iter().filter(|earlier| *earlier > 0 && *earlier < number);
            earlier.map(|number| Moment::Request(number, side)).collect()
        }
        Moment::Named(name, number, side) => {
            let earlier = [1, number.saturating_sub(1)].into_iter().filter(|earlier| *earlier > 0 && *earlier < number);
            earlier.map(|number| Moment::Named(name.clone(), number, side)).collect()
        }
        Moment::Second(second) => {
            let earlier = [second / 2, second * 3 / 4, second * 9 / 10, second.saturating_sub(1)];
            earlier.into_iter().filter(|earlier| *earlier < second).map(Moment::Second).collect()
        }
    }
}

#[cfg(test)]
mod tests;
