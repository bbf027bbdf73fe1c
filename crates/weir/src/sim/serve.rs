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
use weir_lab::control::Control;

/// The largest request: more than AWS or etcd take.
const LARGEST: usize = 4 << 20;

/// Serves an AWS; where it can be reached.
pub(super) async fn aws(control: &Arc<Control>) -> io::Result<SocketAddr> {
    let control = Arc::clone(control);
    serve(whole(move |request| {
        let control = Arc::clone(&control);
        async move { control.ask_aws(request).await.map_or_else(broken, |answer| answer.map(Body::from)) }
    }))
    .await
}

/// Serves a Kubernetes API; where it can be reached.
pub(super) async fn kube(control: &Arc<Control>) -> io::Result<SocketAddr> {
    let control = Arc::clone(control);
    serve(whole(move |request| {
        let control = Arc::clone(&control);
        async move { control.ask_kube(request).await.map_or_else(broken, |answer| answer.map(Body::new)) }
    }))
    .await
}

/// An answer in the middle of which the connection breaks.
fn broken() -> Response {
    let end = futures::stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
    Response::new(Body::from_stream(end))
}

/// Answers requests that are there as a whole.
fn whole<R>(answer: impl Fn(Request<Bytes>) -> R + Clone + Send + Sync + 'static) -> Router
where
    R: Future<Output = Response> + Send,
{
    Router::new().fallback(move |request: Request| {
        let answer = answer.clone();
        async move {
            let (parts, body) = request.into_parts();
            match to_bytes(body, LARGEST).await {
                Ok(body) => answer(Request::from_parts(parts, body)).await,
                Err(error) => too_large(&error),
            }
        }
    })
}

/// Serves on a free port of loopback.
pub(super) async fn serve(router: Router) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

fn too_large(error: &axum::Error) -> Response {
    (StatusCode::PAYLOAD_TOO_LARGE, format!("the body could not be read, or has more than {LARGEST} bytes: {error}\n"))
        .into_response()
}
