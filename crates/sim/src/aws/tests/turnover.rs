//! Tests of things that are renumbered, deleted, made again under their names, or given away, on the wire.

use super::*;

fn add_rule(aws: &Aws, listener: &str, priority: u32, host: &str) -> String {
    aws.add_rule(listener, priority, (&[host], &[]), &RuleAction::forward(&[("blue", 1)])).unwrap()
}

fn renumber(pairs: &[(&str, u32)]) -> String {
    let pair = |(number, (arn, priority)): (usize, &(&str, u32))| {
        let member = format!("RulePriorities.member.{}", number + 1);
        format!("{member}.RuleArn={arn}&{member}.Priority={priority}")
    };
    format!("Action=SetRulePriorities&{}", pairs.iter().enumerate().map(pair).collect::<Vec<_>>().join("&"))
}

#[test]
fn rules_change_places_and_keep_arns_and_tags() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let (first, second) = (add_rule(&aws, &listener, 1, "a.test"), add_rule(&aws, &listener, 2, "b.test"));
        aws.add_tags(&first, &[("team", "a")]).unwrap();
        let answer = call(&aws, &renumber(&[(&first, 2), (&second, 1)])).await;
        assert_eq!(answer.code(), "OK");
        assert_eq!(aws.rule_arns(&listener), BTreeMap::from([(1, second.clone()), (2, first.clone())]));
        assert_eq!(aws.tags(&first)["team"], "a");
        let described = call(&aws, &format!("Action=DescribeRules&ListenerArn={listener}")).await;
        assert_eq!(described.all("Priority"), ["1", "2", "default"]);
        assert_eq!(described.all("RuleArn")[..2], [second.as_str(), first.as_str()]);
        let of_first = splits(&aws).into_iter().filter(|(place, _)| *place == first);
        assert_eq!(of_first.count(), 1, "no weight has changed");
    });
}

#[test]
fn a_number_that_is_taken_is_refused_and_nothing_has_changed() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let (first, second) = (add_rule(&aws, &listener, 1, "a.test"), add_rule(&aws, &listener, 2, "b.test"));
        let before = aws.rule_arns(&listener);
        assert_eq!(call(&aws, &renumber(&[(&first, 2)])).await.code(), "PriorityInUse");
        assert_eq!(call(&aws, &renumber(&[(&first, 7), (&second, 7)])).await.code(), "PriorityInUse");
        assert_eq!(call(&aws, &renumber(&[(&first, 0)])).await.code(), "ValidationError");
        assert_eq!(call(&aws, "Action=SetRulePriorities").await.code(), "ValidationError");
        let gone = format!("{}0", &first[..first.len() - 1]);
        assert_eq!(call(&aws, &renumber(&[(&second, 9), (&gone, 8)])).await.code(), "RuleNotFound");
        let described = call(&aws, &format!("Action=DescribeRules&ListenerArn={listener}")).await;
        let default = described.all("RuleArn")[2];
        assert_eq!(call(&aws, &renumber(&[(default, 9)])).await.code(), "OperationNotPermitted");
        assert_eq!(aws.rule_arns(&listener), before);
    });
}

#[test]
fn a_rule_takes_its_tags_with_it() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let rule = add_rule(&aws, &listener, 1, "a.test");
        aws.add_tags(&rule, &[("team", "a")]).unwrap();
        assert_eq!(call(&aws, &format!("Action=DeleteRule&RuleArn={rule}")).await.code(), "OK");
        let again = add_rule(&aws, &listener, 1, "a.test");
        assert_ne!(again, rule);
        assert!(aws.tags(&again).is_empty());
        let asked = call(&aws, &format!("Action=DescribeTags&ResourceArns.member.1={rule}")).await;
        assert_eq!(asked.code(), "RuleNotFound");
    });
}

#[test]
fn a_listener_takes_its_rules_and_the_use_of_their_groups_with_it() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let rule = aws.add_rule(&listener, 1, (&["a.test"], &[]), &RuleAction::forward(&[("green", 1)])).unwrap();
        aws.add_tags(&listener, &[("team", "a")]).unwrap();
        assert_eq!(call(&aws, &format!("Action=DeleteListener&ListenerArn={listener}")).await.code(), "OK");
        for group in ["blue", "green"] {
            assert!(aws.health(group).into_values().all(|state| state == TargetState::NotInUse), "{group}");
        }
        let last = splits(&aws).pop().unwrap();
        assert!(last.1.is_empty(), "{last:?}");
        let asked = call(&aws, &format!("Action=DescribeRules&RuleArns.member.1={rule}")).await;
        assert_eq!(asked.code(), "RuleNotFound");
        let asked = call(&aws, &format!("Action=DescribeRules&ListenerArn={listener}")).await;
        assert_eq!(asked.code(), "ListenerNotFound");
        assert_eq!(
            call(&aws, &format!("Action=DeleteListener&ListenerArn={listener}")).await.code(),
            "ListenerNotFound"
        );
        let again = aws.add_listener("public", "HTTP", 80, &RuleAction::forward(&[("blue", 1)])).unwrap();
        assert_ne!(again, listener);
        assert!(aws.tags(&again).is_empty());
    });
}

#[test]
fn a_balancer_takes_its_listeners_with_it_and_its_name_is_free() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let balancer = aws.balancer_arn("public").unwrap();
        let delete = format!("Action=DeleteLoadBalancer&LoadBalancerArn={balancer}");
        assert_eq!(call(&aws, &delete).await.code(), "OK");
        assert_eq!(call(&aws, &delete).await.code(), "OK", "what is gone is deleted with success");
        let described = call(&aws, &format!("Action=DescribeListeners&ListenerArns.member.1={listener}")).await;
        assert_eq!(described.code(), "ListenerNotFound");
        let named = call(&aws, "Action=DescribeLoadBalancers&Names.member.1=public").await;
        assert_eq!(named.code(), "LoadBalancerNotFound");
        assert_ne!(aws.add_balancer("public").unwrap(), balancer);
        assert_eq!(aws.listener_arn("public", 80), None);
    });
}

#[test]
fn a_group_in_use_stays_and_one_made_again_is_another() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let blue = aws.group_arn("blue").unwrap();
        tokio::time::sleep(Duration::from_mins(3)).await;
        let delete = format!("Action=DeleteTargetGroup&TargetGroupArn={blue}");
        assert_eq!(call(&aws, &delete).await.code(), "ResourceInUse");
        aws.edit_weights(&listener, &[("green", 1)]).unwrap();
        assert_eq!(call(&aws, &delete).await.code(), "OK");
        assert_eq!(aws.group_arn("blue"), None);
        let attach = format!("Action=ModifyListener&ListenerArn={listener}&DefaultActions.member.1.Type=forward");
        let attach = format!("{attach}&DefaultActions.member.1.TargetGroupArn={blue}");
        assert_eq!(call(&aws, &attach).await.code(), "TargetGroupNotFound");
        let again = aws.add_target_group(GroupSettings::named("blue"), &[("i-b1", 8080)]).unwrap();
        assert_ne!(again, blue);
        assert_eq!(aws.remake_group("green").unwrap_err().code, "ResourceInUse");
        let third = aws.remake_group("blue").unwrap();
        assert_ne!(third, again);
        assert_eq!(aws.group_arn("blue"), Some(third));
        assert!(aws.health("blue").into_values().all(|state| state == TargetState::NotInUse));
        let counts: Vec<u32> = aws.healthy_counts("blue").into_iter().map(|(_, healthy)| healthy).collect();
        assert_eq!(counts, [0, 2, 0], "the past of the one that was deleted stays known");
        let names: Vec<String> = aws.groups_ever().into_values().collect();
        assert_eq!(names.iter().filter(|name| *name == "blue").count(), 3);
    });
}

#[test]
fn a_group_of_another_balancer_cannot_be_attached() {
    world(async |aws| {
        let listener = blue_green(&aws);
        aws.add_balancer("other").unwrap();
        let other = aws.add_listener("other", "HTTP", 80, &RuleAction::forward(&[("green", 1)])).unwrap();
        let both = forward(&aws, "DefaultActions", &[("blue", 1), ("green", 1)]);
        let attach = format!("Action=ModifyListener&ListenerArn={listener}&{both}");
        assert_eq!(call(&aws, &attach).await.code(), "TargetGroupAssociationLimit");
        let green = aws.group_arn("green").unwrap();
        let described = call(&aws, &format!("Action=DescribeTargetGroups&TargetGroupArns.member.1={green}")).await;
        assert_eq!(described.one("LoadBalancerArns").matches("app/other/").count(), 1);
        call(&aws, &format!("Action=DeleteListener&ListenerArn={other}")).await;
        assert_eq!(call(&aws, &attach).await.code(), "OK");
    });
}

#[test]
fn a_group_whose_checks_are_switched_off_is_unavailable_and_gets_its_requests() {
    world(async |aws| {
        blue_green(&aws);
        tokio::time::sleep(Duration::from_mins(3)).await;
        aws.set_checked("blue", false).unwrap();
        let blue = aws.group_arn("blue").unwrap();
        let answer = call(&aws, &format!("Action=DescribeTargetHealth&TargetGroupArn={blue}")).await;
        assert_eq!(answer.all("State"), ["unavailable", "unavailable"]);
        assert_eq!(answer.all("Reason"), ["Target.HealthCheckDisabled", "Target.HealthCheckDisabled"]);
        let described = call(&aws, &format!("Action=DescribeTargetGroups&TargetGroupArns.member.1={blue}")).await;
        assert_eq!(described.one("HealthCheckEnabled"), "false");
        let request = HttpRequest::get("a.test", "/");
        let passage = aws.passage("public", 80, &request, aws.clock().now());
        let Some(Way::Forward { lanes, .. }) = passage.way else { panic!("{passage:?}") };
        assert_eq!(lanes[0].targets.len(), 2);
        aws.set_checked("blue", true).unwrap();
        tokio::time::sleep(Duration::from_mins(3)).await;
        assert!(aws.health("blue").into_values().all(|state| state == TargetState::Healthy));
    });
}

#[test]
fn an_action_of_a_type_that_nobody_knows_stands_before_the_others() {
    world(async |aws| {
        let listener = blue_green(&aws);
        aws.add_novel_action(&listener).unwrap();
        assert_eq!(aws.action_kinds(&listener), ["novel", "forward"]);
        assert_eq!(aws.weights(&listener), weights(&[("blue", 1)]));
        let described = call(&aws, &format!("Action=DescribeRules&ListenerArn={listener}")).await;
        assert_eq!(described.all("Type"), ["novel", "forward"]);
        let write = format!("Action=ModifyListener&ListenerArn={listener}&DefaultActions.member.1.Type=novel");
        assert_eq!(call(&aws, &write).await.code(), "ValidationError", "no client can write it");
    });
}

#[test]
fn a_redirect_can_be_put_in_place_of_a_forward() {
    world(async |aws| {
        let listener = blue_green(&aws);
        aws.edit_action(&listener, &RuleAction::Redirect("elsewhere.test".to_owned())).unwrap();
        assert_eq!(aws.action_kinds(&listener), ["redirect"]);
        assert!(aws.weights(&listener).is_empty());
    });
}
