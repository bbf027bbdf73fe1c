//! What happened in a plan, as people read it: when, who, what, and what came of it.
//!
//! Reads are left out; of statuses it shows what they say. Times are those of the world's clock.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use serde_json::Value;
use weir_sim::aws::Asks;

use crate::evidence::Evidence;
use crate::journal::{AwsRequest, Entry, KubeRequest, LeaseRequest, What};

/// The events of a plan, one on each line.
pub fn timeline(evidence: &Evidence) -> String {
    let mut lines = String::new();
    let mut said = BTreeMap::new();
    let names: BTreeMap<&str, &str> = evidence.groups.iter().map(|(arn, name)| (arn.as_str(), name.as_str())).collect();
    for entry in &evidence.entries {
        if let Some((who, what)) = line(entry, &names, &mut said) {
            let _ = writeln!(lines, "{} {who:<13} {what}", clock(entry.at));
        }
    }
    let _ = writeln!(lines, "{} {:<13} the end", clock(evidence.ended), "");
    lines
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S%.3f").to_string()
}

fn line(entry: &Entry, names: &BTreeMap<&str, &str>, said: &mut BTreeMap<String, String>) -> Option<(String, String)> {
    let process = format!("controller {}", entry.process);
    match &entry.what {
        What::Befell(words) => Some(("world".to_owned(), format!("*** {words}"))),
        What::Health { group, healthy } => Some(("targets".to_owned(), format!("{group}: {healthy} healthy"))),
        What::Started => Some((process, "begins".to_owned())),
        What::Crashed => Some((process, "dies".to_owned())),
        What::Stopped => Some((process, "ends as it was told to".to_owned())),
        What::Ended(words) => Some((process, format!("ends: {words}"))),
        What::Paused => Some((process, "is stopped".to_owned())),
        What::Resumed => Some((process, "goes on".to_owned())),
        What::Aws(request) => Some((process, aws(request, names)?)),
        What::Kube(request) => Some((process, kube(request, said)?)),
        What::Lease(claim) => Some((process, lease(claim, said)?)),
    }
}

fn aws(request: &AwsRequest, names: &BTreeMap<&str, &str>) -> Option<String> {
    let failed = request.status.is_none_or(|status| status != 200);
    if !request.sent.is_write && !failed {
        return None;
    }
    let outcome = match (request.arrived, request.status) {
        (true, Some(200)) => "done".to_owned(),
        (true, None) => "no answer, had effect".to_owned(),
        (false, None) => "no answer, no effect".to_owned(),
        (_, Some(status)) => format!("refused ({status})"),
    };
    Some(format!("{} {} → {outcome}", request.sent.operation, parameters(&request.sent.asks, names)))
}

/// Weights by group, and tags.
fn parameters(asks: &Asks, names: &BTreeMap<&str, &str>) -> String {
    let weights = asks.split.iter().flat_map(|split| &split.weights);
    let weights = weights.map(|(arn, weight)| format!("{} {weight}", names.get(arn.as_str()).copied().unwrap_or(arn)));
    let tags = asks.tags.iter().map(|(key, value)| format!("{key}={value}"));
    weights.chain(tags).collect::<Vec<_>>().join(", ")
}

fn kube(request: &KubeRequest, said: &mut BTreeMap<String, String>) -> Option<String> {
    let failed = request.status.is_none_or(|status| status >= 400) && !request.path.contains("watch");
    let path = request.path.split('?').next().unwrap_or_default();
    let place: Vec<&str> = path.split('/').skip_while(|part| *part != "namespaces").skip(2).collect();
    let place = place.join("/");
    if request.path.contains("/events") || (!request.is_write() && !failed) {
        return None;
    }
    let outcome = match (request.arrived, request.status) {
        (true, None) => " → no answer, had effect".to_owned(),
        (false, None) => " → no answer, no effect".to_owned(),
        (_, Some(status)) if status >= 400 => format!(" → refused ({status})"),
        _ => String::new(),
    };
    let Some(object) = &request.object else {
        return Some(format!("{} {place}{outcome}", request.method));
    };
    let says = status_words(object);
    if said.insert(place.clone(), says.clone()).as_ref() == Some(&says) && outcome.is_empty() {
        return None;
    }
    Some(format!("{place}: {says}{outcome}"))
}

/// Claims that fail, and those that make somebody else the leader.
fn lease(claim: &LeaseRequest, said: &mut BTreeMap<String, String>) -> Option<String> {
    match claim.status {
        None => return Some("claim to the lease → no answer".to_owned()),
        Some(status) if status >= 400 => return Some(format!("claim to the lease → refused ({status})")),
        Some(_) => {}
    }
    let is_known = said.insert("lease".to_owned(), claim.holder.clone()).as_ref() == Some(&claim.holder);
    let words = if claim.holder.is_empty() { "gives the lease up" } else { "has the lease" };
    (!is_known).then(|| words.to_owned())
}

/// What the status of an object says.
pub(crate) fn status_words(object: &Value) -> String {
    let status = &object["status"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut words = Vec::new();
    for part in [text(&status["phase"]), text(&status["run"]["summary"]), text(&status["live"])] {
        if !part.is_empty() {
            words.push(part);
        }
    }
    let intent = &status["intent"];
    if intent.is_object() {
        let verified = if intent["verifiedAt"].is_null() { "wanted" } else { "verified" };
        // What spec.weights want belongs to no run.
        let of_run = intent["run"].as_u64().map(|run| format!("{run}/{} ", intent["seq"])).unwrap_or_default();
        words.push(format!("change {of_run}{verified}"));
    }
    let run = &status["run"];
    if run.is_object() {
        words.push(format!("run {}/{}", run["id"], run["seq"]));
    }
    let waiting = &status["waiting"];
    if waiting.is_object() {
        words.push(format!("{}: {}", text(&waiting["reason"]), text(&waiting["message"])));
    } else {
        let conditions = status["conditions"].as_array().into_iter().flatten();
        let ready = conditions.filter(|condition| condition["type"] == "Ready");
        words.extend(ready.map(|ready| format!("{}: {}", text(&ready["reason"]), text(&ready["message"]))));
    }
    words.join("; ")
}

#[cfg(test)]
mod tests;
