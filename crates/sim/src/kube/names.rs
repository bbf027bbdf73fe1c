//! The forms that names, label keys and label values must have, and the words for those that have not.

use super::kinds::Kind;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
    '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
    start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
    with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
    '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex \
    used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// What is wrong with the name of an object of this kind.
pub(super) fn object_name(kind: &Kind, name: &str) -> Vec<String> {
    if kind.key.resource == "namespaces" && kind.key.group.is_empty() { dns_label(name) } else { subdomain(name) }
}

/// What is wrong with a DNS subdomain.
pub(super) fn subdomain(name: &str) -> Vec<String> {
    let mut complaints = too_long(name, 253);
    if !is_subdomain(name) {
        complaints.push(SUBDOMAIN.to_owned());
    }
    complaints
}

/// What is wrong with a DNS label.
pub(super) fn dns_label(name: &str) -> Vec<String> {
    let mut complaints = too_long(name, 63);
    if !is_label(name) {
        let dotted = is_subdomain(name);
        complaints.push(if dotted { "must not contain dots" } else { LABEL }.to_owned());
    }
    complaints
}

/// What is wrong with a key that may have a domain before a slash.
pub(super) fn qualified(key: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let name = match key.split_once('/') {
        Some((_, name)) if name.contains('/') => {
            let form = QUALIFIED.trim_start_matches("name part ");
            let optional = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a valid label key {form} {optional}")];
        }
        Some(("", name)) => {
            complaints.push("prefix part must be non-empty".to_owned());
            name
        }
        Some((prefix, name)) => {
            complaints.extend(subdomain(prefix).iter().map(|complaint| format!("prefix part {complaint}")));
            name
        }
        None => key,
    };
    if name.is_empty() {
        complaints.push("name part must be non-empty".to_owned());
    }
    complaints.extend(too_long(name, 63).iter().map(|complaint| format!("name part {complaint}")));
    if !is_word(name) {
        complaints.push(QUALIFIED.to_owned());
    }
    complaints
}

/// What is wrong with the value of a label.
pub(super) fn label_value(value: &str) -> Vec<String> {
    let mut complaints = too_long(value, 63);
    if !value.is_empty() && !is_word(value) {
        complaints.push(LABEL_VALUE.to_owned());
    }
    complaints
}

fn too_long(text: &str, most: usize) -> Vec<String> {
    if text.len() > most { vec![format!("must be no more than {most} bytes")] } else { Vec::new() }
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.bytes().all(|byte| allowed(byte) || byte == b'-')
        && text.bytes().next().is_some_and(allowed)
        && text.bytes().last().is_some_and(allowed)
}

fn is_word(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.bytes().all(inner)
        && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().last().is_some_and(|byte| byte.is_ascii_alphanumeric())
}
