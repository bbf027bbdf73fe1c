//! Kubernetes objects, well and badly made, and what becomes of them.

use serde_json::{Value, json};
use weir_api::command::CommandEffect;
use weir_api::{TrafficShiftSpec, TrafficShiftStatus};

use super::{Received, is_part_of, path, read};
use crate::document::Document;

fn shift(spec: Value, status: Value) -> Received<TrafficShiftSpec> {
    let document: Document = serde_json::from_value(json!({
        "metadata": {
            "namespace": "shop",
            "name": "checkout",
            "uid": "u1",
            "resourceVersion": "7",
            "generation": 3,
            "creationTimestamp": "2026-11-21T10:00:00Z",
            "annotations": {"weir.dev/command": "abort/1"},
            "finalizers": ["example.org/other", "weir.dev/undo"],
        },
        "spec": spec,
        "status": status,
    }))
    .unwrap();
    read(document).unwrap()
}

fn sound() -> Value {
    json!({"routes": ["checkout"], "to": "green", "strategy": {"allAtOnce": {}}})
}

#[test]
fn an_object_keeps_what_the_engine_decides_on() {
    let received = shift(sound(), json!({"phase": "Shifting"}));
    let object = received.object.unwrap();
    assert_eq!(object.key.to_string(), "shop/checkout");
    assert_eq!((object.uid.as_str(), object.version.as_str(), object.generation), ("u1", "7", 3));
    assert_eq!(object.created.to_string(), "2026-11-21T10:00:00Z");
    assert_eq!(object.command.as_deref(), Some("abort/1"));
    assert!(object.has_finalizer());
    assert_eq!(object.spec.to, "green");
    assert_eq!(object.status.phase, Some(weir_api::traffic_shift::Phase::Shifting));
    assert_eq!(object.finalizers.len(), 2);
}

#[test]
fn a_status_that_cannot_be_read_counts_as_lost() {
    for status in [json!({"phase": "Unheard"}), json!("text"), Value::Null] {
        assert_eq!(shift(sound(), status).object.unwrap().status, TrafficShiftStatus::default());
    }
}

#[test]
fn a_status_of_an_earlier_version_is_read_as_one_of_today_whatever_the_spec() {
    let command = json!({"command": "abort/1", "result": "", "refused": true, "at": "2026-11-21T10:00:00Z"});
    let status = json!({"lastCommand": command});
    let received = shift(sound(), status.clone());
    assert!(received.outdated);
    assert_eq!(received.object.unwrap().status.last_command.unwrap().effect, CommandEffect::Refused);
    let received = shift(json!({"to": 7}), status);
    assert!(received.outdated);
    assert_eq!(received.object.unwrap_err().status["lastCommand"]["effect"], "Refused");
    assert!(!shift(sound(), json!({"phase": "Shifting"})).outdated);
}

#[test]
fn a_spec_that_cannot_be_read_is_refused_with_the_field() {
    let mut spec = sound();
    spec["strategy"] = json!({"steps": [{"weight": 5}, {"weight": 100, "pause": {"duration": "99999d99999h"}}]});
    let refusal = shift(spec, json!({"phase": "Shifting"})).object.unwrap_err();
    assert!(refusal.message.contains("spec.strategy.steps[1].pause.duration"), "{}", refusal.message);
    assert!(refusal.message.contains("99999d99999h"), "{}", refusal.message);
    assert_eq!(refusal.status, json!({"phase": "Shifting"}));
}

#[test]
fn a_missing_spec_is_refused() {
    assert!(shift(Value::Null, Value::Null).object.is_err());
    let refusal = shift(json!({"routes": ["a"], "strategy": {"allAtOnce": {}}}), Value::Null).object.unwrap_err();
    assert!(refusal.message.contains("missing field `to`"), "{}", refusal.message);
}

#[test]
fn the_field_of_a_line_is_found() {
    let value = json!({"a": [1, {"b": "x"}, [2, 3]], "c": {"d": {}, "e": 4}});
    let text = serde_json::to_string_pretty(&value).unwrap();
    let found: Vec<String> = (1..=text.lines().count()).map(|line| path(&text, line)).collect();
    for expected in ["spec", "spec.a", "spec.a[0]", "spec.a[1].b", "spec.a[2][1]", "spec.c.d", "spec.c.e"] {
        assert!(found.iter().any(|path| path == expected), "{expected} in {found:?}");
    }
}

#[test]
fn no_more_is_kept_of_an_object_than_can_be_of_use() {
    let text = |letter: &str| format!("abort/{}", letter.repeat(250 * 1_024 / letter.len()));
    for letter in ["x", "\u{1}", "\n", "好"] {
        let mut finalizers: Vec<String> = (0..20_000).map(|number| format!("example.org/{number}")).collect();
        finalizers.insert(7, "weir.dev/undo".to_owned());
        let document: Document = serde_json::from_value(json!({
            "metadata": {
                "namespace": "shop", "name": "checkout", "uid": "u1", "resourceVersion": "7",
                "annotations": {"weir.dev/command": text(letter), "other": text(letter)},
                "labels": {"other": text(letter)}, "finalizers": finalizers,
            },
            "spec": sound(),
        }))
        .unwrap();
        let object = read::<TrafficShiftSpec>(document).unwrap().object.unwrap();
        assert!(format!("{object:?}").len() < 4_000, "{}", format!("{object:?}").len());
        assert_eq!(object.finalizers, ["weir.dev/undo", super::MANY]);
        assert!(
            object.command.unwrap().parse::<weir_api::command::Command>().is_err(),
            "what is cut off is no command"
        );
    }
}

#[test]
fn a_refusal_does_not_repeat_all_that_was_found() {
    let mut spec = sound();
    spec["onFailure"] = json!("x".repeat(100_000));
    let refusal = shift(spec, Value::Null).object.unwrap_err();
    assert!(refusal.message.len() < 3_000 && refusal.message.contains("xxx"), "{}", refusal.message.len());
}
#[test]
fn what_is_left_of_a_status_is_told_from_another() {
    let whole = json!({"phase": "RollingBack", "weights": "blue 1", "history": [{"id": 1, "to": "green"}]});
    for part in [json!({}), json!({"phase": "RollingBack", "history": [{"id": 1}]}), whole.clone()] {
        assert!(is_part_of(&part, &whole), "{part}");
    }
    for other in [json!({"phase": "Failed"}), json!({"novel": 1}), json!({"history": []}), json!(null)] {
        assert!(!is_part_of(&other, &whole), "{other}");
    }
}
