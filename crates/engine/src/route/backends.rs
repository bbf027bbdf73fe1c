//! Backends of a route that cannot serve, told where the route is otherwise as it should be: all of them at once.
//!
//! None of them holds up a run between the others: the route is not ready, and stays usable.

use crate::backend::{self, Members};
use crate::object::{Cluster, RouteObject};
use crate::ready_state::{ReadyState, because};
use crate::reason::Reason;
use crate::weights;

use super::assessment::Assessment;
use super::observed::Looked;

/// What is wrong with a backend, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    Gone,
    Changed,
    Unusable,
    Awaited,
}

impl Fault {
    fn reason(self) -> Reason {
        match self {
            Self::Gone => Reason::EnvironmentGone,
            Self::Changed => Reason::GroupChanged,
            Self::Unusable => Reason::BackendUnusable,
            Self::Awaited => Reason::WaitingForEnvironment,
        }
    }
}

/// Says which backends cannot serve.
pub(super) fn mention(looked: &Looked<'_>, assessment: &mut Assessment) {
    let ReadyState::Ready(reason) = &assessment.ready_state else { return };
    let faults = faults(looked.cluster, looked.route, looked.members);
    let Some((worst, _)) = faults.first() else { return };
    let messages: Vec<&str> = faults.iter().map(|(_, message)| message.as_str()).collect();
    let reason = because(worst.reason(), format!("{}. {}", reason.message, messages.join("; ")));
    assessment.ready_state =
        if *worst == Fault::Awaited { ReadyState::Working(reason) } else { ReadyState::Resting(reason) };
}

/// What is wrong with the backends of a route, in words; the worst first.
fn faults(cluster: &Cluster, route: &RouteObject, groups: &Members) -> Vec<(Fault, String)> {
    let mut faults: Vec<(Fault, String)> = Vec::new();
    for entry in route.status.weights.iter().filter(|entry| entry.weight > 0) {
        let name = &entry.environment;
        if !cluster.environments.contains_key(&route.key.sibling(name)) {
            let message = format!(
                "The Environment {name} is gone as an object and still carries traffic on AWS, where nothing was undone: \
                 create it again, or move the traffic away"
            );
            faults.push((Fault::Gone, message));
        }
    }
    for backend in &route.spec.backends {
        let name = &backend.environment;
        let is_there = cluster.environments.get(&route.key.sibling(name));
        match backend::said(cluster, route, backend) {
            _ if is_there.is_none() && weights::of(&route.status.weights, name) > 0 => {}
            Err(message) if is_there.is_none_or(|found| !backend::is_known(found)) => {
                faults.push((Fault::Awaited, message));
            }
            Err(message) => faults.push((Fault::Unusable, message)),
            Ok(_) => faults.extend(differs(cluster, route, groups, name)),
        }
    }
    faults.sort_by_key(|(fault, _)| *fault);
    faults
}

/// What an environment that is there says otherwise than it is on the route.
fn differs(cluster: &Cluster, route: &RouteObject, groups: &Members, name: &str) -> Option<(Fault, String)> {
    if let Some(Err(message)) = groups.get(name) {
        return Some((Fault::Unusable, message.clone()));
    }
    let said = backend::renamed(cluster, route, groups, name)?;
    let in_use = groups.get(name).and_then(|group| group.as_ref().ok())?;
    Some((Fault::Changed, changed(name, &said, &in_use.arn)))
}

/// That an environment names another target group or balancer than the one by which it carries traffic, in words.
pub(crate) fn changed(name: &str, said: &crate::Arn, in_use: &crate::Arn) -> String {
    format!(
        "the Environment {name} names {said} now, and carries traffic by {in_use}: name that one again, or \
         make another Environment for the new one and move the traffic to it"
    )
}
