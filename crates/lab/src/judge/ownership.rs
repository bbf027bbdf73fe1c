//! Invariant 8: weights are written only to what carries this installation's mark, and only what a route adopts, or
//! has made, is marked.

use weir_engine::step::{OWNER_TAG, ROUTE_TAG};

use crate::evidence::Evidence;

use super::course::{Course, Write};
use super::{Breach, Invariant, leavings};

pub(super) fn judge(evidence: &Evidence, course: &Course<'_>) -> Vec<Breach> {
    let found = course.writes.iter().filter_map(|write| {
        let message = wrong(evidence, course, write)?;
        Some(Breach { at: write.at, invariant: Invariant::NotOurs, message })
    });
    found.collect()
}

fn wrong(evidence: &Evidence, course: &Course<'_>, write: &Write<'_>) -> Option<String> {
    let place = &write.place;
    let marks = if write.creates { &write.tags } else { &write.marks };
    let is_ours = marks.get(OWNER_TAG) == Some(&evidence.owner);
    let names_route = marks
        .get(ROUTE_TAG)
        .is_some_and(|marked| course.route_keys().into_iter().any(|key| key.to_string() == *marked));
    if write.weights.is_some() {
        return (!is_ours || !names_route).then(|| format!("{place} was written though its marks were {marks:?}"));
    }
    if matches!(write.request.operation.as_str(), "RemoveTags" | "DeleteRule") {
        let leaves = write.route.as_ref().is_some_and(|route| leavings::leaves(course, route, write.at).is_some());
        // What has no mark any more, since an answer was lost or old, has nothing to give up.
        let has_marks = marks.contains_key(OWNER_TAG) || marks.contains_key(ROUTE_TAG);
        return (has_marks && (!is_ours || !leaves))
            .then(|| format!("{place} was given up though no deletion says so; its marks were {marks:?}"));
    }
    if marks.get(OWNER_TAG).is_some() && !is_ours {
        return Some(format!("{place} was marked though it belongs to another: {marks:?}"));
    }
    let adopts =
        write.route.as_ref().is_some_and(|route| course.route(route, write.at).is_some_and(|route| route.spec.adopt));
    (marks.get(ROUTE_TAG) != write.tags.get(ROUTE_TAG) && !adopts)
        .then(|| format!("{place} was marked though no route adopts it: {:?}", write.tags))
}
