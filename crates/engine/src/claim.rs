//! Which shift has which route: a pure function of all shifts in one total order.
//!
//! Shifts are taken oldest first; one gets all the routes that it names, or none of them. So shifts that move
//! several routes in lockstep cannot wait for each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::object::{Cluster, Key, KindName, ShiftObject};

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
    let holders = holders(cluster, &shift.key.namespace, shift.spec.routes.iter().map(String::as_str));
    let lost = shift.spec.routes.iter().find_map(|route| match holders.get(route.as_str()) {
        // One that lost may see routes that a younger one has got meanwhile; those are not why it lost.
        Some(holder) if holder.creation_order() < shift.creation_order() => {
            Some(Claim::Lost { route: route.clone(), to: holder.key.clone() })
        }
        _ => None,
    });
    lost.unwrap_or(Claim::Held)
}

/// The shift that has a route.
pub fn holder<'a>(cluster: &'a Cluster, route: &Key) -> Option<&'a ShiftObject> {
    holders(cluster, &route.namespace, [route.name.as_str()]).remove(route.name.as_str())
}

/// Who has some routes. Only the shifts that are linked with them by routes that they share can make a difference: this is
/// asked for each object that is looked at, and must not sort all shifts each time.
fn holders<'a, 'b>(
    cluster: &'a Cluster,
    namespace: &str,
    routes: impl IntoIterator<Item = &'b str>,
) -> BTreeMap<&'a str, &'a ShiftObject> {
    let mut holders: BTreeMap<&str, &ShiftObject> = BTreeMap::new();
    let mut shifts = linked(cluster, namespace, routes);
    shifts.sort_by_key(|shift| shift.creation_order());
    for shift in shifts {
        if shift.spec.routes.iter().all(|route| !holders.contains_key(route.as_str())) {
            holders.extend(shift.spec.routes.iter().map(|route| (route.as_str(), shift)));
        }
    }
    holders
}

/// The shifts that name one of these routes, or one that such a shift names, and so on.
fn linked<'a, 'b>(
    cluster: &'a Cluster,
    namespace: &str,
    routes: impl IntoIterator<Item = &'b str>,
) -> Vec<&'a ShiftObject> {
    let mut reached: BTreeSet<&str> = routes.into_iter().collect();
    let mut next: Vec<&str> = reached.iter().copied().collect();
    let mut found: BTreeMap<&Key, &ShiftObject> = BTreeMap::new();
    while let Some(route) = next.pop() {
        for shift in cluster.shifts.naming(KindName::WeightedRoute, &Key::new(namespace, route)) {
            found.insert(&shift.key, shift);
            next.extend(shift.spec.routes.iter().map(String::as_str).filter(|route| reached.insert(route)));
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests;
