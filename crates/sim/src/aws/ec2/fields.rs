//! Parameters as EC2 reads them, and how it says that one is missing or wrong.

use std::collections::BTreeSet;

use super::super::form::Form;
use super::super::refusal::Refusal;

/// Parameters that every operation takes.
const COMMON: [&str; 3] = ["Action", "Version", "DryRun"];

/// A required parameter that is not there.
pub(super) fn missing(name: &str) -> Refusal {
    Refusal::new("MissingParameter", format!("The request must contain the parameter {name}"))
}

/// A value that a parameter does not take.
pub(super) fn invalid(name: &str, value: &str, why: &str) -> Refusal {
    Refusal::new("InvalidParameterValue", format!("Value ({value}) for parameter {name} is invalid. {why}"))
}

/// Parameters of which only some can be given together.
pub(super) fn not_together(one: &str, other: &str) -> Refusal {
    let message = format!("The parameter {one} cannot be used with the parameter {other}");
    Refusal::new("InvalidParameterCombination", message)
}

/// Refuses parameters that an operation does not know.
pub(super) fn only(form: &Form, known: &[&str]) -> Result<(), Refusal> {
    match form.names().find(|name| !known.contains(name) && !COMMON.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Refusal::new("UnknownParameter", format!("The parameter {name} is not recognized"))),
    }
}

/// The text of a parameter that must be there.
pub(super) fn required<'a>(form: &'a Form, name: &str) -> Result<&'a str, Refusal> {
    form.text(name).filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
}

/// The texts of a list.
pub(super) fn texts<'a>(form: &'a Form, name: &str) -> BTreeSet<&'a str> {
    form.numbered(name).into_iter().filter_map(Form::own_text).collect()
}

/// The texts of a list that must have at least one.
pub(super) fn required_texts<'a>(form: &'a Form, name: &str) -> Result<BTreeSet<&'a str>, Refusal> {
    let texts = texts(form, name);
    if texts.is_empty() { Err(missing(name)) } else { Ok(texts) }
}

/// A number from a range.
pub(super) fn number(form: &Form, name: &str, least: u32, most: u32) -> Result<Option<u32>, Refusal> {
    let read = |text: &str| {
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| invalid(name, text, &format!("Expecting a value from {least} to {most}.")))
    };
    form.text(name).map(read).transpose()
}

/// A truth value, false where it is not given.
pub(super) fn flag(form: &Form, name: &str) -> Result<bool, Refusal> {
    match form.text(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(invalid(name, other, "It is neither true nor false.")),
    }
}
