//! The simulated Kubernetes API server.
//!
//! It answers in process what kube-apiserver 1.36 would answer over the network: the same paths, verbs, codes and
//! `Status` objects, for a few built-in kinds and for every kind whose `CustomResourceDefinition` was posted to it.
//! A request takes effect when it arrives and is answered a little later, so a caller who stops waiting does not
//! take it back. All state is behind one lock, in order, and told apart only by the seed: equal worlds replay.
//!
//! It has no users and no permissions, no admission webhooks, no server-side apply and no field ownership.

mod answer;
mod body;
mod builtin;
mod cluster;
mod control;
mod definition;
mod delete;
mod discovery;
mod events;
mod failure;
mod field;
mod incoming;
mod kinds;
mod log;
mod merge;
mod metadata;
mod names;
mod protobuf;
mod read;
mod request;
mod schema;
mod selector;
mod service;
mod sweep;
mod table;
mod validate;
mod watch;
mod write;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_TYPE, WARNING};
use serde_json::json;

use crate::clock::Clock;

pub use body::Body;
pub use failure::Failure;
pub use kinds::GroupResource;
pub use log::Request;
pub use service::KubeService;

use answer::Reply;
use cluster::Cluster;
use request::Call;
use watch::Watch;

/// How the server behaves in time.
#[derive(Clone, Debug)]
pub struct KubeOptions {
    /// How long an answer is under way.
    pub latency: RangeInclusive<Duration>,
    /// How long after a change the watches hear of it.
    pub watch_delay: RangeInclusive<Duration>,
}

impl Default for KubeOptions {
    fn default() -> Self {
        let millis = Duration::from_millis;
        Self { latency: millis(1)..=millis(5), watch_delay: millis(1)..=millis(5) }
    }
}

/// A Kubernetes API server with its state.
pub struct Kube {
    cluster: Mutex<Cluster>,
}

impl std::fmt::Debug for Kube {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kube").field("version", &self.version()).finish_non_exhaustive()
    }
}

/// Namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// What a server answers that cannot answer anything.
pub fn unavailable() -> http::Response<Body> {
    refused(&Failure::unavailable())
}

/// What a server answers to a user who has no right to do something with a resource, such as `list` with `trafficshifts` of
/// `weir.dev`.
pub fn not_allowed(user: &str, verb: &str, group: &str, resource: &str) -> http::Response<Body> {
    refused(&Failure::not_allowed(user, verb, group, resource))
}

/// What a server answers that refuses a request with a code and a message, for no reason that has a name.
///
/// # Panics
/// Where there is no such code in HTTP.
pub fn refusal(code: u16, message: &str) -> http::Response<Body> {
    refused(&Failure::new(code, "", message))
}

fn refused(failure: &Failure) -> http::Response<Body> {
    let mut response = http::Response::new(Body::whole(failure.to_status().to_string()));
    *response.status_mut() = http::StatusCode::from_u16(failure.code).expect("every refusal has a valid code");
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

impl Kube {
    /// A server with nothing in it but the namespaces that every cluster has.
    pub fn new(clock: Clock, seed: u64, options: KubeOptions) -> Arc<Self> {
        let mut cluster = Cluster::new(clock, seed, options);
        for kind in builtin::kinds() {
            cluster.kinds.add(kind);
        }
        let server = Self { cluster: Mutex::new(cluster) };
        for name in NAMESPACES {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            let made = server.apply(&namespace);
            debug_assert!(made.is_ok(), "the first namespaces are well formed, but {made:?}");
        }
        Arc::new(server)
    }

    /// Takes a request. It takes effect now; the future is its answer, under way.
    pub fn handle(
        self: &Arc<Self>,
        request: http::Request<Bytes>,
    ) -> impl Future<Output = http::Response<Body>> + Send + 'static {
        let path = request.uri().path().to_owned();
        let call = Call::read(request);
        let (answer, latency) = {
            let mut cluster = self.cluster();
            (answer::answer(&mut cluster, &call, &path), cluster.latency())
        };
        let response = self.respond(answer);
        async move {
            tokio::time::sleep(latency).await;
            response
        }
    }

    fn respond(self: &Arc<Self>, answer: Reply) -> http::Response<Body> {
        let mut response = http::Response::new(Body::whole(""));
        let code = answer.code();
        *response.status_mut() = http::StatusCode::from_u16(code).expect("every answer has a valid code");
        let mut content_type = "application/json";
        match answer {
            Reply::Json { body, warnings, .. } => {
                for warning in warnings {
                    let text = format!("299 - {warning:?}");
                    if let Ok(value) = HeaderValue::from_str(&text) {
                        response.headers_mut().append(WARNING, value);
                    }
                }
                *response.body_mut() = Body::whole(body.to_string());
            }
            Reply::Text { body, .. } => {
                content_type = "text/plain; charset=utf-8";
                *response.body_mut() = Body::whole(body);
            }
            Reply::Watch(plan) => *response.body_mut() = Body::stream(Watch::new(*plan, self.clone())),
        }
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }

    fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
