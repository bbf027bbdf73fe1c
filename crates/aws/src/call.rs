//! Sends the requests of a call: each takes a token of the call budget first, reads are sent again where that may help,
//! and the meter is told how it went. The SDK's own retries, which know nothing of the budget, are off.

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::config::http::HttpResponse;
use aws_sdk_elasticloadbalancingv2::error::{ProvideErrorMetadata, SdkError};
use aws_types::SdkConfig;
use jiff::SignedDuration;
use tokio::time::sleep;
use tracing::Instrument;
use weir_engine::fact::{AwsError, ErrorKind};
use weir_engine::tick::Urgency;

use crate::budget::CallToken;
use crate::errors::{Effect, explain, is_busy};
use crate::meter::{Attempts, Call, Clock, Meter, Spent};

/// How often a read is sent at most that fails in passing.
const READ_ATTEMPTS: u32 = 3;
/// How often a read is sent at most when AWS throttles it: the budget slows down meanwhile.
const THROTTLED_ATTEMPTS: u32 = 8;
/// The same for a rollback, which does not slow down: the others keep still for it.
const ROLLBACK_ATTEMPTS: u32 = 50;
/// How long a read waits before it is sent again; each further time twice as long.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// How long it waits at most.
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);
/// How long one request of a read may take.
pub(crate) const READ_TIME: Duration = Duration::from_secs(5);
/// How long a write may take before its outcome counts as unknown.
pub const WRITE_TIME: Duration = Duration::from_secs(5);

/// Calls one service.
pub(crate) struct Caller {
    /// The service's name in metrics.
    service: &'static str,
    /// Where it is called, where it is not the same in all regions.
    region: Option<String>,
    clock: Clock,
    meter: Meter,
}

impl Caller {
    /// Calls in the region of a configuration.
    pub(crate) fn new(service: &'static str, config: &SdkConfig, clock: Clock, meter: Meter) -> Self {
        let region = Some(config.region().map(ToString::to_string).unwrap_or_default());
        Self { service, region, clock, meter }
    }

    /// Calls a service that is the same in all regions.
    pub(crate) fn global(service: &'static str, clock: Clock, meter: Meter) -> Self {
        Self { service, region: None, clock, meter }
    }

    /// Makes one call, and tells the meter how it went.
    pub(crate) async fn call<T, E, Sent>(
        &self,
        operation: &'static str,
        effect: Effect,
        call_token: &mut CallToken,
        send: impl Fn(Attempts) -> Sent,
    ) -> Result<T, AwsError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        Sent: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let attempts = Attempts::default();
        let began = (self.clock)();
        let (mut throttled, mut failed) = (0, 0);
        let span = tracing::debug_span!("aws_call", service = self.service, operation);
        let result = loop {
            call_token.acquire().await;
            let (in_flight, sent) = (call_token.spend(), attempts.count());
            let answer = send(attempts.clone()).instrument(span.clone()).await;
            let is_busy = answer.as_ref().is_err_and(is_busy);
            let region = self.region.as_deref();
            let result = answer.map_err(|error| explain(operation, effect, attempts.count(), region, &error));
            if attempts.count() == sent {
                in_flight.was_not_sent();
            }
            let kind = result.as_ref().err().map(|error| error.kind);
            match kind {
                Some(ErrorKind::Throttled) => {
                    throttled += 1;
                    // What is busy is one resource: that says nothing of how many calls AWS takes.
                    if !is_busy {
                        in_flight.was_throttled();
                    }
                }
                Some(ErrorKind::Transient) => failed += 1,
                _ => break result,
            }
            drop(in_flight);
            let is_rollback = call_token.urgency() == Urgency::Rollback;
            let most = if is_rollback { ROLLBACK_ATTEMPTS } else { THROTTLED_ATTEMPTS };
            if effect == Effect::Write || throttled >= most || failed >= READ_ATTEMPTS {
                break result;
            }
            let times = if is_rollback { failed } else { failed + throttled };
            sleep((FIRST_BACKOFF * 2_u32.pow(times.saturating_sub(1))).min(LONGEST_BACKOFF)).await;
        };
        (self.meter)(Call {
            service: self.service,
            operation,
            outcome: result.as_ref().map(|_| ()).map_err(|error| error.kind),
            attempts: attempts.count(),
            spent: Some(Spent {
                family: call_token.family(),
                urgency: call_token.urgency(),
                waited: SignedDuration::try_from(call_token.take_waited()).unwrap_or(SignedDuration::MAX),
                throttled,
            }),
            took: began.duration_until((self.clock)()),
        });
        result
    }
}
