//! Somebody else changes what a route has set: told, waited for, corrected, adopted; and fights that end.

use std::time::Duration;

use serde_json::json;
use weir_api::traffic_shift::{Outcome, Phase};

use crate::World;
use crate::stage::{BALANCER, PORT, shift, steps, weights};

use super::chosen::{choose, says, until_live};
use super::{
    HOUR, MINUTE, changes, live, outcome, play, route_status, status, told, until, until_applied, until_complete,
    until_phase,
};

fn console(world: &World, entries: &[(&str, u32)]) {
    world.account().forward(BALANCER, PORT, entries);
}

fn resume(world: &World, token: &str) {
    let annotations = json!({"weir.dev/command": format!("resume/{token}")});
    world.patch("weightedroutes", "checkout", &json!({"metadata": {"annotations": annotations}})).unwrap();
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
fn pause_waits_until_it_is_accepted() {
    play(322, async |world| {
        split(world, "Pause").await;
        console(world, &[("blue", 50), ("green", 50)]);
        until(world, "it is seen", |world| says(world, "Synced").0 == "Drifted", 2 * MINUTE).await;
        choose(world, &json!({"weights": {"blue": 60, "green": 40}}));
        world.run_for(HOUR).await;
        assert_eq!(live(world), weights(&[("blue", 50), ("green", 50)]));
        assert!(says(world, "Ready").1.contains("the command resume accepts what is live"));
        resume(world, "1");
        until_live(world, &[("blue", 60), ("green", 40)]).await;
        let last = route_status(world, "checkout").last_command.unwrap();
        assert_eq!(last.result, "accepted: what is live is the new starting point");
    });
}

#[test]
fn correct_sets_it_again_after_a_moment() {
    play(323, async |world| {
        split(world, "Correct").await;
        console(world, &[("blue", 50), ("green", 50)]);
        let corrected = weights(&[("blue", 80), ("green", 20)]);
        let took = until(world, "it is corrected", |world| live(world) == corrected, 2 * MINUTE).await;
        assert!(took >= Duration::from_secs(10), "{took:?}");
        world.run_for(MINUTE).await;
        assert_eq!(says(world, "Synced").0, "Applied");
        assert_eq!(says(world, "Contested").0, "Uncontested");
        assert!(has_event(world, "Correcting"), "{}", told(world));
    });
}

#[test]
fn a_fight_ends_contested_and_rests() {
    play(324, async |world| {
        split(world, "Correct").await;
        for _ in 0..8 {
            console(world, &[("blue", 50), ("green", 50)]);
            world.run_for(3 * MINUTE).await;
        }
        assert_eq!(live(world), weights(&[("blue", 50), ("green", 50)]));
        let (reason, message) = says(world, "Contested");
        assert_eq!(reason, "Contested");
        assert!(
            message.contains("another writer keeps changing the weights: it has set blue 50, green 50 at"),
            "{message}"
        );
        let before = changes(world).len();
        world.run_for(12 * HOUR).await;
        assert_eq!(changes(world).len(), before);
        assert_eq!(says(world, "Contested").0, "Contested", "it is told for as long as it lasts");
        assert!(has_event(world, "Contested"));
        resume(world, "1");
        until_live(world, &[("blue", 80), ("green", 20)]).await;
        assert_eq!(says(world, "Contested").0, "Uncontested");
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
fn adopt_holds_what_is_live() {
    play(326, async |world| {
        choose(world, &json!({"drift": "Adopt"}));
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        let before = changes(world).len();
        console(world, &[("blue", 30), ("green", 70)]);
        until(world, "it is adopted", |world| says(world, "Synced").1.contains("blue 30"), 2 * MINUTE).await;
        world.run_for(HOUR).await;
        assert_eq!(says(world, "Synced"), ("Held".to_owned(), "blue 30, green 70 is live and held".to_owned()));
        assert_eq!(changes(world).len(), before);
        assert!(has_event(world, "Adopted"), "{}", told(world));
    });
}

#[test]
fn a_run_corrects_and_goes_on() {
    play(327, async |world| {
        choose(world, &json!({"drift": "Correct"}));
        world.apply(&shift("green", &steps(&[25, 50, 100], "5m"), "")).unwrap();
        until_applied(world, 25).await;
        console(world, &[("blue", 90), ("green", 10)]);
        until(world, "it is corrected", |world| live(world)["green"] == 25, 2 * MINUTE).await;
        assert!(status(world).run.unwrap().hold.is_none());
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
    });
}

#[test]
fn a_run_that_is_fought_holds() {
    play(328, async |world| {
        choose(world, &json!({"drift": "Correct"}));
        world.apply(&shift("green", &steps(&[25, 50, 100], "30m"), "")).unwrap();
        until_applied(world, 25).await;
        for _ in 0..3 {
            console(world, &[("blue", 90), ("green", 10)]);
            world.run_for(3 * MINUTE).await;
        }
        until_phase(world, Phase::Held).await;
        assert_eq!((status(world).waiting.unwrap().reason.as_str(), live(world)["green"]), ("ForeignChange", 10));
        world.command("checkout", "abort/1").unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world)["blue"], 100);
    });
}

#[test]
fn a_run_goes_on_from_what_it_adopts() {
    play(329, async |world| {
        choose(world, &json!({"drift": "Adopt"}));
        world.apply(&shift("green", &steps(&[25, 50, 100], "10m"), "")).unwrap();
        until_applied(world, 25).await;
        console(world, &[("blue", 50), ("green", 50)]);
        until_applied(world, 50).await;
        until_complete(world, "checkout").await;
        let green: Vec<u32> = changes(world).iter().map(|change| change.after["green"]).collect();
        assert_eq!(green, [0, 25, 100], "{}", told(world));
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
