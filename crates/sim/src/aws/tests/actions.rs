//! Tests of what AWS takes as actions of rules and listeners.

use super::*;

/// The outcome of forwarding the default action of `blue_green` to these groups.
async fn modify(aws: &Arc<Aws>, listener: &str, groups: &[(&str, i64)]) -> Reply {
    let body = forward(aws, "DefaultActions", groups);
    call(aws, &format!("Action=ModifyListener&ListenerArn={listener}&{body}")).await
}

fn sticky(seconds: i64) -> String {
    let config = "DefaultActions.member.1.ForwardConfig.TargetGroupStickinessConfig";
    format!("&{config}.Enabled=true&{config}.DurationSeconds={seconds}")
}

#[test]
fn weights_have_their_range() {
    world(async |aws| {
        let listener = blue_green(&aws);
        for weight in [-1, 1000] {
            assert_eq!(modify(&aws, &listener, &[("blue", weight), ("green", 1)]).await.code(), "ValidationError");
        }
        assert_eq!(modify(&aws, &listener, &[("blue", 999), ("green", 0)]).await.code(), "OK");
        assert_eq!(aws.weights(&listener), weights(&[("blue", 999), ("green", 0)]));
        assert_eq!(aws.edit_weights(&listener, &[("blue", 1000)]).unwrap_err().code, "ValidationError");
    });
}

#[test]
fn an_application_balancer_takes_all_zero_and_a_network_balancer_does_not() {
    world(async |aws| {
        let listener = blue_green(&aws);
        assert_eq!(modify(&aws, &listener, &[("blue", 0), ("green", 0)]).await.code(), "OK");
        aws.add_network_balancer("net").unwrap();
        let tcp = GroupSettings { protocol: "TCP".to_owned(), ..GroupSettings::named("tcp") };
        aws.add_target_group(tcp, &[]).unwrap();
        let refused = aws.add_listener("net", "TCP", 443, &RuleAction::forward(&[("tcp", 0)])).unwrap_err();
        assert_eq!(refused.code, "InvalidLoadBalancerAction");
        let refused = aws.add_listener("net", "TCP", 443, &RuleAction::FixedResponse(200)).unwrap_err();
        assert_eq!(refused.code, "InvalidLoadBalancerAction");
        aws.add_listener("net", "TCP", 443, &RuleAction::forward(&[("tcp", 1)])).unwrap();
    });
}

#[test]
fn a_forward_has_up_to_five_different_groups() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let names: Vec<String> = (1..=6).map(|number| format!("g{number}")).collect();
        for name in &names {
            aws.add_target_group(GroupSettings::named(name), &[]).unwrap();
        }
        let all: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        assert_eq!(modify(&aws, &listener, &all).await.code(), "InvalidLoadBalancerAction");
        assert_eq!(modify(&aws, &listener, &all[..5]).await.code(), "OK");
        let twice = modify(&aws, &listener, &[("blue", 1), ("blue", 2)]).await;
        assert_eq!(twice.code(), "InvalidLoadBalancerAction");
        assert_eq!(modify(&aws, &listener, &[]).await.code(), "ValidationError");
    });
}

#[test]
fn groups_must_exist_and_belong_to_no_other_balancer() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let gone = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/gone/0123456789abcdef";
        assert_eq!(modify(&aws, &listener, &[(gone, 1)]).await.code(), "TargetGroupNotFound");
        assert_eq!(modify(&aws, &listener, &[("nonsense", 1)]).await.code(), "ValidationError");
        aws.add_balancer("other").unwrap();
        let theirs = aws.add_listener("other", "HTTP", 80, &RuleAction::FixedResponse(404)).unwrap();
        assert_eq!(modify(&aws, &theirs, &[("blue", 1)]).await.code(), "TargetGroupAssociationLimit");
        assert_eq!(modify(&aws, &theirs, &[("green", 1)]).await.code(), "OK");
        assert_eq!(modify(&aws, &listener, &[("green", 1)]).await.code(), "TargetGroupAssociationLimit");
        // Once nobody uses it, another balancer may.
        assert_eq!(aws.edit_action(&theirs, &RuleAction::FixedResponse(404)), Ok(()));
        assert_eq!(modify(&aws, &listener, &[("green", 1)]).await.code(), "OK");
    });
}

#[test]
fn protocols_must_fit() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let tcp = GroupSettings { protocol: "TCP".to_owned(), ..GroupSettings::named("tcp") };
        aws.add_target_group(tcp, &[]).unwrap();
        assert_eq!(modify(&aws, &listener, &[("tcp", 1)]).await.code(), "IncompatibleProtocols");
    });
}

#[test]
fn group_stickiness_has_its_range_and_needs_a_duration() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let body = forward(&aws, "DefaultActions", &[("blue", 1), ("green", 1)]);
        let body = format!("Action=ModifyListener&ListenerArn={listener}&{body}");
        for seconds in [0, 604_801] {
            assert_eq!(call(&aws, &format!("{body}{}", sticky(seconds))).await.code(), "ValidationError");
        }
        let without = "&DefaultActions.member.1.ForwardConfig.TargetGroupStickinessConfig.Enabled=true";
        assert_eq!(call(&aws, &format!("{body}{without}")).await.code(), "ValidationError");
        assert_eq!(call(&aws, &format!("{body}{}", sticky(604_800))).await.code(), "OK");
        assert_eq!(aws.sticky_seconds(&listener), Some(604_800));
    });
}

#[test]
fn sticky_targets_demand_sticky_groups() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let held = GroupSettings { stickiness: TargetStickiness::BalancerCookie, ..GroupSettings::named("held") };
        aws.add_target_group(held, &[]).unwrap();
        let answer = modify(&aws, &listener, &[("blue", 1), ("held", 0)]).await;
        assert_eq!(answer.code(), "InvalidConfigurationRequest");
        assert_eq!(modify(&aws, &listener, &[("held", 1)]).await.code(), "OK", "alone it needs nothing");
        let body = forward(&aws, "DefaultActions", &[("blue", 1), ("held", 1)]);
        let body = format!("Action=ModifyListener&ListenerArn={listener}&{body}{}", sticky(300));
        assert_eq!(call(&aws, &body).await.code(), "OK");
        let app = GroupSettings { stickiness: TargetStickiness::AppCookie, ..GroupSettings::named("app") };
        aws.add_target_group(app, &[]).unwrap();
        let body = forward(&aws, "DefaultActions", &[("blue", 1), ("app", 1)]);
        let body = format!("Action=ModifyListener&ListenerArn={listener}&{body}{}", sticky(300));
        assert_eq!(call(&aws, &body).await.code(), "InvalidConfigurationRequest");
    });
}

#[test]
fn stickiness_of_targets_cannot_be_turned_on_behind_a_forward_without_it() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let green = aws.group_arn("green").unwrap();
        let turn_on = format!(
            "Action=ModifyTargetGroupAttributes&TargetGroupArn={green}\
             &Attributes.member.1.Key=stickiness.enabled&Attributes.member.1.Value=true"
        );
        modify(&aws, &listener, &[("blue", 1), ("green", 1)]).await;
        assert_eq!(call(&aws, &turn_on).await.code(), "InvalidConfigurationRequest");
        modify(&aws, &listener, &[("green", 1)]).await;
        assert_eq!(call(&aws, &turn_on).await.code(), "OK");
    });
}

#[test]
fn the_default_action_is_modified_through_its_listener_only() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let rules = call(&aws, &format!("Action=DescribeRules&ListenerArn={listener}")).await;
        let default = rules.one("RuleArn");
        let body = forward(&aws, "Actions", &[("green", 1)]);
        let modified = call(&aws, &format!("Action=ModifyRule&RuleArn={default}&{body}")).await;
        assert_eq!(modified.code(), "OperationNotPermitted");
        assert_eq!(call(&aws, &format!("Action=DeleteRule&RuleArn={default}")).await.code(), "OperationNotPermitted");
    });
}

#[test]
fn actions_keep_their_order_and_end_with_one_that_answers() {
    world(async |aws| {
        aws.add_balancer("public").unwrap();
        aws.add_target_group(GroupSettings::named("blue"), &[]).unwrap();
        let listener = aws.add_listener("public", "HTTPS", 443, &RuleAction::FixedResponse(404)).unwrap();
        let blue = aws.group_arn("blue").unwrap();
        let config = "DefaultActions.member.2.AuthenticateOidcConfig";
        let oidc = format!(
            "DefaultActions.member.2.Type=authenticate-oidc&DefaultActions.member.2.Order=1&{config}.Issuer=https://id.test\
             &{config}.AuthorizationEndpoint=https://id.test/a&{config}.TokenEndpoint=https://id.test/t\
             &{config}.UserInfoEndpoint=https://id.test/u&{config}.ClientId=me\
             &{config}.AuthenticationRequestExtraParams.entry.1.key=display\
             &{config}.AuthenticationRequestExtraParams.entry.1.value=page"
        );
        let last = format!(
            "DefaultActions.member.1.Type=forward&DefaultActions.member.1.Order=2\
             &DefaultActions.member.1.TargetGroupArn={blue}"
        );
        let start = format!("Action=ModifyListener&ListenerArn={listener}");
        let code = async |body: String| call(&aws, &format!("{start}&{body}")).await.code().to_owned();
        assert_eq!(code(format!("{last}&{oidc}")).await, "InvalidLoadBalancerAction", "there is no secret yet");
        let existing = format!("{config}.UseExistingClientSecret=true");
        assert_eq!(code(format!("{last}&{oidc}&{existing}")).await, "InvalidLoadBalancerAction", "nor one to use");
        assert_eq!(code(format!("{last}&{oidc}&{config}.ClientSecret=hush")).await, "OK");
        assert_eq!(code(format!("{last}&{oidc}&{existing}")).await, "OK");
        let described = call(&aws, &format!("Action=DescribeListeners&ListenerArns.member.1={listener}")).await;
        assert_eq!(described.all("Type"), ["authenticate-oidc", "forward"]);
        assert_eq!(described.one("Scope"), "openid");
        assert_eq!(described.one("key"), "display");
        assert!(!described.text.contains("hush") && !described.text.contains("UseExisting"));

        let misplaced = last.replace("Order=2", "Order=1");
        let first = oidc.replace("Order=1", "Order=2");
        assert_eq!(code(format!("{misplaced}&{first}&{existing}")).await, "InvalidLoadBalancerAction");
        assert_eq!(code(format!("{oidc}&{existing}")).await, "InvalidLoadBalancerAction");
        let unordered = last.replace("&DefaultActions.member.1.Order=2", "");
        assert_eq!(code(format!("{unordered}&{oidc}&{existing}")).await, "InvalidLoadBalancerAction");
        assert_eq!(code("DefaultActions.member.1.Type=juggle".to_owned()).await, "ValidationError");
    });
}

#[test]
fn clients_are_authenticated_on_tls_only() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let config = "DefaultActions.member.1.AuthenticateCognitoConfig";
        let blue = aws.group_arn("blue").unwrap();
        let body = format!(
            "DefaultActions.member.1.Type=authenticate-cognito&DefaultActions.member.1.Order=1&{config}.UserPoolArn=a\
             &{config}.UserPoolClientId=b&{config}.UserPoolDomain=c&DefaultActions.member.2.Type=forward\
             &DefaultActions.member.2.Order=2&DefaultActions.member.2.TargetGroupArn={blue}"
        );
        let answer = call(&aws, &format!("Action=ModifyListener&ListenerArn={listener}&{body}")).await;
        assert_eq!(answer.code(), "InvalidLoadBalancerAction");
    });
}

#[test]
fn redirects_and_fixed_responses_are_kept_as_written_with_the_defaults() {
    world(async |aws| {
        let listener = blue_green(&aws);
        let start = format!("Action=ModifyListener&ListenerArn={listener}&DefaultActions.member.1");
        let redirect = format!("{start}.Type=redirect&DefaultActions.member.1.RedirectConfig");
        let answer =
            call(&aws, &format!("{redirect}.StatusCode=HTTP_301&DefaultActions.member.1.RedirectConfig.Port=443"))
                .await;
        let config = answer.one("RedirectConfig");
        assert!(config.contains("<Port>443</Port>") && config.contains("<Path>/#{path}</Path>"), "{config}");
        let looping = "StatusCode=HTTP_301&DefaultActions.member.1.RedirectConfig.Query=a";
        assert_eq!(call(&aws, &format!("{redirect}.{looping}")).await.code(), "InvalidLoadBalancerAction");
        let fixed = format!("{start}.Type=fixed-response&DefaultActions.member.1.FixedResponseConfig.StatusCode");
        assert_eq!(call(&aws, &format!("{fixed}=302")).await.code(), "ValidationError");
        assert_eq!(call(&aws, &format!("{fixed}=503")).await.one("StatusCode"), "503");
        assert_eq!(call(&aws, &format!("{start}.Type=redirect")).await.code(), "ValidationError");
    });
}

#[test]
fn a_balancer_has_a_quota_of_groups() {
    let options = AwsOptions { groups_per_balancer: 2, ..AwsOptions::default() };
    world_with(options, async |aws| {
        let listener = blue_green(&aws);
        aws.add_target_group(GroupSettings::named("third"), &[]).unwrap();
        assert_eq!(modify(&aws, &listener, &[("blue", 1), ("green", 1)]).await.code(), "OK");
        let answer = modify(&aws, &listener, &[("blue", 1), ("green", 1), ("third", 1)]).await;
        assert_eq!(answer.code(), "TooManyUniqueTargetGroupsPerLoadBalancer");
        assert_eq!(modify(&aws, &listener, &[("blue", 1), ("third", 1)]).await.code(), "OK");
    });
}
