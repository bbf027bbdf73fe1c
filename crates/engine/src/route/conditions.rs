//! The conditions of ELBv2 for a match: one entry for each field, whose values are alternatives.
//!
//! Which conditions are the same is judged as AWS compares requests with them: hosts, headers and query strings without
//! regard to case (see `RuleCondition` of the API reference of ELBv2).

use std::collections::BTreeSet;

use smol_str::SmolStr;
use weir_api::Match;

use crate::fact::Conditions;

/// The fields in which case matters.
const EXACT: [&str; 3] = ["path-pattern", "http-request-method", "source-ip"];

/// The conditions for a match.
pub(super) fn conditions(matches: &Match) -> Conditions {
    let pair = |key: Option<&String>, value: &String| format!("{}={value}", key.map_or("", String::as_str));
    let queries: Vec<String> =
        matches.query_strings.iter().map(|query| pair(query.key.as_ref(), &query.value)).collect();
    let plain = [
        ("host-header", &matches.hosts),
        ("path-pattern", &matches.paths),
        ("http-request-method", &matches.methods),
        ("query-string", &queries),
        ("source-ip", &matches.source_ips),
    ];
    let headers =
        matches.headers.iter().map(|header| (format!("http-header:{}", header.name.to_lowercase()), &header.values));
    plain
        .into_iter()
        .map(|(field, values)| (field.to_owned(), values))
        .chain(headers)
        .filter(|(_, values)| !values.is_empty())
        .map(|(field, values)| (field.into(), sorted(values.iter().map(SmolStr::from))))
        .collect()
}

/// Values in their order, each once.
fn sorted(values: impl Iterator<Item = SmolStr>) -> Vec<SmolStr> {
    values.collect::<BTreeSet<SmolStr>>().into_iter().collect()
}

/// Whether two rules are for the same requests.
pub(super) fn same(one: &Conditions, other: &Conditions) -> bool {
    one == other || normal(one) == normal(other)
}

fn normal(conditions: &Conditions) -> Conditions {
    let in_small = |values: &[SmolStr]| sorted(values.iter().map(|value| value.to_lowercase().into()));
    let one = |(field, values): (&SmolStr, &Vec<SmolStr>)| {
        let values = if EXACT.contains(&field.as_str()) { values.clone() } else { in_small(values) };
        (field.clone(), values)
    };
    conditions.iter().map(one).collect()
}

/// The conditions in words.
pub(super) fn describe(conditions: &Conditions) -> String {
    let fields = conditions.iter().map(|(field, values)| {
        let values: Vec<&str> = values.iter().map(SmolStr::as_str).collect();
        format!("{field} {}", values.join(" or "))
    });
    let fields: Vec<String> = fields.collect();
    if fields.is_empty() { "every request".to_owned() } else { fields.join(" and ") }
}
