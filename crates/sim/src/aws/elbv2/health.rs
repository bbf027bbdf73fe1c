//! The health of a whole balancer, as an alias record sees it that evaluates its target.
//!
//! Source: "Values specific for simple alias records" in the guide of Route 53: a group with nothing but unhealthy targets
//! makes its balancer unhealthy, and so does a group without targets.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Elb;
use super::plane::PlaneDeed;

impl Elb {
    /// Whether a balancer was healthy at an instant that is not in the future, and when that may change next.
    pub(in crate::aws) fn health_of(&self, balancer: &str, at: Timestamp) -> (bool, Option<Timestamp>) {
        let (mut groups, mut until): (BTreeSet<&str>, Option<Timestamp>) = (BTreeSet::new(), None);
        let mut earlier = |change: Option<Timestamp>| until = [until, change].into_iter().flatten().min();
        for listener in self.listeners_of(balancer) {
            earlier(listener.plane.next_after(at));
            for rule in listener.plane.at(at).into_iter().flat_map(|plane| &plane.rules) {
                if let PlaneDeed::Forward { groups: forwarded, .. } = rule.deed() {
                    groups.extend(forwarded.iter().map(|(group, _)| group.as_str()));
                }
            }
        }
        let mut is_healthy = self.balancers.contains_key(balancer);
        for group in groups {
            let mut has_healthy = false;
            for target in self.groups.get(group).into_iter().flat_map(|group| group.targets.values()) {
                earlier(target.next_change(at));
                has_healthy |= target.takes_requests(at);
            }
            is_healthy &= has_healthy;
        }
        (is_healthy, until)
    }
}
