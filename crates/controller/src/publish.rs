//! Kubernetes events: what a change of status tells the user, in the form of `events.k8s.io`.
//!
//! Names and times come from the given clock and a counter, so that a replay publishes the same events. Losing an
//! event is no failure: the status says the same.

use std::collections::VecDeque;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event as Published;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use weir_api::GROUP;
use weir_engine::ObjectRef;
use weir_engine::event::Event;

use crate::document;

/// Who reports, as Kubernetes wants it: a qualified name.
pub const REPORTER: &str = "weir.dev/controller";

/// How many events wait to be sent before new ones are dropped.
const WAITING: usize = 1_000;

/// The longest note that the API server takes, in bytes.
const NOTE: usize = 1_024;

/// Events on their way out.
#[derive(Debug)]
pub struct Outbox {
    instance: String,
    count: u64,
    waiting: VecDeque<(ObjectRef, Published)>,
}

impl Outbox {
    /// An empty outbox of a process.
    pub fn new(instance: String) -> Self {
        Self { instance, count: 0, waiting: VecDeque::new() }
    }

    /// Puts an event in. Returns whether there was room for it.
    pub fn add(&mut self, now: Timestamp, object: &ObjectRef, uid: &str, event: &Event) -> bool {
        if self.waiting.len() >= WAITING {
            return false;
        }
        self.count += 1;
        let published = publish(now, self.count, &self.instance, object, uid, event);
        self.waiting.push_back((object.clone(), published));
        true
    }

    /// Drops all that waits.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// The next event to be sent.
    pub fn take(&mut self) -> Option<(ObjectRef, Published)> {
        self.waiting.pop_front()
    }
}

fn publish(now: Timestamp, count: u64, instance: &str, object: &ObjectRef, uid: &str, event: &Event) -> Published {
    let resource = document::resource(object.kind);
    Published {
        metadata: ObjectMeta {
            name: Some(format!("{}.{:x}.{count:x}", object.key.name, now.as_microsecond())),
            namespace: Some(object.key.namespace.to_string()),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        action: Some("Reconcile".to_owned()),
        reason: Some(event.reason.to_string()),
        note: Some(shorten(&event.message)),
        type_: Some(if event.warning { "Warning" } else { "Normal" }.to_owned()),
        reporting_controller: Some(REPORTER.to_owned()),
        reporting_instance: Some(instance.to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some(format!("{GROUP}/{}", resource.version)),
            kind: Some(resource.kind),
            name: Some(object.key.name.to_string()),
            namespace: Some(object.key.namespace.to_string()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        }),
        ..Published::default()
    }
}

/// Cuts a text to what the API server takes, between two characters.
fn shorten(text: &str) -> String {
    if text.len() <= NOTE {
        return text.to_owned();
    }
    let end = (0..=NOTE - '…'.len_utf8()).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use weir_engine::event::Event;
    use weir_engine::{Key, KindName, ObjectRef, Reason};

    use super::{NOTE, Outbox, WAITING};

    fn outbox() -> (Outbox, ObjectRef, jiff::Timestamp) {
        let object = ObjectRef::new(KindName::TrafficShift, Key::new("shop", "checkout"));
        (Outbox::new("weir-0".to_owned()), object, "2026-11-21T10:00:00.25Z".parse().unwrap())
    }

    #[test]
    fn an_event_names_its_object_and_instant() {
        let (mut outbox, object, now) = outbox();
        outbox.add(now, &object, "u1", &Event::warning(Reason::RolledBack, "the candidate is ill"));
        let (_, event) = outbox.take().unwrap();
        let text = serde_json::to_string_pretty(&event).unwrap();
        for expected in [
            r#""eventTime": "2026-11-21T10:00:00.250000Z""#,
            r#""kind": "TrafficShift""#,
            r#""apiVersion": "weir.dev/v1alpha1""#,
            r#""uid": "u1""#,
            r#""type": "Warning""#,
            r#""reportingController": "weir.dev/controller""#,
            r#""note": "the candidate is ill""#,
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }

    #[test]
    fn two_events_of_one_instant_have_different_names() {
        let (mut outbox, object, now) = outbox();
        let event = Event::normal(Reason::StepApplied, "25 %");
        assert!(outbox.add(now, &object, "u1", &event) && outbox.add(now, &object, "u1", &event));
        let names: Vec<_> = std::iter::from_fn(|| outbox.take()).map(|(_, event)| event.metadata.name).collect();
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let (mut outbox, object, now) = outbox();
        outbox.add(now, &object, "u1", &Event::normal(Reason::StepApplied, "ü".repeat(NOTE)));
        let note = outbox.take().unwrap().1.note.unwrap();
        assert!(note.len() <= NOTE && note.len() > NOTE - 8 && note.ends_with("ü…"), "{}", note.len());
    }

    #[test]
    fn the_outbox_is_bounded() {
        let (mut outbox, object, now) = outbox();
        let event = Event::normal(Reason::StepApplied, "25 %");
        let taken = (0..WAITING + 5).filter(|_| outbox.add(now, &object, "u1", &event)).count();
        assert_eq!(taken, WAITING);
    }
}
