//! Lists whose items must differ: sets in their values, maps in their keys.

use serde_json::{Map, Value};

use super::{ListType, Schema};
use crate::kube::field::{FieldError, Wrong, child, index, key};

impl Schema {
    /// The items of sets and maps that are there twice.
    pub(in crate::kube) fn duplicates(&self, value: &Value, path: &str) -> Vec<FieldError> {
        let mut errors = Vec::new();
        self.find_duplicates(value, path, &mut errors);
        errors
    }

    fn find_duplicates(&self, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
        if !self.below.lists {
            return;
        }
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    if let Some(schema) = self.of_field(name).filter(|schema| schema.below.lists) {
                        let known = self.properties.contains_key(name);
                        let path = if known { child(path, name) } else { key(path, name) };
                        schema.find_duplicates(field, &path, errors);
                    }
                }
            }
            Value::Array(items) => {
                match &self.list {
                    ListType::Atomic => {}
                    ListType::Set => repeated(items, path, errors),
                    ListType::Map(keys) => {
                        let key_of = |item: &Value| {
                            let parts = keys.iter().filter_map(|key| Some((key.clone(), item.get(key)?.clone())));
                            Value::Object(parts.collect::<Map<_, _>>())
                        };
                        repeated(&items.iter().map(key_of).collect::<Vec<_>>(), path, errors);
                    }
                }
                if let Some(schema) = &self.items {
                    for (position, item) in items.iter().enumerate() {
                        schema.find_duplicates(item, &index(path, position), errors);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Complains about the second occurrence of each value.
fn repeated(values: &[Value], path: &str, errors: &mut Vec<FieldError>) {
    for (position, value) in values.iter().enumerate() {
        if values[..position].iter().filter(|earlier| *earlier == value).count() == 1 {
            errors.push(FieldError::new(Wrong::Duplicate, index(path, position), value.clone(), ""));
        }
    }
}
