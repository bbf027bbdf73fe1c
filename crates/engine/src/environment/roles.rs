//! What an environment is to each route, as the routes' own statuses tell.

use jiff::{SignedDuration, Timestamp};
use weir_api::environment::{LoadBalancerStatus, Role, RouteRole, TargetGroupStatus};
use weir_api::traffic_shift::Run;

use crate::claim;
use crate::object::{Cluster, EnvironmentObject, KindName, RouteObject};
use crate::weights;

/// For how long an Application Load Balancer keeps connections where that could not be read: AWS's default of
/// `client_keep_alive.seconds`.
const KEEP_ALIVE: i32 = 3600;

/// What an environment lends.
type Lent<'a> = (&'a [TargetGroupStatus], &'a [LoadBalancerStatus]);

/// The roles of an environment that lends this, by the names of the routes.
pub(super) fn of(now: Timestamp, cluster: &Cluster, object: &EnvironmentObject, lent: Lent<'_>) -> Vec<RouteRole> {
    let routes = cluster.routes.naming(KindName::Environment, &object.key);
    routes.map(|route| role(now, cluster, object, lent, route)).collect()
}

fn role(
    now: Timestamp,
    cluster: &Cluster,
    object: &EnvironmentObject,
    (groups, balancers): Lent<'_>,
    route: &RouteObject,
) -> RouteRole {
    let name = &object.key.name;
    let weight = i32::try_from(weights::of(&route.status.weights, name)).unwrap_or(i32::MAX);
    // With another target group it is another environment, whatever its name.
    let is_this = |arn: &String| groups.iter().any(|group| group.arn == *arn);
    let mut known = route.status.full_traffic.iter();
    let full = known.find(|known| known.environment == *name && known.target_groups.iter().any(is_this));
    let left = route.status.dns.left.iter().find(|left| left.environment == *name);
    let clients_until = left.and_then(|left| left.answers_until).map(|until| until + kept(balancers));
    let role = match (weight, full) {
        _ if is_candidate(cluster, route, name) => Role::Candidate,
        (1.., _) => Role::Live,
        _ if left.is_some() && clients_until.is_none_or(|until| now < until) => Role::Draining,
        (_, Some(_)) => Role::Standby,
        (_, None) => Role::Idle,
    };
    RouteRole {
        route: route.key.to_string(),
        role,
        weight,
        full_traffic_since: full.map(|known| known.since),
        full_traffic_until: full.and_then(|known| known.until),
        clients_until,
    }
}

/// For how long clients may keep connections to these balancers. A Network Load Balancer ends none by itself.
fn kept(balancers: &[LoadBalancerStatus]) -> SignedDuration {
    let application = balancers.iter().filter(|balancer| balancer.arn.contains(":loadbalancer/app/"));
    let seconds = application.map(|balancer| balancer.keep_alive_seconds.unwrap_or(KEEP_ALIVE));
    SignedDuration::from_secs(seconds.max().unwrap_or(0).into())
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
