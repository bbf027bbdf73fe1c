//! The refusals of the API server: HTTP code, reason, words and details, as one `Status` object.
//!
//! The words follow kube-apiserver 1.36, because clients and their users read them.

use serde_json::{Map, Value, json};

use super::field::FieldError;
use super::kinds::GroupResource;

/// A request that was refused, with everything its `Status` object says.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason, such as `NotFound` or `Conflict`.
    pub reason: &'static str,
    /// What a user reads.
    pub message: String,
    /// The `details` of the `Status` object.
    pub details: Option<Box<Value>>,
    /// The `continue` token of the `Status` object's list metadata, for expired lists.
    pub continue_token: Option<String>,
    /// What the writer should know besides.
    pub warnings: Vec<String>,
}

impl Failure {
    pub(super) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, continue_token: None, warnings: Vec::new() }
    }

    fn about(mut self, resource: &GroupResource, name: &str) -> Self {
        self.details = Some(Box::new(named(&resource.group, &resource.resource, name)));
        self
    }

    /// 404: the object is not there.
    pub(super) fn not_found(resource: &GroupResource, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{resource} {name:?} not found")).about(resource, name)
    }

    /// 503: the server cannot answer now.
    pub(super) fn unavailable() -> Self {
        Self::new(503, "ServiceUnavailable", "the server is currently unable to handle the request")
    }

    /// 404: nothing is served under this path.
    pub(super) fn no_such_path() -> Self {
        let mut failure = Self::new(404, "NotFound", "the server could not find the requested resource");
        failure.details = Some(Box::new(json!({})));
        failure
    }

    /// 409: an object of that name exists already.
    pub(super) fn already_exists(resource: &GroupResource, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{resource} {name:?} already exists")).about(resource, name)
    }

    /// The same, of an object that is on its way out.
    pub(super) fn while_being_deleted(mut self) -> Self {
        self.message = format!("object is being deleted: {}", self.message);
        self
    }

    /// 409: `because` says what the writer did not know.
    pub(super) fn conflict(resource: &GroupResource, name: &str, because: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {because}");
        Self::new(409, "Conflict", message).about(resource, name)
    }

    /// 409: the object has another resourceVersion than the writer thought.
    pub(super) fn stale(resource: &GroupResource, name: &str) -> Self {
        Self::conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 400: the request itself makes no sense.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 403: the request is understood and not allowed.
    pub(super) fn forbidden(resource: &GroupResource, name: &str, because: &str) -> Self {
        let message = format!("{resource} {name:?} is forbidden: {because}");
        Self::new(403, "Forbidden", message).about(resource, name)
    }

    /// 403: nothing grants the user this verb for the resource.
    pub(super) fn not_allowed(user: &str, verb: &str, group: &str, resource: &str) -> Self {
        let qualified = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
        let message = format!(
            "{qualified} is forbidden: User {user:?} cannot {verb} resource {resource:?} in API group {group:?} at the \
             cluster scope"
        );
        let mut failure = Self::new(403, "Forbidden", message);
        failure.details = Some(Box::new(named(group, resource, "")));
        failure
    }

    /// 405: this resource does not have that verb.
    pub(super) fn method_not_allowed() -> Self {
        let mut failure =
            Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
        failure.details = Some(Box::new(json!({})));
        failure
    }

    /// 415: a patch in a language that is not spoken here.
    pub(super) fn unsupported_media_type(accepted: &[&str]) -> Self {
        let list = accepted.join(", ");
        let message =
            format!("the body of the request was in an unknown format - accepted media types include: {list}");
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 415 for what a real server does and this one does not.
    pub(super) fn no_server_side_apply(accepted: &[&str]) -> Self {
        let list = accepted.join(", ");
        let message = format!(
            "server-side apply is not simulated: apply without --server-side; accepted media types include: {list}"
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 422: the object breaks rules; `kind` is the kind's name, not the resource's.
    pub(super) fn invalid(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Self {
        let mut words: Vec<String> = Vec::new();
        for error in errors {
            let line = error.to_string();
            if !words.contains(&line) {
                words.push(line);
            }
        }
        let words = if words.len() == 1 { words.remove(0) } else { format!("[{}]", words.join(", ")) };
        let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let mut failure = Self::new(422, "Invalid", format!("{qualified} {name:?} is invalid: {words}"));
        let mut details = named(group, kind, name);
        details["causes"] = errors.iter().map(FieldError::cause).collect();
        failure.details = Some(Box::new(details));
        failure
    }

    /// 422: a patch that cannot be carried out on the object as it is. A real server does not say why.
    pub(super) fn unpatchable() -> Self {
        let mut failure = Self::new(422, "Invalid", "the server rejected our request due to an error in our request");
        failure.details = Some(Box::new(json!({})));
        failure
    }

    /// 410: the version asked for is no longer known.
    pub(super) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 504: the version asked for lies in the future.
    pub(super) fn version_too_large(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        let mut failure = Self::new(504, "Timeout", message);
        failure.details = Some(Box::new(json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        })));
        failure
    }

    /// 500: what a real server answers where it has no word for the reason.
    pub(super) fn unexplained(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    /// Adds a cause to the details.
    pub(super) fn with_cause(mut self, reason: &str, message: &str, field: &str) -> Self {
        let details = self.details.get_or_insert_with(|| Box::new(json!({})));
        details["causes"] = json!([{"reason": reason, "message": message, "field": field}]);
        self
    }

    /// The `Status` object as it goes over the wire.
    pub fn to_status(&self) -> Value {
        let mut metadata = Map::new();
        if let Some(token) = &self.continue_token {
            metadata.insert("continue".into(), json!(token));
        }
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": metadata,
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if let Some(details) = &self.details {
            status["details"] = Value::clone(details);
        }
        status
    }
}

fn named(group: &str, kind: &str, name: &str) -> Value {
    let mut details = Map::new();
    for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
        if !value.is_empty() {
            details.insert(key.into(), json!(value));
        }
    }
    Value::Object(details)
}
