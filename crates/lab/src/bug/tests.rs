//! Each planted bug is found, and it is the bug that is found.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::plan::Plan;
use crate::search::THREADS;

use super::{Bug, table};

/// What a check has against each bug, of all bugs.
fn on_all_threads(check: impl Fn(Bug) -> Option<String> + Sync) -> Vec<String> {
    let against = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(bug) = Bug::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
                    against.lock().unwrap().extend(check(*bug).map(|words| format!("{bug}: {words}")));
                }
            });
        }
    });
    against.into_inner().unwrap()
}

#[test]
fn every_planted_bug_is_caught_by_its_judge() {
    let escaped = on_all_threads(|bug| {
        let failures = Plan { bug: Some(bug), ..bug.plan() }.play().failures;
        let is_caught = failures.iter().any(|failure| failure.wrong == bug.caught_as());
        (!is_caught).then(|| format!("found {failures:#?}"))
    });
    assert!(escaped.is_empty(), "{}", escaped.join("\n"));
}

#[test]
fn without_the_bug_the_same_plan_is_sound() {
    let unsound = on_all_threads(|bug| {
        let failures = bug.plan().play().failures;
        (!failures.is_empty()).then(|| format!("{failures:#?}"))
    });
    assert!(unsound.is_empty(), "{}", unsound.join("\n"));
}

#[test]
fn the_readme_has_the_table() {
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&table()), "put this table into crates/lab/README.md:\n{}", table());
}
