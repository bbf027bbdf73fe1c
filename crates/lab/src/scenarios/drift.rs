//! Somebody else changes what a route has set: what is told of it, a fight at full speed, and what is noticed at rest.

use std::time::Duration;

use serde_json::json;

use crate::World;
use crate::stage::{BALANCER, PORT};

use super::chosen::{choose, says, until_live};
use super::{HOUR, MINUTE, changes, live, play, told, until};

fn console(world: &World, entries: &[(&str, u32)]) {
    world.account().forward(BALANCER, PORT, entries);
}

async fn split(world: &mut World, policy: &str) {
    choose(world, &json!({"weights": {"blue": 80, "green": 20}, "drift": policy}));
    until_live(world, &[("blue", 80), ("green", 20)]).await;
    world.run_for(MINUTE).await;
}

fn has_event(world: &World, reason: &str) -> bool {
    world.events().iter().any(|event| event.reason == reason)
}

#[test]
fn alert_tells_and_leaves_it() {
    play(321, async |world| {
        split(world, "Alert").await;
        let before = changes(world).len();
        console(world, &[("blue", 50), ("green", 50)]);
        world.run_for(HOUR).await;
        assert_eq!(changes(world).len(), before);
        let (reason, message) = says(world, "Synced");
        assert_eq!(reason, "Drifted");
        assert!(
            message.starts_with("found blue 50, green 50; expected blue 80, green 20, which spec.weights"),
            "{message}"
        );
        assert!(message.contains("seen since 20"), "{message}");
        assert!(has_event(world, "Drifted"), "{}", told(world));
        assert!(
            world.metrics().unwrap().render().contains("weir_route_drifted{namespace=\"shop\",route=\"checkout\"} 1")
        );
        choose(world, &json!({"weights": {"blue": 60, "green": 40}}));
        until_live(world, &[("blue", 60), ("green", 40)]).await;
    });
}

#[test]
fn a_writer_that_answers_at_once_is_a_fight_too() {
    play(325, async |world| {
        split(world, "Correct").await;
        // Every correction is undone within a second, before it can be read back.
        for _ in 0..1_200 {
            if live(world)["blue"] == 80 {
                console(world, &[("blue", 50), ("green", 50)]);
            }
            world.run_for(Duration::from_millis(500)).await;
        }
        assert_eq!(says(world, "Contested").0, "Contested", "{}", told(world));
        assert!(changes(world).len() < 20, "{} writes", changes(world).len());
    });
}

#[test]
fn a_balancer_that_another_controller_takes_is_noticed_at_rest() {
    play(330, async |world| {
        split(world, "Correct").await;
        world.run_for(HOUR).await;
        let balancer = world.aws().balancer_arn(BALANCER).unwrap();
        world.aws().add_tags(&balancer, &[("elbv2.k8s.aws/cluster", "prod")]).unwrap();
        let noticed = |world: &World| says(world, "Stalled").0 == "OwnedByAnother";
        until(world, "it is noticed", noticed, 10 * MINUTE).await;
        let before = changes(world).len();
        console(world, &[("blue", 50), ("green", 50)]);
        choose(world, &json!({"weights": {"blue": 60, "green": 40}}));
        world.run_for(HOUR).await;
        assert_eq!(changes(world).len(), before);
    });
}

#[test]
fn a_mark_that_is_replaced_is_noticed_at_rest() {
    play(331, async |world| {
        split(world, "Correct").await;
        world.run_for(HOUR).await;
        let listener = world.account().listener_arn(BALANCER, PORT);
        world.aws().add_tags(&listener, &[("weir.dev/owner", "another")]).unwrap();
        let noticed = |world: &World| says(world, "Stalled").0 == "OwnedByAnother";
        until(world, "it is noticed", noticed, 10 * MINUTE).await;
        assert!(says(world, "Stalled").1.contains("belongs to the Weir installation \"another\""));
    });
}
