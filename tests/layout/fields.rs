//! `docs/fields.md`, the reference of every field of the four kinds, is what their definitions say.

use std::{env, fs};

use serde_json::{Value, json};

use crate::bed::places;

const PAGE: &str = "docs/fields.md";
/// With this variable set the page is written, not compared; `just generate` does so.
const UPDATE: &str = "WEIR_UPDATE";

const INTRODUCTION: &str = "\
# Fields

Every field of the four kinds, as their definitions describe it. `kubectl explain ts.spec` tells the same in a cluster.
This page is generated: `just generate` brings it up to date. `[]` in a path stands for each entry of a list. After
`refused with` stands what the API server says where a value breaks a rule.
";

/// The whole page. Its lines are those of `INTRODUCTION` and a section for each kind.
fn page() -> String {
    let mut lines: Vec<String> = INTRODUCTION.lines().map(str::to_owned).collect();
    for definition in weir_api::crds() {
        section(&serde_json::to_value(definition).unwrap(), &mut lines);
    }
    lines.join("\n") + "\n"
}

fn section(definition: &Value, lines: &mut Vec<String>) {
    let names = &definition["spec"]["names"];
    let versions = definition["spec"]["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 1, "the page tells of one version of each kind");
    let (version, schema) = (&versions[0]["name"], &versions[0]["schema"]["openAPIV3Schema"]);
    let kind = text(&names["kind"]);
    lines.extend([String::new(), format!("## {kind}"), String::new(), words(schema)]);
    lines.extend([
        String::new(),
        format!("`apiVersion: weir.dev/{}`; short name `{}`.", text(version), text(&names["shortNames"][0])),
        String::new(),
    ]);
    lines.extend(refusals(schema).into_iter().map(|refusal| format!("- {refusal}")));
    for part in ["spec", "status"] {
        lines.extend([String::new(), "| field | type | limits | what |".to_owned(), "|---|---|---|---|".to_owned()]);
        rows(part, &schema["properties"][part], requires(schema, part), lines);
    }
}

/// The row of a field and those of the fields below it.
fn rows(path: &str, schema: &Value, is_required: bool, lines: &mut Vec<String>) {
    let (inner, suffix) = entries(schema).unwrap_or((schema, ""));
    let mut all: Vec<String> = is_required.then(|| "required".to_owned()).into_iter().collect();
    all.extend(limits(schema));
    let each = if suffix.is_empty() { Vec::new() } else { limits(inner) };
    if !each.is_empty() {
        all.push(format!("each: {}", each.join("; ")));
    }
    let cells = [format!("`{path}`"), type_of(schema), cell(&all.join("; ")), words(schema)];
    lines.push(format!("| {} |", cells.join(" | ")));
    for (name, field) in inner["properties"].as_object().into_iter().flatten() {
        rows(&format!("{path}{suffix}.{name}"), field, requires(inner, name), lines);
    }
}

/// What the entries of a list or a map are, and how a path leads into them.
fn entries(schema: &Value) -> Option<(&Value, &'static str)> {
    let into = [("items", "[]"), ("additionalProperties", ".*")];
    into.into_iter().find_map(|(key, suffix)| schema.get(key).filter(|inner| inner.is_object()).zip(Some(suffix)))
}

fn requires(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|names| names.iter().any(|required| required == name))
}

fn type_of(schema: &Value) -> String {
    match (entries(schema), text(&schema["type"])) {
        (Some((inner, "[]")), _) => format!("list of {}", type_of(inner)),
        (Some((inner, _)), _) => format!("map of {}", type_of(inner)),
        (None, _) if schema["format"] == "date-time" => "time".to_owned(),
        (None, plain) => plain,
    }
}

/// What a value must be, besides its type, and what is taken where it is absent.
fn limits(schema: &Value) -> Vec<String> {
    let mut all = Vec::new();
    if !schema["default"].is_null() {
        all.push(format!("default `{}`", text(&schema["default"])));
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(|value| format!("`{}`", text(value))).collect();
        all.push(format!("one of {}", values.join(", ")));
    }
    let ranges = [
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " entries"),
        ("minProperties", "maxProperties", " entries"),
    ];
    for (least, most, unit) in ranges {
        let range = match (schema[least].as_f64(), schema[most].as_f64()) {
            (Some(least), Some(most)) => format!("{least} to {most}{unit}"),
            (Some(least), None) => format!("at least {least}{unit}"),
            (None, Some(most)) => format!("at most {most}{unit}"),
            (None, None) => continue,
        };
        all.push(range);
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        all.push(format!("matches `{pattern}`"));
    }
    all.extend(refusals(schema));
    all
}

/// What the API server says where a rule of the schema is broken.
fn refusals(schema: &Value) -> Vec<String> {
    let rules = schema["x-kubernetes-validations"].as_array();
    rules.into_iter().flatten().map(|rule| format!("refused with \"{}\"", text(&rule["message"]))).collect()
}

/// A string as it is, anything else as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn words(schema: &Value) -> String {
    cell(schema["description"].as_str().unwrap_or_default())
}

/// A text on one line that a table takes for one cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', r"\|")
}

/// The first line in which two texts differ, and how to bring the page up to date.
fn difference(kept: &str, generated: &str) -> Option<String> {
    let (kept, generated): (Vec<&str>, Vec<&str>) = (kept.split('\n').collect(), generated.split('\n').collect());
    let line = (0..kept.len().max(generated.len())).find(|line| kept.get(*line) != generated.get(*line))?;
    let said = |lines: &[&str]| lines.get(line).map_or_else(|| "the end".to_owned(), |line| format!("{line:?}"));
    Some(format!(
        "{PAGE}:{} is out of date: found {}; expected {}. Run `just generate`",
        line + 1,
        said(&kept),
        said(&generated)
    ))
}

#[test]
fn the_page_of_fields_is_what_the_definitions_say() {
    let path = places::top().join(PAGE);
    if env::var_os(UPDATE).is_some() {
        fs::write(&path, page()).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let found = difference(&kept, &page());
    assert!(found.is_none(), "{}", found.unwrap_or_default());
}

#[test]
fn a_difference_is_told_with_its_line() {
    assert_eq!(difference("a\nb\n", "a\nb\n"), None);
    let told = difference("a\nb\n", "a\nc\n").unwrap();
    assert!(told.starts_with(r#"docs/fields.md:2 is out of date: found "b"; expected "c". "#), "{told}");
    assert!(difference("", "a\n").unwrap().contains(r#":1 is out of date: found ""; expected "a""#));
    assert!(difference("a\n", "a").unwrap().contains(r#":2 is out of date: found ""; expected the end"#));
}

#[test]
fn rows_say_all_that_a_schema_says() {
    let schema = json!({
        "type": "array", "minItems": 1, "maxItems": 3, "description": "Either\na | b.",
        "items": {
            "type": "object", "required": ["weight"],
            "properties": {
                "at": {"type": "string", "format": "date-time"},
                "labels": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 9}},
                "mode": {"type": "string", "enum": ["On", "Off"], "default": "On", "pattern": "^(a|b)$"},
                "weight": {"type": "integer", "minimum": 0.0, "x-kubernetes-validations": [{"message": "be even"}]},
            },
        },
    });
    let mut lines = Vec::new();
    rows("spec.steps", &schema, false, &mut lines);
    assert_eq!(
        lines,
        [
            r"| `spec.steps` | list of object | 1 to 3 entries | Either a \| b. |",
            r"| `spec.steps[].at` | time |  |  |",
            r"| `spec.steps[].labels` | map of string | each: at most 9 characters |  |",
            r"| `spec.steps[].mode` | string | default `On`; one of `On`, `Off`; matches `^(a\|b)$` |  |",
            r#"| `spec.steps[].weight` | integer | required; at least 0; refused with "be even" |  |"#,
        ]
    );
}
