//! What the metrics of a controller are while something befalls its world, minute by minute, as Prometheus' own tool wants to
//! have it: recorded in the lab, not made up.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};
use weir_lab::World;

const MINUTE: Duration = Duration::from_mins(1);

/// Series with a sample a minute.
#[derive(Debug, Default)]
pub(super) struct Recording {
    minutes: usize,
    series: BTreeMap<String, Vec<Option<String>>>,
}

impl Recording {
    /// Lets time pass, and reads the metrics once a minute.
    pub async fn watch(&mut self, world: &mut World, minutes: usize) {
        for _ in 0..minutes {
            world.run_for(MINUTE).await;
            self.read(world);
        }
    }

    /// Reads the metrics of a world, as Prometheus would have read them from a pod.
    fn read(&mut self, world: &World) {
        let text = world.metrics().map(|metrics| metrics.render()).unwrap_or_default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').expect("a line of metrics has a value");
            let samples = self.series.entry(scraped(name, "weir-0")).or_default();
            samples.resize(self.minutes, None);
            samples.push(Some(value.to_owned()));
        }
        self.minutes += 1;
    }

    /// The same with what was recorded of another pod at the same time.
    pub fn beside(mut self, other: Self) -> Self {
        self.minutes = self.minutes.max(other.minutes);
        self.series.extend(other.series.into_iter().map(|(name, samples)| (name.replace("weir-0", "weir-1"), samples)));
        self
    }

    /// How many minutes were recorded.
    pub fn minutes(&self) -> usize {
        self.minutes
    }

    /// How long it is, as Prometheus writes that.
    pub fn length(&self) -> String {
        format!("{}m", self.minutes.saturating_sub(1))
    }

    /// The series of these metrics, as the tool wants them.
    pub fn input(&self, metrics: &[String]) -> Vec<Value> {
        let is_wanted = |name: &str| {
            let name = name.split('{').next().unwrap_or_default();
            let name = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            metrics.iter().any(|metric| metric.trim_end_matches("_bucket") == name)
        };
        let wanted = self.series.iter().filter(|(name, _)| is_wanted(name));
        wanted.map(|(name, samples)| json!({"series": name, "values": values(samples, self.minutes)})).collect()
    }
}

/// A series as it is when it was read from a pod: the pod is told where the metric has no label of that name itself.
fn scraped(name: &str, pod: &str) -> String {
    let (metric, labels) =
        name.split_once('{').map_or((name, ""), |(metric, rest)| (metric, rest.trim_end_matches('}')));
    let mut all = vec![format!(r#"job="weir",pod="{pod}""#)];
    let has_namespace = format!(",{labels}").contains(",namespace=\"");
    all.extend((!has_namespace).then(|| r#"namespace="weir-system""#.to_owned()));
    all.extend((!labels.is_empty()).then(|| labels.to_owned()));
    format!("{metric}{{{}}}", all.join(","))
}

/// Samples, with what stays the same written once.
fn values(samples: &[Option<String>], minutes: usize) -> String {
    let mut text = String::new();
    let mut rest =
        samples.iter().map(Option::as_ref).chain(std::iter::repeat_n(None, minutes - samples.len())).peekable();
    while let Some(value) = rest.next() {
        let mut more = 0;
        while rest.next_if(|next| *next == value).is_some() {
            more += 1;
        }
        // A value and so many more of it; of what is missing, so many in all.
        let _ = match value {
            Some(value) => write!(text, "{value}x{more} "),
            None => write!(text, "_x{} ", more + 1),
        };
    }
    text.trim_end().to_owned()
}

#[test]
fn samples_are_written_as_the_tool_reads_them() {
    let samples = |values: &[&str]| -> Vec<Option<String>> {
        values.iter().map(|value| (*value != "_").then(|| (*value).to_owned())).collect()
    };
    assert_eq!(values(&samples(&["_", "_", "1", "1", "1", "2"]), 8), "_x2 1x2 2x0 _x2");
    assert_eq!(scraped("weir_leader", "weir-0"), r#"weir_leader{job="weir",pod="weir-0",namespace="weir-system"}"#);
    assert_eq!(
        scraped(r#"weir_shift_blind{namespace="shop",shift="a"}"#, "weir-0"),
        r#"weir_shift_blind{job="weir",pod="weir-0",namespace="shop",shift="a"}"#
    );
}
