//! What stands in the way of the election, in words that say what to do.

use std::time::Duration;

use super::{Answer, Request, Terms};
use crate::errors::chain;

/// Why a request about the Lease did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Hindrance {
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

impl Hindrance {
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
    pub fn slow(request: &Request, terms: &Terms, patience: Duration) -> Self {
        let message = format!("no answer within {} ms", patience.as_millis());
        let (lease, namespace) = (terms.name.clone(), terms.namespace.clone());
        Self::Unavailable { verb: verb(request), lease, namespace, message }
    }
}

/// Tells apart what the client reports: that somebody else was first is an answer like another.
pub fn tell(error: kube::Error, request: &Request, terms: &Terms) -> Result<Answer, Hindrance> {
    let verb = verb(request);
    let (lease, namespace) = (terms.name.clone(), terms.namespace.clone());
    let status = match error {
        kube::Error::Api(status) => status,
        other => return Err(Hindrance::Unavailable { verb, lease, namespace, message: chain(&other) }),
    };
    let message = status.message.clone();
    match (status.code, request) {
        (404, Request::Read) => Ok(Answer::Found(None)),
        (409, _) | (404, Request::Replace(_)) => Ok(Answer::Outrun),
        (404, Request::Create(_)) => Err(Hindrance::NoNamespace { lease, namespace, message }),
        (401, _) => Err(Hindrance::Unauthorized { verb, lease, namespace, message }),
        (403, _) => Err(Hindrance::Forbidden { verb, lease, namespace, message }),
        (400 | 422, _) => Err(Hindrance::Invalid { verb, lease, namespace, message }),
        (code, _) => Err(Hindrance::Unavailable { verb, lease, namespace, message: format!("{message} ({code})") }),
    }
}

fn verb(request: &Request) -> &'static str {
    match request {
        Request::Read => "get",
        Request::Create(_) => "create",
        Request::Replace(_) => "update",
    }
}
