//! What is seen of a request by others: effects, calls, what it asks for, and what IAM makes of it.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::super::{Author, Change, Sent, Split};
use super::*;

fn weights(pairs: &[(&str, u32)]) -> BTreeMap<String, u32> {
    pairs.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
}

#[test]
fn an_effect_tells_the_split_by_balancer_and_who_made_it() {
    with_zone(async |aws, zone| {
        let target = |name: &str| {
            aws.add_balancer(name).unwrap();
            aws.balancer_dns(name).unwrap()
        };
        let (blue, green) = (target("blue"), target("green"));
        let with = |identifier: &str, weight: u32, (name, zone): &(String, &str)| {
            let rest = policy(identifier, &format!("<Weight>{weight}</Weight>"));
            record("a.shop.test", "A", &format!("{rest}{}", alias(zone, name, false)))
        };
        accepted(&aws, &zone, &[create(&with("blue.1", 1, &blue))]).await;
        let step =
            [create(&with("blue.2", 9, &blue)), create(&with("green.2", 1, &green)), delete(&with("blue.1", 1, &blue))];
        accepted(&aws, &zone, &step).await;
        accepted(&aws, &zone, &[create(&record("a.shop.test", "TXT", &values(60, &["\"x\""])))]).await;
        let effects = aws.effects();
        let last = effects.last().unwrap();
        let place = format!("arn:aws:route53:::hostedzone/{zone}/a.shop.test/A");
        let (before, after) = (weights(&[("blue", 1)]), weights(&[("blue", 9), ("green", 1)]));
        assert_eq!(last.change, Change::Weights { place, before, after });
        assert_eq!(last.author, Author::Caller(Arc::from("AKIDTEST")));
        assert!(last.request_id.is_some());
        assert_eq!(effects.len(), 2, "a text leads nobody");
        // The same split in other words is no change.
        accepted(&aws, &zone, &[create(&with("blue.3", 9, &blue)), delete(&with("blue.2", 9, &blue))]).await;
        assert_eq!(aws.effects().len(), 2);
        aws.edit_records(
            &zone,
            &[],
            &[RecordEdit::simple(
                "b.shop.test",
                RecordType::A,
                RecordSays::Balancer { name: blue.0.clone(), evaluates: false },
            )],
        )
        .unwrap_err();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let by_hand = RecordEdit::simple(
            "b.shop.test",
            RecordType::A,
            RecordSays::Balancer { name: blue.0.clone(), evaluates: false },
        );
        aws.edit_records(&zone, &[], &[by_hand]).unwrap();
        assert_eq!(aws.effects().last().unwrap().author, Author::Hand);
    });
}

#[test]
fn a_call_is_logged_where_it_was_sent() {
    with_zone(async |aws, zone| {
        accepted(&aws, &zone, &[create(&simple("A.shop.test.", "192.0.2.1"))]).await;
        let calls = aws.calls();
        let last = calls.last().unwrap();
        assert_eq!(
            (last.service, last.operation, last.write, last.outcome),
            ("route53", "ChangeResourceRecordSets", true, "OK")
        );
        let named: Vec<&str> = last.resources.iter().map(|name| &**name).collect();
        assert_eq!(named, [format!("arn:aws:route53:::hostedzone/{zone}").as_str(), "a.shop.test"]);
    });
}

#[test]
fn a_request_tells_what_it_asks_for_before_it_is_sent() {
    let with = |kind: &str, identifier: &str, weight: u32, target: &str| {
        let rest = policy(identifier, &format!("<Weight>{weight}</Weight>"));
        record("a.shop.test", kind, &format!("{rest}{}", alias("Z9", target, false)))
    };
    let send = |changes: &[String]| {
        let body = format!(
            "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes>{}</Changes></ChangeBatch>\
             </ChangeResourceRecordSetsRequest>",
            changes.concat()
        );
        Sent::read(&signed("us-east-1", "POST", "hostedzone/Z1/rrset/", &body))
    };
    let split = |pairs: &[(&str, u32)]| Some(Split { weights: weights(pairs), sticky_seconds: None });
    let mut changes: Vec<String> = ["A", "AAAA"]
        .iter()
        .flat_map(|kind| [create(&with(kind, "b", 9, "blue.test.")), create(&with(kind, "g", 1, "Green.test"))])
        .collect();
    changes.push(delete(&with("A", "x", 5, "blue.test")));
    let sent = send(&changes);
    assert!(sent.is_write && sent.asks.creates && sent.asks.removes);
    assert_eq!(sent.operation, "ChangeResourceRecordSets");
    assert_eq!(sent.asks.split, split(&[("blue.test", 9), ("green.test", 1)]));
    let named: Vec<&str> = sent.asks.resources.iter().map(|name| &**name).collect();
    assert_eq!(named, ["arn:aws:route53:::hostedzone/Z1", "a.shop.test", "blue.test", "green.test"]);
    let uneven = send(&[create(&with("A", "b", 9, "blue.test")), create(&with("AAAA", "b", 8, "blue.test"))]);
    assert_eq!(uneven.asks.split, None, "two splits are none");
    let read = Sent::read(&signed("us-east-1", "GET", "change/C1", ""));
    assert_eq!((read.is_write, &*read.asks.resources[0]), (false, "arn:aws:route53:::change/C1"));
}

#[test]
fn a_policy_binds_zone_names_types_and_actions() {
    with_zone(async |aws, zone| {
        let other = aws.add_zone("other.test").unwrap();
        let document = json!({"Version": "2012-10-17", "Statement": [
            {
                "Sid": "Shift", "Effect": "Allow", "Action": "route53:ChangeResourceRecordSets",
                "Resource": format!("arn:aws:route53:::hostedzone/{zone}"),
                "Condition": {
                    "ForAllValues:StringLike": {
                        "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["a.shop.test", "\\052.b.shop.test"],
                    },
                    "ForAllValues:StringEquals": {
                        "route53:ChangeResourceRecordSetsRecordTypes": ["A", "AAAA"],
                        "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE"],
                    },
                },
            },
            {"Sid": "Wait", "Effect": "Allow", "Action": "route53:GetChange", "Resource": "arn:aws:route53:::change/*"},
            {"Sid": "Make", "Effect": "Allow", "Action": "route53:CreateHostedZone", "Resource": "*"},
        ]});
        aws.restrict("AKIDTEST", &document).unwrap();
        assert_eq!(aws.unused_rights("AKIDTEST").len(), 3);
        for (zone, change, code) in [
            (&zone, create(&simple("A.Shop.Test.", "192.0.2.1")), "OK"),
            (&zone, create(&simple("*.b.shop.test", "192.0.2.1")), "OK"),
            (&zone, change("UPSERT", &simple("a.shop.test", "192.0.2.1")), "AccessDenied"),
            (&zone, create(&simple("c.shop.test", "192.0.2.1")), "AccessDenied"),
            (&zone, create(&record("a.shop.test", "TXT", &values(60, &["\"x\""]))), "AccessDenied"),
            (&other, create(&simple("a.shop.test", "192.0.2.1")), "AccessDenied"),
        ] {
            assert_eq!(batch(&aws, zone, std::slice::from_ref(&change)).await.code(), code, "{change}");
        }
        assert_eq!(get(&aws, "change/C1").await.code(), "NoSuchChange");
        assert_eq!(get(&aws, "hostedzone").await.code(), "AccessDenied");
        let wish = "<Name>x.test</Name><VPC><VPCRegion>eu-west-1</VPCRegion><VPCId>vpc-1</VPCId></VPC>\
                    <CallerReference>1</CallerReference>";
        let denied = post(&aws, "hostedzone", "CreateHostedZoneRequest", wish).await;
        assert_eq!(denied.code(), "AccessDenied");
        assert!(denied.one("Message").contains("ec2:DescribeVpcs"), "{}", denied.text);
        assert!(aws.unused_rights("AKIDTEST").is_empty());
    });
}
