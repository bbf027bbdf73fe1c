//! The writes that Weir makes on AWS, as data, in absolute values.

use std::collections::BTreeSet;

use crate::Arn;
use crate::fact::{Action, Conditions, Forward, Tags};

/// The tag that names the installation of Weir which owns a rule or a listener's default action.
pub const OWNER_TAG: &str = "weir.dev/owner";
/// The tag that names the route, as `namespace/name`.
pub const ROUTE_TAG: &str = "weir.dev/route";
/// The tag that remembers the run that last ended on a route.
pub const LAST_RUN_TAG: &str = "weir.dev/last-run";
/// The tag that remembers what was there before Weir; where it is long it goes on in `weir.dev/before-2` and so on.
pub const BEFORE_TAG: &str = "weir.dev/before";
/// With this begin all tags of Weir, and none of anybody else.
pub const TAG_PREFIX: &str = "weir.dev/";

/// The most groups that ELBv2 takes in one forward action.
pub const MAX_GROUPS: usize = 5;
/// The highest weight that ELBv2 takes.
pub const MAX_WEIGHT: u16 = 999;
/// The longest group stickiness that ELBv2 takes, in seconds: seven days.
pub const MAX_STICKY_SECONDS: i32 = 604_800;

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Makes a rule that only forwards.
    CreateRule {
        /// The listener.
        listener: Arn,
        /// The rule's place, 1 to 50,000.
        priority: i32,
        /// Which requests it is for.
        conditions: Conditions,
        /// Where they go.
        forward: Forward,
        /// The marks that it carries from the start.
        tags: Tags,
    },
    /// Replaces all actions of a rule.
    SetRuleActions {
        /// The listener that holds the rule.
        listener: Arn,
        /// The rule.
        rule: Arn,
        /// All its actions, in order.
        actions: Vec<Action>,
    },
    /// Replaces all default actions of a listener.
    SetDefaultActions {
        /// The listener.
        listener: Arn,
        /// All its default actions, in order.
        actions: Vec<Action>,
    },
    /// Adds or replaces tags of a rule or listener; other tags stay.
    AddTags {
        /// The rule or listener.
        resource: Arn,
        /// The tags.
        tags: Tags,
    },
    /// Removes tags of a rule or listener; other tags stay.
    RemoveTags {
        /// The rule or listener.
        resource: Arn,
        /// The keys of the tags.
        keys: BTreeSet<String>,
    },
    /// Deletes a rule.
    DeleteRule {
        /// The listener that holds the rule.
        listener: Arn,
        /// The rule.
        rule: Arn,
    },
}

impl Step {
    /// The operation of ELBv2 that carries it out.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::CreateRule { .. } => "CreateRule",
            Self::SetRuleActions { .. } => "ModifyRule",
            Self::SetDefaultActions { .. } => "ModifyListener",
            Self::AddTags { .. } => "AddTags",
            Self::RemoveTags { .. } => "RemoveTags",
            Self::DeleteRule { .. } => "DeleteRule",
        }
    }

    /// What it writes to: a listener, or the resource that gets tags.
    pub fn resource(&self) -> &Arn {
        match self {
            Self::CreateRule { listener, .. }
            | Self::SetRuleActions { listener, .. }
            | Self::SetDefaultActions { listener, .. }
            | Self::DeleteRule { listener, .. } => listener,
            Self::AddTags { resource, .. } | Self::RemoveTags { resource, .. } => resource,
        }
    }

    /// What exactly it changes: a rule, a listener, or the resource that gets tags; of a rule that is yet to be made, the
    /// listener.
    pub fn target(&self) -> &Arn {
        match self {
            Self::SetRuleActions { rule, .. } | Self::DeleteRule { rule, .. } => rule,
            _ => self.resource(),
        }
    }

    /// What is written, in words: the groups with their weights, or the tags.
    pub fn words(&self) -> String {
        let list = |parts: Vec<String>| parts.join(", ");
        let tags = |tags: &Tags| list(tags.iter().map(|(key, value)| format!("{key}={value}")).collect());
        match self {
            Self::AddTags { tags: added, .. } => tags(added),
            Self::RemoveTags { keys, .. } => list(keys.iter().cloned().collect()),
            Self::DeleteRule { .. } => String::new(),
            Self::CreateRule { .. } | Self::SetRuleActions { .. } | Self::SetDefaultActions { .. } => {
                let groups = self.forward().map(|forward| &forward.groups).into_iter().flatten();
                list(groups.map(|(group, weight)| format!("{} {weight}", group.group_name())).collect())
            }
        }
    }

    /// The forward that it writes, where it writes one.
    pub fn forward(&self) -> Option<&Forward> {
        match self {
            Self::CreateRule { forward, .. } => Some(forward),
            Self::SetRuleActions { actions, .. } | Self::SetDefaultActions { actions, .. } => {
                actions.iter().find_map(Action::forward)
            }
            Self::AddTags { .. } | Self::RemoveTags { .. } | Self::DeleteRule { .. } => None,
        }
    }
}

impl Action {
    /// The forward, where the action is one.
    pub fn forward(&self) -> Option<&Forward> {
        match &self.kind {
            crate::fact::ActionKind::Forward(forward) => Some(forward),
            crate::fact::ActionKind::Kept { .. } | crate::fact::ActionKind::Unsupported { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_tells_what_it_changes_and_how() {
        let group = |name: &str| Arn::new(format!("arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/{name}/5f"));
        let forward = Forward { groups: [(group("blue"), 75), (group("green"), 25)].into(), sticky_seconds: None };
        let (listener, rule) = (Arn::new("listener"), Arn::new("rule"));
        let tags: Tags = [(OWNER_TAG.to_owned(), "acme".to_owned()), (ROUTE_TAG.to_owned(), "shop/web".to_owned())]
            .into_iter()
            .collect();
        let action = Action { kind: crate::fact::ActionKind::Forward(forward.clone()), order: None };
        let told = |step: Step| (step.target().to_string(), step.words());
        let weights = "blue 75, green 25".to_owned();
        let set = Step::SetRuleActions { listener: listener.clone(), rule: rule.clone(), actions: vec![action] };
        assert_eq!(told(set), ("rule".to_owned(), weights.clone()));
        let create = Step::CreateRule {
            listener: listener.clone(),
            priority: 5,
            conditions: Conditions::new(),
            forward,
            tags: tags.clone(),
        };
        assert_eq!(told(create), ("listener".to_owned(), weights));
        let add = Step::AddTags { resource: rule.clone(), tags };
        assert_eq!(told(add), ("rule".to_owned(), "weir.dev/owner=acme, weir.dev/route=shop/web".to_owned()));
        let remove = Step::RemoveTags { resource: rule.clone(), keys: [OWNER_TAG.to_owned()].into() };
        assert_eq!(told(remove), ("rule".to_owned(), OWNER_TAG.to_owned()));
        assert_eq!(told(Step::DeleteRule { listener, rule }), ("rule".to_owned(), String::new()));
    }
}
