//! Tests of conditions.

use super::*;

fn read(encoded: &str) -> Result<Vec<Condition>, Refusal> {
    Condition::read_all(&Form::parse(encoded.as_bytes()).list("C"))
}

#[test]
fn hosts_are_matched_without_regard_to_case_and_paths_with_it() {
    let conditions = read(
        "C.member.1.Field=host-header&C.member.1.HostHeaderConfig.Values.member.1=Shop.Weir.example\
         &C.member.2.Field=path-pattern&C.member.2.Values.member.1=/Cart*",
    )
    .unwrap();
    let matches =
        |host: &str, path: &str| conditions.iter().all(|condition| condition.matches(&HttpRequest::get(host, path)));
    assert!(matches("shop.weir.example", "/Cart/1"));
    assert!(!matches("shop.weir.example", "/cart/1"));
    assert!(!matches("other.weir.example", "/Cart/1"));
}

#[test]
fn every_field_looks_at_its_part_of_the_request() {
    let conditions = read(
        "C.member.1.Field=http-header&C.member.1.HttpHeaderConfig.HttpHeaderName=X-Beta\
         &C.member.1.HttpHeaderConfig.Values.member.1=on*&C.member.2.Field=http-request-method\
         &C.member.2.HttpRequestMethodConfig.Values.member.1=POST&C.member.3.Field=query-string\
         &C.member.3.QueryStringConfig.Values.member.1.Key=version&C.member.3.QueryStringConfig.Values.member.1.Value=2\
         &C.member.3.QueryStringConfig.Values.member.2.Value=beta&C.member.4.Field=source-ip\
         &C.member.4.SourceIpConfig.Values.member.1=10.0.0.0/8",
    )
    .unwrap();
    let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    let plain = HttpRequest::get("any.test", "/");
    let fitting = HttpRequest {
        method: "POST".to_owned(),
        headers: pair("x-beta", "ON, surely"),
        query: pair("Version", "2"),
        source: IpAddr::from([10, 1, 2, 3]),
        ..plain.clone()
    };
    for condition in &conditions {
        assert!(condition.matches(&fitting), "{condition:?}");
        assert!(!condition.matches(&plain), "{condition:?}");
    }
    let query = |key: &str, value: &str| HttpRequest { query: pair(key, value), ..plain.clone() };
    assert!(conditions[2].matches(&query("any", "Beta")));
    assert!(!conditions[2].matches(&query("other", "2")));
}

#[test]
fn wrong_conditions_are_refused() {
    let host = |number: usize| format!("C.member.1.Field=host-header&C.member.1.Values.member.{number}=h{number}");
    let six: Vec<String> = (1..=6).map(host).collect();
    for (encoded, part) in [
        (String::new(), "must be specified"),
        ("C.member.1.Field=colour&C.member.1.Values.member.1=red".to_owned(), "'colour'"),
        ("C.member.1.Field=host-header".to_owned(), "can't be empty"),
        (six.join("&"), "up to '5'"),
        (format!("{}&C.member.2.Field=host-header&C.member.2.Values.member.1=b", host(1)), "only have one"),
        ("C.member.1.Field=source-ip".to_owned(), "SourceIpConfig"),
        ("C.member.1.Field=source-ip&C.member.1.SourceIpConfig.Values.member.1=10.0.0.1".to_owned(), "'10.0.0.1'"),
        (
            "C.member.1.Field=http-request-method&C.member.1.HttpRequestMethodConfig.Values.member.1=get".to_owned(),
            "'get'",
        ),
        (
            "C.member.1.Field=http-header&C.member.1.HttpHeaderConfig.HttpHeaderName=Host\
             &C.member.1.HttpHeaderConfig.Values.member.1=a"
                .to_owned(),
            "'Host'",
        ),
        ("C.member.1.Field=path-pattern&C.member.1.Values.member.1=/*/*/*/*/*/*".to_owned(), "'5' wildcards"),
    ] {
        let refusal = read(&encoded).unwrap_err();
        assert_eq!(refusal.code, "ValidationError");
        assert!(refusal.message.contains(part), "{}", refusal.message);
    }
}
