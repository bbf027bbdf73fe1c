//! JSON merge patches (RFC 7386), and the one that `kubectl apply` would compute.

use serde_json::{Map, Value};

/// Changes `target` as `patch` says: objects are merged, `null` removes, everything else replaces.
pub(super) fn apply(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else {
        return;
    };
    for (key, change) in changes {
        if change.is_null() {
            fields.remove(key);
        } else {
            apply(fields.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

/// The patch that turns `current` into what the user now wants, and removes what `last` had and `wanted` has not.
/// What others added to `current` stays.
pub(super) fn three_way(last: &Value, wanted: &Value, current: &Value) -> Value {
    let mut patch = Map::new();
    let empty = Map::new();
    let wanted = wanted.as_object().unwrap_or(&empty);
    for (key, value) in wanted {
        match current.get(key) {
            Some(present) if present == value => {}
            Some(present) if present.is_object() && value.is_object() => {
                let inner = three_way(last.get(key).unwrap_or(&Value::Null), value, present);
                if inner.as_object().is_some_and(|inner| !inner.is_empty()) {
                    patch.insert(key.clone(), inner);
                }
            }
            _ => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in last.as_object().unwrap_or(&empty).keys() {
        if !wanted.contains_key(key) && current.get(key).is_some() {
            patch.insert(key.clone(), Value::Null);
        }
    }
    Value::Object(patch)
}
