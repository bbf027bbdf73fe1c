//! What is remembered is read as it was written, and what is damaged says so.

use proptest::prelude::*;
use weir_api::traffic_shift::Outcome;

use super::super::identifier::Mark;
use super::super::name::DnsName;
use super::super::record::{Alias, Content, RecordSet, RecordType, Routing};
use super::{LastRun, NameMemory};
use crate::Key;

fn name() -> DnsName {
    DnsName::new("api.shop.example")
}

fn memory(before: Vec<RecordSet>) -> NameMemory {
    NameMemory {
        mark: Mark::of("acme", &Key::new("shop", "api"), &name()),
        owner: Mark::of_owner("acme"),
        last: Some(LastRun::new("shop/api", "green", Outcome::Succeeded)),
        before,
    }
}

fn values(record: &RecordSet) -> &[String] {
    let Content::Values { values, .. } = &record.content else { panic!("{record:?}") };
    values
}

fn with_values(record: &RecordSet, change: impl FnOnce(&mut Vec<String>)) -> RecordSet {
    let mut record = record.clone();
    let Content::Values { values, .. } = &mut record.content else { panic!("{record:?}") };
    change(values);
    record
}

#[test]
fn it_says_what_is_needed_and_names_no_object() {
    let old = RecordSet {
        name: name(),
        kind: RecordType::A,
        routing: Routing::Weighted { identifier: "blue one".into(), weight: 3 },
        content: Content::Values { ttl: 60, values: vec!["192.0.2.1".to_owned(), "192.0.2.2".to_owned()] },
        health_check: Some("6f0c".into()),
    };
    let record = memory(vec![old]).record(&name()).unwrap();
    assert_eq!(record.name.as_str(), "_weir.api.shop.example");
    assert_eq!(record.kind, RecordType::Txt);
    assert_eq!(
        values(&record),
        [
            "\"heritage=weir v=1 mark=1b57ce2ecfb7 owner=611983f34420\"",
            "\"last=e25a52581bb0/S\"",
            "\"before=1/W blue%20one 3 H 6f0c A 60 192.0.2.1 192.0.2.2.\"",
        ]
    );
    let nothing = memory(Vec::new()).record(&name()).unwrap();
    assert_eq!(values(&nothing).last().map(String::as_str), Some("\"before=1/nothing.\""));
}

#[test]
fn a_run_is_known_again_and_no_other_is_taken_for_it() {
    let last = LastRun::new("shop/api", "green", Outcome::RolledBack);
    assert!(last.is_of("shop/api", "green"));
    for (shift, to) in [("shop/api", "blue"), ("shop/web", "green"), ("shop/apigreen", "")] {
        assert!(!last.is_of(shift, to));
    }
}

/// What somebody does to the values of a record.
type Damage = fn(&mut Vec<String>);

#[test]
fn what_others_wrote_is_not_read_and_what_is_damaged_says_so() {
    let record = memory(Vec::new()).record(&name()).unwrap();
    let read = |record: &RecordSet| NameMemory::read(&name(), record);
    assert_eq!(read(&record), Some(Ok(memory(Vec::new()))));
    let foreign =
        with_values(&record, |values| *values = vec!["\"heritage=external-dns,external-dns/owner=a\"".into()]);
    assert_eq!(read(&foreign), None);
    let without_last = with_values(&record, |values| drop(values.remove(1)));
    assert_eq!(read(&without_last), Some(Ok(NameMemory { last: None, ..memory(Vec::new()) })));
    let damages: [(&str, Damage); 5] = [
        ("version", |values| values[0] = values[0].replace("v=1", "v=2")),
        ("mark=1b", |values| values[0] = values[0].replace("mark=1b57ce2ecfb7", "mark=1b")),
        ("last=", |values| values[1] = values[1].replace("/S", "/W")),
        ("missing", |values| drop(values.pop())),
        ("A x y", |values| values[2] = "\"before=1/A x y.\"".to_owned()),
    ];
    for (said, damage) in damages {
        let message = read(&with_values(&record, damage)).unwrap().unwrap_err();
        assert!(message.contains(said), "{said}: {message}");
    }
}

#[test]
fn a_record_of_another_policy_cannot_be_remembered() {
    let routing = Routing::Other { identifier: "eu".into(), policy: "latency".into() };
    let content = Content::Values { ttl: 60, values: vec!["192.0.2.1".to_owned()] };
    let latency = RecordSet { name: name(), kind: RecordType::A, routing, content, health_check: None };
    assert_eq!(memory(vec![latency]).record(&name()), None);
}

fn record_sets() -> impl Strategy<Value = RecordSet> {
    let routing = prop_oneof![
        Just(Routing::Simple),
        ("[ -~ä|]{1,128}", 0..=255_u16)
            .prop_map(|(identifier, weight)| Routing::Weighted { identifier: identifier.into(), weight }),
    ];
    let alias = ("[A-Z0-9]{1,32}", "[a-z0-9.-]{1,60}[a-z]", any::<bool>()).prop_map(|(zone, target, health)| {
        Content::Alias(Alias { zone: zone.into(), target: DnsName::new(&target), evaluate_target_health: health })
    });
    let values = (any::<u32>(), prop::collection::vec("[ -~ä]{1,255}", 1..5))
        .prop_map(|(ttl, values)| Content::Values { ttl, values });
    let kind = prop_oneof![Just("A"), Just("AAAA"), Just("CNAME"), Just("HTTPS")].prop_map(RecordType::new);
    (kind, routing, prop_oneof![alias, values], prop::option::of("[a-z0-9-]{1,64}")).prop_map(
        |(kind, routing, content, check)| RecordSet {
            name: name(),
            kind,
            routing,
            content,
            health_check: check.map(Into::into),
        },
    )
}

proptest! {
    #[test]
    fn it_is_read_as_it_was_written(before in prop::collection::vec(record_sets(), 0..6)) {
        let memory = memory(before);
        let record = memory.record(&name()).unwrap();
        for value in values(&record) {
            prop_assert!(value.len() <= 257 && value.is_ascii(), "{}", value);
        }
        // AWS keeps no order among values.
        let turned = with_values(&record, |values| values.reverse());
        prop_assert_eq!(NameMemory::read(&name(), &turned), Some(Ok(memory)));
    }

    #[test]
    fn anything_is_read_without_a_panic(values in prop::collection::vec("\"(heritage=weir |last=|before=)?[ -~]{0,60}\"?", 0..5)) {
        let record = with_values(&memory(Vec::new()).record(&name()).unwrap(), |found| *found = values);
        NameMemory::read(&name(), &record);
    }
}
