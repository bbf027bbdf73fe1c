//! What comes of manifests: sound ones, those with a mistake in them, and worlds that something befalls.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Accidents, Seed, Simulation};
use crate::manifest;
use crate::world_file::WorldFile;

/// The manifests of `examples/release`, with something else in the place of a text.
fn release(text: &str, other: &str) -> Vec<(String, Value)> {
    example("release", &["entry-point.yaml", "environments.yaml", "route.yaml", "shift.yaml"], text, other)
}

/// The files of a folder of `examples`, with something else in the place of a text.
fn example(folder: &str, files: &[&str], text: &str, other: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(folder);
    let read = |name: &str| {
        let found = fs::read_to_string(folder.join(name)).unwrap().replace(text, other);
        let documents = manifest::parse(&found).unwrap().into_iter();
        documents.map(|document| (name.to_owned(), document)).collect::<Vec<_>>()
    };
    files.iter().copied().flat_map(read).collect()
}

fn play(text: &str, other: &str, world: Option<&str>) -> Seed {
    let world = world.map(|text| WorldFile::parse(text).unwrap());
    Simulation::new(release(text, other), world).unwrap().play(1, Accidents::None)
}

#[test]
fn a_sound_release_ends_as_it_is_wished() {
    let simulation = Simulation::new(release("", ""), None).unwrap();
    let seed = simulation.play(1, Accidents::None);
    assert!(seed.is_good(), "{seed:#?}");
    let shift = &seed.undisturbed.shifts[0];
    assert_eq!(
        (shift.shift.as_str(), shift.ended.as_deref(), shift.resumed),
        ("default/checkout", Some("Succeeded"), 0)
    );
    assert!((360..600).contains(&shift.seconds), "{shift:?}");
    assert_eq!((seed.undisturbed.failed, seed.undisturbed.uncovered_permille), (0, 0));
    assert!(seed.undisturbed.requests > 10_000 && seed.undisturbed.calls["ModifyListener"] >= 4, "{seed:?}");
    assert_eq!(simulation.play(1, Accidents::None), seed, "a seed plays the same again");
}

#[test]
fn what_befalls_a_release_breaks_no_invariant() {
    let simulation = Simulation::new(release("", ""), None).unwrap();
    for seed in simulation.play_all(&[1, 2, 3, 4, 5, 6], Accidents::Single, |_| ()) {
        assert!(seed.is_good(), "{seed:#?}");
        let disturbed = seed.disturbed.unwrap();
        assert_eq!(disturbed.accidents.len(), 1);
        assert!(disturbed.shifts.iter().all(|shift| shift.ended.is_some()), "{disturbed:#?}");
    }
}

#[test]
fn a_pause_without_an_end_is_ended_by_somebody() {
    let seed = play("    - weight: 25\n      pause: {duration: 2m}", "    - weight: 25\n      pause: {}", None);
    assert!(seed.is_good(), "{seed:#?}");
    assert_eq!(seed.undisturbed.shifts[0].resumed, 1);
}

#[test]
fn capacity_that_is_never_there_is_told() {
    let world = "targetGroups: [{name: checkout-blue, targets: 8}, {name: checkout-green, targets: 1}]";
    let seed = play("", "", Some(world));
    assert!(!seed.is_good());
    let shift = &seed.undisturbed.shifts[0];
    assert_eq!(shift.ended.as_deref(), Some("RolledBack"));
    assert!(shift.message.contains("capacity") || shift.message.contains("healthy"), "{shift:?}");
    assert!(seed.undisturbed.broken.is_empty(), "{seed:#?}");
}

#[test]
fn a_deadline_that_its_own_steps_outrun_is_told() {
    let seed = play("progressDeadline: 15m", "progressDeadline: 30s\n  evidence: Share", None);
    let shift = &seed.undisturbed.shifts[0];
    assert!(!shift.as_wished && shift.message.contains("30s"), "{shift:?}");
}

#[test]
fn a_name_that_leads_nowhere_is_told() {
    let seed = play("  - environment: green\n", "  - environment: gren\n", None);
    let play = &seed.undisturbed;
    assert!(!play.is_as_wished() && !play.unready.is_empty(), "{play:#?}");
    assert!(play.unready.iter().any(|line| line.contains("gren")), "{play:#?}");
}

#[test]
fn manifests_that_cannot_be_used_are_told_with_what_to_write() {
    let mistakes = Simulation::new(release("weight: 50", "weight: 150"), None).unwrap_err();
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    assert!(mistakes[0].starts_with("shift.yaml: ") && mistakes[0].contains("150"), "{mistakes:?}");
    let nothing = Simulation::new(vec![("a.yaml".to_owned(), serde_json::json!({"kind": "ConfigMap"}))], None);
    assert!(nothing.unwrap_err()[0].contains("found none of Weir's kinds"));
}

/// The manifests of `examples/lockstep`, with something else in the place of a text.
fn lockstep(text: &str, other: &str) -> Vec<(String, Value)> {
    example("lockstep", &["environments.yaml", "routes.yaml", "shift.yaml"], text, other)
}

#[test]
fn a_name_and_a_listener_in_lockstep_end_as_they_are_wished() {
    let simulation = Simulation::new(lockstep("", ""), None).unwrap();
    let seed = simulation.play(1, Accidents::None);
    assert!(seed.is_good(), "{seed:#?}");
    let play = &seed.undisturbed;
    assert_eq!((play.shifts[0].ended.as_deref(), play.failed, play.uncovered_permille), (Some("Succeeded"), 0, 0));
    // Three steps, and what is remembered at the end.
    assert_eq!(play.calls["ChangeResourceRecordSets"], 4, "{play:#?}");
    assert!(play.calls["ModifyListener"] >= 3 && play.requests > 10_000, "{play:#?}");
    assert!((360..1200).contains(&play.shifts[0].seconds), "{play:#?}");
    assert_eq!(simulation.play(1, Accidents::None), seed, "a seed plays the same again");
}

#[test]
fn what_befalls_names_breaks_no_invariant() {
    let simulation = Simulation::new(lockstep("", ""), None).unwrap();
    for seed in simulation.play_all(&[1, 2, 3, 4, 5, 6], Accidents::Random, |_| ()) {
        assert!(seed.is_good(), "{seed:#?}");
        let disturbed = seed.disturbed.unwrap();
        assert!(disturbed.shifts.iter().all(|shift| shift.ended.is_some()), "{disturbed:#?}");
    }
}

#[test]
fn weights_of_a_name_are_played() {
    let files = ["environments.yaml", "route.yaml"];
    for (text, other) in [("", ""), ("  adopt: true\n", "")] {
        let simulation = Simulation::new(example("dns", &files, text, other), None).unwrap();
        let seed = simulation.play(1, Accidents::Single);
        assert!(seed.is_good(), "{seed:#?}");
        assert!(seed.undisturbed.requests > 1_000 && seed.undisturbed.failed == 0, "{seed:#?}");
    }
}

#[test]
fn weights_of_a_name_that_move_slowly_get_where_they_are_wished() {
    let files = ["environments.yaml", "route.yaml"];
    let manifests = example("dns", &files, "weights: {api-blue: 100}", "weights: {api-green: 100}");
    let (seed, told) = Simulation::new(manifests, None).unwrap().play_telling(1, Accidents::None);
    assert!(seed.is_good(), "{seed:#?}");
    let is_taken = |line: &&str| line.contains("ChangeResourceRecordSets") && line.ends_with("→ done");
    let batches = told.lines().filter(is_taken).count();
    assert_eq!(batches, 11, "it is taken over, and moved in ten steps\n{told}");
    assert!(told.contains("; change wanted; Applying: ") && !told.contains("null"), "{told}");
}

#[test]
fn a_world_file_says_what_stands_at_a_name() {
    let files = ["environments.yaml", "route.yaml"];
    let world = WorldFile::parse(include_str!("../../../../examples/sim/dns.yaml")).unwrap();
    let simulation = Simulation::new(example("dns", &files, "", ""), Some(world.clone())).unwrap();
    assert!(simulation.play(1, Accidents::None).is_good());
    // What nobody knows is taken over by nobody.
    let simulation =
        Simulation::new(example("dns", &files, "existing: {name: api-blue}", "existing: {name: x}"), Some(world));
    let play = simulation.unwrap().play(1, Accidents::None).undisturbed;
    assert!(play.unready.iter().any(|line| line.contains("WeightedRoute default/api: UnknownTarget")), "{play:#?}");
}

#[test]
fn names_that_cannot_be_in_one_zone_are_told() {
    let mistakes = Simulation::new(lockstep("id: Z0123456789ABCDEFGHIJ", "id: z1"), None).unwrap_err();
    assert!(mistakes[0].starts_with("routes.yaml: ") && mistakes[0].contains("z1"), "{mistakes:?}");
}
