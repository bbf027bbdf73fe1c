//! Zones: made, told, listed, tagged, deleted; and who may ask.

use super::*;

async fn make(aws: &Arc<Aws>, name: &str, reference: &str, rest: &str) -> Reply {
    let inside = format!("<Name>{name}</Name><CallerReference>{reference}</CallerReference>{rest}");
    post(aws, "hostedzone", "CreateHostedZoneRequest", &inside).await
}

fn id(reply: &Reply) -> String {
    reply.all("Id")[0].trim_start_matches("/hostedzone/").to_owned()
}

#[test]
fn a_zone_is_made_with_four_name_servers_and_a_head() {
    world_with(patient(), async |aws| {
        let request = signed(
            "us-east-1",
            "POST",
            "hostedzone",
            &format!(
                "<CreateHostedZoneRequest xmlns=\"{NAMESPACE}\"><Name>Shop.Test</Name><CallerReference>1</CallerReference>\
             <HostedZoneConfig><Comment>ours</Comment><PrivateZone>false</PrivateZone></HostedZoneConfig>\
             </CreateHostedZoneRequest>"
            ),
        );
        let response = aws.handle(request).await;
        let place = response.headers()[header::LOCATION].to_str().unwrap().to_owned();
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        let made = Reply { status: response.status().as_u16(), text };
        let zone = id(&made);
        assert_eq!((made.status, made.one("Status")), (201, "PENDING"));
        assert_eq!(place, format!("https://route53.amazonaws.com/2013-04-01/hostedzone/{zone}"));
        let told = get(&aws, &format!("hostedzone/{zone}")).await;
        let (name, comment, count) = (told.one("Name"), told.one("Comment"), told.one("ResourceRecordSetCount"));
        assert_eq!((name, comment, count), ("shop.test.", "ours", "2"));
        let servers = told.all("NameServer");
        let tops = [".com", ".net", ".org", ".co.uk"];
        assert!(
            servers.len() == 4 && servers.iter().zip(tops).all(|(server, top)| server.ends_with(top)),
            "{servers:?}"
        );
        let records = get(&aws, &format!("hostedzone/{zone}/rrset")).await;
        assert_eq!((records.all("Type"), records.all("TTL")), (vec!["NS", "SOA"], vec!["172800", "900"]));
        assert_eq!(records.all("Value")[0], format!("{}.", servers[0]));
        for path in [format!("hostedzone/%2Fhostedzone%2F{zone}"), format!("hostedzone/{zone}/")] {
            assert_eq!(get(&aws, &path).await.code(), "OK", "{path}");
        }
    });
}

#[test]
fn a_caller_reference_is_good_for_one_zone_for_ever() {
    world_with(patient(), async |aws| {
        let zone = id(&make(&aws, NAME, "once", "").await);
        let again = make(&aws, NAME, "once", "").await;
        assert_eq!((again.status, again.code()), (409, "HostedZoneAlreadyExists"));
        assert_eq!(call(&aws, "DELETE", &format!("hostedzone/{zone}"), "").await.code(), "OK");
        assert_eq!(make(&aws, NAME, "once", "").await.code(), "HostedZoneAlreadyExists");
        assert_eq!(make(&aws, NAME, "twice", "").await.code(), "OK");
    });
}

#[test]
fn what_cannot_be_a_zone_is_refused() {
    world_with(patient(), async |aws| {
        for (name, rest, code) in [
            ("example.com", "", "InvalidDomainName"),
            ("a..b", "", "InvalidDomainName"),
            (NAME, "<DelegationSetId>N1</DelegationSetId>", "NoSuchDelegationSet"),
            (NAME, "<HostedZoneConfig><PrivateZone>true</PrivateZone></HostedZoneConfig>", "InvalidInput"),
            (NAME, "<VPC><VPCRegion>eu-west-1</VPCRegion><VPCId>nothing</VPCId></VPC>", "InvalidVPCId"),
            (NAME, "<Colour>red</Colour>", "InvalidInput"),
        ] {
            assert_eq!(make(&aws, name, "1", rest).await.code(), code, "{name} {rest}");
        }
        assert_eq!(make(&aws, NAME, "1", "").await.code(), "OK", "what was refused used no reference up");
    });
}

#[test]
fn a_private_zone_is_seen_by_its_network() {
    world_with(patient(), async |aws| {
        let vpc = "<VPC><VPCRegion>eu-west-1</VPCRegion><VPCId>vpc-1</VPCId></VPC>";
        let made = make(&aws, NAME, "1", vpc).await;
        assert_eq!((made.one("PrivateZone"), made.one("VPCId")), ("true", "vpc-1"));
        let told = get(&aws, &format!("hostedzone/{}", id(&made))).await;
        assert_eq!((told.one("VPCRegion"), told.all("NameServer").len()), ("eu-west-1", 0));
        assert_eq!(make(&aws, NAME, "2", vpc).await.code(), "ConflictingDomainExists");
        let limit = get(&aws, &format!("hostedzonelimit/{}/MAX_VPCS_ASSOCIATED_BY_ZONE", id(&made))).await;
        assert_eq!((limit.one("Value"), limit.one("Count")), ("300", "1"));
        make(&aws, NAME, "3", "").await;
        assert_eq!(get(&aws, "hostedzone?hostedzonetype=PrivateHostedZone").await.all("HostedZone").len(), 1);
        assert_eq!(get(&aws, "hostedzone?hostedzonetype=Other").await.code(), "InvalidInput");
        assert_eq!(get(&aws, "hostedzone?delegationsetid=N1").await.code(), "NoSuchDelegationSet");
    });
}

#[test]
fn only_an_empty_zone_is_deleted() {
    with_zone(async |aws, zone| {
        let path = format!("hostedzone/{zone}");
        let record = simple("a.shop.test", "192.0.2.1");
        accepted(&aws, &zone, &[create(&record)]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let full = call(&aws, "DELETE", &path, "").await;
        assert_eq!((full.status, full.code()), (400, "HostedZoneNotEmpty"));
        accepted(&aws, &zone, &[delete(&record)]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(call(&aws, "DELETE", &path, "").await.one("Status"), "PENDING");
        for (method, path) in [("GET", path.clone()), ("GET", format!("{path}/rrset")), ("DELETE", path)] {
            let gone = call(&aws, method, &path, "").await;
            assert_eq!((gone.status, gone.code()), (404, "NoSuchHostedZone"));
            assert_eq!(gone.one("Message"), format!("No hosted zone found with ID: {zone}"));
        }
    });
}

#[test]
fn comment_and_recovery_are_changed() {
    with_zone(async |aws, zone| {
        let path = format!("hostedzone/{zone}");
        let reply = post(&aws, &path, "UpdateHostedZoneCommentRequest", "<Comment>new</Comment>").await;
        assert_eq!(reply.one("Comment"), "new");
        assert_eq!(call(&aws, "POST", &path, "").await.all("Comment").len(), 0, "without one, the comment is deleted");
        let root = "UpdateHostedZoneFeaturesRequest";
        let features = |is_on| format!("<EnableAcceleratedRecovery>{is_on}</EnableAcceleratedRecovery>");
        assert_eq!(post(&aws, &format!("{path}/features"), root, &features(true)).await.code(), "OK");
        assert_eq!(get(&aws, &path).await.one("AcceleratedRecoveryStatus"), "ENABLING");
        tokio::time::sleep(Duration::from_mins(2)).await;
        assert_eq!(get(&aws, &path).await.one("AcceleratedRecoveryStatus"), "ENABLED");
        assert_eq!(post(&aws, &format!("{path}/features"), root, "").await.code(), "InvalidInput");
    });
}

#[test]
fn zones_are_listed_in_pages_by_identifier_and_by_name() {
    world_with(patient(), async |aws| {
        for (number, name) in ["b.test", "a.test", "x.a.test", "b.test", "c.test"].iter().enumerate() {
            make(&aws, name, &number.to_string(), "").await;
        }
        assert_eq!(get(&aws, "hostedzonecount").await.one("HostedZoneCount"), "5");
        let whole = get(&aws, "hostedzone").await;
        let (mut paged, mut marker) = (Vec::new(), String::new());
        loop {
            let page = get(&aws, &format!("hostedzone?maxitems=2&marker={marker}")).await;
            paged.extend(page.all("Id").into_iter().map(str::to_owned));
            assert_eq!((page.one("MaxItems"), page.one("Marker")), ("2", marker.as_str()));
            match page.all("NextMarker").first() {
                Some(next) => marker = (*next).to_owned(),
                None => break,
            }
        }
        assert_eq!(paged, whole.all("Id"));
        let by_name = get(&aws, "hostedzonesbyname").await;
        assert_eq!(by_name.all("Name"), ["a.test.", "x.a.test.", "b.test.", "b.test.", "c.test."]);
        let page = get(&aws, "hostedzonesbyname?dnsname=b.test&maxitems=1").await;
        assert_eq!((page.one("Name"), page.one("DNSName"), page.one("NextDNSName")), ("b.test.", "b.test", "b.test."));
        let next = format!("hostedzonesbyname?dnsname=b.test.&hostedzoneid={}", page.one("NextHostedZoneId"));
        let page = get(&aws, &next).await;
        assert_eq!((page.all("Name"), page.one("IsTruncated")), (vec!["b.test.", "c.test."], "false"));
        assert_eq!(get(&aws, "hostedzonesbyname?hostedzoneid=Z1").await.code(), "InvalidInput");
        assert_eq!(get(&aws, "hostedzonesbyname?dnsname=a..b").await.code(), "InvalidDomainName");
        for path in ["hostedzone?maxitems=0", "hostedzone?maxitems=x"] {
            assert_eq!(get(&aws, path).await.code(), "InvalidInput");
        }
    });
}

#[test]
fn a_request_is_signed_for_the_region_of_all_regions_or_for_that_of_its_endpoint() {
    world_with(patient(), async |aws| {
        for (region, code) in [("us-east-1", "OK"), ("eu-west-1", "OK"), ("ap-south-1", "SignatureDoesNotMatch")] {
            assert_eq!(send(&aws, signed(region, "GET", "hostedzone", "")).await.code(), code, "{region}");
        }
        let china = aws.elsewhere("123456789012", "cn-north-1");
        assert_eq!(send(&china, signed("cn-northwest-1", "GET", "hostedzone", "")).await.code(), "OK");
        aws.add_zone(NAME).unwrap();
        let elsewhere = aws.elsewhere("123456789012", "us-west-2");
        assert_eq!(get(&elsewhere, "hostedzone").await.all("HostedZone").len(), 1, "an account has one Route 53");
        let other = aws.elsewhere("210987654321", "eu-west-1");
        assert_eq!(get(&other, "hostedzone").await.all("HostedZone").len(), 0);
    });
}

#[test]
fn operations_that_are_not_there_are_told() {
    world(async |aws| {
        for (method, path) in [("GET", "trafficpolicies"), ("PUT", "hostedzone"), ("GET", "hostedzone/Z1/rrset/x")] {
            let reply = call(&aws, method, path, "").await;
            assert_eq!((reply.status, reply.code()), (404, "UnknownOperationException"), "{method} {path}");
        }
        let mut old = signed("us-east-1", "GET", "hostedzone", "");
        *old.uri_mut() = "https://route53.amazonaws.com/2012-12-12/hostedzone".parse().unwrap();
        assert_eq!(send(&aws, old).await.code(), "UnknownOperationException");
    });
}

#[test]
fn tags_are_kept_by_zone() {
    with_zone(async |aws, zone| {
        let path = format!("tags/hostedzone/{zone}");
        let root = "ChangeTagsForResourceRequest";
        let tag = |key: &str, value: &str| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
        let add = |tags: &str| format!("<AddTags>{tags}</AddTags>");
        let two = add(&format!("{}{}", tag("team", "shop"), tag("tier", "1")));
        assert_eq!(post(&aws, &path, root, &two).await.code(), "OK");
        let change = format!("{}<RemoveTagKeys><Key>tier</Key></RemoveTagKeys>", add(&tag("team", "cart")));
        assert_eq!(post(&aws, &path, root, &change).await.code(), "OK");
        let told = get(&aws, &path).await;
        assert_eq!((told.one("Key"), told.one("Value"), told.one("ResourceId")), ("team", "cart", zone.as_str()));
        let ids = format!("<ResourceIds><ResourceId>{zone}</ResourceId></ResourceIds>");
        let told = post(&aws, "tags/hostedzone", "ListTagsForResourcesRequest", &ids).await;
        assert_eq!(told.one("Value"), "cart");
        for (path, inside, code) in [
            (path.as_str(), String::new(), "InvalidInput"),
            (&path, add(&tag("aws:x", "")), "InvalidInput"),
            (&path, add(&tag("a", "").repeat(2)), "InvalidInput"),
            (&path, add(&tag("", "")), "InvalidInput"),
            ("tags/hostedzone/Z0", two.clone(), "NoSuchHostedZone"),
            ("tags/healthcheck/x", two.clone(), "NoSuchHealthCheck"),
            ("tags/bucket/x", two.clone(), "InvalidInput"),
        ] {
            assert_eq!(post(&aws, path, root, &inside).await.code(), code, "{path} {inside}");
        }
    });
}
