//! What is made for manifests is what they name.

use std::collections::BTreeMap;

use weir_sim::aws::{AwsOptions, Change};
use weir_sim::clock::Clock;

use super::*;
use crate::account::Account;
use crate::evidence::Weights;
use crate::manifest;
use crate::stage::{on_virtual_time, weights};

const ZONE: &str = "Z0123456789ABCDEFGHIJ";

/// What `examples/lockstep` says.
fn lockstep() -> String {
    [
        include_str!("../../../../examples/lockstep/environments.yaml"),
        include_str!("../../../../examples/lockstep/routes.yaml"),
        include_str!("../../../../examples/lockstep/shift.yaml"),
    ]
    .join("\n---\n")
}

/// A world in which there is nothing but what was made for manifests, and what could not be made.
fn furnished(text: &str) -> (Arc<Aws>, Result<(), Mistake>) {
    let aws = Aws::new(Clock::starting_at(jiff::Timestamp::UNIX_EPOCH), 1, AwsOptions::default());
    let made = Account::new(&aws).furnish(&manifest::parse(text).unwrap(), 4);
    (aws, made)
}

/// How names are split, by zone, name and type.
fn names(aws: &Aws) -> BTreeMap<String, Weights> {
    let split = aws.effects().into_iter().filter_map(|effect| match effect.change {
        Change::Weights { place, after, .. } => Some((place.split_once("hostedzone/")?.1.to_owned(), after)),
        Change::Tags { .. } => None,
    });
    split.collect()
}

/// Where the balancer of an environment sends its traffic.
fn behind(aws: &Aws, balancer: &str) -> Weights {
    aws.weights(&aws.listener_arn(balancer, PORT).unwrap())
}

#[test]
fn names_and_listeners_have_what_they_lead_to() {
    on_virtual_time(async {
        let (aws, made) = furnished(&lockstep());
        assert_eq!(made, Ok(()));
        assert_eq!(behind(&aws, "blue-lb"), weights(&[("blue", 1)]));
        assert_eq!(behind(&aws, "green-lb"), weights(&[("green", 1)]));
        assert_eq!(behind(&aws, "inner"), Weights::new());
        assert_eq!(aws.health("inner-green").len(), 4);
        // The shift wants green, so the name leads to blue before.
        let name = format!("{ZONE}/api.shop.example.org/A");
        assert_eq!(names(&aws), [(name, weights(&[("blue-lb", 1)]))].into());
    });
}

#[test]
fn groups_to_which_a_listener_leads_are_behind_no_other_balancer() {
    on_virtual_time(async {
        let (aws, made) = furnished(&lockstep().replace("    capacityFrom: [web]\n", ""));
        assert_eq!(made, Ok(()));
        assert_eq!(behind(&aws, "blue-lb"), weights(&[("blue", 1)]));
    });
}

#[test]
fn only_what_is_adopted_and_not_there_is_made_at_a_name() {
    on_virtual_time(async {
        let (aws, made) = furnished(&lockstep().replace("  adopt: true\n", ""));
        assert_eq!((made, names(&aws)), (Ok(()), BTreeMap::new()));
        assert!(aws.has_zone(ZONE));
        let aws = Aws::new(Clock::starting_at(jiff::Timestamp::UNIX_EPOCH), 1, AwsOptions::default());
        aws.add_zone_with_id(ZONE, "example.org").unwrap();
        let old = RecordSays::Values(60, vec!["elsewhere.test".to_owned()]);
        let old = RecordEdit::simple("api.shop.example.org", RecordType::Cname, old);
        aws.add_records(ZONE, &[old]).unwrap();
        let made = Account::new(&aws).furnish(&manifest::parse(&lockstep()).unwrap(), 4);
        assert_eq!(made, Ok(()));
        let name = format!("{ZONE}/api.shop.example.org/CNAME");
        assert_eq!(names(&aws), [(name, weights(&[("elsewhere.test", 1)]))].into());
    });
}

#[test]
fn a_name_with_addresses_of_both_versions_leads_to_both() {
    on_virtual_time(async {
        let (aws, made) = furnished(&lockstep().replace(
            "    name: api.shop.example.org\n",
            "    name: api.shop.example.org\n    types: [A, AAAA]\n    evaluateTargetHealth: true\n",
        ));
        assert_eq!(made, Ok(()));
        let split = names(&aws);
        let kinds: Vec<&str> = split.keys().filter_map(|place| place.rsplit('/').next()).collect();
        assert_eq!(kinds, ["A", "AAAA"]);
    });
}

#[test]
fn what_cannot_be_made_is_told_of_its_document() {
    on_virtual_time(async {
        for (from, to, document, words) in [
            (
                "existing: {name: blue-lb}",
                "existing: {arn: x}",
                0,
                "Environment blue names an existing thing by its ARN",
            ),
            ("Z0123456789ABCDEFGHIJ", "z1", 2, "the zone z1 cannot be made: "),
            (
                "capacityFrom: [web]",
                "capacityFrom: [web]\n  - {name: other, existing: {name: b}, capacityFrom: [web]}",
                0,
                "the balancer b of Environment blue cannot be made: ",
            ),
        ] {
            let text = lockstep();
            assert!(text.contains(from), "{from}");
            let mistake = furnished(&text.replacen(from, to, 1)).1.unwrap_err();
            assert!(mistake.document == document && mistake.message.contains(words), "{mistake:?}");
        }
        let other = "---
kind: WeightedRoute
metadata: {name: other}
spec: {dns: {zone: {id: Z0123456789ABCDEFGHIJ}, name: api.shop.test}}
";
        let mistake = furnished(&format!("{}{other}", lockstep())).1.unwrap_err();
        assert!(mistake.message.contains("which cannot be in one zone"), "{mistake:?}");
    });
}
