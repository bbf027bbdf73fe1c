//! Conditions of rules: from the SDK's form to the engine's map of fields and values, and back.
//!
//! Values within a field are alternatives, fields are taken together. A second condition on the same field (AWS
//! allows several on headers and query strings) therefore gets a key of its own, `query-string#2`.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types::{
    HostHeaderConditionConfig, HttpHeaderConditionConfig, HttpRequestMethodConditionConfig, PathPatternConditionConfig,
    QueryStringConditionConfig, QueryStringKeyValuePair, RuleCondition, SourceIpConditionConfig,
};
use weir_engine::fact::Conditions;

const HOST: &str = "host-header";
const PATH: &str = "path-pattern";
const HEADER: &str = "http-header";
const METHOD: &str = "http-request-method";
const QUERY: &str = "query-string";
const SOURCE: &str = "source-ip";

/// All conditions of a rule.
pub(super) fn read(conditions: &[RuleCondition]) -> Conditions {
    let mut read = Conditions::new();
    for condition in conditions {
        let name = field_name(condition);
        let again = (2..).map(|count| format!("{name}#{count}"));
        let key = std::iter::once(name.clone()).chain(again).find(|key| !read.contains_key(key.as_str()));
        let values = values(condition).into_iter().map(Into::into).collect();
        read.insert(key.unwrap_or(name).into(), values);
    }
    read
}

/// Conditions in the SDK's form; `Err` with the first field that Weir does not write.
pub(super) fn write(conditions: &Conditions) -> Result<Vec<RuleCondition>, String> {
    conditions.iter().map(|(field, values)| write_one(field, values)).collect()
}

fn write_one(key: &str, values: &[impl AsRef<str>]) -> Result<RuleCondition, String> {
    let values = || values.iter().map(AsRef::as_ref);
    let texts = Some(values().map(ToOwned::to_owned).collect());
    let (field, header) = match key.split_once(':') {
        Some((field, header)) => (field, Some(header)),
        None => (key, None),
    };
    let condition = RuleCondition::builder().field(field);
    let condition = match (field, header) {
        (HOST, None) => condition.host_header_config(HostHeaderConditionConfig::builder().set_values(texts).build()),
        (PATH, None) => condition.path_pattern_config(PathPatternConditionConfig::builder().set_values(texts).build()),
        (HEADER, Some(name)) => condition
            .http_header_config(HttpHeaderConditionConfig::builder().http_header_name(name).set_values(texts).build()),
        (METHOD, None) => {
            condition.http_request_method_config(HttpRequestMethodConditionConfig::builder().set_values(texts).build())
        }
        (QUERY, None) => condition.query_string_config(
            QueryStringConditionConfig::builder().set_values(Some(values().map(unpair).collect())).build(),
        ),
        (SOURCE, None) => condition.source_ip_config(SourceIpConditionConfig::builder().set_values(texts).build()),
        _ => return Err(key.to_owned()),
    };
    Ok(condition.build())
}

/// The field, with the name of the header where it is about one, which is compared without regard to case.
fn field_name(condition: &RuleCondition) -> String {
    let field = condition.field().unwrap_or_default();
    let header = condition.http_header_config().and_then(|config| config.http_header_name());
    header.map_or_else(|| field.to_owned(), |header| format!("{field}:{}", header.to_lowercase()))
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

/// A pair of a query string as `key=value`; the key is empty where the value may stand under any.
fn pair(pair: &QueryStringKeyValuePair) -> String {
    format!("{}={}", pair.key().unwrap_or_default(), pair.value().unwrap_or_default())
}

fn unpair(text: &str) -> QueryStringKeyValuePair {
    let (key, value) = text.split_once('=').unwrap_or(("", text));
    let key = Some(key.to_owned()).filter(|key| !key.is_empty());
    QueryStringKeyValuePair::builder().set_key(key).value(value).build()
}

#[cfg(test)]
mod tests;
