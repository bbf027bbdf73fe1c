//! The courses without any fault, and the sample.

use crate::course::Course;
use crate::plan::Plan;

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
