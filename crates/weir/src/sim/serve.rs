//! The faces of the world on free ports of loopback.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
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
    serve(Router::new().fallback(move |request: Request| {
        let aws = Arc::clone(&aws);
        async move {
            let (parts, body) = request.into_parts();
            match to_bytes(body, LARGEST).await {
                Ok(body) => aws.handle(Request::from_parts(parts, body)).await.map(Body::from),
                Err(error) => too_large(&error),
            }
        }
    }))
    .await
}

/// Serves a Kubernetes API; where it can be reached.
pub(super) async fn kube(kube: &Arc<Kube>) -> io::Result<SocketAddr> {
    let kube = Arc::clone(kube);
    serve(Router::new().fallback(move |request: Request| {
        let kube = Arc::clone(&kube);
        async move {
            let (parts, body) = request.into_parts();
            match to_bytes(body, LARGEST).await {
                Ok(body) => kube.handle(Request::from_parts(parts, body)).await.map(Body::new),
                Err(error) => too_large(&error),
            }
        }
    }))
    .await
}

fn too_large(error: &axum::Error) -> Response {
    (StatusCode::PAYLOAD_TOO_LARGE, format!("the body could not be read, or has more than {LARGEST} bytes: {error}\n"))
        .into_response()
}

async fn serve(router: Router) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
