//! Patterns of hosts and paths: whether all that one pattern is for is also what another is for.

/// Whether every host that fits `inner` fits `outer` too, without regard to case.
pub fn is_within(inner: &str, outer: &str) -> bool {
    is_path_within(&inner.to_lowercase(), &outer.to_lowercase())
}

/// Whether every path that fits `inner` fits `outer` too. Both may have the wildcards `*` (any characters) and `?`
/// (exactly one).
///
/// A wildcard of `inner` must be covered by one of `outer`. So the answer is never wrongly yes; it is wrongly no only
/// for patterns that say the same in other words, such as `?*` and `*?`.
pub fn is_path_within(inner: &str, outer: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::is_within;

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
}
