//! Ignored annotations, those of Weir's prefix that nothing acts on: a misspelt one, or a command on a kind that takes none.
//!
//! Of an object no more is kept than what was told of it, so that it is told once.

use std::collections::BTreeMap;

use weir_api::GROUP;
use weir_api::command::{COMMAND_ANNOTATION, shown};
use weir_engine::event::Event;
use weir_engine::{KindName, ObjectRef, Reason};

use crate::document::Document;

/// What was found on objects that have such annotations.
#[derive(Debug, Default)]
pub(crate) struct IgnoredAnnotations {
    found: BTreeMap<ObjectRef, Ignored>,
}

#[derive(Debug, PartialEq, Eq)]
struct Ignored {
    uid: String,
    event: Event,
}

impl IgnoredAnnotations {
    /// Takes in an object as a watch has shown it. Whether there is something that was not found on it before.
    pub(crate) fn observe(&mut self, object: &ObjectRef, document: &Document) -> bool {
        let Some(event) = ignored(object.kind, document) else {
            self.found.remove(object);
            return false;
        };
        let ignored = Ignored { uid: document.metadata.uid.clone().unwrap_or_default(), event };
        if self.found.get(object) == Some(&ignored) {
            return false;
        }
        self.found.insert(object.clone(), ignored);
        true
    }

    /// An object is no more.
    pub(crate) fn forget(&mut self, object: &ObjectRef) {
        self.found.remove(object);
    }

    /// Every object on which something was found.
    pub(crate) fn objects(&self) -> Vec<ObjectRef> {
        self.found.keys().cloned().collect()
    }

    /// What is to be told of an object, with its uid.
    pub(crate) fn event_of(&self, object: &ObjectRef) -> Option<(String, Event)> {
        self.found.get(object).map(|ignored| (ignored.uid.clone(), ignored.event.clone()))
    }
}

/// What is told of the first annotation of an object that nobody acts on.
fn ignored(kind: KindName, document: &Document) -> Option<Event> {
    let takes_commands = matches!(kind, KindName::WeightedRoute | KindName::TrafficShift);
    let is_ours = |key: &str| key.split_once('/').is_some_and(|(prefix, _)| prefix == GROUP);
    let is_known = |key: &str| key == COMMAND_ANNOTATION && takes_commands;
    let annotations = document.metadata.annotations.iter().flatten();
    let (key, value) = annotations.into_iter().find(|(key, _)| is_ours(key) && !is_known(key))?;
    if key == COMMAND_ANNOTATION {
        let message = format!(
            "{}: ignored: found a command on a kind that takes none ({}); give it to a TrafficShift, or resume to a \
             WeightedRoute",
            shown(value),
            kind.word()
        );
        return Some(Event::warning(Reason::Command, message));
    }
    let message = format!(
        "found the annotation {}, which Weir does not know and does nothing about; the one that it knows is \
         {COMMAND_ANNOTATION}, so correct its name or remove it",
        shown(key)
    );
    Some(Event::warning(Reason::UnknownAnnotation, message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_engine::{Key, KindName, ObjectRef};

    use super::IgnoredAnnotations;
    use crate::document::Document;

    fn document(annotations: &serde_json::Value) -> Document {
        let metadata = json!({"namespace": "shop", "name": "a", "uid": "u", "annotations": annotations});
        serde_json::from_value(json!({"metadata": metadata})).unwrap()
    }

    #[test]
    fn what_nobody_acts_on_is_told_once_for_each_value() {
        let object = |kind| ObjectRef::new(kind, Key::new("shop", "a"));
        let (shift, environment) = (object(KindName::TrafficShift), object(KindName::Environment));
        let mut ignored_annotations = IgnoredAnnotations::default();
        let command = document(&json!({"weir.dev/command": "abort/1", "team.example/weir.dev": "x"}));
        assert!(!ignored_annotations.observe(&shift, &command), "a shift takes commands");
        assert!(ignored_annotations.observe(&environment, &command));
        assert!(!ignored_annotations.observe(&environment, &command), "once is enough");
        let (uid, event) = ignored_annotations.event_of(&environment).unwrap();
        assert!(event.warning && event.message.starts_with("abort/1: ignored: "), "{uid}: {event:?}");
        assert!(ignored_annotations.observe(&environment, &document(&json!({"weir.dev/command": "abort/2"}))));
        assert!(ignored_annotations.observe(&shift, &document(&json!({"weir.dev/comand": "abort/1"}))));
        let (_, event) = ignored_annotations.event_of(&shift).unwrap();
        assert!(event.message.starts_with("found the annotation weir.dev/comand, which"), "{event:?}");
        assert_eq!(ignored_annotations.objects().len(), 2);
        assert!(
            !ignored_annotations.observe(&shift, &document(&json!({})))
                && ignored_annotations.event_of(&shift).is_none()
        );
    }

    #[test]
    fn long_texts_are_not_kept_whole() {
        let environment = ObjectRef::new(KindName::Environment, Key::new("shop", "a"));
        let mut ignored_annotations = IgnoredAnnotations::default();
        ignored_annotations.observe(&environment, &document(&json!({"weir.dev/command": "ü".repeat(3_000)})));
        assert!(ignored_annotations.event_of(&environment).unwrap().1.message.len() < 300);
    }
}
