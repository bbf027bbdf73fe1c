//! What comes from AWS goes back as it was.

use std::fmt::Debug;

use super::*;

fn of_type(kind: ActionTypeEnum) -> aws_sdk_elasticloadbalancingv2::types::builders::ActionBuilder {
    SdkAction::builder().r#type(kind)
}

fn tuple(group: &str, weight: i32) -> TargetGroupTuple {
    TargetGroupTuple::builder().target_group_arn(group).weight(weight).build()
}

fn stickiness(enabled: bool, seconds: Option<i32>) -> TargetGroupStickinessConfig {
    TargetGroupStickinessConfig::builder().enabled(enabled).set_duration_seconds(seconds).build()
}

fn claim(name: &str, format: ClaimFormat, values: usize) -> JwtValidationActionAdditionalClaim {
    let values = (0..values).map(|number| format!("value-{number}")).collect();
    JwtValidationActionAdditionalClaim::builder().name(name).format(format).set_values(Some(values)).build()
}

fn forward(groups: &[(&str, u16)], sticky_seconds: Option<i32>) -> Forward {
    let groups = groups.iter().map(|(group, weight)| (Arn::new(*group), *weight)).collect();
    Forward { groups, sticky_seconds }
}

fn forwarding(config: ForwardActionConfig) -> SdkAction {
    of_type(ActionTypeEnum::Forward).forward_config(config).build()
}

fn read_one(action: SdkAction) -> ActionKind {
    read(&[action]).remove(0).kind
}

#[test]
fn every_understood_action_goes_back_as_it_came() {
    let actions = [
        of_type(ActionTypeEnum::AuthenticateOidc)
            .order(1)
            .authenticate_oidc_config(
                AuthenticateOidcActionConfig::builder()
                    .issuer("https://id.weir.example")
                    .authorization_endpoint("https://id.weir.example/authorize")
                    .token_endpoint("https://id.weir.example/token")
                    .user_info_endpoint("https://id.weir.example/user")
                    .client_id("client")
                    .session_cookie_name("session")
                    .scope("openid email")
                    .session_timeout(604_800)
                    .authentication_request_extra_params("prompt", "login")
                    .authentication_request_extra_params("display", "page")
                    .on_unauthenticated_request(OnUnauthenticatedOidc::Deny)
                    .use_existing_client_secret(true)
                    .build(),
            )
            .build(),
        of_type(ActionTypeEnum::AuthenticateCognito)
            .order(2)
            .authenticate_cognito_config(
                AuthenticateCognitoActionConfig::builder()
                    .user_pool_arn("arn:aws:cognito-idp:eu-central-1:123456789012:userpool/a")
                    .user_pool_client_id("client")
                    .user_pool_domain("domain")
                    .session_cookie_name("session")
                    .scope("openid")
                    .session_timeout(60)
                    .authentication_request_extra_params("prompt", "login")
                    .on_unauthenticated_request(OnUnauthenticatedCognito::Authenticate)
                    .build(),
            )
            .build(),
        of_type(ActionTypeEnum::JwtValidation)
            .order(3)
            .jwt_validation_config(
                JwtValidationActionConfig::builder()
                    .jwks_endpoint("https://id.weir.example/keys")
                    .issuer("https://id.weir.example")
                    .additional_claims(claim("scope", ClaimFormat::SpaceSeparatedValues, 11))
                    .additional_claims(claim("tenant", ClaimFormat::SingleString, 1))
                    .build(),
            )
            .build(),
        of_type(ActionTypeEnum::Redirect)
            .order(4)
            .redirect_config(
                RedirectActionConfig::builder()
                    .protocol("HTTPS")
                    .port("443")
                    .host("#{host}")
                    .path("/#{path}")
                    .query("#{query}")
                    .status_code(RedirectActionStatusCodeEnum::Http301)
                    .build(),
            )
            .build(),
        of_type(ActionTypeEnum::FixedResponse)
            .order(5)
            .fixed_response_config(
                FixedResponseActionConfig::builder()
                    .message_body("gone")
                    .status_code("410")
                    .content_type("text/plain")
                    .build(),
            )
            .build(),
        of_type(ActionTypeEnum::Forward)
            .order(6)
            .forward_config(
                ForwardActionConfig::builder()
                    .target_groups(tuple("blue", 95))
                    .target_groups(tuple("green", 5))
                    .target_group_stickiness_config(stickiness(true, Some(300)))
                    .build(),
            )
            .build(),
    ];
    assert_eq!(write(&read(&actions)).unwrap(), actions);
}

/// What the SDK at hand knows of each config. A new field has to be written back before it is added here: what AWS
/// tells of an action and Weir does not write back is lost with the next weight.
#[test]
fn no_attribute_of_an_action_is_lost() {
    fn holds(config: impl Debug, fields: &[&str]) {
        let text = format!("{config:?}");
        let found: Vec<&str> =
            text.split(['{', ',']).filter_map(|part| Some(part.split_once(": ")?.0.trim())).collect();
        assert_eq!(found, fields, "{text}");
    }
    let login = ["session_cookie_name", "scope", "session_timeout", "authentication_request_extra_params"];
    let oidc = ["issuer", "authorization_endpoint", "token_endpoint", "user_info_endpoint", "client_id"];
    // AWS never tells the secret, and `use_existing_client_secret` keeps it.
    let oidc = [&oidc[..], &["client_secret"], &login, &["on_unauthenticated_request", "use_existing_client_secret"]];
    holds(AuthenticateOidcActionConfig::builder().build(), &oidc.concat());
    let cognito = ["user_pool_arn", "user_pool_client_id", "user_pool_domain"];
    let cognito = [&cognito[..], &login, &["on_unauthenticated_request"]].concat();
    holds(AuthenticateCognitoActionConfig::builder().build(), &cognito);
    holds(JwtValidationActionConfig::builder().build(), &["jwks_endpoint", "issuer", "additional_claims"]);
    holds(JwtValidationActionAdditionalClaim::builder().build(), &["format", "name", "values"]);
    let redirect = ["protocol", "port", "host", "path", "query", "status_code"];
    holds(RedirectActionConfig::builder().build(), &redirect);
    holds(FixedResponseActionConfig::builder().build(), &["message_body", "status_code", "content_type"]);
    holds(ForwardActionConfig::builder().build(), &["target_groups", "target_group_stickiness_config"]);
    holds(TargetGroupTuple::builder().build(), &["target_group_arn", "weight"]);
    // The length of a stickiness that is off means nothing and is not kept.
    holds(TargetGroupStickinessConfig::builder().build(), &["enabled", "duration_seconds"]);
    let action = ["type", "target_group_arn", "authenticate_oidc_config", "authenticate_cognito_config", "order"];
    let action =
        [&action[..], &["redirect_config", "fixed_response_config", "forward_config", "jwt_validation_config"]];
    holds(SdkAction::builder().build(), &action.concat());
}

#[test]
fn settings_that_are_not_there_stay_away() {
    let actions = [of_type(ActionTypeEnum::Redirect)
        .redirect_config(RedirectActionConfig::builder().status_code(RedirectActionStatusCodeEnum::Http302).build())
        .build()];
    assert_eq!(write(&read(&actions)).unwrap(), actions);
}

#[test]
fn a_forward_is_written_with_weights_and_stickiness_and_no_plain_group() {
    let written = forward_only(&forward(&[("blue", 0), ("green", 999)], None));
    let config = ForwardActionConfig::builder()
        .target_groups(tuple("blue", 0))
        .target_groups(tuple("green", 999))
        .target_group_stickiness_config(stickiness(false, None))
        .build();
    assert_eq!(written, forwarding(config));
    assert_eq!(written.target_group_arn(), None);
}

#[test]
fn a_plain_group_is_a_forward_of_weight_one() {
    let action = of_type(ActionTypeEnum::Forward).target_group_arn("blue").build();
    assert_eq!(read_one(action), ActionKind::Forward(forward(&[("blue", 1)], None)));
}

#[test]
fn the_forward_config_wins_over_the_plain_group() {
    let config = ForwardActionConfig::builder()
        .target_groups(tuple("green", 7))
        .target_group_stickiness_config(stickiness(false, Some(300)))
        .build();
    let action = of_type(ActionTypeEnum::Forward).target_group_arn("blue").forward_config(config).build();
    assert_eq!(read_one(action), ActionKind::Forward(forward(&[("green", 7)], None)));
}

#[test]
fn actions_come_in_their_order() {
    let redirect = |order: i32| {
        let config = RedirectActionConfig::builder().host(order.to_string()).build();
        of_type(ActionTypeEnum::Redirect).order(order).redirect_config(config).build()
    };
    let orders: Vec<_> = read(&[redirect(2), redirect(1)]).into_iter().map(|action| action.order).collect();
    assert_eq!(orders, [Some(1), Some(2)]);
}

#[test]
fn what_cannot_be_written_back_is_unsupported() {
    let forward_of = |tuples: Vec<TargetGroupTuple>| {
        forwarding(ForwardActionConfig::builder().set_target_groups(Some(tuples)).build())
    };
    let table = [
        ("jwt-validation", of_type(ActionTypeEnum::JwtValidation).build()),
        ("teleport", of_type("teleport".into()).build()),
        ("redirect", of_type(ActionTypeEnum::Redirect).build()),
        ("forward", of_type(ActionTypeEnum::Forward).build()),
        ("forward", forward_of(vec![tuple("blue", -1)])),
        ("forward", forward_of(vec![tuple("blue", 70_000)])),
        ("forward", forward_of(vec![tuple("blue", 1), tuple("blue", 2)])),
    ];
    for (kind, action) in table {
        let read = read(&[action]);
        assert_eq!(read[0].kind, ActionKind::Unsupported { kind: kind.to_owned() });
        assert_eq!(write(&read), Err(kind.to_owned()));
    }
}
