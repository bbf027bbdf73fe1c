//! What there is on AWS before anybody's tools come, as a file says it.

mod zones;

use std::collections::BTreeMap;

use serde::Deserialize;
use weir_sim::aws::{Aws, Refusal, RuleAction, TargetStickiness};

use crate::account::{make_group, make_listener};

pub use zones::{Record, Says, Zone};

/// A world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorldFile {
    /// Target groups, which are made first.
    #[serde(default)]
    pub target_groups: Vec<TargetGroup>,
    /// Application Load Balancers.
    #[serde(default)]
    pub balancers: Vec<Balancer>,
    /// Hosted zones, which are made last.
    #[serde(default)]
    pub zones: Vec<Zone>,
}

/// A target group of instances that answer, checked every ten seconds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetGroup {
    /// Its name.
    pub name: String,
    /// How many targets it has: two, where nothing is said.
    #[serde(default = "two")]
    pub targets: u32,
    /// What keeps a client with its target.
    #[serde(default)]
    pub stickiness: Stickiness,
}

/// What keeps a client with its target, in the words of ELBv2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stickiness {
    /// Nothing.
    #[default]
    Off,
    /// A cookie of the balancer.
    LbCookie,
    /// A cookie of the application.
    AppCookie,
}

/// A balancer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Balancer {
    /// Its name.
    pub name: String,
    /// Its listeners.
    #[serde(default)]
    pub listeners: Vec<Listener>,
}

/// A listener: of HTTPS on port 443, and of HTTP on any other.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listener {
    /// Its port.
    pub port: u16,
    /// The weights of the groups to which the default action forwards; it answers 503 where there are none.
    #[serde(default)]
    pub forward: BTreeMap<String, u32>,
    /// Its rules.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Its priority.
    pub priority: u32,
    /// The hosts that it is for.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The paths that it is for.
    #[serde(default)]
    pub paths: Vec<String>,
    /// The weights of the groups to which it forwards.
    pub forward: BTreeMap<String, u32>,
}

fn two() -> u32 {
    2
}

impl WorldFile {
    /// Reads a text; the error tells the line, what was found, and what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    }

    /// Makes what it says; the error tells what AWS refuses of it, and why.
    pub fn furnish(&self, aws: &Aws) -> Result<(), String> {
        for group in &self.target_groups {
            let stickiness = match group.stickiness {
                Stickiness::Off => TargetStickiness::Off,
                Stickiness::LbCookie => TargetStickiness::BalancerCookie,
                Stickiness::AppCookie => TargetStickiness::AppCookie,
            };
            let made = make_group(aws, &group.name, group.targets, stickiness);
            made.map_err(|refusal| refused(&format!("target group {}", group.name), &refusal))?;
        }
        self.balancers.iter().try_for_each(|balancer| balancer.furnish(aws))?;
        self.zones.iter().try_for_each(|zone| zone.furnish(aws))
    }
}

impl Balancer {
    fn furnish(&self, aws: &Aws) -> Result<(), String> {
        let made = aws.add_balancer(&self.name);
        made.map_err(|refusal| refused(&format!("balancer {}", self.name), &refusal))?;
        for listener in &self.listeners {
            let what = format!("listener {} of balancer {}", listener.port, self.name);
            let action =
                if listener.forward.is_empty() { RuleAction::FixedResponse(503) } else { forward(&listener.forward) };
            let arn = make_listener(aws, &self.name, listener.port, &action);
            let arn = arn.map_err(|refusal| refused(&what, &refusal))?;
            for rule in &listener.rules {
                let (hosts, paths) = (borrowed(&rule.hosts), borrowed(&rule.paths));
                let made = aws.add_rule(&arn, rule.priority, (&hosts, &paths), &forward(&rule.forward));
                made.map_err(|refusal| refused(&format!("rule {} of {what}", rule.priority), &refusal))?;
            }
        }
        Ok(())
    }
}

fn refused(what: &str, refusal: &Refusal) -> String {
    format!("{what} cannot be made: {refusal}")
}

fn forward(weights: &BTreeMap<String, u32>) -> RuleAction {
    let weights: Vec<(&str, u32)> = weights.iter().map(|(group, weight)| (group.as_str(), *weight)).collect();
    RuleAction::forward(&weights)
}

fn borrowed(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests;
