//! The control face: what may be done to the world, over plain HTTP.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use weir_lab::control::{Control, Met};
use weir_lab::fault::Fault;
use weir_lab::sim::aws::{AppBehaviour, CheckAnswer, HttpRequest};
use weir_lab::sim::traffic::TrafficSettings;

use crate::figures::{tenths, thousands};

/// How often clients are told of.
const BEAT: Duration = Duration::from_secs(1);

const HELP: &str = "\
The control face of weir sim. Bodies are JSON; spans of faults are seconds of the machine's clock.

GET    /faults         the faults that may befall this world, one a line
POST   /faults         one of them befalls it now, for example {\"throttleStorm\":30}
DELETE /faults         all of them end, but for requests that hang, watches that are late, and a Lease that was taken

PUT    /groups/NAME    how the application on a target group's targets behaves:
                       {\"checks\":\"pass\"|\"fail\"|\"silent\",\"errorPermille\":50,\"targets\":1}

PUT    /traffic        clients come: {\"balancer\":\"shop-public\",\"port\":443,\"host\":\"shop.example.com\",\"path\":\"/\",
                       \"requestsPerSecond\":40,\"clients\":1000,\"keepCookiesPermille\":900}
GET    /traffic        what they have met
GET    /traffic/follow the same, a line a second
DELETE /traffic        they go

POST   /clock          the world's clock goes forward, and clients go: {\"forward\":\"10m\"}
";

/// How an application behaves.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct App {
    #[serde(default)]
    checks: Checks,
    #[serde(default)]
    error_permille: Option<u32>,
    #[serde(default)]
    targets: Option<usize>,
}

/// What it says to health checks.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Checks {
    #[default]
    Pass,
    Fail,
    Silent,
}

/// Who sends requests where.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stream {
    balancer: String,
    port: u16,
    #[serde(default = "host")]
    host: String,
    #[serde(default = "path")]
    path: String,
    #[serde(default = "requests")]
    requests_per_second: u32,
    #[serde(default = "clients")]
    clients: u32,
    #[serde(default = "keepers")]
    keep_cookies_permille: u32,
}

fn host() -> String {
    "shop.example.com".to_owned()
}

fn path() -> String {
    "/".to_owned()
}

fn requests() -> u32 {
    40
}

fn clients() -> u32 {
    1_000
}

fn keepers() -> u32 {
    900
}

/// How far the clock goes forward.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Forward {
    forward: weir_api::Duration,
}

/// The most requests a second: what a machine can follow.
const MOST_REQUESTS: u32 = 10_000;
/// The most clients.
const MOST_CLIENTS: u32 = 1_000_000;
/// How far the clock goes forward at once.
const MOST_FORWARD: Duration = Duration::from_hours(24 * 7);

/// Answers whoever controls a world.
pub(super) fn router(control: Arc<Control>, seed: u64) -> Router {
    let send = move |State(control): State<Arc<Control>>, body: Bytes| async move {
        let stream: Stream = read(&body)?;
        let rate = stream.requests_per_second;
        if !(1..=MOST_REQUESTS).contains(&rate) {
            return Err(Refused(format!("requestsPerSecond is {rate}; expected 1 to {MOST_REQUESTS}")));
        }
        if !(1..=MOST_CLIENTS).contains(&stream.clients) || stream.keep_cookies_permille > 1_000 {
            let words = format!("expected clients from 1 to {MOST_CLIENTS} and keepCookiesPermille from 0 to 1000");
            return Err(Refused(words));
        }
        let settings = TrafficSettings {
            request: HttpRequest::get(stream.host.clone(), stream.path),
            requests_per_second: rate,
            clients: stream.clients,
            keep_cookies_permille: stream.keep_cookies_permille,
            ..TrafficSettings::to(stream.balancer, stream.port, stream.host)
        };
        control.send(seed, settings).map_err(Refused)?;
        Ok(done())
    };
    Router::new()
        .route("/", get(async || HELP))
        .route("/faults", get(faults).post(befall).delete(heal))
        .route("/groups/{name}", put(behave))
        .route("/traffic", get(met).put(send).delete(go))
        .route("/traffic/follow", get(follow))
        .route("/clock", post(forward))
        .fallback(async || (StatusCode::NOT_FOUND, format!("there is no such thing here\n\n{HELP}")))
        .with_state(control)
}

async fn faults(State(control): State<Arc<Control>>) -> String {
    let lines: Vec<String> = control.faults().iter().map(|fault| format!("{}  {fault}\n", json!(fault))).collect();
    lines.concat()
}

async fn befall(State(control): State<Arc<Control>>, body: Bytes) -> Result<Response, Refused> {
    let fault: Fault = read(&body)?;
    control.befall(&fault).map_err(Refused)?;
    Ok(format!("{fault}\n").into_response())
}

async fn heal(State(control): State<Arc<Control>>) -> Response {
    control.heal();
    done()
}

async fn behave(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Refused> {
    let App { checks, error_permille, targets } = read(&body)?;
    let (checks, errors) = match checks {
        Checks::Pass => (CheckAnswer::Well, 0),
        Checks::Fail => (CheckAnswer::WithError, 1_000),
        Checks::Silent => (CheckAnswer::NotAtAll, 1_000),
    };
    let error_permille = error_permille.unwrap_or(errors);
    if error_permille > 1_000 {
        return Err(Refused(format!("errorPermille is {error_permille}; expected 0 to 1000")));
    }
    let app = AppBehaviour { checks, error_permille };
    let count = control.set_app(&name, targets.unwrap_or(usize::MAX), app).map_err(Refused)?;
    Ok(format!("{count} targets of {name} changed\n").into_response())
}

async fn met(State(control): State<Arc<Control>>) -> Result<Response, Refused> {
    let Some(Met { by_group, sent, failed, causes }) = control.met() else { return Err(Refused(NOBODY.to_owned())) };
    let told = json!({"lastSecond": by_group, "sent": sent, "failed": failed, "causes": causes});
    Ok(([(CONTENT_TYPE, "application/json")], format!("{told}\n")).into_response())
}

const NOBODY: &str = "no clients are there; PUT /traffic lets them come";

async fn go(State(control): State<Arc<Control>>) -> Response {
    control.send_nothing();
    done()
}

/// A line a second, until the listener goes or the clients do.
async fn follow(State(control): State<Arc<Control>>) -> Response {
    let lines = futures::stream::unfold(control, |control| async move {
        tokio::time::sleep(BEAT).await;
        let line = line(&control.met()?);
        Some((Ok::<_, Infallible>(line), control))
    });
    Body::from_stream(lines).into_response()
}

fn line(met: &Met) -> String {
    let total: u64 = met.by_group.values().sum();
    let share = |(group, count): (&String, &u64)| {
        format!("{group} {} %", tenths((count * 1_000).checked_div(total).unwrap_or(0)))
    };
    let shares: Vec<String> = met.by_group.iter().map(share).collect();
    let shares = if shares.is_empty() { "nobody answers".to_owned() } else { shares.join(", ") };
    format!("{shares}; {} sent, {} failed\n", thousands(met.sent), thousands(met.failed))
}

async fn forward(State(control): State<Arc<Control>>, body: Bytes) -> Result<Response, Refused> {
    let Forward { forward } = read(&body)?;
    let by = Duration::from_secs(forward.as_secs().into());
    if by > MOST_FORWARD || !control.set_forward(by) {
        return Err(Refused(format!(
            "the clock cannot go forward by {forward}; expected 7d at most, and not centuries in all"
        )));
    }
    Ok(done())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused(format!("the body cannot be read: {error}")))
}

/// Why something is not done.
struct Refused(String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, format!("{}\n\n{HELP}", self.0)).into_response()
    }
}

fn done() -> Response {
    "done\n".into_response()
}
