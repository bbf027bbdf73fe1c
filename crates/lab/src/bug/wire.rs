//! Wires made wrong: what is sent to AWS, how often, and what is said to have come back.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use weir_sim::aws::Sent;

use super::{Bug, planted};

/// What a tampering wire remembers.
#[derive(Debug, Default)]
pub(crate) struct Tampered {
    answers: BTreeMap<String, Bytes>,
}

/// How often a read is sent besides.
pub(crate) fn copies(is_write: bool) -> u32 {
    if planted() == Some(Bug::CallStorm) && !is_write { 5 } else { 0 }
}

/// How long after a write a worker makes it again.
pub(crate) fn worker_delay(operation: &str) -> Option<Duration> {
    let is_late = planted() == Some(Bug::StaleWorker) && operation == "ModifyListener";
    is_late.then_some(Duration::from_secs(40))
}

/// How often a write that was refused is sent again, each second.
pub(crate) fn retries() -> u32 {
    if planted() == Some(Bug::RetriesRefusals) { 20 } else { 0 }
}

/// The request as it is sent.
pub(crate) fn tamper_request(request: Request<Bytes>) -> Request<Bytes> {
    if planted() != Some(Bug::Clobbers) || Sent::read(&request).operation != "ModifyListener" {
        return request;
    }
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(request.body()) {
        // The first action is the one by which clients sign in.
        if !name.starts_with("DefaultActions.member.1.") {
            form.append_pair(&name, &value);
        }
    }
    request.map(|_| Bytes::from(form.finish()))
}

/// The answer to a read as it comes back.
pub(crate) fn tamper_answer(tampered: &mut Tampered, operation: &str, question: &str, body: Bytes) -> Bytes {
    match planted() {
        Some(Bug::OverloadsOldSide) if operation == "DescribeTargetHealth" && question.contains("blue") => {
            once_well(tampered, question, body)
        }
        Some(Bug::TrustsOldHealth) if operation == "DescribeTargetHealth" && question.contains("green") => {
            once_well(tampered, question, body)
        }
        Some(Bug::BoardsOnOldEvidence) if operation == "DescribeTargetHealth" => once_well(tampered, question, body),
        Some(Bug::BlindToDrift | Bug::OverwritesOnReturn) if operation == "DescribeRules" => {
            tampered.answers.entry(question.to_owned()).or_insert(body).clone()
        }
        Some(Bug::IgnoresOwners) if operation == "DescribeTags" => {
            let text = String::from_utf8_lossy(&body);
            Bytes::from(text.replace("somebody-else", "lab").replace("other/route", "shop/checkout"))
        }
        _ => body,
    }
}

/// Of the health of a group, the last answer in which all was well.
fn once_well(tampered: &mut Tampered, question: &str, body: Bytes) -> Bytes {
    let text = String::from_utf8_lossy(&body);
    let is_well = text.contains("<State>healthy</State>")
        && ["unhealthy", "initial", "draining", "unused"].iter().all(|state| !text.contains(&format!(">{state}<")));
    if is_well {
        tampered.answers.insert(question.to_owned(), body.clone());
    }
    tampered.answers.get(question).cloned().unwrap_or(body)
}

impl Tampered {
    /// A write was made.
    pub fn written(&mut self, operation: &str) {
        let is_blind = matches!(planted(), Some(Bug::BlindToDrift | Bug::OverwritesOnReturn));
        if is_blind && operation != "AddTags" {
            self.answers.clear();
        }
    }
}
