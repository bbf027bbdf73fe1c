//! The simulated Kubernetes API beside the real one: random sequences of requests, told alike to both, must get the
//! same status, the same reason and the same body, but for what differs from run to run (uids, versions, times).
//!
//! The sequence is drawn from a seed, which is printed; `WEIR_DIFFERENTIAL_SEED` replays another one.

mod answer;
mod requests;

use std::env;
use std::sync::Arc;
use std::time::Duration;

use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;
use weir_sim::clock::Clock;
use weir_sim::kube::{Kube, KubeOptions, KubeService};

use crate::conformance::Kubernetes;
use crate::sim::shell::Sim;

use answer::Reply;
use requests::{Request, Sequence};

/// How many requests a sequence has.
const LENGTH: usize = 600;
/// The same over HTTP.
const LENGTH_OVER_HTTP: usize = 200;

#[test]
fn random_requests_get_the_same_answers_as_from_a_real_server() {
    let Some(real) = Kubernetes::open() else { return };
    let simulated = real.ask(async |_| simulated(&real.namespace));
    compare(&real, &simulated, LENGTH);
}

#[test]
fn they_get_them_over_http_too() {
    let Some(real) = Kubernetes::open() else { return };
    let Some(sim) = Sim::start(&[]) else { return };
    sim.run(&format!("kubectl create namespace {}", real.namespace));
    let kubeconfig = Kubeconfig::read_from(sim.kubeconfig()).unwrap();
    let simulated = real.ask(async |_| {
        let config = Config::from_custom_kubeconfig(kubeconfig.clone(), &KubeConfigOptions::default()).await.unwrap();
        Client::try_from(config).unwrap()
    });
    compare(&real, &simulated, LENGTH_OVER_HTTP);
}

/// Sends so many requests to both.
fn compare(real: &Kubernetes, simulated: &Client, length: usize) {
    let seed = env::var("WEIR_DIFFERENTIAL_SEED").map_or(1, |seed| seed.parse().expect("the seed is a number"));
    println!("WEIR_DIFFERENTIAL_SEED={seed}");
    let mut sequence = Sequence::new(seed, &real.namespace);
    let mut differences = Vec::new();
    for number in 1..=length {
        let request = sequence.next();
        let expected = real.ask(async |client| tell(client, &request, &sequence.real).await);
        let found = real.ask(async |_| tell(simulated, &request, &sequence.simulated).await);
        sequence.real.learn(&request, &expected);
        sequence.simulated.learn(&request, &found);
        if found.normal() != expected.normal() {
            let (expected, found) = (expected.normal(), found.normal());
            differences.push(format!("request {number}: {request}\nexpected {expected:#}\nfound {found:#}"));
        }
    }
    assert!(
        differences.is_empty(),
        "seed {seed}: {} of {length} answers differ:\n{}",
        differences.len(),
        differences[..differences.len().min(5)].join("\n")
    );
}

/// A simulated server with Weir's kinds and the namespace.
fn simulated(namespace: &str) -> Client {
    let clock = Clock::starting_at(jiff::Timestamp::constant(1_795_255_200, 0));
    let at_once = Duration::ZERO..=Duration::ZERO;
    let server: Arc<Kube> = Kube::new(clock, 1, KubeOptions { latency: at_once.clone(), watch_delay: at_once });
    for definition in weir_api::crds() {
        server.apply(&serde_json::to_value(definition).unwrap()).unwrap();
    }
    let made = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    server.apply(&made).unwrap();
    Client::new(KubeService::new(server), namespace)
}

/// Sends a request to one of the two, with what that one calls the versions and uids of its objects.
async fn tell(client: &Client, request: &Request, known: &requests::Known) -> Reply {
    let body = request.body(known).map_or_else(Vec::new, |body| body.to_string().into_bytes());
    let sent = http::Request::builder()
        .method(request.method)
        .uri(&request.path)
        .header("content-type", request.media_type)
        .header("accept", "application/json")
        .body(Body::from(body))
        .unwrap();
    let (parts, body) = client.send(sent).await.unwrap().into_parts();
    let bytes = body.collect_bytes().await.unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Reply { code: parts.status.as_u16(), body }
}
