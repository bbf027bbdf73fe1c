//! Splits and blends by hand, and their properties on random weights.

use proptest::prelude::*;
use weir_api::weighted_route::EnvironmentWeight;

use super::{blend, needed, of, same_action, same_split, total, words};

fn weights(text: &str) -> Vec<EnvironmentWeight> {
    text.split(", ")
        .map(|entry| {
            let (environment, weight) = entry.split_once(' ').unwrap();
            EnvironmentWeight { environment: environment.to_owned(), weight: weight.parse().unwrap() }
        })
        .collect()
}

#[test]
fn blends_towards_the_candidate() {
    for (from, percent, expected) in [
        ("blue 100", 5, "blue 95, green 5"),
        ("blue 1", 0, "blue 1, green 0"),
        ("blue 1", 100, "blue 0, green 100"),
        ("blue 75, green 25", 50, "blue 50, green 50"),
        ("blue 75, red 25", 20, "blue 60, green 20, red 20"),
        ("blue 80, red 20", 99, "blue 1, green 99, red 0"),
        ("green 100", 25, "green 100"),
    ] {
        assert_eq!(words(&blend(&weights(from), "green", percent)), expected, "{from} at {percent}");
    }
}

#[test]
fn tells_splits_apart_by_proportion() {
    assert!(same_split(&weights("blue 1"), &weights("blue 100, green 0")));
    assert!(!same_action(&weights("blue 1"), &weights("blue 100, green 0")));
    assert!(same_action(&weights("blue 1, green 3"), &weights("blue 25, green 75")));
    assert!(!same_split(&weights("blue 1, green 3"), &weights("blue 26, green 74")));
    assert!(!same_split(&weights("blue 0"), &weights("blue 1")));
}

#[test]
fn needs_at_least_one_target_for_any_traffic() {
    assert_eq!((needed(0, 5, 100), needed(5, 5, 100), needed(25, 5, 100), needed(100, 5, 100)), (0, 1, 2, 5));
    assert_eq!((needed(100, 5, 50), needed(50, 0, 100), needed(100, 3, 150)), (3, 1, 5));
}

fn some_weights() -> impl Strategy<Value = Vec<EnvironmentWeight>> {
    proptest::collection::btree_map("[a-e]", 1..=999_i32, 1..5).prop_map(|map| {
        map.into_iter().map(|(environment, weight)| EnvironmentWeight { environment, weight }).collect()
    })
}

proptest! {
    #[test]
    fn the_candidate_gets_exactly_its_part(from in some_weights(), percent in 1..=100_i32) {
        let blended = blend(&from, "z", percent);
        prop_assert_eq!((total(&blended), of(&blended, "z")), (100, i64::from(percent)));
    }

    #[test]
    fn no_other_gains_from_step_to_step(from in some_weights(), percent in 1..=99_i32) {
        let (now, next) = (blend(&from, "z", percent), blend(&from, "z", percent + 1));
        for entry in &from {
            prop_assert!(of(&next, &entry.environment) <= of(&now, &entry.environment));
        }
    }

    #[test]
    fn without_weight_the_split_stays(from in some_weights()) {
        prop_assert!(same_split(&from, &blend(&from, "z", 0)));
    }

    #[test]
    fn no_part_is_more_than_one_unit_off(from in some_weights(), percent in 1..=99_i32) {
        let blended = blend(&from, "z", percent);
        for entry in &from {
            let exact = of(&from, &entry.environment) * i64::from(100 - percent);
            let got = of(&blended, &entry.environment) * total(&from);
            prop_assert!((exact - got).abs() < 2 * total(&from), "{:?} -> {:?}", from, blended);
        }
    }
}
