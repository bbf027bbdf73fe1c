//! Schemas applied to values, where a whole server would only be in the way.

use serde_json::{Value, json};

use super::Schema;

fn schema(properties: Value) -> Schema {
    Schema::parse(&json!({"type": "object", "properties": properties})).unwrap()
}

fn complaints(schema: &Schema, value: &Value) -> Vec<String> {
    schema.judge(value, None, "").iter().map(ToString::to_string).collect()
}

#[test]
fn schemas_that_a_real_server_refuses_are_refused() {
    for (property, expected) in [
        (json!({"type": "text"}), "properties[a].type: Invalid value: \"text\": must be one of object"),
        (json!({}), "properties[a].type: Required value: must not be empty for specified object fields"),
        (json!({"type": "object", "$ref": "#/x"}), "properties[a].$ref: Forbidden: $ref is not supported"),
        (json!({"type": "string", "pattern": "("}), "properties[a].pattern: Invalid value: \"(\": must be a valid"),
        (json!({"type": "integer", "default": "x"}), "properties[a].default: Invalid value: \"string\":  in body"),
        (json!({"type": "string", "format": "uri"}), "properties[a].format: Invalid value: \"uri\": this server"),
        (
            json!({"type": "string", "x-kubernetes-validations": [{"rule": "self =="}]}),
            "properties[a].x-kubernetes-validations[0].rule: Invalid value: \"self ==\": compilation failed",
        ),
        (
            json!({"type": "string", "x-kubernetes-validations": [{"rule": "true", "reason": "Odd"}]}),
            "properties[a].x-kubernetes-validations[0].reason: Unsupported value: \"Odd\"",
        ),
        (
            json!({"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"}),
            "properties[a].x-kubernetes-list-map-keys: Required value",
        ),
    ] {
        let error = Schema::parse(&json!({"type": "object", "properties": {"a": property}})).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn formats_that_are_not_known_are_ignored() {
    let schema = schema(json!({"a": {"type": "integer", "format": "uint8"}, "b": {"type": "string", "format": "odd"}}));
    assert_eq!(complaints(&schema, &json!({"a": 300, "b": "x"})), Vec::<String>::new());
}

#[test]
fn formats_of_strings_are_checked() {
    for (format, good, bad) in [
        ("date", "2026-02-28", "2026-02-30"),
        ("date-time", "2026-02-28t10:00:00.25z", "2026-02-28 10:00:00Z"),
        ("ipv4", "10.0.0.1", "10.0.0"),
        ("ipv6", "::1", "10.0.0.1"),
        ("uuid", "7A0CCB9D-8a1f-4a5e-9c3e-0123456789ab", "7a0ccb9d"),
        ("k8s-short-name", "a-b", "a.b"),
        ("k8s-long-name", "a.b", "a_b"),
    ] {
        let schema = schema(json!({"a": {"type": "string", "format": format}}));
        assert_eq!(complaints(&schema, &json!({"a": good})), Vec::<String>::new());
        let expected = format!("a: Invalid value: {bad:?}: a in body must be of type {format}: {bad:?}");
        assert_eq!(complaints(&schema, &json!({"a": bad})), [expected]);
    }
}

#[test]
fn integers_have_the_range_of_their_format() {
    let schema = schema(json!({
        "small": {"type": "integer", "format": "int32"}, "large": {"type": "integer"}, "real": {"type": "number"},
    }));
    assert_eq!(complaints(&schema, &json!({"small": -2_147_483_648_i64, "large": i64::MAX, "real": 1e300})), [""; 0]);
    let found = complaints(&schema, &json!({"small": 2_147_483_648_i64, "large": u64::MAX}));
    let expected = [
        "<nil>: Invalid value: \"\": Checked value must be of type integer (default format) in large",
        "<nil>: Invalid value: \"\": Checked value must be of type integer with format int32 in small",
    ];
    assert_eq!(found, expected);
}

#[test]
fn branches_narrow_what_the_spine_allows() {
    let schema = Schema::parse(&json!({"type": "object", "properties": {"a": {
        "x-kubernetes-int-or-string": true,
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "allOf": [{"pattern": "^[0-9]+%?$"}, {"minimum": 1}],
        "not": {"enum": ["0"]},
    }}}));
    let schema = schema.unwrap();
    for good in [json!(5), json!("5%")] {
        assert_eq!(complaints(&schema, &json!({"a": good})), [""; 0]);
    }
    let bad = complaints(&schema, &json!({"a": 0}));
    let expected = [
        "a: Invalid value: 0: a in body should be greater than or equal to 1",
        "<nil>: Invalid value: \"\": \"a\" must validate all the schemas (allOf)",
    ];
    assert_eq!(bad, expected);
    let bad = complaints(&schema, &json!({"a": "0"}));
    assert_eq!(bad, ["<nil>: Invalid value: \"\": \"a\" must not validate the schema (not)"]);
    assert_eq!(complaints(&schema, &json!({"a": true})).len(), 3);
}

#[test]
fn unique_items_and_bounds_that_exclude_themselves() {
    let schema = schema(json!({
        "list": {"type": "array", "items": {"type": "integer"}, "uniqueItems": true},
        "below": {"type": "integer", "maximum": 10, "exclusiveMaximum": true},
    }));
    let found = complaints(&schema, &json!({"list": [1, 2, 1], "below": 10}));
    let expected = [
        "below: Invalid value: 10: below in body should be less than 10",
        "list: Invalid value: \"\": list in body shouldn't contain duplicates",
    ];
    assert_eq!(found, expected);
}

#[test]
fn pruning_keeps_what_is_known_or_preserved() {
    let schema = schema(json!({
        "spec": {"type": "object", "properties": {"a": {"type": "integer"}}},
        "free": {
            "type": "object", "x-kubernetes-preserve-unknown-fields": true,
            "properties": {"known": {"type": "object", "properties": {"a": {"type": "integer"}}}},
        },
        "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": {"type": "integer"}}}},
        "any": {"type": "object", "additionalProperties": true},
        "whole": {
            "type": "object", "x-kubernetes-embedded-resource": true,
            "properties": {"spec": {"type": "object", "properties": {}}},
        },
    }));
    let mut object = json!({
        "apiVersion": "v1", "kind": "K", "metadata": {"name": "n", "odd": 1},
        "spec": {"a": 1, "b": 2},
        "free": {"known": {"a": 1, "b": 2}, "other": {"c": 3}},
        "map": {"x": {"a": 1, "b": 2}},
        "any": {"x": {"y": 1}},
        "whole": {"apiVersion": "v1", "kind": "K", "metadata": {"name": "n"}, "spec": {}, "odd": 1},
        "top": 1,
    });
    let unknown = schema.prune(&mut object);
    assert_eq!(unknown, ["metadata.odd", "free.known.b", "map.x.b", "spec.b", "top", "whole.odd"]);
    let expected = json!({
        "apiVersion": "v1", "kind": "K", "metadata": {"name": "n"},
        "spec": {"a": 1},
        "free": {"known": {"a": 1}, "other": {"c": 3}},
        "map": {"x": {"a": 1}},
        "any": {"x": {"y": 1}},
        "whole": {"apiVersion": "v1", "kind": "K", "metadata": {"name": "n"}, "spec": {}},
    });
    assert_eq!(object, expected);
}

#[test]
fn defaults_fill_what_is_missing_at_every_depth() {
    let schema = schema(json!({
        "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer", "default": 1}}}},
        "map": {
            "type": "object",
            "additionalProperties": {"type": "object", "properties": {"a": {"type": "integer", "default": 2}}},
        },
        "absent": {"type": "object", "properties": {"a": {"type": "integer", "default": 3}}},
        "there": {
            "type": "object", "default": {}, "properties": {"a": {"type": "integer", "default": 4}},
        },
        "nullable": {"type": "integer", "nullable": true, "default": 5},
        "strict": {"type": "integer", "default": 6},
        "dropped": {"type": "integer"},
    }));
    let mut value = json!({"list": [{}], "map": {"x": {}}, "nullable": null, "strict": null, "dropped": null});
    schema.default(&mut value);
    let expected = json!({
        "list": [{"a": 1}], "map": {"x": {"a": 2}}, "there": {"a": 4}, "nullable": null, "strict": 6,
    });
    assert_eq!(value, expected);
}

fn ruled(properties: Value, value: &Value, old: Option<&Value>) -> Vec<String> {
    schema(properties).judge_rules(value, old).iter().map(ToString::to_string).collect()
}

#[test]
fn rules_about_change_compare_with_the_old_value_where_there_is_one() {
    let grows =
        json!({"type": "integer", "x-kubernetes-validations": [{"rule": "self >= oldSelf", "message": "falls"}]});
    let item = json!({"type": "object", "properties": {"k": {"type": "string"}, "n": grows}});
    let properties = json!({
        "keyed": {"type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]},
        "plain": {"type": "array", "items": item},
        "map": {"type": "object", "additionalProperties": grows},
    });
    let list = |a: i64, b: i64| json!([{"k": "a", "n": a}, {"k": "b", "n": b}]);
    let old = json!({"keyed": list(5, 1), "plain": list(5, 1), "map": {"x": 5}});
    let new = json!({"keyed": [{"k": "b", "n": 2}, {"k": "a", "n": 4}], "plain": list(4, 1), "map": {"x": 4, "y": 0}});
    assert_eq!(ruled(properties.clone(), &new, None), [""; 0]);
    let found = ruled(properties, &new, Some(&old));
    assert_eq!(found, ["keyed[1].n: Invalid value: 4: falls", "map[x]: Invalid value: 4: falls"]);
}

#[test]
fn rules_that_cannot_be_evaluated_refuse() {
    let properties = json!({"a": {
        "type": "object", "x-kubernetes-validations": [{"rule": "self.n / self.m > 1"}],
        "properties": {"n": {"type": "integer"}, "m": {"type": "integer"}},
    }});
    let found = ruled(properties, &json!({"a": {"n": 4, "m": 0}}), None);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("a: Invalid value: \"object\": ") && found[0].ends_with("self.n / self.m > 1"),
        "{found:?}"
    );
}

#[test]
fn rules_name_their_field_and_reason() {
    let rule = |extra: Value| {
        let mut rule = json!({"rule": "self.n > 1", "message": "too few"});
        rule.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"a": {
            "type": "object", "x-kubernetes-validations": [rule], "properties": {"n": {"type": "integer"}},
        }})
    };
    let value = json!({"a": {"n": 1}});
    for (extra, expected) in [
        (json!({}), "a: Invalid value: too few"),
        (json!({"fieldPath": ".n"}), "a.n: Invalid value: too few"),
        (json!({"reason": "FieldValueRequired"}), "a: Required value: too few"),
        (json!({"reason": "FieldValueForbidden", "fieldPath": ".n"}), "a.n: Forbidden: too few"),
        (json!({"reason": "FieldValueDuplicate"}), "a: Duplicate value"),
        (json!({"messageExpression": "'found ' + string(self.n)"}), "a: Invalid value: found 1"),
    ] {
        assert_eq!(ruled(rule(extra), &value, None), [expected]);
    }
}

#[test]
fn rules_at_the_root_see_the_name_and_no_other_metadata() {
    let root = |rule: &str| {
        let rules = json!([{"rule": rule, "message": "refused"}]);
        let schema = json!({"type": "object", "x-kubernetes-validations": rules});
        let object = json!({"metadata": {"name": "n", "labels": {"a": "b"}}});
        Schema::parse(&schema).unwrap().judge_rules(&object, None).len()
    };
    assert_eq!(root("self.metadata.name == 'n'"), 0);
    assert_eq!(root("self.metadata.name == 'm'"), 1);
    assert_eq!(root("has(self.metadata.labels)"), 1);
}

#[test]
fn rules_see_as_much_of_a_value_as_they_speak_of() {
    let value = json!({"a": {"x": 1, "y": 2, "z": [3]}});
    for (rule, holds) in [
        ("self.x == 1", true),
        ("has(self.y) && self.x < self.y", true),
        ("!has(self.z)", false),
        ("size(self) == 3", true),
        ("self.x == 1 && size(self) == 1", false),
        ("self.y.foo == 1", false),
    ] {
        let any = json!({"type": "integer"});
        let properties = json!({"a": {
            "type": "object", "x-kubernetes-validations": [{"rule": rule}],
            "properties": {"x": any, "y": any, "z": {"type": "array", "items": any}},
        }});
        assert_eq!(ruled(properties, &value, None).is_empty(), holds, "{rule}");
    }
}

#[test]
fn a_rule_about_every_key_of_a_map_sees_them_all() {
    let rule = json!({"rule": "self.all(key, key.matches('^[a-z]+$'))", "message": "small letters only"});
    let labels =
        json!({"type": "object", "additionalProperties": {"type": "string"}, "x-kubernetes-validations": [rule]});
    let schema = schema(json!({"labels": labels}));
    let said = |labels: Value| schema.judge_rules(&json!({"labels": labels}), None).len();
    assert_eq!((said(json!({"team": "a"})), said(json!({"team": "a", "Team": "b"}))), (0, 1));
}
