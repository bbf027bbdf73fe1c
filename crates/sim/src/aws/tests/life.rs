//! Tests of rules, groups and targets that come and go, on the wire.

use super::*;

const HOST: &str = "Conditions.member.1.Field=host-header&Conditions.member.1.HostHeaderConfig.Values.member.1";

fn create_rule(aws: &Aws, listener: &str, priority: i64) -> String {
    let action = forward(aws, "Actions", &[("blue", 1)]);
    format!("Action=CreateRule&ListenerArn={listener}&Priority={priority}&{HOST}=h{priority}.test&{action}")
}

#[test]
fn priorities_have_their_range_and_are_taken_once() {
    world(async |aws| {
        let listener = blue_green(&aws);
        for priority in [0, 50_001, 60_000] {
            assert_eq!(call(&aws, &create_rule(&aws, &listener, priority)).await.code(), "ValidationError");
        }
        let made = call(&aws, &create_rule(&aws, &listener, 50_000)).await;
        assert_eq!((made.code(), made.one("Priority")), ("OK", "50000"));
        assert_eq!(call(&aws, &create_rule(&aws, &listener, 50_000)).await.code(), "PriorityInUse");
        call(&aws, &format!("Action=DeleteRule&RuleArn={}", made.one("RuleArn"))).await;
        assert_eq!(call(&aws, &create_rule(&aws, &listener, 50_000)).await.code(), "OK");
    });
}

#[test]
fn a_balancer_has_a_hundred_rules_over_all_its_listeners() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let second = aws.add_listener("public", "HTTP", 81, &RuleAction::FixedResponse(200)).unwrap();
        for priority in 1..=100 {
            let on = if priority % 2 == 0 { &listener } else { &second };
            aws.add_rule(on, priority, (&["a.test"], &[]), &RuleAction::forward(&[("blue", 1)])).unwrap();
        }
        assert_eq!(call(&aws, &create_rule(&aws, &listener, 101)).await.code(), "TooManyRules");
        assert_eq!(aws.rule_arns(&listener).len(), 50);
    });
}

#[test]
fn a_refused_request_changes_nothing() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let made = call(&aws, &create_rule(&aws, &listener, 7)).await;
        let rule = made.one("RuleArn");
        let refused = format!("Action=ModifyRule&RuleArn={rule}&{HOST}=new.test&Actions.member.1.Type=forward");
        assert_eq!(call(&aws, &refused).await.code(), "ValidationError");
        let described = call(&aws, &format!("Action=DescribeRules&RuleArns.member.1={rule}")).await;
        assert!(described.text.contains("h7.test") && !described.text.contains("new.test"));
    });
}

#[test]
fn modify_rule_leaves_alone_what_it_does_not_name() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let transform = "Transforms.member.1.Type=url-rewrite\
                         &Transforms.member.1.UrlRewriteConfig.Rewrites.member.1.Regex=a\
                         &Transforms.member.1.UrlRewriteConfig.Rewrites.member.1.Replace=b";
        let made = call(&aws, &format!("{}&{transform}", create_rule(&aws, &listener, 7))).await;
        let rule = made.one("RuleArn");
        let body = forward(&aws, "Actions", &[("blue", 1), ("green", 2)]);
        let answer = call(&aws, &format!("Action=ModifyRule&RuleArn={rule}&{body}")).await;
        assert_eq!(answer.all("Weight"), ["1", "2"]);
        assert!(answer.text.contains("h7.test") && answer.text.contains("<Regex>a</Regex>"), "{}", answer.text);
        let answer = call(&aws, &format!("Action=ModifyRule&RuleArn={rule}&{HOST}=new.test")).await;
        assert_eq!(answer.all("Weight"), ["1", "2"]);
        assert!(answer.text.contains("new.test"));
        let answer = call(&aws, &format!("Action=ModifyRule&RuleArn={rule}&ResetTransforms=true")).await;
        assert!(!answer.text.contains("Regex"));
    });
}

#[test]
fn a_port_has_one_listener() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let balancer = aws.balancer_arn("public").unwrap();
        let action = forward(&aws, "DefaultActions", &[("green", 1)]);
        let create = format!("Action=CreateListener&LoadBalancerArn={balancer}&Protocol=HTTP&Port=80&{action}");
        assert_eq!(call(&aws, &create).await.code(), "DuplicateListener");
        let same = create.replace(&action, &forward(&aws, "DefaultActions", &[("blue", 1)]));
        assert_eq!(call(&aws, &same).await.one("ListenerArn"), listener, "the same wish twice is granted once");
        let other = call(&aws, &create.replace("Port=80", "Port=81")).await;
        let move_it = format!("Action=ModifyListener&ListenerArn={}&Port=80", other.one("ListenerArn"));
        assert_eq!(call(&aws, &move_it).await.code(), "DuplicateListener");
        let secure = create.replace("Port=80", "Port=443").replace("Protocol=HTTP", "Protocol=HTTPS");
        assert_eq!(call(&aws, &secure).await.code(), "ValidationError", "a certificate is missing");
    });
}

#[test]
fn a_world_can_be_set_up_on_the_wire() {
    world(async |aws| {
        let subnets = "Subnets.member.1=subnet-0a1b2c3d&Subnets.member.2=subnet-4e5f6071";
        let made = call(&aws, &format!("Action=CreateLoadBalancer&Name=edge&{subnets}")).await;
        assert_eq!(made.one("State"), "<Code>provisioning</Code>");
        let balancer = made.one("LoadBalancerArn").to_owned();
        assert_eq!(call(&aws, "Action=CreateLoadBalancer&Name=edge").await.code(), "ValidationError");
        let group = "Action=CreateTargetGroup&Name=web&Protocol=HTTP&Port=8080&VpcId=vpc-0123456789abcdef0&HealthCheckIntervalSeconds=10\
                     &HealthyThresholdCount=2&Tags.member.1.Key=team&Tags.member.1.Value=a";
        let made = call(&aws, group).await;
        let group_arn = made.one("TargetGroupArn").to_owned();
        assert_eq!(aws.tags(&group_arn)["team"], "a");
        assert_eq!(call(&aws, group).await.one("TargetGroupArn"), group_arn, "the same wish twice is granted once");
        let other = group.replace("8080", "9090");
        assert_eq!(call(&aws, &other).await.code(), "DuplicateTargetGroupName");
        let action = forward(&aws, "DefaultActions", &[("web", 1)]);
        let create = format!("Action=CreateListener&LoadBalancerArn={balancer}&Protocol=HTTP&Port=80&{action}");
        assert_eq!(call(&aws, &create).await.code(), "OK");
        let passage = |aws: &Aws| aws.passage("edge", 80, &HttpRequest::get("a.test", "/"), aws.clock().now());
        assert_eq!(passage(&aws).way, None, "nobody answers while it is provisioned");
        tokio::time::sleep(Duration::from_mins(2)).await;
        assert!(passage(&aws).way.is_some());
        let described = call(&aws, "Action=DescribeLoadBalancers&Names.member.1=edge").await;
        assert_eq!(described.one("State"), "<Code>active</Code>");
    });
}

#[test]
fn targets_are_kept_apart_by_id_and_port_and_must_run() {
    world(async |aws| {
        blue_green(&aws);
        let blue = aws.group_arn("blue").unwrap();
        let start = format!("Action=RegisterTargets&TargetGroupArn={blue}&Targets.member.1.Id");
        let bogus = call(&aws, &format!("{start}=i-nowhere")).await;
        assert_eq!(bogus.code(), "InvalidTarget");
        assert!(bogus.one("Message").contains("i-nowhere"));
        assert_eq!(call(&aws, &format!("{start}=i-b1&Targets.member.1.Port=9090")).await.code(), "OK");
        assert_eq!(aws.health("blue").len(), 3, "i-b1 stands there with two ports");
        let remove = format!("Action=DeregisterTargets&TargetGroupArn={blue}&Targets.member.1.Id=i-b1");
        call(&aws, &format!("{remove}&Targets.member.1.Port=9090")).await;
        let states: Vec<_> = aws.health("blue").into_values().map(TargetState::word).collect();
        assert_eq!(states, ["initial", "draining", "initial"]);
        aws.stop_instance("i-b2");
        let again = format!("{start}=i-b2");
        assert_eq!(call(&aws, &again).await.code(), "InvalidTarget");
    });
}

#[test]
fn health_goes_its_way_on_the_wire() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let green = aws.group_arn("green").unwrap();
        let describe = format!("Action=DescribeTargetHealth&TargetGroupArn={green}");
        let look = async || {
            let answer = call(&aws, &describe).await;
            let reason = answer.all("Reason").first().copied().unwrap_or_default().to_owned();
            (answer.one("State").to_owned(), reason)
        };
        let is = |state: &str, reason: &str| (state.to_owned(), reason.to_owned());
        assert_eq!(look().await, is("unused", "Target.NotInUse"));
        aws.edit_weights(&listener, &[("blue", 1), ("green", 0)]).unwrap();
        assert_eq!(look().await, is("initial", "Elb.RegistrationInProgress"));
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(look().await, is("initial", "Elb.InitialHealthChecking"));
        tokio::time::sleep(Duration::from_mins(2)).await;
        assert_eq!(look().await, is("healthy", ""));
        aws.set_app("green", AppBehaviour::broken()).unwrap();
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(look().await, is("unhealthy", "Target.ResponseCodeMismatch"));
        aws.terminate_instance("i-g1");
        assert_eq!(look().await, is("draining", "Target.DeregistrationInProgress"));
        tokio::time::sleep(Duration::from_mins(5)).await;
        assert!(call(&aws, &describe).await.all("State").is_empty(), "a terminated instance leaves by itself");
        let asked = call(&aws, &format!("{describe}&Targets.member.1.Id=i-g1")).await;
        assert_eq!((asked.one("State"), asked.one("Reason")), ("unused", "Target.NotRegistered"));
    });
}

#[test]
fn functions_are_sent_requests_without_checks() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let function = "arn:aws:lambda:eu-west-1:123456789012:function:f";
        let arn = aws.add_target_group(GroupSettings::lambda("function"), &[(function, 0)]).unwrap();
        let describe = format!("Action=DescribeTargetHealth&TargetGroupArn={arn}");
        let look = async || {
            let answer = call(&aws, &describe).await;
            assert!(answer.all("Port").is_empty(), "a function listens on no port");
            (answer.one("State").to_owned(), answer.one("Reason").to_owned())
        };
        let is = |state: &str, reason: &str| (state.to_owned(), reason.to_owned());
        assert_eq!(look().await, is("unused", "Target.NotInUse"));
        aws.edit_weights(&listener, &[("blue", 1), ("function", 1)]).unwrap();
        assert_eq!(look().await, is("unavailable", "Target.HealthCheckDisabled"));
        let described = call(&aws, &format!("Action=DescribeTargetGroups&TargetGroupArns.member.1={arn}")).await;
        assert_eq!((described.one("TargetType"), described.one("HealthCheckEnabled")), ("lambda", "false"));
        assert!(described.all("Protocol").is_empty() && described.all("VpcId").is_empty());
        let make = "Action=CreateTargetGroup&Name=made&TargetType=lambda";
        assert_eq!(call(&aws, &format!("{make}&Protocol=HTTP")).await.code(), "ValidationError");
        assert_eq!(call(&aws, make).await.code(), "OK");
        let unchecked = "Action=CreateTargetGroup&Name=other&Protocol=HTTP&Port=80&VpcId=vpc-0123456789abcdef0&HealthCheckEnabled=false";
        assert_eq!(call(&aws, unchecked).await.code(), "ValidationError", "only those of functions may have none");
    });
}
