//! Which target group an environment lends to a route.

use std::collections::BTreeMap;

use weir_api::condition::{STALLED, holds};
use weir_api::weighted_route::{Backend, EnvironmentMembers, EnvironmentWeight};

use crate::Arn;
use crate::object::{Cluster, EnvironmentObject, RouteObject};
use crate::weights;

/// The target groups of a route's backends, by environment; or, in words, why one is not known.
pub type Groups = BTreeMap<String, Result<Arn, String>>;

/// What the objects say of the backends of a route, in their order.
type Said<'a> = Vec<(&'a str, Result<Arn, String>)>;

/// Resolves the backends of a route.
///
/// What a run moves is what it recorded: while it does, and while an environment carries traffic, the recorded group is the
/// one that the environment lends, whatever its object says meanwhile. All others are told by the statuses of their
/// environments; where one has gone, or is not ready, the group that was recorded still serves, so that a rollback needs
/// nothing that may have been deleted and what carries traffic keeps its name. Two environments never lend one group.
pub fn groups(cluster: &Cluster, route: &RouteObject) -> Groups {
    let says = |backend| said(cluster, route, backend);
    let said: Said<'_> =
        route.spec.backends.iter().map(|backend| (backend.environment.as_str(), says(backend))).collect();
    let mut groups: Groups = BTreeMap::new();
    for recorded in binding(cluster, route, &said) {
        let Some(arn) = recorded.group().map(Arn::new) else { continue };
        let arn = || made_again(&said, &recorded.environment, &arn).unwrap_or_else(|| arn.clone());
        groups.entry(recorded.environment.clone()).or_insert_with(|| Ok(arn()));
    }
    for (environment, said) in said {
        if groups.contains_key(environment) {
            continue;
        }
        let said = said.and_then(|arn| match environment_of(&groups, &arn) {
            Some(other) => Err(same_group(other, environment, &arn)),
            None => Ok(arn),
        });
        groups.insert(environment.to_owned(), said);
    }
    let intent = route.status.intent.iter().flat_map(|intent| &intent.members);
    for recorded in intent.chain(&route.status.members) {
        let Some(arn) = recorded.group().map(Arn::new) else { continue };
        let serves = groups.get(&recorded.environment).is_none_or(Result::is_err);
        if serves && environment_of(&groups, &arn).is_none() {
            groups.insert(recorded.environment.clone(), Ok(arn));
        }
    }
    groups
}

/// The group that has taken the place of a recorded one: its environment names one of the same name in the same account and
/// region. AWS lets only one have it, so the recorded one is gone.
fn made_again(said: &Said<'_>, lender: &str, recorded: &Arn) -> Option<Arn> {
    let (_, said) = said.iter().find(|(environment, _)| *environment == lender)?;
    let said = said.as_ref().ok()?;
    let is_same_name = (said.account(), said.region(), said.group_name())
        == (recorded.account(), recorded.region(), recorded.group_name());
    (said != recorded && is_same_name).then(|| said.clone())
}

/// Whether the objects agree that a recorded group is another environment's now: the one that lent it names another.
fn is_handed_over(said: &Said<'_>, recorded: &EnvironmentMembers) -> bool {
    let any = |is_own: bool, names_it: bool| {
        said.iter().any(|(environment, said)| {
            let is_it = said.as_ref().is_ok_and(|arn| (Some(arn.as_str()) == recorded.group()) == names_it);
            is_it && (*environment == recorded.environment) == is_own
        })
    };
    any(true, false) && any(false, true)
}

/// The recorded groups that hold whatever objects say: those of a run that moves, those that carry traffic, and those that
/// were set to carry it last: where somebody else has taken it from them, it is these that it is given back to.
fn binding<'a>(cluster: &Cluster, route: &'a RouteObject, said: &Said<'_>) -> Vec<&'a EnvironmentMembers> {
    let status = &route.status;
    let moving = status.intent.iter().filter(|intent| {
        let shift = cluster.shifts.get(&route.key.sibling(&intent.shift)).filter(|shift| shift.uid == intent.uid);
        let run = shift.and_then(|shift| shift.status.run.as_ref());
        run.is_some_and(|run| run.id == intent.run && run.ended_at.is_none())
    });
    let carries = |weights: &[EnvironmentWeight], member: &EnvironmentMembers| {
        weights::of(weights, &member.environment) > 0 && !is_handed_over(said, member)
    };
    let live = status.members.iter().filter(|member| carries(&status.weights, member));
    let set =
        status.intent.iter().flat_map(|intent| intent.members.iter().filter(|member| carries(&intent.weights, member)));
    moving.flat_map(|intent| &intent.members).chain(live).chain(set).collect()
}

/// The group that an environment's object names now, where that is another than the one that it lends.
pub fn renamed(cluster: &Cluster, route: &RouteObject, groups: &Groups, environment: &str) -> Option<Arn> {
    let backend = route.spec.backends.iter().find(|backend| backend.environment == environment)?;
    let said = said(cluster, route, backend).ok()?;
    matches!(groups.get(environment), Some(Ok(in_use)) if *in_use != said).then_some(said)
}

fn same_group(one: &str, other: &str, arn: &Arn) -> String {
    format!(
        "the Environments {one} and {other} have the same target group, {arn}, which cannot be told apart on one route; \
         name each group once"
    )
}

/// The groups behind weights, to be recorded.
pub fn members_of(groups: &Groups, weights: &[EnvironmentWeight]) -> Vec<EnvironmentMembers> {
    let entry = |entry: &EnvironmentWeight| {
        let arn = groups.get(&entry.environment)?.as_ref().ok()?;
        Some(EnvironmentMembers::of_group(&entry.environment, arn.as_str()))
    };
    weights.iter().filter_map(entry).collect()
}

/// The group that an environment's object names for a backend; or, in words, why none is known.
pub fn said(cluster: &Cluster, route: &RouteObject, backend: &Backend) -> Result<Arn, String> {
    let name = &backend.environment;
    let environment = cluster.environments.get(&route.key.sibling(name)).ok_or_else(|| {
        let remedy = cluster.remedy();
        format!("the Environment {name} does not exist; {remedy}, or take it out of spec.backends")
    })?;
    let found = &environment.status.target_groups;
    if !is_known(environment) {
        return Err(format!("the Environment {name} is not ready; `kubectl describe wenv {name}` tells why"));
    }
    let named = |part: &str| found.iter().find(|group| group.name == part);
    let parts = || found.iter().map(|group| group.name.as_str()).collect::<Vec<_>>().join(", ");
    let group = match (&backend.part, found.as_slice()) {
        (Some(part), _) => named(part)
            .ok_or_else(|| format!("the Environment {name} has no target group named {part}; it has {}", parts()))?,
        (None, [only]) => only,
        (None, _) => {
            return Err(format!("the Environment {name} has the target groups {}; say which with part", parts()));
        }
    };
    Ok(Arn::new(&group.arn))
}

/// Whether what an environment says of its groups can be relied on.
pub fn is_known(environment: &EnvironmentObject) -> bool {
    let status = &environment.status;
    let is_current = status.observed_generation == Some(environment.generation);
    is_current && !status.target_groups.is_empty() && !holds(&status.conditions, STALLED)
}

/// The environment that lends a target group.
pub fn environment_of<'a>(groups: &'a Groups, arn: &Arn) -> Option<&'a str> {
    groups.iter().find(|(_, group)| group.as_ref() == Ok(arn)).map(|(environment, _)| environment.as_str())
}

/// The weights by target group; the first environment whose group is not known is the error, in words.
pub fn by_group(groups: &Groups, weights: &[EnvironmentWeight]) -> Result<BTreeMap<Arn, u16>, String> {
    weights
        .iter()
        .map(|entry| {
            let environment = &entry.environment;
            let group = groups.get(environment).cloned().unwrap_or_else(|| {
                Err(format!("the environment {environment} is not among spec.backends of the route"))
            })?;
            let weight = u16::try_from(entry.weight)
                .map_err(|_| format!("found the weight {} of {environment}; expected 0 to 999", entry.weight))?;
            Ok((group, weight))
        })
        .collect()
}
