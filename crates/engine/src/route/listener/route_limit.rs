//! How many routes of one namespace are looked at on one entry point.
//!
//! Each route is settled with all its neighbours, and a change of one is looked at by all of them. A balancer takes a
//! hundred rules unless AWS grants more; what ranks far beyond that cannot have a place, and must not keep the others
//! busy. It is counted by namespace, so that none is refused for the many of another.

use crate::object::Cluster;
use crate::ready_state::{Explanation, because};
use crate::reason::Reason;

use super::ListenerRoute;

/// So many, beside those that have their place: twice what AWS takes by default.
pub(crate) const MOST: usize = 200;

/// Why a route is not looked at any further.
pub(super) fn refusal(cluster: &Cluster, route: ListenerRoute<'_>) -> Option<Explanation> {
    cluster.routes.is_beyond(route.object(), MOST).then(|| {
        because(
            Reason::TooManyRoutes,
            format!(
                "found {MOST} older WeightedRoutes of the namespace {} on this EntryPoint; a balancer takes 100 rules unless \
                 AWS grants more. Delete those that are not needed, or use another EntryPoint",
                route.key.namespace
            ),
        )
    })
}

#[cfg(test)]
mod tests;
