//! What records can say, and what they do to each other.

use super::*;

/// The target of aliases in the tests.
fn balancer(aws: &Aws) -> (String, &'static str) {
    aws.add_balancer("public").unwrap();
    aws.balancer_dns("public").unwrap()
}

#[test]
fn aliases_need_a_target_that_is_there() {
    with_zone(async |aws, zone| {
        let (name, its_zone) = balancer(&aws);
        let with =
            |kind: &str, zone: &str, target: &str| create(&record("a.shop.test", kind, &alias(zone, target, false)));
        for (change, why) in [
            (with("A", its_zone, "gone-1.eu-west-1.elb.amazonaws.com"), "but that target was not found"),
            (with("A", "Z0", &name), "but the alias target name does not lie within the target zone"),
            (with("TXT", its_zone, &name), "but only types A and AAAA are permitted for that target"),
            (with("A", &zone, "b.shop.test"), "but that target was not found"),
            (with("A", &zone, "b.other.test"), "but the alias target name does not lie within the target zone"),
            (with("A", &zone, "a.shop.test"), "but that target is not permitted"),
        ] {
            let said = refused(&aws, &zone, &[change]).await;
            assert!(said.contains("Tried to create an alias that targets") && said.contains(why), "{said}");
        }
        let both = format!("dualstack.{}.", name.to_uppercase());
        accepted(&aws, &zone, &[with("A", its_zone, &name), with("AAAA", its_zone, &both)]).await;
        let reply = get(&aws, &format!("hostedzone/{zone}/rrset?name=a.shop.test&type=A")).await;
        let told = [format!("{name}.").to_lowercase(), format!("dualstack.{name}.").to_lowercase()];
        assert_eq!(reply.all("DNSName")[..2], told);
        accepted(&aws, &zone, &[create(&record("b.shop.test", "A", &alias(&zone, "a.shop.test", false)))]).await;
    });
}

#[test]
fn aliases_have_balancers_of_other_accounts_and_regions_for_targets() {
    with_zone(async |aws, zone| {
        let elsewhere = aws.elsewhere("210987654321", "us-west-2");
        let (name, its_zone) = balancer(&elsewhere);
        accepted(&aws, &zone, &[create(&record("a.shop.test", "A", &alias(its_zone, &name, true)))]).await;
    });
}

#[test]
fn one_name_and_type_has_one_policy() {
    with_zone(async |aws, zone| {
        let with = |identifier: &str, rest: &str| {
            record("a.shop.test", "A", &format!("{}{}", policy(identifier, rest), values(60, &["192.0.2.1"])))
        };
        let policies = [
            ("weighted", "<Weight>1</Weight>"),
            ("latency", "<Region>eu-west-1</Region>"),
            ("failover", "<Failover>PRIMARY</Failover>"),
            ("geolocation", "<GeoLocation><CountryCode>DE</CountryCode></GeoLocation>"),
            ("multivalue answer", "<MultiValueAnswer>true</MultiValueAnswer>"),
            ("geoproximity", "<GeoProximityLocation><AWSRegion>eu-west-1</AWSRegion></GeoProximityLocation>"),
        ];
        for (word, present) in policies {
            accepted(&aws, &zone, &[create(&with("one", present))]).await;
            for (other, rest) in policies.iter().filter(|(other, _)| *other != word) {
                let said = refused(&aws, &zone, &[create(&with("two", rest))]).await;
                assert!(said.contains(&format!("a non-{other} set exists with the same name and type.")), "{said}");
            }
            let twin = batch(&aws, &zone, &[create(&with("two", present))]).await;
            let may_be_twice = matches!(word, "weighted" | "multivalue answer");
            assert_eq!(twin.status == 200, may_be_twice, "{word}: {}", twin.text);
            let twin = may_be_twice.then(|| delete(&with("two", present)));
            let deletes: Vec<String> = twin.into_iter().chain([delete(&with("one", present))]).collect();
            accepted(&aws, &zone, &deletes).await;
        }
    });
}

#[test]
fn fields_exclude_or_need_each_other() {
    with_zone(async |aws, zone| {
        let plain = values(60, &["192.0.2.1"]);
        for (rest, why) in [
            (String::new(), "but found none"),
            ("<TTL>60</TTL>".to_owned(), "but found none"),
            (format!("{plain}{}", alias("Z0", "x.test", false)), "but found more than one"),
            (format!("<Weight>1</Weight>{plain}"), "Missing field"),
            (policy("one", &plain), "but found none"),
            (policy("one", &format!("<Weight>1</Weight><Region>eu-west-1</Region>{plain}")), "but found more than one"),
            (policy("one", &format!("<Region>moon-1</Region>{plain}")), "enum value set"),
            (policy("one", &format!("<Failover>THIRD</Failover>{plain}")), "enum value set"),
            (policy("one", &format!("<GeoLocation/>{plain}")), "Expected exactly one of [ContinentCode"),
            (format!("{plain}<TrafficPolicyInstanceId>x</TrafficPolicyInstanceId>"), "TrafficPolicyInstanceId"),
            (format!("{plain}<Colour>red</Colour>"), "Invalid content was found starting with element"),
            (values(60, &[]), "greater than or equal to 1"),
            ("<TTL>never</TTL><ResourceRecords/>".to_owned(), "is not a valid value"),
        ] {
            let reply = batch(&aws, &zone, &[create(&record("a.shop.test", "A", &rest))]).await;
            assert_eq!(reply.code(), "InvalidInput", "{rest}");
            assert!(reply.one("Message").contains(why), "{}", reply.text);
        }
        let unknown = batch(&aws, &zone, &[change("REPLACE", &simple("a.shop.test", "192.0.2.1"))]).await;
        assert_eq!(unknown.code(), "InvalidInput");
        assert_eq!(batch(&aws, &zone, &[]).await.code(), "InvalidInput");
        let path = format!("hostedzone/{zone}/rrset/");
        assert_eq!(call(&aws, "POST", &path, "<Open>").await.code(), "MalformedInput");
        assert_eq!(call(&aws, "POST", &path, "").await.code(), "MalformedInput");
        assert_eq!(post(&aws, &path, "OtherRequest", "").await.code(), "InvalidInput");
    });
}

#[test]
fn values_fit_their_types() {
    with_zone(async |aws, zone| {
        let long = format!("\"{}\"", "x".repeat(256));
        for (kind, value, why) in [
            ("A", "192.0.2.256", "ARRDATAIllegalIPv4Address"),
            ("A", "2001:db8::1", "ARRDATAIllegalIPv4Address"),
            ("AAAA", "192.0.2.1", "AAAARRDATAIllegalIPv6Address"),
            ("TXT", "bare", "Value should be enclosed in quotation marks"),
            ("TXT", "\"open", "Value should be enclosed in quotation marks"),
            ("TXT", &long, "CharacterStringTooLong"),
            ("CNAME", "a..b", "DomainLabelEmpty"),
            ("NS", "not a name", "UnsupportedCharacter"),
            ("MX", "mail.test", "MXRRDATANotTwoFields"),
            ("SRV", "1 2 srv.test", "SRVRRDATANotFourFields"),
            ("CAA", "0 issue ca.test", "CAARRDATANotThreeFields"),
            ("HTTPS", "x", "SVCBRRDATAIllegal"),
            ("DS", "x", "RRDATAWrongFields"),
        ] {
            let said = refused(&aws, &zone, &[create(&record("a.shop.test", kind, &values(60, &[value])))]).await;
            assert!(said.contains(why), "{kind} {value}: {said}");
        }
        let good = [
            ("AAAA", "2001:db8::1"),
            ("MX", "10 mail.test"),
            ("TXT", "\"a\" \"b \\\" \\050\""),
            ("SRV", "1 2 443 srv.test"),
            ("CAA", "0 issue \"ca.test\""),
            ("HTTPS", "1 . alpn=h2"),
            ("DS", "1 13 2 abcd"),
        ];
        let good = good.map(|(kind, value)| create(&record("a.shop.test", kind, &values(60, &[value]))));
        accepted(&aws, &zone, &good).await;
        let twice = record("b.shop.test", "A", &values(60, &["192.0.2.1", "192.0.2.1"]));
        assert!(refused(&aws, &zone, &[create(&twice)]).await.contains("Duplicate Resource Record"));
        let two = record("b.shop.test", "CNAME", &values(60, &["x.test", "y.test"]));
        assert!(refused(&aws, &zone, &[create(&two)]).await.contains("can have one value"));
    });
}

#[test]
fn a_zone_keeps_its_head_and_its_name_servers() {
    with_zone(async |aws, zone| {
        let reply = get(&aws, &format!("hostedzone/{zone}/rrset")).await;
        let all = reply.all("Value");
        let (ns, soa) = (record(NAME, "NS", &values(172_800, &all[..4])), record(NAME, "SOA", &values(900, &all[4..])));
        let said = refused(&aws, &zone, &[delete(&ns)]).await;
        assert!(said.contains("must contain at least one NS record"), "{said}");
        let said = refused(&aws, &zone, &[delete(&soa)]).await;
        assert!(said.contains("must contain exactly one SOA record"), "{said}");
        let said = refused(&aws, &zone, &[create(&soa.replace(NAME, "a.shop.test"))]).await;
        assert!(said.contains("is not permitted in zone"), "{said}");
        let other = record(NAME, "NS", &values(300, &all[..4]));
        accepted(&aws, &zone, &[change("UPSERT", &other)]).await;
        accepted(&aws, &zone, &[delete(&other), create(&ns)]).await;
    });
}
