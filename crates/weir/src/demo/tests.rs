//! The whole demo, as plain lines, without its pace.

use std::time::Duration;

use serde_json::json;
use weir_lab::{Settings, World};

use super::plain::Plain;
use super::play;
use super::show::Show;
use super::summary::Summary;

fn played(seed: u64) -> (String, Summary) {
    let mut text = Vec::new();
    let mut show = Show::Plain(Plain::new(&mut text));
    let summary = play(seed, &mut show, || None).unwrap();
    show.line(&summary.to_string()).unwrap();
    drop(show);
    (String::from_utf8(text).unwrap(), summary)
}

#[test]
fn a_release_succeeds_and_the_next_one_comes_back() {
    let (text, summary) = played(1);
    insta::assert_snapshot!(console::strip_ansi_codes(&text));
    assert!(summary.is_good(), "{:#?}", summary.verdicts);
}

#[test]
fn every_seed_ends_as_expected() {
    for seed in 2..5 {
        let (text, summary) = played(seed);
        assert!(summary.is_good(), "seed {seed}\n{text}");
    }
}

/// The demo plays one example; the other one works in the same world.
#[test]
fn the_example_of_a_rule_works_too() {
    let read =
        |name| std::fs::read_to_string(format!("{}/../../examples/rule/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let manifests = ["entry-point.yaml", "environments.yaml", "route.yaml", "shift.yaml"].map(read).join("\n---\n");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new(Settings::seeded(1));
        world.furnish(&manifests, 2).unwrap();
        world.start_controller();
        world.apply(&manifests).unwrap();
        let complete = |world: &World| world.is_complete("search");
        world.run_until(complete, Duration::from_mins(30)).await.unwrap();
        assert_eq!(world.account().rule_weights("shop-public", 443, 20), [("search-1".to_owned(), 100)].into());
        world.patch("trafficshifts", "search", &json!({"spec": {"to": "search-2"}})).unwrap();
        world.run_until(complete, Duration::from_mins(30)).await.unwrap();
        let weights = world.account().rule_weights("shop-public", 443, 20);
        assert_eq!(weights.get("search-2"), Some(&100), "{weights:?}");
    });
}
