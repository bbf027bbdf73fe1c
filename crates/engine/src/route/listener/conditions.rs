//! The conditions of ELBv2 for a match: one entry for each field, whose values are alternatives.
//!
//! Which conditions are the same is judged as AWS compares requests with them: hosts, headers and query strings without
//! regard to case (see `RuleCondition` of the API reference of ELBv2).

use std::collections::BTreeSet;
use std::net::IpAddr;

use smol_str::SmolStr;
use weir_api::Match;

use crate::fact::Conditions;

use super::pattern::{folded, is_path_within, is_within};

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

/// Whether two matches are for the same requests.
pub(super) fn is_same_match(one: &Match, other: &Match) -> bool {
    let within = |one: &[String], other: &[String]| {
        one.iter().all(|value| other.iter().any(|other| folded(value) == folded(other)))
    };
    // Hosts tell most of them apart, for nothing.
    within(&one.hosts, &other.hosts) && within(&other.hosts, &one.hosts) && same(&conditions(one), &conditions(other))
}

/// Whether two rules are for the same requests.
pub(super) fn same(one: &Conditions, other: &Conditions) -> bool {
    one == other || normal(one) == normal(other)
}

fn normal(conditions: &Conditions) -> Conditions {
    let in_small = |values: &[SmolStr]| sorted(values.iter().map(|value| folded(value).into()));
    let one = |(field, values): (&SmolStr, &Vec<SmolStr>)| {
        let values = if EXACT.contains(&field.as_str()) { values.clone() } else { in_small(values) };
        (field.clone(), values)
    };
    conditions.iter().map(one).collect()
}

/// Whether every request that fits `narrow` fits `wide` too. It is never wrongly yes: an expression, and what else is not
/// understood, covers nothing and is covered by nothing.
pub(super) fn covers(wide: &Conditions, narrow: &Conditions) -> bool {
    wide.iter().all(|(field, values)| {
        if values.is_empty() || !values.iter().all(|value| is_understood(value)) {
            return false;
        }
        match narrow.get(field) {
            Some(inner) => !inner.is_empty() && inner.iter().all(|inner| is_within_any(field, inner, values)),
            None => values.iter().any(|value| is_for_everything(field, value)),
        }
    })
}

/// Whether a value is a plain pattern: no expression, no type of address, and nothing that is escaped.
fn is_understood(value: &str) -> bool {
    !value.starts_with("regex ") && !value.starts_with("address type ") && !value.contains('\\')
}

/// Whether all that a value is for is also what one of several is for.
fn is_within_any(field: &str, inner: &str, outer: &[SmolStr]) -> bool {
    is_understood(inner)
        && outer.iter().any(|outer| match field {
            "host-header" => is_within(inner, outer),
            "path-pattern" => is_path_within(inner, outer),
            "source-ip" => inner == outer || is_network_within(inner, outer),
            _ if EXACT.contains(&field) => inner == outer,
            _ => folded(inner) == folded(outer),
        })
}

/// Whether a pattern is for every host, or for every path: these begin with a slash.
pub(super) fn is_for_everything(field: &str, pattern: &str) -> bool {
    match field {
        "host-header" => is_within("*", pattern),
        "path-pattern" => is_path_within("/*", pattern),
        _ => false,
    }
}

fn is_network_within(inner: &str, outer: &str) -> bool {
    let (Some((inner, inner_length)), Some((outer, outer_length))) = (network(inner), network(outer)) else {
        return false;
    };
    let alike = match (inner, outer) {
        (IpAddr::V4(inner), IpAddr::V4(outer)) => (inner.to_bits() ^ outer.to_bits()).leading_zeros(),
        (IpAddr::V6(inner), IpAddr::V6(outer)) => (inner.to_bits() ^ outer.to_bits()).leading_zeros(),
        _ => return false,
    };
    outer_length <= inner_length && outer_length <= alike
}

/// An address and how many of its first bits make the network.
fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = text.split_once('/')?;
    Some((address.parse().ok()?, length.parse().ok()?))
}

/// The conditions of a rule that may be anybody's, in words. What may be a secret between whoever made it and a proxy in
/// front is not told.
pub(super) fn describe_theirs(conditions: &Conditions) -> String {
    let plain = ["host-header", "path-pattern", "http-request-method"];
    let told = |(field, values): (&SmolStr, &Vec<SmolStr>)| {
        let values = if plain.contains(&field.as_str()) { values.clone() } else { vec!["…".into()] };
        (field.clone(), values)
    };
    describe(&conditions.iter().map(told).collect())
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

#[cfg(test)]
mod tests;
