//! Chosen priorities: more specific first, never taken, always the same.

use proptest::prelude::*;
use weir_api::matching::{HeaderMatch, QueryMatch};

use super::super::conditions::{conditions, covers};
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
    // What everything fits makes nothing more specific.
    assert_eq!(first_of(&matches(&["a.shop.example"], &["/*"])), first_of(&matches(&["a.shop.example"], &[])));
    assert_eq!(first_of(&matches(&["*"], &["/api/*"])), first_of(&matches(&[], &["/api/*"])));
}

#[test]
fn the_lowest_free_number_is_taken_even_where_a_band_is_full() {
    let host = matches(&["a.shop.example"], &[]);
    let first = first_of(&host);
    assert_eq!(choose(&host, &BTreeSet::new(), Bounds::NONE), Some(first));
    assert_eq!(choose(&host, &BTreeSet::from([first, first + 2]), Bounds::NONE), Some(first + 1));
    let full: BTreeSet<i32> = (first..first + WIDTH).collect();
    assert_eq!(choose(&host, &full, Bounds::NONE), Some(first + WIDTH));
    let none: BTreeSet<i32> = (FIRST..=LAST).collect();
    assert_eq!(choose(&host, &none, Bounds::NONE), None);
}

#[test]
fn a_number_is_chosen_between_what_takes_and_what_would_lose_requests() {
    let path = matches(&[], &["/api/*"]);
    let (first, taken) = (first_of(&path), BTreeSet::from([first_of(&path)]));
    let chosen = |after, before| choose(&path, &taken, Bounds { after, before });
    assert_eq!(chosen(first + 5, LAST + 1), Some(first + 6), "behind the narrower rule");
    assert_eq!(chosen(0, first + 9), Some(first + 1));
    assert_eq!(chosen(0, first + 1), Some(first - 1), "before the wider rule, though its band begins there");
    assert_eq!(chosen(0, FIRST + 1), Some(FIRST));
    assert_eq!(chosen(0, FIRST), None, "lower numbers are left to people");
    assert_eq!(chosen(first + 1, first + 2), None);
}

fn pattern() -> impl Strategy<Value = String> {
    let letter = prop::sample::select(vec!["a", "b", ".", "/", "*", "?", "aa", "/a/", "a.b"]);
    prop::collection::vec(letter, 1..8).prop_map(|letters| letters.concat())
}

/// Matches of few values, so that many cover each other.
fn whole_match() -> impl Strategy<Value = Match> {
    let some = |values: &'static [&'static str]| {
        prop::collection::vec(prop::sample::select(values), 0..3).prop_map(|values| texts(&values))
    };
    let hosts = some(&["a.b.example", "*.b.example", "*.example", "*", "?.b.example"]);
    let paths = some(&["/a/b", "/a/*", "/a*", "/*", "*", "/?/*"]);
    let methods = some(&["GET", "POST"]);
    let source_ips = some(&["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0"]);
    let (one, more) = (some(&["yes", "no"]), some(&["yes"]));
    let values = (hosts, paths, methods, source_ips, one, more);
    values.prop_map(|(hosts, paths, methods, source_ips, one, more)| {
        let headers = [("x-one", one), ("x-more", more)].into_iter().filter(|(_, values)| !values.is_empty());
        let headers = headers.map(|(name, values)| HeaderMatch { name: name.to_owned(), values }).collect();
        Match { hosts, paths, methods, source_ips, headers, ..Match::default() }
    })
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

    /// Whatever is for a part of the requests of another is not put behind it by its band.
    #[test]
    fn a_narrower_match_has_no_later_band(one in whole_match(), other in whole_match()) {
        if covers(&conditions(&one), &conditions(&other)) {
            prop_assert!(first_of(&one) >= first_of(&other), "{one:?} {other:?}");
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
                let chosen = choose(&kinds[kind], &taken, Bounds::NONE).unwrap();
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
