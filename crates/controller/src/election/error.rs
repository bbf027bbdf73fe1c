//! Errors of leader election, in words that say what to do.

use std::time::Duration;

use super::{LeaseConfig, LeaseRequest, LeaseResponse};
use crate::errors::chain;

/// Why a request about the Lease failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElectionError {
    /// The controller is not allowed to.
    #[error(
        "nothing is led by this process: the API server does not let it {verb} the Lease {lease} ({message}); expected the \
         verbs get, create and update on leases of coordination.k8s.io in the namespace {namespace}; grant them to the \
         controller's role, or name another namespace with --lease-namespace"
    )]
    Forbidden {
        /// What was tried.
        verb: &'static str,
        /// Its name.
        lease: String,
        /// Where it should be.
        namespace: String,
        /// The answer.
        message: String,
    },
    /// The API server does not know who asks.
    #[error(
        "nothing is led by this process: the API server does not take its credentials, when it is to {verb} the Lease {lease} \
         of the namespace {namespace} ({message}, 401); expected those of a user or service account that exists, not expired; \
         see that the pod's service account is there and its token is mounted, or renew what the kubeconfig has"
    )]
    Unauthorized {
        /// What was tried.
        verb: &'static str,
        /// Its name.
        lease: String,
        /// Where it is.
        namespace: String,
        /// The answer.
        message: String,
    },
    /// There is no place for the Lease.
    #[error(
        "nothing is led by this process: found no namespace {namespace} for the Lease {lease} ({message}); expected one that \
         exists; make it, or name another with --lease-namespace"
    )]
    NoNamespace {
        /// Its name.
        lease: String,
        /// Where it should be.
        namespace: String,
        /// The answer.
        message: String,
    },
    /// The API server does not accept the request.
    #[error(
        "nothing is led by this process: the API server refused to {verb} the Lease {lease} of the namespace {namespace}: \
         {message}; expected a name and namespace that Kubernetes takes; give others with --lease-name and --lease-namespace"
    )]
    Invalid {
        /// What was tried.
        verb: &'static str,
        /// Its name.
        lease: String,
        /// Where it should be.
        namespace: String,
        /// The answer.
        message: String,
    },
    /// Anything else, which may pass.
    #[error("could not {verb} the Lease {lease} of the namespace {namespace}: {message}; it is tried again")]
    Unavailable {
        /// What was tried.
        verb: &'static str,
        /// Its name.
        lease: String,
        /// Where it is.
        namespace: String,
        /// What came back.
        message: String,
    },
}

impl ElectionError {
    /// Whether somebody has to do something about it.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Unauthorized { .. } | Self::Forbidden { .. } | Self::NoNamespace { .. } | Self::Invalid { .. } => {
                true
            }
            Self::Unavailable { .. } => false,
        }
    }

    /// No answer came in time.
    pub fn timed_out(request: &LeaseRequest, config: &LeaseConfig, request_timeout: Duration) -> Self {
        let message = format!("no answer within {} ms", request_timeout.as_millis());
        let (lease, namespace) = (config.name.clone(), config.namespace.clone());
        Self::Unavailable { verb: verb(request), lease, namespace, message }
    }
}

/// Classifies an error of the client: a conflict with another candidate is a response like another.
pub fn classify(
    error: kube::Error,
    request: &LeaseRequest,
    config: &LeaseConfig,
) -> Result<LeaseResponse, ElectionError> {
    let verb = verb(request);
    let (lease, namespace) = (config.name.clone(), config.namespace.clone());
    let status = match error {
        kube::Error::Api(status) => status,
        other => return Err(ElectionError::Unavailable { verb, lease, namespace, message: chain(&other) }),
    };
    let message = status.message.clone();
    match (status.code, request) {
        (404, LeaseRequest::Read) => Ok(LeaseResponse::Found(None)),
        (409, _) | (404, LeaseRequest::Replace(_)) => Ok(LeaseResponse::Conflict),
        (404, LeaseRequest::Create(_)) => Err(ElectionError::NoNamespace { lease, namespace, message }),
        (401, _) => Err(ElectionError::Unauthorized { verb, lease, namespace, message }),
        (403, _) => Err(ElectionError::Forbidden { verb, lease, namespace, message }),
        (400 | 422, _) => Err(ElectionError::Invalid { verb, lease, namespace, message }),
        (code, _) => Err(ElectionError::Unavailable { verb, lease, namespace, message: format!("{message} ({code})") }),
    }
}

fn verb(request: &LeaseRequest) -> &'static str {
    match request {
        LeaseRequest::Read => "get",
        LeaseRequest::Create(_) => "create",
        LeaseRequest::Replace(_) => "update",
    }
}
