//! Conditions as AWS lists them.

use super::*;

fn conditions<const N: usize>(fields: [(&str, &[&str]); N]) -> Conditions {
    let values = |values: &[&str]| values.iter().map(|value| (*value).into()).collect();
    fields.into_iter().map(|(field, found)| (field.into(), values(found))).collect()
}

fn on(field: &str) -> aws_sdk_elasticloadbalancingv2::types::builders::RuleConditionBuilder {
    RuleCondition::builder().field(field)
}

fn query(key: Option<&str>, value: &str) -> RuleCondition {
    let pair = QueryStringKeyValuePair::builder().set_key(key.map(str::to_owned)).value(value).build();
    on("query-string").query_string_config(QueryStringConditionConfig::builder().values(pair).build()).build()
}

#[test]
fn every_field_is_told_apart() {
    let hosts = HostHeaderConditionConfig::builder().values("b.weir.example").values("a.weir.example").build();
    let header = HttpHeaderConditionConfig::builder().http_header_name("X-Canary").values("yes").build();
    let methods = HttpRequestMethodConditionConfig::builder().values("GET").build();
    let source = SourceIpConditionConfig::builder().values("10.0.0.0/8").build();
    let read = read(&[
        on("host-header").values("a.weir.example").host_header_config(hosts).build(),
        on("path-pattern").values("/api/*").build(),
        on("http-header").http_header_config(header).build(),
        on("http-request-method").http_request_method_config(methods).build(),
        on("source-ip").source_ip_config(source).build(),
        query(Some("version"), "2"),
        query(None, "beta"),
    ]);
    let expected: [(&str, &[&str]); 7] = [
        ("host-header", &["a.weir.example", "b.weir.example"]),
        ("http-header:x-canary", &["yes"]),
        ("http-request-method", &["GET"]),
        ("path-pattern", &["/api/*"]),
        ("query-string", &["version=2"]),
        // Two conditions are taken together, two values are alternatives.
        ("query-string#2", &["=beta"]),
        ("source-ip", &["10.0.0.0/8"]),
    ];
    assert_eq!(read, conditions(expected));
}

#[test]
fn an_expression_is_not_a_pattern() {
    let config = PathPatternConditionConfig::builder().regex_values("^/v[12]").build();
    let read = read(&[on("path-pattern").path_pattern_config(config).build()]);
    assert_eq!(read, conditions([("path-pattern", &["regex ^/v[12]"])]));
}

#[test]
fn what_is_written_reads_as_it_was_meant() {
    let all: [(&str, &[&str]); 7] = [
        ("host-header", &["a.weir.example", "b.weir.example"]),
        ("http-header:x-canary", &["yes"]),
        ("http-header:x-tenant", &["acme*"]),
        ("http-request-method", &["GET", "HEAD"]),
        ("path-pattern", &["/api/*"]),
        ("query-string", &["=beta", "redirect=/a=b", "version=2"]),
        ("source-ip", &["10.0.0.0/8", "2001:db8::/32"]),
    ];
    let conditions = conditions(all);
    assert_eq!(read(&write(&conditions).unwrap()), conditions);
}

#[test]
fn a_field_that_is_not_known_is_not_written() {
    for field in ["query-string#2", "http-header", "geography"] {
        assert_eq!(write(&conditions([(field, &["value"])])), Err(field.to_owned()));
    }
}
