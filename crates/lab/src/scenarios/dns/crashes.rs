//! Controllers that die before and after each write of a course, and one that was asleep.

use crate::crash;

use super::*;

#[test]
fn whatever_write_a_controller_dies_at_the_end_is_the_same() {
    let set = async || {
        let (world, zone) = furnished(Settings::seeded(661)).await;
        let old = of_world(&world, RecordEdit::simple(NAME, RecordType::A, alias("blue")));
        world.aws().add_records(&zone, &[old]).unwrap();
        let extra = "adopt: true, weights: {green: 1}, pace: {maxStep: 50, interval: 1m}";
        world.apply(&name_route(&zone, NAME, extra)).unwrap();
        world
    };
    let course = async |world: &mut World| {
        let is_so = |world: &World| {
            let intent = route_status(world, "api").intent;
            // Blue is kept in mind until nobody comes to it any more.
            intent.is_some_and(|intent| intent.verified_at.is_some() && intent.weights.len() == 1)
        };
        world.run_until(is_so, HOUR).await.map(drop)
    };
    // Where the identifier of a change is lost, it counts as in sync after two minutes.
    let report = crash::enumerate_within(3 * MINUTE, set, course).unwrap();
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    assert!(report.writes >= 6, "{report:?}");
}
