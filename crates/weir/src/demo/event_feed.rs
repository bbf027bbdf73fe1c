//! The feed of Kubernetes events as the simulated API server keeps them, each told once, in the order in which they came in.

use jiff::Timestamp;
use serde_json::Value;
use weir_lab::World;

use super::news::News;

/// The feed of events; it remembers which ones were told.
#[derive(Debug, Default)]
pub struct EventFeed {
    told: u64,
}

impl EventFeed {
    /// The events that were not told yet.
    pub fn news(&mut self, world: &World) -> Vec<News> {
        let events = world.kube().list("events.events.k8s.io", "");
        let mut fresh: Vec<(u64, &Value)> = events
            .iter()
            .map(|event| (version(event), event.as_ref()))
            .filter(|(version, _)| *version > self.told)
            .collect();
        fresh.sort_by_key(|(version, _)| *version);
        self.told = fresh.last().map_or(self.told, |(version, _)| *version);
        fresh.into_iter().map(|(_, event)| told(event, world.now())).collect()
    }
}

/// The simulated API server counts its versions; no other one promises an order.
fn version(event: &Value) -> u64 {
    event["metadata"]["resourceVersion"].as_str().and_then(|version| version.parse().ok()).unwrap_or_default()
}

fn told(event: &Value, now: Timestamp) -> News {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let regarding = &event["regarding"];
    News::Event {
        at: text(&event["eventTime"]).parse().unwrap_or(now),
        about: format!("{} {}", text(&regarding["kind"]), text(&regarding["name"])),
        warning: event["type"] == "Warning",
        reason: text(&event["reason"]),
        note: text(&event["note"]),
    }
}
