//! Environments that are gone as objects and still carry traffic: nothing is undone for them, and they are named.

use crate::object::{Cluster, RouteObject};
use crate::standing::{Standing, because};
use weir_api::WeightedRouteStatus;

use super::Outlook;

/// The reason that a route which is otherwise ready gives.
pub(super) const ENVIRONMENT_GONE: &str = "EnvironmentGone";

/// Says which environments are gone and still carry, where the route is otherwise as it should be.
pub(super) fn mention(cluster: &Cluster, route: &RouteObject, status: &WeightedRouteStatus, outlook: &mut Outlook) {
    let Standing::Ready(reason) = &outlook.standing else { return };
    let is_gone = |name: &str| !cluster.environments.contains_key(&route.key.beside(name));
    let carrying = status.weights.iter().filter(|entry| entry.weight > 0).map(|entry| entry.environment.as_str());
    let gone: Vec<&str> = carrying.filter(|name| is_gone(name)).collect();
    if gone.is_empty() {
        return;
    }
    let message = format!(
        "{}. The Environment {} is gone as an object and still carries traffic on AWS, where nothing was undone: create \
         it again, or move the traffic away",
        reason.message,
        gone.join(" and ")
    );
    let reason = because(ENVIRONMENT_GONE, message);
    outlook.synced.1 = reason.clone();
    outlook.standing = Standing::Ready(reason);
}
