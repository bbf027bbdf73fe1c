//! Objects that are changed in the middle of a run: it holds, and what it moves stays what it recorded.

use serde_json::json;
use weir_api::traffic_shift::Outcome;
use weir_sim::aws::RuleAction;

use crate::World;
use crate::stage::{self, BALANCER, environment, on_virtual_time, route, shift, steps, weights};
use crate::world::Settings;

use super::chosen::{choose, says, until_live};
use super::{MINUTE, changes, live, outcome, play, status, told, until, until_applied, until_complete};

async fn at_a_quarter(world: &mut World) {
    world.apply(&shift("green", &steps(&[25, 50, 100], "10m"), "")).unwrap();
    until_applied(world, 25).await;
    world.run_for(MINUTE).await;
}

/// The environment names another target group, which exists.
fn repoint(world: &mut World, name: &str, group: &str) {
    world.add_group(group, 4, weir_sim::aws::TargetStickiness::Off).unwrap();
    let groups = json!({"spec": {"targetGroups": [{"name": "web", "existing": {"name": group}}]}});
    world.patch("environments", name, &groups).unwrap();
}

fn waits_for(world: &World, reason: &str) -> bool {
    status(world).waiting.is_some_and(|waiting| waiting.reason == reason)
}

async fn until_held(world: &mut World) -> String {
    until(world, "the run holds", |world| waits_for(world, "ObjectsChanged"), 2 * MINUTE).await;
    let before = changes(world).len();
    world.run_for(30 * MINUTE).await;
    assert_eq!(changes(world).len(), before, "{}", told(world));
    assert!(waits_for(world, "ObjectsChanged"), "{}", told(world));
    status(world).waiting.unwrap().message
}

#[test]
fn an_environment_that_names_another_group_holds_the_run_and_hinders_no_way_back() {
    for (seed, dies) in [(681, true), (682, false)] {
        play(seed, async |world| {
            at_a_quarter(world).await;
            repoint(world, "green", "other");
            let message = until_held(world).await;
            assert!(message.contains("the Environment green names arn:"), "{message}");
            goes_back(world, dies).await;
        });
    }
}

/// The candidate dies, or somebody gives the command, and the traffic is back on blue.
async fn goes_back(world: &mut World, dies: bool) {
    if dies {
        world.account().break_targets("green", 4);
    } else {
        world.command("checkout", "abort/1").unwrap();
    }
    let back = |world: &World| live(world).get("green") == Some(&0) && live(world)["blue"] > 0;
    until(world, "the traffic is back", back, 2 * MINUTE).await;
    until_complete(world, "checkout").await;
    assert_eq!(outcome(world), Some(Outcome::RolledBack), "{}", told(world));
    assert!(!live(world).contains_key("other"));
}

#[test]
fn the_old_side_that_names_another_group_hinders_no_way_back() {
    for (seed, dies) in [(691, true), (692, false)] {
        play(seed, async |world| {
            at_a_quarter(world).await;
            repoint(world, "blue", "other");
            until(world, "it is told", |world| says(world, "Ready").0 == "GroupChanged", 2 * MINUTE).await;
            goes_back(world, dies).await;
        });
    }
}

#[test]
fn the_run_goes_on_when_the_environment_is_as_it_was() {
    play(683, async |world| {
        at_a_quarter(world).await;
        repoint(world, "green", "other");
        until_held(world).await;
        let groups = json!({"spec": {"targetGroups": [{"name": "web", "existing": {"name": "green"}}]}});
        world.patch("environments", "green", &groups).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
    });
}

#[test]
fn an_environment_that_is_gone_gets_no_more_traffic() {
    for (seed, gone) in [(684, true), (685, false)] {
        play(seed, async |world| {
            at_a_quarter(world).await;
            if gone {
                world.delete("environments", "green").unwrap();
            } else {
                choose(world, &json!({"backends": [{"environment": "blue"}]}));
            }
            let message = until_held(world).await;
            let expected = if gone { "the Environment green, to which" } else { "spec.backends does not name green" };
            assert!(message.contains(expected), "{message}");
            world.account().break_targets("green", 4);
            until_complete(world, "checkout").await;
            assert_eq!(outcome(world), Some(Outcome::RolledBack), "{}", told(world));
            assert_eq!(live(world)["green"], 0);
        });
    }
}

#[test]
fn the_old_side_may_go_with_the_release_that_replaces_it() {
    play(686, async |world| {
        at_a_quarter(world).await;
        world.delete("environments", "blue").unwrap();
        choose(world, &json!({"backends": [{"environment": "green"}]}));
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
    });
}

/// Another listener of the balancer, on which somebody else's answer stands.
fn another_listener(world: &World) -> String {
    world.aws().add_listener(BALANCER, "HTTPS", 8443, &RuleAction::FixedResponse(404)).unwrap()
}

fn listen_on(world: &World, port: u16) {
    let listeners = json!({"spec": {"listeners": [{"name": "https", "port": port}]}});
    world.patch("entrypoints", "public", &listeners).unwrap();
}

#[test]
fn an_entry_point_that_leads_elsewhere_takes_no_run_along() {
    for (seed, dies) in [(687, true), (688, false)] {
        play(seed, async |world| {
            let other = another_listener(world);
            at_a_quarter(world).await;
            listen_on(world, 8443);
            let message = until_held(world).await;
            assert!(message.contains("the EntryPoint public leads to another listener"), "{message}");
            if dies {
                world.account().break_targets("green", 4);
            } else {
                world.command("checkout", "abort/1").unwrap();
            }
            until_complete(world, "checkout").await;
            assert_eq!(outcome(world), Some(Outcome::RolledBack), "{}", told(world));
            assert_eq!(live(world)["green"], 0, "the way back is where the run was");
            assert_eq!(world.aws().action_kinds(&other), ["fixed-response"]);
            assert!(world.aws().tags(&other).is_empty());
            // It stays there until somebody says otherwise.
            until(world, "it is told", |world| says(world, "Stalled").0 == "ListenerChanged", MINUTE).await;
            let resume = json!({"metadata": {"annotations": {"weir.dev/command": "resume/1"}}});
            world.patch("weightedroutes", "checkout", &resume).unwrap();
            until(world, "it goes there", |world| !world.aws().tags(&other).is_empty(), MINUTE).await;
        });
    }
}

#[test]
fn an_environment_that_names_another_group_at_rest_is_told_and_moves_nothing() {
    // The judges know one group of each environment, so they are not asked.
    on_virtual_time(async {
        let world = &mut stage::set(Settings::seeded(689)).await;
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        repoint(world, "green", "other");
        until(world, "it is told", |world| says(world, "Ready").0 == "GroupChanged", 2 * MINUTE).await;
        let before = changes(world).len();
        world.run_for(30 * MINUTE).await;
        assert_eq!(changes(world).len(), before);
        assert_eq!(live(world)["green"], live(world).values().sum::<u32>());
        // Away from it, the traffic moves as ever; and then to what it names now.
        world.apply(&shift("blue", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world)["blue"], live(world).values().sum::<u32>(), "{}", told(world));
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(live(world)["other"], live(world).values().sum::<u32>(), "{}", told(world));
    });
}

#[test]
fn two_environments_of_one_group_are_told_apart_from_none() {
    play(690, async |world| {
        let twin = environment("twin").replace("existing: {name: twin}", "existing: {name: blue}");
        world.apply(&twin).unwrap();
        world.apply(&route("checkout", &["blue", "green", "twin"], "")).unwrap();
        until(world, "it is told", |world| says(world, "Ready").0 == "BackendUnusable", 2 * MINUTE).await;
        assert!(says(world, "Ready").1.contains("the Environments blue and twin have the same target group"));
        world.apply(&shift("twin", "{allAtOnce: {}}", "")).unwrap();
        world.run_for(10 * MINUTE).await;
        assert!(waits_for(world, "WaitingForEnvironment"), "{}", told(world));
        choose(world, &json!({"weights": {"blue": 50, "twin": 50}}));
        world.run_for(10 * MINUTE).await;
        assert_eq!(says(world, "Ready").0, "WaitingForEnvironment");
        assert_eq!(live(world), weights(&[("blue", 100)]));
        choose(world, &json!({"weights": {"blue": 50, "green": 50, "twin": null}}));
        until_live(world, &[("blue", 50), ("green", 50)]).await;
    });
}
