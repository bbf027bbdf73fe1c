//! Names in DNS: a name that has answered goes on answering, unless its route is deleted, and no environment has a record
//! without weight.

use weir_api::WeightedRoute;
use weir_api::weighted_route::{Entry, ForeignRecords};
use weir_engine::dns::DnsName;

use crate::evidence::{Change, Evidence, Weights};

use super::history::History;
use super::{Breach, Invariant};

/// What stands before a zone in its ARN.
const ZONE: &str = ":hostedzone/";

/// Whether a place is a zone, or a name in one.
pub(super) fn is_name(place: &str) -> bool {
    place.contains(ZONE)
}

pub(super) fn judge(evidence: &Evidence, history: &History<'_>) -> Vec<Breach> {
    let made = evidence.changes.iter().filter(|change| is_name(&change.place) && !change.by_hand);
    let found = made.filter_map(|change| {
        let message = wrong(change, evidence, history)?;
        Some(Breach { at: change.at, invariant: Invariant::AllZero, message })
    });
    found.collect()
}

fn wrong(change: &Change<Weights>, evidence: &Evidence, history: &History<'_>) -> Option<String> {
    let Change { at, place, after, .. } = change;
    if after.is_empty() && !leaves(place, history, *at) && !is_replaced(change, evidence) {
        return Some(format!("nothing answers at {place} any more"));
    }
    let idle = after.iter().find(|(_, weight)| **weight == 0).map(|(member, _)| member);
    // Records of others may have been so before, or lose their weight where the spec says so.
    let was_there = |member: &String| change.before.contains_key(member);
    let is_zeroed = |member: &String| was_there(member) && zeroes(place, history, *at);
    idle.filter(|member| change.before.get(*member) != Some(&0) && !is_zeroed(member))
        .map(|member| format!("{member} has weight 0 at {place}"))
}

/// Whether records of another type answer for the name from that very change on: those of a CNAME are taken over by addresses.
fn is_replaced(change: &Change<Weights>, evidence: &Evidence) -> bool {
    let Some(name) = change.place.strip_suffix("/CNAME") else { return false };
    let addresses = [format!("{name}/A"), format!("{name}/AAAA")];
    let beside = evidence.changes.iter().filter(|other| other.at == change.at && addresses.contains(&other.place));
    beside.into_iter().any(|other| !other.after.is_empty())
}

/// Whether the route of a name was being deleted.
fn leaves(place: &str, history: &History<'_>, at: jiff::Timestamp) -> bool {
    route_of(place, history, at).is_some_and(|route| route.metadata.deletion_timestamp.is_some())
}

/// Whether the route of a name takes the weight of records of others.
fn zeroes(place: &str, history: &History<'_>, at: jiff::Timestamp) -> bool {
    let entry = route_of(place, history, at).map(|route| &route.spec.entry);
    matches!(entry, Some(Entry::Dns(entry)) if entry.foreign == ForeignRecords::Zero)
}

fn route_of<'h>(place: &str, history: &'h History<'_>, at: jiff::Timestamp) -> Option<&'h WeightedRoute> {
    let is_of = |name: &str| place.split('/').any(|part| DnsName::new(part) == DnsName::new(name));
    let routes = history.routes.iter().take_while(|seen| seen.at <= at);
    let of_place = routes.filter(|seen| matches!(&seen.object.spec.entry, Entry::Dns(entry) if is_of(&entry.name)));
    of_place.last().map(|seen| &seen.object)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::stage::weights;

    #[test]
    fn a_name_that_answers_nobody_and_a_record_without_weight_are_found() {
        let evidence = |after: &[(&str, u32)]| {
            let place = "arn:aws:route53:::hostedzone/Z1/api.shop.test/A".to_owned();
            let at = jiff::Timestamp::UNIX_EPOCH;
            let change = Change { at, place, by_hand: false, before: weights(&[("blue", 1)]), after: weights(after) };
            Evidence {
                ended: at,
                owner: "lab".to_owned(),
                entries: Vec::new(),
                calls: Vec::new(),
                changes: vec![change],
                retaggings: Vec::new(),
                lingering: Vec::new(),
                groups: BTreeMap::default(),
            }
        };
        let judged = |after: &[(&str, u32)]| {
            let evidence = evidence(after);
            judge(&evidence, &History::of(&evidence)).len()
        };
        assert_eq!(judged(&[("green", 1)]), 0);
        assert_eq!(judged(&[]), 1);
        assert_eq!(judged(&[("blue", 1), ("green", 0)]), 1);
    }
}
