//! Tests of what AWS shows.

use super::*;

#[test]
fn arns_have_the_form_of_aws() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let rule = aws.add_rule(&listener, 5, (&["a.test"], &[]), &RuleAction::FixedResponse(200)).unwrap();
        let balancer = aws.balancer_arn("public").unwrap();
        let prefix = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:";
        let path = balancer.strip_prefix(&format!("{prefix}loadbalancer/")).unwrap();
        assert!(path.starts_with("app/public/") && path.len() == "app/public/".len() + 16, "{balancer}");
        let listener_path = listener.strip_prefix(&format!("{prefix}listener/")).unwrap();
        assert!(listener_path.starts_with(path), "{listener}");
        assert!(rule.strip_prefix(&format!("{prefix}listener-rule/")).unwrap().starts_with(listener_path), "{rule}");
        assert!(aws.group_arn("blue").unwrap().starts_with(&format!("{prefix}targetgroup/blue/")));
    });
}

#[test]
fn a_forward_to_one_group_is_shown_in_both_forms() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let green = aws.group_arn("green").unwrap();
        let body = format!(
            "Action=ModifyListener&ListenerArn={listener}&DefaultActions.member.1.Type=forward\
             &DefaultActions.member.1.TargetGroupArn={green}"
        );
        call(&aws, &body).await;
        for body in [
            format!("Action=DescribeListeners&ListenerArns.member.1={listener}"),
            format!("Action=DescribeRules&ListenerArn={listener}"),
        ] {
            let answer = call(&aws, &body).await;
            assert_eq!(answer.all("TargetGroupArn"), [green.as_str(), green.as_str()]);
            assert_eq!(answer.one("Weight"), "1");
            assert_eq!(answer.one("Enabled"), "false");
        }
        aws.edit_weights(&listener, &[("blue", 3), ("green", 1)]).unwrap();
        let answer = call(&aws, &format!("Action=DescribeRules&ListenerArn={listener}")).await;
        assert_eq!(answer.all("TargetGroupArn").len(), 2, "several groups stand in the ForwardConfig alone");
        assert_eq!(answer.all("Weight"), ["3", "1"]);
    });
}

#[test]
fn rules_come_by_priority_with_the_default_one_last() {
    world(async |aws| {
        let listener = blue_green(&aws);
        for priority in [300, 20, 1000] {
            let host = format!("h{priority}.test");
            aws.add_rule(&listener, priority, (&[&host], &[]), &RuleAction::FixedResponse(200)).unwrap();
        }
        let answer = call(&aws, &format!("Action=DescribeRules&ListenerArn={listener}")).await;
        assert_eq!(answer.all("Priority"), ["20", "300", "1000", "default"]);
        assert_eq!(answer.all("IsDefault"), ["false", "false", "false", "true"]);
        assert_eq!(answer.all("HostHeaderConfig").len(), 3);
        let arns = answer.all("RuleArn").into_iter().map(str::to_owned).collect::<Vec<_>>();
        let body = format!("Action=DescribeRules&RuleArns.member.1={}&RuleArns.member.2={}", arns[3], arns[0]);
        assert_eq!(call(&aws, &body).await.all("RuleArn"), [arns[0].as_str(), arns[3].as_str()]);
        let gone = arns[0].replace(&arns[0][arns[0].len() - 4..], "0000");
        assert_eq!(call(&aws, &format!("Action=DescribeRules&RuleArns.member.1={gone}")).await.code(), "RuleNotFound");
        assert_eq!(call(&aws, "Action=DescribeRules").await.code(), "ValidationError");
    });
}

#[test]
fn every_list_is_paged() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let balancer = aws.balancer_arn("public").unwrap();
        aws.add_balancer("second").unwrap();
        aws.add_listener("public", "HTTP", 81, &RuleAction::FixedResponse(200)).unwrap();
        aws.add_rule(&listener, 1, (&["a.test"], &[]), &RuleAction::FixedResponse(200)).unwrap();
        for (body, element) in [
            ("Action=DescribeLoadBalancers".to_owned(), "LoadBalancerName"),
            (format!("Action=DescribeListeners&LoadBalancerArn={balancer}"), "Port"),
            (format!("Action=DescribeRules&ListenerArn={listener}"), "Priority"),
            ("Action=DescribeTargetGroups".to_owned(), "TargetGroupName"),
        ] {
            let whole = call(&aws, &body).await;
            assert!(whole.all("NextMarker").is_empty());
            let first = call(&aws, &format!("{body}&PageSize=1")).await;
            let second = call(&aws, &format!("{body}&PageSize=1&Marker={}", first.one("NextMarker"))).await;
            assert!(second.all("NextMarker").is_empty(), "{body} has two pages");
            assert_eq!([first.one(element), second.one(element)], *whole.all(element), "{body}");
        }
    });
}

#[test]
fn what_is_not_there_is_not_found() {
    world(async |aws| {
        blue_green(&aws);
        let prefix = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:";
        for (body, code) in [
            ("Action=DescribeLoadBalancers&Names.member.1=gone".to_owned(), "LoadBalancerNotFound"),
            (
                format!("Action=DescribeLoadBalancers&LoadBalancerArns.member.1={prefix}loadbalancer/app/x/1"),
                "LoadBalancerNotFound",
            ),
            (format!("Action=DescribeListeners&LoadBalancerArn={prefix}loadbalancer/app/x/1"), "LoadBalancerNotFound"),
            (format!("Action=DescribeListeners&ListenerArns.member.1={prefix}listener/app/x/1/2"), "ListenerNotFound"),
            (format!("Action=DescribeRules&ListenerArn={prefix}listener/app/x/1/2"), "ListenerNotFound"),
            ("Action=DescribeTargetGroups&Names.member.1=gone".to_owned(), "TargetGroupNotFound"),
            (format!("Action=DescribeTargetHealth&TargetGroupArn={prefix}targetgroup/x/1"), "TargetGroupNotFound"),
            ("Action=DescribeTargetHealth&TargetGroupArn=x".to_owned(), "ValidationError"),
            ("Action=DescribeTargetHealth".to_owned(), "ValidationError"),
            (format!("Action=DescribeRules&ListenerArn={prefix}targetgroup/x/1"), "ValidationError"),
        ] {
            assert_eq!(call(&aws, &body).await.code(), code, "{body}");
        }
    });
}

#[test]
fn the_balancers_of_a_group_follow_from_its_rules() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let balancer = aws.balancer_arn("public").unwrap();
        let green = "Action=DescribeTargetGroups&Names.member.1=green";
        assert_eq!(call(&aws, green).await.one("LoadBalancerArns").matches("<member>").count(), 0);
        let rule = aws.add_rule(&listener, 1, (&["a.test"], &[]), &RuleAction::forward(&[("green", 1)])).unwrap();
        assert!(call(&aws, green).await.one("LoadBalancerArns").contains(&balancer));
        aws.edit_weights(&listener, &[("blue", 1), ("green", 1)]).unwrap();
        call(&aws, &format!("Action=DeleteRule&RuleArn={rule}")).await;
        assert!(
            call(&aws, green).await.one("LoadBalancerArns").contains(&balancer),
            "the default action still uses it"
        );
        let of_balancer = call(&aws, &format!("Action=DescribeTargetGroups&LoadBalancerArn={balancer}")).await;
        assert_eq!(of_balancer.all("TargetGroupName"), ["blue", "green"]);
        aws.edit_weights(&listener, &[("blue", 1)]).unwrap();
        assert!(!call(&aws, green).await.one("LoadBalancerArns").contains(&balancer));
    });
}

#[test]
fn attributes_are_those_of_an_application_balancers_group() {
    world(async |aws| {
        blue_green(&aws);
        let blue = aws.group_arn("blue").unwrap();
        let describe = format!("Action=DescribeTargetGroupAttributes&TargetGroupArn={blue}");
        let answer = call(&aws, &describe).await;
        let keys = answer.all("Key");
        for key in ["stickiness.enabled", "stickiness.type", "deregistration_delay.timeout_seconds"] {
            assert!(keys.contains(&key), "{key} in {keys:?}");
        }
        let modify = |key: &str, value: &str| {
            format!(
                "Action=ModifyTargetGroupAttributes&TargetGroupArn={blue}&Attributes.member.1.Key={key}\
                 &Attributes.member.1.Value={value}"
            )
        };
        assert_eq!(call(&aws, &modify("colour", "red")).await.code(), "ValidationError");
        assert_eq!(call(&aws, &modify("deregistration_delay.timeout_seconds", "3601")).await.code(), "ValidationError");
        assert_eq!(call(&aws, &modify("deregistration_delay.timeout_seconds", "7")).await.code(), "OK");
        assert!(call(&aws, &describe).await.all("Value").contains(&"7"));
    });
}

#[test]
fn the_quota_of_rules_can_be_read() {
    world(async |aws| {
        let answer = call(&aws, "Action=DescribeAccountLimits").await;
        let place = answer.all("Name").iter().position(|name| *name == "rules-per-application-load-balancer").unwrap();
        assert_eq!(answer.all("Max")[place], "100");
    });
}

#[test]
fn a_get_with_a_query_is_understood() {
    world(async |aws| {
        blue_green(&aws);
        let get = Request::get(format!("https://x/?Action=DescribeTargetGroups&Version={VERSION}&Names.member.1=blue"))
            .header(header::AUTHORIZATION, AUTHORIZATION)
            .body(Bytes::new())
            .unwrap();
        assert_eq!(send(&aws, get).await.one("TargetGroupName"), "blue");
    });
}

#[test]
fn a_zone_without_traffic_shows_in_an_override_and_gets_no_requests() {
    world(async |aws| {
        blue_green(&aws);
        tokio::time::sleep(Duration::from_mins(3)).await;
        aws.shift_zone("blue", &["i-b1"], true).unwrap();
        let blue = aws.group_arn("blue").unwrap();
        let describe = format!("Action=DescribeTargetHealth&TargetGroupArn={blue}");
        let answer = call(&aws, &describe).await;
        assert_eq!(answer.all("State"), ["healthy", "zonal_shift_active", "healthy"], "{}", answer.text);
        tokio::time::sleep(Duration::from_mins(1)).await;
        aws.shift_zone("blue", &["i-b1"], false).unwrap();
        assert_eq!(call(&aws, &describe).await.all("State"), ["healthy", "healthy"]);
        let counts: Vec<u32> = aws.healthy_counts("blue").into_iter().map(|(_, healthy)| healthy).collect();
        assert_eq!(counts, [0, 2, 1, 2], "who takes requests is counted");
    });
}
