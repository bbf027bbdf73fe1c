//! Conditions as AWS lists them.

use super::*;

fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
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
    let expected = [
        ("host-header", set(&["a.weir.example", "b.weir.example"])),
        ("http-header:x-canary", set(&["yes"])),
        ("http-request-method", set(&["GET"])),
        ("path-pattern", set(&["/api/*"])),
        ("query-string", set(&["version=2"])),
        // Two conditions are taken together, two values are alternatives.
        ("query-string#2", set(&["=beta"])),
        ("source-ip", set(&["10.0.0.0/8"])),
    ];
    assert_eq!(read, expected.map(|(field, values)| (field.to_owned(), values)).into());
}

#[test]
fn an_expression_is_not_a_pattern() {
    let config = PathPatternConditionConfig::builder().regex_values("^/v[12]").build();
    let read = read(&[on("path-pattern").path_pattern_config(config).build()]);
    assert_eq!(read["path-pattern"], set(&["regex ^/v[12]"]));
}

#[test]
fn what_is_written_reads_as_it_was_meant() {
    let conditions = [
        ("host-header", set(&["a.weir.example", "b.weir.example"])),
        ("http-header:x-canary", set(&["yes"])),
        ("http-header:x-tenant", set(&["acme*"])),
        ("http-request-method", set(&["GET", "HEAD"])),
        ("path-pattern", set(&["/api/*"])),
        ("query-string", set(&["version=2", "=beta", "redirect=/a=b"])),
        ("source-ip", set(&["10.0.0.0/8", "2001:db8::/32"])),
    ];
    let conditions = conditions.map(|(field, values)| (field.to_owned(), values)).into();
    assert_eq!(read(&write(&conditions).unwrap()), conditions);
}

#[test]
fn a_field_that_is_not_known_is_not_written() {
    for field in ["query-string#2", "http-header", "geography"] {
        let conditions = [(field.to_owned(), set(&["value"]))].into();
        assert_eq!(write(&conditions), Err(field.to_owned()));
    }
}
