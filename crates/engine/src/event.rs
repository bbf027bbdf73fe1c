//! Kubernetes events as data: what a change of status tells the user.

use weir_api::command::{CommandEffect, LastCommand};

use crate::reason::Reason;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Event {
    /// Whether somebody should look.
    pub warning: bool,
    /// What has happened.
    pub reason: Reason,
    /// In words.
    pub message: String,
}

impl Event {
    /// An event that tells of the ordinary course.
    pub fn normal(reason: Reason, message: impl Into<String>) -> Self {
        Self { warning: false, reason, message: message.into() }
    }

    /// What became of a command: whoever gave one that was refused should look.
    pub fn about_command(last: &LastCommand) -> Self {
        let message = format!("{}: {}", last.command, last.result);
        Self { warning: last.effect == CommandEffect::Refused, reason: Reason::Command, message }
    }

    /// An event that somebody should look at.
    pub fn warning(reason: Reason, message: impl Into<String>) -> Self {
        Self { warning: true, reason, message: message.into() }
    }
}
