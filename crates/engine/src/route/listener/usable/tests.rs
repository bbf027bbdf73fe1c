//! What AWS would refuse, told before.

use super::*;

const BALANCER: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/1";
const GROUP: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/1";

fn balancer() -> Balancer {
    Balancer {
        arn: Arn::new(BALANCER),
        name: "shop".to_owned(),
        dns_name: String::new(),
        hosted_zone_id: None,
        has_ipv6: false,
        kind: "application".to_owned(),
        vpc_id: Some("vpc-1".to_owned()),
    }
}

fn group() -> TargetGroup {
    TargetGroup {
        arn: Arn::new(GROUP),
        name: "web".to_owned(),
        protocol: Some("HTTP".to_owned()),
        port: Some(80),
        balancers: Vec::new(),
        vpc_id: Some("vpc-1".to_owned()),
        target_type: Some("instance".to_owned()),
        protocol_version: Some("HTTP1".to_owned()),
    }
}

fn lambda() -> TargetGroup {
    let target_type = Some("lambda".to_owned());
    TargetGroup { protocol: None, port: None, vpc_id: None, target_type, protocol_version: None, ..group() }
}

fn with(change: impl FnOnce(&mut TargetGroup)) -> TargetGroup {
    let mut group = group();
    change(&mut group);
    group
}

#[test]
fn what_fits_is_usable() {
    let here = Arn::new(BALANCER);
    let unknown = TargetGroup { arn: Arn::new("web"), vpc_id: None, target_type: None, ..lambda() };
    for group in [group(), lambda(), with(|group| group.balancers = vec![here]), unknown] {
        for protocol in ["HTTP", "HTTPS"] {
            assert_eq!(unusable(&balancer(), protocol, &group), None, "{group:?}");
        }
    }
    let grpc = with(|group| group.protocol_version = Some("GRPC".to_owned()));
    assert_eq!(unusable(&balancer(), "HTTPS", &grpc), None);
}

#[test]
fn what_does_not_fit_says_why() {
    let other = Arn::new(BALANCER.replace("shop/1", "office/2"));
    let table = [
        (with(|group| group.balancers = vec![other]), "web is used by another balancer, arn:aws:"),
        (
            with(|group| group.vpc_id = Some("vpc-2".to_owned())),
            "is in the network vpc-2, and the balancer shop in vpc-1",
        ),
        (
            with(|group| group.protocol = Some("TCP".to_owned())),
            "has the protocol TCP, and a listener of HTTP forwards",
        ),
        (with(|group| group.target_type = Some("alb".to_owned())), "the targets of web are balancers"),
        (with(|group| group.protocol_version = Some("GRPC".to_owned())), "protocol version GRPC, to which only"),
        (with(|group| group.protocol_version = Some("HTTP2".to_owned())), "protocol version HTTP2, to which only"),
        (
            with(|group| group.arn = Arn::new(GROUP.replace("eu-central", "us-east"))),
            "region us-east-1, and the balancer",
        ),
        (with(|group| group.arn = Arn::new(GROUP.replace("123456789012", "2"))), "web is in account 2, region"),
    ];
    for (group, expected) in table {
        let why = unusable(&balancer(), "HTTP", &group).unwrap_or_default();
        assert!(why.contains(expected), "{why:?} lacks {expected:?}");
    }
}
