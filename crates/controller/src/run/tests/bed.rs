//! The simulated API server, what a test puts in the way of requests to it, and what was asked of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tower::{Service, service_fn};
use weir_sim::clock::Clock;
use weir_sim::kube::{self as sim, Kube, KubeOptions, KubeService};

/// The namespace of the objects.
pub const NAMESPACE: &str = "shop";
pub const SHIFTS: &str = "trafficshifts";

/// The server and the way to it. Clones are the same.
#[derive(Clone)]
pub struct Bed {
    pub kube: Arc<Kube>,
    pub clock: Clock,
    way: Arc<Mutex<Way>>,
}

/// What lies between a client and the server.
#[derive(Default)]
struct Way {
    log: Vec<String>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    /// With which code every request is refused.
    refusing: Option<u16>,
    /// By which names writes are told in `managedFields`.
    writers: BTreeSet<String>,
}

/// What goes wrong with the next request of a kind.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It is refused with a code.
    Refuse(u16),
    /// It takes a while until it arrives.
    Delay(Duration),
}

impl Bed {
    /// A server with the definitions of the kinds and a namespace.
    pub fn new() -> Self {
        let clock = Clock::starting_at("2026-11-21T10:00:00Z".parse().unwrap());
        let kube = Kube::new(clock, 1, KubeOptions::default());
        for definition in weir_api::crds() {
            kube.apply(&serde_json::to_value(definition).unwrap()).unwrap();
        }
        let bed = Self { kube, clock, way: Arc::default() };
        bed.make_namespace();
        bed
    }

    /// The same with the shift `checkout` to an environment.
    pub fn with(to: &str) -> Self {
        let bed = Self::new();
        bed.apply("checkout", to);
        bed
    }

    /// The same where the definition of shifts says something else of a part of them.
    pub fn defining(part: &str, schema: Value) -> Self {
        let (bed, name) = (Self::new(), "trafficshifts.weir.dev");
        let mut versions = bed.kube.get("crd", "", name).unwrap()["spec"]["versions"].clone();
        versions[0]["schema"]["openAPIV3Schema"]["properties"][part] = schema;
        bed.kube.merge("crd", "", name, &json!({"spec": {"versions": versions}})).unwrap();
        bed
    }

    pub fn make_namespace(&self) {
        self.kube.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})).unwrap();
    }

    /// A client of this server.
    pub fn client(&self) -> kube::Client {
        let bed = self.clone();
        kube::Client::new(service_fn(move |request| bed.clone().carry(request)), NAMESPACE)
    }

    /// Puts faults in the way of the next requests that are logged with the given text.
    pub fn faults(&self, request: &str, faults: impl IntoIterator<Item = Fault>) {
        self.way().faults.entry(request.to_owned()).or_default().extend(faults);
    }

    /// From now on every request is refused with a code, and watches break off; or no longer.
    pub fn refuse_all(&self, code: Option<u16>) {
        self.way().refusing = code;
        self.kube.cut_watches();
    }

    /// By which names writes are told in `managedFields`.
    pub fn writers(&self) -> BTreeSet<String> {
        self.way().writers.clone()
    }

    /// A user applies a shift to an environment.
    pub fn apply(&self, name: &str, to: impl Into<Value>) {
        let spec = json!({"routes": ["public"], "to": to.into(), "strategy": {"allAtOnce": {}}});
        let metadata = json!({"namespace": NAMESPACE, "name": name});
        let kind =
            json!({"apiVersion": "weir.dev/v1alpha1", "kind": "TrafficShift", "metadata": metadata, "spec": spec});
        self.kube.apply(&kind).unwrap();
    }

    /// The metadata of the shift `checkout` is changed.
    pub fn edit(&self, metadata: &Value) {
        self.kube.merge(SHIFTS, NAMESPACE, "checkout", &json!({ "metadata": metadata })).unwrap();
    }

    /// A user deletes the shift `checkout`: it goes once nothing holds it.
    pub fn delete(&self) {
        self.kube.delete(SHIFTS, NAMESPACE, "checkout").unwrap();
    }

    /// A shift as it is.
    pub fn shift(&self, name: &str) -> Option<Arc<Value>> {
        self.kube.get(SHIFTS, NAMESPACE, name)
    }

    pub fn phase(&self, name: &str) -> Value {
        self.shift(name).unwrap()["status"]["phase"].clone()
    }

    /// The published events.
    pub fn events(&self) -> Vec<Arc<Value>> {
        self.kube.list("events.events.k8s.io", NAMESPACE)
    }

    /// Every request but watches, which time out and begin again, and those of the election.
    pub fn log(&self) -> Vec<String> {
        let is_of_work = |line: &&String| !line.starts_with("WATCH") && !line.contains(" leases");
        self.way().log.iter().filter(is_of_work).cloned().collect()
    }

    /// The requests of the election.
    pub fn election(&self) -> Vec<String> {
        self.way().log.iter().filter(|line| line.contains(" leases")).cloned().collect()
    }

    /// How often a request was made.
    pub fn count(&self, request: &str) -> usize {
        self.way().log.iter().filter(|line| *line == request).count()
    }

    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap()
    }

    async fn carry(self, request: Request<Body>) -> Result<Response<sim::Body>, kube::Error> {
        let fault = self.way().meets(&request);
        match fault {
            Some(Fault::Refuse(code)) => return Ok(sim::refusal(code, "as told")),
            Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
            None => {}
        }
        KubeService::new(self.kube).call(request).await
    }
}

impl Way {
    /// Logs a request, and says what it meets.
    fn meets(&mut self, request: &Request<Body>) -> Option<Fault> {
        let query = request.uri().query().unwrap_or_default();
        if *request.method() != Method::GET {
            let manager = query.split('&').find_map(|parameter| parameter.strip_prefix("fieldManager="));
            self.writers.insert(manager.unwrap_or("unknown").to_owned());
        }
        let verb = if query.contains("watch=true") { "WATCH" } else { request.method().as_str() };
        let path: Vec<&str> =
            request.uri().path().split('/').skip_while(|part| !part.starts_with('v')).skip(1).collect();
        let resource = match path.as_slice() {
            ["namespaces", _, resource @ ..] if !resource.is_empty() => resource,
            resource => resource,
        };
        let line = format!("{verb} {}", resource.join("/"));
        self.log.push(line.clone());
        self.refusing.map(Fault::Refuse).or_else(|| self.faults.get_mut(&line)?.pop_front())
    }
}
