//! Who calls: the credential scope of a Signature Version 4 header.
//!
//! Signatures are not verified, since the world knows no secrets; but what names the caller, the region and the
//! service must be there and be right.

use http::HeaderMap;

use super::refusal::Refusal;

/// The credential scope of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope<'a> {
    pub(super) key: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

/// Refuses what is not meant for a service in one of these regions.
pub(super) fn check(headers: &HeaderMap, regions: &[&str], expected: &str) -> Result<(), Refusal> {
    let Scope { region: in_region, service, .. } = read(headers)?;
    if service != expected {
        return Err(Refusal::forbidden(
            "SignatureDoesNotMatch",
            format!("Credential should be scoped to correct service: '{expected}'."),
        ));
    }
    if !regions.contains(&in_region) {
        return Err(Refusal::forbidden(
            "SignatureDoesNotMatch",
            format!("Credential should be scoped to a valid region, not '{in_region}'."),
        ));
    }
    Ok(())
}

/// Who calls which service where.
pub(super) fn read(headers: &HeaderMap) -> Result<Scope<'_>, Refusal> {
    let Some(header) = headers.get(http::header::AUTHORIZATION) else {
        return Err(Refusal::forbidden("MissingAuthenticationToken", "Request is missing Authentication Token"));
    };
    let incomplete =
        |what: &str| Refusal::new("IncompleteSignature", format!("Authorization header requires '{what}' parameter."));
    let text = header.to_str().unwrap_or_default();
    let parameters = text.strip_prefix("AWS4-HMAC-SHA256").ok_or_else(|| incomplete("AWS4-HMAC-SHA256"))?;
    let parameter = |name: &str| {
        let mut parts = parameters.split(',').filter_map(|part| part.trim().split_once('='));
        parts.find(|(found, _)| *found == name).map(|(_, value)| value).ok_or_else(|| incomplete(name))
    };
    let credential = parameter("Credential")?;
    parameter("SignedHeaders")?;
    parameter("Signature")?;
    // Access key, date, region, service, terminator.
    let scope: Vec<&str> = credential.split('/').collect();
    match *scope.as_slice() {
        [key, _, region, service, "aws4_request"] => Ok(Scope { key, region, service }),
        _ => Err(Refusal::new(
            "IncompleteSignature",
            format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
                 '{credential}'"
            ),
        )),
    }
}
