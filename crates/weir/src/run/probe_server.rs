//! The HTTP server for liveness and readiness probes and for metrics, and the signal handler, on a thread of their own.
//!
//! It has a runtime of its own, so that it answers, and ends the process when told so twice, even while the controllers'
//! thread is busy or stuck.

use std::future::pending;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// For how long metrics are given as they were written: whoever asks more often costs nothing more.
const FRESH: Duration = Duration::from_secs(2);

/// The probes of the controllers, which the server calls.
pub struct Probes {
    /// Whether the loop turns.
    pub live: Box<dyn Fn() -> bool + Send + Sync>,
    /// Whether it leads or could, and if not, why.
    pub ready: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Its metrics, in the text form of Prometheus.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
}

/// The probes once they are known. Before that the process counts as live and not ready.
#[derive(Clone, Default)]
pub struct ProbeState(Arc<SharedProbes>);

#[derive(Default)]
struct SharedProbes {
    probes: OnceLock<Probes>,
    /// The metrics as they were last written, and when.
    written: Mutex<Option<(Instant, Bytes)>>,
}

impl ProbeState {
    /// From now on these probes are asked.
    pub fn set(&self, probes: Probes) {
        // There is one controller in a process; were there a second, the first one's probes would stay.
        let _ = self.0.probes.set(probes);
    }

    fn live(&self) -> Result<(), String> {
        if self.0.probes.get().is_none_or(|probes| (probes.live)()) {
            Ok(())
        } else {
            Err("the loop stands still".to_owned())
        }
    }

    fn ready(&self) -> Result<(), String> {
        self.0.probes.get().map_or_else(|| Err("the controller has not begun".to_owned()), |probes| (probes.ready)())
    }

    /// The metrics. They are kept for as long as they are given again: with thousands of objects they are megabytes.
    fn metrics(&self) -> Bytes {
        let Some(probes) = self.0.probes.get() else { return Bytes::new() };
        let mut written = self.written();
        let now = Instant::now();
        if let Some((_, text)) = written.as_ref().filter(|(at, _)| now < *at + FRESH) {
            return text.clone();
        }
        let text = Bytes::from((probes.metrics)());
        *written = Some((now, text.clone()));
        let state = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep_until(now + FRESH).await;
            state.written().take_if(|(at, _)| *at == now);
        });
        text
    }

    fn written(&self) -> MutexGuard<'_, Option<(Instant, Bytes)>> {
        self.0.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the thread could not be started.
#[derive(Debug, Error)]
pub enum Error {
    #[error(
        "cannot listen on {address}: {cause}; give another address with {flag}, for example 127.0.0.1:0 for a free port"
    )]
    Listen { address: SocketAddr, flag: &'static str, cause: io::Error },
    #[error("cannot start the thread for probes and signals: {0}")]
    Start(io::Error),
}

/// The server as the controllers' thread knows it.
pub struct ProbeServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it gives metrics.
    pub metrics_address: SocketAddr,
    /// Where it finds its probes.
    pub state: ProbeState,
    /// Fulfilled by the first SIGTERM or SIGINT, with the signal's name.
    pub ended: oneshot::Receiver<&'static str>,
}

impl ProbeServer {
    /// Takes the sockets and starts the thread. Metrics may have an address of their own.
    pub fn start(address: SocketAddr, metrics: Option<SocketAddr>) -> Result<Self, Error> {
        let (listener, address) = listen(address, "--listen")?;
        let apart = metrics.map(|metrics| listen(metrics, "--metrics-listen")).transpose()?;
        let metrics_address = apart.as_ref().map_or(address, |(_, address)| *address);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Start)?;
        let signals = {
            let _inside = runtime.enter();
            Signals::new().map_err(Error::Start)?
        };
        let (end, ended) = oneshot::channel();
        let state = ProbeState::default();
        let mut routes = probe_routes(state.clone());
        if apart.is_none() {
            routes = routes.merge(metrics_route(state.clone()));
        }
        let metrics_only = metrics_route(state.clone());
        let watch = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let apart = apart.map(|(listener, _)| tokio::net::TcpListener::from_std(listener)).transpose()?;
            let serve_apart = async {
                match apart {
                    Some(listener) => axum::serve(listener, metrics_only).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                heard = signals.hear(end) => heard,
                served = axum::serve(listener, routes) => served,
                served = serve_apart => served,
            }
        };
        let body = move || {
            if let Err(error) = runtime.block_on(watch) {
                tracing::error!(%error, "metrics and probes are no longer served");
            }
        };
        std::thread::Builder::new().name("probes".to_owned()).spawn(body).map_err(Error::Start)?;
        Ok(Self { address, metrics_address, state, ended })
    }
}

/// Takes a socket. Where there is no IPv6, every address of a machine is one of IPv4.
fn listen(address: SocketAddr, flag: &'static str) -> Result<(TcpListener, SocketAddr), Error> {
    let fail = |cause| Error::Listen { address, flag, cause };
    let bound = TcpListener::bind(address).or_else(|cause| match address.ip() {
        IpAddr::V6(host) if host.is_unspecified() && cause.kind() != ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).map_err(|_| cause)
        }
        _ => Err(cause),
    });
    let listener = bound.map_err(fail)?;
    listener.set_nonblocking(true).map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    Ok((listener, address))
}

/// What is served, for whoever looks by hand.
const PAGES: &str = "\
weir

/livez    whether the loop turns
/readyz   whether this process leads or could, and if not, why
/metrics  what it counts (with --metrics-listen: at its own address)
";

fn metrics_route(state: ProbeState) -> Router {
    let text = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Router::new().route("/metrics", get(async move || (text, state.metrics())))
}

fn probe_routes(state: ProbeState) -> Router {
    let (live, ready) = (state.clone(), state);
    let is_live = async move || verdict(live.live(), "live");
    Router::new()
        .route("/", get(async || PAGES))
        .route("/livez", get(is_live.clone()))
        .route("/healthz", get(is_live))
        .route("/readyz", get(async move || verdict(ready.ready(), "ready")))
}

fn verdict(found: Result<(), String>, good: &'static str) -> (StatusCode, String) {
    match found {
        Ok(()) => (StatusCode::OK, format!("{good}\n")),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

/// The signals that end the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> (&'static str, i32) {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
            _ = self.interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
        }
    }

    /// The first signal asks the controllers to end, the second ends the process, as a shell would expect to be told.
    async fn hear(mut self, end: oneshot::Sender<&'static str>) -> io::Result<()> {
        let (name, _) = self.next().await;
        // The controllers may have ended by themselves at this very moment.
        let _ = end.send(name);
        let (name, number) = self.next().await;
        tracing::warn!(signal = name, "ending at once, without waiting for work that is under way");
        std::process::exit(128 + number)
    }
}

#[cfg(test)]
mod tests;
