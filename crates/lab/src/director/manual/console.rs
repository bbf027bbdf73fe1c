//! What people do in the console of AWS. What AWS refuses is not done.

use weir_engine::write::{OWNER_TAG, ROUTE_TAG};
use weir_sim::aws::{GroupSettings, Refusal, RuleAction};

use crate::fault::ManualChange;
use crate::provisioner::{HOST, OTHER_BALANCER, OTHER_PORT, OTHER_PRIORITY, Provisioner, SPARE};
use crate::rollout::SplitPoint;
use crate::stage::BALANCER;

use super::Director;

impl Director {
    pub(super) fn provisioner(&self) -> Provisioner<'_> {
        Provisioner::new(&self.aws, self.location.place)
    }

    /// The rule, or the listener for its default action or while there is no rule.
    fn place(&self) -> String {
        self.provisioner().found().unwrap_or_else(|| self.provisioner().listener())
    }

    pub(super) fn use_console(&self, manual: &ManualChange) -> Result<(), Refusal> {
        let provisioner = self.provisioner();
        let place = self.place();
        let place = place.as_str();
        match manual {
            ManualChange::Weights(blue, green) => self.aws.edit_weights(place, &[("blue", *blue), ("green", *green)]),
            ManualChange::Remove if place == provisioner.listener() => {
                self.aws.edit_action(place, &RuleAction::FixedResponse(404))
            }
            ManualChange::Remove => self.aws.by_hand("DeleteRule", &[("RuleArn", place)]),
            ManualChange::Untag => self.aws.tags(place).keys().try_for_each(|key| {
                self.aws.by_hand("RemoveTags", &[("ResourceArns.member.1", place), ("TagKeys.member.1", key)])
            }),
            ManualChange::Claim => {
                self.aws.add_tags(place, &[(OWNER_TAG, "somebody-else"), (ROUTE_TAG, "other/route")])
            }
            ManualChange::Detach(group) => self.detach(place, group),
            ManualChange::Only(group) => self.aws.edit_weights(place, &[(group, 1)]),
            ManualChange::Replace => self.replace(place),
            ManualChange::Renumber => provisioner.renumber(OTHER_PRIORITY),
            ManualChange::Narrow => provisioner.narrow(true),
            ManualChange::Login => provisioner.change_login(place),
            ManualChange::Novel => self.aws.add_novel_action(place),
            ManualChange::Answer => self.aws.edit_action(place, &RuleAction::FixedResponse(503)),
            ManualChange::Redirect => self.aws.edit_action(place, &RuleAction::Redirect(format!("new.{HOST}"))),
            ManualChange::RecreateGroup(group) => {
                self.detach(place, group)?;
                self.aws.remake_group(group).map(drop)
            }
            ManualChange::GiveAway(group) => self.give_away(place, group),
            ManualChange::Uncheck(group) => self.aws.set_checked(group, false),
            ManualChange::RecreateListener => {
                self.aws.by_hand("DeleteListener", &[("ListenerArn", &provisioner.listener())])?;
                provisioner.make_listener()
            }
            ManualChange::RecreateBalancer => {
                let balancer = self.aws.balancer_arn(BALANCER).unwrap_or_default();
                self.aws.by_hand("DeleteLoadBalancer", &[("LoadBalancerArn", &balancer)])?;
                self.aws.add_balancer(BALANCER)?;
                provisioner.make_listener()
            }
            with_kubectl => {
                debug_assert!(!with_kubectl.is_on_aws(), "{with_kubectl}");
                Ok(())
            }
        }
    }

    fn detach(&self, place: &str, group: &str) -> Result<(), Refusal> {
        let mut weights = self.aws.weights(place);
        if weights.remove(group).is_none() {
            return Ok(());
        }
        let left: Vec<(&str, u32)> = weights.iter().map(|(group, weight)| (group.as_str(), *weight)).collect();
        // A group that carries nothing of the others' is left with all of it, as the console has it.
        let left: Vec<(&str, u32)> = match left.as_slice() {
            [(only, _)] => vec![(only, 1)],
            _ => left,
        };
        if left.is_empty() { Ok(()) } else { self.aws.edit_weights(place, &left) }
    }

    /// A rule that is not there is not replaced.
    fn replace(&self, place: &str) -> Result<(), Refusal> {
        let provisioner = self.provisioner();
        if self.location.place != SplitPoint::DefaultAction {
            if place == provisioner.listener() {
                return Ok(());
            }
            self.aws.by_hand("DeleteRule", &[("RuleArn", place)])?;
        }
        provisioner.write()
    }

    /// A group that stays in the action, since it is alone in it, is refused to another balancer.
    fn give_away(&self, place: &str, group: &str) -> Result<(), Refusal> {
        self.detach(place, group)?;
        let listener = self.provisioner().listener_of_others(OTHER_BALANCER, OTHER_PORT)?;
        self.aws.edit_action(&listener, &RuleAction::forward(&[(group, 1)]))
    }

    /// The group that nobody names at first is made when it is needed.
    pub(super) fn make_spare(&self, group: &str) {
        if group != SPARE || self.aws.group_arn(group).is_some() {
            return;
        }
        let targets: Vec<String> = (1..=4).map(|number| format!("i-{group}-{number}")).collect();
        let targets: Vec<(&str, u16)> = targets.iter().map(|target| (target.as_str(), 8080)).collect();
        let made = self.aws.add_target_group(GroupSettings::named(group), &targets);
        debug_assert!(made.is_ok(), "{made:?}");
    }
}
