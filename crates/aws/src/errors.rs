//! The kinds of AWS failures, told apart here and nowhere else.
//!
//! Codes are those of botocore's models of ELBv2 (`elbv2/2015-12-01/service-2.json`) and Route 53
//! (`route53/2013-04-01/service-2.json`), and the common errors of AWS's query services. Messages hold the code and AWS's
//! own words without request ids, so that equal failures are equal.

mod batch;

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::iter;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_elasticloadbalancingv2::config::http::HttpResponse;
use aws_sdk_elasticloadbalancingv2::error::{ProvideErrorMetadata, SdkError};
use weir_engine::fact::{AwsError, ErrorKind};

use self::batch::{INVALID_BATCH, refused_batch};
pub(crate) use self::batch::{is_refused_batch, refusal_of};
use crate::session::NotAssumed;

/// What a call may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    Read,
    /// The world: a failure in passing leaves it unknown whether the call took effect.
    Write,
}

/// The code of a resource that still takes an earlier write: of Route 53 a zone, which takes one batch at a time.
const BUSY: &str = "PriorRequestNotComplete";
/// Where to look when there are no credentials.
const NO_CREDENTIALS: &str = "found no usable AWS credentials; the SDK looks in the environment (AWS_ACCESS_KEY_ID), \
     the shared config and credentials files (AWS_PROFILE), a web identity token (AWS_WEB_IDENTITY_TOKEN_FILE), the \
     container endpoint and the instance metadata, in this order";

/// Turns a failure of the SDK into one of ours. `attempts` is how many requests were sent, `region` is where to; `None` of a
/// service that is the same in all of them.
pub(crate) fn explain<E>(
    operation: &'static str,
    effect: Effect,
    attempts: u32,
    region: Option<&str>,
    error: &SdkError<E, HttpResponse>,
) -> AwsError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (kind, mut message) = judge(error);
    if never_connected(error) || is_no_answer_of_aws(error) {
        let _ = match region {
            Some(region) => write!(
                message,
                ". The region {region} could not be reached: does it exist, is it enabled for the account, and may this \
                 process connect to it? It is that of spec.aws.region, or the controller's own"
            ),
            None => write!(message, ". The service could not be reached: may this process connect to it?"),
        };
    }
    let maybe_done = attempts > 0 && !never_connected(error);
    let kind = match kind {
        ErrorKind::Transient if effect == Effect::Write && maybe_done => ErrorKind::OutcomeUnknown,
        kind => kind,
    };
    AwsError { kind, operation: operation.to_owned(), message }
}

/// Whether a write was refused because the resource still takes an earlier one. Nothing was done then.
pub(crate) fn is_busy<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    matches!(error, SdkError::ServiceError(context) if context.err().code() == Some(BUSY))
}

/// Whether a failure says that the resource still takes an earlier write.
pub(crate) fn says_busy(error: &AwsError) -> bool {
    error.message.starts_with(BUSY)
}

/// An answer that AWS should not have given.
pub(crate) fn nonsense(operation: &'static str, message: String) -> AwsError {
    AwsError { kind: ErrorKind::Transient, operation: operation.to_owned(), message }
}

/// AWS answered a question about something with nothing.
pub(crate) fn absent(operation: &'static str, what: &str) -> AwsError {
    AwsError { kind: ErrorKind::NotFound, operation: operation.to_owned(), message: format!("AWS knows no {what}") }
}

fn judge<E>(error: &SdkError<E, HttpResponse>) -> (ErrorKind, String)
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(NotAssumed(failure)) = sources(error).find_map(|source| source.downcast_ref()) {
        return (failure.kind, failure.message.clone());
    }
    if let Some(credentials) = sources(error).find_map(|source| source.downcast_ref::<CredentialsError>()) {
        return (ErrorKind::Expired, format!("{NO_CREDENTIALS} ({})", chain(credentials)));
    }
    if let Some((kind, words)) = refused_batch(error) {
        return (kind, format!("{INVALID_BATCH}: {words}"));
    }
    match error {
        SdkError::ServiceError(context) => {
            let status = context.raw().status().as_u16();
            let code = context.err().code();
            let kind = code.and_then(of_code).unwrap_or_else(|| of_status(status));
            let message = match (code, context.err().message()) {
                (Some(code), Some(message)) => format!("{code}: {message}"),
                (Some(code), None) => code.to_owned(),
                (None, _) => format!("the answer has HTTP status {status} and no error code of AWS"),
            };
            (kind, message)
        }
        SdkError::ConstructionFailure(_) => (ErrorKind::Invalid, chain(error)),
        SdkError::DispatchFailure(failure) if failure.is_user() => (ErrorKind::Invalid, chain(error)),
        // No answer, or one that is none.
        _ => (ErrorKind::Transient, chain(error)),
    }
}

/// The kind that a code of AWS stands for.
fn of_code(code: &str) -> Option<ErrorKind> {
    let kind = match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequests"
        | "TooManyRequestsException"
        | "SlowDown"
        | "BandwidthLimitExceeded"
        | BUSY => ErrorKind::Throttled,
        "LoadBalancerNotFound"
        | "ListenerNotFound"
        | "RuleNotFound"
        | "TargetGroupNotFound"
        | "ResourceNotFound"
        | "NoSuchHostedZone"
        | "NoSuchChange" => ErrorKind::NotFound,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "NotAuthorized"
        | "OptInRequired"
        | "AuthFailure" => ErrorKind::Denied,
        "PriorityInUse"
        | "ResourceInUse"
        | "TargetGroupAssociationLimit"
        | "DuplicateListener"
        | "DuplicateTagKeys" => ErrorKind::Conflict,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => ErrorKind::Expired,
        "InvalidConfigurationRequest"
        | "InvalidLoadBalancerAction"
        | "IncompatibleProtocols"
        | "UnsupportedProtocol"
        | "InvalidTarget"
        | "OperationNotPermitted"
        | "ValidationError"
        | "InvalidInput"
        | "NoSuchHealthCheck" => ErrorKind::Invalid,
        "InternalFailure"
        | "InternalError"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "HealthUnavailable" => ErrorKind::Transient,
        "LimitExceeded" | "LimitExceededException" | "LimitsExceeded" => ErrorKind::Quota,
        // TooManyRules, TooManyTargets, TooManyUniqueTargetGroupsPerLoadBalancer and their like.
        many if many.starts_with("TooMany") => ErrorKind::Quota,
        _ => return None,
    };
    Some(kind)
}

/// The kind of an answer whose code says nothing to us.
fn of_status(status: u16) -> ErrorKind {
    match status {
        429 => ErrorKind::Throttled,
        401 | 403 => ErrorKind::Denied,
        // AWS tells by a code what it does not find. This is somebody on the way, who does not know what there is.
        404 => ErrorKind::Transient,
        400..=499 => ErrorKind::Invalid,
        _ => ErrorKind::Transient,
    }
}

/// Whether somebody answered, and not AWS: its endpoints name a code in each failure.
fn is_no_answer_of_aws<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E, HttpResponse>) -> bool {
    matches!(error, SdkError::ServiceError(context) if context.err().code().is_none()) && refused_batch(error).is_none()
}

/// Whether it is certain that no request reached AWS, because there was no connection to carry it.
fn never_connected<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> bool {
    let refused = |error: &io::Error| {
        matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::AddrNotAvailable
        )
    };
    matches!(error, SdkError::DispatchFailure(_))
        && sources(error).any(|source| {
            source.downcast_ref::<io::Error>().is_some_and(refused)
                // hyper-util's words for any failure to connect, a name that does not resolve included.
                || source.to_string() == "client error (Connect)"
        })
}

/// An error and what caused it, from the outside in.
fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// An error and what caused it in one line, without saying anything twice.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    for source in sources(error) {
        let text = source.to_string();
        if !words.iter().any(|said| said.contains(&text)) {
            words.push(text);
        }
    }
    words.join(": ")
}

#[cfg(test)]
mod tests;
