//! A small API server, as much of one as the loop needs to be tested: versions, conflicts, watches, and faults that
//! a test puts in its way. It logs every request.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::stream::{self, BoxStream, StreamExt};
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use kube::client::Body;
use serde_json::{Value, json};

type Chunks = StreamBody<BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

/// The server. Clones are the same server.
#[derive(Clone, Default)]
pub struct Fake {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    version: u64,
    /// By plural and name; all are in one namespace.
    objects: BTreeMap<(String, String), Value>,
    watches: Vec<Watch>,
    log: Vec<String>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    /// With which code every request is refused.
    refusing: Option<u16>,
    /// By which names writes are told in `managedFields`.
    writers: BTreeSet<String>,
    events: Vec<Value>,
}

struct Watch {
    plural: String,
    selector: String,
    lines: mpsc::UnboundedSender<Bytes>,
}

/// What goes wrong with the next request of a kind.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is refused with a code.
    Refuse(u16),
    /// It takes a while.
    Delay(Duration),
    /// It is answered as if it had been done, but the status is not kept.
    Forget,
}

impl Fake {
    /// A client of this server.
    pub fn client(&self) -> kube::Client {
        let fake = self.clone();
        kube::Client::new(tower::service_fn(move |request| fake.clone().serve(request)), "shop")
    }

    /// Puts a fault in the way of the next request that is logged with the given text.
    pub fn fault(&self, request: &str, fault: Fault) {
        self.state().faults.entry(request.to_owned()).or_default().push_back(fault);
    }

    /// From now on every request is refused with a code, and watches break off; or no longer.
    pub fn refuse_all(&self, code: Option<u16>) {
        let mut state = self.state();
        state.refusing = code;
        state.watches.clear();
    }

    /// By which names writes are told in `managedFields`.
    pub fn writers(&self) -> BTreeSet<String> {
        self.state().writers.clone()
    }

    /// A user applies a spec.
    pub fn apply(&self, plural: &str, name: &str, spec: Value) {
        let mut state = self.state();
        let old = state.objects.get(&(plural.to_owned(), name.to_owned())).cloned();
        let mut object = old.unwrap_or_else(|| {
            json!({
                "metadata": {
                    "namespace": "shop", "name": name, "uid": format!("uid-{name}"), "generation": 0,
                    "creationTimestamp": "2026-11-21T10:00:00Z",
                },
            })
        });
        object["spec"] = spec;
        object["metadata"]["generation"] = json!(object["metadata"]["generation"].as_i64().unwrap() + 1);
        state.store(plural, name, object);
    }

    /// Changes an object as somebody else would.
    pub fn edit(&self, plural: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        let mut object = state.objects[&(plural.to_owned(), name.to_owned())].clone();
        change(&mut object);
        state.store(plural, name, object);
    }

    /// An object is gone at once.
    pub fn remove(&self, plural: &str, name: &str) {
        self.state().objects.remove(&(plural.to_owned(), name.to_owned()));
    }

    /// A user deletes an object: it goes once nothing holds it.
    pub fn delete(&self, plural: &str, name: &str) {
        self.edit(plural, name, |object| object["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:30:00Z"));
    }

    /// An object as it is.
    pub fn object(&self, plural: &str, name: &str) -> Option<Value> {
        self.state().objects.get(&(plural.to_owned(), name.to_owned())).cloned()
    }

    /// The published events.
    pub fn events(&self) -> Vec<Value> {
        self.state().events.clone()
    }

    /// Every request but watches, which time out and begin again, and those of the election.
    pub fn log(&self) -> Vec<String> {
        let is_of_work = |line: &&String| !line.starts_with("WATCH") && !line.contains(" leases");
        self.state().log.iter().filter(is_of_work).cloned().collect()
    }

    /// The requests of the election.
    pub fn election(&self) -> Vec<String> {
        self.state().log.iter().filter(|line| line.contains(" leases")).cloned().collect()
    }

    /// How often a request was made.
    pub fn count(&self, request: &str) -> usize {
        self.state().log.iter().filter(|line| *line == request).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn serve(self, request: Request<Body>) -> Result<Response<Chunks>, Infallible> {
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let is_watch = query.contains("watch=true");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let parts: Vec<&str> = match path.as_str() {
            "/api/v1/namespaces" => vec!["namespaces"],
            "/api/v1/namespaces/shop" => vec!["namespaces", "shop"],
            _ => path.split('/').skip(4).filter(|part| !["namespaces", "shop", "default"].contains(part)).collect(),
        };
        let verb = if is_watch { "WATCH" } else { method.as_str() };
        let line = format!("{verb} {}", parts.join("/"));
        let fault = {
            let mut state = self.state();
            state.log.push(line.clone());
            if method != Method::GET {
                let manager = query.split('&').find_map(|parameter| parameter.strip_prefix("fieldManager="));
                state.writers.insert(manager.unwrap_or("unknown").to_owned());
            }
            let refusing = state.refusing.map(Fault::Refuse);
            refusing.or_else(|| state.faults.get_mut(&line).and_then(VecDeque::pop_front))
        };
        match fault {
            Some(Fault::Refuse(code)) => return Ok(refusal(code)),
            Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
            Some(Fault::Forget) | None => {}
        }
        let forget = matches!(fault, Some(Fault::Forget));
        Ok(self.state().answer(&method, &parts, &query, body, forget))
    }
}

impl State {
    fn answer(&mut self, method: &Method, parts: &[&str], query: &str, body: Value, forget: bool) -> Response<Chunks> {
        let plural = parts[0];
        let selector = selector(query);
        let Some(name) = parts.get(1) else {
            return match *method {
                Method::POST if plural == "leases" => {
                    let name = body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                    if self.objects.contains_key(&(plural.to_owned(), name.clone())) {
                        return refusal(409);
                    }
                    let stored = self.store(plural, &name, body);
                    whole(StatusCode::CREATED, &stored)
                }
                Method::POST => {
                    self.events.push(body.clone());
                    whole(StatusCode::CREATED, &body)
                }
                _ if query.contains("watch=true") => self.watch(plural, selector, query),
                _ => self.list(plural, &selector),
            };
        };
        let Some(old) = self.objects.get(&(plural.to_owned(), (*name).to_owned())).cloned() else {
            return refusal(404);
        };
        let mut new = old.clone();
        match *method {
            Method::GET => return whole(StatusCode::OK, &old),
            _ if body["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"] => return refusal(409),
            _ if forget => return whole(StatusCode::OK, &old),
            Method::PUT if parts.get(2) == Some(&"status") => new["status"] = body["status"].clone(),
            Method::PUT if plural == "leases" => new["spec"] = body["spec"].clone(),
            Method::PATCH => new["metadata"]["finalizers"] = body["metadata"]["finalizers"].clone(),
            _ => return refusal(405),
        }
        let stored = self.store(plural, name, new);
        whole(StatusCode::OK, &stored)
    }

    /// Gives an object its version, keeps it, and tells the watches.
    fn store(&mut self, plural: &str, name: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let key = (plural.to_owned(), name.to_owned());
        let metadata = &object["metadata"];
        let held = metadata["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty());
        let is_gone = metadata["deletionTimestamp"].is_string() && !held;
        let before = if is_gone { self.objects.remove(&key) } else { self.objects.insert(key, object.clone()) };
        self.watches.retain(|watch| {
            let is_seen = |object: &Value| selects(&watch.selector, object);
            let kind = match (before.as_ref().is_some_and(is_seen), !is_gone && is_seen(&object)) {
                _ if watch.plural != plural => return true,
                (false, false) => return true,
                (false, true) => "ADDED",
                (true, true) => "MODIFIED",
                (true, false) => "DELETED",
            };
            let line = format!("{}\n", json!({"type": kind, "object": object}));
            watch.lines.unbounded_send(line.into()).is_ok()
        });
        object
    }

    fn list(&self, plural: &str, selector: &str) -> Response<Chunks> {
        let of_kind = self.objects.iter().filter(|((kept, _), _)| kept == plural).map(|(_, object)| object);
        let items: Vec<&Value> = of_kind.filter(|object| selects(selector, object)).collect();
        whole(
            StatusCode::OK,
            &json!({
                "apiVersion": "weir.dev/v1alpha1", "kind": "List",
                "metadata": {"resourceVersion": self.version.to_string()}, "items": items,
            }),
        )
    }

    /// A watch, which begins with what has changed since the version that it knows.
    fn watch(&mut self, plural: &str, selector: String, query: &str) -> Response<Chunks> {
        let (lines, receiver) = mpsc::unbounded();
        let known = query.split('&').find_map(|parameter| parameter.strip_prefix("resourceVersion="));
        let known: u64 = known.and_then(|known| known.parse().ok()).unwrap_or(u64::MAX);
        let version =
            |object: &Value| object["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse::<u64>().ok());
        let of_kind = self.objects.iter().filter(|((kept, _), _)| kept == plural).map(|(_, object)| object);
        for object in of_kind.filter(|object| selects(&selector, object) && version(object) > Some(known)) {
            let line = format!("{}\n", json!({"type": "MODIFIED", "object": object}));
            lines.unbounded_send(line.into()).unwrap();
        }
        self.watches.push(Watch { plural: plural.to_owned(), selector, lines });
        respond(StatusCode::OK, receiver.boxed())
    }
}

/// The label selector of a request.
fn selector(query: &str) -> String {
    let parameter = query.split('&').find_map(|parameter| parameter.strip_prefix("labelSelector="));
    parameter.unwrap_or_default().replace("%2F", "/").replace("%3D", "=").replace("%21", "!")
}

/// Whether a selector of the two forms that the loop uses chooses an object.
fn selects(selector: &str, object: &Value) -> bool {
    let labels = &object["metadata"]["labels"];
    match (selector.strip_prefix('!'), selector.split_once('=')) {
        (Some(absent), _) => labels[absent].is_null(),
        (None, Some((label, value))) => labels[label] == value,
        (None, None) => true,
    }
}

fn refusal(code: u16) -> Response<Chunks> {
    let status = StatusCode::from_u16(code).unwrap();
    whole(
        status,
        &json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "as told", "code": code}),
    )
}

fn whole(status: StatusCode, value: &Value) -> Response<Chunks> {
    respond(status, stream::iter([Bytes::from(value.to_string())]).boxed())
}

fn respond(status: StatusCode, chunks: BoxStream<'static, Bytes>) -> Response<Chunks> {
    let body = StreamBody::new(chunks.map(|chunk| Ok(Frame::data(chunk))).boxed());
    Response::builder().status(status).body(body).unwrap()
}
