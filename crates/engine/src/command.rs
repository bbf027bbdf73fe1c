//! What becomes of the commands that users give by annotation. Each is carried out once, and what became of it is recorded;
//! one that has nothing to do is ignored, and has no effect later.

use jiff::Timestamp;
use weir_api::command::{CommandEffect, LastCommand};

/// What a command did, or why it did nothing.
pub(crate) type Outcome = Result<String, String>;

/// A command that does nothing, and why.
pub(crate) fn ignored(why: &str) -> Outcome {
    Err(format!("ignored: {why}"))
}

/// The command that an object carries, unless it is the one that was seen last.
pub(crate) fn unseen<'a>(given: Option<&'a String>, last: Option<&LastCommand>) -> Option<&'a String> {
    given.filter(|given| last.is_none_or(|last| last.command != **given))
}

/// The record of a command that was seen.
pub(crate) fn record(command: &str, outcome: Outcome, at: Timestamp) -> LastCommand {
    let effect = if outcome.is_ok() { CommandEffect::Accepted } else { CommandEffect::Refused };
    let (Ok(result) | Err(result)) = outcome;
    LastCommand { command: command.to_owned(), result, effect, at }
}
