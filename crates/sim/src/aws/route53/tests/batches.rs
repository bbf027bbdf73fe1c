//! What AWS does and other simulations do not: each is a way in which a controller could be believed right and be wrong.

use super::*;

#[test]
fn a_delete_compares_the_weight_or_does_not() {
    for compares in [true, false] {
        let options = Route53Options { delete_compares_weight: compares, ..Route53Options::default() };
        with_zone_and(options, async |aws, zone| {
            accepted(&aws, &zone, &[create(&weighted("a.shop.test", "blue", 10, "192.0.2.1"))]).await;
            let other = [delete(&weighted("a.shop.test", "blue", 11, "192.0.2.1"))];
            if compares {
                let said = refused(&aws, &zone, &other).await;
                assert_eq!(
                    said,
                    "[Tried to delete resource record set [name='a.shop.test.', type='A', set identifier='blue'] but the \
                     values provided do not match the current values]"
                );
            } else {
                accepted(&aws, &zone, &other).await;
                assert!(listed(&aws, &zone).await.is_empty());
            }
        });
    }
}

#[test]
fn what_a_delete_leaves_out_is_not_held_against_it() {
    with_zone(async |aws, zone| {
        accepted(&aws, &zone, &[create(&weighted("a.shop.test", "blue", 10, "192.0.2.1"))]).await;
        let bare = record("a.shop.test", "A", &policy("blue", &values(60, &["192.0.2.1"])));
        accepted(&aws, &zone, &[delete(&bare)]).await;
        assert!(listed(&aws, &zone).await.is_empty());
    });
}

#[test]
fn a_delete_of_nothing_or_of_other_values_fails() {
    with_zone(async |aws, zone| {
        accepted(&aws, &zone, &[create(&weighted("a.shop.test", "blue", 10, "192.0.2.1"))]).await;
        for (record, why) in [
            (weighted("a.shop.test", "green", 10, "192.0.2.1"), "it was not found"),
            (weighted("b.shop.test", "blue", 10, "192.0.2.1"), "it was not found"),
            (simple("a.shop.test", "192.0.2.1"), "it was not found"),
            (weighted("a.shop.test", "blue", 10, "192.0.2.2"), "the values provided do not match the current values"),
        ] {
            let said = refused(&aws, &zone, &[delete(&record)]).await;
            assert!(said.contains(why), "{said}");
        }
    });
}

#[test]
fn a_delete_takes_one_record_and_no_other_of_its_identifier() {
    with_zone(async |aws, zone| {
        let records = ["a.shop.test", "b.shop.test"].map(|name| weighted(name, "blue", 10, "192.0.2.1"));
        accepted(&aws, &zone, &records.each_ref().map(|record| create(record))).await;
        accepted(&aws, &zone, &[delete(&records[0])]).await;
        assert_eq!(listed(&aws, &zone).await, ["b.shop.test. A blue 10"]);
    });
}

#[test]
fn a_repeated_create_fails() {
    with_zone(async |aws, zone| {
        let record = weighted("a.shop.test", "blue", 10, "192.0.2.1");
        accepted(&aws, &zone, &[create(&record)]).await;
        let said = refused(&aws, &zone, &[create(&record)]).await;
        assert_eq!(
            said,
            "[Tried to create resource record set [name='a.shop.test.', type='A', set identifier='blue'] but it already \
             exists]"
        );
        let said = refused(&aws, &zone, &[1, 2].map(|_| create(&simple("b.shop.test", "192.0.2.1")))).await;
        assert_eq!(said, "[Tried to create resource record set [name='b.shop.test.', type='A'] but it already exists]");
    });
}

#[test]
fn simple_and_weighted_exclude_each_other_and_are_exchanged_in_one_batch_in_the_right_order() {
    with_zone(async |aws, zone| {
        let (one, blue) = (simple("a.shop.test", "192.0.2.1"), weighted("a.shop.test", "blue", 10, "192.0.2.1"));
        accepted(&aws, &zone, &[create(&one)]).await;
        for changes in [vec![create(&blue)], vec![create(&blue), delete(&one)]] {
            let said = refused(&aws, &zone, &changes).await;
            assert_eq!(
                said,
                "[RRSet with DNS name a.shop.test., type A, SetIdentifier blue cannot be created as a non-weighted set \
                 exists with the same name and type.]"
            );
        }
        accepted(&aws, &zone, &[delete(&one), create(&blue)]).await;
        assert_eq!(listed(&aws, &zone).await, ["a.shop.test. A blue 10"]);
        let said = refused(&aws, &zone, &[create(&one)]).await;
        assert!(said.contains("SetIdentifier null cannot be created as other RRSets exist"), "{said}");
        accepted(&aws, &zone, &[delete(&blue), create(&one)]).await;
    });
}

#[test]
fn a_cname_excludes_everything_at_its_name() {
    with_zone(async |aws, zone| {
        let cname = record("a.shop.test", "CNAME", &values(60, &["other.test"]));
        accepted(&aws, &zone, &[create(&weighted("a.shop.test", "blue", 10, "192.0.2.1"))]).await;
        let said = refused(&aws, &zone, &[create(&cname)]).await;
        assert!(
            said.contains("as it conflicts with other records with the same DNS name in zone shop.test."),
            "{said}"
        );
        accepted(&aws, &zone, &[delete(&weighted("a.shop.test", "blue", 10, "192.0.2.1")), create(&cname)]).await;
        let said = refused(&aws, &zone, &[create(&record("a.shop.test", "TXT", &values(60, &["\"x\""])))]).await;
        assert!(said.contains("RRSet of type TXT with DNS name a.shop.test. is not permitted because"), "{said}");
        let said = refused(&aws, &zone, &[create(&record(NAME, "CNAME", &values(60, &["other.test"])))]).await;
        assert!(said.contains("not permitted at apex"), "{said}");
    });
}

#[test]
fn weights_end_at_255_and_an_identifier_is_needed() {
    with_zone(async |aws, zone| {
        accepted(&aws, &zone, &[create(&weighted("a.shop.test", "blue", 255, "192.0.2.1"))]).await;
        let reply = batch(&aws, &zone, &[create(&weighted("a.shop.test", "green", 256, "192.0.2.1"))]).await;
        assert_eq!(reply.code(), "InvalidInput");
        assert!(reply.one("Message").contains("Member must have value less than or equal to 255"), "{}", reply.text);
        let bare = record("b.shop.test", "A", &format!("<Weight>1</Weight>{}", values(60, &["192.0.2.1"])));
        let reply = batch(&aws, &zone, &[create(&bare)]).await;
        assert_eq!(reply.code(), "InvalidInput");
        assert!(
            reply.one("Message").contains("Missing field &apos;SetIdentifier&apos;")
                || reply.text.contains("Missing field 'SetIdentifier'")
        );
    });
}

#[test]
fn weighted_records_have_one_ttl_that_is_changed_in_one_batch() {
    with_zone(async |aws, zone| {
        let with = |identifier: &str, ttl| {
            let rest = policy(identifier, "<Weight>1</Weight>");
            record("a.shop.test", "A", &format!("{rest}{}", values(ttl, &["192.0.2.1"])))
        };
        accepted(&aws, &zone, &[create(&with("blue", 60)), create(&with("green", 60))]).await;
        let said = refused(&aws, &zone, &[change("UPSERT", &with("green", 300))]).await;
        assert!(
            said.contains("SetIdentifier green cannot be created as weighted sets must contain the same TTL."),
            "{said}"
        );
        accepted(&aws, &zone, &[change("UPSERT", &with("blue", 300)), change("UPSERT", &with("green", 300))]).await;
    });
}

#[test]
fn a_batch_is_whole_or_nothing_and_all_its_mistakes_are_told() {
    with_zone(async |aws, zone| {
        let changes = [
            create(&simple("a.shop.test", "192.0.2.1")),
            delete(&simple("b.shop.test", "192.0.2.1")),
            create(&simple("a.other.test", "192.0.2.1")),
        ];
        let said = refused(&aws, &zone, &changes).await;
        assert_eq!(
            said,
            "[Tried to delete resource record set [name='b.shop.test.', type='A'] but it was not found, RRSet with DNS \
             name a.other.test. is not permitted in zone shop.test.]"
        );
    });
}

#[test]
fn a_refusal_has_two_forms() {
    let options = Route53Options { old_error_form: true, ..Route53Options::default() };
    with_zone_and(options, async |aws, zone| {
        let reply = batch(&aws, &zone, &[delete(&simple("b.shop.test", "192.0.2.1"))]).await;
        assert_eq!(reply.status, 400);
        assert!(reply.text.contains(&format!("<InvalidChangeBatch xmlns=\"{NAMESPACE}\"><Messages><Message>Tried to")));
        assert_eq!(reply.all("Code"), [""; 0]);
        assert_eq!(reply.all("RequestId").len(), 1);
        let others = get(&aws, "hostedzone/Z0").await;
        assert_eq!(others.code(), "NoSuchHostedZone", "only refused batches have the old form");
    });
}

#[test]
fn a_zone_takes_one_batch_at_a_time() {
    with_zone(async |aws, zone| {
        let changes: Vec<String> =
            (0..100).map(|number| create(&simple(&format!("n{number}.shop.test"), "192.0.2.1"))).collect();
        accepted(&aws, &zone, &changes).await;
        let reply = at_once(&aws, &zone, &[create(&simple("a.shop.test", "192.0.2.1"))]).await;
        assert_eq!((reply.status, reply.code()), (400, "PriorRequestNotComplete"));
        let reply = call(&aws, "DELETE", &format!("hostedzone/{zone}"), "").await;
        assert_eq!(reply.code(), "PriorRequestNotComplete");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(at_once(&aws, &zone, &[create(&simple("a.shop.test", "192.0.2.1"))]).await.code(), "OK");
        aws.occupy_zone(&zone, Duration::from_secs(30)).unwrap();
        assert_eq!(
            batch(&aws, &zone, &[delete(&simple("a.shop.test", "192.0.2.1"))]).await.code(),
            "PriorRequestNotComplete"
        );
    });
}

#[test]
fn names_are_kept_escaped_and_in_small_letters() {
    with_zone(async |aws, zone| {
        accepted(&aws, &zone, &[create(&simple("*.Shop.Test", "192.0.2.1"))]).await;
        assert_eq!(listed(&aws, &zone).await, ["\\052.shop.test. A"]);
        accepted(&aws, &zone, &[delete(&simple("\\052.shop.test.", "192.0.2.1"))]).await;
        assert!(listed(&aws, &zone).await.is_empty());
    });
}
