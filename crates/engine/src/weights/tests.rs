//! Splits and blends by hand, and their properties on random weights.

use proptest::prelude::*;
use weir_api::weighted_route::EnvironmentWeight;

use super::{
    blend, carrying, gaining, goes_back, needed, of, same_action, same_split, total, towards, with_attached, words,
};

fn weights(text: &str) -> Vec<EnvironmentWeight> {
    text.split(", ")
        .map(|entry| {
            let (environment, weight) = entry.split_once(' ').unwrap();
            EnvironmentWeight { environment: environment.to_owned(), weight: weight.parse().unwrap() }
        })
        .collect()
}

/// The numbers as they are on AWS.
fn raw(weights: &[EnvironmentWeight]) -> String {
    weights.iter().map(|entry| format!("{} {}", entry.environment, entry.weight)).collect::<Vec<_>>().join(", ")
}

#[test]
fn words_are_in_percent_of_all_weights() {
    for (live, expected) in [
        ("blue 75, green 25", "blue 75, green 25"),
        ("blue 1, green 0", "blue 100, green 0"),
        ("blue 70", "blue 100"),
        ("a 1, b 2", "a 33.33, b 66.67"),
        ("a 1, b 7", "a 12.5, b 87.5"),
        ("a 999, b 999, c 999, d 999, e 1", "a 24.99, b 24.99, c 24.99, d 24.99, e 0.03"),
        ("blue 0, green 0", "blue 0, green 0"),
    ] {
        assert_eq!(words(&weights(live)), expected);
    }
    assert_eq!(words(&[]), "nothing");
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
        assert_eq!(raw(&blend(&weights(from), "green", percent)), expected, "{from} at {percent}");
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
fn goes_towards_a_goal_by_percent_points() {
    for (live, goal, step, expected) in [
        ("blue 100", "blue 80, green 20", 100, "blue 80, green 20"),
        ("blue 100, green 0", "blue 20, green 80", 30, "blue 70, green 30"),
        ("blue 70, green 30", "blue 20, green 80", 60, "blue 20, green 80"),
        ("blue 1", "green 1", 10, "blue 90, green 10"),
        ("blue 90, green 10", "green 1", 90, "green 1"),
        ("blue 60, green 40", "green 40, red 60", 30, "blue 30, green 40, red 30"),
        ("blue 1, green 2", "blue 2, green 1", 5, "blue 38, green 62"),
        ("blue 50, green 50, red 0", "blue 10, green 90", 10, "blue 40, green 60"),
    ] {
        assert_eq!(raw(&towards(&weights(live), &weights(goal), step)), expected, "{live} to {goal} by {step}");
    }
}

#[test]
fn tells_who_gains_and_whether_that_is_a_return() {
    let (live, goal) = (weights("blue 80, green 20"), weights("blue 20, green 70, red 10"));
    assert_eq!(gaining(&live, &goal), ["green", "red"]);
    assert!(goes_back(&weights("blue 20, green 80"), &weights("blue 70, green 30"), &live));
    assert!(!goes_back(&weights("blue 20, green 80"), &weights("blue 90, green 10"), &live));
    assert_eq!(raw(&with_attached(&weights("blue 1"), &weights("blue 5, green 9"))), "blue 1, green 0");
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
    /// Every step goes the way to the goal, by no more than the pace and what rounding adds, and the way ends.
    #[test]
    fn a_paced_way_is_straight_and_ends(live in some_weights(), goal in some_weights(), step in 1..=100_i32) {
        let mut at = live.clone();
        for count in 0.. {
            prop_assert!(count <= 400, "no end from {live:?} to {goal:?} by {step}");
            if same_split(&at, &goal) {
                break;
            }
            let next = towards(&at, &goal, step);
            prop_assert!(total(&next) > 0 && next.iter().all(|entry| (0..=999).contains(&entry.weight)));
            for name in ["a", "b", "c", "d", "e"] {
                // In hundredths of a percent point.
                let part = |weights: &[EnvironmentWeight]| of(weights, name) * 10_000 / total(weights);
                let (old, new, end) = (part(&at), part(&next), part(&goal));
                prop_assert!((new - old).abs() <= i64::from(step) * 100 + 101, "{name} jumps from {old} to {new}");
                prop_assert!(new >= old.min(end) - 101 && new <= old.max(end) + 101, "{name} strays to {new}");
            }
            let names = carrying(&next).len();
            prop_assert!(names <= 5);
            at = next;
        }
    }


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
