//! REST with XML: the operation of a request is told by its method and path, and its parameters stand in the path, in the
//! query and in a document.

use bytes::Bytes;
use http::Request;

use super::form::Form;
use super::protocol::Input;
use super::xml::element::Element;

/// What a service that is spoken so has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rest {
    pub(super) namespace: &'static str,
    /// The version, which is the first part of every path.
    pub(super) version: &'static str,
    pub(super) routes: &'static [Route],
}

/// How an operation is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) operation: &'static str,
    pub(super) method: &'static str,
    /// The path behind the version; a part in braces is a parameter.
    pub(super) path: &'static str,
}

/// Whether a path begins with a version.
pub(super) fn is_versioned(path: &str) -> bool {
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let version = parts.next().unwrap_or_default();
    let is_date =
        |(index, byte): (usize, u8)| if matches!(index, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    version.len() == 10 && version.bytes().enumerate().all(is_date) && parts.next().is_some()
}

impl Rest {
    /// What a request brings. Parameters of the path and of the query are its form.
    pub(super) fn read(&self, request: &Request<Bytes>) -> Input {
        let body = request.body().clone();
        let path = request.uri().path().trim_start_matches('/');
        let (version, path) = path.split_once('/').unwrap_or_default();
        let mut form = Form::parse(request.uri().query().unwrap_or_default().as_bytes());
        let found = self.routes.iter().filter(|route| route.method == request.method().as_str());
        let found = found.filter_map(|route| Some((route.operation, parameters(route.path, path)?)));
        // Of two paths that fit, the one that says more itself.
        let found = found.min_by_key(|(_, parameters)| parameters.len());
        let operation = found.map(|(operation, parameters)| {
            for (name, text) in parameters {
                form.put(name, text);
            }
            operation.to_owned()
        });
        let document = (!body.is_empty()).then(|| Element::parse(&body));
        Input { operation, version: Some(version.to_owned()), form, body, document }
    }
}

/// What stands in a path where a template has parameters; `None` where they do not fit. A slash at the end says nothing.
fn parameters(template: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let (mut wanted, mut found) = (template.split('/'), path.trim_end_matches('/').split('/'));
    let mut parameters = Vec::new();
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return Some(parameters),
            (Some(wanted), Some(found)) => {
                if let Some(name) = wanted.strip_prefix('{').and_then(|wanted| wanted.strip_suffix('}')) {
                    parameters.push((name, decoded(found)));
                } else if wanted != found {
                    return None;
                }
            }
            _ => return None,
        }
    }
}

/// A part of a path without its percent signs. A plus is a plus.
fn decoded(part: &str) -> String {
    let pair = format!("part={}", part.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(pair.as_bytes()).next().map(|(_, text)| text.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_held_against_a_template() {
        assert_eq!(parameters("zone/{Id}", "zone/Z1/"), Some(vec![("Id", "Z1".to_owned())]));
        assert_eq!(parameters("zone/{Id}", "zone/%2Fa%2Fb+c"), Some(vec![("Id", "/a/b+c".to_owned())]));
        assert_eq!(parameters("zone/{Id}", "zone"), None);
        assert_eq!(parameters("zone", "zone/Z1"), None);
        assert!(is_versioned("/2013-04-01/zone"));
        assert!(!is_versioned("/") && !is_versioned("/service/x") && !is_versioned("/2013-04-xx/zone"));
    }
}
