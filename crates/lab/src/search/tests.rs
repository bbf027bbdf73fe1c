//! The courses without any fault, and the sample.

use crate::course::Course;
use crate::evidence::Evidence;
use crate::fault::{Fault, Moment, Side};
use crate::journal::{Entry, What};
use crate::plan::Plan;

use super::singles::faults;
use super::{Found, play_all, sample, tell};

/// How many plans the sample has: as many as take about a minute on two idle cores without optimization.
const PLANS: usize = 500;
/// The seed of the sample, unless the environment gives another.
const SEED: u64 = 20_261_121;

#[test]
fn every_course_is_sound_without_faults() {
    for (name, course) in Course::all() {
        let played = Plan::undisturbed(1, course).play();
        assert_eq!(played.failures, [], "{name}");
        assert!(played.requests.len() > 60, "{name} makes {} requests only", played.requests.len());
    }
}

/// Everything that happened, but for when the fault was planned.
fn happened(fault: &Fault, moment: Moment) -> (Vec<Entry>, Evidence) {
    let mut evidence = Plan::undisturbed(1, Course::short()).with(moment, fault.clone()).play().evidence;
    let mut entries = std::mem::take(&mut evidence.entries);
    entries.retain(|entry| !matches!(&entry.what, What::Befell(words) if *words == fault.to_string()));
    (entries, evidence)
}

#[test]
fn a_fault_that_waits_comes_to_the_same_at_each_moment_before_it_strikes() {
    let requests = Plan::undisturbed(1, Course::short()).play().requests;
    let strikes = |fault: &Fault, index: &usize| fault.strikes_at(requests[*index]);
    let before = |index: usize| Moment::Request(u64::try_from(index).unwrap() + 1, Side::Before);
    let mut compared = 0;
    for fault in faults(&Course::short()) {
        let waiting: Vec<usize> = (0..requests.len()).filter(|index| !strikes(&fault, index)).collect();
        for index in waiting.iter().step_by(47).copied() {
            // What is under way at that moment may still be struck by what waits for its answer.
            let last = (0..index).rfind(|index| strikes(&fault, index));
            let next = (index..requests.len()).find(|index| strikes(&fault, index));
            let (entries, rest) = happened(&fault, before(index));
            let is_same = last.into_iter().chain(next).any(|other| {
                let (other_entries, other_rest) = happened(&fault, before(other));
                (&entries, &rest.calls, &rest.changes, rest.ended)
                    == (&other_entries, &other_rest.calls, &other_rest.changes, other_rest.ended)
            });
            assert!(is_same || next.is_none(), "{fault} before request {}", index + 1);
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared}");
}

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("found {name}={text}; expected a number")))
}

#[test]
fn a_seeded_sample_is_sound() {
    let seed = from_environment("WEIR_LAB_SEED").unwrap_or(SEED);
    let count = from_environment("WEIR_LAB_PLANS").map_or(PLANS, |plans| usize::try_from(plans).unwrap());
    println!("WEIR_LAB_SEED={seed} WEIR_LAB_PLANS={count}");
    let found = play_all(&sample(seed, count), |_, _| ());
    let told: Vec<String> = found.iter().take(3).map(tell).collect();
    let failed = found.len();
    assert!(found.is_empty(), "{failed} of {count} plans of the seed {seed} failed:\n{}", told.join("\n"));
}

#[test]
fn the_same_seed_draws_the_same_sample() {
    assert_eq!(sample(5, 20), sample(5, 20));
    assert_ne!(sample(5, 20), sample(6, 20));
}

#[test]
fn what_is_found_is_told_with_the_way_to_play_it_again() {
    let plan = crate::bug::Bug::Clobbers.plan();
    let plan = Plan { bug: Some(crate::bug::Bug::Clobbers), ..plan };
    let failures = plan.play().failures;
    let text = tell(&Found { plan, failures });
    assert!(text.contains("Clobbered: the listener's actions are"), "{text}");
    assert!(text.contains("again with: cargo run --release -p weir-lab --example search -- --plan '{"), "{text}");
}
