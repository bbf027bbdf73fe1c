//! Whoever made the place of a rollout before Weir came, and makes it again where it is gone: with Terraform, say.
//!
//! What a provisioner writes is what was there at first: clients sign in, and then all of them are sent to blue. Of Weir's
//! marks he knows nothing.

use weir_sim::aws::{Aws, Refusal, RuleAction};

use crate::rollout::{PRIORITY, SplitPoint};
use crate::stage::{BALANCER, PORT};

/// The host that the rule of a rollout is for.
pub(crate) const HOST: &str = "checkout.shop.test";
/// The number that somebody gives the rule instead of its own.
pub(crate) const OTHER_PRIORITY: u32 = 20;
/// A balancer of others.
pub(crate) const OTHER_BALANCER: &str = "shop-other";
/// The port of a listener of others, on either balancer.
pub(crate) const OTHER_PORT: u16 = 8443;
/// A group that no environment names at first.
pub(crate) const SPARE: &str = "spare";

/// The parameters of a request.
type Parameters = Vec<(String, String)>;

/// The provisioner of the place of a rollout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Provisioner<'a> {
    aws: &'a Aws,
    place: SplitPoint,
}

impl<'a> Provisioner<'a> {
    pub fn new(aws: &'a Aws, place: SplitPoint) -> Self {
        Self { aws, place }
    }

    /// The listener, wherever it is now.
    pub fn listener(self) -> String {
        self.aws.listener_arn(BALANCER, PORT).unwrap_or_default()
    }

    /// The rule of the rollout, whatever its number is now.
    pub fn rule(self) -> Option<String> {
        let rules = self.aws.rule_arns(&self.listener());
        [PRIORITY, OTHER_PRIORITY].iter().find_map(|priority| rules.get(priority).cloned())
    }

    /// What the rollout moves: the rule, or the listener for its default action; `None` where there is no rule.
    pub fn found(self) -> Option<String> {
        match self.place {
            SplitPoint::DefaultAction => Some(self.listener()),
            SplitPoint::Rule | SplitPoint::AdoptedRule => self.rule(),
        }
    }

    /// Whether others have made the place, so that they bring it back.
    pub fn is_his(self) -> bool {
        matches!(self.place, SplitPoint::DefaultAction | SplitPoint::AdoptedRule)
    }

    /// Writes the place as it was at first; a rule that is not there is made.
    pub fn write(self) -> Result<(), Refusal> {
        match self.found() {
            Some(place) => self.sign_in_before(&place, "shop", &[("blue", 1)], None),
            None => self.make_rule(HOST),
        }
    }

    /// Makes the rule with its login, for a host.
    pub fn make_rule(self, host: &str) -> Result<(), Refusal> {
        let mut parameters =
            vec![("ListenerArn".to_owned(), self.listener()), ("Priority".to_owned(), PRIORITY.to_string())];
        parameters.extend(conditions(host, &[]));
        parameters.extend(self.login("Actions", "shop", &[("blue", 1)]));
        self.ask("CreateRule", &parameters)
    }

    /// Lets clients of a place sign in, and then sends them to groups.
    pub fn sign_in_before(
        self,
        place: &str,
        client: &str,
        weights: &[(&str, u32)],
        sticky_seconds: Option<u32>,
    ) -> Result<(), Refusal> {
        let (operation, kind, list) = if place == self.listener() {
            ("ModifyListener", "ListenerArn", "DefaultActions")
        } else {
            ("ModifyRule", "RuleArn", "Actions")
        };
        let mut parameters = vec![(kind.to_owned(), place.to_owned())];
        parameters.extend(self.login(list, client, weights));
        if let Some(seconds) = sticky_seconds {
            let config = format!("{list}.member.2.ForwardConfig.TargetGroupStickinessConfig");
            parameters.push((format!("{config}.Enabled"), "true".to_owned()));
            parameters.push((format!("{config}.DurationSeconds"), seconds.to_string()));
        }
        self.ask(operation, &parameters)
    }

    /// Lets clients of a place sign in as clients of another application, and leaves the forward as it is.
    pub fn change_login(self, place: &str) -> Result<(), Refusal> {
        let weights = self.aws.weights(place);
        let weights: Vec<(&str, u32)> = weights.iter().map(|(group, weight)| (group.as_str(), *weight)).collect();
        if weights.is_empty() {
            return Ok(());
        }
        self.sign_in_before(place, "another", &weights, self.aws.sticky_seconds(place))
    }

    /// Makes the rule for some of its requests only (true), or for all of them again.
    pub fn narrow(self, narrowed: bool) -> Result<(), Refusal> {
        let Some(rule) = self.rule() else { return Ok(()) };
        let mut parameters = vec![("RuleArn".to_owned(), rule)];
        parameters.extend(conditions(HOST, if narrowed { &["/new/*"] } else { &[] }));
        self.ask("ModifyRule", &parameters)
    }

    /// Gives the rule a number.
    pub fn renumber(self, priority: u32) -> Result<(), Refusal> {
        let Some(rule) = self.rule() else { return Ok(()) };
        let member = "RulePriorities.member.1";
        let pairs = [(format!("{member}.RuleArn"), rule), (format!("{member}.Priority"), priority.to_string())];
        self.ask("SetRulePriorities", &pairs)
    }

    /// Makes the listener that is gone, with the rules that are his.
    pub fn make_listener(self) -> Result<(), Refusal> {
        self.aws.add_listener(BALANCER, "HTTPS", PORT, &RuleAction::FixedResponse(503))?;
        if self.is_his() { self.write() } else { Ok(()) }
    }

    /// A listener of others on a balancer, which they make unless it is there.
    pub fn listener_of_others(self, balancer: &str, port: u16) -> Result<String, Refusal> {
        if self.aws.balancer_arn(balancer).is_none() {
            self.aws.add_balancer(balancer)?;
        }
        match self.aws.listener_arn(balancer, port) {
            Some(listener) => Ok(listener),
            None => self.aws.add_listener(balancer, "HTTPS", port, &RuleAction::FixedResponse(404)),
        }
    }

    /// Carries out an operation as a person in the console does.
    pub fn ask(self, operation: &str, parameters: &[(String, String)]) -> Result<(), Refusal> {
        let parameters: Vec<(&str, &str)> =
            parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.aws.by_hand(operation, &parameters)
    }

    /// A login, and then a forward.
    fn login(self, list: &str, client: &str, weights: &[(&str, u32)]) -> Parameters {
        let oidc = format!("{list}.member.1.AuthenticateOidcConfig");
        let mut parameters: Parameters = [
            (format!("{list}.member.1.Type"), "authenticate-oidc"),
            (format!("{list}.member.1.Order"), "1"),
            (format!("{oidc}.Issuer"), "https://id.shop.test"),
            (format!("{oidc}.AuthorizationEndpoint"), "https://id.shop.test/authorize"),
            (format!("{oidc}.TokenEndpoint"), "https://id.shop.test/token"),
            (format!("{oidc}.UserInfoEndpoint"), "https://id.shop.test/user"),
            (format!("{oidc}.ClientId"), client),
            (format!("{oidc}.ClientSecret"), "known to AWS alone"),
            (format!("{list}.member.2.Type"), "forward"),
            (format!("{list}.member.2.Order"), "2"),
        ]
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
        for (number, (group, weight)) in (1..).zip(weights) {
            let tuple = format!("{list}.member.2.ForwardConfig.TargetGroups.member.{number}");
            parameters.push((format!("{tuple}.TargetGroupArn"), self.aws.group_arn(group).unwrap_or_default()));
            parameters.push((format!("{tuple}.Weight"), weight.to_string()));
        }
        parameters
    }
}

/// The condition of a rule for a host, and one more for these paths.
fn conditions(host: &str, paths: &[&str]) -> Parameters {
    let mut parameters = vec![
        ("Conditions.member.1.Field".to_owned(), "host-header".to_owned()),
        ("Conditions.member.1.HostHeaderConfig.Values.member.1".to_owned(), host.to_owned()),
    ];
    for (number, path) in (1..).zip(paths) {
        parameters.push(("Conditions.member.2.Field".to_owned(), "path-pattern".to_owned()));
        parameters.push((format!("Conditions.member.2.PathPatternConfig.Values.member.{number}"), (*path).to_owned()));
    }
    parameters
}
