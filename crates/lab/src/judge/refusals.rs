//! Invariant 16, for what AWS refuses: a run that cannot go on because AWS does not take a write says so.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use weir_engine::Key;

use crate::evidence::{Call, Evidence};

use super::history::History;
use super::{Breach, Invariant};

/// How long a write may be refused again and again before a status says so.
const SILENCE: SignedDuration = SignedDuration::from_secs(20);

pub(super) fn judge(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let is_refused = |call: &&Call| call.write && call.code != "OK" && call.code != "Throttling";
    let mut refused: BTreeMap<(&str, &str, &Vec<String>), Vec<&Call>> = BTreeMap::new();
    for call in evidence.calls.iter().filter(is_refused) {
        refused.entry((&call.operation, &call.code, &call.resources)).or_default().push(call);
    }
    let mut breaches = Vec::new();
    for ((operation, code, resources), calls) in refused {
        let [first, .., last] = calls.as_slice() else { continue };
        if last.at < first.at + SILENCE {
            continue;
        }
        let concerned: Vec<&Key> = history
            .writes
            .iter()
            .filter(|write| resources.contains(&write.place))
            .filter_map(|write| write.route.as_ref())
            .collect();
        let says = history.routes.iter().any(|seen| {
            let said = serde_json::to_string(&seen.object.status).unwrap_or_default();
            concerned.contains(&&seen.key) && seen.at >= first.at && seen.at <= last.at && said.contains(code)
        });
        if !says {
            let message = format!("{operation} was refused {} times with {code}, and no status says so", calls.len());
            breaches.push(Breach { at: last.at, invariant: Invariant::EndlessRun, message });
        }
    }
    breaches
}
