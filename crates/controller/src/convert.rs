//! From what the API server sends to what the engine decides on.
//!
//! A status that an earlier version has stored is read as one of today ([`stored`]). Of one that cannot be read as a whole,
//! what can be read is kept ([`salvage`]). A spec that cannot be read makes its object refused, with the place and the
//! reason, and harms no other object.

mod salvage;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use smol_str::SmolStr;
use weir_api::command::{COMMAND_ANNOTATION, shown};
use weir_api::{FINALIZER, stored};
use weir_engine::{Key, KindName, Object};

use crate::document::Document;
use crate::kinds::Spec;

/// How many finalizers are kept of an object, and how long all of them together may be: it may have thousands.
const FINALIZERS: (usize, usize) = (8, 512);
/// Stands for the finalizers of others where they are more than that.
pub const MANY: &str = "many others";
/// How much is kept of why a spec cannot be read, in bytes: it quotes what was found.
const LONGEST_REFUSAL: usize = 2_048;

/// The metadata that is kept of every object, whether its spec can be read or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Tells this object from an earlier one of the same name.
    pub uid: SmolStr,
    /// The `resourceVersion`, opaque.
    pub version: SmolStr,
    /// Rises with each change of the spec.
    pub generation: i64,
    /// When its deletion was asked for.
    pub deleted: Option<Timestamp>,
    /// The value of the command annotation.
    pub command: Option<String>,
    /// All finalizers, ours and those of others; where these are many, ours and [`MANY`].
    pub finalizers: Vec<SmolStr>,
}

impl<S, T> From<&Object<S, T>> for Metadata {
    fn from(object: &Object<S, T>) -> Self {
        Self {
            uid: object.uid.clone(),
            version: object.version.clone(),
            generation: object.generation,
            deleted: object.deleted,
            command: object.command.clone(),
            finalizers: object.finalizers.clone(),
        }
    }
}

impl Metadata {
    /// Whether a user has asked for something else since.
    pub fn asks_otherwise(&self, before: &Self) -> bool {
        self.uid != before.uid
            || self.generation != before.generation
            || self.command != before.command
            || self.deleted != before.deleted
    }

    /// Whether nothing but the version differs.
    pub fn equals(&self, before: &Self) -> bool {
        !self.asks_otherwise(before) && self.finalizers == before.finalizers
    }

    /// Whether it carries Weir's finalizer.
    pub fn has_finalizer(&self) -> bool {
        self.finalizers.iter().any(|finalizer| finalizer == FINALIZER)
    }
}

/// Why an object cannot be decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is known of it nevertheless.
    pub metadata: Metadata,
    /// What was found in its spec and what was expected.
    pub message: String,
    /// Its status, unread, in the form of today.
    pub status: Value,
}

/// An object as it was read.
#[derive(Clone, Debug)]
pub struct Received<S: Spec> {
    /// Where it is.
    pub key: Key,
    /// The object, or why there is none to decide on.
    pub object: Result<Object<S, S::Status>, Refusal>,
    /// What of its status could not be read, and why.
    pub lost: Vec<String>,
    /// Whether its status is stored in the form of an earlier version.
    pub outdated: bool,
}

impl<S: Spec> Received<S> {
    /// What is known of every object.
    pub fn metadata(&self) -> Metadata {
        match &self.object {
            Ok(object) => Metadata::from(object),
            Err(refusal) => refusal.metadata.clone(),
        }
    }
}

/// Reads a document. `None` when it has no namespace or no name: no server sends such a thing.
pub fn read<S: Spec>(mut document: Document) -> Option<Received<S>> {
    let key = document.key()?;
    let outdated = stored::renew(S::KIND.word(), &mut document.status);
    let created = document.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
    let metadata = metadata_of(&document);
    let mut lost = Vec::new();
    let object = match spec::<S>(&document.spec) {
        Ok(spec) => Ok(Object {
            key: key.clone(),
            uid: metadata.uid,
            generation: metadata.generation,
            version: metadata.version,
            created,
            deleted: metadata.deleted,
            finalizers: metadata.finalizers,
            command: metadata.command,
            spec,
            status: {
                let (status, unreadable) = salvage::read(document.status);
                lost = unreadable;
                status
            },
        }),
        Err(message) => Err(Refusal { metadata, message, status: document.status }),
    };
    Some(Received { key, object, lost, outdated })
}

/// Reads a status of a kind; what cannot be read of it is lost.
pub fn status<Status: DeserializeOwned + Default>(kind: KindName, mut found: Value) -> Status {
    stored::renew(kind.word(), &mut found);
    salvage::read(found).0
}

/// Whether one value is what is left of another when fields were dropped.
pub fn is_part_of(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|other| is_part_of(value, other)))
        }
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(part, whole)| is_part_of(part, whole))
        }
        _ => part == whole,
    }
}

fn metadata_of(document: &Document) -> Metadata {
    let metadata = &document.metadata;
    let command = metadata.annotations.as_ref().and_then(|annotations| annotations.get(COMMAND_ANNOTATION));
    Metadata {
        uid: metadata.uid.as_deref().unwrap_or_default().into(),
        version: metadata.resource_version.as_deref().unwrap_or_default().into(),
        generation: metadata.generation.unwrap_or_default(),
        deleted: metadata.deletion_timestamp.as_ref().map(|time| time.0),
        command: command.map(|command| shown(command).to_owned()),
        finalizers: finalizers(metadata.finalizers.as_deref().unwrap_or_default()),
    }
}

fn finalizers(found: &[String]) -> Vec<SmolStr> {
    let (most, longest) = FINALIZERS;
    if found.len() <= most && found.iter().map(String::len).sum::<usize>() <= longest {
        return found.iter().map(SmolStr::new).collect();
    }
    let ours = found.iter().find(|finalizer| *finalizer == FINALIZER).map(SmolStr::new);
    ours.into_iter().chain([MANY.into()]).collect()
}

fn spec<S: DeserializeOwned>(found: &Value) -> Result<S, String> {
    // Cloning first is cheap beside the second attempt, which only bad objects need: read from text, the error
    // knows its line, and from the line follows the field.
    serde_json::from_value(found.clone()).or_else(|error| {
        let text = serde_json::to_string_pretty(found).unwrap_or_default();
        serde_json::from_str(&text).map_err(|located: serde_json::Error| {
            let reason = error.to_string();
            let reason = &reason[..reason.floor_char_boundary(LONGEST_REFUSAL)];
            format!(
                "found in {}: {reason}; expected a spec of the version of this controller; correct the field, or install \
                 the definitions that `weir crds` prints",
                path(&text, located.line())
            )
        })
    })
}

/// The field that stands on a line of pretty-printed JSON, for example `spec.strategy.steps[1].pause`.
fn path(text: &str, line: usize) -> String {
    let mut open: Vec<(String, Option<usize>)> = Vec::new();
    let mut here = "spec".to_owned();
    for content in text.lines().take(line).map(str::trim) {
        if content.starts_with(['}', ']']) {
            open.pop();
            continue;
        }
        let parent = open.last_mut();
        here = match parent {
            None => "spec".to_owned(),
            Some((name, Some(index))) => {
                let element = format!("{name}[{index}]");
                *index += 1;
                element
            }
            Some((name, None)) => match content.split_once("\": ") {
                Some((field, _)) => format!("{name}.{}", field.trim_start_matches('"')),
                None => name.clone(),
            },
        };
        if content.ends_with('{') {
            open.push((here.clone(), None));
        } else if content.ends_with('[') {
            open.push((here.clone(), Some(0)));
        }
    }
    here
}

#[cfg(test)]
mod tests;
