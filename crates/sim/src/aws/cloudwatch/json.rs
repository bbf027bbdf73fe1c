//! `GetMetricData` in JSON: the same values, with instants as seconds since 1970.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::cbor::Cbor;
use super::float;
use super::page::Page;
use super::question::Question;

/// The members that are instants.
const INSTANTS: [&str; 2] = ["StartTime", "EndTime"];

/// Reads a request.
pub(super) fn read(body: &[u8]) -> Result<Cbor, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut value = value_of(value);
    if let Cbor::Map(members) = &mut value {
        for name in INSTANTS {
            if let Some(member) = members.get_mut(name) {
                *member = instant(member).ok_or_else(|| format!("{name} must be seconds since 1970"))?;
            }
        }
    }
    Ok(value)
}

fn value_of(value: Value) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(value) => Cbor::Bool(value),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| Cbor::Float(number.as_f64().unwrap_or(f64::NAN)), Cbor::Int)
        }
        Value::String(text) => Cbor::Text(text),
        Value::Array(values) => Cbor::List(values.into_iter().map(value_of).collect()),
        Value::Object(members) => Cbor::Map(members.into_iter().map(|(name, value)| (name, value_of(value))).collect()),
    }
}

fn instant(value: &Cbor) -> Option<Cbor> {
    let at = match value {
        Cbor::Null => return Some(Cbor::Null),
        Cbor::Int(seconds) => Timestamp::from_second(*seconds).ok()?,
        Cbor::Float(seconds) => {
            let span = jiff::SignedDuration::try_from_secs_f64(*seconds).ok()?;
            Timestamp::from_duration(span).ok()?
        }
        Cbor::Bool(_) | Cbor::Text(_) | Cbor::Time(_) | Cbor::List(_) | Cbor::Map(_) => return None,
    };
    Some(Cbor::Time(at))
}

/// Writes an answer.
pub(super) fn write(question: &Question, page: &Page<'_>) -> Vec<u8> {
    let results = question.queries.iter().zip(&page.parts).map(|(query, part)| {
        let times: Vec<i64> = part.points.iter().map(|(at, _)| at.as_second()).collect();
        let values: Vec<f64> = part.points.iter().map(|(_, value)| float(*value)).collect();
        let status = if part.is_complete { "Complete" } else { "PartialData" };
        json!({"Id": query.id, "Label": query.label, "Timestamps": times, "Values": values, "StatusCode": status})
    });
    let mut answer = json!({"MetricDataResults": results.collect::<Vec<_>>(), "Messages": []});
    if let Some(token) = &page.next {
        answer["NextToken"] = json!(token);
    }
    answer.to_string().into_bytes()
}
