//! Shifts that move a name, alone and together with a listener.

use jiff::Timestamp;
use weir_api::environment::Role;
use weir_api::traffic_shift::{GateName, Outcome, Phase};
use weir_sim::traffic::{DnsClients, Traffic, TrafficSettings};

use crate::crash;
use crate::stage::{shift, steps};

use super::super::{outcome, status as shift_status, until_applied, until_complete, until_phase};
use super::*;

/// A shift of the route of the name.
fn shift_name(to: &str, strategy: &str, extra: &str) -> String {
    shift(to, strategy, extra).replace("[checkout]", "[api]")
}

/// The name is made, with everything on blue.
async fn first(world: &mut World, zone: &str, extra: &str) {
    world.apply(&name_route(zone, NAME, extra)).unwrap();
    world.apply(&shift_name("blue", "{allAtOnce: {}}", "")).unwrap();
    until_complete(world, "checkout").await;
    world.run_for(2 * MINUTE).await;
}

/// What the shift says that it waits for.
fn waiting(world: &World) -> (String, String) {
    shift_status(world).waiting.map(|waiting| (waiting.reason, waiting.message)).unwrap_or_default()
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
        until(world, "it holds", |world| waiting(world).0 == "ForeignChange", 5 * MINUTE).await;
        world.command("checkout", "resume/1").unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
        assert_eq!(split(world, &zone).await, [("green".to_owned(), 100)].into());
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

/// What `examples/lockstep` says, for a zone.
fn lockstep(zone: &str) -> [String; 3] {
    let files = [
        include_str!("../../../../../examples/lockstep/environments.yaml"),
        include_str!("../../../../../examples/lockstep/routes.yaml"),
        include_str!("../../../../../examples/lockstep/shift.yaml"),
    ];
    let replaced = |(from, to): (&str, &str), text: String| {
        assert!(text.contains(from) || !text.contains("kind: WeightedRoute"), "{from} is in no example any more");
        text.replace(from, to)
    };
    files.map(|text| {
        let text = replaced(("Z0123456789ABCDEFGHIJ", zone), format!("---\n{text}"));
        replaced(("api.shop.example.org", NAME), text).replace("name: release", "name: checkout")
    })
}

/// A world in which a name and a listener lead to the same environments, and everything is on blue.
async fn furnished_for_both(seed: u64) -> (World, String) {
    let mut world = World::new(Settings::seeded(seed));
    let zone = world.aws().add_zone("shop.test").unwrap();
    let [environments, routes, _] = lockstep(&zone);
    let balancers: String = ["blue", "green"].map(balancer).concat();
    world.furnish(&(balancers + &environments + &routes), 4).unwrap();
    for name in ["blue", "green"] {
        world.account().forward(&dns_name(name), 443, &[(name, 100)]);
    }
    world.account().forward("inner", 443, &[("inner-blue", 100)]);
    let old = of_world(&world, RecordEdit::simple(NAME, RecordType::A, alias("blue")));
    world.aws().add_records(&zone, &[old]).unwrap();
    world.restrict(&world.policy_for_names(&zone, "*.shop.test"));
    world.run_for(Duration::from_mins(2)).await;
    world.apply(&(environments + &routes)).unwrap();
    (world, zone)
}

/// The shift of that example with another strategy.
fn shift_both(strategy: &str) -> String {
    shift("green", strategy, "").replace("[checkout]", "[api, inner]")
}

/// The percentage of green at the name and on the listener.
fn both(world: &World, zone: &str) -> [u32; 2] {
    let place = world.account().weights("inner", 443);
    let last = splits(world, zone).pop().unwrap_or_default();
    [last.get("green").copied().unwrap_or(0), place.get("inner-green").copied().unwrap_or(0)]
}

#[test]
fn a_name_and_a_listener_move_in_lockstep_and_go_back_together() {
    on_virtual_time(async {
        let (mut world, zone) = furnished_for_both(681).await;
        world.start_controller();
        let [_, _, shift] = lockstep(&zone);
        world.apply(&shift).unwrap();
        let world = &mut world;
        for weight in [25, 50] {
            until_applied(world, weight).await;
            let percent = u32::try_from(weight).unwrap();
            assert_eq!(both(world, &zone), [percent, percent], "{}", told(world));
            assert!(status(world).change.unwrap().in_sync_at.is_some());
        }
        world.account().break_targets("inner-green", 4);
        let is_back = |world: &World| both(world, &zone) == [0, 0];
        let took = until(world, "both go back", is_back, HOUR).await;
        assert!(took.as_secs() <= 60, "{took:?}");
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::RolledBack));
        world.account().mend_targets("inner-green");
        world.run_for(2 * MINUTE).await;
        world.command("checkout", "retry/1").unwrap();
        world.run_for(MINUTE).await;
        until_complete(world, "checkout").await;
        assert_eq!(both(world, &zone), [100, 100], "{}", told(world));
        super::super::assert_sound(world);
    });
}

#[test]
fn whatever_write_a_controller_dies_at_in_a_run_the_end_is_the_same() {
    let set = async || {
        let (world, _) = furnished_for_both(682).await;
        world.apply(&shift_both(&steps(&[50, 100], "1m"))).unwrap();
        world
    };
    let course = async |world: &mut World| world.run_until(|world| world.is_complete("checkout"), HOUR).await.map(drop);
    let report = crash::enumerate_within(4 * MINUTE, set, course).unwrap();
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    assert!(report.writes >= 20, "{report:?}");
}

#[test]
fn whatever_write_a_controller_dies_at_in_a_rollback_the_end_is_the_same() {
    let set = async || {
        let (world, _) = furnished_for_both(683).await;
        world.apply(&shift_both(&steps(&[50, 100], "30m"))).unwrap();
        world
    };
    let course = async |world: &mut World| {
        let is_applied = |world: &World| {
            let run = shift_status(world).run;
            run.is_some_and(|run| run.weight == 50 && run.applied_at.is_some())
        };
        world.run_until(is_applied, HOUR).await?;
        world.mark();
        world.account().break_targets("green", 4);
        world.run_until(|world| world.is_complete("checkout"), HOUR).await.map(drop)
    };
    let report = crash::enumerate_within(4 * MINUTE, set, course).unwrap();
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    assert!(report.writes >= 20, "{report:?}");
}

#[test]
fn a_route_that_is_deleted_in_a_run_goes_back_first() {
    play(691, &[], async |world, zone| {
        first(world, &zone, "").await;
        world.apply(&shift_name("green", &steps(&[50, 100], "30m"), "deletionPolicy: Rollback")).unwrap();
        until_applied(world, 50).await;
        world.delete("weightedroutes", "api").unwrap();
        until(world, "the route is gone", |world| world.route("api").is_none(), HOUR).await;
        assert_eq!(splits(world, &zone).last(), Some(&weights(&[("blue", 100)])), "{}", told(world));
        assert!(!told(world).contains("LeftBehind"), "{}", told(world));
    });
}

#[test]
fn an_edit_of_one_type_and_a_damaged_memory_hold_up_no_way_back() {
    play_with(692, async |world, zone| {
        make_dual_stack(world);
        world.start_controller();
        let route = name_route(&zone, NAME, "").replace(NAME, &format!("{NAME}, types: [A, AAAA]"));
        world.apply(&route).unwrap();
        world.apply(&shift_name("blue", "{allAtOnce: {}}", "")).unwrap();
        until_complete(world, "checkout").await;
        world.apply(&shift_name("green", &steps(&[50, 100], "30m"), "")).unwrap();
        until_applied(world, 50).await;
        world.run_for(2 * MINUTE).await;
        super::edits::edit(world, &zone, "green", 90).await;
        world.run_for(Duration::from_secs(10)).await;
        let memory = by_hand(&records(world, &zone, "_weir.api.shop.test").await[0]);
        let RecordSays::Values(ttl, values) = &memory.says else { panic!("{memory:?}") };
        let damaged = values.iter().map(|value| value.replace("v=1", "v=9")).collect();
        let damaged = RecordEdit { says: RecordSays::Values(*ttl, damaged), ..memory.clone() };
        world.aws().edit_records(&zone, &[memory], &[damaged]).unwrap();
        world.run_for(2 * MINUTE).await;
        world.account().break_targets("green", 4);
        let is_back = |world: &World| splits(world, &zone).last() == Some(&weights(&[("blue", 100)]));
        until(world, "it goes back", is_back, HOUR).await;
        let there = records(world, &zone, NAME).await;
        assert!(there.iter().all(|record| leads_to(record) == "blue") && there.len() == 2, "{there:?}");
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::RolledBack), "{}", told(world));
    });
}

#[test]
fn a_way_back_needs_nothing_of_the_candidate() {
    play(693, &[], async |world, zone| {
        first(world, &zone, "").await;
        world.apply(&shift_name("green", &steps(&[50, 100], "30m"), "")).unwrap();
        until_applied(world, 50).await;
        world.delete("environments", "green").unwrap();
        super::edits::destroy(world, "green");
        world.run_for(MINUTE).await;
        world.command("checkout", "abort/1").unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::RolledBack), "{}", told(world));
        assert_eq!(splits(world, &zone).last(), Some(&weights(&[("blue", 100)])));
    });
}

#[test]
fn a_record_that_is_led_away_in_a_run_is_led_back_on_command() {
    play(694, &[], async |world, zone| {
        first(world, &zone, "").await;
        world.apply(&shift_name("green", &steps(&[50, 100], "5m"), "")).unwrap();
        until_applied(world, 50).await;
        world.aws().add_balancer("stranger-lb").unwrap();
        super::edits::lead(world, &zone, "green", "stranger").await;
        until(world, "it holds", |world| waiting(world).0 == "ForeignChange", 5 * MINUTE).await;
        world.command("checkout", "resume/1").unwrap();
        until_complete(world, "checkout").await;
        assert_eq!(outcome(world), Some(Outcome::Succeeded), "{}", told(world));
        assert_eq!(split(world, &zone).await, [("green".to_owned(), 100)].into());
    });
}

#[test]
fn a_run_that_was_aborted_is_not_begun_again_while_old_answers_are_waited_for() {
    play(695, &[], async |world, zone| {
        first(world, &zone, "").await;
        world.apply(&shift_name("green", &steps(&[50, 100], "30m"), "")).unwrap();
        until_applied(world, 50).await;
        world.command("checkout", "abort/1").unwrap();
        until(world, "it waits", |world| waiting(world).0 == "OldAnswers", 5 * MINUTE).await;
        let count = splits(world, &zone).len();
        world.lose_statuses();
        world.run_for(10 * MINUTE).await;
        assert_eq!(splits(world, &zone).len(), count, "{}", told(world));
        assert_eq!(world.phase("checkout"), Some(Phase::RolledBack));
    });
}
