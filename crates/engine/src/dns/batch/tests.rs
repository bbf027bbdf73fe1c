//! Batches against a zone that judges as Route 53 does: whatever stands there, what is wanted comes of it, or nothing.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use smol_str::SmolStr;
use weir_api::traffic_shift::Outcome;

use super::super::identifier::Mark;
use super::super::memory::{LastRun, NameMemory};
use super::super::name::DnsName;
use super::super::progress::{NameProgress, RecordedEpoch, progress};
use super::super::record::{Alias, Content, RecordSet, RecordType, Routing};
use super::super::survey::{Apart, MemberRecord, Obstacle, OwnRecords, Survey};
use super::{Foreign, RecordChange, Replace, Unfit, Wanted, excludes};
use crate::Key;

fn name() -> DnsName {
    DnsName::new("api.shop.example")
}

fn mark() -> Mark {
    Mark::of("acme", &Key::new("shop", "api"), &name())
}

fn survey(records: &[RecordSet]) -> Survey<'_> {
    Survey::of(&DnsName::new("shop.example"), &name(), &mark(), records)
}

/// The alias of an environment's balancer.
fn alias(environment: &str) -> Alias {
    let target = DnsName::new(&format!("{environment}-1.eu-west-1.elb.amazonaws.com"));
    Alias { zone: "Z32O12XQLNTSW2".into(), target, evaluate_target_health: false }
}

fn member(environment: &str, weight: u16) -> MemberRecord {
    MemberRecord { weight, alias: alias(environment), health_check: None }
}

fn members(weights: &[(&str, u16)]) -> BTreeMap<SmolStr, MemberRecord> {
    weights.iter().map(|(environment, weight)| ((*environment).into(), member(environment, *weight))).collect()
}

fn memory(before: Vec<RecordSet>) -> NameMemory {
    NameMemory { mark: mark(), owner: Mark::of_owner("acme"), last: None, before }
}

fn record(kind: &str, routing: Routing, content: Content) -> RecordSet {
    RecordSet { name: name(), kind: RecordType::new(kind), routing, content, health_check: None }
}

fn weighted(identifier: &str, weight: u16) -> Routing {
    Routing::Weighted { identifier: identifier.into(), weight }
}

fn values(ttl: u32, value: &str) -> Content {
    Content::Values { ttl, values: vec![value.to_owned()] }
}

const BOTH: [RecordType; 2] = [RecordType::A, RecordType::Aaaa];

/// What is wanted where nothing else is said: A and AAAA, records of others kept, nothing remembered anew.
fn step<'a>(
    epoch: u32,
    members: &'a BTreeMap<SmolStr, MemberRecord>,
    types: &'a BTreeSet<RecordType>,
    mark: &'a Mark,
) -> Wanted<'a> {
    Wanted { epoch, mark, types, members, idle: &[], foreign: Foreign::Keep, memory: None }
}

/// Route 53, as far as a batch meets it: changes are judged in order, and all take effect or none. Whether a deletion must
/// name the weight that a record has is not known, so both are tried.
fn apply(zone: &mut Vec<RecordSet>, batch: &Replace, compares_weight: bool) -> Result<(), String> {
    let mut after = zone.clone();
    for change in batch.changes() {
        match change {
            RecordChange::Create(made) => {
                if let Some(other) = after.iter().find(|there| excludes(there, made)) {
                    return Err(format!("{made:?} beside {other:?}"));
                }
                after.push(made.clone());
            }
            RecordChange::Delete(gone) => {
                let bare = |record: &RecordSet| match (&record.routing, compares_weight) {
                    (Routing::Weighted { identifier, .. }, false) => {
                        RecordSet { routing: weighted(identifier, 0), ..record.clone() }
                    }
                    _ => record.clone(),
                };
                let at = after.iter().position(|there| bare(there) == bare(gone)).ok_or("was not found")?;
                after.remove(at);
            }
        }
    }
    *zone = after;
    Ok(())
}

fn own_records(epoch: u32, weights: &[(&str, u16)]) -> OwnRecords {
    OwnRecords { epoch, types: BOTH.into(), members: members(weights) }
}

fn standing(epoch: u32, weights: &[(&str, u16)]) -> Vec<RecordSet> {
    let (members, types, mark) = (members(weights), BTreeSet::from(BOTH), mark());
    let mut zone = Vec::new();
    let batch = Replace::with(&survey(&[]), &step(epoch, &members, &types, &mark)).unwrap().unwrap();
    apply(&mut zone, &batch, true).unwrap();
    zone
}

#[test]
fn a_step_replaces_what_it_was_decided_on() {
    let zone = standing(16, &[("blue", 95), ("green", 5)]);
    let (wanted, types, mark) = (members(&[("blue", 75), ("green", 25)]), BTreeSet::from(BOTH), mark());
    let batch = Replace::with(&survey(&zone), &step(17, &wanted, &types, &mark)).unwrap().unwrap();
    // Two environments and two types: eight elements, as many as a thousand of them may have eight thousand.
    assert_eq!((batch.elements(), batch.characters()), (8, 0));
    let told: Vec<String> = batch
        .changes()
        .into_iter()
        .map(|change| {
            let (deed, record) = match change {
                RecordChange::Create(record) => ("+", record),
                RecordChange::Delete(record) => ("-", record),
            };
            format!("{deed}{} {} {}", record.kind, record.identifier(), record.weight().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            "+A blue.17.weir-1b57ce2ecfb7 75",
            "+A green.17.weir-1b57ce2ecfb7 25",
            "+AAAA blue.17.weir-1b57ce2ecfb7 75",
            "+AAAA green.17.weir-1b57ce2ecfb7 25",
            "-A blue.16.weir-1b57ce2ecfb7 95",
            "-A green.16.weir-1b57ce2ecfb7 5",
            "-AAAA blue.16.weir-1b57ce2ecfb7 95",
            "-AAAA green.16.weir-1b57ce2ecfb7 5",
        ]
    );
}

#[test]
fn a_batch_that_comes_late_changes_nothing() {
    let types = BTreeSet::from(BOTH);
    let mark = mark();
    for compares_weight in [true, false] {
        let before = standing(1, &[("blue", 100)]);
        let (fifth, all) = (members(&[("blue", 95), ("green", 5)]), members(&[("green", 100)]));
        let late = Replace::with(&survey(&before), &step(2, &fifth, &types, &mark)).unwrap().unwrap();
        // Another process has gone on from the same records, and even back to the same weights.
        let mut zone = before.clone();
        for (epoch, wanted) in [(2, &all), (3, &members(&[("blue", 100)]))] {
            let batch = Replace::with(&survey(&zone), &step(epoch, wanted, &types, &mark)).unwrap().unwrap();
            apply(&mut zone, &batch, compares_weight).unwrap();
            let after = zone.clone();
            assert!(apply(&mut zone, &late, compares_weight).is_err());
            assert_eq!(zone, after);
        }
    }
}

#[test]
fn simple_records_are_converted_and_put_back() {
    let (wanted, mark) = (members(&[("blue", 100)]), mark());
    let originals: [(&[RecordType], Vec<RecordSet>); 3] = [
        (&BOTH, vec![record("A", Routing::Simple, Content::Alias(alias("blue")))]),
        (&[RecordType::A], vec![record("CNAME", Routing::Simple, values(300, "blue-1.eu-west-1.elb.amazonaws.com"))]),
        (&[RecordType::A], vec![record("A", Routing::Simple, values(60, "192.0.2.1"))]),
    ];
    for (types, before) in originals {
        let (types, remembered) = (types.iter().cloned().collect(), memory(before.clone()));
        let mut zone = before.clone();
        let wanted = Wanted { memory: Some(&remembered), ..step(1, &wanted, &types, &mark) };
        let batch = Replace::with(&survey(&zone), &wanted).unwrap().unwrap();
        apply(&mut zone, &batch, true).unwrap();
        let there = survey(&zone);
        assert_eq!(there.split().unwrap().unwrap().members, *wanted.members);
        let known = there.memory.clone().unwrap().0;
        assert_eq!(known, remembered);
        let batch = Replace::restoring(&there, &known.before).unwrap();
        let mut after = zone.clone();
        apply(&mut after, &batch, true).unwrap();
        assert_eq!(after, before);
        // Somebody has put it back already.
        let memory = there.memory.unwrap().1.clone();
        let zone: Vec<RecordSet> = before.iter().chain([&memory]).cloned().collect();
        let batch = Replace::restoring(&survey(&zone), &before).unwrap();
        assert_eq!((batch.create.as_slice(), batch.delete.as_slice()), ([].as_slice(), [memory].as_slice()));
    }
}

#[test]
fn records_of_others_are_refused_kept_or_zeroed() {
    let ionroller = record("A", weighted("ionroller", 100), Content::Alias(alias("old")));
    let (warm, types, mark) = (members(&[("warm", 100)]), BTreeSet::from([RecordType::A]), mark());
    let with = |foreign: Foreign| {
        let zone = [ionroller.clone()];
        Replace::with(&survey(&zone), &Wanted { foreign, ..step(1, &warm, &types, &mark) })
    };
    assert_eq!(with(Foreign::Refuse), Err(Unfit::Foreign(vec!["ionroller".into()])));
    let kept = with(Foreign::Keep).unwrap().unwrap();
    assert!(kept.delete.is_empty() && kept.create.len() == 1, "{kept:?}");
    let mut zone = vec![ionroller.clone()];
    apply(&mut zone, &with(Foreign::Zero).unwrap().unwrap(), true).unwrap();
    let told: BTreeMap<&str, Option<u16>> = zone.iter().map(|record| (record.identifier(), record.weight())).collect();
    assert_eq!(told, BTreeMap::from([("ionroller", Some(0)), ("warm.1.weir-1b57ce2ecfb7", Some(100))]));
    // It has its weight back when Weir goes.
    let batch = Replace::restoring(&survey(&zone), std::slice::from_ref(&ionroller)).unwrap();
    apply(&mut zone, &batch, true).unwrap();
    assert_eq!(zone, [ionroller]);
}

#[test]
fn a_record_of_others_that_leads_to_a_member_becomes_the_members() {
    let dual_stack = Alias { target: DnsName::new("DUALSTACK.blue-1.eu-west-1.elb.amazonaws.com."), ..alias("blue") };
    let zone = [record("A", weighted("old-blue", 7), Content::Alias(dual_stack))];
    let (wanted, types, mark) = (members(&[("blue", 100)]), BTreeSet::from([RecordType::A]), mark());
    let wanted = Wanted { foreign: Foreign::Refuse, ..step(1, &wanted, &types, &mark) };
    let batch = Replace::with(&survey(&zone), &wanted).unwrap().unwrap();
    assert_eq!(batch.delete, zone);
    assert_eq!(batch.create.len(), 1);
    // One that leads to somebody who is to carry nothing goes.
    let idle = [alias("green")];
    let zone = [record("A", weighted("old-green", 0), Content::Alias(alias("green")))];
    let batch = Replace::with(&survey(&zone), &Wanted { idle: &idle, ..wanted }).unwrap().unwrap();
    assert_eq!((batch.delete.as_slice(), batch.create.len()), (zone.as_slice(), 1));
}

#[test]
fn what_cannot_be_written_is_said() {
    let (blue, types, mark) = (members(&[("blue", 100)]), BTreeSet::from([RecordType::A]), mark());
    assert_eq!(Replace::with(&survey(&[]), &step(1, &members(&[]), &types, &mark)), Err(Unfit::NoMember));
    let cname = [record("CNAME", weighted("old", 1), values(60, "elsewhere.example"))];
    assert_eq!(Replace::with(&survey(&cname), &step(1, &blue, &types, &mark)), Err(Unfit::Cname("old".into())));
    let many: Vec<RecordSet> =
        (0..100).map(|number| record("A", weighted(&format!("x{number}"), 1), values(60, "192.0.2.1"))).collect();
    assert_eq!(Replace::with(&survey(&many), &step(1, &blue, &types, &mark)), Err(Unfit::TooMany(101)));
    let latency = Routing::Other { identifier: "eu".into(), policy: "latency".into() };
    let remembered = memory(vec![record("A", latency, values(60, "192.0.2.1"))]);
    let wanted = Wanted { memory: Some(&remembered), ..step(1, &blue, &types, &mark) };
    assert_eq!(Replace::with(&survey(&[]), &wanted), Err(Unfit::NoMemory));
}

#[test]
fn a_memory_is_replaced_and_not_written_twice() {
    let (blue, types, mark) = (members(&[("blue", 100)]), BTreeSet::from([RecordType::A]), mark());
    let first = memory(Vec::new());
    let second = NameMemory { last: Some(LastRun::new("shop/api", "blue", Outcome::Succeeded)), ..first.clone() };
    let mut zone = Vec::new();
    for (epoch, remembered, changes) in [(1, &first, 2), (2, &first, 2), (3, &second, 4)] {
        let wanted = Wanted { memory: Some(remembered), ..step(epoch, &blue, &types, &mark) };
        let batch = Replace::with(&survey(&zone), &wanted).unwrap().unwrap();
        assert_eq!(batch.changes().len(), changes, "epoch {epoch}");
        apply(&mut zone, &batch, true).unwrap();
        assert_eq!(survey(&zone).memory.unwrap().0, *remembered);
    }
    // The same change once more changes nothing.
    let same = Wanted { memory: Some(&second), ..step(3, &blue, &types, &mark) };
    assert_eq!(Replace::with(&survey(&zone), &same), Ok(None));
}

#[test]
fn what_keeps_weir_away_is_told() {
    let other = Mark::of("acme", &Key::new("shop", "web"), &name());
    let elsewhere = |at: &str, kind: &str, content: Content| RecordSet {
        name: DnsName::new(at),
        ..record(kind, Routing::Simple, content)
    };
    let registry = "\"heritage=external-dns,external-dns/owner=prod,external-dns/resource=ingress/shop/api\"";
    let latency = Routing::Other { identifier: "eu".into(), policy: "latency".into() };
    let foreign_memory = NameMemory { mark: other.clone(), ..memory(Vec::new()) }.record(&name()).unwrap();
    let cases = [
        (
            record("A", latency, values(60, "192.0.2.1")),
            Obstacle::OtherPolicy { kind: RecordType::A, policy: "latency".into() },
        ),
        (record("NS", Routing::Simple, values(300, "ns.example")), Obstacle::Delegated),
        (
            record("A", weighted(&format!("blue.3.weir-{}", other.as_str()), 1), Content::Alias(alias("blue"))),
            Obstacle::OtherMark(other.clone()),
        ),
        (foreign_memory, Obstacle::OtherMark(other)),
        (
            elsewhere("_weir.api.shop.example", "TXT", values(300, "\"heritage=weir v=9\"")),
            Obstacle::DamagedMemory("found version \"9\", and this Weir knows version 1; a newer one wrote it".into()),
        ),
        (
            elsewhere("a-api.shop.example", "TXT", values(300, registry)),
            Obstacle::Registered { at: DnsName::new("a-api.shop.example"), value: registry.to_owned() },
        ),
        (
            record("TXT", Routing::Simple, values(300, registry)),
            Obstacle::Registered { at: name(), value: registry.to_owned() },
        ),
    ];
    for (record, obstacle) in cases {
        assert_eq!(survey(&[record]).obstacles, [obstacle]);
    }
    // A zone has name servers of its own, and texts of others are nobody's business.
    let apex = DnsName::new("shop.example");
    let harmless = [
        elsewhere("shop.example", "NS", values(172_800, "ns-1.awsdns.example")),
        elsewhere("shop.example", "TXT", values(300, "\"v=spf1 -all\"")),
    ];
    assert_eq!(Survey::of(&apex, &apex, &mark(), &harmless).obstacles, []);
}

#[test]
fn how_far_a_change_has_come_is_told_by_its_number_and_weights() {
    let own = |epoch: u32, weights: &[(&str, u16)]| own_records(epoch, weights);
    let recorded = |epoch: u32, weights: &[(&str, u16)]| RecordedEpoch {
        epoch,
        types: BOTH.into(),
        weights: weights.iter().map(|(environment, weight)| ((*environment).into(), *weight)).collect(),
    };
    let (half, fifth) = ([("blue", 50), ("green", 50)], [("blue", 95), ("green", 5)]);
    let wanted = own(17, &half);
    let earlier = [recorded(15, &[("blue", 100)]), recorded(16, &fifth)];
    let told = |standing: Result<Option<OwnRecords>, Apart>| progress(&standing, &wanted, &earlier);
    assert_eq!(told(Ok(Some(own(17, &half)))), NameProgress::There);
    assert_eq!(told(Ok(Some(own(16, &fifth)))), NameProgress::AtStart);
    assert_eq!(told(Ok(Some(own(15, &[("blue", 100)])))), NameProgress::AtStart);
    // The same number with other weights, or a number of which nothing is on record.
    assert_eq!(told(Ok(Some(own(17, &fifth)))), NameProgress::Elsewhere);
    assert_eq!(told(Ok(Some(own(16, &half)))), NameProgress::Elsewhere);
    assert_eq!(told(Ok(Some(own(14, &half)))), NameProgress::Elsewhere);
    assert_eq!(told(Ok(Some(own(18, &half)))), NameProgress::Ahead);
    assert_eq!(told(Ok(None)), NameProgress::Nothing);
    // A type that is missing.
    let only_a = OwnRecords { types: [RecordType::A].into(), ..own(17, &half) };
    assert_eq!(told(Ok(Some(only_a))), NameProgress::Elsewhere);
    // Another balancer, or another say of its health, is an edit.
    for change in [
        (|member: &mut MemberRecord| member.alias.target = DnsName::new("else.example")) as fn(&mut MemberRecord),
        |member| member.alias.evaluate_target_health = true,
        |member| member.health_check = Some("6f0c".into()),
    ] {
        let mut edited = own(17, &half);
        change(edited.members.get_mut("green").unwrap());
        assert_eq!(told(Ok(Some(edited))), NameProgress::Elsewhere);
    }
}

#[test]
fn records_that_do_not_agree_are_no_split() {
    let mut zone = standing(4, &[("blue", 60), ("green", 40)]);
    let is = |record: &RecordSet, kind: RecordType, environment: &str| {
        record.kind == kind && record.identifier().starts_with(environment)
    };
    let wanted = own_records(4, &[("blue", 60), ("green", 40)]);
    // Somebody has set a weight of one type.
    let at = zone.iter().position(|record| is(record, RecordType::Aaaa, "green")).unwrap();
    let whole = zone.clone();
    zone[at].routing = weighted(zone[at].identifier().to_owned().as_str(), 41);
    assert_eq!(progress(&survey(&zone).split(), &wanted, &[]), NameProgress::Elsewhere);
    // Somebody has taken a record away.
    zone = whole.clone();
    zone.remove(at);
    assert_eq!(progress(&survey(&zone).split(), &wanted, &[]), NameProgress::Elsewhere);
    // All of one type are gone.
    zone = whole.clone();
    zone.retain(|record| record.kind == RecordType::A);
    assert_eq!(progress(&survey(&zone).split(), &wanted, &[]), NameProgress::Elsewhere);
    // One page was read before a change and the next after it.
    let next = standing(5, &[("green", 100)]);
    let torn: Vec<RecordSet> = whole
        .into_iter()
        .filter(|record| record.kind == RecordType::A)
        .chain(next.into_iter().filter(|record| record.kind == RecordType::Aaaa))
        .collect();
    assert_eq!(progress(&survey(&torn).split(), &wanted, &[]), NameProgress::Torn);
    assert_eq!(survey(&torn).next_epoch(Some(3)), 6);
}

fn weights() -> impl Strategy<Value = BTreeMap<SmolStr, MemberRecord>> {
    prop::collection::btree_map("(blue|green|red|warm)", 1..=255_u16, 1..4).prop_map(|weights| {
        weights
            .into_iter()
            .map(|(environment, weight)| (SmolStr::new(&environment), member(&environment, weight)))
            .collect()
    })
}

fn types() -> impl Strategy<Value = BTreeSet<RecordType>> {
    prop_oneof![Just(vec![RecordType::A]), Just(vec![RecordType::Aaaa]), Just(BOTH.to_vec())]
        .prop_map(BTreeSet::from_iter)
}

/// What others may have at a name: weighted records, or simple ones.
fn strangers() -> impl Strategy<Value = Vec<RecordSet>> {
    let foreign = prop::collection::btree_map("[a-c]", 0..=255_u16, 0..3).prop_map(|weights| {
        let record =
            |(identifier, weight): (String, u16)| record("A", weighted(&identifier, weight), values(60, "192.0.2.1"));
        weights.into_iter().map(record).collect()
    });
    let simple = prop_oneof![
        Just(vec![record("A", Routing::Simple, values(60, "192.0.2.1"))]),
        Just(vec![record("CNAME", Routing::Simple, values(300, "old.example"))]),
        Just(BOTH.map(|kind| record(kind.as_str(), Routing::Simple, Content::Alias(alias("old")))).to_vec()),
    ];
    prop_oneof![foreign, simple]
}

proptest! {
    /// Whatever stands there, a course of changes ends in what was wanted last; no moment inside a batch leaves a type without
    /// records that keeps them, and in the end everything of others is as it was.
    #[test]
    fn a_course_ends_in_what_is_wanted(
        before in strangers(),
        wanted in prop::collection::vec(weights(), 1..5),
        types in types(),
        compares_weight: bool,
    ) {
        let (mark, remembered) = (mark(), memory(before.clone()));
        let mut zone = before.clone();
        let mut epoch = None;
        for members in &wanted {
            let there = survey(&zone);
            let next = there.next_epoch(epoch);
            let memory = epoch.is_none().then_some(&remembered);
            let batch = Replace::with(&there, &Wanted { memory, ..step(next, members, &types, &mark) });
            let batch = batch.unwrap().unwrap();
            let later = epoch.is_some();
            if later {
                let mut records = zone.clone();
                for change in batch.changes() {
                    match change {
                        RecordChange::Create(record) => records.push(record.clone()),
                        RecordChange::Delete(record) => records.retain(|there| there != record),
                    }
                    prop_assert!(types.iter().all(|kind| records.iter().any(|record| record.kind == *kind)));
                }
            }
            apply(&mut zone, &batch, compares_weight).unwrap();
            let own = survey(&zone).split().unwrap().unwrap();
            prop_assert_eq!(own, OwnRecords { epoch: next, types: types.clone(), members: members.clone() });
            epoch = Some(next);
        }
        let there = survey(&zone);
        let foreign: Vec<&RecordSet> = before.iter().filter(|record| record.routing != Routing::Simple).collect();
        prop_assert_eq!(&there.foreign, &foreign);
        let batch = Replace::restoring(&there, &there.memory.clone().unwrap().0.before).unwrap();
        apply(&mut zone, &batch, compares_weight).unwrap();
        zone.sort();
        let mut expected = before;
        expected.sort();
        prop_assert_eq!(zone, expected);
    }
}
