//! Which target group an environment lends to a route.

use std::collections::BTreeMap;

use weir_api::condition::{STALLED, holds};
use weir_api::weighted_route::{Backend, EnvironmentGroup, EnvironmentWeight};

use crate::Arn;
use crate::object::{Cluster, RouteObject};

/// The target groups of a route's backends, by environment; or, in words, why one is not known.
pub type Groups = BTreeMap<String, Result<Arn, String>>;

/// Resolves the backends of a route through the statuses of their environments. Where an environment has gone, the
/// group that the route recorded, for a run or for what is live, still serves, so that a rollback needs nothing that
/// may have been deleted and what carries traffic keeps its name.
pub fn groups(cluster: &Cluster, route: &RouteObject) -> Groups {
    let mut groups: Groups = BTreeMap::new();
    for backend in &route.spec.backends {
        groups.insert(backend.environment.clone(), group(cluster, route, backend));
    }
    for recorded in route.status.intent.iter().flat_map(|intent| &intent.groups) {
        let known = groups.entry(recorded.environment.clone()).or_insert_with(|| Err(String::new()));
        if known.is_err() {
            *known = Ok(Arn::new(&recorded.arn));
        }
    }
    for recorded in &route.status.groups {
        let arn = Arn::new(&recorded.arn);
        let is_lent = groups.values().any(|known| known.as_ref() == Ok(&arn));
        let is_there = cluster.environments.contains_key(&route.key.beside(&recorded.environment));
        if !is_lent && !is_there {
            groups.insert(recorded.environment.clone(), Ok(arn));
        }
    }
    groups
}

/// The groups behind weights, to be recorded.
pub fn lent(groups: &Groups, weights: &[EnvironmentWeight]) -> Vec<EnvironmentGroup> {
    let entry = |entry: &EnvironmentWeight| {
        let arn = groups.get(&entry.environment)?.as_ref().ok()?;
        Some(EnvironmentGroup { environment: entry.environment.clone(), arn: arn.to_string() })
    };
    weights.iter().filter_map(entry).collect()
}

fn group(cluster: &Cluster, route: &RouteObject, backend: &Backend) -> Result<Arn, String> {
    let name = &backend.environment;
    let environment = cluster
        .environments
        .get(&route.key.beside(name))
        .ok_or_else(|| format!("the Environment {name} does not exist; create it or take it out of spec.backends"))?;
    let found = &environment.status.target_groups;
    let is_current = environment.status.observed_generation == Some(environment.generation);
    if !is_current || found.is_empty() || holds(&environment.status.conditions, STALLED) {
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
