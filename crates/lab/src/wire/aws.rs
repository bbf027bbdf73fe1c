//! The wire to AWS: the SDK's own HTTP connector, with the simulated AWS behind it.

use std::future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::region::Region;
use bytes::Bytes;
use weir_sim::aws::{Aws, Refusal, Sent};
use weir_sim::clock::Clock;

use crate::bug;
use crate::journal::{AwsRequest, What};

use super::{Fate, Mischief, ProcessControl, Side, Sort};

/// By which the world tells the controllers' calls from those of others.
pub(crate) const ACCESS_KEY: &str = "AKIAWEIRLAB";

/// How long AWS takes to refuse a call.
const REFUSAL_TIME: Duration = Duration::from_millis(20);

/// The configuration of the SDK of one process: the simulated AWS behind it, and the world's clock.
pub(crate) fn sdk_config(aws: &Arc<Aws>, clock: Clock, process_control: &Arc<ProcessControl>) -> SdkConfig {
    let wire = SharedHttpConnector::new(AwsWire::new(aws, clock, process_control));
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(aws.region()))
        .credentials_provider(SharedCredentialsProvider::new(credentials(ACCESS_KEY)))
        .http_client(http_client_fn(move |_, _| wire.clone()))
        .time_source(WorldTime(clock))
        .sleep_impl(TokioSleep::new())
        .build()
}

/// The same of a person, whose rights are not those of the controllers.
pub(crate) fn persons_config(aws: &Arc<Aws>, clock: Clock, process_control: &Arc<ProcessControl>) -> SdkConfig {
    let config = sdk_config(aws, clock, process_control).to_builder();
    config.credentials_provider(SharedCredentialsProvider::new(credentials("AKIAPERSON"))).build()
}

/// Any secret will do: the simulated AWS looks at the form of a signature only.
fn credentials(access_key: &str) -> Credentials {
    Credentials::new(access_key, "secret", None, None, "the lab")
}

/// The world's clock as the SDK reads it.
#[derive(Debug)]
struct WorldTime(Clock);

impl TimeSource for WorldTime {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}

/// The connector.
#[derive(Clone, Debug)]
pub(crate) struct AwsWire {
    aws: Arc<Aws>,
    clock: Clock,
    process_control: Arc<ProcessControl>,
}

impl HttpConnector for AwsWire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let wire = self.clone();
        HttpConnectorFuture::new(async move { wire.carry(request).await })
    }
}

impl AwsWire {
    pub fn new(aws: &Arc<Aws>, clock: Clock, process_control: &Arc<ProcessControl>) -> Self {
        Self { aws: Arc::clone(aws), clock, process_control: Arc::clone(process_control) }
    }

    async fn carry(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
        let request = request.map(|body| body.bytes().map(Bytes::copy_from_slice).unwrap_or_default());
        let answer = self.send(request).await?;
        HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| ConnectorError::other(error.into(), None))
    }

    /// Sends a request, with whatever befalls it.
    pub async fn send(self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ConnectorError> {
        let issued = self.clock.now();
        let request = bug::tamper_request(request);
        let (sent, region) = (Sent::read(&request), region_of(&request));
        let (operation, is_write) = (sent.operation.clone(), sent.is_write);
        let body = request.body().clone();
        let mut noted = AwsRequest { issued, sent, body, arrived: false, status: None, request_id: None };
        let sort = if is_write { Sort::AwsWrite } else { Sort::AwsRead };
        let question = (!is_write).then(|| String::from_utf8_lossy(request.body()).into_owned());
        let network = &self.process_control.network;
        let (request_number, mut fate) = network.before(&self.process_control, sort, &operation).await;
        let mischief = network.befalls(&operation, &region, is_write).filter(|_| fate == Fate::Passes);
        if let Some(Mischief::Lost(side)) = mischief {
            fate = if side == Side::Before { Fate::Unsent } else { Fate::Unanswered };
        }
        let refusal = mischief.and_then(refusal).map(|refusal| Aws::refuse(&request, refusal));
        let is_refused = mischief == Some(Mischief::Refused);
        noted.arrived = fate != Fate::Unsent && refusal.is_none() && !is_refused;
        noted.status = refusal.as_ref().map(|refusal| refusal.status().as_u16());
        self.send_besides(&noted, &request);
        let again = (is_write && bug::retries() > 0).then(|| (noted.clone(), request.clone()));
        let number = self.process_control.journal.add(self.clock.now(), self.process_control.process, What::Aws(noted));
        if fate == Fate::Unsent {
            return future::pending().await;
        }
        if is_refused {
            tokio::time::sleep(REFUSAL_TIME).await;
            return Err(ConnectorError::io("connection refused".into()));
        }
        if let Some(refusal) = refusal {
            tokio::time::sleep(REFUSAL_TIME).await;
            return Ok(refusal);
        }
        // Nobody may wait for the answer any more; what the world has, it has.
        let aws = Arc::clone(&self.aws);
        let answer = tokio::spawn(async move { aws.handle(request).await });
        if fate == Fate::Unanswered {
            return future::pending().await;
        }
        let answer = answer.await.map_err(|error| ConnectorError::io(error.into()))?;
        let status = answer.status().as_u16();
        if is_write {
            network.written(&operation);
        }
        if let Some((noted, request)) = again.filter(|_| status == 400) {
            self.send_again(noted, request);
        }
        if network.after(&self.process_control, request_number).await == Fate::Unanswered {
            return future::pending().await;
        }
        let id = answer.headers().get("x-amzn-requestid").and_then(|id| id.to_str().ok()).map(str::to_owned);
        self.process_control
            .journal
            .settle_aws(number, |request| (request.status, request.request_id) = (Some(status), id));
        Ok(match question {
            Some(question) => {
                let answer = answer.map(|body| network.tamper(&operation, &question, body));
                if is_of_settings(&operation) { self.recalled(&question, answer) } else { answer }
            }
            None => answer,
        })
    }

    /// Sends what a planted bug sends besides.
    fn send_besides(&self, noted: &AwsRequest, request: &http::Request<Bytes>) {
        let copies = bug::copies(noted.sent.is_write);
        let delay = bug::worker_delay(&noted.sent.operation);
        let delays = (0..copies).map(|_| Duration::ZERO).chain(delay);
        for delay in delays {
            let (wire, noted, request) = (self.clone(), noted.clone(), request.clone());
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                wire.process_control.journal.add(wire.clock.now(), wire.process_control.process, What::Aws(noted));
                wire.aws.handle(request).await
            });
        }
    }

    /// Sends a write that was refused again each second.
    fn send_again(&self, noted: AwsRequest, request: http::Request<Bytes>) {
        let wire = self.clone();
        let times = bug::retries();
        tokio::spawn(async move {
            for _ in 0..times {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let noted = AwsRequest { status: Some(400), ..noted.clone() };
                wire.process_control.journal.add(wire.clock.now(), wire.process_control.process, What::Aws(noted));
                if wire.aws.handle(request.clone()).await.status().is_success() {
                    return;
                }
            }
        });
    }

    /// The answer that is given instead of the true one, where reads are stale.
    fn recalled(&self, question: &str, answer: http::Response<Bytes>) -> http::Response<Bytes> {
        let (mut parts, body) = answer.into_parts();
        let (status, body) = self.process_control.network.recall(question, (parts.status.as_u16(), body));
        parts.status = http::StatusCode::from_u16(status).unwrap_or(parts.status);
        http::Response::from_parts(parts, body)
    }
}

/// The region that a request is signed for.
fn region_of(request: &http::Request<Bytes>) -> String {
    // AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …
    let signed = request.headers().get("authorization").and_then(|signed| signed.to_str().ok());
    signed.and_then(|signed| signed.split('/').nth(2)).unwrap_or_default().to_owned()
}

/// Whether a read tells of settings, which AWS may show as they were a moment ago.
fn is_of_settings(operation: &str) -> bool {
    matches!(operation, "DescribeRules" | "DescribeListeners" | "DescribeTags")
}

/// What AWS answers to a call that it does not carry out.
fn refusal(mischief: Mischief) -> Option<Refusal> {
    let (status, code, message) = match mischief {
        Mischief::Throttled => (400, "Throttling", "Rate exceeded"),
        Mischief::Expired => (403, "ExpiredToken", "The security token included in the request is expired"),
        Mischief::Failed(status) => (status, "ServiceUnavailable", "the service cannot answer now"),
        Mischief::Lost(_) | Mischief::Refused => return None,
    };
    Some(Refusal { code, message: message.to_owned(), status: http::StatusCode::from_u16(status).ok()? })
}
