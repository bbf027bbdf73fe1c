//! Listeners: `CreateListener`, `ModifyListener`, `DescribeListeners`.

use std::collections::BTreeMap;

use super::super::effect::Writer;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::timeline::Timeline;
use super::super::xml::Xml;
use super::action::Action;
use super::admit::Ground;
use super::arn::Resource;
use super::page::Page;
use super::{BalancerKind, Draft, Elb, Listener, Priority};

/// Listeners of one balancer.
const MOST_LISTENERS: usize = 50;
/// What AWS takes where no policy is asked for.
const SSL_POLICY: &str = "ELBSecurityPolicy-2016-08";

impl Elb {
    /// Makes a listener whose default actions are still to be admitted.
    pub(crate) fn make_listener(
        &mut self,
        writer: &Writer,
        balancer: &str,
        (protocol, port): (&str, u16),
        certificates: Vec<String>,
        actions: Vec<Action>,
    ) -> Result<String, Refusal> {
        let owner = self.balancer(balancer)?;
        check_protocol(owner.kind, protocol)?;
        self.check_port(balancer, port, None)?;
        check_certificates(protocol, &certificates)?;
        if self.listeners_of(balancer).count() >= MOST_LISTENERS {
            return Err(Refusal::new(
                "TooManyListeners",
                format!("The maximum number of listeners on load balancer '{balancer}' has been reached"),
            ));
        }
        let actions = self.admit(Ground { balancer: owner, protocol, present: &[] }, actions)?;
        let arn = self.registrar.within(Resource::Listener, balancer);
        let listener = Listener {
            arn: arn.clone(),
            balancer: balancer.to_owned(),
            port,
            protocol: protocol.to_owned(),
            certificates,
            ssl_policy: is_secure(protocol).then(|| SSL_POLICY.to_owned()),
            rules: BTreeMap::new(),
            plane: Timeline::default(),
        };
        self.listeners.insert(arn.clone(), listener);
        let draft = Draft { priority: Priority::Default, conditions: Vec::new(), actions, transforms: None };
        self.add_rule(writer, &arn, draft);
        Ok(arn)
    }

    pub(super) fn create_listener(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let balancer = form.required("LoadBalancerArn")?;
        self.balancer(balancer)?;
        let protocol = form.required("Protocol")?;
        let port = read_port(form)?.ok_or_else(|| Refusal::missing("Port"))?;
        let actions = Action::read_all(&form.list("DefaultActions"))?;
        let tags = Self::read_tags(form)?;
        let same = self.listeners_of(balancer).find(|listener| {
            let present = self.rules.get(listener.default_rule()).map(|rule| &rule.actions);
            listener.port == port && listener.protocol == protocol && present == Some(&actions)
        });
        let arn = match same {
            // The same wish twice is granted once.
            Some(listener) => listener.arn.clone(),
            None => self.make_listener(writer, balancer, (protocol, port), read_certificates(form), actions)?,
        };
        if let Some(listener) = self.listeners.get_mut(&arn)
            && let Some(policy) = form.text("SslPolicy")
        {
            listener.ssl_policy = Some(policy.to_owned());
        }
        self.put_tags(writer, &arn, tags)?;
        Ok(vec![Xml::list("Listeners", [self.describe_listener(self.listener(&arn)?)])])
    }

    pub(super) fn modify_listener(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let arn = form.required("ListenerArn")?;
        let listener = self.listener(arn)?;
        let balancer = self.balancer(&listener.balancer)?;
        let port = read_port(form)?.unwrap_or(listener.port);
        let protocol = form.text("Protocol").unwrap_or(&listener.protocol).to_owned();
        check_protocol(balancer.kind, &protocol)?;
        self.check_port(&listener.balancer, port, Some(arn))?;
        let certificates = match read_certificates(form) {
            none if none.is_empty() && is_secure(&protocol) => listener.certificates.clone(),
            given => given,
        };
        check_certificates(&protocol, &certificates)?;
        let rule = listener.default_rule().to_owned();
        let present = self.rule(&rule)?.actions.as_slice();
        let actions = if form.has("DefaultActions") {
            let actions = Action::read_all(&form.list("DefaultActions"))?;
            Some(self.admit(Ground { balancer, protocol: &protocol, present }, actions)?)
        } else {
            None
        };
        if let Some(listener) = self.listeners.get_mut(arn) {
            listener.port = port;
            let policy = form.text("SslPolicy").map(str::to_owned).or_else(|| listener.ssl_policy.take());
            let secure = is_secure(&protocol);
            listener.ssl_policy = policy.or_else(|| Some(SSL_POLICY.to_owned())).filter(|_| secure);
            listener.protocol = protocol;
            listener.certificates = certificates;
        }
        if let Some(actions) = actions {
            self.put_actions(writer, &rule, actions);
        }
        Ok(vec![Xml::list("Listeners", [self.describe_listener(self.listener(arn)?)])])
    }

    pub(super) fn describe_listeners(&self, form: &Form, _: &Writer) -> Result<Vec<Xml>, Refusal> {
        let (balancer, arns) = (form.text("LoadBalancerArn"), form.texts("ListenerArns"));
        let found: Vec<&Listener> = match (balancer, arns.as_slice()) {
            (Some(_), [_, ..]) | (None, []) => {
                return Err(Refusal::invalid("You must specify either listener ARNs or a load balancer ARN"));
            }
            (Some(balancer), []) => self.listeners_of(&self.balancer(balancer)?.arn).collect(),
            (None, arns) => arns.iter().map(|arn| self.listener(arn)).collect::<Result<_, _>>()?,
        };
        // The order is that of the identifiers, which means nothing: AWS promises none.
        let keyed: BTreeMap<String, &Listener> =
            found.into_iter().map(|listener| (listener.arn.clone(), listener)).collect();
        Ok(Page::of(form, keyed)?.describe("Listeners", |listener| self.describe_listener(listener)))
    }

    fn describe_listener(&self, listener: &Listener) -> Vec<Xml> {
        let actions = self.rules.get(listener.default_rule()).map(|rule| rule.actions.as_slice()).unwrap_or_default();
        let mut elements = vec![
            Xml::text("ListenerArn", &listener.arn),
            Xml::text("LoadBalancerArn", &listener.balancer),
            Xml::text("Port", listener.port),
            Xml::text("Protocol", &listener.protocol),
            Xml::list("DefaultActions", actions.iter().map(Action::describe)),
        ];
        if is_secure(&listener.protocol) {
            let certificates = listener.certificates.iter().map(|arn| vec![Xml::text("CertificateArn", arn)]);
            elements.push(Xml::list("Certificates", certificates));
            elements.extend(listener.ssl_policy.as_ref().map(|policy| Xml::text("SslPolicy", policy)));
        }
        elements
    }

    /// Each port of a balancer has one listener.
    fn check_port(&self, balancer: &str, port: u16, except: Option<&str>) -> Result<(), Refusal> {
        let taken = |listener: &Listener| listener.port == port && except != Some(listener.arn.as_str());
        if self.listeners_of(balancer).any(taken) {
            return Err(Refusal::new(
                "DuplicateListener",
                format!("A listener already exists on this port for this load balancer '{balancer}'"),
            ));
        }
        Ok(())
    }
}

fn is_secure(protocol: &str) -> bool {
    matches!(protocol, "HTTPS" | "TLS")
}

fn read_port(form: &Form) -> Result<Option<u16>, Refusal> {
    Ok(form.number_within("Port", 1, u32::from(u16::MAX))?.and_then(|port| u16::try_from(port).ok()))
}

fn read_certificates(form: &Form) -> Vec<String> {
    let arns = form.list("Certificates").into_iter().filter_map(|certificate| certificate.text("CertificateArn"));
    arns.map(str::to_owned).collect()
}

fn check_protocol(kind: BalancerKind, protocol: &str) -> Result<(), Refusal> {
    let fits = match kind {
        BalancerKind::Application => matches!(protocol, "HTTP" | "HTTPS"),
        BalancerKind::Network => matches!(protocol, "TCP" | "TLS" | "UDP" | "TCP_UDP"),
    };
    if fits {
        return Ok(());
    }
    let possible = match kind {
        BalancerKind::Application => "HTTPS, HTTP",
        BalancerKind::Network => "UDP, TLS, TCP_UDP, TCP",
    };
    Err(Refusal::invalid(format!("Listener protocol '{protocol}' must be one of '{possible}'")))
}

fn check_certificates(protocol: &str, certificates: &[String]) -> Result<(), Refusal> {
    let what = match (is_secure(protocol), certificates.is_empty()) {
        (true, true) => "must",
        (false, false) => "cannot",
        (true, false) | (false, true) => return Ok(()),
    };
    Err(Refusal::invalid(format!("A certificate {what} be specified for {protocol} listeners")))
}
