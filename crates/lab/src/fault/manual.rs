//! What people do by hand: in the console of AWS, and with kubectl.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that somebody does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ManualChange {
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
    /// Lets one group have all the traffic, and takes the others out of the action.
    Only(String),
    /// Deletes the rule and makes it again, or writes the default action, as its provisioner had it: with its login and all the
    /// traffic on blue.
    Replace,
    /// Gives the rule another number.
    Renumber,
    /// Gives the rule one more condition.
    Narrow,
    /// Puts a login before the forward, in place of the one that is there.
    Login,
    /// Puts an action before the forward that no client can write back.
    Novel,
    /// Answers with 503 in place of the forward.
    Answer,
    /// Redirects in place of the forward.
    Redirect,
    /// Takes a group out of the action, deletes it, and makes it again under its name with the same targets.
    RecreateGroup(String),
    /// Takes a group out of the action and uses it behind another balancer.
    GiveAway(String),
    /// Switches the health checks of a group off.
    Uncheck(String),
    /// Deletes the listener with its rules, and makes it again with what its provisioner had there.
    RecreateListener,
    /// Deletes the balancer, and makes it again under its name with what its provisioner had there.
    RecreateBalancer,
    /// Wishes the traffic on another environment.
    To(String),
    /// Wishes the traffic on one environment, and a second later on another.
    ToTwice(String, String),
    /// Gives the strategy other steps.
    Strategy(Vec<u32>),
    /// Sets `spec.paused`.
    Paused(bool),
    /// Gives a command by its verb.
    Command(String),
    /// Gives a command, and a second later once more.
    CommandTwice(String),
    /// Points an environment to another group.
    PointEnvironment(String, String),
    /// Points the entry point to another port of its balancer.
    PointPort,
    /// Points the entry point to another balancer.
    PointBalancer,
    /// Takes an environment out of the backends of the route.
    DropBackend(String),
    /// Deletes the entry point.
    DeleteEntryPoint,
    /// Deletes an environment.
    DeleteEnvironment(String),
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

impl ManualChange {
    /// Whether it is done on AWS, and not with kubectl.
    pub fn is_on_aws(&self) -> bool {
        match self {
            Self::Weights(..)
            | Self::Fight(..)
            | Self::Remove
            | Self::Untag
            | Self::Claim
            | Self::Detach(_)
            | Self::Only(_)
            | Self::Replace
            | Self::Renumber
            | Self::Narrow
            | Self::Login
            | Self::Novel
            | Self::Answer
            | Self::Redirect
            | Self::RecreateGroup(_)
            | Self::GiveAway(_)
            | Self::Uncheck(_)
            | Self::RecreateListener
            | Self::RecreateBalancer => true,
            Self::To(_)
            | Self::ToTwice(..)
            | Self::Strategy(_)
            | Self::Paused(_)
            | Self::Command(_)
            | Self::CommandTwice(_)
            | Self::PointEnvironment(..)
            | Self::PointPort
            | Self::PointBalancer
            | Self::DropBackend(_)
            | Self::DeleteEntryPoint
            | Self::DeleteEnvironment(_)
            | Self::DeleteShift
            | Self::RecreateShift
            | Self::RecreateRoute
            | Self::RecreateEnvironment(_)
            | Self::WipeStatuses => false,
        }
    }

    /// Whether it takes the place away, or others' actions or tags of it with it: then these need not be there in the end.
    pub fn rewrites_the_place(&self) -> bool {
        matches!(
            self,
            Self::Remove
                | Self::Untag
                | Self::Claim
                | Self::Detach(_)
                | Self::Replace
                | Self::Novel
                | Self::Answer
                | Self::Redirect
                | Self::RecreateListener
                | Self::RecreateBalancer
        )
    }
}

impl fmt::Display for ManualChange {
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
            Self::Only(group) => write!(formatter, "the console sends everything to {group} alone"),
            Self::Replace => write!(formatter, "its maker makes the rule or default action anew"),
            Self::Renumber => write!(formatter, "the console gives the rule another number"),
            Self::Narrow => write!(formatter, "the console gives the rule one more condition"),
            Self::Login => write!(formatter, "the console puts another login before the forward"),
            Self::Novel => write!(formatter, "the console puts an action before the forward that no client knows"),
            Self::Answer => write!(formatter, "the console answers 503 in place of the forward"),
            Self::Redirect => write!(formatter, "the console redirects in place of the forward"),
            Self::RecreateGroup(group) => write!(formatter, "{group} is deleted and made again under its name"),
            Self::GiveAway(group) => write!(formatter, "{group} is put behind another balancer"),
            Self::Uncheck(group) => write!(formatter, "the health checks of {group} are switched off"),
            Self::RecreateListener => write!(formatter, "the listener is deleted and made again"),
            Self::RecreateBalancer => write!(formatter, "the balancer is deleted and made again under its name"),
            Self::To(to) => write!(formatter, "kubectl sets to: {to}"),
            Self::ToTwice(first, then) => write!(formatter, "kubectl sets to: {first}, and a second later to: {then}"),
            Self::Strategy(weights) => write!(formatter, "kubectl sets the steps {weights:?}"),
            Self::Paused(paused) => write!(formatter, "kubectl sets paused: {paused}"),
            Self::Command(verb) => write!(formatter, "kubectl gives the command {verb}"),
            Self::CommandTwice(verb) => write!(formatter, "kubectl gives the command {verb} twice"),
            Self::PointEnvironment(name, group) => write!(formatter, "kubectl points {name} to the group {group}"),
            Self::PointPort => write!(formatter, "kubectl points the entry point to another port"),
            Self::PointBalancer => write!(formatter, "kubectl points the entry point to another balancer"),
            Self::DropBackend(name) => write!(formatter, "kubectl takes {name} out of the backends"),
            Self::DeleteEntryPoint => write!(formatter, "kubectl deletes the entry point"),
            Self::DeleteEnvironment(name) => write!(formatter, "kubectl deletes {name}"),
            Self::DeleteShift => write!(formatter, "kubectl deletes the shift"),
            Self::RecreateShift => write!(formatter, "kubectl deletes the shift and makes it again"),
            Self::RecreateRoute => write!(formatter, "kubectl deletes the route and makes it again"),
            Self::RecreateEnvironment(name) => write!(formatter, "kubectl deletes {name} and makes it again"),
            Self::WipeStatuses => write!(formatter, "all statuses are lost"),
        }
    }
}
