//! The reference pages name what the sources have, and nothing else: reasons, metrics and alerts.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use weir_engine::Reason;

use super::tree::{SourceFile, source_files};

/// Files with enums of which some words are reasons too: kinds of errors, outcomes in tags, holds in statuses.
const WORDS_OF_ENUMS: [&str; 4] = [
    "crates/controller/src/convert/salvage.rs",
    "crates/engine/src/fact.rs",
    "crates/engine/src/route/memory.rs",
    "crates/engine/src/route/stand_ins.rs",
];

type Words = BTreeSet<String>;

/// What is told of a metric: its type, and its labels in order.
type Metric = (String, Words);

/// What the groups of a pattern have caught, wherever it fits.
fn matches(pattern: &str, text: &str) -> Vec<Vec<String>> {
    let pattern = Regex::new(pattern).unwrap();
    let group = |found: Option<regex::Match<'_>>| found.map_or_else(String::new, |found| found.as_str().to_owned());
    pattern.captures_iter(text).map(|found| found.iter().skip(1).map(group).collect()).collect()
}

/// What the first group of a pattern has caught, wherever it fits.
fn firsts(pattern: &str, text: &str) -> Words {
    matches(pattern, text).into_iter().filter_map(|groups| groups.into_iter().next()).collect()
}

/// A source without its tests.
fn untested(source: &str) -> &str {
    source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default()
}

/// The cells of the rows of tables, where the first one holds code.
fn rows(page: &str) -> Vec<Vec<String>> {
    let rows = page.lines().filter(|line| line.starts_with("| `") || line.starts_with("| [`"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The names in code in a cell.
fn names(cell: &str) -> Words {
    firsts(r"`([A-Za-z_]+)`", cell)
}

fn reasons_told(page: &str) -> Words {
    let mut told: Words = rows(page).iter().flat_map(|row| names(&row[0])).collect();
    // What AWS says in small letters is no reason.
    told.retain(|word| word.starts_with(|letter: char| letter.is_ascii_uppercase()));
    told
}

/// The metrics that are registered: a constructor with a name, and for a vector the labels.
fn registered(source: &str) -> BTreeMap<String, Metric> {
    let made = r"(?s)\b(?:Int)?(Counter|Gauge|Histogram)(?:Vec)?::(?:new|with_opts)\((.*?)\)\?";
    let mut metrics = BTreeMap::new();
    for made in matches(made, untested(source)) {
        let Some(name) = firsts(r#""(weir_[a-z_]+)""#, &made[1]).into_iter().next() else { continue };
        let labels = firsts(r"&\[([^\]]*)\]", &made[1]).into_iter().next().unwrap_or_default();
        metrics.insert(name, (made[0].to_lowercase(), firsts(r#""([a-z_]+)""#, &labels)));
    }
    metrics
}

/// The gauges that are written as text: their names, and the lines by which they are written.
fn shown(source: &str) -> BTreeMap<String, Metric> {
    let names: BTreeMap<String, String> = matches(r#"Self::(\w+) => "(weir_[a-z_]+)""#, source)
        .into_iter()
        .map(|found| (found[0].clone(), found[1].clone()))
        .collect();
    let written = r#"(?s)((?:Gauge::\w+(?: \| )?)+) => .*?writeln!\(text, r#"\{metric\}\{\{(.*?)\}\}"#;
    let mut metrics = BTreeMap::new();
    for written in matches(written, source) {
        let labels = firsts(r#"([a-z_]+)=""#, &written[1]);
        for gauge in firsts(r"Gauge::(\w+)", &written[0]) {
            metrics.insert(names[&gauge].clone(), ("gauge".to_owned(), labels.clone()));
        }
    }
    metrics
}

fn metrics_told(page: &str) -> BTreeMap<String, Metric> {
    let rows = rows(page).into_iter().filter(|row| row[0].starts_with("`weir_"));
    rows.map(|row| (row[0].trim_matches('`').to_owned(), (row[1].clone(), names(&row[2])))).collect()
}

/// The alerts of the chart: their names with how bad they are and how long they wait.
fn alerts(template: &str) -> BTreeSet<Vec<String>> {
    let alert = |block: &str| {
        let first = |pattern| firsts(pattern, block).into_iter().next().unwrap_or_else(|| "–".to_owned());
        vec![first(r"^(\w+)"), first(r"severity: (\w+)"), first(r"\n +for: (\w+)")]
    };
    template.split("- alert: ").skip(1).map(alert).collect()
}

fn alerts_told(page: &str) -> BTreeSet<Vec<String>> {
    let rows = rows(page).into_iter().filter(|row| row[0].contains("`Weir"));
    rows.map(|row| {
        vec![firsts("`(Weir[A-Za-z]+)`", &row[0]).pop_first().unwrap_or_default(), row[1].clone(), row[2].clone()]
    })
    .collect()
}

/// What is missing on a page, and what stands there that is not so.
fn told<T: Ord + Clone>(page: &BTreeSet<T>, sources: &BTreeSet<T>) -> (BTreeSet<T>, BTreeSet<T>) {
    (sources.difference(page).cloned().collect(), page.difference(sources).cloned().collect())
}

fn text_of<'a>(files: &'a [SourceFile], path: &str) -> &'a str {
    &files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is not there")).text
}

#[test]
fn every_reason_is_explained() {
    let files = source_files();
    let page = reasons_told(text_of(&files, "docs/troubleshooting.md"));
    let reasons = Reason::ALL.iter().map(|reason| reason.as_str().to_owned()).collect();
    let (missing, unknown) = told(&page, &reasons);
    assert!(missing.is_empty(), "docs/troubleshooting.md does not explain {missing:?}");
    assert!(unknown.is_empty(), "docs/troubleshooting.md explains {unknown:?}, which is no reason");
}

#[test]
fn reasons_are_no_texts() {
    let files = source_files();
    let is_source = |file: &&SourceFile| {
        ["crates/engine/src/", "crates/controller/src/"].iter().any(|folder| file.path.starts_with(folder))
            && !file.path.contains("/tests")
            && !WORDS_OF_ENUMS.contains(&file.path.as_str())
    };
    let reasons: Vec<String> = Reason::ALL.iter().map(|reason| format!("{:?}", reason.as_str())).collect();
    let written = |file: &SourceFile| {
        let text = untested(&file.text);
        reasons
            .iter()
            .filter(|reason| text.contains(reason.as_str()))
            .map(|reason| format!("{}: {reason}", file.path))
            .collect()
    };
    let texts: Vec<String> = files.iter().filter(is_source).flat_map(|file| -> Vec<String> { written(file) }).collect();
    assert_eq!(texts, [""; 0], "write Reason::… instead");
}

#[test]
fn every_metric_is_explained() {
    let files = source_files();
    let (counted, gauges) = (
        text_of(&files, "crates/controller/src/metrics.rs"),
        text_of(&files, "crates/controller/src/metrics/shown.rs"),
    );
    let mut sources = registered(counted);
    sources.extend(shown(gauges));
    let literals = firsts(r#""(weir_[a-z_]+)""#, &format!("{}{}", untested(counted), untested(gauges)));
    assert_eq!(sources.keys().cloned().collect::<Words>(), literals, "how metrics are made was not understood");
    let page = metrics_told(text_of(&files, "docs/metrics.md"));
    let (missing, unknown) = told::<(String, Metric)>(&page.into_iter().collect(), &sources.into_iter().collect());
    assert!(missing.is_empty(), "docs/metrics.md lacks {missing:#?}");
    assert!(unknown.is_empty(), "docs/metrics.md has, otherwise than the sources, {unknown:#?}");
}

#[test]
fn every_alert_is_explained() {
    let files = source_files();
    let sources = alerts(text_of(&files, "charts/weir/templates/prometheusrule.yaml"));
    let (missing, unknown) = told(&alerts_told(text_of(&files, "docs/metrics.md")), &sources);
    assert!(missing.is_empty(), "docs/metrics.md lacks {missing:?}");
    assert!(unknown.is_empty(), "docs/metrics.md has, otherwise than the chart, {unknown:?}");
}

#[test]
fn every_alert_has_a_section_that_says_what_to_look_at_and_what_to_type() {
    let files = source_files();
    let page = text_of(&files, "docs/troubleshooting.md");
    let sections: BTreeMap<&str, &str> = page
        .split("\n### `")
        .skip(1)
        .filter_map(|section| section.split("\n### ").next()?.split("\n## ").next()?.split_once("`\n"))
        .collect();
    for alert in alerts(text_of(&files, "charts/weir/templates/prometheusrule.yaml")) {
        let section = sections.get(alert[0].as_str()).unwrap_or_else(|| panic!("{} has no section", alert[0]));
        for part in ["**Traffic now:**", "**Look:**", "**Type:**"] {
            assert!(section.contains(part), "the section of {} lacks {part}", alert[0]);
        }
    }
}

#[test]
fn every_stalled_reason_says_what_to_type() {
    let files = source_files();
    let stalled = rows(text_of(&files, "docs/troubleshooting.md")).into_iter().filter(|row| row[1].contains("Stalled"));
    let dumb: Vec<String> =
        stalled.filter(|row| !row[3].contains('`') && !row[3].contains("](")).map(|row| row[0].clone()).collect();
    assert_eq!(dumb, [""; 0], "what is to be typed, or which field is to be changed, is not said of these");
}

fn words(words: &[&str]) -> Words {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn reasons_are_found_in_first_cells() {
    let page = "| reason | do |\n|---|---|\n| `One`, `Two` | see `Three` |\n`Four`\n";
    assert_eq!(reasons_told(page), words(&["One", "Two"]));
    assert_eq!(told(&words(&["A", "B"]), &words(&["B", "C"])), (words(&["C"]), words(&["A"])));
}

#[test]
fn metrics_are_found_with_types_and_labels() {
    let source = "IntCounterVec::new(\n Opts::new(\"weir_a_total\", \"A (b).\"),\n &[\"kind\", \"reason\"],\n)?,\n\
                  Gauge::new(\"weir_b\", \"B.\")?, Histogram::with_opts(HistogramOpts::new(\"weir_c\", \"C.\"))?";
    let metric = |type_: &str, labels| (type_.to_owned(), words(labels));
    let expected = BTreeMap::from([
        ("weir_a_total".to_owned(), metric("counter", &["kind", "reason"])),
        ("weir_b".to_owned(), metric("gauge", &[])),
        ("weir_c".to_owned(), metric("histogram", &[])),
    ]);
    assert_eq!(registered(source), expected);
    let page = "| `weir_a_total` | counter | `reason`, `kind` | x |\n| `weir_b` | gauge | – | x |\n\
                | `weir_c` | histogram | – | x |\n| `WeirIsGone` | critical | 5m | x |\n";
    assert_eq!(metrics_told(page), expected);
    let template = "- alert: WeirIsGone\n  expr: a\n  for: 5m\n  labels: {severity: critical}\n\
                    - alert: WeirB\n  labels: {severity: warning}\n";
    let alert = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
    assert_eq!(alerts_told(page), BTreeSet::from([alert(["WeirIsGone", "critical", "5m"])]));
    assert_eq!(
        alerts(template),
        BTreeSet::from([alert(["WeirIsGone", "critical", "5m"]), alert(["WeirB", "warning", "–"])])
    );
}
