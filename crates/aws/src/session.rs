//! One assumed role: its credentials, got from STS when first needed and renewed before they end.
//!
//! Invariants: one request to STS at a time; while the credentials are good nobody waits for a renewal that fails; a
//! failure is remembered for some seconds, so that a role that cannot be assumed is no storm of calls; credentials
//! that AWS no longer takes are got afresh.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_sts::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::{Client, Config};
use aws_types::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use weir_engine::fact::{AwsError, ErrorKind};

use crate::accounts::{SharedClock, SharedMeter};
use crate::errors::{Effect, explain, nonsense};
use crate::meter::{Attempts, Call};

/// The service's name in metrics.
const SERVICE: &str = "sts";
/// The one operation.
const OPERATION: &str = "AssumeRole";
/// How long before their end credentials are renewed. They last for an hour, which is STS's default.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// How long before their end credentials are no longer used: a request under way must still be served.
const LAST: SignedDuration = SignedDuration::from_secs(10);
/// How long a failure stands before STS is asked again.
const FAILED: SignedDuration = SignedDuration::from_secs(10);
/// How old credentials are at least that AWS's refusals make doubtful: what is not allowed at all is no reason to ask
/// STS at each call.
const DOUBTFUL: SignedDuration = SignedDuration::from_secs(30);
/// How often a request is sent at most.
const ATTEMPTS: u32 = 2;
/// How long one may take.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How long all may take together.
const TIME: Duration = Duration::from_secs(4);

/// The parameters of `AssumeRole`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AssumeRoleParams {
    pub(crate) role_arn: String,
    pub(crate) external_id: Option<String>,
    pub(crate) session_name: String,
    /// What it may do at most, whatever the role may.
    pub(crate) policy: String,
}

/// Why there are no credentials of a role.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotAssumed(pub(crate) AwsError);

/// An assumed role.
pub(crate) struct Session {
    client: Client,
    /// Where STS is asked.
    region: String,
    params: AssumeRoleParams,
    clock: SharedClock,
    meter: SharedMeter,
    held: Mutex<Held>,
    /// Held by whoever asks STS.
    asking: tokio::sync::Mutex<()>,
    doubted: AtomicBool,
}

#[derive(Default)]
struct Held {
    current: Option<TimedCredentials>,
    failure: Option<(Timestamp, NotAssumed)>,
}

/// Credentials with the instants of their issue and expiry.
#[derive(Clone)]
struct TimedCredentials {
    credentials: Credentials,
    issued: Timestamp,
    ends: Timestamp,
}

impl Session {
    /// A session that has no credentials yet. STS is asked with the credentials and in the region of the configuration.
    pub(crate) fn new(config: &SdkConfig, params: AssumeRoleParams, clock: SharedClock, meter: SharedMeter) -> Self {
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let timeouts = config.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        let config = Config::from(config)
            .to_builder()
            // The SDK's own token bucket for retries is one for the whole process; ours is this client's alone.
            .retry_partition(RetryPartition::custom("weir-sts").build())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts.operation_attempt_timeout(ATTEMPT).operation_timeout(TIME).build());
        Self {
            client: Client::from_conf(config.build()),
            region,
            params,
            clock,
            meter,
            held: Mutex::default(),
            asking: tokio::sync::Mutex::new(()),
            doubted: AtomicBool::new(false),
        }
    }

    /// AWS did not take the credentials, or what the role may do: the next who needs them gets others, unless these
    /// are new.
    pub(crate) fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
    }

    /// Forgets the credentials and the last failure: the next who needs them asks STS.
    pub(crate) fn begin_anew(&self) {
        *self.held() = Held::default();
        self.doubted.store(false, Ordering::Relaxed);
    }

    /// Credentials that are good now.
    async fn credentials(&self) -> Result<Credentials, NotAssumed> {
        if let Some(known) = self.known() {
            return known;
        }
        let _asking = match (self.asking.try_lock(), self.usable()) {
            (Ok(asking), _) => asking,
            // Somebody else renews them.
            (Err(_), Some(credentials)) => return Ok(credentials),
            (Err(_), None) => self.asking.lock().await,
        };
        if let Some(known) = self.known() {
            return known;
        }
        match self.assume().await {
            Ok(current) => {
                let credentials = current.credentials.clone();
                *self.held() = Held { current: Some(current), failure: None };
                self.doubted.store(false, Ordering::Relaxed);
                Ok(credentials)
            }
            Err(failure) => {
                self.held().failure = Some(((self.clock)(), failure.clone()));
                self.usable().ok_or(failure)
            }
        }
    }

    /// What can be said without asking STS.
    fn known(&self) -> Option<Result<Credentials, NotAssumed>> {
        let now = (self.clock)();
        let doubted = self.doubted.load(Ordering::Relaxed);
        let held = self.held();
        let is_fresh =
            |current: &&TimedCredentials| now < current.ends - AHEAD && !(doubted && now >= current.issued + DOUBTFUL);
        if let Some(current) = held.current.as_ref().filter(is_fresh) {
            return Some(Ok(current.credentials.clone()));
        }
        let (_, failure) = held.failure.clone().filter(|(at, _)| now < *at + FAILED)?;
        drop(held);
        Some(self.usable().ok_or(failure))
    }

    /// Credentials that AWS still takes, as far as is known.
    fn usable(&self) -> Option<Credentials> {
        let now = (self.clock)();
        let held = self.held();
        let current = held.current.as_ref().filter(|current| now < current.ends - LAST)?;
        let passing =
            |(_, NotAssumed(error)): &(_, NotAssumed)| !matches!(error.kind, ErrorKind::Denied | ErrorKind::Expired);
        // AWS refused something, and STS refuses the role: then the role is gone.
        let is_gone = self.doubted.load(Ordering::Relaxed) && held.failure.as_ref().is_some_and(|last| !passing(last));
        (!is_gone).then(|| current.credentials.clone())
    }

    async fn assume(&self) -> Result<TimedCredentials, NotAssumed> {
        let attempts = Attempts::default();
        let issued = (self.clock)();
        let answer = self
            .client
            .assume_role()
            .role_arn(&self.params.role_arn)
            .role_session_name(&self.params.session_name)
            .policy(&self.params.policy)
            .set_external_id(self.params.external_id.clone())
            .customize()
            .interceptor(attempts.clone())
            .send()
            .await;
        let answer =
            answer.map_err(|error| explain(OPERATION, Effect::Read, attempts.count(), Some(&self.region), &error));
        let now = (self.clock)();
        (self.meter)(Call {
            service: SERVICE,
            operation: OPERATION,
            outcome: answer.as_ref().map(|_| ()).map_err(|error| error.kind),
            attempts: attempts.count(),
            spent: None,
            took: issued.duration_until(now),
        });
        let role = &self.params.role_arn;
        let found = answer.and_then(|answer| {
            let found =
                answer.credentials().ok_or_else(|| nonsense(OPERATION, "the answer has no credentials".to_owned()))?;
            let expiration = found.expiration();
            let ends = Timestamp::new(expiration.secs(), 0)
                .map_err(|error| nonsense(OPERATION, format!("the end of the credentials is no instant: {error}")))?;
            let credentials = Credentials::new(
                found.access_key_id(),
                found.secret_access_key(),
                Some(found.session_token().to_owned()),
                Some(SystemTime::from(ends)),
                "an assumed role",
            );
            Ok(TimedCredentials { credentials, issued, ends })
        });
        found.map_err(|error| {
            NotAssumed(AwsError {
                message: format!("the role {role} could not be assumed: {}", error.message),
                ..error
            })
        })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session as the SDK asks it.
#[derive(Clone, Debug)]
pub(crate) struct Provider(pub(crate) Arc<Session>);

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.0.credentials().await.map_err(CredentialsError::provider_error) })
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("params", &self.params).finish_non_exhaustive()
    }
}
