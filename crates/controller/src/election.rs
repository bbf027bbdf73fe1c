//! Leader election over the API server: the requests about the Lease, one at a time, beside everything else in the loop.
//!
//! Who leads is decided in [`crate::lease`], a state machine; here are only its requests, their errors, and the log.

mod error;

use std::cell::RefCell;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{self, LocalBoxFuture};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::Api;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info, warn};

use crate::connectivity::Connectivity;
use crate::health::{Health, Prerequisite};
use crate::leadership::Leadership;
use crate::lease::{Elector, LeaseConfig, LeaseRequest, LeaseResponse, Moment};
use crate::metrics::Metrics;
use crate::server;

pub use self::error::ElectionError;

/// How often a release is tried: the version that it names may not be the present one.
const RELEASES: usize = 2;

/// How often is said what goes on standing in the way.
const SAID_AGAIN: Duration = Duration::from_mins(1);

/// The response to a request that was sent at a moment.
type Reply = (Moment, Result<LeaseResponse, ElectionError>);

/// The election as the loop carries it on.
pub(crate) struct Election<'a> {
    api: Api<Lease>,
    config: LeaseConfig,
    elector: Elector,
    leadership: &'a Leadership,
    health: &'a Health,
    metrics: &'a Metrics,
    connectivity: &'a RefCell<Connectivity>,
    /// The request under way.
    request: Option<LocalBoxFuture<'static, Reply>>,
    /// The leader that was last reported in the log.
    last_reported: Option<String>,
    /// What hinders the election, and when that was last said in the log.
    last_error: Option<(ElectionError, Instant)>,
}

impl<'a> Election<'a> {
    /// A candidate. Nothing is asked before it is carried on.
    pub fn new(
        client: kube::Client,
        config: LeaseConfig,
        leadership: &'a Leadership,
        health: &'a Health,
        metrics: &'a Metrics,
        connectivity: &'a RefCell<Connectivity>,
    ) -> Self {
        Self {
            api: Api::namespaced(client, &config.namespace),
            elector: Elector::new(config.clone(), Instant::now()),
            config,
            leadership,
            health,
            metrics,
            connectivity,
            request: None,
            last_reported: None,
            last_error: None,
        }
    }

    /// Carries the election on until there is something to look at: an answer has come, or the Lease no longer lasts for a
    /// write. Dropping the future loses nothing.
    pub async fn next(&mut self) {
        let write_deadline = self.leadership.write_deadline();
        let lapsed = async {
            match write_deadline {
                Some(write_deadline) => sleep_until(write_deadline).await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.go_on() => {}
            () = lapsed => {}
        }
    }

    /// Sends the next request when it is due, unless one is under way, and awaits its answer.
    async fn go_on(&mut self) {
        if self.request.is_none() {
            sleep_until(self.elector.due()).await;
            let now = self.leadership.moment();
            self.request = Some(self.send(now, self.elector.next(now)));
        }
        self.settle().await;
    }

    /// Awaits the answer to the request under way.
    pub async fn settle(&mut self) {
        if let Some(request) = &mut self.request {
            let reply = request.await;
            self.request = None;
            self.handle(reply);
        }
    }

    /// Gives the Lease up, if it is ours, so that another leads at once. All that was begun under it must have ended.
    pub async fn release(&mut self) {
        self.settle().await;
        for _ in 0..RELEASES {
            let now = self.leadership.moment();
            let Some(request) = self.elector.release(now) else { return };
            let reply = self.send(now, request).await;
            let is_conflict = matches!(reply.1, Ok(LeaseResponse::Conflict));
            self.handle(reply);
            if is_conflict {
                let now = self.leadership.moment();
                let read = self.send(now, LeaseRequest::Read).await;
                self.handle(read);
            }
        }
        if self.elector.hold().is_some() {
            let seconds = self.config.duration.as_secs();
            warn!(
                lease = self.config.name,
                "not released; another may lead once it has ended, after {seconds} s at most"
            );
        }
    }

    fn handle(&mut self, (sent, reply): Reply) {
        let now = Instant::now();
        let (response, error) = match reply {
            Ok(response) => (response, None),
            Err(error) => (LeaseResponse::Failed, Some(error)),
        };
        let is_granted = matches!(response, LeaseResponse::Granted(_));
        self.elector.handle(sent, now, response);
        self.leadership.set_hold(self.elector.hold());
        // That it can be read while it is free does not show that it can be had.
        let can_be_had = is_granted || self.elector.leader(now).is_some();
        if let Some(error) = error {
            self.metrics.lease_failures.inc();
            self.report_failure(error);
        } else {
            if let Some(words) = self.connectivity.borrow_mut().record_success(self.leadership.moment().wall) {
                info!("{words}");
            }
            if can_be_had {
                self.report_recovery();
            }
        }
        self.tell_who_leads(now);
    }

    /// A request has failed. What somebody has to see to is said once a minute for as long as it does; that nobody
    /// answers is told of all requests together.
    fn report_failure(&mut self, error: ElectionError) {
        if !error.is_lasting() {
            debug!("{error}");
            let lost =
                self.connectivity.borrow_mut().record_failure(self.leadership.moment().wall, None, &error.to_string());
            if let Some(words) = lost {
                warn!("{words}");
            }
            return;
        }
        let now = Instant::now();
        let is_said = |(said, at): &(ElectionError, Instant)| *said == error && now < *at + SAID_AGAIN;
        if self.last_error.as_ref().is_some_and(is_said) {
            debug!("{error}");
            return;
        }
        warn!("{error}");
        self.health.set_unmet(Prerequisite::Election, Some(error.to_string()));
        self.last_error = Some((error, now));
    }

    /// Requests succeed again.
    fn report_recovery(&mut self) {
        if self.last_error.take().is_some() {
            info!(lease = self.config.name, "nothing stands in the way of the election any more");
            self.health.set_unmet(Prerequisite::Election, None);
        }
    }

    fn tell_who_leads(&mut self, now: Instant) {
        let leader = self.elector.leader(now);
        if self.last_reported.as_deref() != leader {
            if let Some(leader) = leader {
                info!(lease = self.config.name, leader, "another leads; standing by");
            }
            self.last_reported = leader.map(ToOwned::to_owned);
        }
    }

    /// A request on its way.
    fn send(&self, now: Moment, request: LeaseRequest) -> LocalBoxFuture<'static, Reply> {
        let (api, config) = (self.api.clone(), self.config.clone());
        let sent = async move {
            let (name, parameters) = (config.name.as_str(), server::as_weir());
            let carried_out = async {
                match &request {
                    LeaseRequest::Read => api.get(name).await.map(|lease| LeaseResponse::Found(Some(lease))),
                    LeaseRequest::Create(lease) => api.create(&parameters, lease).await.map(LeaseResponse::Granted),
                    LeaseRequest::Replace(lease) => {
                        api.replace(name, &parameters, lease).await.map(LeaseResponse::Granted)
                    }
                }
            };
            let reply = match timeout(config.request_timeout(), carried_out).await {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(error)) => error::classify(error, &request, &config),
                Err(_) => Err(ElectionError::timed_out(&request, &config, config.request_timeout())),
            };
            (now, reply)
        };
        sent.boxed_local()
    }
}
