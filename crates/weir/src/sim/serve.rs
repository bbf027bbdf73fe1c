//! The faces of the world on free ports of loopback.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use weir_lab::sim::aws::Aws;
use weir_lab::sim::kube::Kube;

/// The largest request: more than AWS or etcd take.
const LARGEST: usize = 4 << 20;

/// Serves an AWS; where it can be reached.
pub(super) async fn aws(aws: &Arc<Aws>) -> io::Result<SocketAddr> {
    let aws = Arc::clone(aws);
    serve(move |request| {
        let aws = Arc::clone(&aws);
        async move { aws.handle(request).await.map(Body::from) }
    })
    .await
}

/// Serves a Kubernetes API; where it can be reached.
pub(super) async fn kube(kube: &Arc<Kube>) -> io::Result<SocketAddr> {
    let kube = Arc::clone(kube);
    serve(move |request| {
        let kube = Arc::clone(&kube);
        async move { kube.handle(request).await.map(Body::new) }
    })
    .await
}

/// Serves what answers a request that is there as a whole.
async fn serve<R>(answer: impl Fn(Request<Bytes>) -> R + Clone + Send + Sync + 'static) -> io::Result<SocketAddr>
where
    R: Future<Output = Response> + Send,
{
    let router = Router::new().fallback(move |request: Request| {
        let answer = answer.clone();
        async move {
            let (parts, body) = request.into_parts();
            match to_bytes(body, LARGEST).await {
                Ok(body) => answer(Request::from_parts(parts, body)).await,
                Err(error) => too_large(&error),
            }
        }
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

fn too_large(error: &axum::Error) -> Response {
    (StatusCode::PAYLOAD_TOO_LARGE, format!("the body could not be read, or has more than {LARGEST} bytes: {error}\n"))
        .into_response()
}
