//! Chosen priorities: more specific first, never taken, always the same.

use proptest::prelude::*;
use weir_api::matching::{HeaderMatch, QueryMatch};

use super::super::pattern::is_within;
use super::*;

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn matches(hosts: &[&str], paths: &[&str]) -> Match {
    Match { hosts: texts(hosts), paths: texts(paths), ..Match::default() }
}

#[test]
fn more_specific_rules_come_before_less_specific_ones() {
    let header = HeaderMatch { name: "x-canary".to_owned(), values: texts(&["yes"]) };
    let query = QueryMatch { key: None, value: "beta".to_owned() };
    let exact = matches(&["a.shop.example"], &[]);
    let ordered = [
        matches(&["a.shop.example"], &["/api/v1/users"]),
        matches(&["a.shop.example"], &["/api/v1/*"]),
        matches(&["a.shop.example"], &["/api/*"]),
        matches(&["a.shop.example"], &["/api*"]),
        matches(&["a.shop.example"], &["/*"]),
        Match { headers: vec![header.clone()], query_strings: vec![query], ..exact.clone() },
        Match { headers: vec![header], ..exact.clone() },
        exact,
        matches(&["*.a.shop.example"], &["/api/*"]),
        matches(&["*.a.shop.example"], &[]),
        matches(&["*.shop.example"], &["/api/*"]),
        matches(&["a.shop.example", "*.shop.example"], &[]),
        matches(&[], &["/health"]),
        matches(&[], &["/api/*"]),
        Match { methods: texts(&["POST"]), ..Match::default() },
    ];
    let bands: Vec<i32> = ordered.iter().map(first_of).collect();
    assert!(bands.windows(2).all(|pair| pair[0] < pair[1]), "{bands:?}");
    assert!(bands.iter().all(|band| (FIRST..LAST).contains(band)), "{bands:?}");
}

#[test]
fn the_lowest_free_number_is_taken_even_where_a_band_is_full() {
    let host = matches(&["a.shop.example"], &[]);
    let first = first_of(&host);
    assert_eq!(choose(&host, &BTreeSet::new()), Some(first));
    assert_eq!(choose(&host, &BTreeSet::from([first, first + 2])), Some(first + 1));
    let full: BTreeSet<i32> = (first..first + WIDTH).collect();
    assert_eq!(choose(&host, &full), Some(first + WIDTH));
    let none: BTreeSet<i32> = (first..=LAST).collect();
    assert_eq!(choose(&host, &none), None);
}

fn pattern() -> impl Strategy<Value = String> {
    let letter = prop::sample::select(vec!["a", "b", ".", "/", "*", "?", "aa", "/a/", "a.b"]);
    prop::collection::vec(letter, 1..8).prop_map(|letters| letters.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    /// Whatever is for a part of the requests of another is not put behind it by its class.
    #[test]
    fn a_narrower_pattern_has_no_later_class(inner in pattern(), outer in pattern()) {
        // Both kinds of patterns have the same wildcards; a path only differs in case.
        if is_within(&inner, &outer) {
            let host = |pattern: &str| first_of(&matches(&[pattern], &[]));
            let path = |pattern: &str| first_of(&matches(&[], &[pattern]));
            prop_assert!(host(&inner) <= host(&outer), "{inner} {outer}");
            prop_assert!(path(&inner) <= path(&outer), "{inner} {outer}");
        }
    }

    /// Rules that come and go move no other, and none collide.
    #[test]
    fn what_was_chosen_stays_and_never_collides(
        course in prop::collection::vec((any::<bool>(), 0..4_usize, 0..40_usize), 1..120),
    ) {
        let kinds = [
            matches(&["a.shop.example"], &[]),
            matches(&["*.shop.example"], &[]),
            matches(&["a.shop.example"], &["/api/*"]),
            matches(&[], &["/api/*"]),
        ];
        let mut live: Vec<i32> = Vec::new();
        for (makes, kind, which) in course {
            if makes || live.is_empty() {
                let taken: BTreeSet<i32> = live.iter().copied().collect();
                let chosen = choose(&kinds[kind], &taken).unwrap();
                prop_assert!(!taken.contains(&chosen));
                prop_assert!(chosen >= first_of(&kinds[kind]));
                live.push(chosen);
            } else {
                let index = which % live.len();
                live.swap_remove(index);
            }
        }
    }
}
