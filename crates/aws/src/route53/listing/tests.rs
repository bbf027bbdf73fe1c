//! Whatever a page says of a name is true, wherever pages begin and end, and whichever way wildcards count in the order.

use weir_engine::dns::{Content, RecordType, Routing};

use super::*;

fn name(text: &str) -> DnsName {
    DnsName::new(text)
}

fn record(text: &str, identifier: usize) -> RecordSet {
    RecordSet {
        name: name(text),
        kind: RecordType::A,
        routing: Routing::Weighted { identifier: identifier.to_string().into(), weight: 1 },
        content: Content::Values { ttl: 60, values: vec!["192.0.2.1".to_owned()] },
        health_check: None,
    }
}

/// What Route 53 may sort by.
type Key = fn(&DnsName) -> String;

const KEYS: [Key; 2] = [|name| key(&name.escaped()), |name| key(name.as_str())];

/// A page of so many records that begins at a name, of a zone.
fn page(zone: &[RecordSet], start: &DnsName, size: usize, key: Key) -> Listing {
    let mut rest = zone.iter().skip_while(|record| key(&record.name) < key(start)).cloned();
    let mut records: Vec<RecordSet> = rest.by_ref().take(size).collect();
    let mut next = rest.next();
    // One who lists goes on while there is more of the name that was asked for.
    while let Some(more) = next.take_if(|next| next.name == *start) {
        records.push(more);
        next = rest.next();
    }
    Listing { records, next: next.map(|next| next.name) }
}

/// Names that lie close together in the order, with one, two or no records each.
fn names() -> Vec<DnsName> {
    let labels = ["0", "a", "a-b", "a0", "ab", "_weir", "_weir.a", "_weir._any", "*", "*.a", "*.a-b", "z.a", "z.a-b"];
    let exotic = ["a\\041b", "a\\056b", "*b", "*.*"];
    let all = labels.into_iter().chain(exotic).map(|label| name(&format!("{label}.shop.example")));
    all.chain([name("shop.example")]).collect()
}

#[test]
fn what_a_page_says_of_a_name_is_true() {
    let names = names();
    let (mut asked, mut told) = (0, 0);
    for key in KEYS {
        for absent in 0..names.len() {
            let present = names.iter().enumerate().filter(|(index, _)| index % 5 != absent % 5 && *index != absent);
            let mut zone: Vec<RecordSet> =
                present.flat_map(|(index, name)| (0..=index % 3).map(|number| record(name.as_str(), number))).collect();
            zone.sort_by_key(|record| key(&record.name));
            for (start, size) in names.iter().flat_map(|start| [1, 2, 3, 5, 50].map(|size| (start, size))) {
                let listing = page(&zone, start, size, key);
                let answers = listing.answers(start, &names);
                assert!(answers.contains_key(start), "{start} is told by a page that begins with it");
                (asked, told) = (asked + 1, told + answers.len());
                for (name, records) in answers {
                    let there = zone.iter().filter(|record| record.name == name);
                    assert_eq!(records, there.cloned().collect::<Vec<_>>(), "{name} by {size} from {start}");
                }
            }
        }
    }
    assert!(told > 2 * asked, "pages are shared: {told} names by {asked} pages");
}

#[test]
fn names_are_in_the_order_of_route_53() {
    // A hyphen is before the dot behind each label: `example.a-b.` before `example.a.`.
    let sorted =
        ["example", "*.example", "a-b.example", "z.a-b.example", "a.example", "_weir.a.example", "z.a.example"];
    let sorted = sorted.map(name);
    for (one, other) in sorted.iter().zip(&sorted[1..]) {
        assert!(is_before(one, other) && !is_before(other, one), "{one} before {other}");
    }
    assert!(!is_before(&name("*.example"), &name("0.example")) && !is_before(&name("0.example"), &name("*.example")));
}

#[test]
fn a_page_that_ends_where_the_order_is_unknown_tells_its_first_name_alone() {
    let records = ["a\\040b", "a\\040c"].map(|label| record(&format!("{label}.example"), 0));
    let wanted = ["a", "a0"].map(|label| name(&format!("{label}.example")));
    let listing = Listing { records: records.into(), next: Some(name("a\\040d.example")) };
    assert_eq!(listing.answers(&wanted[0], &wanted).into_keys().collect::<Vec<_>>(), [wanted[0].clone()]);
}

#[test]
fn a_page_in_another_order_tells_its_first_name_alone() {
    let records = ["a", "c", "b", "d"].map(|label| record(&format!("{label}.example"), 0));
    let listing = Listing { records: records.into(), next: None };
    let wanted = ["a", "b", "c", "d", "e"].map(|label| name(&format!("{label}.example")));
    assert_eq!(listing.answers(&wanted[0], &wanted).into_keys().collect::<Vec<_>>(), [wanted[0].clone()]);
}

#[test]
fn names_are_plain_or_not() {
    for plain in ["a", "a.example", "*.example", "_weir._any.example", "xn--bcher-kva.example"] {
        assert!(is_plain(&name(plain)), "{plain}");
    }
    let long = format!("{}.example", "a".repeat(64));
    for other in ["", "a..example", "a\\041.example", "a!.example", "a.*.example", "*", "a*.example", long.as_str()] {
        assert!(!is_plain(&name(other)), "{other}");
    }
}
