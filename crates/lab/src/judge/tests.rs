//! Each judge, on a real course of things that somebody has tampered with.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use weir_engine::invariant::{Invariant, Judge};

use crate::evidence::{Call, Change, Evidence, Tags, Weights};
use crate::journal::{AwsRequest, Entry, What};
use crate::stage::{self, on_virtual_time, shift, steps};
use crate::world::Settings;

use super::judge;

mod raw;

/// What is done to the evidence, and what must be found then.
type Tampering = (Invariant, fn(&mut Evidence));

const TAMPERINGS: [Tampering; 22] = [
    (Invariant::AllZero, all_zero),
    (Invariant::RaisedWithoutCapacity, a_candidate_that_never_was_healthy),
    (Invariant::OutOfRangeOrDirection, a_step_against_the_run),
    (Invariant::OutOfRangeOrDirection, a_write_that_nobody_asked_for),
    (Invariant::StepBeforeObservation, steps_without_a_look),
    (Invariant::TornDownTooSoon, a_group_dropped_with_its_weight),
    (Invariant::BlindRetry, an_unknown_outcome_and_no_look),
    (Invariant::NotOurs, a_place_without_a_mark),
    (Invariant::AfterLease, a_lease_that_was_not_renewed),
    (Invariant::AfterLease, a_lease_that_was_given_up_before),
    (Invariant::FalseClaim, a_change_that_was_not_made),
    (Invariant::MovedByAbsence, a_controller_that_was_not_carried_on),
    (Invariant::RollbackImpossible, a_rollback_that_failed_with_a_healthy_old_side),
    (Invariant::EndlessFight, one_status_again_and_again),
    (Invariant::EndlessFight, a_refused_write_each_second),
    (Invariant::NotOurs, a_rule_in_place_of_one_of_others),
    (Invariant::NotOurs, a_write_to_another_listener),
    (Invariant::FalseClaim, an_illness_that_nobody_checked),
    (Invariant::SilentFailure, a_candidate_that_dies_unseen),
    (Invariant::Overwritten, a_write_over_what_somebody_put_there),
    (Invariant::EndlessRun, no_end_on_record),
    (Invariant::Replay, the_first_run_again),
];

/// A release that went well, and an hour of rest after it.
fn release() -> Evidence {
    static RELEASE: OnceLock<Evidence> = OnceLock::new();
    let play = || {
        on_virtual_time(async {
            let mut world = stage::set(Settings::seeded(3)).await;
            world.apply(&shift("green", &steps(&[25, 100], "1m"), "")).unwrap();
            world.run_until(|world| world.is_complete("checkout"), Duration::from_hours(1)).await.unwrap();
            world.run_for(Duration::from_hours(1)).await;
            world.evidence()
        })
    };
    RELEASE.get_or_init(play).clone()
}

#[test]
fn a_release_that_went_well_is_sound() {
    let breaches: Vec<String> = judge(&release()).iter().map(ToString::to_string).collect();
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn whatever_is_tampered_with_is_seen() {
    for (invariant, tamper) in TAMPERINGS {
        let mut evidence = release();
        tamper(&mut evidence);
        let found: BTreeSet<Invariant> = judge(&evidence).into_iter().map(|breach| breach.invariant).collect();
        assert!(found.contains(&invariant), "{invariant:?} was not seen, but {found:?}");
    }
}

#[test]
fn a_run_is_no_replay_of_one_that_somebody_took_from_the_memory() {
    let mut evidence = release();
    the_first_run_again(&mut evidence);
    let at = evidence.entries.last().unwrap().at - SignedDuration::from_secs(1);
    let place = evidence.changes.last().unwrap().place.clone();
    evidence.retaggings.push(Change { at, place, by_hand: true, before: Tags::new(), after: Tags::new() });
    let found: BTreeSet<Invariant> = judge(&evidence).into_iter().map(|breach| breach.invariant).collect();
    assert!(!found.contains(&Invariant::Replay), "{found:?}");
}

#[test]
fn a_finalizer_that_hangs_is_seen() {
    let mut evidence = release();
    evidence.lingering.push(("weightedroutes/checkout".to_owned(), evidence.ended - SignedDuration::from_mins(13)));
    let found: Vec<Invariant> = judge(&evidence).into_iter().map(|breach| breach.invariant).collect();
    assert_eq!(found, [Invariant::HangingFinalizer]);
}

/// A release of two routes at once that went well.
fn release_of_two() -> Evidence {
    on_virtual_time(async {
        let mut world = stage::set(Settings::seeded(4)).await;
        world.apply(&stage::rule_route("inner", &["blue", "green"], 10, "")).unwrap();
        for to in ["blue", "green"] {
            let wish = shift(to, &steps(&[25, 50, 100], "1m"), "");
            world.apply(&wish.replace("routes: [checkout]", "routes: [checkout, inner]")).unwrap();
            world.run_until(|world| world.is_complete("checkout"), Duration::from_hours(1)).await.unwrap();
        }
        world.evidence()
    })
}

#[test]
fn routes_that_get_out_of_step_are_seen() {
    let mut evidence = release_of_two();
    assert_eq!(judge(&evidence), []);
    // The rule stays at 25 % while the default action goes on.
    let is_rule = |change: &Change<Weights>| change.place.contains("listener-rule");
    let at_25 =
        evidence.changes.iter().position(|change| is_rule(change) && change.after.get("green") == Some(&25)).unwrap();
    let mut number = 0;
    evidence.changes.retain(|change| {
        number += 1;
        number <= at_25 + 1 || !is_rule(change)
    });
    let found: BTreeSet<Invariant> = judge(&evidence).into_iter().map(|breach| breach.invariant).collect();
    assert!(found.contains(&Invariant::OutOfStep), "{found:?}");
}

#[test]
fn what_a_deletion_leaves_behind_is_seen() {
    let mut deletion = on_virtual_time(async {
        let mut world = stage::set(Settings::seeded(4)).await;
        let restoring = json!({"spec": {"deletionPolicy": "Restore"}});
        world.patch("weightedroutes", "checkout", &restoring).unwrap();
        world.apply(&shift("green", "{allAtOnce: {}}", "")).unwrap();
        world.run_until(|world| world.is_complete("checkout"), Duration::from_hours(1)).await.unwrap();
        world.delete("weightedroutes", "checkout").unwrap();
        world.run_for(Duration::from_mins(5)).await;
        world.evidence()
    });
    assert_eq!(judge(&deletion), []);
    let is_write = |entry: &Entry| matches!(&entry.what, What::Aws(request) if request.sent.operation == "RemoveTags");
    let mut late = deletion.clone();
    let mut again = late.entries.iter().find(|entry| is_write(entry)).unwrap().clone();
    again.at = late.ended - SignedDuration::from_secs(60);
    request(&mut again).sent.asks.tags = late.retaggings.last().unwrap().before.clone();
    late.entries.push(again);
    assert!(judge(&late).iter().any(|breach| breach.invariant == Invariant::LeftBehind));
    let last = deletion.retaggings.last_mut().unwrap();
    last.after.clone_from(&last.before);
    let found: Vec<Invariant> = judge(&deletion).into_iter().map(|breach| breach.invariant).collect();
    assert_eq!(found, [Invariant::LeftBehind]);
}

#[test]
fn every_invariant_that_the_lab_judges_is_tried() {
    let apart = [Invariant::HangingFinalizer, Invariant::LeftBehind, Invariant::OutOfStep];
    let tried = TAMPERINGS.iter().map(|(invariant, _)| *invariant).chain(apart);
    let tried: BTreeSet<Invariant> = tried.collect();
    let is_ours = |judge: &Judge| matches!(judge, Judge::World | Judge::Trace);
    for invariant in Invariant::ALL {
        assert_eq!(tried.contains(&invariant), invariant.judges().iter().any(is_ours), "{invariant:?}");
    }
}

fn a_lease_that_was_not_renewed(evidence: &mut Evidence) {
    let write = evidence.entries[last_write(evidence)].at;
    let is_too_late = |entry: &Entry| entry.at > write - SignedDuration::from_secs(56);
    evidence.entries.retain(|entry| !matches!(entry.what, What::Lease(_)) || !is_too_late(entry));
}

fn a_lease_that_was_given_up_before(evidence: &mut Evidence) {
    let write = evidence.entries[last_write(evidence)].at;
    let claims = evidence.entries.iter_mut().filter(|entry| entry.at < write);
    let last =
        claims.filter_map(|entry| if let What::Lease(claim) = &mut entry.what { Some(claim) } else { None }).last();
    last.unwrap().holder.clear();
}

/// The number of the last write of weights.
fn last_write(evidence: &Evidence) -> usize {
    let is_write =
        |entry: &Entry| matches!(&entry.what, What::Aws(request) if request.sent.operation == "ModifyListener");
    evidence.entries.iter().rposition(is_write).unwrap()
}

fn request(entry: &mut Entry) -> &mut AwsRequest {
    match &mut entry.what {
        What::Aws(request) => request,
        other => panic!("{other:?} is no request to AWS"),
    }
}

fn weights(request: &mut AwsRequest) -> &mut Weights {
    &mut request.sent.asks.split.as_mut().unwrap().weights
}

/// The objects of the shift, as they were recorded.
fn records(evidence: &mut Evidence) -> impl Iterator<Item = &mut Value> {
    evidence.entries.iter_mut().filter_map(|entry| match &mut entry.what {
        What::Kube(request) if request.path.contains("/trafficshifts/") => request.object.as_mut().map(Arc::make_mut),
        _ => None,
    })
}

fn all_zero(evidence: &mut Evidence) {
    let last = evidence.changes.last().unwrap().clone();
    let after = last.after.keys().map(|group| (group.clone(), 0)).collect();
    evidence.changes.push(Change { at: last.at + SignedDuration::from_secs(90), before: last.after, after, ..last });
}

fn a_candidate_that_never_was_healthy(evidence: &mut Evidence) {
    let is_green = |what: &What| matches!(what, What::Health { group, .. } if group == "green");
    for entry in evidence.entries.iter_mut().filter(|entry| is_green(&entry.what)) {
        entry.what = What::Health { group: "green".to_owned(), healthy: 0 };
    }
}

/// The run never gets beyond its first step, and its candidate dies.
fn a_candidate_that_dies_unseen(evidence: &mut Evidence) {
    let is_part = |change: &Change<Weights>| change.after.get("green") == Some(&25);
    let step = evidence.changes.iter().position(is_part).unwrap();
    evidence.changes.truncate(step + 1);
    let died = evidence.changes[step].at + SignedDuration::from_secs(30);
    evidence.entries.retain(|entry| match &entry.what {
        What::Kube(request) => entry.at < died || !request.path.contains("/trafficshifts/"),
        _ => true,
    });
    let number = evidence.entries.iter().position(|entry| entry.at > died).unwrap();
    let what = What::Health { group: "green".to_owned(), healthy: 0 };
    evidence.entries.insert(number, Entry { at: died, process: 0, what });
}

fn a_step_against_the_run(evidence: &mut Evidence) {
    let number = last_write(evidence);
    for weight in weights(request(&mut evidence.entries[number])).values_mut() {
        *weight = if *weight == 0 { 100 } else { 1 };
    }
}

fn a_write_that_nobody_asked_for(evidence: &mut Evidence) {
    let mut entry = evidence.entries[last_write(evidence)].clone();
    entry.at = evidence.ended - SignedDuration::from_secs(60);
    for weight in weights(request(&mut entry)).values_mut() {
        *weight = 7;
    }
    evidence.entries.push(entry);
}

fn a_group_dropped_with_its_weight(evidence: &mut Evidence) {
    let number = last_write(evidence);
    let blue = evidence.groups.iter().find(|(_, name)| *name == "blue").unwrap().0.clone();
    weights(request(&mut evidence.entries[number])).remove(&blue).unwrap();
}

/// One more write at an instant, as the last one was.
fn write_again(evidence: &mut Evidence, at: Timestamp, change: impl FnOnce(&mut AwsRequest)) {
    let mut entry = evidence.entries[last_write(evidence)].clone();
    entry.at = at;
    change(request(&mut entry));
    evidence.entries.push(entry);
}

fn a_refused_write_each_second(evidence: &mut Evidence) {
    let call = evidence.calls.iter().rfind(|call| call.operation == "ModifyListener").unwrap().clone();
    for second in 0..12 {
        let at = evidence.ended + SignedDuration::from_secs(second);
        write_again(evidence, at, |request| request.status = Some(400));
        let code = "TargetGroupAssociationLimit".to_owned();
        evidence.calls.push(Call { at: at + SignedDuration::from_millis(20), code, ..call.clone() });
    }
}

/// The routes as they were recorded.
fn routes(evidence: &mut Evidence) -> impl Iterator<Item = &mut Value> {
    evidence.entries.iter_mut().filter_map(|entry| match &mut entry.what {
        What::Kube(request) if request.path.contains("/weightedroutes/") => request.object.as_mut().map(Arc::make_mut),
        _ => None,
    })
}

fn a_rule_in_place_of_one_of_others(evidence: &mut Evidence) {
    let rule = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/shop-public/1/2/3";
    for route in routes(evidence).filter(|route| route["status"].is_object()) {
        route["status"]["listenerRule"]["marked"] = json!(rule);
    }
    let first = evidence.changes.iter().position(|change| !change.by_hand).unwrap();
    evidence.changes.insert(first, Change { place: rule.to_owned(), by_hand: true, ..evidence.changes[first].clone() });
    let at = evidence.ended;
    let tags = evidence.retaggings.last().unwrap().after.clone();
    write_again(evidence, at, |request| {
        request.sent.asks.creates = true;
        request.sent.asks.tags = tags;
    });
}

fn a_write_to_another_listener(evidence: &mut Evidence) {
    let at = evidence.ended;
    write_again(evidence, at, |request| {
        let listener = &mut request.sent.asks.resources[0];
        *listener = format!("{}0", &listener[..listener.len() - 1]).into();
    });
}

fn an_illness_that_nobody_checked(evidence: &mut Evidence) {
    let cause = json!({"reason": "CandidateUnhealthy", "message": "", "since": "2026-11-21T10:00:00Z"});
    for shift in records(evidence).filter(|shift| shift["status"]["run"].is_object()) {
        shift["status"]["run"]["rollback"] = cause.clone();
    }
    evidence.changes.retain(|change| change.by_hand);
}

fn a_write_over_what_somebody_put_there(evidence: &mut Evidence) {
    let mut change = evidence.changes.last().unwrap().clone();
    change.at = evidence.ended - SignedDuration::from_mins(10);
    change.by_hand = true;
    change.after = stage::weights(&[("blue", 70), ("green", 30)]);
    let (at, before) = (evidence.ended, change.after.clone());
    evidence.changes.push(change.clone());
    write_again(evidence, at, |_| ());
    evidence.changes.push(Change { at, by_hand: false, before, after: stage::weights(&[("green", 100)]), ..change });
}

fn steps_without_a_look(evidence: &mut Evidence) {
    evidence.calls.retain(|call| call.operation != "DescribeRules");
}

fn an_unknown_outcome_and_no_look(evidence: &mut Evidence) {
    let number = last_write(evidence);
    request(&mut evidence.entries[number]).status = None;
    let again = evidence.entries[number].clone();
    evidence.entries.insert(number + 1, again);
}

fn a_place_without_a_mark(evidence: &mut Evidence) {
    for change in &mut evidence.retaggings {
        change.after.remove("weir.dev/owner");
    }
}

fn a_change_that_was_not_made(evidence: &mut Evidence) {
    evidence.changes.pop();
}

fn a_controller_that_was_not_carried_on(evidence: &mut Evidence) {
    let at = evidence.changes.last().unwrap().at - SignedDuration::from_secs(30);
    let number = evidence.entries.iter().position(|entry| entry.at > at).unwrap();
    evidence.entries.insert(number, Entry { at, process: 1, what: What::Paused });
}

fn a_rollback_that_failed_with_a_healthy_old_side(evidence: &mut Evidence) {
    let last = records(evidence).last().unwrap();
    last["status"]["run"]["outcome"] = json!("Failed");
    last["status"]["run"]["rollback"] =
        json!({"reason": "Aborted", "message": "somebody said so", "since": "2026-11-21T10:05:00Z"});
}

fn one_status_again_and_again(evidence: &mut Evidence) {
    let is_status = |entry: &&Entry| matches!(&entry.what, What::Kube(request) if request.is_write() && request.path.contains("trafficshifts"));
    let mut entry = evidence.entries.iter().rfind(is_status).unwrap().clone();
    for _ in 0..60 {
        entry.at += SignedDuration::from_millis(500);
        evidence.entries.push(entry.clone());
    }
}

fn no_end_on_record(evidence: &mut Evidence) {
    evidence.ended += SignedDuration::from_hours(3);
    evidence.entries.retain(|entry| match &entry.what {
        What::Kube(request) => {
            request.object.as_ref().is_none_or(|object| object["status"]["run"]["endedAt"].is_null())
        }
        _ => true,
    });
}

fn the_first_run_again(evidence: &mut Evidence) {
    let is_first = |entry: &&Entry| match &entry.what {
        What::Kube(request) => request.object.as_ref().is_some_and(|object| object["status"]["run"]["seq"] == 1),
        _ => false,
    };
    let mut entry = evidence.entries.iter().find(is_first).unwrap().clone();
    entry.at = evidence.ended - SignedDuration::from_secs(600);
    if let What::Kube(request) = &mut entry.what
        && let Some(object) = &mut request.object
    {
        let object = Arc::make_mut(object);
        object["metadata"]["uid"] = json!("another");
        object["status"]["run"]["startedAt"] = json!(entry.at.to_string());
    }
    evidence.entries.push(entry);
}
