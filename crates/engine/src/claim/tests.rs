//! Who has which route, whatever the order in which shifts are looked at.

use jiff::Timestamp;
use proptest::prelude::*;
use weir_api::Duration;
use weir_api::requests::Evidence;
use weir_api::traffic_shift::{
    AllAtOnce, Capacity, KnownGood, OnChange, OnFailure, ShiftDeletionPolicy, Strategy as Moves,
};
use weir_api::{TrafficShiftSpec, TrafficShiftStatus};

use super::{Claim, claim, holder};
use crate::{Cluster, Key, Object};

fn cluster(shifts: &[(&str, i64, &[&str])]) -> Cluster {
    let mut cluster = Cluster::default();
    for (name, created, routes) in shifts {
        let spec = TrafficShiftSpec {
            routes: routes.iter().map(|route| (*route).to_owned()).collect(),
            to: "green".to_owned(),
            strategy: Moves { steps: None, linear: None, all_at_once: Some(AllAtOnce {}) },
            capacity: Capacity::default(),
            known_good: KnownGood::Immediate,
            on_failure: OnFailure::Rollback,
            on_change: OnChange::Replace,
            progress_deadline: Duration::from_secs(3_600),
            paused: false,
            evidence: Evidence::Weights,
            deletion_policy: ShiftDeletionPolicy::Hold,
        };
        let key = Key::new("shop", *name);
        let object = Object {
            key: key.clone(),
            uid: format!("uid-{name}").into(),
            generation: 1,
            version: "1".into(),
            created: Timestamp::from_second(*created).unwrap(),
            deleted: None,
            finalizers: Vec::new(),
            command: None,
            spec,
            status: TrafficShiftStatus::default(),
        };
        cluster.shifts.insert(object);
    }
    cluster
}

#[test]
fn the_older_has_the_route_and_all_or_none_are_claimed() {
    let cluster = cluster(&[("new", 3, &["a"]), ("both", 2, &["a", "b"]), ("old", 1, &["b"])]);
    let of = |name: &str| claim(&cluster, cluster.shifts.get(&Key::new("shop", name)).unwrap());
    assert_eq!(of("old"), Claim::Held);
    assert_eq!(of("both"), Claim::Lost { route: "b".to_owned(), to: Key::new("shop", "old") });
    assert_eq!(of("new"), Claim::Held, "a shift that got nothing keeps nobody waiting");
}

proptest! {
    #[test]
    fn every_route_has_at_most_one_shift_and_no_shift_has_a_part(
        ages in prop::collection::vec(0..4_i64, 6),
        picks in prop::collection::vec(prop::collection::btree_set(0..4_usize, 1..3), 6),
    ) {
        let names = ["a", "b", "c", "d"];
        let routes: Vec<Vec<&str>> = picks.iter().map(|pick| pick.iter().map(|at| names[*at]).collect()).collect();
        let shifts: Vec<(&str, i64, &[&str])> = ["s1", "s2", "s3", "s4", "s5", "s6"]
            .iter()
            .zip(&ages)
            .zip(&routes)
            .map(|((name, age), routes)| (*name, *age, routes.as_slice()))
            .collect();
        let cluster = cluster(&shifts);
        for shift in cluster.shifts.values() {
            let held: Vec<bool> = shift
                .spec
                .routes
                .iter()
                .map(|route| holder(&cluster, &shift.key.sibling(route)).is_some_and(|holder| holder.key == shift.key))
                .collect();
            let all = held.iter().all(|held| *held);
            prop_assert_eq!(all, held.iter().any(|held| *held));
            prop_assert_eq!(all, claim(&cluster, shift) == Claim::Held);
        }
    }
}
