//! Tests of how many clients follow a name, and when: shares of resolvers, TTLs, and connections that stay.

use super::names::{NAME, by_name, named_world, one, permille, says};
use super::*;
use crate::aws::{DnsOutcome, RecordEdit, RecordType};

fn weighted(aws: &Aws, balancer: &str, weight: u32) -> RecordEdit {
    RecordEdit::weighted(NAME, RecordType::A, (balancer, weight), says(aws, balancer))
}

/// Moves the name from `blue` to `green`.
fn shift(aws: &Aws, zone: &str) {
    aws.edit_records(zone, &[one(aws, RecordType::A, "blue")], &[one(aws, RecordType::A, "green")]).unwrap();
}

#[test]
fn many_resolvers_split_requests_as_the_weights_are() {
    named_world(async |aws, zone| {
        aws.add_records(&zone, &[weighted(&aws, "blue", 95), weighted(&aws, "green", 5)]).unwrap();
        // The largest has 4 % of the clients.
        let dns = DnsClients { resolvers: 10_000, zipf_permille: 800, ..DnsClients::default() };
        let settings = TrafficSettings { dns, clients: 50_000, ..TrafficSettings::to_name(&zone, NAME, 80) };
        let mut traffic = Traffic::new(Arc::clone(&aws), 11, settings);
        let mut shares = Vec::new();
        for _ in 0..20 {
            run(&mut traffic, 60).await;
            shares.push(permille(&traffic, 60, "green"));
        }
        let mean = shares.iter().sum::<u32>() / 20;
        assert!((42..=58).contains(&mean), "{mean}");
        assert!(shares.iter().all(|share| (10..=95).contains(share)), "{shares:?}");
    });
}

#[test]
fn one_resolver_sends_everybody_to_one_side_at_a_time() {
    named_world(async |aws, zone| {
        aws.add_records(&zone, &[weighted(&aws, "blue", 50), weighted(&aws, "green", 50)]).unwrap();
        let mut traffic = by_name(&aws, &zone, DnsClients { resolvers: 1, ..DnsClients::default() });
        let mut sides = Vec::new();
        for _ in 0..900 {
            run(&mut traffic, 1).await;
            sides.push(permille(&traffic, 1, "green"));
        }
        let mixed = sides.iter().filter(|share| !matches!(**share, 0 | 1000)).count();
        let turns = sides.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(mixed <= 15, "only in the second in which an answer ends: {mixed}");
        assert!((1..=30).contains(&turns), "{turns}");
        let all = sent(&traffic, "green") * 1000 / traffic.totals().sent;
        assert!((1..=999).contains(&all), "{all}");
    });
}

#[test]
fn few_resolvers_bring_lumps() {
    named_world(async |aws, zone| {
        aws.add_records(&zone, &[weighted(&aws, "blue", 95), weighted(&aws, "green", 5)]).unwrap();
        let mut traffic = by_name(&aws, &zone, DnsClients { resolvers: 20, ..DnsClients::default() });
        let mut shares = Vec::new();
        for _ in 0..200 {
            run(&mut traffic, 60).await;
            shares.push(permille(&traffic, 60, "green"));
        }
        shares.sort_unstable();
        let mean = shares.iter().sum::<u32>() / 200;
        assert!((30..=70).contains(&mean), "{mean}");
        // One resolver has 28 % of the clients. A model of its own has 28 % and 34 % for these percentiles of a window.
        assert!(shares[190].abs_diff(280) <= 40 && shares[198].abs_diff(340) <= 40, "{shares:?}");
    });
}

#[test]
fn clients_follow_when_name_servers_know_and_their_resolvers_ask_again() {
    named_world(async |aws, zone| {
        aws.set_zone_sync(Duration::from_secs(19)..=Duration::from_secs(30));
        aws.add_records(&zone, &[one(&aws, RecordType::A, "blue")]).unwrap();
        // All resolvers alike, so that no single one is seen.
        let dns = DnsClients { zipf_permille: 0, ..DnsClients::default() };
        let settings = TrafficSettings { dns, requests_per_second: 1000, ..TrafficSettings::to_name(&zone, NAME, 80) };
        let mut traffic = Traffic::new(Arc::clone(&aws), 11, settings);
        run(&mut traffic, 180).await;
        shift(&aws, &zone);
        let written = aws.clock().now();
        let mut course = Vec::new();
        for _ in 0..4 {
            run(&mut traffic, 30).await;
            course.push(permille(&traffic, 1, "blue"));
        }
        // What is kept for a minute was heard in the minute before, at any instant and from any of the four.
        let sync: u32 = (0..4).map(|server| known_after(&aws, &zone, server, written)).sum::<u32>() / 4;
        let expected = [1000 - (30 - sync) * 1000 / 60, sync * 1000 / 60];
        assert!(
            course.iter().zip(expected).all(|(share, wanted)| share.abs_diff(wanted) <= 40),
            "{course:?}, {sync} s"
        );
        // A model of its own, in which the name servers knew after 25 seconds, has 91 % and 41 %.
        assert!(course.iter().zip([910, 410]).all(|(share, wanted)| share.abs_diff(wanted) <= 70), "{course:?}");
        assert_eq!(course[2..], [0, 0]);
        let last = traffic.last_seen()["blue"];
        assert!(last < written + Duration::from_secs(90), "{last}");
        assert!(last > written + Duration::from_secs(75), "{last}");
        assert_eq!(traffic.last_seen_by_balancer()["blue"], last);
        assert_eq!(traffic.totals().failed, 0);
    });
}

/// After how many seconds a name server led to `green`.
fn known_after(aws: &Aws, zone: &str, server: usize, written: Timestamp) -> u32 {
    let green = DnsOutcome::Balancer { arn: aws.balancer_arn("green").unwrap() };
    let answer = |seconds: u32| {
        let at = written + Duration::from_secs(u64::from(seconds));
        aws.ask_name_server((zone, server), (NAME, RecordType::A), at, 0).outcome
    };
    (0..=60).find(|seconds| answer(*seconds) == green).unwrap()
}

#[test]
fn ignored_ttls_and_connections_that_stay_bring_clients_for_longer_and_end() {
    named_world(async |aws, zone| {
        aws.add_records(&zone, &[one(&aws, RecordType::A, "blue")]).unwrap();
        // All resolvers alike, so that a hundredth of them has a hundredth of the clients.
        let dns = DnsClients {
            zipf_permille: 0,
            ignore_ttl_permille: 10,
            keep_connections_permille: 300,
            ..DnsClients::default()
        };
        let settings = TrafficSettings { dns, clients: 10_000, ..TrafficSettings::to_name(&zone, NAME, 80) };
        let mut traffic = Traffic::new(Arc::clone(&aws), 11, settings);
        run(&mut traffic, 900).await;
        shift(&aws, &zone);
        let written = aws.clock().now();
        run(&mut traffic, 120).await;
        let two_minutes = permille(&traffic, 10, "blue");
        run(&mut traffic, 480).await;
        let ten_minutes = permille(&traffic, 10, "blue");
        run(&mut traffic, 3000).await;
        let an_hour = permille(&traffic, 60, "blue");
        assert!((270..=330).contains(&two_minutes), "{two_minutes}");
        assert!((230..=290).contains(&ten_minutes), "{ten_minutes}");
        assert!((1..=25).contains(&an_hour), "{an_hour}");
        run(&mut traffic, 3900).await;
        let last = traffic.last_seen()["blue"].duration_since(written).as_secs();
        assert!((3600..7300).contains(&last), "a connection may begin with an answer that is kept too long: {last}");
    });
}

#[test]
fn resolvers_that_ignore_ttls_follow_within_an_hour() {
    named_world(async |aws, zone| {
        aws.add_records(&zone, &[one(&aws, RecordType::A, "blue")]).unwrap();
        let mut traffic = by_name(&aws, &zone, DnsClients { ignore_ttl_permille: 1000, ..DnsClients::default() });
        run(&mut traffic, 60).await;
        shift(&aws, &zone);
        run(&mut traffic, 30 + 1800).await;
        let half = permille(&traffic, 60, "blue");
        assert!((350..=650).contains(&half), "{half}");
        run(&mut traffic, 1805).await;
        assert_eq!(permille(&traffic, 5, "blue"), 0);
    });
}

#[test]
fn resolvers_with_a_least_ttl_follow_after_that() {
    named_world(async |aws, zone| {
        aws.add_records(&zone, &[one(&aws, RecordType::A, "blue")]).unwrap();
        let mut traffic = by_name(&aws, &zone, DnsClients { least_ttl_seconds: 600, ..DnsClients::default() });
        run(&mut traffic, 1200).await;
        shift(&aws, &zone);
        run(&mut traffic, 30 + 570).await;
        assert!(permille(&traffic, 10, "blue") > 0);
        run(&mut traffic, 35).await;
        assert_eq!(permille(&traffic, 5, "blue"), 0);
    });
}

#[test]
fn a_connection_ends_when_the_balancer_ends_it() {
    let keeping = DnsClients { keep_connections_permille: 1000, ..DnsClients::default() };
    // After a minute.
    named_world(async |aws, zone| {
        assert!(aws.set_client_keep_alive("blue", 59).is_err());
        aws.set_client_keep_alive("blue", 60).unwrap();
        aws.add_records(&zone, &[one(&aws, RecordType::A, "blue")]).unwrap();
        let mut traffic = by_name(&aws, &zone, keeping.clone());
        run(&mut traffic, 180).await;
        shift(&aws, &zone);
        run(&mut traffic, 90 + 30).await;
        assert!(permille(&traffic, 10, "blue") > 0);
        run(&mut traffic, 35).await;
        assert_eq!(permille(&traffic, 5, "blue"), 0);
    });
    // When nobody listens any more, or the balancer is deleted.
    for operation in ["DeleteListener", "DeleteLoadBalancer"] {
        named_world(async |aws, zone| {
            aws.add_records(&zone, &[one(&aws, RecordType::A, "blue")]).unwrap();
            let mut traffic = by_name(&aws, &zone, keeping.clone());
            run(&mut traffic, 60).await;
            shift(&aws, &zone);
            run(&mut traffic, 120).await;
            let before = permille(&traffic, 10, "blue");
            assert!(before > 900, "{before}");
            let (balancer, listener) = (aws.balancer_arn("blue").unwrap(), aws.listener_arn("blue", 80).unwrap());
            aws.by_hand(operation, &[("LoadBalancerArn", &balancer), ("ListenerArn", &listener)]).unwrap();
            run(&mut traffic, 60).await;
            assert_eq!(permille(&traffic, 59, "blue"), 0);
            assert_eq!(traffic.totals().failed, 0, "they look for another one at once");
        });
    }
}

#[test]
fn the_flows_of_a_network_balancer_last_an_hour() {
    named_world(async |aws, zone| {
        aws.add_network_balancer("net").unwrap();
        let settings = GroupSettings { protocol: "TCP".to_owned(), ..GroupSettings::named("net") };
        aws.add_target_group(settings, &[("i-net", 80)]).unwrap();
        aws.add_listener("net", "TCP", 80, &RuleAction::forward(&[("net", 1)])).unwrap();
        assert!(aws.set_client_keep_alive("net", 60).is_err());
        aws.add_records(&zone, &[one(&aws, RecordType::A, "net")]).unwrap();
        wait(60).await;
        let keeping = DnsClients { keep_connections_permille: 1000, ..DnsClients::default() };
        let mut traffic = by_name(&aws, &zone, keeping);
        run(&mut traffic, 60).await;
        aws.edit_records(&zone, &[one(&aws, RecordType::A, "net")], &[one(&aws, RecordType::A, "green")]).unwrap();
        run(&mut traffic, 30 + 1800).await;
        let half = permille(&traffic, 60, "net");
        assert!((400..=600).contains(&half), "{half}");
        run(&mut traffic, 1900).await;
        assert_eq!(permille(&traffic, 5, "net"), 0);
    });
}
