//! One complaint about one field of an object, and the paths that name fields.

use std::fmt;

use serde_json::{Value, json};

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Required,
    Duplicate,
    Invalid,
    NotSupported,
    Forbidden,
    TooLong,
    TooMany,
    TypeInvalid,
}

impl Wrong {
    fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TypeInvalid => "FieldValueTypeInvalid",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
        }
    }

    fn shows_value(self) -> bool {
        !matches!(self, Self::Required | Self::Forbidden | Self::TooLong)
    }
}

/// One complaint about one field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FieldError {
    pub(super) wrong: Wrong,
    pub(super) field: String,
    /// What was found; absent where the server does not show it.
    pub(super) value: Option<Value>,
    pub(super) detail: String,
}

impl FieldError {
    pub(super) fn new(wrong: Wrong, field: impl Into<String>, value: Value, detail: impl Into<String>) -> Self {
        Self { wrong, field: field.into(), value: Some(value), detail: detail.into() }
    }

    pub(super) fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Wrong::Required, field, Value::Null, detail)
    }

    pub(super) fn invalid(field: impl Into<String>, value: Value, detail: impl Into<String>) -> Self {
        Self::new(Wrong::Invalid, field, value, detail)
    }

    pub(super) fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Wrong::Forbidden, field, Value::Null, detail)
    }

    /// The complaint without the field's name.
    pub(super) fn body(&self) -> String {
        let mut body = self.wrong.words().to_owned();
        if let Some(value) = self.value.as_ref().filter(|_| self.wrong.shows_value()) {
            body.push_str(": ");
            body.push_str(&value.to_string());
        }
        if !self.detail.is_empty() {
            body.push_str(": ");
            body.push_str(&self.detail);
        }
        body
    }

    /// The entry for `details.causes`.
    pub(super) fn cause(&self) -> Value {
        json!({"reason": self.wrong.reason(), "message": self.body(), "field": self.field})
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

/// The path of the property `name` under `path`.
pub(super) fn child(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The path of the item `index` under `path`.
pub(super) fn index(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// The path of the map entry `key` under `path`.
pub(super) fn key(path: &str, key: &str) -> String {
    format!("{path}[{key}]")
}
