//! Health checks. Nobody checks anything here: their status is set by the hand of whoever runs the world.

use jiff::Timestamp;

use super::super::effect::Writer;
use super::super::protocol::{Input, Output};
use super::super::refusal::{Refusal, Refused};
use super::super::timeline::Timeline;
use super::super::xml::Xml;
use super::super::xml::element::Element;
use super::Route53;
use super::fields::{document, flag, invalid, members, needed, number, one_of, only, within};
use super::tags::TagMap;

/// The most health checks of an account.
const MOST_CHECKS: usize = 200;
/// Where checkers are.
const REGIONS: [&str; 8] = [
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
];
/// The types.
const TYPES: [&str; 8] = [
    "HTTP",
    "HTTPS",
    "HTTP_STR_MATCH",
    "HTTPS_STR_MATCH",
    "TCP",
    "CALCULATED",
    "CLOUDWATCH_METRIC",
    "RECOVERY_CONTROL",
];
/// What a configuration can say.
const SETTINGS: [&str; 18] = [
    "IPAddress",
    "Port",
    "Type",
    "ResourcePath",
    "FullyQualifiedDomainName",
    "SearchString",
    "RequestInterval",
    "FailureThreshold",
    "MeasureLatency",
    "Inverted",
    "Disabled",
    "HealthThreshold",
    "ChildHealthChecks",
    "EnableSNI",
    "Regions",
    "AlarmIdentifier",
    "InsufficientDataHealthStatus",
    "RoutingControlArn",
];

/// A health check.
#[derive(Debug)]
pub(super) struct HealthCheck {
    reference: String,
    config: Element,
    status: Timeline<bool>,
    pub(super) tags: TagMap,
}

impl HealthCheck {
    /// Whether records with it are healthy at an instant, and when that will change.
    pub(super) fn health(&self, at: Timestamp) -> (bool, Option<Timestamp>) {
        let is_set = |name: &str| self.config.text_of(name) == Some("true");
        let passes = is_set("Disabled") || self.status.at(at).copied().unwrap_or(true);
        (passes != is_set("Inverted"), self.status.next_after(at))
    }

    pub(super) fn forget_before(&mut self, at: Timestamp) {
        self.status.forget_before(at);
    }

    fn describe(&self, id: &str) -> Vec<Xml> {
        let config = Xml::of("HealthCheckConfig", self.config.elements.iter().map(Element::xml).collect());
        vec![
            Xml::text("Id", id),
            Xml::text("CallerReference", &self.reference),
            config,
            Xml::text("HealthCheckVersion", 1),
        ]
    }
}

impl Route53 {
    pub(super) fn health_check(&self, id: &str) -> Result<&HealthCheck, Refusal> {
        self.checks.get(id).ok_or_else(|| no_check(id))
    }

    pub(super) fn health_check_mut(&mut self, id: &str) -> Result<&mut HealthCheck, Refusal> {
        self.checks.get_mut(id).ok_or_else(|| no_check(id))
    }

    /// From now on a health check passes or fails.
    pub(super) fn set_health(&mut self, id: &str, now: Timestamp, passes: bool) -> Result<(), Refusal> {
        self.health_check_mut(id)?.status.set(now, passes);
        Ok(())
    }

    pub(super) fn create_health_check(&mut self, input: &Input, writer: &Writer) -> Result<Output, Refused> {
        let root = document(input, "CreateHealthCheckRequest", &["CallerReference", "HealthCheckConfig"])?;
        let reference = within(&needed(root, "CallerReference")?.text, "callerReference", 1..=64)?;
        let config = needed(root, "HealthCheckConfig")?;
        self.check_config(config)?;
        if let Some(id) = self.check_references.get(reference) {
            // The same wish twice is granted once.
            return match self.checks.get(id) {
                Some(present) if present.config == *config => Ok(made(id, present)),
                _ => {
                    let message = "The health check you're attempting to create already exists.";
                    let refusal = Refusal::new("HealthCheckAlreadyExists", message);
                    Err(refusal.with_status(http::StatusCode::CONFLICT).into())
                }
            };
        }
        if self.checks.len() >= MOST_CHECKS {
            let message =
                format!("Limits Exceeded: MAX_HEALTH_CHECKS_BY_OWNER - Cannot create more than {MOST_CHECKS}");
            return Err(Refusal::new("TooManyHealthChecks", message).into());
        }
        let id = super::super::request_id(&mut self.chance);
        let (config, status) = (config.clone(), Timeline::starting(writer.now, true));
        let check = HealthCheck { reference: reference.to_owned(), config, status, tags: TagMap::new() };
        let answer = made(&id, &check);
        self.check_references.insert(reference.to_owned(), id.clone());
        self.checks.insert(id, check);
        Ok(answer)
    }

    /// Refuses a configuration that its type does not have.
    fn check_config(&self, config: &Element) -> Result<(), Refusal> {
        only(config, &SETTINGS)?;
        let kind = needed(config, "Type")?.text.as_str();
        if !TYPES.contains(&kind) {
            return Err(one_of(kind, "healthCheckConfig.type", TYPES));
        }
        for (name, range) in [
            ("Port", 1..=65_535),
            ("RequestInterval", 10..=30),
            ("FailureThreshold", 1..=10),
            ("HealthThreshold", 0..=256),
        ] {
            let place = format!("healthCheckConfig.{name}");
            config.text_of(name).map(|text| number(text, &place, range)).transpose()?;
        }
        for name in ["MeasureLatency", "Inverted", "Disabled", "EnableSNI"] {
            config.text_of(name).map(flag).transpose()?;
        }
        for name in ["ResourcePath", "FullyQualifiedDomainName", "SearchString", "RoutingControlArn"] {
            let place = format!("healthCheckConfig.{name}");
            config.text_of(name).map(|text| within(text, &place, 0..=255)).transpose()?;
        }
        if let Some(regions) = config.element("Regions") {
            let regions = members(regions, "Region", "healthCheckConfig.regions", 3..=64)?;
            if let Some(other) = regions.iter().find(|region| !REGIONS.contains(&region.text.as_str())) {
                return Err(one_of(&other.text, "healthCheckConfig.regions", REGIONS));
            }
        }
        if let Some(address) = config.text_of("IPAddress").filter(|text| text.parse::<std::net::IpAddr>().is_err()) {
            return Err(invalid(format!("Invalid parameter : Invalid IP address: {address}")));
        }
        self.check_kind(kind, config)
    }

    fn check_kind(&self, kind: &str, config: &Element) -> Result<(), Refusal> {
        let has = |name: &str| config.element(name).is_some();
        let refused = |why: String| Err(invalid(format!("Invalid parameter : {why}")));
        let is_endpoint = has("IPAddress") || has("FullyQualifiedDomainName");
        match kind {
            "CALCULATED" => {
                let children = config.element("ChildHealthChecks").map_or(&[][..], |children| &children.elements);
                if children.is_empty() || !has("HealthThreshold") {
                    return refused(
                        "Basic config of CALCULATED must have ChildHealthChecks and HealthThreshold".to_owned(),
                    );
                }
                match children.iter().find(|child| !self.checks.contains_key(&child.text)) {
                    Some(child) => refused(format!("Child health check {} does not exist", child.text)),
                    None => Ok(()),
                }
            }
            "CLOUDWATCH_METRIC" => refused("the alarm of AlarmIdentifier does not exist".to_owned()),
            "RECOVERY_CONTROL" if !has("RoutingControlArn") => {
                refused("RoutingControlArn must be specified".to_owned())
            }
            "RECOVERY_CONTROL" => Ok(()),
            _ if !is_endpoint => refused("Either IPAddress or FullyQualifiedDomainName must be specified".to_owned()),
            "TCP" if !has("Port") => refused("Port must be specified for health checks of type TCP".to_owned()),
            kind if kind.ends_with("STR_MATCH") != has("SearchString") => {
                refused(format!("SearchString is for types of string matching alone and needed there, not for {kind}"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn get_health_check(&mut self, input: &Input, _: &Writer) -> Result<Output, Refused> {
        let id = input.form.text("HealthCheckId").unwrap_or_default();
        let check = self.health_check(id)?;
        Ok(Output::Document(vec![Xml::of("HealthCheck", check.describe(id))]))
    }

    /// A health check that records have may be deleted; they count as healthy then.
    pub(super) fn delete_health_check(&mut self, input: &Input, _: &Writer) -> Result<Output, Refused> {
        let id = input.form.text("HealthCheckId").unwrap_or_default();
        self.health_check(id)?;
        self.checks.remove(id);
        Ok(Output::Document(Vec::new()))
    }

    pub(super) fn get_health_check_status(&mut self, input: &Input, writer: &Writer) -> Result<Output, Refused> {
        let check = self.health_check(input.form.text("HealthCheckId").unwrap_or_default())?;
        let kind = check.config.text_of("Type").unwrap_or_default();
        if matches!(kind, "CALCULATED" | "RECOVERY_CONTROL") {
            return Err(
                invalid(format!("The status of a health check of type {kind} cannot be told by its checkers")).into()
            );
        }
        let status = if check.status.at(writer.now).copied().unwrap_or(true) {
            "Success: HTTP Status Code 200, OK"
        } else {
            "Failure: Connection timed out. The endpoint or the internet connection is down, or requests are being blocked."
        };
        let observation = |(region, number): (&&str, u8)| {
            let report = vec![Xml::text("Status", status), Xml::text("CheckedTime", format!("{:.3}", writer.now))];
            let elements = vec![
                Xml::text("Region", region),
                Xml::text("IPAddress", format!("203.0.113.{number}")),
                Xml::of("StatusReport", report),
            ];
            Xml::of("HealthCheckObservation", elements)
        };
        let observations = REGIONS.iter().zip(1..).map(observation).collect();
        Ok(Output::Document(vec![Xml::of("HealthCheckObservations", observations)]))
    }
}

fn made(id: &str, check: &HealthCheck) -> Output {
    let place = format!("https://route53.amazonaws.com/2013-04-01/healthcheck/{id}");
    Output::Made(vec![Xml::of("HealthCheck", check.describe(id))], place)
}

fn no_check(id: &str) -> Refusal {
    Refusal::new("NoSuchHealthCheck", format!("A health check with id {id} does not exist."))
        .with_status(http::StatusCode::NOT_FOUND)
}
