//! Tests of clients that come by a name: where they find a balancer, and what they meet where they do not.

use super::*;
use crate::aws::{DnsOutcome, RecordEdit, RecordSays, RecordType};

pub(super) const NAME: &str = "www.shop.test";

/// A world with a zone and the balancers `blue` and `green`, each with a healthy group of its name behind port 80. Name
/// servers take a batch half a minute after it.
pub(super) fn named_world(test: impl AsyncFnOnce(Arc<Aws>, String)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let options = AwsOptions { checks: CHECKS, ..AwsOptions::default() };
        let aws = Aws::new(Clock::starting_at(start), 7, options);
        aws.set_zone_sync(Duration::from_secs(30)..=Duration::from_secs(30));
        for name in ["blue", "green"] {
            furnish(&aws, name);
        }
        let zone = aws.add_zone("shop.test").unwrap();
        wait(60).await;
        test(aws, zone).await;
    });
}

/// Makes a balancer with a group of its name. Returns its ARN.
pub(super) fn furnish(aws: &Aws, name: &str) -> String {
    let arn = aws.add_balancer(name).unwrap();
    aws.add_target_group(GroupSettings::named(name), &[(&format!("i-{name}"), 80)]).unwrap();
    aws.add_listener(name, "HTTP", 80, &RuleAction::forward(&[(name, 1)])).unwrap();
    arn
}

pub(super) fn says(aws: &Aws, balancer: &str) -> RecordSays {
    RecordSays::Balancer { name: aws.balancer_dns(balancer).unwrap().0, evaluates: false }
}

/// The record of the name that leads to a balancer.
pub(super) fn one(aws: &Aws, kind: RecordType, balancer: &str) -> RecordEdit {
    RecordEdit::simple(NAME, kind, says(aws, balancer))
}

pub(super) fn other_name(name: &str, ttl: u32, target: &str) -> RecordEdit {
    RecordEdit::simple(name, RecordType::Cname, RecordSays::Values(ttl, vec![target.to_owned()]))
}

pub(super) fn by_name(aws: &Arc<Aws>, zone: &str, dns: DnsClients) -> Traffic {
    let settings = TrafficSettings { dns, ..TrafficSettings::to_name(zone, NAME, 80) };
    Traffic::new(Arc::clone(aws), 11, settings)
}

/// How many of a thousand requests of the last seconds that came to a group came to this one.
pub(super) fn permille(traffic: &Traffic, seconds: u64, group: &str) -> u32 {
    traffic.shares_permille(seconds).get(group).copied().unwrap_or(0)
}

/// Why the requests of ten seconds fail; `None` where none does.
async fn failing(aws: &Arc<Aws>, zone: &str, name: &str) -> Option<Cause> {
    let mut traffic = Traffic::new(Arc::clone(aws), 11, TrafficSettings::to_name(zone, name, 80));
    run(&mut traffic, 10).await;
    let (totals, causes) = (traffic.totals(), traffic.causes());
    assert!(causes.len() <= 1, "{causes:?}");
    assert_eq!(totals.failed, if causes.is_empty() { 0 } else { totals.sent }, "{causes:?}");
    causes.into_keys().next()
}

#[test]
fn each_way_to_nowhere_has_its_cause() {
    named_world(async |aws, zone| {
        let address = RecordSays::Values(60, vec!["192.0.2.1".to_owned()]);
        let six = RecordSays::Values(60, vec!["2001:db8::1".to_owned()]);
        let gone = furnish(&aws, "gone");
        let named = |name: &str| format!("{name}.shop.test");
        let records = [
            one(&aws, RecordType::A, "blue"),
            RecordEdit::simple(&named("strange"), RecordType::A, address),
            RecordEdit::simple(&named("six"), RecordType::Aaaa, six),
            RecordEdit::simple(&named("alias"), RecordType::A, says(&aws, "gone")),
            other_name(&named("cname"), 60, &aws.balancer_dns("gone").unwrap().0),
            other_name(&named("abroad"), 60, "www.elsewhere.test"),
            other_name(&named("round"), 60, "about.shop.test"),
            other_name(&named("about"), 60, "round.shop.test"),
        ];
        aws.add_records(&zone, &records).unwrap();
        aws.by_hand("DeleteLoadBalancer", &[("LoadBalancerArn", &gone)]).unwrap();
        assert_eq!(failing(&aws, &zone, NAME).await, None);
        for (name, cause) in [
            ("absent", Cause::NameNotFound),
            ("abroad", Cause::NameNotFound),
            ("round", Cause::NameNotFound),
            ("strange", Cause::NoAddress),
            ("six", Cause::NoAddress),
            ("alias", Cause::BalancerGone),
            ("cname", Cause::BalancerGone),
        ] {
            assert_eq!(failing(&aws, &zone, &named(name)).await, Some(cause), "{name}");
        }
        assert_eq!(failing(&aws, "Z0", NAME).await, Some(Cause::NameNotFound), "there is no such zone");
        assert_eq!(failing(&aws, &zone, "no..name").await, Some(Cause::NameNotFound));
        aws.by_hand("DeleteListener", &[("ListenerArn", &aws.listener_arn("blue", 80).unwrap())]).unwrap();
        assert_eq!(failing(&aws, &zone, NAME).await, Some(Cause::NobodyListens));
    });
}

#[test]
fn a_resolver_leads_to_a_balancer_that_is_gone_for_as_long_as_it_keeps_the_answer() {
    named_world(async |aws, zone| {
        aws.add_records(&zone, &[one(&aws, RecordType::A, "blue")]).unwrap();
        let mut traffic = by_name(&aws, &zone, DnsClients::default());
        run(&mut traffic, 120).await;
        assert_eq!(traffic.totals().failed, 0);
        let moved = aws.clock().now();
        aws.edit_records(&zone, &[one(&aws, RecordType::A, "blue")], &[one(&aws, RecordType::A, "green")]).unwrap();
        wait(30).await;
        let blue = aws.balancer_arn("blue").unwrap();
        aws.by_hand("DeleteLoadBalancer", &[("LoadBalancerArn", &blue)]).unwrap();
        // One of the same name that is made later has other addresses.
        aws.add_balancer("blue").unwrap();
        run(&mut traffic, 120).await;
        assert_eq!(traffic.causes().into_keys().collect::<Vec<_>>(), [Cause::BalancerGone]);
        let last = traffic.last_seen_by_balancer()["blue"];
        let (least, most) = (moved + Duration::from_secs(80), moved + Duration::from_secs(90));
        assert!((least..most).contains(&last), "somebody asked right before the name servers knew: {last}");
        assert!(traffic.last_seen()["blue"] < moved + Duration::from_secs(30), "no group was there to meet");
        let counts = traffic.by_balancer();
        assert_eq!(counts.keys().collect::<Vec<_>>(), ["blue", "green"]);
        assert_eq!(counts["blue"].failed, traffic.totals().failed);
        assert_eq!(counts["blue"].sent + counts["green"].sent, traffic.totals().sent);
    });
}

#[test]
fn a_client_with_both_versions_goes_where_the_newer_one_leads() {
    named_world(async |aws, zone| {
        aws.add_records(&zone, &[one(&aws, RecordType::A, "blue"), one(&aws, RecordType::Aaaa, "green")]).unwrap();
        let dual = DnsClients { dual_stack_permille: 400, ..DnsClients::default() };
        let mut traffic = by_name(&aws, &zone, dual);
        run(&mut traffic, 60).await;
        assert_eq!(traffic.by_group().keys().collect::<Vec<_>>(), ["blue"], "green has no addresses of version 6");
        aws.make_dual_stack("green").unwrap();
        // That there was nothing is kept for 900 seconds.
        let changed = aws.clock().now();
        run(&mut traffic, 780).await;
        let early = permille(&traffic, 10, "green");
        assert!((100..390).contains(&early), "{early}");
        run(&mut traffic, 120).await;
        run(&mut traffic, 60).await;
        let late = permille(&traffic, 60, "green");
        assert!((380..420).contains(&late), "{late}");
        assert!(traffic.last_seen()["green"] > changed);
        assert_eq!(traffic.totals().failed, 0);
    });
}

#[test]
fn a_name_that_gets_its_first_address_is_seen_after_the_negative_ttl() {
    named_world(async |aws, zone| {
        let one_resolver = DnsClients { resolvers: 1, ..DnsClients::default() };
        let mut traffic = by_name(&aws, &zone, one_resolver);
        run(&mut traffic, 1000).await;
        assert_eq!(traffic.causes().into_keys().collect::<Vec<_>>(), [Cause::NameNotFound]);
        let made = aws.clock().now();
        aws.add_records(&zone, &[one(&aws, RecordType::A, "blue")]).unwrap();
        while traffic.last_seen().is_empty() {
            run(&mut traffic, 1).await;
        }
        let late = aws.clock().now().duration_since(made).as_secs();
        assert!((2..=901).contains(&late), "{late}");
        let failed = traffic.totals().failed;
        run(&mut traffic, 100).await;
        assert_eq!(traffic.totals().failed, failed);
    });
}

#[test]
fn another_name_is_kept_by_its_own_ttl() {
    named_world(async |aws, zone| {
        let to = |balancer: &str| other_name(NAME, 300, &aws.balancer_dns(balancer).unwrap().0);
        aws.add_records(&zone, &[to("blue")]).unwrap();
        let mut traffic = by_name(&aws, &zone, DnsClients::default());
        run(&mut traffic, 600).await;
        aws.edit_records(&zone, &[to("blue")], &[to("green")]).unwrap();
        run(&mut traffic, 30 + 150).await;
        let half = permille(&traffic, 1, "blue");
        assert!((380..=620).contains(&half), "{half}");
        run(&mut traffic, 130).await;
        assert!(permille(&traffic, 1, "blue") > 0);
        run(&mut traffic, 30).await;
        assert_eq!(permille(&traffic, 5, "blue"), 0);
        assert_eq!(traffic.totals().failed, 0);
    });
}

#[test]
fn names_lead_to_other_names_and_to_zones_below() {
    named_world(async |aws, zone| {
        let below = aws.add_zone("sub.shop.test").unwrap();
        let servers = (0..4).map(|number| name_server(&aws, &below, number)).collect();
        let records = [
            other_name(NAME, 60, "a.sub.shop.test"),
            RecordEdit::simple("sub.shop.test", RecordType::Ns, RecordSays::Values(300, servers)),
            RecordEdit::simple("lame.shop.test", RecordType::Ns, RecordSays::Values(300, vec!["ns.test".to_owned()])),
        ];
        aws.add_records(&zone, &records).unwrap();
        let away = aws.elsewhere("210987654321", "us-east-1");
        furnish(&away, "far");
        let name = away.balancer_dns("far").unwrap().0;
        let far = RecordSays::Balancer { name, evaluates: false };
        aws.add_records(&below, &[RecordEdit::simple("a.sub.shop.test", RecordType::A, far)]).unwrap();
        wait(60).await;
        let mut traffic = by_name(&aws, &zone, DnsClients::default());
        run(&mut traffic, 100).await;
        assert_eq!(traffic.by_group()["far"], Counts { sent: 10_000, failed: 0 });
        assert_eq!(failing(&aws, &zone, "x.lame.shop.test").await, Some(Cause::NameNotFound));
    });
}

/// The name of a name server of a zone, as its records tell it.
fn name_server(aws: &Aws, zone: &str, number: usize) -> String {
    let asked = aws.ask_name_server((zone, 0), ("sub.shop.test", RecordType::Ns), aws.clock().now(), 0);
    match asked.outcome {
        DnsOutcome::Values(values) => values[number].clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn portions_do_not_matter_to_those_who_come_by_a_name() {
    let run_in = |portion: u64| {
        let mut result = None;
        named_world(async |aws, zone| {
            let weighted =
                |name: &str, weight| RecordEdit::weighted(NAME, RecordType::A, (name, weight), says(&aws, name));
            let dns = DnsClients {
                dual_stack_permille: 300,
                keep_connections_permille: 300,
                ignore_ttl_permille: 100,
                ..DnsClients::default()
            };
            aws.add_records(&zone, &[weighted("blue", 90), weighted("green", 10)]).unwrap();
            let mut traffic = by_name(&aws, &zone, dns);
            for step in 0..60 {
                match step {
                    5 => aws.set_client_keep_alive("blue", 60).unwrap(),
                    10 => aws.edit_records(&zone, &[weighted("blue", 90)], &[weighted("blue", 1)]).unwrap(),
                    20 => aws.add_records(&zone, &[one(&aws, RecordType::Aaaa, "green")]).unwrap(),
                    25 => aws.make_dual_stack("green").unwrap(),
                    40 => {
                        let blue = aws.balancer_arn("blue").unwrap();
                        aws.by_hand("DeleteLoadBalancer", &[("LoadBalancerArn", &blue)]).unwrap();
                    }
                    _ => (),
                }
                wait(6).await;
                if step % portion == portion - 1 {
                    traffic.advance_to(aws.clock().now());
                }
            }
            let seen = (traffic.last_seen(), traffic.last_seen_by_balancer());
            result = Some((traffic.by_balancer(), traffic.failures(), traffic.window(300), seen));
        });
        result.unwrap()
    };
    let whole = run_in(60);
    assert!(whole.1.keys().any(|(_, cause)| *cause == Cause::BalancerGone), "{:?}", whole.1);
    assert_eq!(run_in(1), whole);
    assert_eq!(run_in(6), whole);
}
