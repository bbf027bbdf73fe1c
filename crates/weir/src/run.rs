//! `weir run`: the controllers, wired to a cluster, an AWS account, the clock and the signals of the machine.
//!
//! This is the only place where the machine's own clock and chance come in. The controllers run on the main thread, on a
//! runtime that has no other; probes, metrics and signals have a thread of their own.

pub(crate) mod account;
pub(crate) mod allow;
pub(crate) mod arguments;
pub(crate) mod cluster;
pub(crate) mod forms;
mod probe_server;
mod process;

#[cfg(test)]
pub(crate) use arguments::EXAMPLES;
pub use arguments::Run;

use std::env;
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;
use weir_aws::Accounts;
use weir_controller::{Clock, Controller, Definitions, Grants, Metrics, Settings, Weir};

use crate::logging;
use probe_server::{ProbeServer, Probes};

/// The port of probes and metrics, unless another is given.
const PORT: u16 = 8080;
/// A watch begins anew so often: a connection that a firewall has forgotten is noticed within three quarters of a minute.
const WATCH_SECONDS: u32 = 40;

/// Why the controllers do not run.
#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    ProbeServer(#[from] probe_server::Error),
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    #[error(transparent)]
    Account(#[from] account::Error),
    #[error(transparent)]
    Allow(#[from] allow::Nothing),
    #[error(transparent)]
    Accounts(#[from] weir_aws::NoRegion),
    #[error(transparent)]
    Controller(#[from] weir_controller::Error),
    #[error("cannot start the controllers' runtime: {0}")]
    Runtime(std::io::Error),
}

/// Runs the controllers until they are told to end.
pub fn run(arguments: &Run) -> Result<(), Error> {
    logging::start(&arguments.logging);
    let grants = allow::grants(&arguments.allow)?;
    let in_pod = env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    let listen = arguments.process.listen.unwrap_or_else(|| default_address(in_pod));
    let probe_server = ProbeServer::start(listen, arguments.process.metrics_listen)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    runtime.block_on(control(arguments, grants, probe_server))
}

async fn control(arguments: &Run, grants: Grants, probe_server: ProbeServer) -> Result<(), Error> {
    let ProbeServer { address, metrics_address, state, ended } = probe_server;
    let mut shutdown = pin!(async {
        match ended.await {
            Ok(signal) => tracing::info!(signal, "ending: no new writes, work under way is awaited"),
            // The thread that hears signals is gone; the controllers go on until they are killed.
            Err(_) => pending().await,
        }
    });
    let controller = tokio::select! {
        biased;
        () = &mut shutdown => return Ok(()),
        controller = prepare(arguments, grants) => controller?,
    };
    let (health, readiness, metrics) = (controller.health(), controller.health(), controller.metrics());
    state.set(Probes {
        live: Box::new(move || health.live()),
        ready: Box::new(move || readiness.ready()),
        metrics: Box::new(move || metrics.render() + &process::metrics()),
    });
    tracing::info!(%address, %metrics_address, "metrics and probes are served");
    controller.run(shutdown).await?;
    tracing::info!("ended");
    Ok(())
}

/// Finds cluster and account, and wires a controller to them.
async fn prepare(arguments: &Run, grants: Grants) -> Result<Controller<Weir>, Error> {
    let client = cluster::connect(&arguments.kubernetes.cluster).await?;
    let aws = account::load(arguments.aws.region.as_deref()).await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        owner = arguments.owner_id,
        namespace = arguments.kubernetes.namespace.as_deref().unwrap_or("all"),
        name = arguments.kubernetes.cluster.controller_name,
        region = aws.region().map(AsRef::<str>::as_ref),
        "starting"
    );
    let metrics = Metrics::new();
    let counted = metrics.clone();
    let clock: Clock = Arc::new(now);
    let accounts = Accounts::new(&aws, &arguments.owner_id, now, move |call| counted.count_aws_call(call))?
        .with_modify_rate(arguments.aws.elb_modify_rate);
    let settings = Settings { grants, ..settings(arguments, client.default_namespace()) };
    Ok(Controller::new(client, accounts, clock, metrics, settings)?)
}

/// The settings of a process whose pod or context is of a namespace.
fn settings(arguments: &Run, own_namespace: &str) -> Settings {
    let (process, election) = (&arguments.process, &arguments.election);
    let instance = process.instance.clone().or_else(host_name).unwrap_or_else(|| "weir".to_owned());
    let seconds = |duration: weir_api::Duration| Duration::from_secs(u64::from(duration.as_secs()));
    let concurrency = usize::from(process.concurrency);
    Settings {
        namespace: arguments.kubernetes.namespace.clone(),
        controller: arguments.kubernetes.cluster.controller_name.clone(),
        lease_namespace: election.lease_namespace.clone().unwrap_or_else(|| own_namespace.to_owned()),
        lease_name: election.lease_name.clone(),
        lease_duration: seconds(election.lease_duration),
        identity: format!("{instance}_{:016x}", chance()),
        instance,
        resync_interval: seconds(arguments.aws.inventory_interval),
        concurrency,
        rollback_slots: concurrency.div_ceil(4).min(concurrency - 1),
        watch_seconds: WATCH_SECONDS,
        grace: seconds(process.grace_period),
        seed: seed(),
        definitions: Definitions::of(&weir_api::crds()),
        ..Settings::new(&arguments.owner_id)
    }
}

/// In a pod everything is listened on, whatever addresses the cluster gives to pods: of IPv6, of IPv4, or both.
fn default_address(in_pod: bool) -> SocketAddr {
    let host = if in_pod { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::LOCALHOST) };
    SocketAddr::new(host, PORT)
}

fn host_name() -> Option<String> {
    env::var("HOSTNAME").ok().filter(|name| !name.is_empty())
}

/// Whole milliseconds: statuses are read by people.
#[expect(clippy::disallowed_methods, reason = "production runs on the machine's clock")]
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// Two processes that have the same name and start together must not take each other for themselves.
#[expect(clippy::disallowed_methods, reason = "production draws from the machine's chance")]
fn chance() -> u64 {
    fastrand::Rng::new().u64(..)
}

/// Two processes that start together must not back off in step.
fn seed() -> u64 {
    let started = u64::try_from(now().as_microsecond()).unwrap_or_default();
    started ^ (u64::from(std::process::id()) << 40)
}
