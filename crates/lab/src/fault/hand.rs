//! What people do by hand: in the console of AWS, and with kubectl.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that somebody does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Hand {
    /// Sets other weights of blue and green in the console.
    Weights(u32, u32),
    /// Sets these weights of blue and green in the console again and again, every 20 s, so many times, whatever is there.
    Fight(u32, u32, u32),
    /// Deletes the rule, or lets the listener answer 404 by itself where the default action is moved.
    Remove,
    /// Takes all tags from the rule or listener.
    Untag,
    /// Marks the rule or listener for another installation.
    Claim,
    /// Takes a group out of the action.
    Detach(String),
    /// Wishes the traffic on another environment.
    To(String),
    /// Sets `spec.paused`.
    Paused(bool),
    /// Gives a command by its verb.
    Command(String),
    /// Deletes the shift.
    DeleteShift,
    /// Deletes the shift and makes it again under the same name.
    RecreateShift,
    /// Deletes the route and makes it again under the same name.
    RecreateRoute,
    /// Deletes an environment and makes it again under the same name.
    RecreateEnvironment(String),
    /// Takes the status away from all objects.
    WipeStatuses,
}

impl Hand {
    /// Whether it is done on AWS, and not with kubectl.
    pub fn is_on_aws(&self) -> bool {
        match self {
            Self::Weights(..) | Self::Fight(..) | Self::Remove | Self::Untag | Self::Claim | Self::Detach(_) => true,
            Self::To(_)
            | Self::Paused(_)
            | Self::Command(_)
            | Self::DeleteShift
            | Self::RecreateShift
            | Self::RecreateRoute
            | Self::RecreateEnvironment(_)
            | Self::WipeStatuses => false,
        }
    }
}

impl fmt::Display for Hand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weights(blue, green) => write!(formatter, "the console sets blue {blue}, green {green}"),
            Self::Fight(blue, green, times) => {
                write!(formatter, "somebody sets blue {blue}, green {green} every 20 s, {times} times")
            }
            Self::Remove => write!(formatter, "the console removes the rule or the forward"),
            Self::Untag => write!(formatter, "the console removes all tags"),
            Self::Claim => write!(formatter, "another installation marks the place as its own"),
            Self::Detach(group) => write!(formatter, "the console takes {group} out of the action"),
            Self::To(to) => write!(formatter, "kubectl sets to: {to}"),
            Self::Paused(paused) => write!(formatter, "kubectl sets paused: {paused}"),
            Self::Command(verb) => write!(formatter, "kubectl gives the command {verb}"),
            Self::DeleteShift => write!(formatter, "kubectl deletes the shift"),
            Self::RecreateShift => write!(formatter, "kubectl deletes the shift and makes it again"),
            Self::RecreateRoute => write!(formatter, "kubectl deletes the route and makes it again"),
            Self::RecreateEnvironment(name) => write!(formatter, "kubectl deletes {name} and makes it again"),
            Self::WipeStatuses => write!(formatter, "all statuses are lost"),
        }
    }
}
