//! The server as a tower service, in the form that `kube::Client::new` takes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use tower::Service;

use super::Kube;
use super::body::Body;

/// Hands requests to a [`Kube`].
#[derive(Clone, Debug)]
pub struct KubeService {
    server: Arc<Kube>,
}

impl KubeService {
    /// A connection to `server`.
    pub fn new(server: Arc<Kube>) -> Self {
        Self { server }
    }
}

impl<B> Service<http::Request<B>> for KubeService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    type Response = http::Response<Body>;
    type Error = B::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, B::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), B::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let server = self.server.clone();
        let (parts, body) = request.into_parts();
        let mut collecting = Box::pin(body.collect());
        // A body that is there already is acted on now: who drops the future cannot take the request back.
        let mut context = Context::from_waker(std::task::Waker::noop());
        match collecting.as_mut().poll(&mut context) {
            Poll::Ready(Ok(body)) => {
                let reply = server.handle(http::Request::from_parts(parts, body.to_bytes()));
                Box::pin(async move { Ok(reply.await) })
            }
            Poll::Ready(Err(error)) => Box::pin(async move { Err(error) }),
            Poll::Pending => Box::pin(async move {
                let body = collecting.await?.to_bytes();
                Ok(server.handle(http::Request::from_parts(parts, body)).await)
            }),
        }
    }
}
