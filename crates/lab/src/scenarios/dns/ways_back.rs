//! The way back of a shift over a name, whatever has become of its records, its candidate and its objects.

use weir_api::traffic_shift::{Outcome, Phase};

use crate::stage::steps;

use super::super::{outcome, until_applied, until_complete};
use super::edits::{destroy, edit, lead};
use super::shifts::{first, holds_and_resumes, shift_name, waiting};
use super::*;

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
        edit(world, &zone, "green", 90).await;
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
        destroy(world, "green");
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
        lead(world, &zone, "green", "stranger").await;
        holds_and_resumes(world, &zone).await;
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

#[test]
fn a_wish_that_is_taken_back_waits_for_old_answers_too() {
    play(696, &[], async |world, zone| {
        first(world, &zone, "").await;
        world.apply(&shift_name("green", &steps(&[50, 100], "30m"), "")).unwrap();
        until_applied(world, 50).await;
        world.patch("trafficshifts", "checkout", &json!({"spec": {"to": "blue"}})).unwrap();
        until(world, "it waits", |world| waiting(world).0 == "OldAnswers", 5 * MINUTE).await;
        let in_sync = status(world).change.unwrap().in_sync_at.unwrap();
        until_complete(world, "checkout").await;
        assert!(world.now() >= in_sync + MINUTE, "{}", told(world));
        assert!(!told(world).contains("could not be remembered"), "{}", told(world));
        assert_eq!(splits(world, &zone).last(), Some(&weights(&[("blue", 100)])));
    });
}
