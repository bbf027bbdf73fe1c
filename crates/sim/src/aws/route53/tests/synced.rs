//! How changes reach the name servers, and what a failover leaves.

use super::*;

async fn status(aws: &Arc<Aws>, change: &str) -> String {
    let reply = get(aws, change.trim_start_matches('/')).await;
    if reply.status == 200 { reply.one("Status").to_owned() } else { reply.code().to_owned() }
}

/// What each name server answers for `a.shop.test` now.
fn answers(aws: &Aws, zone: &str) -> [DnsOutcome; 4] {
    let now = aws.clock().now();
    std::array::from_fn(|server| aws.ask_name_server((zone, server), ("a.shop.test", RecordType::A), now, 0).outcome)
}

fn address(text: &str) -> DnsOutcome {
    DnsOutcome::Values(vec![text.to_owned()])
}

#[test]
fn a_change_is_pending_until_the_last_name_server_has_it() {
    with_zone(async |aws, zone| {
        let start = aws.clock().now();
        let change = accepted(&aws, &zone, &[create(&simple("a.shop.test", "192.0.2.1"))]).await;
        let other = accepted(&aws, &zone, &[create(&simple("b.shop.test", "192.0.2.1"))]).await;
        assert!(change != other && change.starts_with("/change/C"), "{change} {other}");
        assert_eq!(listed(&aws, &zone).await.len(), 2, "a list shows what is pending");
        let mut seen = BTreeSet::new();
        loop {
            let served = answers(&aws, &zone).iter().filter(|answer| **answer == address("192.0.2.1")).count();
            let told = status(&aws, &change).await;
            let is_everywhere = answers(&aws, &zone).iter().all(|answer| *answer == address("192.0.2.1"));
            assert_eq!(told == "INSYNC", is_everywhere, "{served}");
            seen.insert(served);
            if is_everywhere {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        assert!(seen.len() > 2, "name servers follow one by one: {seen:?}");
        let seconds = aws.clock().now().duration_since(start).as_secs();
        assert!((5..=65).contains(&seconds), "{seconds}");
        assert_eq!(status(&aws, "/change/C0").await, "NoSuchChange");
    });
}

#[test]
fn a_name_server_takes_changes_in_their_order_and_each_as_a_whole() {
    for seed in 0..20 {
        let options = patient();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let clock = crate::clock::Clock::starting_at("2026-01-02T03:04:05Z".parse().unwrap());
            let aws = Aws::new(clock, seed, options);
            let zone = aws.add_zone(NAME).unwrap();
            let pair =
                |address: &str| ["a.shop.test", "b.shop.test"].map(|name| change("UPSERT", &simple(name, address)));
            for number in 1..5 {
                accepted(&aws, &zone, &pair(&format!("192.0.2.{number}"))).await;
            }
            let mut last = [String::new(), String::new(), String::new(), String::new()];
            for _ in 0..300 {
                let now = aws.clock().now();
                for (server, last) in last.iter_mut().enumerate() {
                    let ask = |name| aws.ask_name_server((&zone, server), (name, RecordType::A), now, 0).outcome;
                    let (one, two) = (ask("a.shop.test"), ask("b.shop.test"));
                    assert_eq!(one, two, "a batch is taken whole");
                    if let DnsOutcome::Values(values) = one {
                        assert!(*last <= values[0], "{last} {values:?}");
                        last.clone_from(&values[0]);
                    }
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            assert_eq!(last, ["192.0.2.4"; 4]);
        });
    }
}

#[test]
fn a_failover_loses_what_is_not_in_sync() {
    with_zone(async |aws, zone| {
        let kept = accepted(&aws, &zone, &[create(&simple("a.shop.test", "192.0.2.1"))]).await;
        tokio::time::sleep(Duration::from_mins(2)).await;
        let lost = accepted(&aws, &zone, &[change("UPSERT", &simple("a.shop.test", "192.0.2.2"))]).await;
        let gone = accepted(&aws, &zone, &[create(&simple("b.shop.test", "192.0.2.2"))]).await;
        while !answers(&aws, &zone).contains(&address("192.0.2.2")) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let ids = aws.fail_over(&zone).unwrap();
        assert_eq!(ids.iter().map(|id| format!("/change/{id}")).collect::<Vec<_>>(), [lost.clone(), gone.clone()]);
        assert_eq!(listed(&aws, &zone).await, ["a.shop.test. A"]);
        assert_eq!(status(&aws, &kept).await, "INSYNC");
        for id in [&lost, &gone] {
            assert_eq!(status(&aws, id).await, "NoSuchChange");
        }
        tokio::time::sleep(Duration::from_mins(2)).await;
        assert_eq!(answers(&aws, &zone), std::array::from_fn(|_| address("192.0.2.1")));
        assert_eq!(aws.fail_over(&zone), Ok(Vec::new()), "what is in sync stays");
        let last = aws.effects().into_iter().rev().find_map(|effect| match effect.change {
            super::super::super::Change::Weights { after, .. } => Some(after),
            super::super::super::Change::Tags { .. } => None,
        });
        assert_eq!(last.unwrap().into_keys().collect::<Vec<_>>(), ["192.0.2.1"]);
    });
}

#[test]
fn a_deleted_zone_is_answered_for_until_the_name_servers_know() {
    world_with(patient(), async |aws| {
        let zone = aws.add_zone(NAME).unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        call(&aws, "DELETE", &format!("hostedzone/{zone}"), "").await;
        let ask = || {
            let now = aws.clock().now();
            (0..4)
                .map(|server| aws.ask_name_server((&zone, server), (NAME, RecordType::Soa), now, 0).outcome)
                .collect::<Vec<_>>()
        };
        assert!(ask().iter().all(|answer| matches!(answer, DnsOutcome::Values(_))));
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(ask(), vec![DnsOutcome::Refused; 4]);
        tokio::time::sleep(Duration::from_mins(10)).await;
        aws.forget_history();
        assert!(aws.partition().global("123456789012").route53.buried.is_empty());
    });
}

#[test]
fn what_was_is_forgotten_and_what_is_stays() {
    with_zone(async |aws, zone| {
        let change = accepted(&aws, &zone, &[create(&simple("a.shop.test", "192.0.2.1"))]).await;
        accepted(
            &aws,
            &zone,
            &[delete(&simple("a.shop.test", "192.0.2.1")), create(&simple("b.shop.test", "192.0.2.1"))],
        )
        .await;
        tokio::time::sleep(Duration::from_mins(20)).await;
        aws.forget_history();
        let partition = &mut *aws.partition();
        let zone = &partition.global("123456789012").route53.zones[&zone];
        assert_eq!(zone.served.len(), 3, "NS, SOA and b.shop.test");
        assert!(zone.pending.is_empty());
        let change = change.trim_start_matches("/change/").to_owned();
        assert!(partition.global("123456789012").route53.submissions.contains_key(&change));
    });
}
