//! Kubernetes events as data: what a change of status tells the user.

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Event {
    /// Whether somebody should look.
    pub warning: bool,
    /// As one word in CamelCase.
    pub reason: &'static str,
    /// In words.
    pub message: String,
}

impl Event {
    /// An event that tells of the ordinary course.
    pub fn normal(reason: &'static str, message: impl Into<String>) -> Self {
        Self { warning: false, reason, message: message.into() }
    }

    /// An event that somebody should look at.
    pub fn warning(reason: &'static str, message: impl Into<String>) -> Self {
        Self { warning: true, reason, message: message.into() }
    }
}
