//! The election: the requests about the Lease, one at a time, beside everything else that the loop does.
//!
//! Who leads is told in [`crate::lease`]; here is only how that is asked and answered.

mod hindrance;

use std::cell::RefCell;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{self, LocalBoxFuture};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::Api;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info, warn};

use crate::contact::Contact;
use crate::duty::Duty;
use crate::health::{Health, Hindering};
use crate::lease::{Answer, Elector, Moment, Request, Terms};
use crate::metrics::Metrics;
use crate::server;

pub use self::hindrance::Hindrance;

/// How often a release is tried: the version that it names may not be the present one.
const RELEASES: usize = 2;

/// How often is said what goes on standing in the way.
const SAID_AGAIN: Duration = Duration::from_mins(1);

/// What came of a request that was sent at a moment.
type Reply = (Moment, Result<Answer, Hindrance>);

/// The election as the loop carries it on.
pub(crate) struct Election<'a> {
    api: Api<Lease>,
    terms: Terms,
    elector: Elector,
    duty: &'a Duty,
    health: &'a Health,
    metrics: &'a Metrics,
    contact: &'a RefCell<Contact>,
    /// The request under way.
    request: Option<LocalBoxFuture<'static, Reply>>,
    /// Who leads, as was last said in the log.
    told: Option<String>,
    /// What stands in the way, and when that was last said in the log.
    hindrance: Option<(Hindrance, Instant)>,
}

impl<'a> Election<'a> {
    /// A candidate. Nothing is asked before it is carried on.
    pub fn new(
        client: kube::Client,
        terms: Terms,
        duty: &'a Duty,
        health: &'a Health,
        metrics: &'a Metrics,
        contact: &'a RefCell<Contact>,
    ) -> Self {
        Self {
            api: Api::namespaced(client, &terms.namespace),
            elector: Elector::new(terms.clone(), Instant::now()),
            terms,
            duty,
            health,
            metrics,
            contact,
            request: None,
            told: None,
            hindrance: None,
        }
    }

    /// Carries the election on until there is something to look at: an answer has come, or the Lease no longer lasts for a
    /// write. Dropping the future loses nothing.
    pub async fn next(&mut self) {
        let lapse = self.duty.lapse();
        let lapsed = async {
            match lapse {
                Some(lapse) => sleep_until(lapse).await,
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
            let now = self.duty.moment();
            self.request = Some(self.send(now, self.elector.next(now)));
        }
        self.settle().await;
    }

    /// Awaits the answer to the request under way.
    pub async fn settle(&mut self) {
        if let Some(request) = &mut self.request {
            let reply = request.await;
            self.request = None;
            self.hear(reply);
        }
    }

    /// Gives the Lease up, if it is ours, so that another leads at once. All that was begun under it must have ended.
    pub async fn release(&mut self) {
        self.settle().await;
        for _ in 0..RELEASES {
            let now = self.duty.moment();
            let Some(request) = self.elector.release(now) else { return };
            let reply = self.send(now, request).await;
            let is_outrun = matches!(reply.1, Ok(Answer::Outrun));
            self.hear(reply);
            if is_outrun {
                let now = self.duty.moment();
                let read = self.send(now, Request::Read).await;
                self.hear(read);
            }
        }
        if self.elector.tenure().is_some() {
            let seconds = self.terms.duration.as_secs();
            warn!(
                lease = self.terms.name,
                "not released; another may lead once it has ended, after {seconds} s at most"
            );
        }
    }

    fn hear(&mut self, (sent, reply): Reply) {
        let now = Instant::now();
        let (answer, hindrance) = match reply {
            Ok(answer) => (answer, None),
            Err(hindrance) => (Answer::Failed, Some(hindrance)),
        };
        let is_granted = matches!(answer, Answer::Granted(_));
        self.elector.hear(sent, now, answer);
        self.duty.set_tenure(self.elector.tenure());
        // That it can be read while it is free does not show that it can be had.
        let can_be_had = is_granted || self.elector.leader(now).is_some();
        if let Some(hindrance) = hindrance {
            self.metrics.lease_failures.inc();
            self.meet(hindrance);
        } else {
            if let Some(words) = self.contact.borrow_mut().made(self.duty.moment().wall) {
                info!("{words}");
            }
            if can_be_had {
                self.go_free();
            }
        }
        self.tell_who_leads(now);
    }

    /// Something stands in the way. What somebody has to see to is said once a minute for as long as it does; that nobody
    /// answers is told of all requests together.
    fn meet(&mut self, hindrance: Hindrance) {
        if !hindrance.is_lasting() {
            debug!("{hindrance}");
            let lost = self.contact.borrow_mut().lost(self.duty.moment().wall, None, &hindrance.to_string());
            if let Some(words) = lost {
                warn!("{words}");
            }
            return;
        }
        let now = Instant::now();
        let is_said = |(said, at): &(Hindrance, Instant)| *said == hindrance && now < *at + SAID_AGAIN;
        if self.hindrance.as_ref().is_some_and(is_said) {
            debug!("{hindrance}");
            return;
        }
        warn!("{hindrance}");
        self.health.set_hindrance(Hindering::Election, Some(hindrance.to_string()));
        self.hindrance = Some((hindrance, now));
    }

    /// Nothing stands in the way.
    fn go_free(&mut self) {
        if self.hindrance.take().is_some() {
            info!(lease = self.terms.name, "nothing stands in the way of the election any more");
            self.health.set_hindrance(Hindering::Election, None);
        }
    }

    fn tell_who_leads(&mut self, now: Instant) {
        let leader = self.elector.leader(now);
        if self.told.as_deref() != leader {
            if let Some(leader) = leader {
                info!(lease = self.terms.name, leader, "another leads; standing by");
            }
            self.told = leader.map(ToOwned::to_owned);
        }
    }

    /// A request on its way.
    fn send(&self, now: Moment, request: Request) -> LocalBoxFuture<'static, Reply> {
        let (api, terms) = (self.api.clone(), self.terms.clone());
        let sent = async move {
            let (name, parameters) = (terms.name.as_str(), server::as_weir());
            let carried_out = async {
                match &request {
                    Request::Read => api.get(name).await.map(|lease| Answer::Found(Some(lease))),
                    Request::Create(lease) => api.create(&parameters, lease).await.map(Answer::Granted),
                    Request::Replace(lease) => api.replace(name, &parameters, lease).await.map(Answer::Granted),
                }
            };
            let reply = match timeout(terms.patience(), carried_out).await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => hindrance::tell(error, &request, &terms),
                Err(_) => Err(Hindrance::slow(&request, &terms, terms.patience())),
            };
            (now, reply)
        };
        sent.boxed_local()
    }
}
