//! How AWS says no: a code, a message, a status.

use std::fmt::Display;
use std::ops::RangeInclusive;

use http::StatusCode;

use super::xml::Xml;

/// An answer of AWS that is an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The code, for example `RuleNotFound`.
    pub code: &'static str,
    /// What AWS says to a person.
    pub message: String,
    /// The HTTP status.
    pub status: StatusCode,
}

impl Refusal {
    /// An error of the caller with status 400, as nearly all of ELBv2's are.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: StatusCode::BAD_REQUEST }
    }

    /// An error about who is calling, with status 403.
    pub(crate) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: StatusCode::FORBIDDEN }
    }

    /// A parameter that does not fit its declared form.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new("ValidationError", message)
    }

    /// A required parameter that is not there.
    pub(crate) fn missing(name: &str) -> Self {
        Self::constraint(name, "null", "Member must not be null")
    }

    /// A parameter outside its declared constraint, in the words that all Query services of AWS use.
    pub(crate) fn constraint(name: &str, found: &str, constraint: &str) -> Self {
        let mut letters = name.chars();
        let first = letters.next().map(|letter| letter.to_ascii_lowercase());
        let name: String = first.into_iter().chain(letters).collect();
        let found = if found == "null" { found.to_owned() } else { format!("'{found}'") };
        Self::invalid(format!(
            "1 validation error detected: Value {found} at '{name}' failed to satisfy constraint: {constraint}"
        ))
    }

    /// The same with another status.
    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(super) fn xml(&self) -> Xml {
        let side = if self.status.is_server_error() { "Receiver" } else { "Sender" };
        Xml::of(
            "Error",
            vec![Xml::text("Type", side), Xml::text("Code", self.code), Xml::text("Message", &self.message)],
        )
    }
}

/// The constraint that a size breaks, in the words in which AWS says it; `None` where it is within. It is that of a `value` or
/// a `length`.
pub(super) fn broken_bound<T: PartialOrd + Display>(of: &str, size: T, range: &RangeInclusive<T>) -> Option<String> {
    let (word, bound) = match size {
        size if size < *range.start() => ("greater", range.start()),
        size if size > *range.end() => ("less", range.end()),
        _ => return None,
    };
    Some(format!("Member must have {of} {word} than or equal to {bound}"))
}

/// A refusal on its way to the wire, with what goes beyond code and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    /// The root of the answer, where it is not the usual one. The identifier of the request comes behind what is in it.
    pub(super) root: Option<Xml>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, root: None }
    }
}
