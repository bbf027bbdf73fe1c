//! Which actions AWS takes, given what there is.
//!
//! Codes are those that the service model declares for the operations. Where AWS publishes no code for a case, the
//! nearest declared one is used: `InvalidLoadBalancerAction` for lists of actions that make no sense together.

use std::collections::BTreeSet;

use super::action::{Action, ClientSecret, Deed, Forward, Kind, forward_of};
use super::arn::Resource;
use super::group::{Group, TargetStickiness, TargetType};
use super::{Balancer, BalancerKind, Elb};
use crate::aws::refusal::Refusal;

/// Groups in one forward action.
const MOST_GROUPS: usize = 5;
/// Actions of one rule.
const MOST_ACTIONS: usize = 5;

/// Where actions are to stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    pub(super) balancer: &'a Balancer,
    /// The protocol of the listener.
    pub(super) protocol: &'a str,
    /// The actions that stand there now.
    pub(super) present: &'a [Action],
}

fn invalid_action(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidLoadBalancerAction", message)
}

impl Elb {
    /// Refuses actions that AWS would not take; gives back those that it keeps.
    pub(super) fn admit(&self, ground: Ground<'_>, mut actions: Vec<Action>) -> Result<Vec<Action>, Refusal> {
        check_list(&actions)?;
        for action in &mut actions {
            match &mut action.deed {
                Deed::Forward(forward) => self.admit_forward(ground, forward)?,
                Deed::Other { kind, client_secret, .. } => {
                    admit_other(ground, *kind)?;
                    if *kind == Kind::AuthenticateOidc {
                        keep_secret(ground, client_secret)?;
                    }
                }
            }
        }
        Ok(actions)
    }

    fn admit_forward(&self, ground: Ground<'_>, forward: &Forward) -> Result<(), Refusal> {
        let Ground { balancer, protocol, .. } = ground;
        if forward.groups.len() > MOST_GROUPS {
            return Err(invalid_action(format!(
                "A forward action can have up to '{MOST_GROUPS}' target groups, not {}",
                forward.groups.len()
            )));
        }
        let mut seen = BTreeSet::new();
        for (arn, _) in &forward.groups {
            Resource::Group.check(arn)?;
            if !seen.insert(arn.as_str()) {
                return Err(invalid_action(format!("Target group '{arn}' is specified more than once")));
            }
            let group = self
                .groups
                .get(arn)
                .ok_or_else(|| Refusal::new("TargetGroupNotFound", format!("Target groups '[{arn}]' not found")))?;
            check_protocol(balancer, protocol, group)?;
            if group.target_type != TargetType::Lambda && group.vpc != balancer.vpc {
                return Err(Refusal::new(
                    "InvalidConfigurationRequest",
                    format!("Target group '{arn}' is in a different VPC than load balancer '{}'", balancer.arn),
                ));
            }
            if self.users_of(arn).any(|user| user != balancer.arn) {
                return Err(Refusal::new(
                    "TargetGroupAssociationLimit",
                    format!("The following target groups cannot be associated with more than one load balancer: {arn}"),
                ));
            }
        }
        if balancer.kind == BalancerKind::Network && forward.groups.iter().all(|(_, weight)| *weight == 0) {
            return Err(invalid_action("At least one target group must have a weight greater than 0"));
        }
        self.check_stickiness(forward)?;
        self.check_quota(ground, &seen)
    }

    /// A client that is held to one target must also be held to its group.
    fn check_stickiness(&self, forward: &Forward) -> Result<(), Refusal> {
        if forward.groups.len() < 2 {
            return Ok(());
        }
        let groups = forward.groups.iter().filter_map(|(arn, _)| self.groups.get(arn));
        for group in groups {
            match group.stickiness() {
                TargetStickiness::Off => {}
                TargetStickiness::BalancerCookie if forward.sticky => {}
                TargetStickiness::BalancerCookie => {
                    return Err(Refusal::new(
                        "InvalidConfigurationRequest",
                        "You must enable group stickiness on a rule if you enabled target stickiness on one of its \
                         target groups",
                    ));
                }
                TargetStickiness::AppCookie => {
                    return Err(Refusal::new(
                        "InvalidConfigurationRequest",
                        format!(
                            "Target group '{}' has stickiness of type 'app_cookie', which is not supported with \
                             weighted target groups",
                            group.arn
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_quota(&self, ground: Ground<'_>, groups: &BTreeSet<&str>) -> Result<(), Refusal> {
        let used: BTreeSet<&str> = self.groups_used_by(&ground.balancer.arn).collect();
        let present: BTreeSet<&str> = forward_of(ground.present)
            .into_iter()
            .flat_map(|forward| forward.groups.iter().map(|(arn, _)| arn.as_str()))
            .collect();
        let most = self.options.groups_per_balancer;
        // What stands here now may leave with this change; what is used elsewhere too is simply counted once.
        let is_new = groups.iter().any(|group| !used.contains(group));
        let after = used.union(groups).filter(|group| groups.contains(*group) || !present.contains(*group)).count();
        if is_new && after > most {
            return Err(Refusal::new(
                "TooManyUniqueTargetGroupsPerLoadBalancer",
                format!(
                    "You have reached the maximum number of unique target groups that you can associate with a load \
                     balancer of type '{}': [{most}]",
                    ground.balancer.kind.word()
                ),
            ));
        }
        Ok(())
    }

    /// Refuses stickiness to targets of a group that shares a forward without stickiness to groups.
    pub(super) fn check_group_stickiness(&self, group: &str) -> Result<(), Refusal> {
        let forwards = self.rules.values().filter_map(|rule| forward_of(&rule.actions));
        let shares =
            |forward: &&Forward| forward.groups.len() > 1 && forward.groups.iter().any(|(arn, _)| arn == group);
        if forwards.filter(shares).any(|forward| !forward.sticky) {
            return Err(Refusal::new(
                "InvalidConfigurationRequest",
                format!(
                    "This target group appears behind a rule with group stickiness disabled ({group}). You must enable \
                     group stickiness before enabling target stickiness"
                ),
            ));
        }
        Ok(())
    }
}

/// The order of actions, and that exactly one of them answers the request, as the last.
fn check_list(actions: &[Action]) -> Result<(), Refusal> {
    if actions.is_empty() {
        return Err(Refusal::invalid("At least one action must be specified"));
    }
    if actions.len() > MOST_ACTIONS {
        return Err(Refusal::new(
            "TooManyActions",
            format!("A rule can have up to '{MOST_ACTIONS}' actions, not {}", actions.len()),
        ));
    }
    let mut orders = BTreeSet::new();
    for action in actions.iter().filter(|_| actions.len() > 1) {
        let Some(order) = action.order else {
            return Err(invalid_action("An action order must be specified for every action of a rule with several"));
        };
        if !orders.insert(order) {
            return Err(invalid_action(format!("Action order '{order}' is specified more than once")));
        }
    }
    let answering = actions.iter().filter(|action| action.kind().answers()).count();
    let last_answers = actions.last().is_some_and(|action| action.kind().answers());
    if answering != 1 || !last_answers {
        return Err(invalid_action(
            "A rule must have exactly one action of type 'forward', 'redirect' or 'fixed-response', and it must be the \
             last to be performed",
        ));
    }
    Ok(())
}

/// Network balancers only forward; clients are authenticated only where they speak TLS.
fn admit_other(ground: Ground<'_>, kind: Kind) -> Result<(), Refusal> {
    if ground.balancer.kind == BalancerKind::Network {
        return Err(invalid_action(format!(
            "Actions of type '{}' are not supported by load balancers of type 'network'",
            kind.word()
        )));
    }
    let is_for_tls = matches!(kind, Kind::AuthenticateOidc | Kind::AuthenticateCognito | Kind::JwtValidation);
    if is_for_tls && ground.protocol != "HTTPS" {
        return Err(invalid_action(format!("Actions of type '{}' are supported only on HTTPS listeners", kind.word())));
    }
    Ok(())
}

/// A secret is given once and can be kept after that.
fn keep_secret(ground: Ground<'_>, secret: &mut ClientSecret) -> Result<(), Refusal> {
    match secret {
        ClientSecret::Given(_) => Ok(()),
        ClientSecret::None => Err(invalid_action(
            "An action of type 'authenticate-oidc' must have a client secret, or UseExistingClientSecret where the rule \
             has one",
        )),
        ClientSecret::Existing => {
            let known = ground.present.iter().find_map(|action| match &action.deed {
                Deed::Other { client_secret: known @ ClientSecret::Given(_), .. } => Some(known.clone()),
                _ => None,
            });
            *secret = known.ok_or_else(|| {
                invalid_action("UseExistingClientSecret is set, but there is no client secret that could be used")
            })?;
            Ok(())
        }
    }
}

fn check_protocol(balancer: &Balancer, protocol: &str, group: &Group) -> Result<(), Refusal> {
    let fits = match balancer.kind {
        BalancerKind::Application if group.target_type == TargetType::Lambda => true,
        BalancerKind::Application => matches!(group.protocol.as_str(), "HTTP" | "HTTPS"),
        BalancerKind::Network => match protocol {
            "TLS" => matches!(group.protocol.as_str(), "TCP" | "TLS"),
            other => group.protocol == other || group.protocol == "TCP_UDP",
        },
    };
    if fits {
        return Ok(());
    }
    Err(Refusal::new(
        "IncompatibleProtocols",
        format!(
            "The protocol of target group '{}' is {}, which a listener with protocol {protocol} cannot forward to",
            group.arn, group.protocol
        ),
    ))
}
