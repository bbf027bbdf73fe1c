//! Conditions of rules: from the SDK's form to the engine's map of fields and values, and back for those that
//! Weir writes itself.
//!
//! Values within a field are alternatives, fields are taken together. A second condition on the same field (AWS
//! allows several on headers and query strings) therefore gets a key of its own, `query-string#2`.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types::{
    HostHeaderConditionConfig, HttpHeaderConditionConfig, HttpRequestMethodConditionConfig, PathPatternConditionConfig,
    QueryStringConditionConfig, QueryStringKeyValuePair, RuleCondition, SourceIpConditionConfig,
};

const HOST: &str = "host-header";
const PATH: &str = "path-pattern";

/// All conditions of a rule.
pub(super) fn read(conditions: &[RuleCondition]) -> BTreeMap<String, BTreeSet<String>> {
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for condition in conditions {
        let name = field_name(condition);
        let again = (2..).map(|count| format!("{name}#{count}"));
        let key = std::iter::once(name.clone()).chain(again).find(|key| !read.contains_key(key));
        read.insert(key.unwrap_or(name), values(condition));
    }
    read
}

/// Conditions in the SDK's form; `Err` with the first field that Weir does not write.
pub(super) fn write(conditions: &BTreeMap<String, BTreeSet<String>>) -> Result<Vec<RuleCondition>, String> {
    let write_one = |(field, values): (&String, &BTreeSet<String>)| {
        let values = Some(values.iter().cloned().collect());
        let condition = RuleCondition::builder().field(field);
        match field.as_str() {
            HOST => Ok(condition
                .host_header_config(HostHeaderConditionConfig::builder().set_values(values).build())
                .build()),
            PATH => Ok(condition
                .path_pattern_config(PathPatternConditionConfig::builder().set_values(values).build())
                .build()),
            other => Err(other.to_owned()),
        }
    };
    conditions.iter().map(write_one).collect()
}

/// The field, with the name of the header where it is about one.
fn field_name(condition: &RuleCondition) -> String {
    let field = condition.field().unwrap_or_default();
    let header = condition.http_header_config().and_then(|config| config.http_header_name());
    header.map_or_else(|| field.to_owned(), |header| format!("{field}:{header}"))
}

/// The values, wherever AWS has put them: older fields stand both in `Values` and in their own config.
fn values(condition: &RuleCondition) -> BTreeSet<String> {
    let (host, path) = (condition.host_header_config(), condition.path_pattern_config());
    let (header, source) = (condition.http_header_config(), condition.source_ip_config());
    let plain = [
        condition.values(),
        host.map(HostHeaderConditionConfig::values).unwrap_or_default(),
        path.map(PathPatternConditionConfig::values).unwrap_or_default(),
        header.map(HttpHeaderConditionConfig::values).unwrap_or_default(),
        condition.http_request_method_config().map(HttpRequestMethodConditionConfig::values).unwrap_or_default(),
        source.map(SourceIpConditionConfig::values).unwrap_or_default(),
    ];
    // Expressions are marked, since the same text means something else as a pattern.
    let expressions = [
        condition.regex_values(),
        host.map(HostHeaderConditionConfig::regex_values).unwrap_or_default(),
        path.map(PathPatternConditionConfig::regex_values).unwrap_or_default(),
        header.map(HttpHeaderConditionConfig::regex_values).unwrap_or_default(),
    ];
    let expressions = expressions.into_iter().flatten().map(|expression| format!("regex {expression}"));
    let pairs = condition.query_string_config().map(QueryStringConditionConfig::values).unwrap_or_default();
    let families = source.and_then(|source| source.ip_address_type());
    let families = families.map(|family| format!("address type {}", family.as_str()));
    plain.into_iter().flatten().cloned().chain(expressions).chain(pairs.iter().map(pair)).chain(families).collect()
}

/// A pair of a query string as `key=value`; the key may be left out.
fn pair(pair: &QueryStringKeyValuePair) -> String {
    let value = pair.value().unwrap_or_default();
    pair.key().map_or_else(|| value.to_owned(), |key| format!("{key}={value}"))
}

#[cfg(test)]
mod tests;
