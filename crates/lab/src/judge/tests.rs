//! Each judge, on a real course of things that somebody has tampered with.

use std::sync::OnceLock;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use crate::evidence::{Change, Evidence};
use crate::journal::{Entry, What};
use crate::stage::{self, on_virtual_time, shift, steps};
use crate::world::Settings;

use super::{Invariant, judge};

/// A release that went well, and an hour of rest after it.
fn release() -> Evidence {
    static RELEASE: OnceLock<Evidence> = OnceLock::new();
    let play = || {
        on_virtual_time(async {
            let mut world = stage::set(Settings::seeded(3)).await;
            world.apply(&shift("green", &steps(&[25, 100], "1m"), "")).unwrap();
            world.run_until(|world| world.is_complete("checkout"), Duration::from_secs(3_600)).await.unwrap();
            world.run_for(Duration::from_secs(3_600)).await;
            world.evidence()
        })
    };
    RELEASE.get_or_init(play).clone()
}

fn found(evidence: &Evidence) -> Vec<Invariant> {
    let mut found: Vec<Invariant> = judge(evidence).into_iter().map(|breach| breach.invariant).collect();
    found.dedup();
    found
}

/// The number of the last write of weights.
fn last_write(evidence: &Evidence) -> usize {
    let is_write = |entry: &Entry| matches!(&entry.what, What::Aws(request) if request.operation == "ModifyListener");
    evidence.entries.iter().rposition(is_write).unwrap()
}

#[test]
fn a_release_that_went_well_is_sound() {
    let breaches: Vec<String> = judge(&release()).iter().map(ToString::to_string).collect();
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn all_zero_is_seen() {
    let mut evidence = release();
    let last = evidence.changes.last().unwrap().clone();
    let after = last.after.keys().map(|group| (group.clone(), 0)).collect();
    evidence.changes.push(Change { at: last.at + SignedDuration::from_secs(90), before: last.after, after, ..last });
    assert_eq!(found(&evidence), [Invariant::AllZero]);
}

#[test]
fn a_raise_towards_the_sick_is_seen() {
    let mut evidence = release();
    let is_green = |what: &What| matches!(what, What::Health { group, .. } if group == "green");
    for entry in evidence.entries.iter_mut().filter(|entry| is_green(&entry.what)) {
        entry.what = What::Health { group: "green".to_owned(), healthy: 0 };
    }
    assert_eq!(found(&evidence), [Invariant::Capacity]);
}

#[test]
fn a_step_against_the_run_is_seen() {
    let mut evidence = release();
    let number = last_write(&evidence);
    let What::Aws(request) = &mut evidence.entries[number].what else { unreachable!() };
    for (name, value) in &mut request.form {
        if name.ends_with("Weight") {
            *value = if value == "0" { "100" } else { "1" }.to_owned();
        }
    }
    assert!(found(&evidence).contains(&Invariant::Direction));
}

#[test]
fn a_write_that_nobody_asked_for_is_seen() {
    let mut evidence = release();
    let mut entry = evidence.entries[last_write(&evidence)].clone();
    entry.at = evidence.ended - SignedDuration::from_secs(60);
    let What::Aws(request) = &mut entry.what else { unreachable!() };
    for (name, value) in &mut request.form {
        if name.ends_with("Weight") {
            *value = "7".to_owned();
        }
    }
    evidence.entries.push(entry);
    assert_eq!(found(&evidence), [Invariant::Direction]);
}

#[test]
fn a_step_before_the_last_was_read_is_seen() {
    let mut evidence = release();
    evidence.calls.retain(|call| call.operation != "DescribeRules");
    assert_eq!(found(&evidence), [Invariant::Order]);
}

#[test]
fn a_write_to_what_is_not_marked_is_seen() {
    let mut evidence = release();
    let number = last_write(&evidence);
    let What::Aws(request) = &mut evidence.entries[number].what else { unreachable!() };
    request.tags.remove("weir.dev/owner");
    assert_eq!(found(&evidence), [Invariant::Ownership]);
}

#[test]
fn a_claim_of_what_was_not_so_is_seen() {
    let mut evidence = release();
    evidence.changes.pop();
    assert_eq!(found(&evidence), [Invariant::Claims]);
}

#[test]
fn a_change_without_a_controller_is_seen() {
    let mut evidence = release();
    let at = evidence.changes.last().unwrap().at - SignedDuration::from_secs(30);
    let number = evidence.entries.iter().position(|entry| entry.at > at).unwrap();
    evidence.entries.insert(number, Entry { at, life: 1, what: What::Paused });
    assert_eq!(found(&evidence), [Invariant::Silence]);
}

#[test]
fn writing_again_and_again_is_seen() {
    let mut evidence = release();
    let is_status = |entry: &&Entry| matches!(&entry.what, What::Kube(request) if request.is_write() && request.path.contains("trafficshifts"));
    let mut entry = evidence.entries.iter().rfind(is_status).unwrap().clone();
    for _ in 0..60 {
        entry.at += SignedDuration::from_millis(500);
        evidence.entries.push(entry.clone());
    }
    assert_eq!(found(&evidence), [Invariant::Turmoil]);
}

#[test]
fn a_run_that_never_ends_is_seen() {
    let mut evidence = release();
    evidence.ended += SignedDuration::from_hours(3);
    evidence.entries.retain(|entry| match &entry.what {
        What::Kube(request) => {
            request.object.as_ref().is_none_or(|object| object["status"]["run"]["endedAt"].is_null())
        }
        _ => true,
    });
    assert_eq!(found(&evidence), [Invariant::Endings]);
}

#[test]
fn a_replay_is_seen() {
    let mut evidence = release();
    let is_first = |entry: &&Entry| match &entry.what {
        What::Kube(request) => request.object.as_ref().is_some_and(|object| object["status"]["run"]["seq"] == 1),
        _ => false,
    };
    let mut entry = evidence.entries.iter().find(is_first).unwrap().clone();
    entry.at = evidence.ended - SignedDuration::from_secs(600);
    let What::Kube(request) = &mut entry.what else { unreachable!() };
    let object = request.object.as_mut().unwrap();
    object["metadata"]["uid"] = json!("another");
    object["status"]["run"]["startedAt"] = json!(entry.at.to_string());
    evidence.entries.push(entry);
    assert!(found(&evidence).contains(&Invariant::Replay));
}
