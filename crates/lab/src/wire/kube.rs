//! The wire to Kubernetes: a tower service, as the client takes it, with the simulated API server behind it.

use std::future::{self, Future};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};
use tower::{BoxError, Service};
use weir_sim::clock::Clock;
use weir_sim::kube::{self as sim, Kube};

use crate::journal::{KubeRequest, LeaseRequest, What};

use super::{Absence, Fate, ProcessControl, Sort};

/// What the paths of the election have in common.
const LEASES: &str = "/leases";
/// How long it takes to be turned away.
const AWAY_TIME: Duration = Duration::from_millis(2);

/// As whom the controllers come.
const USER: &str = "system:serviceaccount:weir-system:weir";

/// What a request asks for, in the words of roles.
struct Asked {
    verb: &'static str,
    group: String,
    /// With its subresource, such as `trafficshifts/status`.
    resource: String,
}

impl Asked {
    /// Of a path such as `/apis/weir.dev/v1alpha1/namespaces/shop/trafficshifts/checkout/status`.
    fn of(request: &http::Request<bytes::Bytes>) -> Option<Self> {
        let mut path = request.uri().path().split('/').skip(1);
        let group = if path.next()? == "api" { "" } else { path.next()? };
        let mut path = path.skip(1).peekable();
        if path.next_if_eq(&"namespaces").is_some() && path.next().is_some() && path.peek().is_none() {
            return None;
        }
        let (resource, name, subresource) = (path.next()?, path.next(), path.next());
        let is_watch = || request.uri().query().is_some_and(|query| query.contains("watch="));
        let verb = match *request.method() {
            http::Method::GET if is_watch() => "watch",
            http::Method::GET if name.is_none() => "list",
            http::Method::GET => "get",
            http::Method::POST => "create",
            http::Method::PUT => "update",
            http::Method::PATCH => "patch",
            http::Method::DELETE => "delete",
            _ => return None,
        };
        let resource = [Some(resource), subresource].into_iter().flatten().collect::<Vec<_>>().join("/");
        Some(Self { verb, group: group.to_owned(), resource })
    }
}

/// The service of one process.
#[derive(Clone, Debug)]
pub(crate) struct KubeWire {
    kube: Arc<Kube>,
    clock: Clock,
    process_control: Arc<ProcessControl>,
}

impl KubeWire {
    pub fn new(kube: &Arc<Kube>, clock: Clock, process_control: &Arc<ProcessControl>) -> Self {
        Self { kube: Arc::clone(kube), clock, process_control: Arc::clone(process_control) }
    }
}

impl Service<http::Request<Body>> for KubeWire {
    type Response = http::Response<sim::Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let wire = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            wire.carry(http::Request::from_parts(parts, body)).await
        })
    }
}

/// An object as it went: nothing held it any more.
fn released(mut object: Arc<Value>) -> Arc<Value> {
    Arc::make_mut(&mut object)["metadata"]["finalizers"] = Value::Array(Vec::new());
    object
}

/// A method and the end of a path, behind the namespace.
fn name_of(request: &http::Request<bytes::Bytes>) -> String {
    let path = request.uri().path();
    let within = path.split_once("/namespaces/").and_then(|(_, rest)| rest.split_once('/')).map(|(_, end)| end);
    format!("{} {}", request.method(), within.or(path.rsplit('/').next()).unwrap_or(path))
}

impl KubeWire {
    /// Sends a request, with whatever befalls it.
    pub async fn carry(self, request: http::Request<bytes::Bytes>) -> Result<http::Response<sim::Body>, BoxError> {
        if request.uri().path().contains(LEASES) {
            return self.carry_election(request).await;
        }
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let mut noted = KubeRequest {
            issued: self.clock.now(),
            method: request.method().to_string(),
            path: path.clone(),
            arrived: false,
            status: None,
            object: None,
        };
        let is_write = noted.is_write();
        let sort = match *request.method() {
            http::Method::PUT => Sort::KubePut,
            _ if is_write && path.contains("/events") => Sort::KubeEvent,
            _ if is_write => Sort::KubeWrite,
            _ => Sort::KubeRead,
        };
        let network = &self.process_control.network;
        let (request_number, fate) = network.before(&self.process_control, sort, &name_of(&request)).await;
        let away = network.away().filter(|_| self.process_control.process > 0);
        noted.arrived = fate != Fate::Unsent && away.is_none();
        noted.status = away.filter(|(how, _)| *how == Absence::Failing).map(|_| 503);
        let number =
            self.process_control.journal.add(self.clock.now(), self.process_control.process, What::Kube(noted));
        if fate == Fate::Unsent {
            return future::pending().await;
        }
        if let Some((how, until)) = away {
            return self.turned_away(how, until).await;
        }
        if let Some(refusal) = self.refused(&request) {
            self.process_control
                .journal
                .settle_kube(number, |request| request.status = Some(refusal.status().as_u16()));
            return Ok(refusal);
        }
        if sort == Sort::KubePut && network.conflicts() {
            self.touch(&path);
        }
        let before = self.kube.version();
        let held = if is_write { self.object(&path) } else { None };
        // The request takes effect here; what comes back is the answer under way.
        let answer = self.kube.handle(request);
        if is_write && self.kube.version() != before {
            let object = self.object(&path).or_else(|| held.map(released));
            self.process_control.journal.settle_kube(number, |request| request.object = object);
        }
        if fate == Fate::Unanswered {
            return future::pending().await;
        }
        let answer = answer.await;
        if network.after(&self.process_control, request_number).await == Fate::Unanswered {
            return future::pending().await;
        }
        let status = answer.status().as_u16();
        self.process_control.journal.settle_kube(number, |request| request.status = Some(status));
        Ok(answer)
    }

    /// The requests of the election come every other second, whatever is under way. They are no moments at which something
    /// is planned, and no crash is tried at each of them; the network befalls them like any other.
    async fn carry_election(self, request: http::Request<bytes::Bytes>) -> Result<http::Response<sim::Body>, BoxError> {
        let network = &self.process_control.network;
        if self.process_control.admit(Sort::KubeRead) == Fate::Unsent {
            return future::pending().await;
        }
        let claim = (*request.method() != http::Method::GET).then(|| self.note_claim(request.body()));
        if let Some((how, until)) = network.away().filter(|_| self.process_control.process > 0) {
            return self.turned_away(how, until).await;
        }
        if request.method() == http::Method::PUT && network.conflicts_for_the_lease() {
            self.touch(request.uri().path());
        }
        let answer = self.kube.handle(request).await;
        if self.process_control.is_cut() {
            return future::pending().await;
        }
        if let Some(number) = claim {
            self.process_control.journal.settle_lease(number, answer.status().as_u16());
        }
        Ok(answer)
    }

    fn note_claim(&self, body: &[u8]) -> usize {
        let spec = serde_json::from_slice::<Value>(body).unwrap_or_default()["spec"].take();
        let claim = LeaseRequest {
            holder: spec["holderIdentity"].as_str().unwrap_or_default().to_owned(),
            seconds: spec["leaseDurationSeconds"].as_u64().and_then(|seconds| seconds.try_into().ok()).unwrap_or(0),
            status: None,
        };
        self.process_control.journal.add(self.clock.now(), self.process_control.process, What::Lease(claim))
    }

    /// What a request meets while the API server is away.
    async fn turned_away(&self, how: Absence, until: Instant) -> Result<http::Response<sim::Body>, BoxError> {
        match how {
            Absence::Refused => {
                sleep(AWAY_TIME).await;
                Err("connection refused".into())
            }
            Absence::Hanging => {
                sleep_until(until).await;
                Err("connection reset".into())
            }
            Absence::Failing => {
                sleep(AWAY_TIME).await;
                Ok(sim::unavailable())
            }
        }
    }

    /// What is answered to a request that the controller's role does not grant.
    fn refused(&self, request: &http::Request<bytes::Bytes>) -> Option<http::Response<sim::Body>> {
        let asked = Asked::of(request)?;
        let is_refused =
            self.process_control.process > 0 && self.process_control.network.forbids(asked.verb, &asked.resource);
        is_refused.then(|| sim::not_allowed(USER, asked.verb, &asked.group, &asked.resource))
    }

    /// Somebody else changes the object of a path, so that it has another version.
    fn touch(&self, path: &str) {
        let Some([namespace, resource, name]) = parts(path) else { return };
        let touched = json!({"metadata": {"annotations": {"shop.test/touched": self.kube.version().to_string()}}});
        // An object that is gone cannot be changed under the controller.
        let _ = self.kube.merge(resource, namespace, name, &touched);
    }

    /// The object of a path such as `/apis/weir.dev/v1alpha1/namespaces/shop/trafficshifts/checkout/status`.
    fn object(&self, path: &str) -> Option<Arc<Value>> {
        let [namespace, resource, name] = parts(path)?;
        self.kube.get(resource, namespace, name)
    }
}

/// Namespace, resource and name in a path.
fn parts(path: &str) -> Option<[&str; 3]> {
    let path = path.split('?').next()?;
    let mut parts = path.split('/').skip_while(|part| *part != "namespaces").skip(1);
    Some([parts.next()?, parts.next()?, parts.next()?])
}
