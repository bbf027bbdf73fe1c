//! What can go wrong between the loop and the API server, in words that say what to do.

use kube::runtime::watcher;
use weir_engine::ObjectRef;

use crate::document;
use crate::watch::Subject;

/// Why a controller cannot run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A setting cannot be used.
    #[error("found {found} for the {setting}; expected {expected}")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// Why a request for one object did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The object has another version than the one that the request was founded on.
    #[error("{0} has changed in the meantime; it is read again")]
    Conflict(ObjectRef),
    /// The object is not there any more.
    #[error("{0} is gone")]
    Gone(ObjectRef),
    /// This process does not lead, or not for long enough.
    #[error("did not {verb} {object}: this process no longer leads")]
    NotLeading {
        /// The object.
        object: ObjectRef,
        /// What was to be done.
        verb: &'static str,
    },
    /// The controller is not allowed to.
    #[error("the API server does not allow to {verb} {object}: {message}; grant it to the controller's role")]
    Forbidden {
        /// The object.
        object: ObjectRef,
        /// What was tried.
        verb: &'static str,
        /// The answer.
        message: String,
    },
    /// The API server does not accept the request.
    #[error(
        "the API server refused to {verb} {object}: {message}; \
         expected definitions of the same version as the controller: apply those that `weir crds` prints"
    )]
    Invalid {
        /// The object.
        object: ObjectRef,
        /// What was tried.
        verb: &'static str,
        /// The answer.
        message: String,
    },
    /// No answer came in time, so that a write may or may not have taken effect.
    #[error("no answer within {seconds} s on the request to {verb} {object}; it is tried again")]
    Timeout {
        /// The object.
        object: ObjectRef,
        /// What was tried.
        verb: &'static str,
        /// How long was waited.
        seconds: u64,
    },
    /// Anything else, which may pass.
    #[error("could not {verb} {object}: {message}; it is tried again")]
    Unavailable {
        /// The object.
        object: ObjectRef,
        /// What was tried.
        verb: &'static str,
        /// What came back.
        message: String,
    },
}

impl Failure {
    /// Whether nobody answered, or somebody who could not: it says nothing about the object.
    pub fn is_about_connectivity(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Unavailable { .. } => true,
            Self::Conflict(_)
            | Self::Gone(_)
            | Self::NotLeading { .. }
            | Self::Forbidden { .. }
            | Self::Invalid { .. } => false,
        }
    }

    /// Tells apart what the client reports about a request for an object.
    pub fn from_client(error: kube::Error, object: &ObjectRef, verb: &'static str) -> Self {
        let object = object.clone();
        match error {
            kube::Error::Api(status) => match status.code {
                409 => Self::Conflict(object),
                404 => Self::Gone(object),
                403 => Self::Forbidden { object, verb, message: status.message },
                400 | 422 => Self::Invalid { object, verb, message: status.message },
                _ => Self::Unavailable { object, verb, message: format!("{} ({})", status.message, status.code) },
            },
            other => Self::Unavailable { object, verb, message: chain(&other) },
        }
    }
}

/// What a failed watch tells the operator, and with which status the API server has answered, if it has.
pub fn describe_watch(subject: Subject, error: &watcher::Error) -> (String, Option<u16>) {
    let status = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status),
        _ => None,
    };
    let (name, without) = match subject {
        Subject::Kind(kind) => {
            let resource = document::resource(kind);
            (format!("{}.{}", resource.plural, resource.group), "")
        }
        Subject::Namespaces => {
            ("namespaces".to_owned(), "; until then an EntryPoint that selects namespaces by their labels selects none")
        }
    };
    let code = status.map(|status| (status.code, status.message.as_str()));
    let message = match code {
        Some((404, _)) => format!(
            "the API server does not know {name}; expected Weir's definitions to be installed; \
             apply crds/ or what `weir crds` prints"
        ),
        Some((403, message)) => format!(
            "the API server does not let the controller list and watch {name}: {message}; \
             grant list and watch on it to the controller's role{without}"
        ),
        Some((401, message)) => format!(
            "the API server does not take the controller's credentials, which wants to list and watch {name} ({message}, 401); \
             expected those of a user or service account that exists, not expired"
        ),
        Some((410, _)) => format!("the watch on {name} fell too far behind; everything is listed again"),
        _ => format!("the watch on {name} broke off: {}; it is taken up again", chain(error)),
    };
    (message, code.map(|(code, _)| code))
}

/// An error with its causes, each once.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
