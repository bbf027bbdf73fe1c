//! Everything that is judged about an object before it is stored, apart from its metadata.

use serde_json::Value;

use super::definition;
use super::field::FieldError;
use super::kinds::Kind;

/// What is wrong with `new`, which is to take the place of `old` if there is one.
pub(super) fn object(kind: &Kind, new: &Value, _old: Option<&Value>) -> Vec<FieldError> {
    if kind.key == definition::key() {
        return definition::validate(new);
    }
    Vec::new()
}
