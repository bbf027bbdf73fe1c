//! The alerts, judged by Prometheus' own tool: each fires when it should, alone, and none does when all is well.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use regex::Regex;
use serde_json::{Value, json};

use crate::bed::{places, promtool};

use super::befallen::{TROUBLES, good_day};
use super::helm::{Helm, only};

fn rules() -> Option<Vec<Value>> {
    let objects = Helm::alone()?.render(&json!({"metrics": {"prometheusRule": {"enabled": true}}}));
    Some(only(&objects, "PrometheusRule")["spec"]["groups"].as_array().unwrap().clone())
}

#[test]
fn each_alert_fires_when_it_should_and_only_then() {
    let (Some(groups), Some(promtool)) = (rules(), promtool()) else { return };
    let known: BTreeSet<&str> = alerts(&groups).map(|alert| alert["alert"].as_str().unwrap()).collect();
    let tried: BTreeSet<&str> = TROUBLES.iter().flat_map(|write_error| write_error.fires).copied().collect();
    assert_eq!(known, tried);
    let metrics = metrics_of(&groups);
    let mut cases = Vec::new();
    for write_error in TROUBLES {
        let recording = write_error.record();
        let (series, length) = (recording.input(&metrics), recording.length());
        cases.push(case(write_error.name, series, &length, FIRING, write_error.fires));
    }
    let day = good_day();
    assert_eq!(day.length(), "1440m");
    cases.push(case("a good day", day.input(&metrics), "1440m", FIRED, &[]));
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

/// Which alerts fire, and which have fired within the day.
const FIRING: &str = r#"count by (alertname) (ALERTS{alertstate="firing"}) > bool 0"#;
const FIRED: &str = r#"count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[1d])) > bool 0"#;

/// The metrics that the alerts are about.
fn metrics_of(groups: &[Value]) -> Vec<String> {
    let named = Regex::new(r"weir_[a-z_]+").unwrap();
    let expressions: String = alerts(groups).map(|alert| alert["expr"].as_str().unwrap().to_owned() + " ").collect();
    let metrics: BTreeSet<String> = named.find_iter(&expressions).map(|name| name.as_str().to_owned()).collect();
    metrics.into_iter().collect()
}

/// What is answered at the end of some series.
fn case(name: &str, series: Vec<Value>, length: &str, asked: &str, fires: &[&str]) -> Value {
    let fires: Vec<Value> =
        fires.iter().map(|alert| json!({"labels": format!("{{alertname={alert:?}}}"), "value": 1})).collect();
    json!({
        "name": name,
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [{"expr": asked, "eval_time": length, "exp_samples": fires}],
    })
}

fn alerts(groups: &[Value]) -> impl Iterator<Item = &Value> {
    groups.iter().flat_map(|group| group["rules"].as_array().into_iter().flatten())
}

/// The names of the program's metrics, as its source has them.
fn declared() -> BTreeSet<String> {
    let read = |file: &str| fs::read_to_string(places::top().join("crates/controller/src").join(file)).unwrap();
    let source = read("metrics.rs") + &read("metrics/shown.rs");
    let name = Regex::new(r#""(weir_[a-z_]+)""#).unwrap();
    name.captures_iter(&source).map(|found| found[1].to_owned()).collect()
}

#[test]
fn alerts_are_about_metrics_that_the_program_has() {
    let Some(groups) = rules() else { return };
    let names = declared();
    assert!(names.len() > 15, "{names:?}");
    let named = Regex::new(r"weir_[a-z_]+").unwrap();
    let is_known = |name: &str| names.contains(name.trim_end_matches("_bucket"));
    for alert in alerts(&groups) {
        let text = alert.to_string();
        let strange: Vec<&str> =
            named.find_iter(&text).map(|name| name.as_str()).filter(|name| !is_known(name)).collect();
        assert!(strange.is_empty(), "{} speaks of {strange:?}", alert["alert"]);
        let description = alert["annotations"]["description"].as_str().unwrap_or_default();
        assert!(description.len() > 100, "{} says what to do: {description}", alert["alert"]);
        let runbook = alert["annotations"]["runbook_url"].as_str().unwrap_or_default();
        let section = alert["alert"].as_str().unwrap().to_lowercase();
        assert_eq!(runbook, format!("docs/troubleshooting.md#{section}"));
        assert!(alert["annotations"]["summary"].is_string() && alert["labels"]["severity"].is_string(), "{alert}");
    }
}
