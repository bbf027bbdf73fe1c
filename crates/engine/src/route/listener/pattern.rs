//! Patterns of hosts and paths: whether all that one pattern is for is also what another is for, and which of two patterns
//! of hosts is the more specific.

use std::borrow::Cow;
use std::cmp::Ordering;

/// The wildcards: any characters, and exactly one.
const WILDCARDS: [char; 2] = ['*', '?'];

/// A text as it is compared without regard to case.
pub fn folded(text: &str) -> Cow<'_, str> {
    let is_folded = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_folded { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
}

/// What stands before the first wildcard of a pattern and after the last one: every text that fits begins and ends so. All
/// of it twice where it has none.
fn ends(pattern: &str) -> (&str, &str) {
    let head = pattern.split(WILDCARDS).next().unwrap_or(pattern);
    (head, pattern.rsplit(WILDCARDS).next().unwrap_or(pattern))
}

/// Whether every host that fits `inner` fits `outer` too, without regard to case.
pub fn is_within(inner: &str, outer: &str) -> bool {
    is_path_within(&folded(inner), &folded(outer))
}

/// Whether every path that fits `inner` fits `outer` too. Both may have the wildcards `*` (any characters) and `?`
/// (exactly one).
///
/// A wildcard of `inner` must be covered by one of `outer`. So the answer is never wrongly yes; it is wrongly no only
/// for patterns that say the same in other words, such as `?*` and `*?`.
pub fn is_path_within(inner: &str, outer: &str) -> bool {
    // Most patterns are told apart by their ends.
    let (head, tail) = ends(outer);
    if head.len() == outer.len() || !inner.starts_with(head) || !inner.ends_with(tail) {
        return inner == outer;
    }
    fits_within(inner, outer)
}

/// The same, letter by letter.
fn fits_within(inner: &str, outer: &str) -> bool {
    let (inner, outer): (Vec<char>, Vec<char>) = (inner.chars().collect(), outer.chars().collect());
    // `fits[at]`: the letters of `inner` that were read fit the first `at` letters of `outer`.
    let mut fits = vec![false; outer.len() + 1];
    fits[0] = true;
    for at in 0..outer.len() {
        fits[at + 1] = fits[at] && outer[at] == '*';
    }
    for letter in inner {
        let mut next = vec![false; outer.len() + 1];
        for at in 0..outer.len() {
            next[at + 1] = match outer[at] {
                '*' => fits[at] || fits[at + 1] || next[at],
                '?' => fits[at] && letter != '*',
                expected => fits[at] && letter == expected,
            };
        }
        fits = next;
    }
    fits[outer.len()]
}

/// How a pattern of hosts stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// No host fits both.
    Apart,
    /// Some hosts fit both, and this one is the more specific: it names one host, or has more dots.
    Narrower,
    /// Some hosts fit both, and the other one is the more specific.
    Wider,
    /// Some hosts fit both, and neither is more specific.
    Same,
}

/// How a pattern of hosts stands to another, without regard to case.
pub fn relate(one: &str, other: &str) -> Relation {
    let (one, other) = (folded(one), folded(other));
    if !is_common(&one, &other) {
        return Relation::Apart;
    }
    match host_class(&one).cmp(&host_class(&other)) {
        Ordering::Less => Relation::Narrower,
        Ordering::Greater => Relation::Wider,
        Ordering::Equal => Relation::Same,
    }
}

/// How many classes of hosts there are.
pub const HOST_CLASSES: i32 = 7;

/// How specific a pattern of hosts is: 0 for a name without wildcards, then by the number of dots: 5 or more, 4, 3, 2,
/// fewer; the last class is what every host fits.
pub fn host_class(pattern: &str) -> i32 {
    if is_within("*", pattern) {
        return HOST_CLASSES - 1;
    }
    let dots = i32::try_from(pattern.matches('.').count()).unwrap_or(i32::MAX);
    if pattern.contains(WILDCARDS) { 6 - dots.clamp(1, 5) } else { 0 }
}

/// Whether some text fits both patterns.
fn is_common(one: &str, other: &str) -> bool {
    let ((head, tail), (other_head, other_tail)) = (ends(one), ends(other));
    if head.len() == one.len() && other_head.len() == other.len() {
        return one == other;
    }
    let begin_alike = head.starts_with(other_head) || other_head.starts_with(head);
    let end_alike = tail.ends_with(other_tail) || other_tail.ends_with(tail);
    begin_alike && end_alike && fits_both(one, other)
}

/// The same, letter by letter.
fn fits_both(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    // `rest[at]`: the rest of `one` from a place on and the rest of `other` from `at` on have a text in common.
    let mut rest: Vec<bool> = (0..=other.len()).map(|at| other[at..].iter().all(|letter| *letter == '*')).collect();
    for letter in one.iter().rev() {
        let mut longer = vec![false; other.len() + 1];
        longer[other.len()] = *letter == '*' && rest[other.len()];
        for at in (0..other.len()).rev() {
            longer[at] = match (*letter, other[at]) {
                // It stands for nothing, or for one letter more.
                ('*', _) | (_, '*') => rest[at] || longer[at + 1],
                ('?', _) | (_, '?') => rest[at + 1],
                (one, other) => one == other && rest[at + 1],
            };
        }
        rest = longer;
    }
    rest[0]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_the_ends_tell_is_what_the_letters_tell(one in "[ab*?]{0,6}", other in "[ab*?]{0,6}") {
            prop_assert_eq!(is_path_within(&one, &other), fits_within(&one, &other), "{} within {}", one, other);
            prop_assert_eq!(is_common(&one, &other), fits_both(&one, &other), "{} and {}", one, other);
        }
    }

    #[test]
    fn a_host_is_within_a_pattern_only_if_all_that_it_is_for_is() {
        let cases = [
            ("a.shop.example", "*.shop.example", true),
            ("a.b.shop.example", "*.shop.example", true),
            ("A.Shop.Example", "*.shop.example", true),
            ("*.b.shop.example", "*.shop.example", true),
            ("*.shop.example", "*.shop.example", true),
            ("shop.example", "*.shop.example", false),
            ("a.shop.example.evil", "*.shop.example", false),
            ("*shop.example", "*.shop.example", false),
            ("*.example", "*.shop.example", false),
            ("shop.example", "shop.example", true),
            ("a.shop.example", "shop.example", false),
            ("*.shop.example", "?.shop.example", false),
            ("?.shop.example", "?.shop.example", true),
            ("a.shop.example", "?.shop.example", true),
            ("ab.shop.example", "?.shop.example", false),
            ("anything.at.all", "*", true),
            ("*", "*", true),
            ("*", "?", false),
            ("", "*", true),
            ("", "?", false),
        ];
        for (inner, outer, expected) in cases {
            assert_eq!(is_within(inner, outer), expected, "{inner:?} within {outer:?}");
        }
    }

    #[test]
    fn of_two_patterns_the_one_that_names_a_host_or_has_more_dots_is_the_more_specific() {
        use Relation::{Apart, Narrower, Same, Wider};
        let cases = [
            ("a.shop.example", "A.shop.example", Same),
            ("a.shop.example", "b.shop.example", Apart),
            ("a.shop.example", "*.shop.example", Narrower),
            ("*.a.shop.example", "*.shop.example", Narrower),
            ("*.shop.example", "*.a.shop.example", Wider),
            ("*?.shop.example", "*.shop.example", Same),
            ("*.?*.shop.example", "*.a.shop.example", Same),
            ("a*.shop.example", "*b.shop.example", Same),
            ("a*.shop.example", "b*.shop.example", Apart),
            ("*.example", "?.example", Same),
            ("*.example", "*.test", Apart),
            ("*", "*.test", Wider),
            ("**", "*", Same),
            ("a?c.test", "ab?.test", Same),
            ("a?c.test", "a?d.test", Apart),
        ];
        for (one, other, expected) in cases {
            assert_eq!(relate(one, other), expected, "{one} and {other}");
            let back = match expected {
                Narrower => Wider,
                Wider => Narrower,
                alike => alike,
            };
            assert_eq!(relate(other, one), back, "{other} and {one}");
        }
    }
}
