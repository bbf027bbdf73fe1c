//! What was there before Weir survives the way through tags, whole or not at all.

use std::collections::BTreeMap;

use proptest::prelude::*;
use weir_api::weighted_route::{Before, BeforeForward, GroupWeight};

use super::{Arn, BEFORE_TAG, TAG_LENGTH, put_back, read, tags};
use crate::fact::{Action, ActionKind, Forward, Tags};

const LISTENER: &str =
    "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/shop/50dc6c495c0c9188/f2f7dc8efc522ab2";

fn near() -> Arn {
    Arn::new(LISTENER)
}

fn group(name: &str, weight: i32) -> GroupWeight {
    let arn = format!("arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/{name}/73e2d6bc24d8a067");
    GroupWeight { arn, weight }
}

fn forward(groups: Vec<GroupWeight>, sticky_seconds: Option<i32>) -> Before {
    Before { forward: Some(BeforeForward { groups, sticky_seconds }), fixed_response: None }
}

fn response(settings: &[(&str, &str)]) -> Before {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Before { forward: None, fixed_response: Some(settings.collect()) }
}

#[test]
fn the_text_is_short_and_can_be_read_by_people() {
    let text = |before: &Before| tags(before, &near()).remove(BEFORE_TAG).unwrap();
    assert_eq!(text(&Before::default()), "nothing+.");
    let before = forward(vec![group("blue", 75), group("green", 25)], Some(300));
    assert_eq!(text(&before), "forward+300+blue/73e2d6bc24d8a067=75+green/73e2d6bc24d8a067=25+.");
    let before = response(&[("ContentType", "text/plain"), ("MessageBody", "Soon: back!"), ("StatusCode", "503")]);
    assert_eq!(text(&before), "fixed-response+ContentType=text/plain+MessageBody=Soon:_20back_21+StatusCode=503+.");
}

#[test]
fn the_longest_forward_fits_into_two_tags_and_the_longest_response_into_what_a_resource_has() {
    let name = "n".repeat(32);
    let groups = (0..5).map(|_| group(&name, 999)).collect();
    assert_eq!(tags(&forward(groups, Some(604_800)), &near()).len(), 2);
    let body = "<".repeat(1_024);
    let before = response(&[("ContentType", "application/javascript"), ("MessageBody", &body), ("StatusCode", "503")]);
    assert_eq!(tags(&before, &near()).len(), 13);
    assert_eq!(read(&tags(&before, &near()), &near()), Some(before));
}

#[test]
fn what_is_not_whole_is_nothing() {
    let before = forward((0..5).map(|number| group(&format!("{}{number}", "n".repeat(31)), 1)).collect(), None);
    let whole = tags(&before, &near());
    for key in whole.keys() {
        let mut cut = whole.clone();
        cut.remove(key);
        assert_eq!(read(&cut, &near()), None, "without {key}");
    }
    for text in ["", "forward", "forward+0+blue=1", "forward+0+blue+.", "forward+x+.", "something+.", "nothing+x+."] {
        let tags = Tags::from_iter([(BEFORE_TAG.to_owned(), text.to_owned())]);
        assert_eq!(read(&tags, &near()), None, "{text}");
    }
}

#[test]
fn only_what_answers_requests_is_put_back() {
    let oidc = Action {
        order: Some(1),
        kind: ActionKind::Kept { kind: "authenticate-oidc".to_owned(), settings: BTreeMap::new() },
    };
    let live = Forward { groups: BTreeMap::from([(Arn::new("green"), 1)]), sticky_seconds: Some(300) };
    let live = [oidc.clone(), Action { order: Some(2), kind: ActionKind::Forward(live) }];
    let back = put_back(&live, &response(&[("StatusCode", "503")])).unwrap();
    assert_eq!(back[0], oidc);
    assert_eq!(back[1].order, Some(2));
    assert!(matches!(&back[1].kind, ActionKind::Kept { kind, .. } if kind == "fixed-response"));
    assert_eq!(put_back(&live, &Before::default()), None);
}

fn any_before() -> impl Strategy<Value = Before> {
    let groups = prop::collection::vec(("[a-zA-Z0-9-]{1,32}", 0..=999), 1..=5);
    let groups = groups.prop_map(|groups| groups.into_iter().map(|(name, weight)| group(&name, weight)).collect());
    let sticky = prop::option::of(1..=604_800);
    let settings = prop::collection::btree_map("[A-Za-z]{1,12}", ".{0,400}", 0..4);
    prop_oneof![
        Just(Before::default()),
        (groups, sticky).prop_map(|(groups, sticky)| forward(groups, sticky)),
        settings.prop_map(|settings| Before { forward: None, fixed_response: Some(settings) }),
    ]
}

proptest! {
    #[test]
    fn whatever_it_was_comes_back_from_tags_that_aws_takes(before in any_before()) {
        let tags = tags(&before, &near());
        for (key, value) in &tags {
            prop_assert!(key.starts_with(BEFORE_TAG) && value.len() <= TAG_LENGTH);
            let fits = |letter: char| letter.is_ascii_alphanumeric() || "_.:/=+-@".contains(letter);
            prop_assert!(value.chars().all(fits), "{}", value);
        }
        prop_assert_eq!(read(&tags, &near()), Some(before));
    }
}
