//! A world in real time whose clients are anybody's, and what may befall it: the faults of the lab, by the same names.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use weir_sim::aws::{AppBehaviour, Aws};
use weir_sim::kube::{Body, Kube};
use weir_sim::traffic::{Destination, Traffic, TrafficSettings};

use crate::director::{Director, SplitLocation};
use crate::fault::Fault;
use crate::journal::Journal;
use crate::rollout::SplitPoint;
use crate::search::accidents;
use crate::wire::{AwsWire, KubeWire, Network, ProcessControl, lock};

/// What stands between a world and its clients.
pub struct Control {
    aws: Arc<Aws>,
    network: Network,
    director: Arc<Director>,
    to_aws: AwsWire,
    to_kube: KubeWire,
    traffic: Mutex<Option<Traffic>>,
}

/// What clients of a balancer have met in the last second, and in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// Requests of the last second, by name of group.
    pub by_group: BTreeMap<String, u64>,
    /// Requests so far.
    pub sent: u64,
    /// Those that failed.
    pub failed: u64,
    /// Why, and how many of each.
    pub causes: BTreeMap<String, u64>,
}

impl Control {
    /// Stands between a world and whoever asks it.
    pub fn new(aws: &Arc<Aws>, kube: &Arc<Kube>) -> Self {
        let (clock, network) = (aws.clock(), Network::default());
        let control = ProcessControl::new(1, Journal::blank(), network.clone(), None);
        let conditions = network.conditions();
        lock(&conditions).keep_answers();
        // Nothing is done by hand from here: where traffic is split is of no account.
        let location = SplitLocation { namespace: "default".to_owned(), place: SplitPoint::DefaultAction };
        let director = Director::new((aws, kube, clock), Journal::blank(), conditions, location, &[]);
        Self {
            aws: Arc::clone(aws),
            director,
            to_aws: AwsWire::new(aws, clock, &control),
            to_kube: KubeWire::new(kube, clock, &control),
            network,
            traffic: Mutex::default(),
        }
    }

    /// The answer of AWS to a request; `None` where the connection breaks. It may never come.
    pub async fn ask_aws(&self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        self.to_aws.clone().send(request).await.ok()
    }

    /// The answer of Kubernetes to a request; `None` where the connection breaks. It may never come.
    pub async fn ask_kube(&self, request: Request<Bytes>) -> Option<Response<Body>> {
        self.to_kube.clone().carry(request).await.ok()
    }

    /// Something befalls the world now. The error says why it cannot.
    pub fn befall(&self, fault: &Fault) -> Result<(), String> {
        match fault {
            _ if befalls_controllers(fault) => {
                Err("this befalls a controller, and those that run here are yours: signals do the same".to_owned())
            }
            Fault::Manual(_) => Err("this is done by hand: kubectl and the AWS CLI do the same".to_owned()),
            Fault::Ill(group, ..) if self.aws.group_arn(group).is_none() => {
                Err(format!("there is no target group {group}"))
            }
            _ => {
                self.director.befall(fault);
                Ok(())
            }
        }
    }

    /// One of each fault that may befall the world as it is.
    pub fn faults(&self) -> Vec<Fault> {
        let groups: Vec<String> = self.aws.groups_ever().into_values().collect();
        let groups: Vec<String> = groups.into_iter().filter(|group| self.aws.group_arn(group).is_some()).collect();
        accidents(&groups).into_iter().filter(|fault| !befalls_controllers(fault)).collect()
    }

    /// Ends all that befalls the world. Applications on targets stay as they are; so do, until their time, requests that hang,
    /// watches that hear late or twice, and a Lease that was taken.
    pub fn heal(&self) {
        self.network.clear();
        self.director.heal();
    }

    /// How the application behaves from now on, on the first so many targets of a group. The error says what is not there.
    pub fn set_app(&self, group: &str, targets: usize, app: AppBehaviour) -> Result<usize, String> {
        if self.aws.group_arn(group).is_none() {
            return Err(format!("there is no target group {group}"));
        }
        let mut count = 0;
        for (target, _) in self.aws.health(group).into_iter().take(targets) {
            self.aws.set_app_on(group, &target.id, app).map_err(|refusal| refusal.to_string())?;
            count += 1;
        }
        Ok(count)
    }

    /// The world's clock goes forward by a span; whether it can be set. In time that never passed no client has sent anything:
    /// those there are go.
    pub fn set_forward(&self, by: Duration) -> bool {
        self.send_nothing();
        self.aws.clock().set_forward(by)
    }

    /// Clients come from now on, in the place of those there are. The error says what is not there.
    pub fn send(&self, seed: u64, settings: TrafficSettings) -> Result<(), String> {
        if let Destination::Balancer(balancer) = &settings.destination
            && self.aws.listener_arn(balancer, settings.port).is_none()
        {
            return Err(format!("there is no balancer {balancer} with a listener on {}", settings.port));
        }
        *lock(&self.traffic) = Some(Traffic::new(Arc::clone(&self.aws), seed, settings));
        Ok(())
    }

    /// No clients come any more; what they met is forgotten.
    pub fn send_nothing(&self) {
        *lock(&self.traffic) = None;
    }

    /// What clients have met; `None` where there are none.
    pub fn met(&self) -> Option<Met> {
        let mut traffic = lock(&self.traffic);
        let traffic = traffic.as_mut()?;
        traffic.advance_to(self.aws.clock().now());
        let causes = traffic.causes().into_iter().map(|(cause, count)| (cause.to_string(), count)).collect();
        let totals = traffic.totals();
        let by_group = traffic.window(1).into_iter().map(|(group, counts)| (group, counts.sent)).collect();
        Some(Met { by_group, sent: totals.sent, failed: totals.failed, causes })
    }

    /// Lets happen by itself what is due, and clients send what they would have sent by now: once a second.
    pub fn pass(&self) {
        self.director.pass(None);
        self.met();
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Control").finish_non_exhaustive()
    }
}

/// Whether it befalls a process that a world runs itself.
fn befalls_controllers(fault: &Fault) -> bool {
    matches!(fault, Fault::Crash(_) | Fault::Pause(_) | Fault::Stop(_) | Fault::Another(_) | Fault::ClockStep(_))
}

#[cfg(test)]
mod tests;
