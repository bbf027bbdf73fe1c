//! Actions of rules: read from requests, described in answers.
//!
//! A forward is understood, since the world sends requests by it. Every other action is kept as it was written, with
//! the defaults that AWS adds, and described again in the same words.

use std::collections::BTreeMap;

use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;

/// The highest place of an action.
const MOST_ORDER: u32 = 50_000;
/// The highest weight of a group.
const MOST_WEIGHT: u32 = 999;
/// The longest group stickiness: seven days.
const MOST_STICKY_SECONDS: u32 = 604_800;

/// What a type of action is allowed to do and where its settings stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Forward,
    Redirect,
    FixedResponse,
    AuthenticateOidc,
    AuthenticateCognito,
    JwtValidation,
    /// Of a type that AWS may have one day, and no client knows yet.
    Novel,
}

impl Kind {
    fn parse(word: &str) -> Result<Self, Refusal> {
        match word {
            "forward" => Ok(Self::Forward),
            "redirect" => Ok(Self::Redirect),
            "fixed-response" => Ok(Self::FixedResponse),
            "authenticate-oidc" => Ok(Self::AuthenticateOidc),
            "authenticate-cognito" => Ok(Self::AuthenticateCognito),
            "jwt-validation" => Ok(Self::JwtValidation),
            other => Err(Refusal::constraint(
                "Type",
                other,
                "Member must satisfy enum value set: [forward, authenticate-oidc, authenticate-cognito, redirect, \
                 fixed-response, jwt-validation]",
            )),
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Redirect => "redirect",
            Self::FixedResponse => "fixed-response",
            Self::AuthenticateOidc => "authenticate-oidc",
            Self::AuthenticateCognito => "authenticate-cognito",
            Self::JwtValidation => "jwt-validation",
            Self::Novel => "novel",
        }
    }

    fn settings_field(self) -> &'static str {
        match self {
            Self::Forward => "ForwardConfig",
            Self::Redirect => "RedirectConfig",
            Self::FixedResponse => "FixedResponseConfig",
            Self::AuthenticateOidc => "AuthenticateOidcConfig",
            Self::AuthenticateCognito => "AuthenticateCognitoConfig",
            Self::JwtValidation => "JwtValidationConfig",
            Self::Novel => "NovelConfig",
        }
    }

    /// Settings that the model of ELBv2 requires.
    fn required_settings(self) -> &'static [&'static str] {
        match self {
            Self::Forward | Self::Novel => &[],
            Self::Redirect | Self::FixedResponse => &["StatusCode"],
            Self::AuthenticateOidc => {
                &["Issuer", "AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint", "ClientId"]
            }
            Self::AuthenticateCognito => &["UserPoolArn", "UserPoolClientId", "UserPoolDomain"],
            Self::JwtValidation => &["JwksEndpoint", "Issuer"],
        }
    }

    /// What AWS describes where nothing was written.
    fn defaults(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Redirect => &[
                ("Protocol", "#{protocol}"),
                ("Port", "#{port}"),
                ("Host", "#{host}"),
                ("Path", "/#{path}"),
                ("Query", "#{query}"),
            ],
            Self::AuthenticateOidc | Self::AuthenticateCognito => &[
                ("SessionCookieName", "AWSELBAuthSessionCookie"),
                ("Scope", "openid"),
                ("SessionTimeout", "604800"),
                ("OnUnauthenticatedRequest", "authenticate"),
            ],
            Self::Forward | Self::FixedResponse | Self::JwtValidation | Self::Novel => &[],
        }
    }

    /// Whether it ends a rule by answering the request.
    pub(crate) fn answers(self) -> bool {
        matches!(self, Self::Forward | Self::Redirect | Self::FixedResponse)
    }
}

/// One action of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Action {
    pub(crate) order: Option<u32>,
    pub(crate) deed: Deed,
}

/// What an action does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Forward(Forward),
    Other { kind: Kind, settings: Form, client_secret: ClientSecret },
}

/// The secret of an OIDC client, which AWS keeps and never shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClientSecret {
    /// None is needed, or none was given.
    None,
    /// Given with the request.
    Given(String),
    /// The request asks to keep the one that the rule has.
    Existing,
}

/// A weighted forward.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forward {
    /// ARNs of groups with their weights, in the order in which they were written.
    pub(crate) groups: Vec<(String, u32)>,
    pub(crate) sticky: bool,
    pub(crate) sticky_seconds: Option<u32>,
}

impl Action {
    /// Reads the actions of a request; they come in the order in which they are taken.
    pub(crate) fn read_all(members: &[&Form]) -> Result<Vec<Self>, Refusal> {
        let mut actions = members.iter().map(|form| Self::read(form)).collect::<Result<Vec<_>, _>>()?;
        // Stable: actions without an order stay as they were written.
        actions.sort_by_key(|action| action.order.unwrap_or(u32::MAX));
        Ok(actions)
    }

    /// Reads one action.
    pub(crate) fn read(form: &Form) -> Result<Self, Refusal> {
        let kind = Kind::parse(form.required("Type")?)?;
        let order = form.number_within("Order", 1, MOST_ORDER)?;
        if kind == Kind::Forward {
            return Ok(Self { order, deed: Deed::Forward(Forward::read(form)?) });
        }
        let field = kind.settings_field();
        let mut settings = form.field(field).cloned().ok_or_else(|| {
            Refusal::invalid(format!("An action of type '{}' must have its settings in {field}", kind.word()))
        })?;
        for name in kind.required_settings() {
            settings.required(name)?;
        }
        if kind == Kind::FixedResponse {
            check_status_code(settings.required("StatusCode")?)?;
        }
        if kind == Kind::Redirect {
            check_redirect(&settings)?;
        }
        for (name, default) in kind.defaults() {
            if settings.text(name).is_none_or(str::is_empty) {
                settings.put(name, *default);
            }
        }
        let given = settings.text("ClientSecret").map(str::to_owned);
        let existing = settings.flag("UseExistingClientSecret")?.unwrap_or(false);
        settings.remove("ClientSecret");
        settings.remove("UseExistingClientSecret");
        let client_secret = match (given, existing) {
            (Some(secret), _) => ClientSecret::Given(secret),
            (None, true) => ClientSecret::Existing,
            (None, false) => ClientSecret::None,
        };
        Ok(Self { order, deed: Deed::Other { kind, settings, client_secret } })
    }

    /// One of a type that no client knows, to be taken first.
    pub(crate) fn novel() -> Self {
        let settings = Form::default();
        Self { order: Some(1), deed: Deed::Other { kind: Kind::Novel, settings, client_secret: ClientSecret::None } }
    }

    /// Its kind.
    pub(crate) fn kind(&self) -> Kind {
        match &self.deed {
            Deed::Forward(_) => Kind::Forward,
            Deed::Other { kind, .. } => *kind,
        }
    }

    /// As AWS describes it.
    pub(crate) fn describe(&self) -> Vec<Xml> {
        let mut elements = vec![Xml::text("Type", self.kind().word())];
        elements.extend(self.order.map(|order| Xml::text("Order", order)));
        match &self.deed {
            Deed::Forward(forward) => forward.describe(&mut elements),
            Deed::Other { kind, settings, .. } => elements.push(settings.xml(kind.settings_field())),
        }
        elements
    }
}

/// The forward among actions.
pub(crate) fn forward_of(actions: &[Action]) -> Option<&Forward> {
    actions.iter().find_map(|action| match &action.deed {
        Deed::Forward(forward) => Some(forward),
        Deed::Other { .. } => None,
    })
}

impl Forward {
    fn read(form: &Form) -> Result<Self, Refusal> {
        let single = form.text("TargetGroupArn").filter(|arn| !arn.is_empty());
        let Some(config) = form.field("ForwardConfig") else {
            let arn = single.ok_or_else(|| {
                Refusal::invalid("An action of type 'forward' must have a target group ARN or a ForwardConfig")
            })?;
            return Ok(Self { groups: vec![(arn.to_owned(), 1)], ..Self::default() });
        };
        let mut forward = Self::default();
        for tuple in config.list("TargetGroups") {
            // AWS takes a weight that was left out for one.
            let weight = tuple.number_within("Weight", 0, MOST_WEIGHT)?.unwrap_or(1);
            forward.groups.push((tuple.required("TargetGroupArn")?.to_owned(), weight));
        }
        match (single, forward.groups.as_slice()) {
            (None, []) => return Err(Refusal::invalid("A ForwardConfig must have at least one target group")),
            (Some(arn), []) => forward.groups.push((arn.to_owned(), 1)),
            (Some(arn), [(only, _)]) if arn == only => {}
            (Some(_), _) => {
                return Err(Refusal::invalid(
                    "With both a TargetGroupArn and a ForwardConfig, the ForwardConfig can have only that target group",
                ));
            }
            (None, _) => {}
        }
        if let Some(sticky) = config.field("TargetGroupStickinessConfig") {
            forward.sticky = sticky.flag("Enabled")?.unwrap_or(false);
            forward.sticky_seconds = sticky.number_within("DurationSeconds", 1, MOST_STICKY_SECONDS)?;
            if forward.sticky && forward.sticky_seconds.is_none() {
                return Err(Refusal::invalid("DurationSeconds must be given when target group stickiness is enabled"));
            }
        }
        Ok(forward)
    }

    fn describe(&self, elements: &mut Vec<Xml>) {
        if let [(only, _)] = self.groups.as_slice() {
            elements.push(Xml::text("TargetGroupArn", only));
        }
        let groups =
            self.groups.iter().map(|(arn, weight)| vec![Xml::text("TargetGroupArn", arn), Xml::text("Weight", weight)]);
        let mut sticky = vec![Xml::text("Enabled", self.sticky)];
        sticky.extend(self.sticky_seconds.map(|seconds| Xml::text("DurationSeconds", seconds)));
        let config = vec![Xml::list("TargetGroups", groups), Xml::of("TargetGroupStickinessConfig", sticky)];
        elements.push(Xml::of("ForwardConfig", config));
    }

    /// The weights by ARN.
    pub(crate) fn weights(&self) -> BTreeMap<String, u32> {
        self.groups.iter().cloned().collect()
    }
}

/// A fixed response may not pretend to be a redirect.
fn check_status_code(code: &str) -> Result<(), Refusal> {
    let fits = code.len() == 3 && code.starts_with(['2', '4', '5']) && code.bytes().all(|byte| byte.is_ascii_digit());
    if fits {
        return Ok(());
    }
    Err(Refusal::constraint("StatusCode", code, "Member must satisfy regular expression pattern: ^(2|4|5)\\d\\d$"))
}

/// A redirect must lead elsewhere: another query alone would come back for ever.
fn check_redirect(settings: &Form) -> Result<(), Refusal> {
    let leads_elsewhere = Kind::Redirect.defaults().iter().any(|(name, default)| {
        *name != "Query" && settings.text(name).is_some_and(|text| !text.is_empty() && text != *default)
    });
    if leads_elsewhere {
        return Ok(());
    }
    Err(Refusal::new(
        "InvalidLoadBalancerAction",
        "The redirect configuration is not valid because it creates a loop: give another protocol, port, host or path",
    ))
}
