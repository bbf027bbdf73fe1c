//! Target groups: how their targets are checked, and their attributes.

use super::*;

/// Makes a group of a protocol with more settings.
async fn make(aws: &Arc<Aws>, name: &str, protocol: &str, more: &str) -> Reply {
    let start = format!("Action=CreateTargetGroup&Name={name}&Protocol={protocol}&Port=80&VpcId=vpc-0123456789abcdef0");
    call(aws, &format!("{start}{more}")).await
}

#[test]
fn checks_are_as_aws_sets_them_where_nobody_says_otherwise() {
    world(async |aws| {
        let by_http = "&HealthCheckProtocol=HTTP";
        for (number, (protocol, more, checked_by, timeout, codes)) in [
            ("HTTP", "", "HTTP", "5", Some("200")),
            ("HTTPS", "", "HTTPS", "5", Some("200")),
            ("HTTPS", by_http, "HTTP", "5", Some("200")),
            ("TCP", "", "TCP", "10", None),
            ("UDP", "", "TCP", "10", None),
            ("TCP", by_http, "HTTP", "6", Some("200-399")),
            ("TLS", "&HealthCheckProtocol=HTTPS", "HTTPS", "10", Some("200-399")),
        ]
        .into_iter()
        .enumerate()
        {
            let made = make(&aws, &format!("group-{number}"), protocol, more).await;
            let told = (made.one("HealthCheckProtocol"), made.one("HealthCheckTimeoutSeconds"));
            assert_eq!(told, (checked_by, timeout), "{protocol}{more}");
            assert_eq!(made.all("HttpCode"), Vec::from_iter(codes), "{protocol}{more}");
            let told = (made.one("HealthCheckPort"), made.one("HealthCheckIntervalSeconds"));
            assert_eq!(told, ("traffic-port", "30"), "{protocol}{more}");
        }
        let function = call(&aws, "Action=CreateTargetGroup&Name=function&TargetType=lambda").await;
        let told = ["HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds", "UnhealthyThresholdCount"];
        assert_eq!(told.map(|name| function.one(name)), ["35", "30", "5"]);
    });
}

#[test]
fn settings_of_checks_that_do_not_fit_are_refused() {
    world(async |aws| {
        let equal = "&HealthCheckIntervalSeconds=10&HealthCheckTimeoutSeconds=10";
        for (protocol, more, code) in [
            ("HTTP", equal, "ValidationError"),
            ("TCP", "&HealthCheckIntervalSeconds=5", "ValidationError"),
            ("HTTP", "&HealthCheckPort=0", "ValidationError"),
            ("HTTP", "&HealthCheckPort=65536", "ValidationError"),
            ("HTTP", "&HealthCheckProtocol=FTP", "ValidationError"),
            ("HTTP", "&HealthCheckProtocol=TCP", "InvalidConfigurationRequest"),
            ("TCP", "&HealthCheckProtocol=UDP", "InvalidConfigurationRequest"),
            ("TCP", "&HealthCheckPath=%2F", "InvalidConfigurationRequest"),
            ("TCP", "&Matcher.HttpCode=200", "InvalidConfigurationRequest"),
        ] {
            assert_eq!(make(&aws, "group", protocol, more).await.code(), code, "{protocol}{more}");
        }
        assert_eq!(make(&aws, "group", "TCP", equal).await.code(), "OK");
        let without = "Action=CreateTargetGroup&Name=other&Protocol=HTTP&Port=80";
        let answer = call(&aws, without).await;
        assert_eq!((answer.code(), answer.one("Message")), ("ValidationError", "A VPC ID must be specified"));
        let function = "Action=CreateTargetGroup&Name=function&TargetType=lambda&HealthCheckPort=80";
        assert_eq!(call(&aws, function).await.code(), "ValidationError");
    });
}

#[test]
fn the_port_of_checks_is_kept_and_told_with_the_health() {
    world(async |aws| {
        let more = "&TargetType=ip&HealthCheckPort=8081";
        let made = make(&aws, "edge", "HTTP", more).await;
        let arn = made.one("TargetGroupArn").to_owned();
        assert_eq!(make(&aws, "edge", "HTTP", more).await.one("TargetGroupArn"), arn);
        assert_eq!(make(&aws, "edge", "HTTP", "&TargetType=ip").await.code(), "DuplicateTargetGroupName");
        let target = "Targets.member.1.Id=10.0.0.1&Targets.member.1.Port=9000";
        call(&aws, &format!("Action=RegisterTargets&TargetGroupArn={arn}&{target}")).await;
        let health = call(&aws, &format!("Action=DescribeTargetHealth&TargetGroupArn={arn}")).await;
        assert_eq!((health.one("Port"), health.one("HealthCheckPort")), ("9000", "8081"));
    });
}

#[test]
fn a_check_of_tcp_passes_whatever_the_application_answers() {
    world(async |aws| {
        aws.add_network_balancer("net").unwrap();
        let made = make(&aws, "raw", "TCP", "&TargetType=ip").await;
        let arn = made.one("TargetGroupArn").to_owned();
        call(&aws, &format!("Action=RegisterTargets&TargetGroupArn={arn}&Targets.member.1.Id=10.0.0.1")).await;
        let balancer = aws.balancer_arn("net").unwrap();
        let action = format!("DefaultActions.member.1.Type=forward&DefaultActions.member.1.TargetGroupArn={arn}");
        let listener = format!("Action=CreateListener&LoadBalancerArn={balancer}&Protocol=TCP&Port=80&{action}");
        assert_eq!(call(&aws, &listener).await.code(), "OK");
        let states = |aws: &Aws| aws.health("raw").into_values().map(TargetState::word).collect::<Vec<_>>();
        aws.set_app("raw", AppBehaviour::broken()).unwrap();
        tokio::time::sleep(Duration::from_mins(5)).await;
        assert_eq!(states(&aws), ["healthy"]);
        aws.set_app("raw", AppBehaviour::down()).unwrap();
        tokio::time::sleep(Duration::from_mins(5)).await;
        assert_eq!(states(&aws), ["unhealthy"]);
        aws.set_app("raw", AppBehaviour::broken()).unwrap();
        tokio::time::sleep(Duration::from_mins(5)).await;
        assert_eq!(states(&aws), ["healthy"]);
    });
}

#[test]
fn attributes_are_judged_by_the_kind_of_balancer() {
    world(async |aws| {
        blue_green(&aws);
        make(&aws, "raw", "TCP", "&TargetType=ip").await;
        let modify = async |group: &str, pairs: &[(&str, &str)]| {
            let arn = aws.group_arn(group).unwrap();
            let pairs = (1..).zip(pairs).map(|(number, (key, value))| {
                format!("&Attributes.member.{number}.Key={key}&Attributes.member.{number}.Value={value}")
            });
            let pairs = pairs.collect::<String>();
            let body = format!("Action=ModifyTargetGroupAttributes&TargetGroupArn={arn}{pairs}");
            call(&aws, &body).await.code().to_owned()
        };
        let (kind, algorithm) = ("stickiness.type", "load_balancing.algorithm.type");
        let (name, anomalies) = ("stickiness.app_cookie.cookie_name", "load_balancing.algorithm.anomaly_mitigation");
        for (group, pairs, code) in [
            ("blue", &[(algorithm, "least_outstanding_requests")][..], "OK"),
            ("blue", &[(algorithm, "random")], "ValidationError"),
            ("blue", &[(anomalies, "on")], "InvalidConfigurationRequest"),
            ("blue", &[(anomalies, "on"), (algorithm, "weighted_random")], "OK"),
            ("blue", &[(kind, "source_ip")], "InvalidConfigurationRequest"),
            ("blue", &[(kind, "cookie")], "ValidationError"),
            ("blue", &[(kind, "app_cookie")], "InvalidConfigurationRequest"),
            ("blue", &[(kind, "app_cookie"), (name, "AWSALBAPP")], "ValidationError"),
            ("blue", &[(kind, "app_cookie"), (name, "session")], "OK"),
            ("blue", &[("stickiness.enabled", "maybe")], "ValidationError"),
            ("blue", &[("proxy_protocol_v2.enabled", "true")], "InvalidConfigurationRequest"),
            ("raw", &[("proxy_protocol_v2.enabled", "true")], "OK"),
            ("raw", &[(kind, "lb_cookie")], "InvalidConfigurationRequest"),
            ("raw", &[(algorithm, "round_robin")], "InvalidConfigurationRequest"),
            ("raw", &[("stickiness.enabled", "true"), (kind, "source_ip")], "OK"),
        ] {
            assert_eq!(modify(group, pairs).await, code, "{group}: {pairs:?}");
        }
    });
}
