//! The thread beside the controllers: it answers probes and metrics, and hears the signals.
//!
//! It has a runtime of its own, so that it answers, and ends the process when told so twice, even while the controllers'
//! thread is busy or stuck.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// What the thread tells of the controllers.
pub struct Reports {
    /// Whether the loop turns.
    pub live: Box<dyn Fn() -> bool + Send + Sync>,
    /// Whether it leads or could, and if not, why.
    pub ready: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Its metrics, in the text form of Prometheus.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
}

/// The place for reports. While it is empty the process counts as live and not ready.
#[derive(Clone, Default)]
pub struct Desk(Arc<OnceLock<Reports>>);

impl Desk {
    /// From now on these reports are given.
    pub fn fill(&self, reports: Reports) {
        // There is one controller in a process; were there a second, the first one's reports would stay.
        let _ = self.0.set(reports);
    }

    fn live(&self) -> Result<(), String> {
        if self.0.get().is_none_or(|reports| (reports.live)()) {
            Ok(())
        } else {
            Err("the loop stands still".to_owned())
        }
    }

    fn ready(&self) -> Result<(), String> {
        self.0.get().map_or_else(|| Err("the controller has not begun".to_owned()), |reports| (reports.ready)())
    }

    fn metrics(&self) -> String {
        self.0.get().map_or_else(String::new, |reports| (reports.metrics)())
    }
}

/// Why the thread could not be started.
#[derive(Debug, Error)]
pub enum Error {
    #[error(
        "cannot listen on {address}: {cause}; give another address with --listen, for example 127.0.0.1:0 for a free port"
    )]
    Listen { address: SocketAddr, cause: io::Error },
    #[error("cannot start the thread for probes and signals: {0}")]
    Start(io::Error),
}

/// The thread as the controllers' thread knows it.
pub struct Watchman {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it takes its reports from.
    pub reports: Desk,
    /// Fulfilled by the first SIGTERM or SIGINT, with the signal's name.
    pub ended: oneshot::Receiver<&'static str>,
}

impl Watchman {
    /// Takes the socket and starts the thread.
    pub fn start(address: SocketAddr) -> Result<Self, Error> {
        let fail = |cause| Error::Listen { address, cause };
        let listener = TcpListener::bind(address).map_err(fail)?;
        listener.set_nonblocking(true).map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Start)?;
        let signals = {
            let _inside = runtime.enter();
            Signals::new().map_err(Error::Start)?
        };
        let (end, ended) = oneshot::channel();
        let reports = Desk::default();
        let routes = routes(reports.clone());
        let watch = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::select! {
                biased;
                heard = signals.hear(end) => heard,
                served = axum::serve(listener, routes) => served,
            }
        };
        let body = move || {
            if let Err(error) = runtime.block_on(watch) {
                tracing::error!(%error, "metrics and probes are no longer served");
            }
        };
        std::thread::Builder::new().name("watchman".to_owned()).spawn(body).map_err(Error::Start)?;
        Ok(Self { address, reports, ended })
    }
}

/// What is served, for whoever looks by hand.
const PAGES: &str = "\
weir

/livez    whether the loop turns
/readyz   whether this process leads or could, and if not, why
/metrics  what it counts
";

fn routes(reports: Desk) -> Router {
    let (live, ready, metrics) = (reports.clone(), reports.clone(), reports);
    let text = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let is_live = async move || verdict(live.live(), "live");
    Router::new()
        .route("/", get(async || PAGES))
        .route("/livez", get(is_live.clone()))
        .route("/healthz", get(is_live))
        .route("/readyz", get(async move || verdict(ready.ready(), "ready")))
        .route("/metrics", get(async move || (text, metrics.metrics())))
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
