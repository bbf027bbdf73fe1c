//! Invariant 14, for what AWS refuses: a refused write is repeated ever more rarely, however urgent it is.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::evidence::{Call, Evidence};
use crate::journal::AwsRequest;

use super::history::History;
use super::{Breach, Invariant};

/// How long the gaps between refusals become; from there on they need not grow.
const RARE: SignedDuration = SignedDuration::from_secs(30);
/// After how many refusals of one write the gaps are that long: they double from half a second on.
const SOON_RARE: usize = 8;
/// How much sooner than the last time one may come: ticks take their time, and not always the same.
const SLACK: SignedDuration = SignedDuration::from_millis(1_500);

/// Refusals of one write: the same words, by one process of a controller, and nothing that was
/// taken in between.
type Row<'a> = (u32, &'a AwsRequest, Vec<Timestamp>);

pub(super) fn judge(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let mut rows: BTreeMap<&str, Row<'_>> = BTreeMap::new();
    let mut breaches = Vec::new();
    for write in &history.writes {
        let Some(call) = call_of(evidence, write.at, write.request) else { continue };
        if !is_refusal(call) {
            rows.remove(write.place.as_str());
            continue;
        }
        let row = rows.entry(&write.place).or_insert_with(|| (write.process, write.request, Vec::new()));
        if row.0 != write.process || row.1.body != write.request.body {
            *row = (write.process, write.request, Vec::new());
        }
        row.2.push(call.at);
        if let Some(message) = too_soon(&row.2) {
            let message = format!("{} of {} was refused with {}, {message}", call.operation, write.place, call.code);
            breaches.push(Breach { at: call.at, invariant: Invariant::EndlessFight, message });
        }
    }
    breaches
}

/// What is wrong with the last of the refusals of a write.
fn too_soon(times: &[Timestamp]) -> Option<String> {
    let gap = |number: usize| Some(times.get(number)?.duration_since(*times.get(number.checked_sub(1)?)?));
    let last = gap(times.len() - 1)?;
    let before = times.len().checked_sub(2).and_then(gap).unwrap_or_default();
    if last + SLACK < before.min(RARE) {
        return Some(format!("and again {last:#} after it was {before:#}"));
    }
    (times.len() > SOON_RARE && last + SLACK < RARE)
        .then(|| format!("{} times, and still {last:#} after the last time", times.len()))
}

/// The call that AWS has answered for a write. Those that never reached it were refused by nobody.
fn call_of<'a>(evidence: &'a Evidence, sent: Timestamp, request: &AwsRequest) -> Option<&'a Call> {
    let from = evidence.calls.partition_point(|call| call.at < sent);
    let mut calls = evidence.calls[from..].iter().take_while(|call| call.at <= sent + SignedDuration::from_secs(5));
    calls.find(|call| call.operation == request.sent.operation)
}

/// Whether AWS has understood the call and does not take it, for as long as things are as they are.
fn is_refusal(call: &Call) -> bool {
    !matches!(call.code.as_str(), "OK" | "Throttling" | "ExpiredToken")
}
