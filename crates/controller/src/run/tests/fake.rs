//! A small API server, as much of one as the loop needs to be tested: versions, conflicts, watches, and faults that
//! a test puts in its way. It logs every request.

use std::collections::{BTreeMap, VecDeque};
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
    watches: Vec<(String, mpsc::UnboundedSender<Bytes>)>,
    log: Vec<String>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    events: Vec<Value>,
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
        let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let parts: Vec<&str> = match path.as_str() {
            "/api/v1/namespaces" => vec!["namespaces"],
            _ => path.split('/').skip(4).filter(|part| !["namespaces", "shop", "default"].contains(part)).collect(),
        };
        let verb = if is_watch { "WATCH" } else { method.as_str() };
        let line = format!("{verb} {}", parts.join("/"));
        let fault = {
            let mut state = self.state();
            state.log.push(line.clone());
            state.faults.get_mut(&line).and_then(VecDeque::pop_front)
        };
        match fault {
            Some(Fault::Refuse(code)) => return Ok(refusal(code)),
            Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
            Some(Fault::Forget) | None => {}
        }
        let forget = matches!(fault, Some(Fault::Forget));
        Ok(self.state().answer(&method, &parts, is_watch, body, forget))
    }
}

impl State {
    fn answer(
        &mut self,
        method: &Method,
        parts: &[&str],
        is_watch: bool,
        body: Value,
        forget: bool,
    ) -> Response<Chunks> {
        let plural = parts[0];
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
                _ if is_watch => self.watch(plural),
                _ => self.list(plural),
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
        let is_new = !self.objects.contains_key(&key);
        if is_gone {
            self.objects.remove(&key);
        } else {
            self.objects.insert(key, object.clone());
        }
        let kind = if is_gone {
            "DELETED"
        } else if is_new {
            "ADDED"
        } else {
            "MODIFIED"
        };
        let line = Bytes::from(format!("{}\n", json!({"type": kind, "object": object})));
        self.watches.retain(|(watched, watch)| watched != plural || watch.unbounded_send(line.clone()).is_ok());
        object
    }

    fn list(&self, plural: &str) -> Response<Chunks> {
        let items: Vec<&Value> = self.objects.iter().filter(|((kept, _), _)| kept == plural).map(|(_, v)| v).collect();
        whole(
            StatusCode::OK,
            &json!({
                "apiVersion": "weir.dev/v1alpha1", "kind": "List",
                "metadata": {"resourceVersion": self.version.to_string()}, "items": items,
            }),
        )
    }

    fn watch(&mut self, plural: &str) -> Response<Chunks> {
        let (sender, receiver) = mpsc::unbounded();
        self.watches.push((plural.to_owned(), sender));
        respond(StatusCode::OK, receiver.boxed())
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
