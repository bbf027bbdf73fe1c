//! The search for plans that fail: every single fault at every moment, and samples of several together.

mod sample;
mod singles;
mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::bug::Bug;
use crate::plan::{Failure, Plan, Wrong};
use crate::shrink::shrink;
use crate::timeline::timeline;

pub use sample::sample;
pub(crate) use singles::accidents;
#[cfg(test)]
pub(crate) use singles::at_every_moment;
pub use singles::{singles, successions};
pub use tally::Tally;

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
    let found = on_all_threads(plans, |plan| {
        let failures = plan.failures();
        tell(plan, &failures);
        (!failures.is_empty()).then(|| Found { plan: plan.clone(), failures })
    });
    found.into_iter().flatten().collect()
}

/// Hunts every planted bug. With each stands what is wrong with how the lab met it; nothing where it was found.
pub fn hunt_all() -> Vec<(Bug, Option<String>)> {
    Bug::ALL.into_iter().zip(on_all_threads(&Bug::ALL, |bug| bug.hunt())).collect()
}

/// Does something with each item, on all threads; the results are in the order of the items.
pub(crate) fn on_all_threads<Item: Sync, Made: Send>(items: &[Item], make: impl Fn(&Item) -> Made + Sync) -> Vec<Made> {
    let next = AtomicUsize::new(0);
    let made = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(number) else { return };
                    let one = make(item);
                    made.lock().unwrap_or_else(PoisonError::into_inner).insert(number, one);
                }
            });
        }
    });
    made.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

/// Each sort of failure once, as its smallest plan: what is wrong, the timeline, and how to play it again.
pub fn explain(found: &[Found]) -> Vec<String> {
    let mut sorts: BTreeMap<(Wrong, &str), (usize, &Found)> = BTreeMap::new();
    for one in found {
        let class = one.plan.faults.first().map_or("no fault", |planned| planned.fault.class());
        for wrong in one.failures.iter().map(|failure| failure.wrong).collect::<BTreeSet<_>>() {
            sorts.entry((wrong, class)).or_insert((0, one)).0 += 1;
        }
    }
    let sorts = sorts.into_iter();
    sorts
        .map(|((wrong, class), (count, one))| format!("== {wrong:?} after {class}: {count} plans\n{}", tell(one)))
        .collect()
}

/// The smallest plan that fails as one that was found.
pub fn tell(found: &Found) -> String {
    let (plan, failures) = shrink(&found.plan, &found.failures);
    let panicked = failures.iter().any(|failure| failure.wrong == Wrong::Panicked);
    let timeline = if panicked { String::new() } else { timeline(&plan.play().evidence) };
    let failures: Vec<String> = failures.iter().map(|failure| format!("  {failure}\n")).collect();
    format!("{plan}{}{timeline}again with: {}\n", failures.concat(), command(&plan))
}

/// How to play a plan again.
pub fn command(plan: &Plan) -> String {
    let plan = serde_json::to_string(plan).unwrap_or_default();
    format!("cargo run --release -p weir-lab --example search -- --plan '{plan}'")
}

#[cfg(test)]
mod tests;
