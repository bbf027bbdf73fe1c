//! The one-time commands that users give a shift, or a route, by annotation.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

/// The annotation that carries a command: `<verb>/<token>`. A token that was not seen before gives the command;
/// its absence, or the same token again, means nothing.
pub const COMMAND_ANNOTATION: &str = "weir.dev/command";

/// From this length on, in bytes, a text is no command any more: the longest is `promote/` with a token of 63.
const TOO_LONG: usize = 72;
/// How long a token may be, in bytes.
const LONGEST_TOKEN: usize = 63;

/// As much of an annotation's text as is kept and shown. What is cut off is too long to be a command with or without it.
pub fn shown(text: &str) -> &str {
    let mut ends = text.char_indices().map(|(at, letter)| at + letter.len_utf8());
    &text[..ends.find(|end| *end >= TOO_LONG).unwrap_or(text.len())]
}

/// What a user may command: a shift all of it, a route to `resume` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Hold the run where it is.
    Pause,
    /// Go on where the run is held, or in a pause that has no end of its own. On a route: accept what is live, or, where `drift` is `Correct`,
    /// correct again.
    Resume,
    /// End the present pause at once, whatever it is, and take the next step.
    Promote,
    /// Roll the run back.
    Abort,
    /// Start again after a run that was rolled back or failed.
    Retry,
}

/// A command as it stands in the annotation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Command {
    /// What to do.
    pub verb: Verb,
    /// Tells this command from an earlier one with the same verb.
    pub token: String,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 5] = [Self::Pause, Self::Resume, Self::Promote, Self::Abort, Self::Retry];

    /// The word that is written in the annotation.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Promote => "promote",
            Self::Abort => "abort",
            Self::Retry => "retry",
        }
    }
}

impl FromStr for Command {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || {
            format!(
                "found the command {:?} in the annotation {COMMAND_ANNOTATION}; expected <verb>/<token> with one of \
                 the verbs pause, resume, promote, abort, retry and a token of 1 to 63 characters, such as abort/1",
                shown(text)
            )
        };
        let (verb, token) = text.split_once('/').ok_or_else(refuse)?;
        let verb = Verb::ALL.into_iter().find(|known| known.word() == verb).ok_or_else(refuse)?;
        if token.is_empty() || token.len() > LONGEST_TOKEN {
            return Err(refuse());
        }
        Ok(Self { verb, token: token.to_owned() })
    }
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.verb.word(), self.token)
    }
}

/// A command that was seen.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastCommand {
    /// The annotation's value; of one that is too long to be a command, the beginning.
    pub command: String,
    /// What became of it, in words.
    pub result: String,
    /// Whether it was carried out.
    #[serde(default)]
    #[schemars(transform = without_default)]
    pub effect: CommandEffect,
    /// When it was seen.
    pub at: Timestamp,
}

/// Whether a command was carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CommandEffect {
    /// It was.
    #[default]
    Accepted,
    /// It was not: it is no command, or there was nothing that it could do.
    Refused,
}

/// An API server fills in a default before anybody sees what an earlier version has said in other words.
fn without_default(schema: &mut Schema) {
    schema.remove("default");
}

impl LastCommand {
    /// Whether this verb was commanded, and carried out.
    pub fn is_accepted(&self, verb: Verb) -> bool {
        self.effect == CommandEffect::Accepted
            && self.command.parse::<Command>().is_ok_and(|command| command.verb == verb)
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Verb, shown};

    #[test]
    fn reads_back_what_it_prints() {
        for text in ["pause/1", "resume/a-b", "promote/2026-11-21T10:00:00Z", "abort/x/y", "retry/1"] {
            assert_eq!(text.parse::<Command>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_cut_off_makes_no_command() {
        for verb in Verb::ALL {
            for letter in ["x", "ü", "好", "🙂"] {
                let long = format!("{}/{}", verb.word(), letter.repeat(1_000));
                assert!(shown(&long).len() < 76, "{long}");
                assert!(shown(&long).parse::<Command>().unwrap_err().len() < 400, "{long}");
            }
            let longest = format!("{}/{}", verb.word(), "x".repeat(63));
            assert_eq!(shown(&longest), longest);
            assert!(longest.parse::<Command>().is_ok());
        }
    }

    #[test]
    fn says_what_to_write_instead() {
        for text in ["", "abort", "abort/", "stop/1", "Abort/1"] {
            assert!(text.parse::<Command>().unwrap_err().contains("such as abort/1"), "{text}");
        }
    }
}
