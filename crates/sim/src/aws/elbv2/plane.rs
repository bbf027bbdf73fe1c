//! The data plane: what the nodes of a balancer do with a request.
//!
//! The control plane answers with new weights at once; the nodes know them a little later. A [`Plane`] is what they
//! know of one listener at a time, and stays as it is once made.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::action::{Action, Deed, Kind};
use super::condition::Condition;
use super::request::HttpRequest;
use super::target::{AppBehaviour, TargetKey};
use super::{Balancer, Elb};

/// The rules of a listener as its nodes know them, in the order in which they are tried.
#[derive(Debug)]
pub(crate) struct Plane {
    pub(super) rules: Vec<Arc<PlaneRule>>,
}

/// One rule as nodes know it.
#[derive(Debug)]
pub(crate) struct PlaneRule {
    conditions: Vec<Condition>,
    deed: PlaneDeed,
}

/// What a rule does with a request that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PlaneDeed {
    /// Sends it to a group by weight.
    Forward { groups: Vec<(String, u32)>, sticky: Option<Duration> },
    /// Answers it with this status.
    Answer(u16),
}

impl PlaneRule {
    /// What it does.
    pub(super) fn deed(&self) -> &PlaneDeed {
        &self.deed
    }

    pub(super) fn new(conditions: &[Condition], actions: &[Action]) -> Self {
        let deed = actions.iter().find(|action| action.kind().answers()).map_or(PlaneDeed::Answer(503), plane_deed);
        Self { conditions: conditions.to_vec(), deed }
    }
}

fn plane_deed(action: &Action) -> PlaneDeed {
    match &action.deed {
        Deed::Forward(forward) => PlaneDeed::Forward {
            groups: forward.groups.clone(),
            sticky: forward
                .sticky_seconds
                .filter(|_| forward.sticky)
                .map(|seconds| Duration::from_secs(u64::from(seconds))),
        },
        Deed::Other { kind, settings, .. } => {
            let code = settings.text("StatusCode").unwrap_or_default();
            let code = if *kind == Kind::Redirect { code.trim_start_matches("HTTP_") } else { code };
            PlaneDeed::Answer(code.parse().unwrap_or(503))
        }
    }
}

/// What requests of one sort meet for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    /// Until when this holds, as far as is known.
    pub(crate) until: Option<Timestamp>,
    /// `None` when nobody listens.
    pub(crate) way: Option<Way>,
}

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To one of these groups.
    Forward { lanes: Vec<Lane>, sticky: Option<Duration> },
    /// Nowhere: the balancer answers with this status.
    Answer(u16),
}

/// A group of a forward, and where in it requests can go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lane {
    /// The name of the group.
    pub(crate) group: Arc<str>,
    pub(crate) weight: u32,
    /// The healthy targets, or all that take requests when none is healthy: an ALB fails open.
    pub(crate) targets: Vec<(TargetKey, AppBehaviour)>,
}

impl Elb {
    /// What a request to the port of a balancer, by its name or ARN, meets at an instant that is not in the future.
    pub(crate) fn passage(&self, balancer: &str, port: u16, request: &HttpRequest, at: Timestamp) -> Passage {
        let balancer = self.balancer_called(balancer).map(|balancer: &Balancer| balancer.arn.as_str());
        let listener = balancer.and_then(|arn| self.listeners_of(arn).find(|listener| listener.port == port));
        let Some(listener) = listener else { return Passage { until: None, way: None } };
        let mut until = listener.plane.next_after(at);
        let Some(plane) = listener.plane.at(at) else { return Passage { until, way: None } };
        let fits = |rule: &&Arc<PlaneRule>| rule.conditions.iter().all(|condition| condition.matches(request));
        let Some(rule) = plane.rules.iter().find(fits) else { return Passage { until, way: Some(Way::Answer(503)) } };
        let way = match &rule.deed {
            PlaneDeed::Answer(status) => Way::Answer(*status),
            PlaneDeed::Forward { groups, sticky } => {
                let mut lane = |(arn, weight): &(String, u32)| {
                    let (lane, changes) = self.lane(arn, *weight, at);
                    until = [until, changes].into_iter().flatten().min();
                    lane
                };
                let lanes = groups.iter().map(&mut lane).collect();
                Way::Forward { lanes, sticky: *sticky }
            }
        };
        Passage { until, way: Some(way) }
    }

    /// A group as nodes see it, and when that will next change.
    fn lane(&self, group: &str, weight: u32, at: Timestamp) -> (Lane, Option<Timestamp>) {
        let Some(found) = self.groups.get(group) else {
            return (Lane { group: Arc::from(group), weight, targets: Vec::new() }, None);
        };
        let (mut healthy, mut others, mut changes) = (Vec::new(), Vec::new(), None);
        for (key, target) in &found.targets {
            let state = target.state(at);
            changes = [changes, target.next_change(at)].into_iter().flatten().min();
            if target.takes_requests(at) {
                healthy.push((key.clone(), target.app(at)));
            } else if state.takes_requests_at_need() {
                others.push((key.clone(), target.app(at)));
            }
        }
        let targets = if healthy.is_empty() { others } else { healthy };
        (Lane { group: Arc::from(found.name.as_str()), weight, targets }, changes)
    }
}
