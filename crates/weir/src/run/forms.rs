//! The forms that the values of flags have. What has another is refused before anything else is done.
//!
//! Each function says in its error what was expected; which flag it was, and what was found, is said around it.

use std::net::SocketAddr;

use weir_api::Duration;
use weir_controller::{Grant, Subject};

/// The longest name that fits, with room to spare, into the value of an AWS tag.
const OWNER_LENGTH: usize = 128;
/// The longest label of a host name, which is what Kubernetes takes as the name of a namespace.
const LABEL_LENGTH: usize = 63;
/// The longest host name, which is what Kubernetes takes as the name of most objects.
const HOST_LENGTH: usize = 253;
/// The longest name of who reports an event that Kubernetes takes.
const INSTANCE_LENGTH: usize = 128;

/// What AWS takes in the value of a tag on a balancer's parts.
pub fn owner_id(text: &str) -> Result<String, String> {
    let is_good = |letter: char| letter.is_ascii_alphanumeric() || "._-:/=+@".contains(letter);
    if text.is_empty() || text.len() > OWNER_LENGTH || !text.chars().all(is_good) {
        return Err(format!(
            "expected 1 to {OWNER_LENGTH} letters, digits or any of . _ - : / = + @, such as acme-production"
        ));
    }
    Ok(text.to_owned())
}

/// The name of a namespace.
pub fn namespace(text: &str) -> Result<String, String> {
    if is_label(text) {
        return Ok(text.to_owned());
    }
    Err(format!("expected 1 to {LABEL_LENGTH} small letters, digits or -, none of the latter at an end, such as shop"))
}

/// The name of an object.
pub fn object_name(text: &str) -> Result<String, String> {
    if text.len() <= HOST_LENGTH && text.split('.').all(is_label) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "expected 1 to {HOST_LENGTH} small letters, digits, - or ., none of the latter two at an end, such as weir"
    ))
}

/// The value of a label that is not empty.
pub fn label_value(text: &str) -> Result<String, String> {
    let is_good = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let is_end = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    let ends_well = is_end(text.chars().next()) && is_end(text.chars().next_back());
    if text.len() <= LABEL_LENGTH && ends_well && text.chars().all(is_good) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "expected 1 to {LABEL_LENGTH} letters, digits, -, _ or ., none of the latter three at an end, such as blue"
    ))
}

/// The name of a region of AWS.
pub fn region(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|letter| letter.is_ascii_lowercase());
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
    match parts.split_last() {
        Some((number, words)) if words.len() > 1 && words.iter().all(is_word) && is_number(number) => {
            Ok(text.to_owned())
        }
        _ => Err("expected the code of an AWS region, such as eu-central-1".to_owned()),
    }
}

/// The name of a process in events.
pub fn instance(text: &str) -> Result<String, String> {
    if (1..=INSTANCE_LENGTH).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err(format!("expected 1 to {INSTANCE_LENGTH} characters, such as weir-0"))
}

/// A span for which a lease may last.
pub fn lease_duration(text: &str) -> Result<Duration, String> {
    let span = text.parse::<Duration>()?;
    if (10..=3_600).contains(&span.as_secs()) { Ok(span) } else { Err("expected 10s to 1h, such as 15s".to_owned()) }
}

/// A span after which something is done again.
pub fn interval(text: &str) -> Result<Duration, String> {
    let span = text.parse::<Duration>()?;
    if span.as_secs() > 0 { Ok(span) } else { Err("expected 1s or more, such as 30s".to_owned()) }
}

/// Where is listened.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an IP address and a port, such as 127.0.0.1:8080".to_owned())
}

/// A namespace and a balancer that it may name, either with stars.
pub fn balancer_grant(text: &str) -> Result<Grant, String> {
    pair(Subject::Balancer, text, "expected NAMESPACE=NAME_OR_ARN, such as shop=shop-public or 'shop=shop-*'")
}

/// A namespace and a target group that it may name, either with stars.
pub fn target_group_grant(text: &str) -> Result<Grant, String> {
    pair(Subject::TargetGroup, text, "expected NAMESPACE=NAME_OR_ARN, such as 'shop=shop-*'")
}

/// A namespace and a role that it may name, either with stars.
pub fn role_grant(text: &str) -> Result<Grant, String> {
    let expected = "expected NAMESPACE=ROLE_ARN, such as shop=arn:aws:iam::123456789012:role/weir-shop";
    pair(Subject::Role, text, expected)
}

/// A namespace and a region that it may name, either with stars.
pub fn region_grant(text: &str) -> Result<Grant, String> {
    pair(Subject::Region, text, "expected NAMESPACE=REGION, such as shop=us-east-1 or 'shop=us-*'")
}

/// A namespace and a name in a zone of Route 53 that it may name, either with stars.
pub fn zone_grant(text: &str) -> Result<Grant, String> {
    let expected = "expected NAMESPACE=ZONE_ID/NAME, such as 'shop=Z0123456789ABC/*.shop.example.org'";
    pair(Subject::Zone, text, expected)
}

fn pair(subject: Subject, text: &str, expected: &str) -> Result<Grant, String> {
    let grant = text.split_once('=').and_then(|(namespace, pattern)| grant(subject, namespace, pattern));
    grant.ok_or_else(|| expected.to_owned())
}

/// A grant, if both of its patterns can be for something.
pub fn grant(subject: Subject, namespace: &str, pattern: &str) -> Option<Grant> {
    let names = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-*".contains(letter);
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-*".contains(letter);
    let is_plain = !pattern.is_empty() && pattern.chars().all(is_name);
    let is_possible = match (subject, parts.as_slice()) {
        (_, ["*"]) => true,
        (Subject::Role, ["arn", _, "iam", "", _, name]) => name.starts_with("role/"),
        (Subject::Balancer, ["arn", _, "elasticloadbalancing", _, _, name]) => name.starts_with("loadbalancer/"),
        (Subject::TargetGroup, ["arn", _, "elasticloadbalancing", _, _, name]) => name.starts_with("targetgroup/"),
        (Subject::Balancer | Subject::TargetGroup | Subject::Region, [_]) => is_plain,
        (Subject::Zone, [place]) => {
            place.split_once('/').is_some_and(|(zone, name)| is_zone(zone) && is_dns_name(name))
        }
        _ => false,
    };
    let is_good = !namespace.is_empty() && namespace.chars().all(names) && is_possible;
    is_good.then(|| Grant { namespace: namespace.to_owned(), subject, pattern: pattern.to_owned() })
}

/// Whether a text can be the identifier of a zone, with stars.
fn is_zone(text: &str) -> bool {
    let is_good = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '*';
    !text.is_empty() && text.chars().all(is_good)
}

/// Whether a text can be a name in DNS, with stars.
fn is_dns_name(text: &str) -> bool {
    let is_good = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_.*".contains(letter);
    !text.is_empty() && !text.ends_with('.') && text.chars().all(is_good)
}

fn is_label(text: &str) -> bool {
    let is_good = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
    (1..=LABEL_LENGTH).contains(&text.len())
        && text.bytes().all(is_good)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests;
