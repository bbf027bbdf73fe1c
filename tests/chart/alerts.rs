//! The alerts, judged by Prometheus' own tool: each fires when it should, alone, and none does when all is well.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use regex::Regex;
use serde_json::{Value, json};

use crate::bed::{places, promtool};

use super::helm::{Helm, only};

/// Which alert fires after three quarters of an hour of these series, as Prometheus' tool writes them, a sample a
/// minute. Each takes the place of the series of the same name that tells that all is well.
const TROUBLES: &[(&str, &str, &str)] = &[
    ("WeirIsGone", r#"weir_leader{job="weir",namespace="weir-system"}"#, "1x30 0x5 stale _x25"),
    ("WeirGuardViolation", "weir_guard_violations_total", "0x40 1x20"),
    ("WeirPanicked", "weir_panics_total", "0x40 1x20"),
    ("WeirFallsBehind", "weir_queue_oldest_seconds", "0x30 61x30"),
    ("WeirStepsComeLate", r#"weir_step_lateness_seconds_bucket{le="15"}"#, "0x60"),
    ("WeirIsNotAllowed", r#"weir_tick_errors_total{kind="WeightedRoute",reason="forbidden"}"#, "0+1x60"),
    ("WeirStatusesAreOverwritten", r#"weir_status_rewrites_total{kind="WeightedRoute"}"#, "0+1x60"),
    ("WeirIsDeniedByAws", r#"weir_aws_calls_total{service="elbv2",operation="ModifyRule",outcome="Denied"}"#, "0+1x60"),
    ("WeirIsThrottledByAws", r#"weir_aws_throttles_total{family="elbv2-modify"}"#, "0+2x60"),
    ("WeirRouteDrifted", r#"weir_route_drifted{namespace="shop",route="checkout"}"#, "0x20 1x40"),
    ("WeirRouteContested", r#"weir_route_contested{namespace="shop",route="checkout"}"#, "0x40 1x20"),
    (
        "WeirRollbackIsBlocked",
        r#"weir_shift_waiting{namespace="shop",shift="checkout",reason="RollbackBlocked"}"#,
        "_x40 1x20",
    ),
    ("WeirShiftWentBack", r#"weir_shift_phase{namespace="shop",shift="checkout",phase="RolledBack"}"#, "_x40 1x20"),
    ("WeirShiftIsHeldUp", r#"weir_shift_phase{namespace="shop",shift="checkout",phase="Verifying"}"#, "1x60"),
];

/// What a Weir tells that has nothing to complain of: calls that are denied now and then, steps that come in time.
const WELL: &[(&str, &str)] = &[
    (r#"weir_leader{job="weir",namespace="weir-system"}"#, "1x60"),
    ("weir_guard_violations_total", "0x60"),
    ("weir_panics_total", "0x60"),
    ("weir_queue_oldest_seconds", "0x60"),
    (r#"weir_step_lateness_seconds_bucket{le="15"}"#, "0+10x60"),
    (r#"weir_step_lateness_seconds_bucket{le="60"}"#, "0+10x60"),
    (r#"weir_step_lateness_seconds_bucket{le="+Inf"}"#, "0+10x60"),
    (r#"weir_tick_errors_total{kind="WeightedRoute",reason="conflict"}"#, "0+1x60"),
    (r#"weir_status_rewrites_total{kind="WeightedRoute"}"#, "0x20 1x20 2x20"),
    (r#"weir_aws_calls_total{service="elbv2",operation="ModifyRule",outcome="Ok"}"#, "0+1x60"),
    (r#"weir_aws_throttles_total{family="elbv2-describe"}"#, "0+0.5x60"),
    (r#"weir_route_drifted{namespace="shop",route="search"}"#, "0x40 1x2 0x20"),
    (r#"weir_shift_phase{namespace="shop",shift="search",phase="Paused"}"#, "1x60"),
    (r#"weir_shift_waiting{namespace="shop",shift="search",reason="StepPause"}"#, "1x60"),
];

fn rules() -> Option<Vec<Value>> {
    let objects = Helm::alone()?.render(&json!({"metrics": {"prometheusRule": {"enabled": true}}}));
    Some(only(&objects, "PrometheusRule")["spec"]["groups"].as_array().unwrap().clone())
}

#[test]
fn each_alert_fires_when_it_should_and_only_then() {
    let (Some(groups), Some(promtool)) = (rules(), promtool()) else { return };
    let alerts: BTreeSet<&str> = alerts(&groups).map(|alert| alert["alert"].as_str().unwrap()).collect();
    assert_eq!(alerts, TROUBLES.iter().map(|(alert, ..)| *alert).collect());
    let mut cases = vec![case(WELL.to_vec(), None)];
    for (alert, series, values) in TROUBLES {
        let others = WELL.iter().filter(|(name, _)| name != series).copied();
        cases.push(case(others.chain([(*series, *values)]).collect(), Some(alert)));
    }
    let folder = places::scratch("alerts").unwrap();
    let put = |name: &str, content: &Value| fs::write(folder.join(name), content.to_string()).unwrap();
    put("rules.json", &json!({"groups": groups}));
    put("tests.json", &json!({"rule_files": ["rules.json"], "evaluation_interval": "1m", "tests": cases}));
    for arguments in
        [["check", "rules", "--lint=all", "--lint-fatal", "rules.json"].as_slice(), &["test", "rules", "tests.json"]]
    {
        let output = Command::new(&promtool).current_dir(&folder).args(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "promtool {}: {}", arguments.join(" "), String::from_utf8_lossy(&said));
    }
    fs::remove_dir_all(folder).unwrap();
}

/// What fires after three quarters of an hour.
fn case(series: Vec<(&str, &str)>, fires: Option<&str>) -> Value {
    let series: Vec<Value> =
        series.into_iter().map(|(series, values)| json!({"series": series, "values": values})).collect();
    let fires: Vec<Value> =
        fires.iter().map(|alert| json!({"labels": format!("{{alertname={alert:?}}}"), "value": 1})).collect();
    json!({
        "name": fires.first().map_or("all is well".to_owned(), ToString::to_string),
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [{
            "expr": "count by (alertname) (ALERTS{alertstate=\"firing\"})",
            "eval_time": "45m",
            "exp_samples": fires,
        }],
    })
}

fn alerts(groups: &[Value]) -> impl Iterator<Item = &Value> {
    groups.iter().flat_map(|group| group["rules"].as_array().into_iter().flatten())
}

/// The names of the program's metrics, and those of all their labels, as its source has them.
fn declared() -> (BTreeSet<String>, BTreeSet<String>) {
    let read = |file: &str| fs::read_to_string(places::top().join("crates/controller/src").join(file)).unwrap();
    let source = read("metrics.rs") + &read("metrics/shown.rs");
    let found = |pattern: &str| -> Vec<String> {
        Regex::new(pattern).unwrap().captures_iter(&source).map(|found| found[1].to_owned()).collect()
    };
    let names = found(r#""(weir_[a-z_]+)""#);
    let lists = found(r"&\[([^\]]*)\],").join(",");
    let labels = lists.split(',').map(|label| label.trim().trim_matches('"').to_owned());
    // The gauges of objects are written out by hand.
    let labels = labels.chain(found(r#"([a-z]+)="\{"#));
    (names.into_iter().collect(), labels.filter(|label| !label.is_empty()).collect())
}

#[test]
fn alerts_are_about_metrics_that_the_program_has() {
    let Some(groups) = rules() else { return };
    let (names, labels) = declared();
    assert!(names.len() > 15 && labels.contains("route") && labels.contains("family"), "{names:?} {labels:?}");
    let named = Regex::new(r"weir_[a-z_]+").unwrap();
    let is_known = |name: &str| names.contains(name.trim_end_matches("_bucket"));
    for alert in alerts(&groups) {
        let text = alert.to_string();
        let strange: Vec<&str> =
            named.find_iter(&text).map(|name| name.as_str()).filter(|name| !is_known(name)).collect();
        assert!(strange.is_empty(), "{} speaks of {strange:?}", alert["alert"]);
        let description = alert["annotations"]["description"].as_str().unwrap_or_default();
        assert!(description.len() > 100, "{} says what to do: {description}", alert["alert"]);
        assert!(alert["annotations"]["summary"].is_string() && alert["labels"]["severity"].is_string(), "{alert}");
    }
    // The series by which the alerts are tried are like those of the program; some labels come from Prometheus.
    let label = Regex::new(r"([a-z]+)=").unwrap();
    for series in TROUBLES.iter().map(|(_, series, _)| *series).chain(WELL.iter().map(|(series, _)| *series)) {
        assert!(is_known(series.split('{').next().unwrap()), "{series}");
        let used = label.captures_iter(series).map(|label| label[1].to_owned());
        let strange: Vec<String> =
            used.filter(|label| !labels.contains(label) && !["job", "le"].contains(&label.as_str())).collect();
        assert!(strange.is_empty(), "{series}: {strange:?}");
    }
}
