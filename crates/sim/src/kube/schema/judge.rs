//! Judging a value by the types and limits of its schema.
//!
//! A part of an object that an update leaves as it was is not judged again, so that objects stored under an older
//! schema can still be changed elsewhere.

use serde_json::{Value, json};

use super::format::{Format, whole};
use super::{Additional, Bound, Limits, Schema, Type};
use crate::kube::field::{FieldError, Wrong};

/// Where complaints that name no field go: the server's name for a path that is not there.
const NOWHERE: &str = "<nil>";

/// What was found while judging.
#[derive(Default)]
pub(super) struct Verdict {
    pub(super) errors: Vec<FieldError>,
    /// How many checks were made; of several branches that fail, the one with the most checks is reported.
    pub(super) checks: usize,
}

impl Verdict {
    pub(super) fn take(&mut self, other: Verdict) {
        self.errors.extend(other.errors);
        self.checks += other.checks;
    }

    fn add(&mut self, wrong: Wrong, path: &str, value: Value, detail: String) {
        self.errors.push(FieldError::new(wrong, path.trim_start_matches('.'), value, detail));
    }

    fn invalid(&mut self, path: &str, value: &Value, words: &str) {
        self.add(Wrong::Invalid, path, value.clone(), format!("{path} in body {words}"));
    }

    /// A complaint that has no field of its own.
    pub(super) fn general(&mut self, words: String) {
        self.errors.push(FieldError::invalid(NOWHERE, json!(""), words));
    }
}

impl Schema {
    /// What is wrong with `value`, which takes the place of `old` if there is one; the paths start with `path`.
    pub(in crate::kube) fn judge(&self, value: &Value, old: Option<&Value>, path: &str) -> Vec<FieldError> {
        self.verdict(value, old, path).errors
    }

    pub(super) fn verdict(&self, value: &Value, old: Option<&Value>, path: &str) -> Verdict {
        let mut verdict = Verdict::default();
        if old == Some(value) {
            return verdict;
        }
        if value.is_null() {
            self.judge_type(value, path, &mut verdict);
            self.judge_values(value, path, &mut verdict);
            return verdict;
        }
        // Every kind of check that applies to the value counts for one, and the value itself for one more.
        verdict.checks += 3;
        self.judge_type(value, path, &mut verdict);
        self.judge_branches(value, old, path, &mut verdict);
        match value {
            Value::String(text) => self.judge_text(text, path, &mut verdict),
            Value::Number(_) => self.judge_number(value, path, &mut verdict),
            Value::Array(items) => self.judge_items(items, old, path, &mut verdict),
            _ => {}
        }
        self.judge_values(value, path, &mut verdict);
        if let Value::Object(fields) = value {
            self.judge_fields(fields, old, path, &mut verdict);
        }
        verdict
    }

    fn judge_type(&self, value: &Value, path: &str, verdict: &mut Verdict) {
        let mut admitted: Vec<&str> = match self.kind {
            Type::Any => Vec::new(),
            Type::Object => vec!["object"],
            Type::Array => vec!["array"],
            Type::String => vec!["string"],
            Type::Integer => vec!["integer"],
            Type::Number => vec!["number"],
            Type::Boolean => vec!["boolean"],
        };
        if self.int_or_string {
            admitted = vec!["integer", "string"];
        }
        if admitted.is_empty() {
            return;
        }
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let fits = admitted.contains(&found)
            || found == "null" && self.nullable
            || found == "number" && admitted.contains(&"integer") && whole(value).is_some()
            || found == "integer" && admitted.contains(&"number");
        if fits {
            verdict.checks += 1;
            return;
        }
        // A number's format is named instead of its type where the value has a format of its own.
        let (expected, shown) = match (self.format, value) {
            (Some(format), Value::Number(_)) if format.is_numeric() => (format.name().to_owned(), "float64"),
            (Some(format), Value::Bool(_) | Value::Object(_)) => (format.name().to_owned(), ""),
            _ => (admitted.join(","), found),
        };
        let detail = format!("{path} in body must be of type {expected}: {shown:?}");
        verdict.add(Wrong::TypeInvalid, path, json!(shown), detail);
    }

    fn judge_values(&self, value: &Value, path: &str, verdict: &mut Verdict) {
        let values = &self.limits.values;
        let same = |allowed: &Value| allowed == value || value.is_number() && allowed.as_f64() == value.as_f64();
        if values.is_empty() || values.iter().any(same) {
            return;
        }
        let shown = |allowed: &Value| {
            let text = allowed.as_str().map_or_else(|| allowed.to_string(), str::to_owned);
            format!("{text:?}")
        };
        let list: Vec<String> = values.iter().map(shown).collect();
        let detail = format!("supported values: {}", list.join(", "));
        verdict.add(Wrong::NotSupported, path, value.clone(), detail);
    }

    fn judge_text(&self, text: &str, path: &str, verdict: &mut Verdict) {
        verdict.checks += 1;
        let Limits { min_length, max_length, pattern, .. } = &self.limits;
        let length = text.chars().count() as u64;
        let value = json!(text);
        // A string is reproached with the first of these only.
        if let Some(most) = max_length.filter(|most| length > *most) {
            let unit = if most == 1 { "byte" } else { "bytes" };
            verdict.add(Wrong::TooLong, path, Value::Null, format!("may not be more than {most} {unit}"));
        } else if let Some(least) = min_length.filter(|least| length < *least) {
            verdict.invalid(path, &value, &format!("should be at least {least} chars long"));
        } else if let Some(pattern) = pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            verdict.invalid(path, &value, &format!("should match '{pattern}'"));
        }
        if let Some(format) = self.format.filter(|format| !format.is_numeric()) {
            verdict.checks += 1;
            if !format.admits(text) {
                let detail = format!("{path} in body must be of type {}: {text:?}", format.name());
                verdict.add(Wrong::TypeInvalid, path, value, detail);
            }
        }
    }

    fn judge_number(&self, value: &Value, path: &str, verdict: &mut Verdict) {
        verdict.checks += 2;
        let (kind, format) = match self.kind {
            Type::Integer => ("integer", self.format.unwrap_or(Format::Int64)),
            Type::Number => ("number", self.format.unwrap_or(Format::Double)),
            _ => ("", Format::Double),
        };
        if !format.holds(value) {
            let name = match self.format {
                Some(format) => format!("with format {}", format.name()),
                None => "(default format)".to_owned(),
            };
            verdict.general(format!("Checked value must be of type {kind} {name} in {path}"));
        }
        if let Some(factor) = self.limits.multiple_of
            && value.as_f64().is_some_and(|value| (value / factor).fract() != 0.0)
        {
            verdict.invalid(path, value, &format!("should be a multiple of {factor}"));
        }
        if let Some(least) = &self.limits.minimum
            && least.is_broken_by(value, |value, bound| value < bound)
        {
            let words = if least.exclusive { "greater than" } else { "greater than or equal to" };
            verdict.invalid(path, value, &format!("should be {words} {}", least.beside(value)));
        }
        if let Some(most) = &self.limits.maximum
            && most.is_broken_by(value, |value, bound| value > bound)
        {
            let words = if most.exclusive { "less than" } else { "less than or equal to" };
            verdict.invalid(path, value, &format!("should be {words} {}", most.beside(value)));
        }
    }

    fn judge_items(&self, items: &[Value], old: Option<&Value>, path: &str, verdict: &mut Verdict) {
        verdict.checks += 2;
        if let Some(schema) = &self.items {
            for (position, item) in items.iter().enumerate() {
                verdict.take(schema.verdict(item, self.predecessor(item, old), &format!("{path}[{position}]")));
            }
        }
        let length = items.len() as u64;
        if let Some(least) = self.limits.min_items.filter(|least| length < *least) {
            verdict.invalid(path, &json!(length), &format!("should have at least {least} items"));
        }
        if let Some(most) = self.limits.max_items.filter(|most| length > *most) {
            verdict.add(Wrong::TooMany, path, json!(length), at_most(most));
        }
        let repeated = |(position, item): (usize, &Value)| items[..position].contains(item);
        if self.limits.unique_items && items.iter().enumerate().any(repeated) {
            verdict.invalid(path, &json!(""), "shouldn't contain duplicates");
        }
    }

    fn judge_fields(
        &self,
        fields: &serde_json::Map<String, Value>,
        old: Option<&Value>,
        path: &str,
        verdict: &mut Verdict,
    ) {
        verdict.checks += 1;
        let length = fields.len() as u64;
        if let Some(least) = self.limits.min_properties.filter(|least| length < *least) {
            verdict.invalid(path, &json!(length), &format!("should have at least {least} properties"));
        }
        if let Some(most) = self.limits.max_properties.filter(|most| length > *most) {
            verdict.add(Wrong::TooMany, path, json!(length), at_most(most));
        }
        let old_field = |name: &str| old.and_then(|old| old.get(name));
        if let Additional::Of(schema) = &self.additional {
            for (name, value) in fields.iter().filter(|(name, _)| !self.properties.contains_key(*name)) {
                verdict.take(schema.verdict(value, old_field(name), &format!("{path}.{name}")));
            }
        }
        for (name, schema) in &self.properties {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if let Some(value) = fields.get(name) {
                verdict.take(schema.verdict(value, old_field(name), &path));
            }
        }
        for name in self.limits.required.iter().filter(|name| !fields.contains_key(*name)) {
            verdict.add(Wrong::Required, &format!("{path}.{name}"), Value::Null, String::new());
        }
    }
}

impl Bound {
    /// Whether `value` lies on the wrong side of this bound.
    fn is_broken_by(&self, value: &Value, beyond: impl Fn(f64, f64) -> bool) -> bool {
        let value_is = value.as_f64().unwrap_or_default();
        let bound = self.beside(value).as_f64().unwrap_or_default();
        #[allow(clippy::float_cmp, reason = "an exclusive bound excludes exactly itself")]
        let at = self.exclusive && value_is == bound;
        at || beyond(value_is, bound)
    }

    /// The bound as a value is compared with it: whole numbers with what of it is whole.
    fn beside(&self, value: &Value) -> Value {
        let whole_part = self.value.as_f64().map(|bound| json!(bound.trunc())).as_ref().and_then(whole);
        match whole_part {
            Some(bound) if !value.is_f64() => json!(bound),
            _ => whole(&Value::Number(self.value.clone())).map_or(Value::Number(self.value.clone()), Value::from),
        }
    }
}

fn at_most(most: u64) -> String {
    let unit = if most == 1 { "item" } else { "items" };
    format!("must have at most {most} {unit}")
}
