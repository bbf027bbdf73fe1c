//! One process of a controller, and how a controller is wired to a simulated AWS.

use std::future::pending;
use std::sync::Arc;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use weir_aws::Accounts;
use weir_controller::{Clock as ControllerClock, Controller, Decisions, Definitions, Error, Metrics, Weir};
use weir_sim::aws::Aws;
use weir_sim::clock::Clock;
use weir_sim::kube::Kube;

use crate::bug::{self, Wrongly};
use crate::journal::Journal;
use crate::wire::{KubeWire, Network, ProcessControl, sdk_config};
use crate::world::Settings;

/// A controller that runs.
pub(crate) struct Process {
    pub control: Arc<ProcessControl>,
    pub run: LocalBoxFuture<'static, Result<(), Error>>,
    pub metrics: Metrics,
    pub paused: bool,
    /// By which it is told to end.
    end: Option<oneshot::Sender<()>>,
}

/// What a process is named in the Lease.
pub(crate) fn identity(process: u32) -> String {
    format!("weir-{process}")
}

impl Process {
    /// A controller begins to live, by the clock of its machine; nothing happens before it is polled.
    pub fn start(
        settings: &Settings,
        clock: Clock,
        aws: &Arc<Aws>,
        kube: &Arc<Kube>,
        process_control: Arc<ProcessControl>,
    ) -> Self {
        let client = kube::Client::new(KubeWire::new(kube, clock, &process_control), settings.namespace.clone());
        let process = process_control.process;
        let controller_settings = weir_controller::Settings {
            instance: identity(process),
            identity: identity(process),
            resync_interval: settings.resync_interval,
            lease_duration: settings.lease,
            seed: settings.seed.wrapping_add(u64::from(process)),
            grants: settings.grants.clone(),
            definitions: if settings.compares { Definitions::of(&weir_api::crds()) } else { Definitions::default() },
            ..weir_controller::Settings::new(settings.owner.clone())
        };
        if bug::planted().is_some() {
            let controller = wired::<Wrongly>(client, aws, clock, controller_settings, &process_control);
            return Self::of(controller, process_control);
        }
        Self::of(wired::<Weir>(client, aws, clock, controller_settings, &process_control), process_control)
    }

    /// Whether it was told to end.
    pub fn is_told_to_end(&self) -> bool {
        self.end.is_none()
    }

    /// Tells it to end. It needs to be carried on to do so.
    pub fn tell_to_end(&mut self) {
        // One that has just ended by itself no longer hears.
        let _ = self.end.take().map(|end| end.send(()));
    }

    fn of<D: Decisions>(controller: Result<Controller<D>, Error>, process_control: Arc<ProcessControl>) -> Self {
        let controller = controller.expect("the settings of the lab are such that a controller can run");
        let metrics = controller.metrics();
        let (end, told) = oneshot::channel();
        let shutdown = async move {
            if told.await.is_err() {
                pending::<()>().await;
            }
        };
        Self {
            control: process_control,
            run: controller.run(shutdown).boxed_local(),
            metrics,
            paused: false,
            end: Some(end),
        }
    }
}

/// A controller between any Kubernetes and a simulated AWS.
pub fn controller(
    client: kube::Client,
    aws: &Arc<Aws>,
    clock: Clock,
    settings: weir_controller::Settings,
) -> Result<Controller, Error> {
    wired(client, aws, clock, settings, &ProcessControl::new(0, Journal::default(), Network::default(), None))
}

fn wired<D: Decisions>(
    client: kube::Client,
    aws: &Arc<Aws>,
    clock: Clock,
    settings: weir_controller::Settings,
    process_control: &Arc<ProcessControl>,
) -> Result<Controller<D>, Error> {
    let ahead = process_control.ahead.clone();
    let now = move || clock.now() + ahead.get();
    let metrics = Metrics::new();
    let counted = metrics.clone();
    let config = sdk_config(aws, clock, process_control);
    let accounts = Accounts::new(&config, &settings.owner, now.clone(), move |call| counted.count_aws_call(call))
        .expect("the simulated AWS has a region");
    let clock: ControllerClock = Arc::new(now);
    Controller::deciding(client, accounts, clock, metrics, settings)
}
