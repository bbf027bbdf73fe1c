//! By which access a route is looked at.

use crate::Arn;
use crate::access::Access;
use crate::grant::Grants;
use crate::object::{Cluster, RouteObject};
use crate::ready_state::Explanation;

use super::dns::{self, DnsRoute};
use super::listener::{entry_point_of, is_led_away, listener_of};

impl Grants {
    /// The access of a route: of a listener that of its entry point, which is judged by its own namespace, as its balancer is; what the
    /// route recorded of it serves when the entry point is gone, or leads elsewhere.
    pub fn of_route(&self, cluster: &Cluster, route: &RouteObject) -> Result<Access, Explanation> {
        if let Some(name) = DnsRoute::of(route) {
            return dns::access(self, name);
        }
        let key = entry_point_of(route);
        let namespace = key.as_ref().map_or(&route.key.namespace, |key| &key.namespace);
        let entry_point = key.as_ref().and_then(|key| cluster.entry_points.get(key));
        let entry_point = entry_point.filter(|_| !is_led_away(cluster, route));
        let (spec, listener) = match entry_point {
            Some(entry_point) => (entry_point.spec.aws.as_ref(), listener_of(cluster, route)),
            None => (route.status.aws.as_ref(), route.status.listener_rule.listener.as_deref()),
        };
        let refusal = listener.and_then(|listener| self.refusal_on(namespace, &Arn::new(listener)));
        refusal.map_or_else(|| self.access(namespace, spec), Err)
    }
}
