//! Whose a rule or a listener's default action is, as its tags tell.
//!
//! A mark outlives its route: where a route was deleted, made again for something else, or is not restored yet, what
//! carries its mark is an orphan. Its namespace may take it over; for everybody else it stays the owner's until the
//! tags are removed, since nothing on AWS tells one that is given up from one whose route comes later.

use crate::Arn;
use crate::fact::{Conditions, Rule, Tags};
use crate::object::{Cluster, Key};
use crate::ready_state::{Explanation, because};
use crate::reason::Reason;
use crate::tick::Context;
use crate::write::{OWNER_TAG, ROUTE_TAG};

use super::ListenerRoute;
use super::conditions::{conditions, describe_theirs, same};
use super::describe::describe as describe_place;
use super::{conflict, permission};

/// Whose something is, from where a route stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Owner<'a> {
    Nobody,
    This,
    /// Another installation of Weir.
    Installation(&'a str),
    /// Another route, which is for it or has it.
    Route(Key),
    /// A route that does not exist, or is for something else now.
    Orphan(Key),
}

fn owner<'a>(
    context: &Context,
    cluster: &Cluster,
    route: ListenerRoute<'_>,
    resource: &Arn,
    conditions: &Conditions,
    tags: &'a Tags,
) -> Owner<'a> {
    let mark = match (tags.get(OWNER_TAG), tags.get(ROUTE_TAG)) {
        (Some(owner), _) if *owner != context.owner => return Owner::Installation(owner),
        (Some(_), Some(mark)) => mark,
        _ => return Owner::Nobody,
    };
    let (namespace, name) = mark.split_once('/').unwrap_or(("", mark));
    let key = Key::new(namespace, name);
    if key == route.key {
        return Owner::This;
    }
    let marked = cluster.routes.get(&key);
    let has_it = marked.is_some_and(|marked| marked.status.listener_rule.arn.as_deref() == Some(resource.as_str()));
    let is_for_it =
        || conflict::neighbours(cluster, route).iter().any(|other| other.key == key && is_for(*other, conditions));
    if has_it || is_for_it() { Owner::Route(key) } else { Owner::Orphan(key) }
}

fn is_for(route: ListenerRoute<'_>, found: &Conditions) -> bool {
    let matches = route.entry.matches.as_ref();
    same(&matches.map(conditions).unwrap_or_default(), found)
}

/// Whether a place is this route's; the error says why it must not be touched.
pub(super) fn is_ours(
    context: &Context,
    cluster: &Cluster,
    route: ListenerRoute<'_>,
    (resource, rule): (&Arn, Option<&Rule>),
    tags: &Tags,
) -> Result<bool, Explanation> {
    let place = describe_place(route);
    let conditions = rule.map(|rule| rule.conditions.clone()).unwrap_or_default();
    match owner(context, cluster, route, resource, &conditions, tags) {
        Owner::This => Ok(true),
        Owner::Installation(owner) => Err(because(
            Reason::OwnedByAnother,
            format!(
                "{place} belongs to the Weir installation {owner:?} (tag {OWNER_TAG}); this one is {:?}. Remove the tag \
                 to hand it over, or make a WeightedRoute for another place",
                context.owner
            ),
        )),
        Owner::Route(marked) => Err(because(
            Reason::Conflict,
            format!("{place} belongs to the WeightedRoute {marked} (tag {ROUTE_TAG}); delete one of the two"),
        )),
        Owner::Orphan(marked) if marked.namespace != route.key.namespace => Err(because(
            Reason::Conflict,
            format!(
                "{place} belongs to {}; to hand it over remove its tags {OWNER_TAG} and {ROUTE_TAG}",
                absent(&marked)
            ),
        )),
        Owner::Orphan(_) if route.spec.adopt => Ok(false),
        Owner::Nobody if route.spec.adopt => permission::adoption_refusal(cluster, route).map_or(Ok(false), Err),
        Owner::Orphan(_) | Owner::Nobody => Err(because(
            Reason::NotAdopted,
            format!("{place} was not made by Weir for this route; set spec.adopt: true to take it over as it is"),
        )),
    }
}

/// Whose a rule is.
pub(super) fn of_rule<'a>(
    context: &Context,
    cluster: &Cluster,
    route: ListenerRoute<'_>,
    rule: &Rule,
    tags: &'a Tags,
) -> Owner<'a> {
    owner(context, cluster, route, &rule.arn, &rule.conditions, tags)
}

/// Whether whoever has a rule on the balancer of a route is a guest there.
pub(super) fn is_guest(cluster: &Cluster, route: ListenerRoute<'_>, owner: &Owner<'_>) -> bool {
    match owner {
        Owner::Route(marked) => {
            let marked = cluster.routes.get(marked).and_then(ListenerRoute::of);
            marked.is_some_and(|marked| permission::is_guest(cluster, marked))
        }
        Owner::Orphan(marked) => marked.namespace != route.key.namespace,
        Owner::Nobody | Owner::This | Owner::Installation(_) => false,
    }
}

/// Why a route may not have the hosts of a rule: the rule belongs to another namespace or installation, or, where the route
/// is a guest on the balancer, to nobody that Weir knows.
pub(super) fn keeps_off(
    context: &Context,
    cluster: &Cluster,
    route: ListenerRoute<'_>,
    rule: &Rule,
    owner: &Owner<'_>,
) -> Option<Explanation> {
    let release = format!("delete the rule, or remove its tags {OWNER_TAG} and {ROUTE_TAG}");
    let (whose, way_out) = match owner {
        Owner::Installation(owner) => {
            (format!("the Weir installation {owner:?} (tag {OWNER_TAG}); this one is {:?}", context.owner), release)
        }
        Owner::Route(marked) if marked.namespace != route.key.namespace => (
            format!("the WeightedRoute {marked} of another namespace (tag {ROUTE_TAG})"),
            "have that route deleted, and its rule with it".to_owned(),
        ),
        Owner::Orphan(marked) if marked.namespace != route.key.namespace => (absent(marked), release),
        Owner::Nobody if permission::is_guest(cluster, route) => (
            "somebody who does not use Weir".to_owned(),
            "have whoever runs the balancer delete the rule, or move it by a WeightedRoute of its own".to_owned(),
        ),
        Owner::Nobody | Owner::This | Owner::Route(_) | Owner::Orphan(_) => return None,
    };
    let what = describe_theirs(&rule.conditions);
    let message = format!(
        "the rule for {what}, and so its hosts, belongs to {whose}. Make this WeightedRoute again for another host; or \
         {way_out}"
    );
    Some(because(Reason::Conflict, message))
}

fn absent(marked: &Key) -> String {
    format!(
        "the WeightedRoute {marked} of another namespace (tag {ROUTE_TAG}), which does not exist or is for something \
         else now"
    )
}
