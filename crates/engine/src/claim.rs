//! Which shift has which route: a pure function of all shifts in one total order.
//!
//! Shifts are taken oldest first; one gets all the routes that it names, or none of them. So shifts that move
//! several routes in lockstep cannot wait for each other in a circle.

use std::collections::BTreeMap;

use crate::object::{Cluster, Key, ShiftObject};

/// Whether a shift has its routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It has all of them.
    Held,
    /// An older shift has one of them.
    Lost {
        /// The route.
        route: String,
        /// The shift that has it.
        to: Key,
    },
}

/// Whether a shift has its routes.
pub fn claim(cluster: &Cluster, shift: &ShiftObject) -> Claim {
    let holders = holders(cluster, &shift.key.namespace);
    let lost = shift.spec.routes.iter().find_map(|route| match holders.get(route.as_str()) {
        // One that lost may see routes that a younger one has got meanwhile; those are not why it lost.
        Some(holder) if holder.seniority() < shift.seniority() => {
            Some(Claim::Lost { route: route.clone(), to: holder.key.clone() })
        }
        _ => None,
    });
    lost.unwrap_or(Claim::Held)
}

/// The shift that has a route.
pub fn holder<'a>(cluster: &'a Cluster, route: &Key) -> Option<&'a ShiftObject> {
    holders(cluster, &route.namespace).remove(route.name.as_str())
}

fn holders<'a>(cluster: &'a Cluster, namespace: &str) -> BTreeMap<&'a str, &'a ShiftObject> {
    let mut shifts: Vec<&ShiftObject> =
        cluster.shifts.values().filter(|shift| shift.key.namespace == namespace).collect();
    shifts.sort_by_key(|shift| shift.seniority());
    let mut holders: BTreeMap<&str, &ShiftObject> = BTreeMap::new();
    for shift in shifts {
        if shift.spec.routes.iter().all(|route| !holders.contains_key(route.as_str())) {
            holders.extend(shift.spec.routes.iter().map(|route| (route.as_str(), shift)));
        }
    }
    holders
}

#[cfg(test)]
mod tests;
