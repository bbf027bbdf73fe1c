//! What health checks of a group ask of a target, how requests say it, and what AWS takes where they do not.

use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::group::TargetType;
use super::target::HealthChecks;

/// The port on which a target gets its requests.
const TRAFFIC_PORT: &str = "traffic-port";

/// What a check asks of a target. The application answers alike on every port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CheckRequest {
    /// `HTTP`, `HTTPS` or `TCP`. Functions have none.
    pub(super) protocol: String,
    /// `None` is the port on which the target gets its requests.
    pub(super) port: Option<u16>,
    /// Where it is asked, and with which codes it answers, by HTTP and HTTPS.
    path: String,
    matcher: String,
}

impl CheckRequest {
    /// What is asked of the targets of a group of a protocol where nobody says otherwise.
    pub(super) fn of(protocol: &str, target_type: TargetType) -> Self {
        let is_function = target_type == TargetType::Lambda;
        let checked_by = if is_function || is_http(protocol) { protocol } else { "TCP" };
        // "Health checks for Network Load Balancer target groups" tells the other codes.
        let matcher = if is_function || is_http(protocol) { "200" } else { "200-399" };
        Self { protocol: checked_by.to_owned(), port: None, path: "/".to_owned(), matcher: matcher.to_owned() }
    }

    /// Reads how the targets of a group of a protocol are checked; `world` is the world's default for HTTP and HTTPS.
    pub(super) fn read(
        form: &Form,
        protocol: &str,
        target_type: TargetType,
        world: HealthChecks,
    ) -> Result<(HealthChecks, Self), Refusal> {
        let request = Self::read_request(form, protocol, target_type)?;
        let checks = read_checks(form, protocol, target_type, default_checks(&request, protocol, target_type, world))?;
        Ok((checks, request))
    }

    fn read_request(form: &Form, protocol: &str, target_type: TargetType) -> Result<Self, Refusal> {
        let mut request = Self::of(protocol, target_type);
        if target_type == TargetType::Lambda {
            refuse(form, &["HealthCheckProtocol", "HealthCheckPort"], |name| {
                Refusal::invalid(format!("{name} cannot be specified for target groups with target type 'lambda'"))
            })?;
        }
        if let Some(asked) = form.text("HealthCheckProtocol") {
            check_protocol(asked, protocol)?;
            asked.clone_into(&mut request.protocol);
        }
        request.port = match form.text("HealthCheckPort") {
            None | Some(TRAFFIC_PORT) => None,
            Some(port) => Some(port.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                Refusal::invalid(format!("Health check port '{port}' must be '{TRAFFIC_PORT}' or from 1 to 65535"))
            })?),
        };
        if request.protocol == "TCP" {
            refuse(form, &["HealthCheckPath", "Matcher"], |name| {
                let what = if name == "Matcher" { "matchers" } else { "paths" };
                let message = format!("Health check {what} are not supported for TCP health checks");
                Refusal::new("InvalidConfigurationRequest", message)
            })?;
        }
        if let Some(path) = form.text("HealthCheckPath") {
            path.clone_into(&mut request.path);
        }
        if let Some(codes) = form.field("Matcher").and_then(|matcher| matcher.text("HttpCode")) {
            codes.clone_into(&mut request.matcher);
        }
        Ok(request)
    }

    /// The port on which a target that gets its requests on another one is checked.
    pub(super) fn port_of(&self, traffic: u16) -> u16 {
        self.port.unwrap_or(traffic)
    }

    /// As AWS tells it of a group.
    pub(super) fn describe(&self, target_type: TargetType) -> Vec<Xml> {
        let mut elements = Vec::new();
        if target_type != TargetType::Lambda {
            let port = self.port.map_or_else(|| TRAFFIC_PORT.to_owned(), |port| port.to_string());
            elements.push(Xml::text("HealthCheckProtocol", &self.protocol));
            elements.push(Xml::text("HealthCheckPort", port));
        }
        if self.protocol != "TCP" {
            elements.push(Xml::text("HealthCheckPath", &self.path));
            elements.push(Xml::of("Matcher", vec![Xml::text("HttpCode", &self.matcher)]));
        }
        elements
    }
}

/// Whether a protocol of targets is one behind application balancers.
pub(super) fn is_http(protocol: &str) -> bool {
    matches!(protocol, "HTTP" | "HTTPS")
}

/// Refuses the first of these parameters that is there.
fn refuse(form: &Form, names: &[&str], refusal: impl Fn(&str) -> Refusal) -> Result<(), Refusal> {
    names.iter().find(|name| form.has(name)).map_or(Ok(()), |name| Err(refusal(name)))
}

fn check_protocol(asked: &str, protocol: &str) -> Result<(), Refusal> {
    match asked {
        "HTTP" | "HTTPS" => Ok(()),
        "TCP" if !is_http(protocol) => Ok(()),
        "TCP" | "TLS" | "UDP" | "TCP_UDP" | "GENEVE" | "QUIC" | "TCP_QUIC" => {
            let message = format!(
                "Health check protocol '{asked}' is not supported for target groups with the {protocol} protocol"
            );
            Err(Refusal::new("InvalidConfigurationRequest", message))
        }
        _ => {
            let constraint = "Member must satisfy enum value set: [HTTP, HTTPS, TCP, TLS, UDP, TCP_UDP, GENEVE]";
            Err(Refusal::constraint("HealthCheckProtocol", asked, constraint))
        }
    }
}

/// When targets are checked where nobody says it. Sources: the API reference of `CreateTargetGroup`, and the guides to
/// Application and Network Load Balancers, which tell the timeouts by target type and by protocol of the checks.
fn default_checks(
    request: &CheckRequest,
    protocol: &str,
    target_type: TargetType,
    world: HealthChecks,
) -> HealthChecks {
    let own = HealthChecks::default();
    match target_type {
        TargetType::Lambda => {
            HealthChecks { interval_seconds: 35, timeout_seconds: 30, unhealthy_threshold: 5, enabled: false, ..own }
        }
        _ if is_http(protocol) => world,
        _ => {
            let timeout_seconds = if request.protocol == "HTTP" { 6 } else { 10 };
            HealthChecks { timeout_seconds, by_connection: request.protocol == "TCP", ..own }
        }
    }
}

fn read_checks(
    form: &Form,
    protocol: &str,
    target_type: TargetType,
    default: HealthChecks,
) -> Result<HealthChecks, Refusal> {
    let within = |name: &str, least: u32, most: u32, default: u32| {
        form.number_within(name, least, most).map(|found| found.unwrap_or(default))
    };
    let enabled = form.flag("HealthCheckEnabled")?.unwrap_or(default.enabled);
    if !enabled && target_type != TargetType::Lambda {
        return Err(Refusal::invalid(format!(
            "Health check enabled must be true for target groups with target type '{}'",
            target_type.word()
        )));
    }
    let checks = HealthChecks {
        enabled,
        interval_seconds: within("HealthCheckIntervalSeconds", 5, 300, default.interval_seconds)?,
        timeout_seconds: within("HealthCheckTimeoutSeconds", 2, 120, default.timeout_seconds)?,
        healthy_threshold: within("HealthyThresholdCount", 2, 10, default.healthy_threshold)?,
        unhealthy_threshold: within("UnhealthyThresholdCount", 2, 10, default.unhealthy_threshold)?,
        ..default
    };
    let (timeout, interval) = (checks.timeout_seconds, checks.interval_seconds);
    // Behind a network balancer a check may take as long as the interval between two.
    let may_be_equal = target_type != TargetType::Lambda && !is_http(protocol);
    if timeout < interval || may_be_equal && timeout == interval {
        return Ok(checks);
    }
    let bound = if may_be_equal { "smaller than or equal to" } else { "smaller than" };
    Err(Refusal::invalid(format!("Health check timeout '{timeout}' must be {bound} the interval '{interval}'")))
}
