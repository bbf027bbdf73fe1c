//! Whose requests a rule takes: never told wrongly.

use proptest::prelude::*;

use super::*;

/// Fields with their values.
type Fields<'a> = &'a [(&'a str, &'a [&'a str])];

/// Conditions as they are written here: `field: value or value`.
fn all(fields: Fields<'_>) -> Conditions {
    let one = |(field, values): &(&str, &[&str])| ((*field).into(), sorted(values.iter().map(|value| (*value).into())));
    fields.iter().map(one).collect()
}

#[test]
fn a_rule_covers_another_only_where_all_of_its_requests_are_its_own() {
    let shop: (&str, &[&str]) = ("host-header", &["a.shop.example"]);
    let cases: [(Fields<'_>, Fields<'_>, bool); 22] = [
        (&[("host-header", &["*.shop.example"])], &[shop], true),
        (&[("host-header", &["*.SHOP.example"])], &[shop, ("path-pattern", &["/api/*"])], true),
        (&[shop, ("path-pattern", &["/api/*"])], &[shop], false),
        (&[shop, ("path-pattern", &["/*"])], &[shop], true),
        (&[("path-pattern", &["*"])], &[shop], true),
        (&[("path-pattern", &["/*"])], &[], true),
        (&[("host-header", &["*"])], &[("path-pattern", &["/api/*"])], true),
        (&[("path-pattern", &["/API/*"])], &[("path-pattern", &["/api/*"])], false),
        (&[shop], &[("host-header", &["a.shop.example", "b.shop.example"])], false),
        (&[("host-header", &["a.shop.example", "b.shop.example"])], &[shop], true),
        (&[("http-request-method", &["GET", "POST"])], &[("http-request-method", &["GET"])], true),
        (&[("http-request-method", &["get"])], &[("http-request-method", &["GET"])], false),
        (&[("http-header:x-canary", &["Yes"])], &[("http-header:x-canary", &["yes"]), shop], true),
        (&[("http-header:x-canary", &["yes"])], &[("http-header:x-other", &["yes"])], false),
        (&[("query-string", &["a=b"])], &[("query-string", &["a=b"]), ("query-string#2", &["c=d"])], true),
        (&[("query-string", &["a=b"]), ("query-string#2", &["c=d"])], &[("query-string", &["a=b", "c=d"])], false),
        (&[("source-ip", &["10.0.0.0/8"])], &[("source-ip", &["10.1.0.0/16", "10.2.3.4/32"])], true),
        (&[("source-ip", &["10.1.0.0/16"])], &[("source-ip", &["10.0.0.0/8"])], false),
        (&[("source-ip", &["2001:db8::/32"])], &[("source-ip", &["2001:db8:1::/48"])], true),
        (&[("source-ip", &["0.0.0.0/0"])], &[("source-ip", &["2001:db8:1::/48"])], false),
        (&[("path-pattern", &["/*", "regex ^/v[12]"])], &[("path-pattern", &["/v1"])], false),
        (&[("path-pattern", &["*"])], &[("path-pattern", &["regex ^/v[12]"])], false),
    ];
    for (wide, narrow, expected) in cases {
        assert_eq!(covers(&all(wide), &all(narrow)), expected, "{wide:?} covers {narrow:?}");
    }
}

#[test]
fn what_may_be_a_secret_of_others_is_not_told() {
    let theirs = all(&[
        ("host-header", &["a.example"]),
        ("http-header:x-origin-secret", &["s3cret"]),
        ("source-ip", &["10.0.0.0/8"]),
        ("query-string", &["token=abc"]),
    ]);
    let told = describe_theirs(&theirs);
    assert_eq!(told, "host-header a.example and http-header:x-origin-secret … and query-string … and source-ip …");
}

/// Whether a text fits a pattern with wildcards, the plain way.
fn fits(text: &[u8], pattern: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => fits(text, rest) || text.split_first().is_some_and(|(_, text)| fits(text, pattern)),
        (Some((b'?', rest)), Some((_, text))) => fits(text, rest),
        (Some((letter, rest)), Some((first, text))) => letter == first && fits(text, rest),
        _ => false,
    }
}

fn takes(rule: &Conditions, host: &str, path: &str) -> bool {
    rule.iter().all(|(field, values)| {
        let text = if field == "host-header" { host } else { path };
        values.iter().any(|value| fits(text.as_bytes(), value.as_bytes()))
    })
}

fn rule() -> impl Strategy<Value = Conditions> {
    let host = || prop::sample::select(vec!["a.x", "b.x", "*.x", "?.x", "*", "*a*"]);
    let path = || prop::sample::select(vec!["/", "/a", "/a/*", "/*", "*", "/?", "*/a"]);
    let of = |field: &'static str, values: Vec<&'static str>| {
        let values = sorted(values.into_iter().map(SmolStr::from));
        (!values.is_empty()).then_some((SmolStr::from(field), values))
    };
    (prop::collection::vec(host(), 0..3), prop::collection::vec(path(), 0..3)).prop_map(move |(hosts, paths)| {
        [of("host-header", hosts), of("path-pattern", paths)].into_iter().flatten().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    /// No request that fits a covered rule passes the one that covers it by.
    #[test]
    fn to_cover_is_to_take_every_request(
        wide in rule(),
        narrow in rule(),
        host in prop::sample::select(vec!["a.x", "b.x", "aa.x", "c.y", "x.a"]),
        path in prop::sample::select(vec!["/", "/a", "/b", "/a/b", "/b/a", "/ab"]),
    ) {
        if covers(&wide, &narrow) && takes(&narrow, host, path) {
            prop_assert!(takes(&wide, host, path), "{wide:?} {narrow:?} {host}{path}");
        }
    }
}
