//! One life of a controller, and how a controller is wired to a simulated AWS.

use std::future::pending;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use weir_aws::Accounts;
use weir_controller::{Clock as ControllerClock, Controller, Error, Metrics};
use weir_sim::aws::Aws;
use weir_sim::clock::Clock;
use weir_sim::kube::Kube;

use crate::journal::Journal;
use crate::wire::{KubeWire, Lifeline, Network, sdk_config};
use crate::world::Settings;

/// A controller that lives.
pub(crate) struct Life {
    pub lifeline: Arc<Lifeline>,
    pub run: LocalBoxFuture<'static, Result<(), Error>>,
    pub metrics: Metrics,
    pub paused: bool,
}

impl Life {
    /// A controller begins to live; nothing happens before it is polled.
    pub fn start(settings: &Settings, clock: Clock, aws: &Arc<Aws>, kube: &Arc<Kube>, lifeline: Arc<Lifeline>) -> Self {
        let client = kube::Client::new(KubeWire::new(kube, clock, &lifeline), settings.namespace.clone());
        let life = lifeline.life;
        let controller_settings = weir_controller::Settings {
            instance: format!("weir-{life}"),
            round_interval: settings.round_interval,
            seed: settings.seed.wrapping_add(u64::from(life)),
            grants: settings.grants.clone(),
            ..weir_controller::Settings::new(settings.owner.clone())
        };
        let controller = wired(client, aws, clock, controller_settings, &lifeline)
            .expect("the settings of the lab are such that a controller can run");
        let metrics = controller.metrics();
        Self { lifeline, run: controller.run(pending()).boxed_local(), metrics, paused: false }
    }
}

/// A controller between any Kubernetes and a simulated AWS.
pub fn controller(
    client: kube::Client,
    aws: &Arc<Aws>,
    clock: Clock,
    settings: weir_controller::Settings,
) -> Result<Controller, Error> {
    wired(client, aws, clock, settings, &Lifeline::new(0, Journal::default(), Network::default(), None))
}

fn wired(
    client: kube::Client,
    aws: &Arc<Aws>,
    clock: Clock,
    settings: weir_controller::Settings,
    lifeline: &Arc<Lifeline>,
) -> Result<Controller, Error> {
    let metrics = Metrics::new();
    let counted = metrics.clone();
    let config = sdk_config(aws, clock, lifeline);
    let accounts =
        Accounts::new(&config, &settings.owner, move || clock.now(), move |call| counted.count_aws_call(call))
            .expect("the simulated AWS has a region");
    let clock: ControllerClock = Arc::new(move || clock.now());
    Controller::new(client, accounts, clock, metrics, settings)
}
