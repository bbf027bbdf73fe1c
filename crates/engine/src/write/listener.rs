//! Writes to a listener of an application balancer: its default action and its rules.

use crate::Arn;
use crate::fact::{Action, Conditions, Forward, Tags};

/// The most groups that ELBv2 takes in one forward action.
pub const MAX_GROUPS: usize = 5;
/// The highest weight that ELBv2 takes.
pub const MAX_WEIGHT: u16 = 999;
/// The longest group stickiness that ELBv2 takes, in seconds: seven days.
pub const MAX_STICKY_SECONDS: i32 = 604_800;

/// One write to a listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListenerWrite {
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
    /// Deletes a rule.
    DeleteRule {
        /// The listener that holds the rule.
        listener: Arn,
        /// The rule.
        rule: Arn,
    },
}

impl ListenerWrite {
    /// The operation of ELBv2 that carries it out.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::CreateRule { .. } => "CreateRule",
            Self::SetRuleActions { .. } => "ModifyRule",
            Self::SetDefaultActions { .. } => "ModifyListener",
            Self::DeleteRule { .. } => "DeleteRule",
        }
    }

    /// The listener.
    pub fn listener(&self) -> &Arn {
        match self {
            Self::CreateRule { listener, .. }
            | Self::SetRuleActions { listener, .. }
            | Self::SetDefaultActions { listener, .. }
            | Self::DeleteRule { listener, .. } => listener,
        }
    }

    /// What exactly it changes: a rule, or the listener; of a rule that is yet to be made, the listener.
    pub fn target(&self) -> &Arn {
        match self {
            Self::SetRuleActions { rule, .. } | Self::DeleteRule { rule, .. } => rule,
            Self::CreateRule { listener, .. } | Self::SetDefaultActions { listener, .. } => listener,
        }
    }

    /// The forward that it writes, where it writes one.
    pub fn forward(&self) -> Option<&Forward> {
        match self {
            Self::CreateRule { forward, .. } => Some(forward),
            Self::SetRuleActions { actions, .. } | Self::SetDefaultActions { actions, .. } => {
                actions.iter().find_map(Action::forward)
            }
            Self::DeleteRule { .. } => None,
        }
    }

    /// The groups that are written, with their weights.
    pub fn words(&self) -> String {
        let groups = self.forward().map(|forward| &forward.groups).into_iter().flatten();
        let words: Vec<String> = groups.map(|(group, weight)| format!("{} {weight}", group.group_name())).collect();
        words.join(", ")
    }
}
