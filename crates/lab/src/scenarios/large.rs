//! Objects that are as large as an API server takes them.

use serde_json::json;
use weir_api::traffic_shift::Outcome;

use crate::stage::{shift, steps};
use crate::world::World;

use super::{MINUTE, outcome, play, told, until_applied, until_complete};

/// How large what an object's status holds is, in bytes.
fn size(world: &World, resource: &str) -> usize {
    world.kube().get(resource, world.namespace(), "checkout").unwrap()["status"].to_string().len()
}

#[test]
fn a_quarter_of_a_mebibyte_of_control_characters_is_no_command_and_harms_nothing() {
    play(821, async |world| {
        world.apply(&shift("green", &steps(&[50, 100], "5m"), "")).unwrap();
        until_applied(world, 50).await;
        let before = ["trafficshifts", "weightedroutes"].map(|resource| size(world, resource));
        for (number, letter) in ["\u{1}", "\"", "\u{7f}", "x"].into_iter().enumerate() {
            let text = format!("abort/{number}{}", letter.repeat(250 * 1024));
            let annotations = json!({"metadata": {"annotations": {"weir.dev/command": text, "weir.dev/odd": "x"}}});
            for resource in ["trafficshifts", "weightedroutes", "environments", "entrypoints"] {
                let name = match resource {
                    "environments" => "green",
                    "entrypoints" => "public",
                    _ => "checkout",
                };
                world.patch(resource, name, &annotations).unwrap();
            }
            world.run_for(MINUTE / 2).await;
            let after = ["trafficshifts", "weightedroutes"].map(|resource| size(world, resource));
            assert!(after[0] < before[0] + 2_048 && after[1] < before[1] + 2_048, "{before:?} {after:?}");
            assert!(world.events().iter().all(|event| event.note.len() <= 1_024), "{}", told(world));
        }
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
    });
}
