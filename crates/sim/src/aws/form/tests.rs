//! Tests of reading Query parameters.

use super::*;

#[test]
fn members_come_in_the_order_of_their_numbers() {
    let encoded: Vec<String> = (1..=12).rev().map(|number| format!("Names.member.{number}=name%2B{number}")).collect();
    let form = Form::parse(encoded.join("&").as_bytes());
    let expected: Vec<String> = (1..=12).map(|number| format!("name+{number}")).collect();
    assert_eq!(form.texts("Names"), expected);
}

#[test]
fn numbers_are_held_to_their_range() {
    let form = Form::parse(b"Low=0&High=50001&Word=many&Fits=7");
    let low = form.number_within("Low", 1, 50_000).unwrap_err();
    assert_eq!(
        low.message,
        "1 validation error detected: Value '0' at 'low' failed to satisfy constraint: \
         Member must have value greater than or equal to 1"
    );
    assert_eq!(form.number_within("High", 1, 50_000).unwrap_err().code, "ValidationError");
    assert_eq!(form.number_within("Word", 1, 50_000).unwrap_err().code, "MalformedInput");
    assert_eq!(form.number_within("Fits", 1, 50_000), Ok(Some(7)));
    assert_eq!(form.number_within("None", 1, 50_000), Ok(None));
}

#[test]
fn an_empty_list_is_there_and_empty() {
    let form = Form::parse(b"Actions=&Other=1");
    assert!(form.has("Actions") && !form.has("Conditions"));
    assert!(form.list("Actions").is_empty());
    assert!(form.required_texts("Actions").unwrap_err().message.contains("'actions'"));
}

#[test]
fn parameters_are_echoed_as_elements() {
    let form = Form::parse(
        b"Config.Values.member.2=b&Config.Values.member.1=a&Config.Extra.entry.1.key=k&Config.Extra.entry.1.value=%3Cv%3E",
    );
    let document = form
        .field("Config")
        .unwrap()
        .xml("Config")
        .document("http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/");
    assert!(
        document.ends_with(
            "<Extra><entry><key>k</key><value>&lt;v&gt;</value></entry></Extra>\
             <Values><member>a</member><member>b</member></Values></Config>"
        ),
        "{document}"
    );
}

#[test]
fn a_path_without_an_end_makes_no_tree_without_an_end() {
    let names = vec!["a"; 500_000];
    let form = Form::parse(format!("{}=x&B.C=y", names.join(".")).as_bytes());
    let depth = std::iter::successors(Some(&form), |form| form.field("a")).count();
    assert!(depth < 40, "{depth}");
    assert_eq!(form.field("B").and_then(|form| form.text("C")), Some("y"));
}
