//! Shifts that move a name.

use jiff::Timestamp;
use weir_api::environment::Role;
use weir_api::traffic_shift::{GateName, Outcome, Phase};
use weir_sim::traffic::{DnsClients, Traffic, TrafficSettings};

use crate::stage::{shift, steps};

use super::super::{outcome, status as shift_status, until_applied, until_complete, until_phase};
use super::*;

/// A shift of the route of the name.
pub(super) fn shift_name(to: &str, strategy: &str, extra: &str) -> String {
    shift(to, strategy, extra).replace("[checkout]", "[api]")
}

/// The name is made, with everything on blue.
pub(super) async fn first(world: &mut World, zone: &str, extra: &str) {
    world.apply(&name_route(zone, NAME, extra)).unwrap();
    world.apply(&shift_name("blue", "{allAtOnce: {}}", "")).unwrap();
    until_complete(world, "checkout").await;
    world.run_for(2 * MINUTE).await;
}

/// What the shift says that it waits for.
pub(super) fn waiting(world: &World) -> (String, String) {
    shift_status(world).waiting.map(|waiting| (waiting.reason, waiting.message)).unwrap_or_default()
}

/// A run to green holds for what somebody else has done, and gets there once it is told to go on.
pub(super) async fn holds_and_resumes(world: &mut World, zone: &str) {
    until(world, "it holds", |world| waiting(world).0 == "ForeignChange", 5 * MINUTE).await;
    world.command("checkout", "resume/1").unwrap();
    until_complete(world, "checkout").await;
    assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
    assert_eq!(split(world, zone).await, [("green".to_owned(), 100)].into());
}

/// What an environment is to the route, and until when clients may come to it.
fn role(world: &World, environment: &str) -> (Role, Option<Timestamp>) {
    let status = world.environment(environment).and_then(|found| found.status).unwrap_or_default();
    let role = status.routes.iter().find(|role| role.route == "shop/api").unwrap();
    (role.role, role.clients_until)
}

/// Clients that come by the name, of which some stay connected.
fn clients(world: &World, zone: &str) -> Traffic {
    let dns = DnsClients { keep_connections_permille: 300, ..DnsClients::default() };
    world.traffic(TrafficSettings { dns, ..TrafficSettings::to_name(zone, NAME, 443) })
}

#[test]
fn a_shift_moves_a_name_and_waits_until_nobody_is_led_to_the_old_side() {
    play(671, &[], async |world, zone| {
        for name in ENVIRONMENTS {
            world.aws().set_client_keep_alive(&dns_name(name), 60).unwrap();
        }
        first(world, &zone, "").await;
        assert_eq!(splits(world, &zone), [weights(&[("blue", 100)])]);
        let mut traffic = clients(world, &zone);
        traffic.advance_to(world.now());
        world.apply(&shift_name("green", &steps(&[25, 50, 100], "2m"), "")).unwrap();
        for weight in [25, 50, 100] {
            until_applied(world, weight).await;
            let change = status(world).change.unwrap();
            let applied_at = shift_status(world).run.unwrap().applied_at.unwrap();
            assert!(change.in_sync_at.is_some_and(|at| at <= applied_at), "{change:?} {applied_at}");
        }
        until_phase(world, Phase::Baking).await;
        let run = shift_status(world).run.unwrap();
        let gate = &run.gates[0];
        assert_eq!((gate.name, gate.promotable), (GateName::OldAnswers, true));
        let (reason, message) = waiting(world);
        assert!(reason == "OldAnswers" && message.contains("some clients come to it until then"), "{reason} {message}");
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
        // For a minute after the last step was in sync resolvers may tell of blue, and connections last as long again.
        let in_sync = status(world).change.unwrap().in_sync_at.unwrap();
        assert_eq!(role(world, "blue"), (Role::Draining, Some(in_sync + 2 * MINUTE)));
        assert_eq!(role(world, "green"), (Role::Live, None));
        world.run_for(MINUTE).await;
        assert_eq!(role(world, "blue"), (Role::Standby, Some(in_sync + 2 * MINUTE)));
        traffic.advance_to(world.now());
        let since = in_sync + 2 * MINUTE;
        world.account().break_targets("blue", 4);
        world.run_for(10 * MINUTE).await;
        traffic.advance_to(world.now());
        assert_eq!(traffic.totals().failed, 0, "{:?}", traffic.causes());
        let seen = traffic.last_seen();
        assert!(seen["blue"] < since && seen["green"] > since, "{seen:?}");
        let expected = [
            weights(&[("blue", 100)]),
            weights(&[("blue", 75), ("green", 25)]),
            weights(&[("blue", 50), ("green", 50)]),
            weights(&[("green", 100)]),
        ];
        assert_eq!(splits(world, &zone), expected, "{}", told(world));
        assert_eq!(route_status(world, "api").last_run.unwrap().to, "green");
        // The name remembers that without a name of an object: whose status is lost does not move it again.
        world.lose_statuses();
        until_complete(world, "checkout").await;
        world.run_for(5 * MINUTE).await;
        assert_eq!(splits(world, &zone).len(), 4, "{}", told(world));
        let memory = records(world, &zone, "_weir.api.shop.test").await;
        let text = format!("{memory:?}");
        assert!(text.contains("last=") && !text.contains("green") && !text.contains("checkout"), "{text}");
        super::super::assert_sound(world);
    });
}

#[test]
fn who_has_an_old_answer_is_not_waited_for_when_told_so() {
    play(672, &[], async |world, zone| {
        first(world, &zone, "").await;
        world.apply(&shift_name("green", "{allAtOnce: {}}", "")).unwrap();
        until_phase(world, Phase::Baking).await;
        world.command("checkout", "promote/1").unwrap();
        world.run_for(Duration::from_secs(10)).await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
        super::super::assert_sound(world);
    });
}

#[test]
fn a_candidate_that_breaks_goes_back_at_once_and_must_run_until_nobody_is_led_to_it() {
    play(673, &[], async |world, zone| {
        first(world, &zone, "").await;
        world.apply(&shift_name("green", &steps(&[25, 50, 100], "10m"), "")).unwrap();
        until_applied(world, 50).await;
        world.run_for(MINUTE).await;
        let before = splits(world, &zone).len();
        world.account().break_targets("green", 4);
        let took = until(world, "the rollback", |world| splits(world, &zone).len() > before, HOUR).await;
        assert!(took.as_secs() <= 45, "{took:?}");
        let is_told = |world: &World| waiting(world).0 == "OldAnswers";
        until(world, "the old answers are told", is_told, 3 * MINUTE).await;
        assert_eq!(world.phase("checkout"), Some(Phase::RollingBack));
        let (_, message) = waiting(world);
        assert!(message.starts_with("blue 100 is live again for all name servers"), "{message}");
        let change = status(world).change.unwrap();
        until_complete(world, "checkout").await;
        assert!(world.now() >= change.in_sync_at.unwrap() + Duration::from_mins(1), "{change:?}");
        assert_eq!(outcome(world), Some(Outcome::RolledBack));
        assert_eq!(splits(world, &zone).len(), before + 1);
        assert_eq!(splits(world, &zone).last(), Some(&weights(&[("blue", 100)])));
        // A run that failed is not tried again, whatever is lost.
        world.account().mend_targets("green");
        world.lose_statuses();
        world.run_for(10 * MINUTE).await;
        assert_eq!(splits(world, &zone).len(), before + 1, "{}", told(world));
        super::super::assert_sound(world);
    });
}

#[test]
fn a_step_of_a_name_wants_targets_for_twenty_points_more() {
    play(674, &[], async |world, zone| {
        first(world, &zone, "").await;
        world.account().break_targets("green", 1);
        world.run_for(2 * MINUTE).await;
        world.apply(&shift_name("green", &steps(&[50, 60, 100], "1m"), "")).unwrap();
        // Half may be seventy percent: three of four. Sixty may be eighty: all four.
        until_applied(world, 50).await;
        let waits = |world: &World| waiting(world).0 == "Capacity";
        until(world, "it waits", waits, HOUR).await;
        let (_, message) = waiting(world);
        assert!(message.contains("green has 3 of the 4 healthy targets that it needs"), "{message}");
        // What it carries it can carry: it does not go back.
        world.run_for(5 * MINUTE).await;
        assert_eq!(splits(world, &zone).last(), Some(&weights(&[("blue", 50), ("green", 50)])));
        world.account().mend_targets("green");
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded));
        super::super::assert_sound(world);
    });
}

#[test]
fn an_environment_that_is_known_to_be_good_takes_everything_at_once() {
    play(675, &[], async |world, zone| {
        first(world, &zone, "").await;
        world.apply(&shift_name("green", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        let before = splits(world, &zone).len();
        world.apply(&shift_name("blue", &steps(&[25, 50, 100], "10m"), "")).unwrap();
        world.run_for(MINUTE).await;
        until_complete(world, "checkout").await;
        assert_eq!(splits(world, &zone)[before..], [weights(&[("blue", 100)])], "{}", told(world));
        super::super::assert_sound(world);
    });
}

#[test]
fn an_edit_in_the_middle_of_a_run_holds_it() {
    play(676, &[], async |world, zone| {
        first(world, &zone, "").await;
        world.apply(&shift_name("green", &steps(&[50, 100], "5m"), "")).unwrap();
        until_applied(world, 50).await;
        super::edits::edit(world, &zone, "green", 9).await;
        holds_and_resumes(world, &zone).await;
    });
}

#[test]
fn evidence_of_requests_is_refused_before_anything_moves() {
    play(677, &[], async |world, zone| {
        first(world, &zone, "").await;
        world.apply(&shift_name("green", "{allAtOnce: {}}", "evidence: Share")).unwrap();
        world.run_for(2 * MINUTE).await;
        let conditions = shift_status(world).conditions;
        let ready = find(&conditions, READY).unwrap();
        assert!(ready.reason == "Invalid" && ready.message.contains("evidence: Weights"), "{}", ready.message);
        assert_eq!(splits(world, &zone).len(), 1);
    });
}

#[test]
fn a_name_that_is_adopted_moves_from_what_was_there() {
    play_with(678, async |world, zone| {
        let target = world.aws().balancer_dns(&dns_name("blue")).unwrap().0;
        let says = RecordSays::Values(300, vec![target]);
        world.aws().add_records(&zone, &[RecordEdit::simple(NAME, RecordType::Cname, says)]).unwrap();
        world.start_controller();
        world.apply(&name_route(&zone, NAME, "adopt: true")).unwrap();
        world.apply(&shift_name("green", "{allAtOnce: {}}", "")).unwrap();
        until_phase(world, Phase::Baking).await;
        until_complete(world, "checkout").await;
        assert_eq!(split(world, &zone).await, [("green".to_owned(), 100)].into());
        // Whoever was answered before Weir came keeps that for five minutes.
        let effects = world.aws().effects();
        let moved = effects.iter().rev().find(|effect| matches!(effect.change, Change::Weights { .. })).unwrap().at;
        let ended = shift_status(world).run.unwrap().ended_at.unwrap();
        let adopted = effects.iter().find(|effect| !matches!(effect.author, Author::Hand)).unwrap().at;
        assert!(ended >= adopted + 5 * MINUTE, "adopted at {adopted}, moved at {moved}, ended at {ended}");
        super::super::assert_sound(world);
    });
}

#[test]
fn what_a_shift_that_is_deleted_was_making_live_is_watched() {
    play(679, &[], async |world, zone| {
        first(world, &zone, "").await;
        world.apply(&shift_name("green", &steps(&[50, 100], "5m"), "deletionPolicy: Hold")).unwrap();
        until(world, "the step", |world| splits(world, &zone).len() > 1, HOUR).await;
        world.delete("trafficshifts", "checkout").unwrap();
        world.run_for(5 * MINUTE).await;
        assert_eq!(ready(world).0, "Held", "{}", told(world));
        super::edits::edit(world, &zone, "green", 9).await;
        until_reason(world, "Drifted").await;
    });
}
