//! The courses without any fault.

use crate::course::Course;
use crate::plan::Plan;

#[test]
fn every_course_is_sound_without_faults() {
    for course in [Course::release(), Course::short(), Course::first(), Course::sticky()] {
        let played = Plan::undisturbed(1, course.clone()).play();
        assert_eq!(played.failures, [], "{course:?}");
        println!("{} requests", played.requests.len());
    }
}
