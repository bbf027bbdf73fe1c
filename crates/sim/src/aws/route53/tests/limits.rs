//! How much there can be, of a batch, of a zone, and of calls and changes in a time.

use super::super::super::{DnsRates, Rates};
use super::*;

#[test]
fn a_batch_has_a_thousand_records_and_an_upsert_counts_twice() {
    with_zone(async |aws, zone| {
        let (name, its_zone) = {
            aws.add_balancer("public").unwrap();
            aws.balancer_dns("public").unwrap()
        };
        let aliases = |action: &str, count: usize| -> Vec<String> {
            let one = |number| record(&format!("n{number}.shop.test"), "A", &alias(its_zone, &name, false));
            (0..count).map(|number| change(action, &one(number))).collect()
        };
        assert_eq!(refused(&aws, &zone, &aliases("CREATE", 1001)).await, "[Number of records limit of 1000 exceeded.]");
        assert_eq!(refused(&aws, &zone, &aliases("UPSERT", 501)).await, "[Number of records limit of 1000 exceeded.]");
        accepted(&aws, &zone, &aliases("UPSERT", 500)).await;
        accepted(&aws, &zone, &aliases("DELETE", 500)).await;
        accepted(&aws, &zone, &aliases("CREATE", 1000)).await;
    });
}

#[test]
fn a_batch_has_so_many_characters() {
    with_zone(async |aws, zone| {
        let value = format!("\"{}\"", "x".repeat(198));
        let texts = |count: usize| -> Vec<String> {
            (0..count)
                .map(|number| create(&record(&format!("n{number}.shop.test"), "TXT", &values(60, &[&value]))))
                .collect()
        };
        let said = refused(&aws, &zone, &texts(161)).await;
        assert_eq!(said, "[Number of characters limit of 32000 exceeded.]");
        accepted(&aws, &zone, &texts(160)).await;
    });
}

#[test]
fn a_name_has_a_hundred_weighted_records() {
    with_zone(async |aws, zone| {
        let one = |number: usize| create(&weighted("a.shop.test", &format!("n{number}"), 1, "192.0.2.1"));
        accepted(&aws, &zone, &(0..100).map(one).collect::<Vec<_>>()).await;
        assert!(refused(&aws, &zone, &[one(100)]).await.contains("limit of 100 RRSets"));
    });
}

#[test]
fn a_zone_has_so_many_records() {
    let options = Route53Options { records_per_zone: 4, ..Route53Options::default() };
    with_zone_and(options, async |aws, zone| {
        let one = |number: usize| simple(&format!("n{number}.shop.test"), "192.0.2.1");
        accepted(&aws, &zone, &[create(&one(0)), create(&one(1))]).await;
        assert!(refused(&aws, &zone, &[create(&one(2))]).await.contains("limit of 4 resource record sets"));
        accepted(&aws, &zone, &[create(&one(2)), delete(&one(0))]).await;
        let reply = get(&aws, &format!("hostedzonelimit/{zone}/MAX_RRSETS_BY_ZONE")).await;
        assert_eq!((reply.one("Value"), reply.one("Count")), ("4", "4"));
        let reply = get(&aws, &format!("hostedzonelimit/{zone}/MAX_VPCS_ASSOCIATED_BY_ZONE")).await;
        assert_eq!(reply.code(), "HostedZoneNotPrivate");
        assert_eq!(get(&aws, &format!("hostedzonelimit/{zone}/MAX_HOPE")).await.code(), "InvalidInput");
    });
}

/// How many of so many calls that come at once are taken.
async fn taken(aws: &Arc<Aws>, count: usize, path: &str) -> usize {
    let calls = (0..count).map(|_| get(aws, path));
    let replies = futures::future::join_all(calls).await;
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert_eq!((reply.status, reply.code(), reply.one("Message")), (400, "Throttling", "Rate exceeded"));
    }
    replies.iter().filter(|reply| reply.status == 200).count()
}

fn at(rates: Rates, test: impl AsyncFnOnce(Arc<Aws>)) {
    let latency = Duration::from_millis(10)..=Duration::from_millis(10);
    world_with(AwsOptions { rates: Some(rates), latency, ..AwsOptions::default() }, test);
}

#[test]
fn calls_are_throttled_for_the_account_by_both_profiles() {
    for (rates, burst, each_second) in [(Rates::of_2026(), 50, 10), (Rates::legacy(), 5, 5)] {
        at(rates, async |aws| {
            assert_eq!(taken(&aws, 60, "hostedzone").await, burst);
            assert_eq!(taken(&aws, 1, "hostedzonecount").await, 0, "all calls share a bucket");
            let elsewhere = aws.elsewhere("123456789012", "us-west-2");
            assert_eq!(taken(&elsewhere, 1, "hostedzone").await, 0, "in all regions");
            let other = aws.elsewhere("210987654321", "eu-west-1");
            assert_eq!(taken(&other, 60, "hostedzone").await, burst, "another account has another bucket");
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(taken(&aws, 60, "hostedzone").await, each_second);
        });
    }
}

#[test]
fn operations_have_buckets_of_their_own() {
    let dns = DnsRates { calls: super::super::super::Rate { per_second: 1000, burst: 1000 }, ..DnsRates::of_2026() };
    at(Rates { dns, ..Rates::of_2026() }, async |aws| {
        assert_eq!(taken(&aws, 60, "hostedzone").await, 50);
        assert_eq!(taken(&aws, 60, "hostedzonecount").await, 50);
    });
}

#[test]
fn changes_are_counted_besides_where_they_are() {
    for (rates, third) in [(Rates::of_2026(), "Throttling"), (Rates::legacy(), "OK")] {
        at(rates, async |aws| {
            let zone = aws.add_zone(NAME).unwrap();
            let create_all = |part: usize, count: usize| -> Vec<String> {
                let one = |number| create(&simple(&format!("n{part}-{number}.shop.test"), "192.0.2.1"));
                (0..count).map(one).collect()
            };
            assert_eq!(at_once(&aws, &zone, &create_all(0, 900)).await.code(), "OK");
            tokio::time::sleep(Duration::from_millis(1_200)).await;
            assert_eq!(at_once(&aws, &zone, &create_all(1, 700)).await.code(), "OK");
            tokio::time::sleep(Duration::from_millis(1_200)).await;
            assert_eq!(at_once(&aws, &zone, &create_all(2, 300)).await.code(), third);
            tokio::time::sleep(Duration::from_secs(3)).await;
            let again = at_once(&aws, &zone, &create_all(3, 300)).await;
            assert_eq!(again.code(), "OK");
        });
    }
}
