//! Actions of rules: from the SDK's form to the engine's and back without loss.
//!
//! What cannot be written back exactly as it was becomes `Unsupported`, so that nothing is ever clobbered. A
//! setting that the SDK's model does not have yet is not seen here; action types that it does not have are.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    Action as SdkAction, ActionTypeEnum, AuthenticateCognitoActionConditionalBehaviorEnum as OnUnauthenticatedCognito,
    AuthenticateCognitoActionConfig, AuthenticateOidcActionConditionalBehaviorEnum as OnUnauthenticatedOidc,
    AuthenticateOidcActionConfig, FixedResponseActionConfig, ForwardActionConfig, JwtValidationActionAdditionalClaim,
    JwtValidationActionAdditionalClaimFormatEnum as ClaimFormat, JwtValidationActionConfig, RedirectActionConfig,
    RedirectActionStatusCodeEnum, TargetGroupStickinessConfig, TargetGroupTuple,
};
use weir_engine::Arn;
use weir_engine::fact::{Action, ActionKind, Forward};

/// Comes before the name of each extra parameter of an authentication.
const EXTRA_PARAM: &str = "AuthenticationRequestExtraParams.";
/// Comes before the number of each further claim of a token.
const CLAIM: &str = "AdditionalClaims";

type Settings = BTreeMap<String, String>;

/// All actions of a rule, in order.
pub(super) fn read(actions: &[SdkAction]) -> Vec<Action> {
    let mut read: Vec<Action> =
        actions.iter().map(|action| Action { order: action.order(), kind: read_kind(action) }).collect();
    // Stable, so that actions without an order stay as AWS lists them.
    read.sort_by_key(|action| action.order.unwrap_or(i32::MAX));
    read
}

/// All actions of a rule in the SDK's form; `Err` with the type of the first one that is not understood.
pub(super) fn write(actions: &[Action]) -> Result<Vec<SdkAction>, String> {
    actions.iter().map(write_one).collect()
}

/// A forward alone, as a rule of our own has it.
pub(super) fn forward_only(forward: &Forward) -> SdkAction {
    SdkAction::builder().r#type(ActionTypeEnum::Forward).forward_config(write_forward(forward)).build()
}

fn read_kind(action: &SdkAction) -> ActionKind {
    let kind = action.r#type().map_or("", ActionTypeEnum::as_str).to_owned();
    let settings = match action.r#type() {
        Some(ActionTypeEnum::Forward) => {
            return read_forward(action).map_or(ActionKind::Unsupported { kind }, ActionKind::Forward);
        }
        Some(ActionTypeEnum::FixedResponse) => action.fixed_response_config().map(fixed_response_settings),
        Some(ActionTypeEnum::Redirect) => action.redirect_config().map(redirect_settings),
        Some(ActionTypeEnum::AuthenticateOidc) => action.authenticate_oidc_config().map(oidc_settings),
        Some(ActionTypeEnum::AuthenticateCognito) => action.authenticate_cognito_config().map(cognito_settings),
        Some(ActionTypeEnum::JwtValidation) => action.jwt_validation_config().map(jwt_settings),
        _ => None,
    };
    match settings {
        Some(settings) => ActionKind::Kept { kind, settings },
        None => ActionKind::Unsupported { kind },
    }
}

fn write_one(action: &Action) -> Result<SdkAction, String> {
    let builder = SdkAction::builder().set_order(action.order);
    let action = match &action.kind {
        ActionKind::Forward(forward) => builder.r#type(ActionTypeEnum::Forward).forward_config(write_forward(forward)),
        ActionKind::Unsupported { kind } => return Err(kind.clone()),
        ActionKind::Kept { kind, settings } => {
            let kind_of_sdk = ActionTypeEnum::from(kind.as_str());
            let builder = builder.r#type(kind_of_sdk.clone());
            match kind_of_sdk {
                ActionTypeEnum::FixedResponse => builder.fixed_response_config(fixed_response(settings)),
                ActionTypeEnum::Redirect => builder.redirect_config(redirect(settings)),
                ActionTypeEnum::AuthenticateOidc => builder.authenticate_oidc_config(oidc(settings)),
                ActionTypeEnum::AuthenticateCognito => builder.authenticate_cognito_config(cognito(settings)),
                ActionTypeEnum::JwtValidation => builder.jwt_validation_config(jwt(settings)),
                _ => return Err(kind.clone()),
            }
        }
    };
    Ok(action.build())
}

/// The forward of an action, unless it is one that AWS would not take back: without groups, with a group twice, or
/// with a weight out of range.
fn read_forward(action: &SdkAction) -> Option<Forward> {
    let config = action.forward_config();
    let tuples = config.map(ForwardActionConfig::target_groups).unwrap_or_default();
    let mut forward = Forward::default();
    for tuple in tuples {
        // AWS takes a weight left out for one.
        let weight = u16::try_from(tuple.weight().unwrap_or(1)).ok()?;
        if forward.groups.insert(Arn::new(tuple.target_group_arn()?), weight).is_some() {
            return None;
        }
    }
    if tuples.is_empty() {
        forward.groups.insert(Arn::new(action.target_group_arn()?), 1);
    }
    let stickiness = config.and_then(ForwardActionConfig::target_group_stickiness_config);
    if let Some(stickiness) = stickiness.filter(|stickiness| stickiness.enabled() == Some(true)) {
        forward.sticky_seconds = Some(stickiness.duration_seconds()?);
    }
    Some(forward)
}

fn write_forward(forward: &Forward) -> ForwardActionConfig {
    let tuples = forward.groups.iter().map(|(group, weight)| {
        TargetGroupTuple::builder().target_group_arn(group.as_str()).weight(i32::from(*weight)).build()
    });
    let stickiness = TargetGroupStickinessConfig::builder()
        .enabled(forward.sticky_seconds.is_some())
        .set_duration_seconds(forward.sticky_seconds)
        .build();
    ForwardActionConfig::builder()
        .set_target_groups(Some(tuples.collect()))
        .target_group_stickiness_config(stickiness)
        .build()
}

/// Settings that are there, by name.
fn settings<'a>(pairs: impl IntoIterator<Item = (&'static str, Option<&'a str>)>) -> Settings {
    let set = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    set.collect()
}

fn get(settings: &Settings, name: &str) -> Option<String> {
    settings.get(name).cloned()
}

fn extra_params(settings: &Settings) -> impl Iterator<Item = (String, String)> {
    let params = settings.iter().filter_map(|(name, value)| Some((name.strip_prefix(EXTRA_PARAM)?, value)));
    params.map(|(name, value)| (name.to_owned(), value.clone()))
}

fn add_extra_params<'a>(settings: &mut Settings, params: impl IntoIterator<Item = (&'a String, &'a String)>) {
    settings.extend(params.into_iter().map(|(name, value)| (format!("{EXTRA_PARAM}{name}"), value.clone())));
}

fn session_timeout(settings: &Settings) -> Option<i64> {
    settings.get("SessionTimeout").and_then(|seconds| seconds.parse().ok())
}

fn fixed_response_settings(config: &FixedResponseActionConfig) -> Settings {
    settings([
        ("MessageBody", config.message_body()),
        ("StatusCode", config.status_code()),
        ("ContentType", config.content_type()),
    ])
}

fn fixed_response(settings: &Settings) -> FixedResponseActionConfig {
    FixedResponseActionConfig::builder()
        .set_message_body(get(settings, "MessageBody"))
        .set_status_code(get(settings, "StatusCode"))
        .set_content_type(get(settings, "ContentType"))
        .build()
}

fn redirect_settings(config: &RedirectActionConfig) -> Settings {
    settings([
        ("Protocol", config.protocol()),
        ("Port", config.port()),
        ("Host", config.host()),
        ("Path", config.path()),
        ("Query", config.query()),
        ("StatusCode", config.status_code().map(RedirectActionStatusCodeEnum::as_str)),
    ])
}

fn redirect(settings: &Settings) -> RedirectActionConfig {
    RedirectActionConfig::builder()
        .set_protocol(get(settings, "Protocol"))
        .set_port(get(settings, "Port"))
        .set_host(get(settings, "Host"))
        .set_path(get(settings, "Path"))
        .set_query(get(settings, "Query"))
        .set_status_code(settings.get("StatusCode").map(|code| code.as_str().into()))
        .build()
}

/// AWS never shows the client secret; [`oidc`] tells it to keep the one it has.
fn oidc_settings(config: &AuthenticateOidcActionConfig) -> Settings {
    let session_timeout = config.session_timeout().map(|seconds| seconds.to_string());
    let mut settings = settings([
        ("Issuer", config.issuer()),
        ("AuthorizationEndpoint", config.authorization_endpoint()),
        ("TokenEndpoint", config.token_endpoint()),
        ("UserInfoEndpoint", config.user_info_endpoint()),
        ("ClientId", config.client_id()),
        ("SessionCookieName", config.session_cookie_name()),
        ("Scope", config.scope()),
        ("SessionTimeout", session_timeout.as_deref()),
        ("OnUnauthenticatedRequest", config.on_unauthenticated_request().map(OnUnauthenticatedOidc::as_str)),
    ]);
    add_extra_params(&mut settings, config.authentication_request_extra_params().into_iter().flatten());
    settings
}

fn oidc(settings: &Settings) -> AuthenticateOidcActionConfig {
    let mut builder = AuthenticateOidcActionConfig::builder()
        .set_issuer(get(settings, "Issuer"))
        .set_authorization_endpoint(get(settings, "AuthorizationEndpoint"))
        .set_token_endpoint(get(settings, "TokenEndpoint"))
        .set_user_info_endpoint(get(settings, "UserInfoEndpoint"))
        .set_client_id(get(settings, "ClientId"))
        .set_session_cookie_name(get(settings, "SessionCookieName"))
        .set_scope(get(settings, "Scope"))
        .set_session_timeout(session_timeout(settings))
        .set_on_unauthenticated_request(settings.get("OnUnauthenticatedRequest").map(|what| what.as_str().into()))
        .use_existing_client_secret(true);
    for (name, value) in extra_params(settings) {
        builder = builder.authentication_request_extra_params(name, value);
    }
    builder.build()
}

fn cognito_settings(config: &AuthenticateCognitoActionConfig) -> Settings {
    let session_timeout = config.session_timeout().map(|seconds| seconds.to_string());
    let mut settings = settings([
        ("UserPoolArn", config.user_pool_arn()),
        ("UserPoolClientId", config.user_pool_client_id()),
        ("UserPoolDomain", config.user_pool_domain()),
        ("SessionCookieName", config.session_cookie_name()),
        ("Scope", config.scope()),
        ("SessionTimeout", session_timeout.as_deref()),
        ("OnUnauthenticatedRequest", config.on_unauthenticated_request().map(OnUnauthenticatedCognito::as_str)),
    ]);
    add_extra_params(&mut settings, config.authentication_request_extra_params().into_iter().flatten());
    settings
}

fn cognito(settings: &Settings) -> AuthenticateCognitoActionConfig {
    let mut builder = AuthenticateCognitoActionConfig::builder()
        .set_user_pool_arn(get(settings, "UserPoolArn"))
        .set_user_pool_client_id(get(settings, "UserPoolClientId"))
        .set_user_pool_domain(get(settings, "UserPoolDomain"))
        .set_session_cookie_name(get(settings, "SessionCookieName"))
        .set_scope(get(settings, "Scope"))
        .set_session_timeout(session_timeout(settings))
        .set_on_unauthenticated_request(settings.get("OnUnauthenticatedRequest").map(|what| what.as_str().into()));
    for (name, value) in extra_params(settings) {
        builder = builder.authentication_request_extra_params(name, value);
    }
    builder.build()
}

fn jwt_settings(config: &JwtValidationActionConfig) -> Settings {
    let mut settings = settings([("JwksEndpoint", config.jwks_endpoint()), ("Issuer", config.issuer())]);
    for (number, claim) in config.additional_claims().iter().enumerate() {
        let format = claim.format().map(ClaimFormat::as_str);
        let fields = [("Format", format), ("Name", claim.name())];
        let fields = fields.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?.to_owned())));
        let values = claim.values().iter().enumerate().map(|(place, value)| (format!("Values.{place}"), value.clone()));
        settings.extend(fields.chain(values).map(|(field, value)| (format!("{CLAIM}.{number}.{field}"), value)));
    }
    settings
}

fn jwt(settings: &Settings) -> JwtValidationActionConfig {
    let claim = |number: usize| {
        let field = |name: &str| settings.get(&format!("{CLAIM}.{number}.{name}"));
        let values: Vec<String> = (0..).map_while(|place| field(&format!("Values.{place}")).cloned()).collect();
        let (format, name) = (field("Format"), field("Name"));
        let is_there = format.is_some() || name.is_some() || !values.is_empty();
        is_there.then(|| {
            JwtValidationActionAdditionalClaim::builder()
                .set_format(format.map(|format| format.as_str().into()))
                .set_name(name.cloned())
                .set_values(Some(values).filter(|values| !values.is_empty()))
                .build()
        })
    };
    let claims: Vec<JwtValidationActionAdditionalClaim> = (0..).map_while(claim).collect();
    JwtValidationActionConfig::builder()
        .set_jwks_endpoint(get(settings, "JwksEndpoint"))
        .set_issuer(get(settings, "Issuer"))
        .set_additional_claims(Some(claims).filter(|claims| !claims.is_empty()))
        .build()
}

#[cfg(test)]
mod tests;
