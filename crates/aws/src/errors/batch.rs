//! Why Route 53 has refused a batch of changes: in a list of messages, and in two forms.
//!
//! Since 2024 it is a standard `ErrorResponse` whose message is the list in brackets; before, and perhaps still somewhere, the
//! root is an `InvalidChangeBatch` with a `Messages` element, in which the SDK finds no code
//! (<https://github.com/aws/aws-sdk-kotlin/issues/1433>).

use std::collections::BTreeSet;
use std::error::Error;

use aws_sdk_elasticloadbalancingv2::config::http::HttpResponse;
use aws_sdk_elasticloadbalancingv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_route53::types::error::InvalidChangeBatch;
use aws_smithy_xml::decode::{Document, try_data};
use weir_engine::dns::DnsName;
use weir_engine::fact::{AwsError, ErrorKind};

use super::sources;

/// The code, and the root element of the older form.
pub(super) const INVALID_BATCH: &str = "InvalidChangeBatch";
/// What a message says where the records are not as they were read. AWS writes no codes for it.
const CHANGED: [&str; 6] = [
    "already exists",
    "it was not found",
    "do not match the current values",
    "other RRSets exist",
    "exists with the same name and type",
    "conflicts with other records",
];

/// With what the messages begin that name a record. The list that they are in has no other bounds.
const BEGINNINGS: [&str; 2] = ["Tried to ", "RRSet "];

/// The kind of failure and AWS's own words, where it is that of a batch.
pub(super) fn refused_batch<E>(error: &SdkError<E, HttpResponse>) -> Option<(ErrorKind, String)>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let SdkError::ServiceError(context) = error else { return None };
    let modelled = sources(error).find_map(|source| source.downcast_ref::<InvalidChangeBatch>());
    let words = match modelled.map(InvalidChangeBatch::messages) {
        Some(messages) if !messages.is_empty() => messages.join(", "),
        Some(_) => context.err().message().unwrap_or_default().to_owned(),
        None if context.err().code().is_none() => messages(context.raw().body().bytes()?)?.join(", "),
        None => return None,
    };
    Some((kind_of(&words), words))
}

/// What of the refusal of a batch is about records at some of its names; `None` where it is another failure, or names none of
/// these.
pub(crate) fn refusal_of<'n>(error: &AwsError, names: impl Iterator<Item = &'n DnsName>) -> Option<AwsError> {
    let words = error.message.strip_prefix(INVALID_BATCH)?.trim_start_matches([':', ' ', '[']);
    let names: BTreeSet<String> = names.map(DnsName::escaped).collect();
    let is_bound = |letter: char| letter.is_whitespace() || "'[](),=".contains(letter);
    let is_about = |message: &&str| {
        // Where an alias leads is not what it is of; and where the zone is named, that is not for a record at its apex.
        if message.contains("an alias that targets") {
            return false;
        }
        let record = message.split(" in zone ").next().unwrap_or_default();
        record.split(is_bound).any(|word| names.contains(word.trim_end_matches('.')))
    };
    let about: Vec<&str> = each_message(words).into_iter().filter(is_about).collect();
    (!about.is_empty()).then(|| {
        let words = about.join(", ");
        AwsError { kind: kind_of(&words), message: format!("{INVALID_BATCH}: {words}"), ..error.clone() }
    })
}

/// Whether a batch was refused for what is in it.
pub(crate) fn is_refused_batch(error: &AwsError) -> bool {
    error.message.starts_with(INVALID_BATCH)
}

/// The messages of a list, each of which begins with one of a few words.
fn each_message(words: &str) -> Vec<&str> {
    let begins = |at: usize| BEGINNINGS.iter().any(|beginning| words[at..].starts_with(beginning));
    let starts: Vec<usize> = words.char_indices().map(|(at, _)| at).filter(|at| begins(*at)).collect();
    if starts.is_empty() {
        return vec![words];
    }
    let ends = starts.iter().skip(1).copied().chain([words.len()]);
    starts.iter().zip(ends).map(|(start, end)| words[*start..end].trim_end_matches([',', ' ', ']'])).collect()
}

/// A mistake of ours would be made again; what somebody has changed is read again.
fn kind_of(words: &str) -> ErrorKind {
    let is_changed = CHANGED.iter().any(|words_of_aws| words.contains(words_of_aws));
    if is_changed { ErrorKind::Conflict } else { ErrorKind::Invalid }
}

/// The messages of the older form.
fn messages(body: &[u8]) -> Option<Vec<String>> {
    let mut document = Document::try_from(body).ok()?;
    let mut root = document.root_element().ok()?;
    if root.start_el().local() != INVALID_BATCH {
        return None;
    }
    let mut found = Vec::new();
    while let Some(mut messages) = root.next_tag() {
        if messages.start_el().local() != "Messages" {
            continue;
        }
        while let Some(mut message) = messages.next_tag() {
            found.push(try_data(&mut message).ok()?.into_owned());
        }
    }
    Some(found)
}
