//! What a request asks for, read from its method, path, query and headers.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;

/// Query parameters; of one that is repeated, the last counts.
pub(super) type Query = BTreeMap<String, String>;

/// A request for objects of a resource.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) resource: String,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<String>,
}

/// What a path points at.
#[derive(Clone, Debug)]
pub(super) enum Path {
    /// `/version`
    Version,
    /// `/readyz`, `/livez`, `/healthz`
    Health,
    /// `/api`
    CoreVersions,
    /// `/apis`
    Groups,
    /// `/apis/GROUP`
    Group(String),
    /// `/api/v1` and `/apis/GROUP/VERSION`
    Resources(String, String),
    /// `/openapi/v3`
    Descriptions,
    /// `/openapi/v3/api/v1` and `/openapi/v3/apis/GROUP/VERSION`
    Description(String, String),
    /// Everything below.
    Objects(Target),
    /// Nothing that is served.
    Unknown,
}

/// One request, taken apart.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: Path,
    pub(super) query: Query,
    pub(super) content_type: String,
    pub(super) accept: String,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn read(request: http::Request<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        let header = |name: http::header::HeaderName| {
            parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        Self {
            path: Path::read(parts.uri.path()),
            query: query.into_owned().collect(),
            content_type: header(http::header::CONTENT_TYPE),
            accept: header(http::header::ACCEPT),
            method: parts.method,
            body,
        }
    }

    /// Whether a parameter is present and not `false` or `0`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.query.get(name).is_some_and(|value| !matches!(value.as_str(), "false" | "0"))
    }

    /// A parameter that is present and not empty.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The content type without its parameters.
    pub(super) fn media_type(&self) -> &str {
        self.content_type.split(';').next().unwrap_or_default().trim()
    }

    /// Kubernetes' word for what is done to the target.
    pub(super) fn verb(&self, target: &Target) -> &'static str {
        match (&self.method, target.name.is_some()) {
            (&Method::GET, _) if self.flag("watch") => "watch",
            (&Method::GET, true) => "get",
            (&Method::GET, false) => "list",
            (&Method::POST, _) => "create",
            (&Method::PUT, _) => "update",
            (&Method::PATCH, _) => "patch",
            (&Method::DELETE, true) => "delete",
            (&Method::DELETE, false) => "deletecollection",
            _ => "unknown",
        }
    }
}

impl Path {
    fn read(path: &str) -> Self {
        let segments: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(unescape).collect();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["version"] => Self::Version,
            ["readyz" | "livez" | "healthz", ..] => Self::Health,
            ["api"] => Self::CoreVersions,
            ["apis"] => Self::Groups,
            ["apis", group] => Self::Group((*group).to_owned()),
            ["api", version] => Self::Resources(String::new(), (*version).to_owned()),
            ["apis", group, version] => Self::Resources((*group).to_owned(), (*version).to_owned()),
            ["openapi", "v3"] => Self::Descriptions,
            ["openapi", "v3", "api", version] => Self::Description(String::new(), (*version).to_owned()),
            ["openapi", "v3", "apis", group, version] => Self::Description((*group).to_owned(), (*version).to_owned()),
            ["api", version, rest @ ..] => Self::objects("", version, rest),
            ["apis", group, version, rest @ ..] => Self::objects(group, version, rest),
            _ => Self::Unknown,
        }
    }

    fn objects(group: &str, version: &str, rest: &[&str]) -> Self {
        let target = |resource: &str, namespace: Option<&str>, name: Option<&str>, subresource: Option<&str>| {
            Self::Objects(Target {
                group: group.to_owned(),
                version: version.to_owned(),
                resource: resource.to_owned(),
                namespace: namespace.map(str::to_owned),
                name: name.map(str::to_owned),
                subresource: subresource.map(str::to_owned),
            })
        };
        match rest {
            // A namespace's own subresources look like resources inside it.
            ["namespaces", name, sub @ ("status" | "finalize")] if group.is_empty() => {
                target("namespaces", None, Some(name), Some(sub))
            }
            ["namespaces", namespace, resource] => target(resource, Some(namespace), None, None),
            ["namespaces", namespace, resource, name] => target(resource, Some(namespace), Some(name), None),
            ["namespaces", namespace, resource, name, sub] => target(resource, Some(namespace), Some(name), Some(sub)),
            [resource] => target(resource, None, None, None),
            [resource, name] => target(resource, None, Some(name), None),
            [resource, name, sub] => target(resource, None, Some(name), Some(sub)),
            _ => Self::Unknown,
        }
    }
}

/// Undoes percent-encoding in one path segment.
fn unescape(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let escaped = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
