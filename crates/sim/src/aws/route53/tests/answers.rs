//! What name servers answer: by name, by weight, by health, and through aliases.

use std::collections::BTreeMap;

use super::super::super::{AppBehaviour, GroupSettings, RuleAction};
use super::*;

/// What the first name server answers now, if chance is this number.
fn ask(aws: &Aws, zone: &str, name: &str, kind: RecordType, draw: u64) -> DnsAnswer {
    aws.ask_name_server((zone, 0), (name, kind), aws.clock().now(), draw)
}

fn outcome(aws: &Aws, zone: &str, name: &str) -> DnsOutcome {
    ask(aws, zone, name, RecordType::A, 0).outcome
}

fn address(text: &str) -> DnsOutcome {
    DnsOutcome::Values(vec![text.to_owned()])
}

fn says(address: &str) -> RecordSays {
    RecordSays::Values(60, vec![address.to_owned()])
}

fn one(name: &str, address: &str) -> RecordEdit {
    RecordEdit::simple(name, RecordType::A, says(address))
}

fn of_several(identifier: &str, weight: u32, says: RecordSays) -> RecordEdit {
    RecordEdit::weighted("a.shop.test", RecordType::A, (identifier, weight), says)
}

/// How often each address is answered for `a.shop.test` if chance is each of so many numbers once.
fn shares(aws: &Aws, zone: &str, draws: u64) -> BTreeMap<String, u64> {
    let mut shares = BTreeMap::new();
    for draw in 0..draws {
        if let DnsOutcome::Values(values) = ask(aws, zone, "a.shop.test", RecordType::A, draw).outcome {
            *shares.entry(values.join(",")).or_default() += 1;
        }
    }
    shares
}

fn counted(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(address, count)| ((*address).to_owned(), *count)).collect()
}

#[test]
fn names_that_are_not_there_are_told_from_those_that_have_nothing_of_a_type() {
    with_zone(async |aws, zone| {
        aws.add_records(&zone, &[one("x.a.shop.test", "192.0.2.1")]).unwrap();
        let absent = ask(&aws, &zone, "b.shop.test", RecordType::A, 0);
        assert_eq!((absent.outcome, absent.ttl_seconds), (DnsOutcome::NoName, 900));
        assert_eq!(outcome(&aws, &zone, "a.shop.test"), DnsOutcome::NoData, "something is below it");
        let other = ask(&aws, &zone, "x.a.shop.test", RecordType::Aaaa, 0);
        assert_eq!((other.outcome, other.ttl_seconds), (DnsOutcome::NoData, 900));
        assert_eq!(outcome(&aws, &zone, "shop.other"), DnsOutcome::Refused);
        assert_eq!(outcome(&aws, "Z0", "a.shop.test"), DnsOutcome::Refused);
    });
}

#[test]
fn a_wildcard_stands_for_names_that_are_not_there() {
    with_zone(async |aws, zone| {
        aws.add_records(&zone, &[one("*.shop.test", "192.0.2.1"), one("x.a.shop.test", "192.0.2.2")]).unwrap();
        assert_eq!(outcome(&aws, &zone, "b.shop.test"), address("192.0.2.1"));
        assert_eq!(outcome(&aws, &zone, "c.b.shop.test"), address("192.0.2.1"));
        assert_eq!(outcome(&aws, &zone, "x.a.shop.test"), address("192.0.2.2"));
        assert_eq!(
            outcome(&aws, &zone, "y.a.shop.test"),
            DnsOutcome::NoName,
            "a.shop.test is there, and has no wildcard"
        );
        assert_eq!(ask(&aws, &zone, "b.shop.test", RecordType::Txt, 0).outcome, DnsOutcome::NoData);
        aws.add_records(&zone, &[one("b.shop.test", "192.0.2.3")]).unwrap();
        assert_eq!(outcome(&aws, &zone, "b.shop.test"), address("192.0.2.3"), "a name that is made moves its traffic");
    });
}

#[test]
fn a_cname_and_a_delegation_lead_elsewhere() {
    with_zone(async |aws, zone| {
        let cname = RecordSays::Values(60, vec!["Other.Test.".to_owned()]);
        let servers = RecordSays::Values(300, vec!["ns.test".to_owned()]);
        let records = [
            RecordEdit::simple("a.shop.test", RecordType::Cname, cname),
            RecordEdit::simple("sub.shop.test", RecordType::Ns, servers),
            one("x.sub.shop.test", "192.0.2.1"),
        ];
        aws.add_records(&zone, &records).unwrap();
        assert_eq!(outcome(&aws, &zone, "a.shop.test"), DnsOutcome::OtherName("other.test".to_owned()));
        let itself = ask(&aws, &zone, "a.shop.test", RecordType::Cname, 0);
        assert_eq!(itself.outcome, DnsOutcome::Values(vec!["Other.Test.".to_owned()]));
        for name in ["sub.shop.test", "x.sub.shop.test"] {
            let told = ask(&aws, &zone, name, RecordType::A, 0);
            assert_eq!((told.outcome, told.ttl_seconds), (DnsOutcome::Delegated(vec!["ns.test".to_owned()]), 300));
        }
    });
}

#[test]
fn weights_are_shares_and_zero_is_none() {
    with_zone(async |aws, zone| {
        let records = [
            of_several("blue", 3, says("192.0.2.1")),
            of_several("green", 1, says("192.0.2.2")),
            of_several("grey", 0, says("192.0.2.3")),
        ];
        aws.add_records(&zone, &records).unwrap();
        assert_eq!(shares(&aws, &zone, 400), counted(&[("192.0.2.1", 300), ("192.0.2.2", 100)]));
    });
}

#[test]
fn weights_that_are_all_zero_share_alike() {
    with_zone(async |aws, zone| {
        let records = [of_several("blue", 0, says("192.0.2.1")), of_several("green", 0, says("192.0.2.2"))];
        aws.add_records(&zone, &records).unwrap();
        assert_eq!(shares(&aws, &zone, 100), counted(&[("192.0.2.1", 50), ("192.0.2.2", 50)]));
    });
}

async fn make_check(aws: &Arc<Aws>, reference: &str) -> String {
    let config = "<Type>HTTP</Type><IPAddress>192.0.2.1</IPAddress><Port>80</Port>";
    let inside =
        format!("<CallerReference>{reference}</CallerReference><HealthCheckConfig>{config}</HealthCheckConfig>");
    post(aws, "healthcheck", "CreateHealthCheckRequest", &inside).await.one("Id").to_owned()
}

#[test]
fn the_unhealthy_are_left_out_then_zero_weights_count_and_at_last_everybody() {
    with_zone(async |aws, zone| {
        let checks = [make_check(&aws, "1").await, make_check(&aws, "2").await, make_check(&aws, "3").await];
        let with = |record: RecordEdit, check: &String| RecordEdit { health_check: Some(check.clone()), ..record };
        let records = [
            with(of_several("blue", 3, says("192.0.2.1")), &checks[0]),
            with(of_several("green", 1, says("192.0.2.2")), &checks[1]),
            with(of_several("grey", 0, says("192.0.2.3")), &checks[2]),
        ];
        aws.add_records(&zone, &records).unwrap();
        let usual = counted(&[("192.0.2.1", 300), ("192.0.2.2", 100)]);
        assert_eq!(shares(&aws, &zone, 400), usual);
        aws.set_health_check(&checks[0], false).unwrap();
        assert_eq!(shares(&aws, &zone, 400), counted(&[("192.0.2.2", 400)]));
        aws.set_health_check(&checks[1], false).unwrap();
        assert_eq!(shares(&aws, &zone, 400), counted(&[("192.0.2.3", 400)]), "an unhealthy rest revives zero weights");
        aws.set_health_check(&checks[2], false).unwrap();
        assert_eq!(shares(&aws, &zone, 400), usual, "where nobody is healthy, everybody counts as healthy");
    });
}

/// A balancer with one group of one target that is healthy after a while.
async fn balancer(aws: &Aws, name: &str) -> String {
    aws.add_balancer(name).unwrap();
    aws.add_target_group(GroupSettings::named(name), &[(&format!("i-{name}"), 80)]).unwrap();
    aws.add_listener(name, "HTTP", 80, &RuleAction::forward(&[(name, 1)])).unwrap();
    tokio::time::sleep(Duration::from_mins(5)).await;
    aws.balancer_dns(name).unwrap().0
}

fn to(name: &str, evaluates: bool) -> RecordSays {
    RecordSays::Balancer { name: name.to_owned(), evaluates }
}

#[test]
fn an_alias_answers_what_its_balancer_is() {
    with_zone(async |aws, zone| {
        let name = balancer(&aws, "blue").await;
        let arn = aws.balancer_arn("blue").unwrap();
        let records = [
            RecordEdit::simple("a.shop.test", RecordType::A, to(&name, false)),
            RecordEdit::simple("a.shop.test", RecordType::Aaaa, to(&name, false)),
        ];
        aws.add_records(&zone, &records).unwrap();
        let many = RecordSays::Other { name: "a.shop.test".to_owned(), evaluates: false };
        aws.add_records(&zone, &[RecordEdit::simple("b.shop.test", RecordType::A, many)]).unwrap();
        for name in ["a.shop.test", "b.shop.test"] {
            let told = ask(&aws, &zone, name, RecordType::A, 0);
            assert_eq!((told.outcome, told.ttl_seconds), (DnsOutcome::Balancer { arn: arn.clone() }, 60));
        }
        let ask_six = || ask(&aws, &zone, "a.shop.test", RecordType::Aaaa, 0).outcome;
        assert_eq!(ask_six(), DnsOutcome::NoData, "a balancer has no addresses of version 6 by itself");
        aws.make_dual_stack("blue").unwrap();
        assert_eq!(ask_six(), DnsOutcome::Balancer { arn: arn.clone() });
        aws.by_hand("DeleteLoadBalancer", &[("LoadBalancerArn", &arn)]).unwrap();
        assert_eq!(outcome(&aws, &zone, "a.shop.test"), DnsOutcome::NoData, "an alias may outlive its target");
    });
}

#[test]
fn an_alias_that_evaluates_its_target_goes_by_every_group_of_it() {
    with_zone(async |aws, zone| {
        let (blue, green) = (balancer(&aws, "blue").await, balancer(&aws, "green").await);
        let arn = |name: &str| DnsOutcome::Balancer { arn: aws.balancer_arn(name).unwrap() };
        let records = [of_several("blue", 1, to(&blue, true)), of_several("green", 1, to(&green, true))];
        aws.add_records(&zone, &records).unwrap();
        let seen = || -> Vec<DnsOutcome> {
            let one = |draw| ask(&aws, &zone, "a.shop.test", RecordType::A, draw).outcome;
            (0..2).map(one).collect()
        };
        assert_eq!(seen(), [arn("blue"), arn("green")]);
        aws.set_app("blue", AppBehaviour::broken()).unwrap();
        let until = ask(&aws, &zone, "a.shop.test", RecordType::A, 0).until;
        assert!(
            until.is_some_and(|until| until > aws.clock().now()),
            "the next change of health is foretold: {until:?}"
        );
        tokio::time::sleep(Duration::from_mins(5)).await;
        assert_eq!(seen(), [arn("green"), arn("green")]);
        aws.set_app("blue", AppBehaviour::well()).unwrap();
        tokio::time::sleep(Duration::from_mins(5)).await;
        assert_eq!(seen(), [arn("blue"), arn("green")]);
        // A group that has no targets, for another host, makes the whole balancer unhealthy.
        aws.add_target_group(GroupSettings::named("empty"), &[]).unwrap();
        let listener = aws.listener_arn("blue", 80).unwrap();
        aws.add_rule(&listener, 1, (&["other.test"], &[]), &RuleAction::forward(&[("empty", 1)])).unwrap();
        assert_eq!(seen(), [arn("green"), arn("green")]);
    });
}

#[test]
fn failover_and_several_values_at_once() {
    with_zone(async |aws, zone| {
        let check = make_check(&aws, "1").await;
        let with = |name: &str, identifier: &str, rest: &str, address: &str| {
            create(&record(name, "A", &format!("{}{}", policy(identifier, rest), values(60, &[address]))))
        };
        let many = "<MultiValueAnswer>true</MultiValueAnswer>";
        let checked = format!("<HealthCheckId>{check}</HealthCheckId>");
        let first = with("a.shop.test", "1", "<Failover>PRIMARY</Failover>", "192.0.2.1");
        let changes = [
            first.replace("</ResourceRecordSet>", &format!("{checked}</ResourceRecordSet>")),
            with("a.shop.test", "2", "<Failover>SECONDARY</Failover>", "192.0.2.2"),
            with("b.shop.test", "1", many, "192.0.2.1")
                .replace("</ResourceRecordSet>", &format!("{checked}</ResourceRecordSet>")),
            with("b.shop.test", "2", many, "192.0.2.2"),
        ];
        accepted(&aws, &zone, &changes).await;
        tokio::time::sleep(Duration::from_mins(2)).await;
        assert_eq!(outcome(&aws, &zone, "a.shop.test"), address("192.0.2.1"));
        let both = DnsOutcome::Values(vec!["192.0.2.1".to_owned(), "192.0.2.2".to_owned()]);
        assert_eq!(outcome(&aws, &zone, "b.shop.test"), both);
        aws.set_health_check(&check, false).unwrap();
        assert_eq!(outcome(&aws, &zone, "a.shop.test"), address("192.0.2.2"));
        assert_eq!(outcome(&aws, &zone, "b.shop.test"), address("192.0.2.2"));
        // What records it has does not keep a health check; they are healthy then.
        assert_eq!(call(&aws, "DELETE", &format!("healthcheck/{check}"), "").await.code(), "OK");
        assert_eq!(outcome(&aws, &zone, "a.shop.test"), address("192.0.2.1"));
    });
}
