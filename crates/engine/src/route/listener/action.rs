//! Which actions of a rule answer requests, and which of them Weir may replace.

use crate::Arn;
use crate::backend::Members;
use crate::fact::{Action, ActionKind, Forward};
use crate::ready_state::{Explanation, ReadyState, because};
use crate::reason::Reason;

/// Whether an action answers requests, in a way that Weir may replace.
pub(super) fn is_terminal(kind: &ActionKind) -> bool {
    match kind {
        ActionKind::Forward(_) => true,
        ActionKind::Kept { kind, .. } => kind == "fixed-response" || kind == "redirect",
        ActionKind::Unsupported { .. } => false,
    }
}

pub(super) fn describe_action(priority: Option<i32>) -> String {
    priority.map_or_else(|| "the default action".to_owned(), |priority| format!("the rule with priority {priority}"))
}

/// The forward among actions; `None` where something else answers, in whose place one may be put: a fixed response, and
/// what somebody has put on a place of ours.
pub(super) fn forward_of<'a>(
    actions: &'a [Action],
    is_ours: bool,
    place: &str,
) -> Result<Option<&'a Forward>, Explanation> {
    for action in actions {
        match &action.kind {
            ActionKind::Kept { kind, .. } if kind == "redirect" && !is_ours => {
                let message = format!(
                    "{place} is a redirect; expected a forward or a fixed response. Point it at a target group first, or \
                     make a WeightedRoute for another place"
                );
                return Err(because(Reason::NotAForward, message));
            }
            ActionKind::Unsupported { kind } => {
                let message = format!(
                    "found an action of type {kind}, which Weir cannot write back as it is and therefore does not touch; \
                     take it out of {place}, or make a WeightedRoute for another place"
                );
                return Err(because(Reason::UnsupportedAction, message));
            }
            ActionKind::Forward(_) | ActionKind::Kept { .. } => {}
        }
    }
    Ok(actions.iter().find_map(Action::forward))
}

/// A group that no environment lends. While an environment is not known yet, it may still turn out to be that one's.
pub(super) fn unknown_group(group: &Arn, weight: u16, groups: &Members) -> ReadyState {
    let stranger = format!(
        "the action sends traffic (weight {weight}) to {group}, which belongs to no environment of spec.backends"
    );
    if let Some(unresolved) = groups.values().find_map(|group| group.as_ref().err()) {
        return ReadyState::Working(because(
            Reason::WaitingForEnvironment,
            format!("{stranger} that is known: {unresolved}"),
        ));
    }
    ReadyState::Stalled(because(Reason::UnknownTargetGroup, format!("{stranger}; add the environment that has it")))
}
