//! The wire of the tests: it captures the form of each request, and answers what a test says, or carries the request to
//! the simulated AWS. Time is tokio's paused clock.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_elasticloadbalancingv2::config::{BehaviorVersion, Region};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use weir_engine::fact::{Action, AwsError, Conditions, Fact, Query, Rule, RulePriority, Tags};
use weir_engine::guard::{Permit, Recorded, guard, marks};
use weir_engine::object::RouteObject;
use weir_engine::reader::{Ask, Facts};
use weir_engine::tick::Urgency;
use weir_engine::write::{ListenerWrite, TagWrite, Write};
use weir_engine::{Arn, Key};
use weir_sim::aws::{Aws, AwsOptions};
use weir_sim::clock::Clock;

use crate::{Accounts, Budget, Call, CallPriority, Family, Inventory, Receipt, Right, Sent};

/// The form of one request.
pub(crate) type Form = BTreeMap<String, String>;

/// What is answered to a request.
pub(crate) enum Reply {
    /// What the simulated AWS answers.
    Of(Arc<Aws>),
    /// A status and a body, after a while.
    Http(u16, String, Duration),
    /// Nothing, ever.
    Silence,
    /// No connection is made.
    Refused,
    /// The connection breaks after the request was sent.
    Broken,
}

/// The answer of an operation: the inside of its result element.
pub(crate) fn result(operation: &str, inside: &str) -> Reply {
    let xml = format!(
        "<{operation}Response xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
         <{operation}Result>{inside}</{operation}Result>\
         <ResponseMetadata><RequestId>5d1a7a4b</RequestId></ResponseMetadata></{operation}Response>"
    );
    Reply::Http(200, xml, Duration::from_millis(10))
}

/// An error as AWS's query services write it.
pub(crate) fn failure(status: u16, code: &str, message: &str) -> Reply {
    let xml = format!(
        "<ErrorResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
         <Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>5d1a7a4b</RequestId></ErrorResponse>"
    );
    Reply::Http(status, xml, Duration::from_millis(10))
}

/// All members of a list parameter, in order.
pub(crate) fn members(form: &Form, list: &str) -> Vec<String> {
    (1..).map_while(|index| form.get(&format!("{list}.member.{index}")).cloned()).collect()
}

/// A simulated AWS on the clock of a bed that begins now, whose calls take ten milliseconds and are not throttled.
pub(crate) fn simulated() -> Arc<Aws> {
    simulated_with(|options| options)
}

/// The same with something else in its options.
pub(crate) fn simulated_with(change: impl FnOnce(AwsOptions) -> AwsOptions) -> Arc<Aws> {
    let latency = Duration::from_millis(10)..=Duration::from_millis(10);
    let options = AwsOptions {
        latency,
        region: REGION.to_owned(),
        rates: None,
        rules_per_balancer: 5_000,
        ..AwsOptions::default()
    };
    Aws::new(Clock::starting_at(epoch()), 1, change(options))
}

/// The right to send what is founded on new readings.
pub(crate) fn in_time() -> Right {
    within(Duration::from_secs(10))
}

/// The same of what may be sent for so long.
pub(crate) fn within(span: Duration) -> Right {
    Right { until: Some(tokio::time::Instant::now() + span), holds: Rc::new(|| true) }
}

/// A world that answers requests, and an inventory that calls it.
pub(crate) struct Bed {
    pub(crate) inventory: Inventory,
    /// What the inventory may spend.
    pub(crate) budget: Budget,
    /// The same world behind accounts.
    pub(crate) accounts: Accounts,
    /// By what any client reaches it.
    pub(crate) config: SdkConfig,
    calls: Arc<Mutex<Vec<Call>>>,
    keys: Arc<Mutex<Vec<String>>>,
    forms: Arc<Mutex<Vec<Form>>>,
    uris: Arc<Mutex<Vec<String>>>,
    start: tokio::time::Instant,
}

impl Bed {
    /// A bed whose world answers by a function of the request's form.
    pub(crate) fn new(answer: impl FnMut(&Form) -> Reply + Send + 'static) -> Self {
        Self::configured(answer, |config| config)
    }

    /// The same with something else in the configuration.
    pub(crate) fn configured(
        answer: impl FnMut(&Form) -> Reply + Send + 'static,
        change: impl FnOnce(aws_types::sdk_config::Builder) -> aws_types::sdk_config::Builder,
    ) -> Self {
        let forms = Arc::new(Mutex::new(Vec::new()));
        let (keys, uris) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let connector = ScriptedConnector {
            answer: Arc::new(Mutex::new(answer)),
            forms: Arc::clone(&forms),
            keys: Arc::clone(&keys),
            uris: Arc::clone(&uris),
        };
        let connector = SharedHttpConnector::new(connector);
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "AKID", "secret", None, None, "test",
            )))
            .sleep_impl(TokioSleep::new())
            .http_client(http_client_fn(move |_, _| connector.clone()));
        let config = change(config).build();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let start = tokio::time::Instant::now();
        let clock = move || epoch() + start.elapsed();
        let hear = || {
            let heard = Arc::clone(&calls);
            move |call| heard.lock().unwrap().push(call)
        };
        let budget = Budget::new();
        let inventory = Inventory::with_budget(&config, budget.clone(), clock, hear()).unwrap();
        let accounts = Accounts::new(&config, "acme/production", clock, hear()).unwrap();
        Self { inventory, budget, accounts, config, calls, keys, forms, uris, start }
    }

    /// The present instant.
    pub(crate) fn now(&self) -> Timestamp {
        epoch() + self.start.elapsed()
    }

    /// An ask for what is not older than now.
    pub(crate) fn ask(&self, query: Query) -> Ask {
        Ask::new(query, self.now())
    }

    /// The answer to a question that must be read now.
    pub(crate) async fn fresh(&self, query: Query) -> Fact {
        self.answer(&self.ask(query)).await.1
    }

    /// The answer to a question of somebody who is in no hurry.
    pub(crate) async fn answer(&self, ask: &Ask) -> (Query, Fact) {
        self.inventory.answer(ask, &routine()).await
    }

    /// The answers to questions of somebody who is in no hurry.
    pub(crate) async fn answer_all(&self, asks: &[Ask]) -> Vec<(Query, Fact)> {
        self.inventory.answer_all(asks, &routine()).await
    }

    /// Carries out a write that nothing holds back.
    pub(crate) async fn perform(&self, permit: Permit) -> Result<Receipt, AwsError> {
        let call_token = self.inventory.acquire(Family::of(permit.write()), 1, &routine()).await;
        let sent = self.inventory.perform(permit, call_token, &routine(), in_time()).await;
        sent.expect("it is time")
    }

    /// Sends a write that nobody has permitted, as nothing holds it back.
    pub(crate) async fn send(&self, write: &Write) -> Result<Receipt, AwsError> {
        self.send_as(write, (Urgency::Routine, 1), in_time()).await.expect("it is time")
    }

    /// The same of somebody with an urgency, and with so many tokens, until an instant.
    pub(crate) async fn send_as(&self, write: &Write, (urgency, fare): (Urgency, u32), right: Right) -> Sent {
        let priority = CallPriority::new(urgency);
        let call_token = self.inventory.acquire(Family::of(write), fare, &priority).await;
        self.inventory.send_without_permit(write, call_token, &priority, right).await
    }

    /// The calls since this was last asked.
    pub(crate) fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    /// The operations called since calls were last asked for.
    pub(crate) fn operations(&self) -> Vec<&'static str> {
        self.calls().into_iter().map(|call| call.operation).collect()
    }

    /// The access keys of the requests sent since this was last asked.
    pub(crate) fn keys(&self) -> Vec<String> {
        std::mem::take(&mut *self.keys.lock().unwrap())
    }

    /// Where the requests went that were sent since this was last asked.
    pub(crate) fn uris(&self) -> Vec<String> {
        std::mem::take(&mut *self.uris.lock().unwrap())
    }

    /// The forms sent since this was last asked.
    pub(crate) fn forms(&self) -> Vec<Form> {
        std::mem::take(&mut *self.forms.lock().unwrap())
    }
}

/// Somebody who is in no hurry.
pub(crate) fn routine() -> CallPriority {
    CallPriority::new(Urgency::Routine)
}

/// The region of each test.
const REGION: &str = "eu-central-1";

/// The instant at which each test begins.
fn epoch() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

struct ScriptedConnector<F> {
    answer: Arc<Mutex<F>>,
    forms: Arc<Mutex<Vec<Form>>>,
    keys: Arc<Mutex<Vec<String>>>,
    uris: Arc<Mutex<Vec<String>>>,
}

impl<F> std::fmt::Debug for ScriptedConnector<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ScriptedConnector")
    }
}

impl<F: FnMut(&Form) -> Reply + Send + 'static> HttpConnector for ScriptedConnector<F> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let form: Form = form_urlencoded::parse(&body).into_owned().collect();
        self.forms.lock().unwrap().push(form.clone());
        self.uris.lock().unwrap().push(request.uri().to_owned());
        let signature = request.headers().get("authorization").unwrap_or_default();
        let key = signature.split_once("Credential=").and_then(|(_, rest)| rest.split('/').next());
        self.keys.lock().unwrap().push(key.unwrap_or_default().to_owned());
        let answer = (self.answer.lock().unwrap())(&form);
        HttpConnectorFuture::new(async move {
            match answer {
                Reply::Of(aws) => {
                    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
                    let answer = aws.handle(request.map(|_| Bytes::from(body))).await.map(SdkBody::from);
                    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
                }
                Reply::Http(status, body, delay) => {
                    tokio::time::sleep(delay).await;
                    let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
                    response.headers_mut().insert("x-amzn-requestid", "5d1a7a4b");
                    Ok(response)
                }
                Reply::Silence => std::future::pending().await,
                Reply::Refused => Err(ConnectorError::io(io::Error::from(io::ErrorKind::ConnectionRefused).into())),
                Reply::Broken => Err(ConnectorError::io(io::Error::from(io::ErrorKind::ConnectionReset).into())),
            }
        })
    }
}

/// A permit for a write that moves no traffic or is the first on its route, from a guard that has seen what it needs.
pub(crate) fn permit(write: Write) -> Permit {
    let route = route_of(&write);
    let recorded = Recorded { owner: "test", route: &route, shift: None };
    let marked: Tags = marks(&recorded).into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let (place, at) = (write.resources().next().unwrap().clone(), epoch());
    let live = |priority, actions: &[Action]| {
        vec![Rule { arn: write.target().clone(), priority, conditions: Conditions::new(), actions: actions.to_vec() }]
    };
    let rules = match &write {
        Write::Listener(ListenerWrite::SetRuleActions { actions, .. }) => live(RulePriority::At(1), actions),
        Write::Listener(ListenerWrite::SetDefaultActions { actions, .. }) => live(RulePriority::Default, actions),
        Write::Listener(ListenerWrite::DeleteRule { .. }) => live(RulePriority::At(1), &[]),
        Write::Listener(ListenerWrite::CreateRule { .. }) | Write::Records(_) | Write::Tags(_) => Vec::new(),
    };
    let mut facts = Facts::default();
    facts.add(Query::Rules(place), Fact::new(at, Ok(rules)));
    facts.add(Query::Tags(write.target().clone()), Fact::new(at, Ok(marked.clone())));
    let write = match write {
        Write::Listener(ListenerWrite::CreateRule { listener, priority, conditions, forward, tags }) => {
            let tags = tags.into_iter().chain(marked).collect();
            Write::Listener(ListenerWrite::CreateRule { listener, priority, conditions, forward, tags })
        }
        write => write,
    };
    guard((at, at), &write, Some(recorded), &facts).unwrap()
}

/// A route on whose record just this write is. Its environments are called after their groups.
fn route_of(write: &Write) -> RouteObject {
    let groups = write.forward().into_iter().flat_map(|forward| &forward.groups);
    let (weights, members): (Vec<Value>, Vec<Value>) = groups
        .map(|(arn, weight)| {
            let environment = arn.as_str();
            (
                json!({"environment": environment, "weight": weight}),
                json!({"environment": environment, "targetGroups": [environment]}),
            )
        })
        .unzip();
    let (priority, values): (_, BTreeMap<&str, &[_]>) = match write {
        Write::Listener(ListenerWrite::CreateRule { priority, conditions, .. }) => {
            (Some(priority), conditions.iter().map(|(field, values)| (field.as_str(), values.as_slice())).collect())
        }
        _ => (None, BTreeMap::new()),
    };
    let gives_up =
        matches!(write, Write::Tags(TagWrite::Remove { .. }) | Write::Listener(ListenerWrite::DeleteRule { .. }));
    let intent = json!({"since": epoch(), "weights": weights, "members": members, "correction": {"since": epoch()}});
    let mut entry = json!({"entryPoint": {"name": "public"}, "listener": "https"});
    if !values.is_empty() {
        entry["match"] = json!({"hosts": values["host-header"], "paths": values["path-pattern"]});
    }
    let spec = json!({"listener": entry, "backends": [], "adopt": true, "deletionPolicy": "Delete"});
    let rule = json!({"listener": write.resources().next().unwrap().as_str(), "arn": write.target().as_str(), "priority": priority});
    let status = json!({"listenerRule": rule, "intent": intent});
    RouteObject {
        key: Key::new("shop", "checkout"),
        uid: "uid".into(),
        generation: 1,
        version: "1".into(),
        created: epoch(),
        deleted: gives_up.then(epoch),
        finalizers: Vec::new(),
        command: None,
        spec: serde_json::from_value(spec).unwrap(),
        status: serde_json::from_value(status).unwrap(),
    }
}

/// An ARN of a thing in the test's account.
pub(crate) fn arn(resource: &str) -> Arn {
    Arn::new(format!("arn:aws:elasticloadbalancing:eu-central-1:123456789012:{resource}"))
}

/// A set of ARNs.
pub(crate) fn arns(resources: &[&str]) -> BTreeSet<Arn> {
    resources.iter().map(|resource| arn(resource)).collect()
}

/// A span of so many seconds.
pub(crate) fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}
