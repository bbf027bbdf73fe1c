//! The wire to Kubernetes: a tower service, as the client takes it, with the simulated API server behind it.

use std::convert::Infallible;
use std::future::{self, Future};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;
use tower::{BoxError, Service};
use weir_sim::clock::Clock;
use weir_sim::kube::{self as sim, Kube};

use crate::journal::{KubeRequest, What};

use super::{Fate, Lifeline};

/// The service of one life.
#[derive(Clone, Debug)]
pub(crate) struct KubeWire {
    kube: Arc<Kube>,
    clock: Clock,
    lifeline: Arc<Lifeline>,
}

impl KubeWire {
    pub fn new(kube: &Arc<Kube>, clock: Clock, lifeline: &Arc<Lifeline>) -> Self {
        Self { kube: Arc::clone(kube), clock, lifeline: Arc::clone(lifeline) }
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
            wire.carry(http::Request::from_parts(parts, body)).await.map_err(|never| match never {})
        })
    }
}

/// An object as it went: nothing held it any more.
fn released(mut object: Value) -> Value {
    object["metadata"]["finalizers"] = Value::Array(Vec::new());
    object
}

impl KubeWire {
    async fn carry(self, request: http::Request<bytes::Bytes>) -> Result<http::Response<sim::Body>, Infallible> {
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let mut noted = KubeRequest {
            method: request.method().to_string(),
            path: path.clone(),
            arrived: false,
            status: None,
            object: None,
        };
        let is_write = noted.is_write();
        let fate = self.lifeline.admit(is_write);
        noted.arrived = fate != Fate::Unsent;
        let number = self.lifeline.journal.add(self.clock.now(), self.lifeline.life, What::Kube(noted));
        if fate == Fate::Unsent {
            return future::pending().await;
        }
        let before = self.kube.version();
        let held = if is_write { self.object(&path) } else { None };
        // The request takes effect here; what comes back is the answer under way.
        let answer = self.kube.handle(request);
        if is_write && self.kube.version() != before {
            let object = self.object(&path).or_else(|| held.map(released));
            self.lifeline.journal.settle_kube(number, |request| request.object = object);
        }
        if fate == Fate::Unanswered {
            return future::pending().await;
        }
        let answer = answer.await;
        let status = answer.status().as_u16();
        self.lifeline.journal.settle_kube(number, |request| request.status = Some(status));
        Ok(answer)
    }

    /// The object of a path such as `/apis/weir.dev/v1alpha1/namespaces/shop/trafficshifts/checkout/status`.
    fn object(&self, path: &str) -> Option<Value> {
        let path = path.split('?').next()?;
        let mut parts = path.split('/').skip_while(|part| *part != "namespaces").skip(1);
        let (namespace, resource, name) = (parts.next()?, parts.next()?, parts.next()?);
        self.kube.get(resource, namespace, name)
    }
}
