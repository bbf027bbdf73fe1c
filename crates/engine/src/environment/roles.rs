//! What an environment is to each route, as the routes' own statuses tell.

use weir_api::environment::{Role, RouteRole, TargetGroupStatus};
use weir_api::traffic_shift::Run;

use crate::claim;
use crate::object::{Cluster, EnvironmentObject, KindName, RouteObject};
use crate::weights;

/// The roles of an environment with these target groups, by the names of the routes.
pub(super) fn of(cluster: &Cluster, object: &EnvironmentObject, groups: &[TargetGroupStatus]) -> Vec<RouteRole> {
    let routes = cluster.routes.naming(KindName::Environment, &object.key);
    routes.map(|route| role(cluster, object, groups, route)).collect()
}

fn role(cluster: &Cluster, object: &EnvironmentObject, groups: &[TargetGroupStatus], route: &RouteObject) -> RouteRole {
    let name = &object.key.name;
    let weight = i32::try_from(weights::of(&route.status.weights, name)).unwrap_or(i32::MAX);
    // With another target group it is another environment, whatever its name.
    let is_this = |arn: &String| groups.iter().any(|group| group.arn == *arn);
    let mut known = route.status.full_traffic.iter();
    let full = known.find(|known| known.environment == *name && known.target_groups.iter().any(is_this));
    let role = match (weight, full) {
        _ if is_candidate(cluster, route, name) => Role::Candidate,
        (1.., _) => Role::Live,
        (_, Some(_)) => Role::Standby,
        (_, None) => Role::Idle,
    };
    RouteRole {
        route: route.key.to_string(),
        role,
        weight,
        full_traffic_since: full.map(|known| known.since),
        full_traffic_until: full.and_then(|known| known.until),
    }
}

/// Whether a run is moving the traffic of a route to an environment.
fn is_candidate(cluster: &Cluster, route: &RouteObject, environment: &str) -> bool {
    let run = claim::holder(cluster, &route.key).and_then(|shift| shift.status.run.as_ref());
    let moves = |run: &Run| {
        run.to == environment
            && run.ended_at.is_none()
            && run.rollback.is_none()
            && run.routes.iter().any(|part| part.name == route.key.name)
    };
    run.is_some_and(moves)
}
