//! What a file says is there, and a mistake in it is told.

use std::sync::Arc;

use weir_sim::aws::{AwsOptions, Change};
use weir_sim::clock::Clock;

use super::*;
use crate::stage::on_virtual_time;

const SHOP: &str = "
targetGroups:
- {name: blue, targets: 3}
- {name: green, stickiness: lb_cookie}
balancers:
- name: public
  listeners:
  - port: 443
    forward: {blue: 100}
    rules:
    - {priority: 5, hosts: [shop.test], forward: {blue: 90}}
";

fn furnish(text: &str) -> Result<Arc<Aws>, String> {
    let aws = Aws::new(Clock::starting_at(jiff::Timestamp::UNIX_EPOCH), 1, AwsOptions::default());
    WorldFile::parse(text)?.furnish(&aws)?;
    Ok(aws)
}

#[test]
fn what_a_file_says_is_there() {
    on_virtual_time(async {
        let aws = furnish(SHOP).unwrap();
        let listener = aws.listener_arn("public", 443).unwrap();
        assert_eq!(aws.weights(&listener), [("blue".to_owned(), 100)].into());
        let rules = aws.rule_arns(&listener);
        assert_eq!(aws.weights(&rules[&5]), [("blue".to_owned(), 90)].into());
        assert_eq!((aws.health("blue").len(), aws.health("green").len()), (3, 2));
    });
}

#[test]
fn a_mistake_is_told_with_its_line_and_what_was_expected() {
    on_virtual_time(async {
        let unknown = SHOP.replace("targets: 3", "target: 3");
        let said = furnish(&unknown).unwrap_err();
        assert!(said.contains("line 3") && said.contains("target") && said.contains("targets"), "{said}");
        let said = furnish(&SHOP.replace("port: 443", "port: https")).unwrap_err();
        assert!(said.contains("line 8"), "{said}");
        let said = furnish(&SHOP.replace("forward: {blue: 100}", "forward: {red: 100}")).unwrap_err();
        assert!(said.contains("listener 443 of balancer public cannot be made") && said.contains("red"), "{said}");
    });
}

const NAMES: &str = "
balancers:
- {name: blue-lb}
- {name: green-lb}
zones:
- name: shop.test
  id: Z0123456789ABCDEFGHIJ
  records:
  - {name: api.shop.test, type: A, balancer: blue-lb}
  - {name: www.shop.test, type: A, alias: api.shop.test, evaluateTargetHealth: true}
  - {name: old.shop.test, type: CNAME, ttl: 60, values: [elsewhere.test]}
  - {name: web.shop.test, type: A, balancer: blue-lb, weight: 90, setIdentifier: blue}
  - {name: web.shop.test, type: A, balancer: green-lb, weight: 10, setIdentifier: green}
- name: other.test
";

/// The splits of names that lead clients, by name and type.
fn splits(aws: &Aws) -> BTreeMap<String, BTreeMap<String, u32>> {
    let named = aws.effects().into_iter().filter_map(|effect| match effect.change {
        Change::Weights { place, after, .. } => Some((place.split_once("hostedzone/")?.1.to_owned(), after)),
        Change::Tags { .. } => None,
    });
    named.collect()
}

#[test]
fn zones_are_there_with_their_records_under_the_identifier_that_manifests_name() {
    on_virtual_time(async {
        let aws = furnish(NAMES).unwrap();
        let place = |name: &str| format!("Z0123456789ABCDEFGHIJ/{name}");
        let split = |of: &[(&str, u32)]| of.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect();
        let expected = [
            (place("api.shop.test/A"), split(&[("blue-lb", 1)])),
            (place("www.shop.test/A"), split(&[("api.shop.test", 1)])),
            (place("old.shop.test/CNAME"), split(&[("elsewhere.test", 1)])),
            (place("web.shop.test/A"), split(&[("blue-lb", 90), ("green-lb", 10)])),
        ];
        assert_eq!(splits(&aws), expected.into());
        assert!(aws.has_zone("Z0123456789ABCDEFGHIJ") && !aws.has_zone("Z1"));
    });
}

#[test]
fn a_mistake_in_a_zone_is_told_with_what_was_expected() {
    on_virtual_time(async {
        let told = |from: &str, to: &str| {
            assert!(NAMES.contains(from), "{from}");
            furnish(&NAMES.replacen(from, to, 1)).unwrap_err()
        };
        for (from, to, line, words) in [
            ("type: CNAME", "type: CNAM", "line 11", "found the type CNAM, expected one of A, AAAA, "),
            ("alias: api", "aliasof: api", "line 10", "aliasof"),
            (
                ", balancer: blue-lb}",
                "}",
                "line 9",
                "has none of them; expected exactly one of values, balancer and alias",
            ),
            ("ttl: 60", "alias: a.shop.test", "line 11", "has values and alias; expected exactly one"),
            (", setIdentifier: blue", "", "line 12", "has weight alone; give setIdentifier too"),
            ("weight: 10, ", "", "line 13", "has setIdentifier alone; give weight too"),
            ("weight: 90", "weight: 256", "line 12", "has weight 256; expected 0 to 255"),
            ("alias: api", "ttl: 60, alias: api", "line 10", "has ttl beside balancer or alias"),
            ("ttl: 60", "evaluateTargetHealth: true", "line 11", "evaluateTargetHealth beside values"),
        ] {
            let said = told(from, to);
            assert!(said.contains(line) && said.contains(words), "{to}: {said}");
        }
        for (from, to, words) in [
            ("Z0123456789ABCDEFGHIJ", "/hostedzone/z", "zone shop.test cannot be made: "),
            ("Z0123456789ABCDEFGHIJ", "z1", "expected 1 to 32 capital letters and digits"),
            ("other.test", "shop.test\n  id: Z0123456789ABCDEFGHIJ", "there is a hosted zone with the identifier"),
            ("A, balancer: blue-lb}", "A, balancer: red-lb}", "the A record of api.shop.test in zone shop.test"),
            ("name: old.shop.test", "name: api.shop.test", "what zone shop.test has cannot be made: "),
            ("name: old.shop.test", "name: old.test", "not permitted in zone"),
        ] {
            let said = told(from, to);
            assert!(said.contains(words), "{to}: {said}");
        }
    });
}
