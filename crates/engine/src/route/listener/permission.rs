//! Whether a route may use an entry point of another namespace.
//!
//! A balancer belongs to the entry point that was the first to name it: whoever comes by way of another one is judged by
//! both, so that no other way in goes round what the owner has said.
//!
//! What is not allowed is refused: a namespace whose labels are not known is not selected, and a route that is for the
//! hosts of everybody (the default action, or a rule without a host), or gives a priority of its own, needs the pattern
//! `*`.

use crate::allowed_routes::wrong_namespace;
use crate::entry_point::first_to_name;
use crate::object::{Cluster, EntryPointObject};
use crate::ready_state::{Explanation, because};
use crate::reason::Reason;

use super::ListenerRoute;
use super::pattern::is_within;

/// Why a route may not use an entry point; `None` where it may.
pub(super) fn refusal(
    cluster: &Cluster,
    route: ListenerRoute<'_>,
    entry_point: &EntryPointObject,
) -> Option<Explanation> {
    refusal_by(cluster, route, entry_point, owner(cluster, entry_point))
}

/// The same, where the owner of the balancer is known already.
pub(super) fn refusal_by(
    cluster: &Cluster,
    route: ListenerRoute<'_>,
    entry_point: &EntryPointObject,
    owner: Option<&EntryPointObject>,
) -> Option<Explanation> {
    judges(route, entry_point, owner).find_map(|judge| {
        let said = wrong_namespace(cluster, &route.key.namespace, judge)
            .or_else(|| wrong_host(route, judge))
            .or_else(|| wrong_priority(route, judge))?;
        Some(because(Reason::NotAllowed, format!("{} does not allow this route: {said}", named(judge, entry_point))))
    })
}

/// Why a route may not take over what Weir did not make; `None` where it may.
pub(super) fn adoption_refusal(cluster: &Cluster, route: ListenerRoute<'_>) -> Option<Explanation> {
    let entry_point = cluster.entry_points.get(&route.entry_point())?;
    let owner = owner(cluster, entry_point);
    let judge = judges(route, entry_point, owner).find(|judge| !judge.spec.allowed_routes.adopt)?;
    let message = format!(
        "{} does not allow routes of other namespaces to take over what Weir did not make: set its \
         spec.allowedRoutes.adopt to true, or make this WeightedRoute again for another place",
        named(judge, entry_point)
    );
    Some(because(Reason::NotAllowed, message))
}

/// Whether a route is a guest on its balancer: that, or the entry point by way of which it comes, is another namespace's.
pub(super) fn is_guest(cluster: &Cluster, route: ListenerRoute<'_>) -> bool {
    let entry_point = cluster.entry_points.get(&route.entry_point());
    entry_point.is_some_and(|entry_point| judges(route, entry_point, owner(cluster, entry_point)).next().is_some())
}

/// The entry point to which the balancer of another one belongs, which may be that itself.
pub(super) fn owner<'a>(cluster: &'a Cluster, entry_point: &EntryPointObject) -> Option<&'a EntryPointObject> {
    first_to_name(cluster, entry_point.status.arn.as_deref()?)
}

/// The entry points that have to allow a route: its own and the one that its balancer belongs to, as far as they are of
/// another namespace.
fn judges<'a>(
    route: ListenerRoute<'a>,
    entry_point: &'a EntryPointObject,
    owner: Option<&'a EntryPointObject>,
) -> impl Iterator<Item = &'a EntryPointObject> {
    let owner = owner.filter(|owner| owner.key != entry_point.key);
    [Some(entry_point), owner].into_iter().flatten().filter(move |judge| judge.key.namespace != route.key.namespace)
}

fn named(judge: &EntryPointObject, entry_point: &EntryPointObject) -> String {
    let which = if judge.key == entry_point.key { "" } else { ", which was the first to name the balancer," };
    format!("the EntryPoint {}{which}", judge.key)
}

fn wrong_host(route: ListenerRoute<'_>, entry_point: &EntryPointObject) -> Option<String> {
    let patterns = &entry_point.spec.allowed_routes.hosts;
    let hosts = route.entry.matches.as_ref().map(|matches| matches.hosts.as_slice()).unwrap_or_default();
    let is_allowed = |host: &str| allows(entry_point, host);
    if hosts.is_empty() {
        let expected = if patterns.is_empty() { "any host".to_owned() } else { patterns.join(" or ") };
        return (!is_allowed("*")).then(|| {
            format!(
                "a route of another namespace must say for which hosts it is. Make this WeightedRoute again with \
                 spec.listener.match.hosts ({expected}), or add \"*\" to spec.allowedRoutes.hosts of the entry point"
            )
        });
    }
    let stray = hosts.iter().find(|host| !patterns.is_empty() && !is_allowed(host))?;
    Some(format!(
        "found the host {stray}; expected hosts under {}. Make this WeightedRoute again with other \
         spec.listener.match.hosts, or add a pattern to spec.allowedRoutes.hosts of the entry point",
        patterns.join(" or ")
    ))
}

/// A low number on a wide host would take the requests of everybody below it; numbers that Weir chooses do not.
fn wrong_priority(route: ListenerRoute<'_>, entry_point: &EntryPointObject) -> Option<String> {
    let priority = route.entry.priority?;
    (!allows(entry_point, "*")).then(|| {
        format!(
            "found the priority {priority}; expected none, since a route of another namespace may stand before those of \
             others only where it may have every host. Make this WeightedRoute again without spec.listener.priority, \
             and Weir chooses one; or add \"*\" to spec.allowedRoutes.hosts of the entry point"
        )
    })
}

fn allows(entry_point: &EntryPointObject, host: &str) -> bool {
    entry_point.spec.allowed_routes.hosts.iter().any(|pattern| is_within(host, pattern))
}

#[cfg(test)]
mod tests;
