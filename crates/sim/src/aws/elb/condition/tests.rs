//! Tests of conditions.

use super::*;

fn read(encoded: &str) -> Result<Vec<Condition>, Refusal> {
    Condition::read_all(&Form::parse(encoded.as_bytes()).list("C"))
}

#[test]
fn wildcards_match_as_on_a_balancer() {
    for (pattern, text) in [
        ("/img/*", "/img/"),
        ("/img/*", "/img/a/b.png"),
        ("/*/pics", "/one/two/pics"),
        ("/a?c", "/abc"),
        ("*", ""),
        ("*.weir.example", "shop.weir.example"),
        ("a*b*c", "a--b-b--c"),
    ] {
        assert!(wildcard(pattern, text), "{pattern} should match {text}");
    }
    for (pattern, text) in
        [("/img/*", "/img"), ("/a?c", "/ac"), ("/a", "/A"), ("*.weir.example", "weir.example"), ("a*b", "a--bc")]
    {
        assert!(!wildcard(pattern, text), "{pattern} should not match {text}");
    }
}

#[test]
fn hosts_are_matched_without_regard_to_case_and_paths_with_it() {
    let conditions = read(
        "C.member.1.Field=host-header&C.member.1.HostHeaderConfig.Values.member.1=Shop.Weir.example\
         &C.member.2.Field=path-pattern&C.member.2.Values.member.1=/Cart*",
    )
    .unwrap();
    let matches = |host, path| conditions.iter().all(|condition| condition.matches(host, path));
    assert!(matches("shop.weir.example", "/Cart/1"));
    assert!(!matches("shop.weir.example", "/cart/1"));
    assert!(!matches("other.weir.example", "/Cart/1"));
}

#[test]
fn what_requests_do_not_have_is_not_matched() {
    let conditions = read(
        "C.member.1.Field=http-header&C.member.1.HttpHeaderConfig.HttpHeaderName=X-Beta\
         &C.member.1.HttpHeaderConfig.Values.member.1=on&C.member.2.Field=http-request-method\
         &C.member.2.HttpRequestMethodConfig.Values.member.1=GET",
    )
    .unwrap();
    assert!(!conditions[0].matches("any", "/"));
    assert!(conditions[1].matches("any", "/"));
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
    ] {
        let refusal = read(&encoded).unwrap_err();
        assert_eq!(refusal.code, "ValidationError");
        assert!(refusal.message.contains(part), "{}", refusal.message);
    }
}
