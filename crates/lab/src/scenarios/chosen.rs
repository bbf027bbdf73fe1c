//! Weights that the user owns, while controllers die and statuses are lost.

use serde_json::{Value, json};
use weir_api::condition::find;

use crate::World;
use crate::stage::weights;

use super::{HOUR, MINUTE, changes, live, play, route_status, until};

/// Changes the spec of the route `checkout`.
pub(super) fn choose(world: &World, spec: &Value) {
    world.patch("weightedroutes", "checkout", &json!({ "spec": spec })).unwrap();
}

pub(super) async fn until_live(world: &mut World, entries: &[(&str, u32)]) {
    let expected = weights(entries);
    until(world, &format!("{expected:?} is live"), |world| live(world) == expected, HOUR).await;
}

/// What a condition of the route says.
pub(super) fn says(world: &World, condition: &str) -> (String, String) {
    let conditions = route_status(world, "checkout").conditions;
    let found = find(&conditions, condition).cloned();
    found.map(|found| (found.reason.into(), found.message.into())).unwrap_or_default()
}

#[test]
fn a_controller_that_dies_on_the_way_goes_on() {
    play(305, async |world| {
        let pace = json!({"maxStep": 10, "interval": "30s"});
        choose(world, &json!({"weights": {"blue": 50, "green": 50}, "pace": pace}));
        for green in [10, 30] {
            until(world, "on the way", |world| live(world).get("green") == Some(&green), HOUR).await;
            world.crash_controller();
            world.run_for(5 * MINUTE).await;
            assert_eq!(live(world)["green"], green, "nothing moves without a controller");
            world.start_controller();
        }
        until_live(world, &[("blue", 50), ("green", 50)]).await;
        let green: Vec<u32> = changes(world).iter().map(|change| change.after["green"]).collect();
        assert_eq!(green, [0, 10, 20, 30, 40, 50]);
    });
}

#[test]
fn weights_are_followed_from_what_is_live_when_statuses_are_lost() {
    play(306, async |world| {
        let pace = json!({"maxStep": 10, "interval": "1m"});
        choose(world, &json!({"weights": {"blue": 50, "green": 50}, "pace": pace}));
        until(world, "on the way", |world| live(world).get("green") == Some(&30), HOUR).await;
        world.lose_statuses();
        until_live(world, &[("blue", 50), ("green", 50)]).await;
        let green: Vec<u32> = changes(world).iter().map(|change| change.after["green"]).collect();
        assert!(green.is_sorted(), "{green:?}");
    });
}
