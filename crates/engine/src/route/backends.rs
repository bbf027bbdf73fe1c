//! Backends of a route that cannot serve, told where the route is otherwise as it should be: all of them at once.
//!
//! None of them holds up a run between the others: the route is not ready, and stays usable.

use crate::backend::{self, Groups};
use crate::object::{Cluster, RouteObject};
use crate::standing::{Standing, because};
use crate::weights;

use super::Outlook;

/// An environment is gone as an object and still carries traffic.
pub(super) const ENVIRONMENT_GONE: &str = "EnvironmentGone";
/// An environment names another target group than the one by which it carries traffic.
pub(crate) const GROUP_CHANGED: &str = "GroupChanged";
/// An environment is not there, or not ready.
const WAITING: &str = "WaitingForEnvironment";
/// An environment has no target group of that name, or several and none is named, or one that is another's.
const UNUSABLE: &str = "BackendUnusable";

/// Says which backends cannot serve.
pub(super) fn mention(cluster: &Cluster, route: &RouteObject, outlook: &mut Outlook) {
    let Standing::Ready(reason) = &outlook.standing else { return };
    let faults = faults(cluster, route);
    let Some((word, _)) = faults.first() else { return };
    let messages: Vec<&str> = faults.iter().map(|(_, message)| message.as_str()).collect();
    let reason = because(word, format!("{}. {}", reason.message, messages.join("; ")));
    outlook.standing = if faults.iter().all(|(word, _)| *word == WAITING) {
        Standing::Working(reason)
    } else {
        Standing::Resting(reason)
    };
}

/// What is wrong with the backends of a route, each with its reason; the worst first.
fn faults(cluster: &Cluster, route: &RouteObject) -> Vec<(&'static str, String)> {
    let groups = backend::groups(cluster, route);
    let mut faults: Vec<(u8, &str, String)> = Vec::new();
    for entry in route.status.weights.iter().filter(|entry| entry.weight > 0) {
        let name = &entry.environment;
        if !cluster.environments.contains_key(&route.key.beside(name)) {
            let message = format!(
                "The Environment {name} is gone as an object and still carries traffic on AWS, where nothing was undone: \
                 create it again, or move the traffic away"
            );
            faults.push((0, ENVIRONMENT_GONE, message));
        }
    }
    for backend in &route.spec.backends {
        let name = &backend.environment;
        let is_there = cluster.environments.get(&route.key.beside(name));
        match backend::said(cluster, route, backend) {
            _ if is_there.is_none() && weights::of(&route.status.weights, name) > 0 => {}
            Err(message) if is_there.is_none_or(|found| !backend::is_known(found)) => {
                faults.push((3, WAITING, message));
            }
            Err(message) => faults.push((2, UNUSABLE, message)),
            Ok(_) => faults.extend(differs(cluster, route, &groups, name)),
        }
    }
    faults.sort_by_key(|(rank, _, _)| *rank);
    faults.into_iter().map(|(_, word, message)| (word, message)).collect()
}

/// What an environment that is there says otherwise than it is on the route.
fn differs(cluster: &Cluster, route: &RouteObject, groups: &Groups, name: &str) -> Option<(u8, &'static str, String)> {
    if let Some(Err(message)) = groups.get(name) {
        return Some((2, UNUSABLE, message.clone()));
    }
    let said = backend::renamed(cluster, route, groups, name)?;
    let lent = groups.get(name).and_then(|group| group.as_ref().ok())?;
    Some((1, GROUP_CHANGED, changed(name, &said, lent)))
}

/// That an environment names another target group than the one by which it carries traffic, in words.
pub(crate) fn changed(name: &str, said: &crate::Arn, lent: &crate::Arn) -> String {
    format!(
        "the Environment {name} names the target group {said} now, and carries traffic by {lent}: name that one again, or \
         make another Environment for the new one and move the traffic to it"
    )
}
