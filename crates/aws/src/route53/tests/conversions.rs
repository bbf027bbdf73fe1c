//! Records, zones and changes in the engine's words, and back.

use super::super::shapes::UNKNOWN_POLICY;
use super::*;

/// A list of records as Route 53 writes it.
fn list(records: &str) -> Reply {
    let xml = format!(
        "<ListResourceRecordSetsResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ResourceRecordSets>{records}\
         </ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"
    );
    Reply::Http(200, xml, Duration::ZERO)
}

/// A record of type A with something in it besides an address.
fn record_xml(kind: &str, rest: &str) -> String {
    format!(
        "<ResourceRecordSet><Name>api.shop.example.</Name><Type>{kind}</Type>{rest}<TTL>60</TTL><ResourceRecords>\
         <ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>"
    )
}

async fn read(xml: String) -> Result<RecordSet, AwsError> {
    let bed = Bed::new(move |_| list(&xml));
    let at = NameInZone { zone: ZoneId::new("Z1"), name: DnsName::new("api.shop.example") };
    let fact = bed.fresh(Query::Records(at)).await;
    let reading = fact.reading::<Vec<RecordSet>>().unwrap();
    reading.found.cloned().map(|mut records| records.remove(0)).map_err(Clone::clone)
}

#[tokio::test(start_paused = true)]
async fn every_policy_is_told() {
    let of = |policy: &str| Routing::Other { identifier: "one".into(), policy: policy.into() };
    let table = [
        ("<Weight>255</Weight>", weighted("one", 255)),
        ("<Weight>0</Weight>", weighted("one", 0)),
        ("<Region>eu-central-1</Region>", of("latency")),
        ("<Failover>PRIMARY</Failover>", of("failover")),
        ("<GeoLocation><CountryCode>DE</CountryCode></GeoLocation>", of("geolocation")),
        ("<GeoProximityLocation><AWSRegion>eu-central-1</AWSRegion></GeoProximityLocation>", of("geoproximity")),
        (
            "<CidrRoutingConfig><CollectionId>c</CollectionId><LocationName>l</LocationName></CidrRoutingConfig>",
            of("IP-based"),
        ),
        ("<MultiValueAnswer>true</MultiValueAnswer>", of("multivalue answer")),
        ("<Weight>5</Weight><TrafficPolicyInstanceId>t</TrafficPolicyInstanceId>", of("traffic policy")),
        ("<AvailabilityZoneAffinity>x</AvailabilityZoneAffinity>", of(UNKNOWN_POLICY)),
    ];
    for (policy, routing) in table {
        let found = read(record_xml("A", &format!("<SetIdentifier>one</SetIdentifier>{policy}"))).await.unwrap();
        assert_eq!(found.routing, routing, "{policy}");
    }
    let simple = read(record_xml("A", "<HealthCheckId>check</HealthCheckId>")).await.unwrap();
    assert_eq!((simple.routing, simple.health_check), (Routing::Simple, Some("check".into())));
    let owned = read(record_xml("A", "<TrafficPolicyInstanceId>t</TrafficPolicyInstanceId>")).await.unwrap();
    assert_eq!(owned.routing, Routing::Other { identifier: "".into(), policy: "traffic policy".into() });
}

#[tokio::test(start_paused = true)]
async fn types_and_aliases_are_told() {
    for (word, kind) in [("AAAA", RecordType::Aaaa), ("TXT", RecordType::Txt), ("CNAME", RecordType::Cname)] {
        assert_eq!(read(record_xml(word, "")).await.unwrap().kind, kind);
    }
    for word in ["HTTPS", "TYPE65400"] {
        assert_eq!(read(record_xml(word, "")).await.unwrap().kind, RecordType::Other(word.into()));
    }
    let alias = "<ResourceRecordSet><Name>API.Shop.Example.</Name><Type>A</Type><AliasTarget><HostedZoneId>Z2</HostedZoneId>\
                 <DNSName>DualStack.Blue-1.eu-central-1.elb.amazonaws.com.</DNSName>\
                 <EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget></ResourceRecordSet>";
    let target = DnsName::new("dualstack.blue-1.eu-central-1.elb.amazonaws.com");
    let expected = Alias { zone: "Z2".into(), target, evaluate_target_health: true };
    assert_eq!(read(alias.to_owned()).await.unwrap().content, Content::Alias(expected));
}

#[tokio::test(start_paused = true)]
async fn a_number_that_cannot_be_is_no_record() {
    for wrong in [
        "<SetIdentifier>one</SetIdentifier><Weight>-1</Weight>",
        "<SetIdentifier>one</SetIdentifier><Weight>99999</Weight>",
    ] {
        let error = read(record_xml("A", wrong)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Transient);
        assert!(
            error.message.contains("the weight") && error.message.contains("the A record api.shop.example."),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_written_is_read() {
    let fixture = Fixture::new();
    let bed = fixture.bed();
    let balancer = fixture.aws.add_balancer("blue").unwrap();
    let Ok(found) = bed.fresh(Query::Balancer(weir_engine::fact::By::Arn(Arn::new(balancer)))).await.found else {
        panic!()
    };
    let weir_engine::fact::Found::Balancer(balancer) = found else { panic!() };
    let alias = Content::Alias(Alias {
        zone: balancer.hosted_zone_id.clone().unwrap().into(),
        target: DnsName::new(&balancer.dns_name),
        evaluate_target_health: true,
    });
    let addresses = record("*", weighted("old", 7), 60, &["192.0.2.1", "192.0.2.2"]);
    let lead = RecordSet { content: alias, routing: weighted("blue.1.weir-0123456789ab", 93), ..addresses.clone() };
    let six = RecordSet { kind: RecordType::Aaaa, ..lead.clone() };
    let text = RecordSet {
        kind: RecordType::Txt,
        content: Content::Values {
            ttl: 300,
            values: vec!["\"heritage=weir v=1\"".to_owned(), "\"a \\\"b\\\"\"".to_owned()],
        },
        ..record("_weir._any", Routing::Simple, 300, &[])
    };
    let all = vec![lead.clone(), addresses.clone(), six.clone(), text.clone()];
    let receipt = bed.send(&fixture.write("*", Vec::new(), all.clone())).await.unwrap();
    assert!(receipt.change.is_some() && receipt.request_id.is_some() && receipt.created.is_none(), "{receipt:?}");
    assert_eq!(fixture.read(&bed, "*").await, [lead, addresses, six]);
    assert_eq!(fixture.read(&bed, "_weir._any").await, [text]);

    // What was read goes as it was read.
    tokio::time::sleep(Duration::from_secs(1)).await;
    bed.send(&fixture.write("*", all, Vec::new())).await.unwrap();
    assert_eq!(fixture.read(&bed, "*").await, []);
}

#[tokio::test(start_paused = true)]
async fn a_record_of_another_policy_is_not_written() {
    let fixture = Fixture::new();
    let bed = fixture.bed();
    let other = Routing::Other { identifier: "one".into(), policy: "latency".into() };
    let write = fixture.write("api", vec![record("api", other, 60, &["192.0.2.1"])], Vec::new());
    let error = bed.send(&write).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("a policy other than weight") && bed.operations().is_empty(), "{error}");
    let write = RecordsWrite {
        zone: Arn::new("arn:aws:elasticloadbalancing:eu-central-1:1:listener/app/a/1/2"),
        epoch: None,
        split: BTreeMap::new(),
        batch: Replace { name: DnsName::new("a.example"), create: Vec::new(), delete: Vec::new() },
    };
    assert!(bed.send(&write.into()).await.unwrap_err().message.contains("is not the ARN of a zone"));
}

#[tokio::test(start_paused = true)]
async fn a_zone_is_told() {
    let fixture = Fixture::new();
    let bed = fixture.bed();
    let fact = bed.fresh(Query::Zone(fixture.zone.clone())).await;
    let expected = HostedZone { id: fixture.zone.clone(), name: DnsName::new(ZONE), is_private: false };
    assert_eq!(fact.reading::<HostedZone>().unwrap().found, Ok(&expected));
    let call = bed.calls()[0];
    assert_eq!((call.service, call.operation), ("route53", "GetHostedZone"));
    assert_eq!(call.spent.unwrap().family, Family::Route53);
    let gone = failed(&bed.fresh(Query::Zone(ZoneId::new("Z0"))).await);
    assert_eq!(
        (gone.kind, gone.message.as_str()),
        (ErrorKind::NotFound, "NoSuchHostedZone: No hosted zone found with ID: Z0")
    );
}

#[tokio::test(start_paused = true)]
async fn route_53_is_at_one_place_whatever_the_region() {
    let fixture = Fixture::new();
    let reply = |aws: &Arc<Aws>| {
        let aws = Arc::clone(aws);
        move |_: &_| Reply::Of(Arc::clone(&aws))
    };
    let beds = [
        (Bed::new(reply(&fixture.aws)), "https://route53.amazonaws.com"),
        (
            Bed::configured(reply(&fixture.aws), |config| config.endpoint_url("http://127.0.0.1:4566")),
            "http://127.0.0.1:4566",
        ),
    ];
    for (bed, place) in beds {
        assert_eq!(fixture.read(&bed, "*").await, []);
        let zone = &fixture.zone;
        let expected = format!("{place}/2013-04-01/hostedzone/{zone}/rrset?name=%2A.shop.example&maxitems=300");
        assert_eq!(bed.uris(), [expected]);
    }
}
