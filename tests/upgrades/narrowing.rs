//! Whether a definition takes everything that an older one took.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Everything in which a definition takes less than an older one did, in words.
pub(super) fn narrowings(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for field in ["/spec/group", "/spec/scope", "/spec/names/kind", "/spec/names/plural"] {
        if old.pointer(field) != new.pointer(field) {
            found.push(format!("{field} is another"));
        }
    }
    for version in old["spec"]["versions"].as_array().into_iter().flatten() {
        let name = &version["name"];
        let versions = new["spec"]["versions"].as_array().into_iter().flatten();
        match versions.into_iter().find(|other| other["name"] == *name) {
            Some(other) if other["served"] == true || version["served"] == false => {
                let schema = |version: &Value| version["schema"]["openAPIV3Schema"].clone();
                compare(&schema(version), &schema(other), name.as_str().unwrap_or_default(), &mut found);
            }
            _ => found.push(format!("{name} is not served any more")),
        }
    }
    found
}

fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().map(ToString::to_string).collect()
}

fn compare(old: &Value, new: &Value, at: &str, found: &mut Vec<String>) {
    for same in ["type", "format", "pattern", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"] {
        if old.get(same) != new.get(same) && !(same == "pattern" && new.get(same).is_none()) {
            found.push(format!("{at}: {same} is another"));
        }
    }
    if old["nullable"] == true && new["nullable"] != true {
        found.push(format!("{at} may not be null any more"));
    }
    for name in texts(&new["required"]).difference(&texts(&old["required"])) {
        found.push(format!("{at} requires {name}"));
    }
    if new.get("enum").is_some()
        && (old.get("enum").is_none() || !texts(&new["enum"]).is_superset(&texts(&old["enum"])))
    {
        found.push(format!("{at} takes fewer words"));
    }
    for (limit, is_upper) in [
        ("maxLength", true),
        ("maxItems", true),
        ("maxProperties", true),
        ("maximum", true),
        ("minLength", false),
        ("minItems", false),
        ("minProperties", false),
        ("minimum", false),
    ] {
        let Some(limited) = new[limit].as_f64() else { continue };
        if old[limit].as_f64().is_none_or(|before| if is_upper { limited < before } else { limited > before }) {
            found.push(format!("{at}: {limit} is {limited}"));
        }
    }
    let rules = |schema: &Value| -> BTreeSet<String> {
        let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
        rules.map(|rule| rule["rule"].to_string()).collect()
    };
    for rule in rules(new).difference(&rules(old)) {
        found.push(format!("{at} has a new rule: {rule}"));
    }
    for (name, old) in old["properties"].as_object().into_iter().flatten() {
        match new["properties"].get(name) {
            Some(new) => compare(old, new, &format!("{at}.{name}"), found),
            None => found.push(format!("{at}.{name} is gone")),
        }
    }
    for inner in ["items", "additionalProperties"] {
        if let (Some(old), Some(new)) = (old.get(inner), new.get(inner)) {
            compare(old, new, &format!("{at}[]"), found);
        }
    }
}

#[test]
fn less_is_found_and_more_is_not() {
    let of = |schema: Value| {
        let version = json!({"name": "v1", "served": true, "schema": {"openAPIV3Schema": schema}});
        json!({"spec": {"group": "g", "scope": "Namespaced", "names": {"kind": "K", "plural": "ks"}, "versions": [version]}})
    };
    let old = json!({
        "type": "object", "required": ["a"],
        "properties": {
            "a": {"type": "string", "maxLength": 10, "enum": ["x", "y"]},
            "b": {"type": "array", "items": {"type": "integer", "minimum": 1}},
        },
    });
    let changed = |pointer: &str, value: Value| {
        let mut new = old.clone();
        *new.pointer_mut(pointer).unwrap() = value;
        narrowings(&of(old.clone()), &of(new))
    };
    assert_eq!(changed("/required", json!([])), Vec::<String>::new());
    assert_eq!(
        changed("/properties/a", json!({"type": "string", "maxLength": 20, "enum": ["x", "y", "z"]})),
        Vec::<String>::new()
    );
    assert_eq!(changed("/required", json!(["a", "b"])), ["v1 requires \"b\""]);
    assert_eq!(changed("/properties/a/maxLength", json!(5)), ["v1.a: maxLength is 5"]);
    assert_eq!(changed("/properties/a/enum", json!(["x"])), ["v1.a takes fewer words"]);
    assert_eq!(changed("/properties/b/items/minimum", json!(2)), ["v1.b[]: minimum is 2"]);
    assert_eq!(changed("/properties/b/items/type", json!("string")), ["v1.b[]: type is another"]);
    assert_eq!(
        changed("/properties/b", json!({"type": "array", "maxItems": 3, "items": {"type": "integer", "minimum": 1}})),
        ["v1.b: maxItems is 3"]
    );
    assert_eq!(changed("/properties", json!({"a": old["properties"]["a"]})), ["v1.b is gone"]);
    let rule = json!([{"rule": "self.a != 'y'", "message": "no y"}]);
    let ruled =
        json!({"type": "object", "required": ["a"], "properties": old["properties"], "x-kubernetes-validations": rule});
    assert_eq!(narrowings(&of(old.clone()), &of(ruled)), ["v1 has a new rule: \"self.a != 'y'\""]);
    let mut unserved = of(old.clone());
    unserved["spec"]["versions"][0]["served"] = json!(false);
    assert_eq!(narrowings(&of(old), &unserved), ["\"v1\" is not served any more"]);
}
