//! The courses without any fault.

use crate::course::Course;
use crate::plan::Plan;

#[test]
fn every_course_is_sound_without_faults() {
    for (name, course) in Course::all() {
        let played = Plan::undisturbed(1, course).play();
        assert_eq!(played.failures, [], "{name}");
        assert!(played.requests.len() > 60, "{name} makes {} requests only", played.requests.len());
    }
}
