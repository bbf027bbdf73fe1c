//! Label and field selectors.

use serde_json::Value;

use super::failure::Failure;
use super::names;

/// Which objects of a resource a request wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Selector {
    labels: Vec<(String, Want)>,
    fields: Vec<(Field, bool, String)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Want {
    In(Vec<String>),
    NotIn(Vec<String>),
    Present,
    Absent,
}

#[derive(Clone, Debug, PartialEq)]
enum Field {
    Name,
    Namespace,
    /// A field of an event, which the server indexes.
    At(Vec<String>),
}

impl Selector {
    /// Reads both selectors of a request; `extra` names the further fields this resource can be selected by.
    pub(super) fn parse(labels: &str, fields: &str, extra: &[&str]) -> Result<Self, Failure> {
        let labels = requirements(labels).iter().map(|term| label(term)).collect::<Result<_, _>>()?;
        let fields = fields
            .split(',')
            .filter(|term| !term.is_empty())
            .map(|term| field(term, extra))
            .collect::<Result<_, _>>()?;
        Ok(Self { labels, fields })
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        self.labels.iter().all(|(key, want)| {
            let value = metadata["labels"].get(key).and_then(Value::as_str);
            match want {
                Want::In(values) => value.is_some_and(|value| values.iter().any(|wanted| wanted == value)),
                Want::NotIn(values) => value.is_none_or(|value| values.iter().all(|wanted| wanted != value)),
                Want::Present => value.is_some(),
                Want::Absent => value.is_none(),
            }
        }) && self.fields.iter().all(|(field, equal, wanted)| {
            let value = match field {
                Field::Name => metadata.get("name"),
                Field::Namespace => metadata.get("namespace"),
                Field::At(path) => path.iter().try_fold(object, |value, step| value.get(step)),
            };
            (value.and_then(Value::as_str).unwrap_or_default() == wanted) == *equal
        })
    }
}

/// Splits at commas that stand outside parentheses.
fn requirements(selector: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut depth = 0_i32;
    for letter in selector.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if letter == ',' && depth == 0 {
            terms.push(String::new());
        } else if let Some(last) = terms.last_mut() {
            last.push(letter);
        }
    }
    terms.into_iter().map(|term| term.trim().to_owned()).filter(|term| !term.is_empty()).collect()
}

fn label(term: &str) -> Result<(String, Want), Failure> {
    if let Some(operator) = ["==", "="].into_iter().find(|operator| term.starts_with(operator)) {
        let message = format!("found '{operator}', expected: !, identifier, or 'end of string'");
        return Err(Failure::bad_request(message));
    }
    let found = |key: &str, want: Want| {
        let values: &[String] = match &want {
            Want::In(values) | Want::NotIn(values) => values,
            Want::Present | Want::Absent => &[],
        };
        let complaints = names::qualified(key.trim()).into_iter();
        let mut complaints = complaints.chain(values.iter().flat_map(|value| names::label_value(value)));
        match complaints.next() {
            Some(complaint) => Err(Failure::bad_request(format!("unable to parse requirement: {term:?}: {complaint}"))),
            None => Ok((key.trim().to_owned(), want)),
        }
    };
    if let Some((key, value)) = term.split_once("!=") {
        return found(key, Want::NotIn(vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return found(key, Want::In(vec![value.trim().to_owned()]));
    }
    if let Some((head, values)) = term.strip_suffix(')').and_then(|term| term.split_once('(')) {
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        match head.split_whitespace().collect::<Vec<_>>().as_slice() {
            [key, "in"] => return found(key, Want::In(values)),
            [key, "notin"] => return found(key, Want::NotIn(values)),
            _ => {}
        }
    }
    let (key, want) = match term.strip_prefix('!') {
        Some(key) => (key.trim(), Want::Absent),
        None => (term, Want::Present),
    };
    found(key, want)
}

fn field(term: &str, extra: &[&str]) -> Result<(Field, bool, String), Failure> {
    let (name, value, equal) = if let Some((name, value)) = term.split_once("!=") {
        (name, value, false)
    } else if let Some((name, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (name, value, true)
    } else {
        return Err(Failure::bad_request(format!("invalid selector: '{term}'; can't understand '{term}'")));
    };
    let field = match name {
        "metadata.name" => Field::Name,
        "metadata.namespace" => Field::Namespace,
        other if extra.contains(&other) => Field::At(other.split('.').map(str::to_owned).collect()),
        other => {
            return Err(Failure::bad_request(format!("field label not supported: {other}")));
        }
    };
    Ok((field, equal, value.to_owned()))
}
