//! What the metrics say, and that series of deleted objects go.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde_json::json;
use weir_aws::{AccountRegion, BudgetStatus, Call, Family, Spent};
use weir_engine::fact::ErrorKind;
use weir_engine::tick::Urgency;
use weir_engine::{Key, KindName, ObjectRef};

use super::{Metrics, TickError};
use crate::document::Document;
use crate::store::{Source, Store};

fn shift(version: &str, status: serde_json::Value) -> Document {
    serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": "checkout", "uid": "u", "resourceVersion": version},
        "spec": {"routes": ["public"], "to": "green", "strategy": {"allAtOnce": {}}},
        "status": status,
    }))
    .unwrap()
}

fn route(version: &str, weights: serde_json::Value) -> Document {
    serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": "public", "uid": "r", "resourceVersion": version},
        "spec": {
            "listener": {"entryPoint": {"name": "main"}, "listener": "https"},
            "backends": [{"environment": "blue"}, {"environment": "green"}],
        },
        "status": {"weights": weights},
    }))
    .unwrap()
}

#[test]
fn the_weights_of_a_route_come_and_go_with_it() {
    let (metrics, mut store) = (Metrics::new(), Store::default());
    let object = ObjectRef::new(KindName::WeightedRoute, Key::new("shop", "public"));
    let both = json!([{"environment": "blue", "weight": 75}, {"environment": "green", "weight": 25}]);
    store.put(object.kind, route("1", both), Source::Watch);
    metrics.show(store.cluster(), &object, None);
    let green = r#"weir_route_weight_applied{environment="green",namespace="shop",route="public"} 25"#;
    let blue = r#"weir_route_weight_applied{environment="blue""#;
    assert!(metrics.render().contains(green), "{}", metrics.render());
    assert!(metrics.render().contains(blue));
    store.put(object.kind, route("2", json!([{"environment": "green", "weight": 100}])), Source::Watch);
    metrics.show(store.cluster(), &object, None);
    assert!(metrics.render().contains(r#"environment="green",namespace="shop",route="public"} 100"#));
    assert!(!metrics.render().contains(blue), "{}", metrics.render());
    store.gone(&object, Some("2"));
    metrics.show(store.cluster(), &object, None);
    assert!(!metrics.render().contains(r#"route="public""#));
}

#[test]
fn a_difference_and_a_fight_are_shown() {
    let (metrics, mut store) = (Metrics::new(), Store::default());
    let object = ObjectRef::new(KindName::WeightedRoute, Key::new("shop", "public"));
    let mut document = serde_json::to_value(route("1", json!([{"environment": "blue", "weight": 1}]))).unwrap();
    store.put(object.kind, serde_json::from_value(document.clone()).unwrap(), Source::Watch);
    metrics.show(store.cluster(), &object, None);
    for name in ["drifted", "contested"] {
        assert!(!metrics.render().contains(&format!("weir_route_{name}{{")), "{}", metrics.render());
    }
    document["metadata"]["resourceVersion"] = json!("2");
    document["status"]["difference"] = json!({"since": "2026-11-21T10:00:00Z", "found": []});
    document["status"]["conditions"] = json!([{
        "type": "Contested", "status": "True", "reason": "Contested", "message": "", "lastTransitionTime": "2026-11-21T10:00:00Z",
    }]);
    store.put(object.kind, serde_json::from_value(document).unwrap(), Source::Watch);
    metrics.show(store.cluster(), &object, None);
    for name in ["drifted", "contested"] {
        let expected = format!("weir_route_{name}{{namespace=\"shop\",route=\"public\"}} 1");
        assert!(metrics.render().contains(&expected), "{}", metrics.render());
        let help = format!("# HELP weir_route_{name} ");
        let text = metrics.render();
        let help = text.lines().find(|line| line.starts_with(&help)).unwrap();
        assert!(help.contains("absent otherwise"), "{help}");
    }
}

#[test]
fn a_shift_shows_one_phase_and_its_step() {
    let (metrics, mut store) = (Metrics::new(), Store::default());
    let object = ObjectRef::new(KindName::TrafficShift, Key::new("shop", "checkout"));
    let run = |progress| {
        json!({
            "id": 1, "to": "green", "seq": 3, "weight": 25, "progress": progress, "summary": "blue 75, green 25",
            "routes": [], "startedAt": "2026-11-21T10:00:00Z", "progressedAt": "2026-11-21T10:00:00Z",
        })
    };
    store.put(object.kind, shift("0", json!({"phase": "Verifying", "run": run("0/4")})), Source::Watch);
    metrics.show(store.cluster(), &object, None);
    assert!(metrics.render().contains(r#"weir_shift_step{namespace="shop",shift="checkout"} 0"#));
    store.put(object.kind, shift("1", json!({"phase": "RollingBack", "run": run("2/4")})), Source::Watch);
    metrics.show(store.cluster(), &object, None);
    let text = metrics.render();
    assert!(text.contains(r#"weir_shift_step{namespace="shop",shift="checkout"} 2"#), "{text}");
    assert!(text.contains(r#"weir_shift_phase{namespace="shop",phase="RollingBack",shift="checkout"} 1"#), "{text}");
    assert_eq!(text.matches("weir_shift_phase{").count(), 1, "the others are absent");
    for help in ["is in; the others are absent", "has reached; 0 before the first"] {
        assert!(text.contains(help), "{help} in {text}");
    }
    store.put(object.kind, shift("2", json!({"phase": "RolledBack"})), Source::Watch);
    metrics.show(store.cluster(), &object, None);
    let text = metrics.render();
    assert!(text.contains(r#"weir_shift_phase{namespace="shop",phase="RolledBack",shift="checkout"} 1"#), "{text}");
    assert_eq!(text.matches("weir_shift_phase{").count(), 1, "the phase before is gone");
}

fn budgets() -> BTreeMap<AccountRegion, Vec<BudgetStatus>> {
    let place = AccountRegion { account: String::new(), region: "eu-west-1".to_owned() };
    BTreeMap::from([(
        place,
        vec![BudgetStatus { family: Family::Modify, tokens: 14, per_second: 1.5, ceiling: 10.0, waiting: 3 }],
    )])
}

#[test]
fn the_budget_of_an_account_that_is_left_goes() {
    let metrics = Metrics::new();
    metrics.show_budgets(&BTreeSet::new(), &budgets());
    assert!(metrics.render().contains("weir_aws_budget_tokens{"));
    metrics.show_budgets(&budgets().into_keys().collect(), &BTreeMap::new());
    assert!(!metrics.render().contains("weir_aws_budget_tokens{"));
}

#[test]
fn every_counter_is_rendered_with_its_labels() {
    let metrics = Metrics::new();
    metrics.count_aws_call(Call {
        service: "elbv2",
        operation: "DescribeRules",
        outcome: Err(ErrorKind::Throttled),
        attempts: 3,
        spent: Some(Spent {
            family: Family::Describe,
            urgency: Urgency::Progress,
            waited: SignedDuration::from_millis(400),
            throttled: 2,
        }),
        took: SignedDuration::ZERO,
    });
    metrics.show_budgets(&BTreeSet::new(), &budgets());
    metrics.count_tick_error(KindName::TrafficShift, TickError::Conflict);
    metrics.time_tick(KindName::Environment, 0.2);
    metrics.lateness.observe(0.3);
    let text = metrics.render();
    for expected in [
        r#"weir_aws_calls_total{operation="DescribeRules",outcome="Throttled",service="elbv2"} 1"#,
        r#"weir_aws_throttles_total{family="elbv2-describe"} 2"#,
        r#"weir_aws_budget_wait_seconds_bucket{family="elbv2-describe",urgency="progress",le="0.5"} 1"#,
        r#"weir_aws_budget_tokens{account="",family="elbv2-modify",region="eu-west-1"} 14"#,
        r#"weir_aws_budget_calls_per_second{account="",family="elbv2-modify",region="eu-west-1"} 1.5"#,
        r#"weir_aws_budget_ceiling_calls_per_second{account="",family="elbv2-modify",region="eu-west-1"} 10"#,
        r#"weir_aws_budget_waiting{account="",family="elbv2-modify",region="eu-west-1"} 3"#,
        r#"weir_tick_errors_total{kind="TrafficShift",reason="conflict"} 1"#,
        r#"weir_tick_seconds_bucket{kind="Environment",le="0.25"} 1"#,
        "weir_step_lateness_seconds_count 1",
        "weir_queue_depth 0",
        "weir_queue_oldest_seconds 0",
        "weir_panics_total 0",
        "weir_guard_violations_total 0",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

#[test]
fn the_version_is_told() {
    let expected = concat!("weir_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1\n");
    assert!(Metrics::new().render().contains(expected), "{}", Metrics::new().render());
}

#[test]
fn what_is_stalled_is_shown_with_its_reason() {
    let (metrics, mut store) = (Metrics::new(), Store::default());
    let stalled = |reason: &str| {
        let since = "2026-11-21T10:00:00Z";
        json!([{"type": "Stalled", "status": "True", "reason": reason, "message": "", "lastTransitionTime": since}])
    };
    let environment: Document = serde_json::from_value(json!({
        "metadata": {"namespace": "shop", "name": "blue", "uid": "e", "resourceVersion": "1"},
        "spec": {"targetGroups": []},
        "status": {"conditions": stalled("NotFound")},
    }))
    .unwrap();
    let object = ObjectRef::new(KindName::Environment, Key::new("shop", "blue"));
    store.put(object.kind, environment, Source::Watch);
    metrics.show(store.cluster(), &object, None);
    let expected = r#"weir_object_stalled{kind="Environment",name="blue",namespace="shop",reason="NotFound"} 1"#;
    assert!(metrics.render().lines().any(|line| line == expected), "{}", metrics.render());
    store.gone(&object, Some("1"));
    metrics.show(store.cluster(), &object, None);
    assert!(!metrics.render().contains("weir_object_stalled{"));
}

#[test]
fn a_moving_shift_whose_spec_cannot_be_read_is_stalled_and_not_watched() {
    let (metrics, mut store) = (Metrics::new(), Store::default());
    let object = ObjectRef::new(KindName::TrafficShift, Key::new("shop", "checkout"));
    for (ended, is_blind) in [(json!(null), true), (json!("2026-11-21T10:00:00Z"), false)] {
        let mut document = shift("1", json!({"run": {"weight": 50, "endedAt": ended}}));
        document.spec = json!({"routes": 7});
        store.put(object.kind, document, Source::Watch);
        let refusal = store.refusal(&object).unwrap();
        metrics.show(store.cluster(), &object, Some(&refusal.status));
        let text = metrics.render();
        let stalled = r#"weir_object_stalled{kind="TrafficShift",name="checkout",namespace="shop",reason="Invalid"} 1"#;
        assert!(text.lines().any(|line| line == stalled), "{text}");
        assert_eq!(text.contains(r#"weir_shift_blind{namespace="shop",shift="checkout"} 1"#), is_blind, "{text}");
        store.gone(&object, Some("1"));
    }
}
