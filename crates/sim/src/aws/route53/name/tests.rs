//! Names: how they are written, and their order.

use super::*;

fn name(text: &str) -> DnsName {
    DnsName::parse(text).unwrap()
}

#[test]
fn names_are_kept_in_one_form() {
    for (given, kept) in [
        ("WWW.Shop.Test", "www.shop.test."),
        ("www.shop.test.", "www.shop.test."),
        ("*.shop.test", "\\052.shop.test."),
        ("\\052.shop.test", "\\052.shop.test."),
        ("\\167ww.shop.test", "www.shop.test."),
        ("_dmarc.shop.test", "_dmarc.shop.test."),
        ("a\\056b.test", "a\\056b.test."),
    ] {
        assert_eq!(name(given).as_str(), kept);
        assert_eq!(name(kept).as_str(), kept, "what is told can be given");
    }
}

#[test]
fn what_is_no_name_is_told() {
    let (label, long) = ("a".repeat(64), ["a"; 5].map(|label| label.repeat(60)).join("."));
    for (given, what) in [
        ("", "DomainNameEmpty"),
        (".", "DomainNameEmpty"),
        ("a..b", "DomainLabelEmpty"),
        (label.as_str(), "DomainLabelTooLong"),
        (long.as_str(), "DomainNameTooLong"),
        ("a b.test", "UnsupportedCharacter"),
        ("\u{e4}.test", "UnsupportedCharacter"),
        ("a\\9.test", "InvalidEscape"),
        ("a\\777.test", "InvalidEscape"),
    ] {
        let said = DnsName::parse(given).unwrap_err();
        assert!(said.contains(what), "{given}: {said}");
    }
}

#[test]
fn labels_are_compared_from_the_root_on() {
    let mut names = ["b.test", "a.b.test", "test", "a.test", "*.test", "x.a.test"].map(name);
    names.sort();
    let sorted: Vec<&str> = names.iter().map(DnsName::bare).collect();
    assert_eq!(sorted, ["test", "\\052.test", "a.test", "x.a.test", "b.test", "a.b.test"]);
}

#[test]
fn a_name_knows_where_it_stands() {
    let (zone, inner) = (name("shop.test"), name("a.b.shop.test"));
    assert!(inner.is_within(&zone) && zone.is_within(&zone));
    assert!(!zone.is_within(&inner) && !name("myshop.test").is_within(&zone) && !name("shop.test.eu").is_within(&zone));
    assert_eq!(inner.parent(), Some(name("b.shop.test")));
    assert_eq!(name("test").parent(), None);
    assert_eq!(zone.wildcard(), name("*.shop.test"));
    assert!(name("*.shop.test").is_wildcard() && !zone.is_wildcard());
}
