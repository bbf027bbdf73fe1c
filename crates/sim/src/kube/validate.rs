//! Everything that is judged about an object before it is stored, apart from its metadata.

use serde_json::Value;

use super::field::{FieldError, Wrong};
use super::kinds::Kind;
use super::{builtin, definition};

/// Which part of an object a write may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    All,
    Status,
}

/// What is wrong with `new`, which is to take the place of `old` if there is one. `found` are the errors so far.
pub(super) fn object(
    kind: &Kind,
    new: &Value,
    old: Option<&Value>,
    part: Part,
    mut found: Vec<FieldError>,
) -> Vec<FieldError> {
    if !kind.is_custom() {
        if kind.key == definition::key() && part == Part::All {
            found.extend(definition::validate(new));
        }
        found.extend(kind.schema.judge(new, None, ""));
        found.extend(builtin::validate(kind, new, old));
        return found;
    }
    match part {
        Part::All => found.extend(kind.schema.judge(new, old, "")),
        Part::Status => found.extend(status(kind, new, old)),
    }
    let new_duplicates = kind.schema.duplicates(new, "");
    if !new_duplicates.is_empty() && old.is_none_or(|old| kind.schema.duplicates(old, "").is_empty()) {
        found.extend(new_duplicates);
    }
    if found.iter().any(hides_rules) {
        let detail = "some validation rules were not checked because the object was invalid; correct the existing \
            errors to complete validation";
        found.push(FieldError::invalid("<nil>", Value::Null, detail));
    } else {
        found.extend(kind.schema.judge_rules(new, old));
    }
    found
}

/// A status is judged on its own; the server names its fields in full, but speaks of them relative to it.
fn status(kind: &Kind, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let (Some(schema), Some(status)) = (kind.schema.property("status"), new.get("status")) else {
        return Vec::new();
    };
    let mut errors = schema.judge(status, old.and_then(|old| old.get("status")), "");
    for error in &mut errors {
        error.field = match error.field.as_str() {
            "" | "<nil>" => "status".to_owned(),
            field if field.starts_with('[') => format!("status{field}"),
            field => format!("status.{field}"),
        };
    }
    errors
}

/// Errors after which rules could not be evaluated sensibly.
fn hides_rules(error: &FieldError) -> bool {
    matches!(error.wrong, Wrong::NotSupported | Wrong::Required | Wrong::TooLong | Wrong::TooMany | Wrong::TypeInvalid)
}
