//! Which values are taken, and what is said of others.

use std::fmt::Debug;

use super::*;

fn check<T: Debug>(read: impl Fn(&str) -> Result<T, String>, good: &[&str], bad: &[&str], expected: &str) {
    for text in good {
        assert!(read(text).is_ok(), "{text:?}: {:?}", read(text));
    }
    for text in bad {
        let message = read(text).unwrap_err();
        assert!(message.contains("expected") && message.contains(expected), "{text:?}: {message}");
    }
}

#[test]
fn an_owner_fits_into_a_tag() {
    let (fits, too_long) = ("x".repeat(OWNER_LENGTH), "x".repeat(OWNER_LENGTH + 1));
    let good = ["acme-production", "a", "team/eu:1", &fits];
    check(owner_id, &good, &["", "two words", "übergabe", &too_long], "such as acme-production");
}

#[test]
fn names_are_such_as_kubernetes_takes() {
    let (label, too_long) = ("x".repeat(63), "x".repeat(64));
    let never = ["", "Iso_1", "größe", "a b", "-a", "a-", "a/b"];
    check(namespace, &["shop", "a", "team-7", "7", &label], &never, "such as shop");
    check(namespace, &[], &["a.b", &too_long], "such as shop");
    check(object_name, &["weir", "a.b-c.d", &label], &never, "such as weir");
    check(object_name, &[], &["Bad Name", "a..b", ".a", &too_long, &"a.".repeat(127)], "such as weir");
    check(label_value, &["blue", "Team_7.b", &label], &["", "a b", "_a", "a.", "ü", &too_long], "such as blue");
}

#[test]
fn a_region_has_the_form_of_one() {
    let good = ["eu-central-1", "us-gov-west-1", "ap-southeast-12", "eusc-de-east-1"];
    check(
        region,
        &good,
        &["", "mars", "eu central", "eu-central", "EU-CENTRAL-1", "eu-1", "eu--1", "eu-central-1a"],
        "eu-central-1",
    );
}

#[test]
fn spans_are_as_long_as_makes_sense() {
    check(lease_duration, &["10s", "1h"], &["9s", "1h1s", "soon"], "such as");
    check(interval, &["1s", "10m"], &["0s", "0h", "30", "500ms"], "such as 30s");
}

#[test]
fn the_name_of_a_process_fits_into_an_event() {
    check(instance, &["weir-0"], &["", &"x".repeat(129)], "such as weir-0");
}
