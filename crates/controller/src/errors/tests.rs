//! What each failure tells the user.

use kube::core::Status;
use kube::runtime::watcher;
use weir_engine::{Key, KindName, ObjectRef};

use super::{Failure, describe_watch};
use crate::watch::Subject;

fn refusal(code: u16, message: &str) -> kube::Error {
    kube::Error::Api(Box::new(Status { code, ..Status::failure(message, "") }))
}

#[test]
fn a_missing_definition_is_named_with_what_to_apply() {
    let error = watcher::Error::InitialListFailed(refusal(404, "404 page not found"));
    let (message, _) = describe_watch(Subject::Kind(KindName::TrafficShift), &error);
    assert!(message.contains("does not know trafficshifts.weir.dev"), "{message}");
    assert!(message.contains("weir crds"), "{message}");
}

#[test]
fn a_missing_permission_is_named_with_what_to_grant() {
    let error = watcher::Error::WatchStartFailed(refusal(403, "user weir cannot watch"));
    let (message, code) = describe_watch(Subject::Kind(KindName::WeightedRoute), &error);
    assert_eq!(code, Some(403));
    assert!(message.contains("grant list and watch"), "{message}");
    assert!(message.contains("weightedroutes.weir.dev"), "{message}");
}

#[test]
fn answers_of_the_api_server_are_told_apart() {
    let object = ObjectRef::new(KindName::TrafficShift, Key::new("shop", "checkout"));
    let failure = |code| Failure::from_client(refusal(code, "because"), &object, "write the status of");
    assert_eq!(failure(409), Failure::Conflict(object.clone()));
    assert_eq!(failure(404), Failure::Gone(object.clone()));
    assert!(matches!(failure(403), Failure::Forbidden { .. }));
    assert!(matches!(failure(422), Failure::Invalid { .. }));
    assert!(matches!(failure(503), Failure::Unavailable { .. }));
    assert!(failure(422).to_string().contains("write the status of TrafficShift shop/checkout: because"));
}
