//! The search for plans that fail: every single fault at every moment, and samples of several together.

mod sample;
mod singles;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::plan::{Failure, Plan};

pub use sample::sample;
pub use singles::singles;

/// How many plans are played at once: one on each thread, each with a runtime of its own.
pub const THREADS: usize = 2;

/// A plan that failed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The plan.
    pub plan: Plan,
    /// What is wrong.
    pub failures: Vec<Failure>,
}

/// Plays plans on all threads, and tells of each how it went. What is returned are those that failed, in the order of
/// the plans, whatever the order in which they were played.
pub fn play_all(plans: &[Plan], tell: impl Fn(&Plan, &[Failure]) + Sync) -> Vec<Found> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(plan) = plans.get(number) else { return };
                    let failures = plan.play().failures;
                    tell(plan, &failures);
                    if !failures.is_empty() {
                        let one = (number, Found { plan: plan.clone(), failures });
                        found.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                    }
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort();
    found.into_iter().map(|(_, found)| found).collect()
}

#[cfg(test)]
mod tests;
