//! Batches by chance: whatever is sent, a batch is made whole or not at all, and a zone never holds what it may not.

use std::collections::BTreeMap;

use super::super::super::Change;
use super::*;

/// A record as a list tells it: name, type, identifier, weight and TTL.
type Told = (String, String, Option<String>, Option<String>, Option<String>);

async fn read(aws: &Arc<Aws>, zone: &str) -> Vec<Told> {
    let reply = get(aws, &format!("hostedzone/{zone}/rrset")).await;
    let told = |set: &str| {
        let of = |element: &str| Some(set.split_once(&format!("<{element}>"))?.1.split('<').next()?.to_owned());
        (of("Name").unwrap(), of("Type").unwrap(), of("SetIdentifier"), of("Weight"), of("TTL"))
    };
    reply.text.split("<ResourceRecordSet>").skip(1).map(told).collect()
}

/// A change by chance: half of those that delete are of something that was there once.
fn draw(chance: &mut fastrand::Rng, once: &[String]) -> (&'static str, String) {
    if !once.is_empty() && chance.bool() {
        return ("DELETE", once[chance.usize(..once.len())].clone());
    }
    let name = format!("{}.{NAME}", ["a", "b"][chance.usize(..2)]);
    let kind = ["A", "AAAA", "CNAME"][chance.usize(..3)];
    let value = match kind {
        "A" => "192.0.2.1",
        "AAAA" => "2001:db8::1",
        _ => "other.test",
    };
    let several = match chance.u8(..3) {
        0 => String::new(),
        _ => policy(["x", "y"][chance.usize(..2)], &format!("<Weight>{}</Weight>", chance.u8(..3))),
    };
    let said = values([60, 300][usize::from(chance.u8(..8) == 0)], &[value]);
    let action = ["CREATE", "CREATE", "DELETE", "UPSERT"][chance.usize(..4)];
    (action, record(&name, kind, &format!("{several}{said}")))
}

/// What a zone may not hold.
fn check(records: &[Told]) {
    let mut sets: BTreeMap<(&str, &str), Vec<&Told>> = BTreeMap::new();
    for record in records {
        sets.entry((&record.0, &record.1)).or_default().push(record);
    }
    for ((name, kind), set) in &sets {
        let beside = sets.keys().filter(|(other, of)| other == name && of != kind).count();
        assert!(*kind != "CNAME" || beside == 0, "{name} has something beside a CNAME: {records:?}");
        let are_several = set.iter().all(|record| record.2.is_some() && record.3.is_some());
        assert!(are_several || set.len() == 1, "{name} {kind} has one that is not weighted: {set:?}");
        assert!(set.iter().all(|record| record.4 == set[0].4), "{name} {kind} has several TTLs: {set:?}");
    }
}

#[test]
fn a_zone_never_holds_what_it_may_not() {
    let mut outcomes = BTreeMap::new();
    for seed in 0..30 {
        let mut chance = fastrand::Rng::with_seed(seed);
        with_zone(async |aws, zone| {
            let mut once = Vec::new();
            for _ in 0..40 {
                let before = read(&aws, &zone).await;
                let drawn: Vec<_> = (0..chance.usize(1..4)).map(|_| draw(&mut chance, &once)).collect();
                let changes: Vec<String> = drawn.iter().map(|(action, record)| change(action, record)).collect();
                let reply = batch(&aws, &zone, &changes).await;
                let after = read(&aws, &zone).await;
                *outcomes.entry(reply.code().to_owned()).or_insert(0) += 1;
                assert!(reply.code() == "OK" || before == after, "{changes:?}");
                check(&after);
                if reply.code() == "OK" {
                    once.extend(drawn.into_iter().map(|(_, record)| record));
                }
            }
            // Each effect begins where the one before it at its place ended.
            let mut last: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
            for effect in aws.effects() {
                let Change::Weights { place, before, after } = effect.change else { continue };
                assert_eq!(last.get(&place).cloned().unwrap_or_default(), before);
                last.insert(place, after);
            }
            // In the end every name server has what is listed.
            tokio::time::sleep(Duration::from_mins(2)).await;
            let partition = &mut *aws.partition();
            let found = &partition.global("123456789012").route53.zones[&zone];
            let now = aws.clock().now();
            for (set, servers) in &found.served {
                let listed: Vec<Arc<record::Record>> = found.set(set).cloned().collect();
                assert!(servers.iter().all(|server| server.at(now).is_some_and(|served| served[..] == listed[..])));
            }
        });
    }
    assert!(outcomes.len() == 2 && outcomes["OK"] > 100, "{outcomes:?}");
}
