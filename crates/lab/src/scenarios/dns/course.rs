//! A name that is new, and its way from one environment to another.

use super::*;

#[test]
fn a_name_is_made_and_moves_step_by_step_each_of_which_is_in_sync_before_the_next() {
    play(611, &[], async |world, zone| {
        world.apply(&name_route(&zone, NAME, "weights: {blue: 1}")).unwrap();
        until_live(world, "blue 100").await;
        assert_eq!(splits(world, &zone), [weights(&[("blue", 1)])]);
        let made = status(world);
        assert_eq!((made.epoch, made.marked, made.zone_name.as_deref()), (Some(1), true, Some("shop.test")));
        assert_eq!(made.before, Some(Vec::new()), "nothing was there");
        let pace = json!({"maxStep": 40, "interval": "2m"});
        choose(world, &json!({"weights": {"green": 1}, "pace": pace}));
        for live in ["blue 60, green 40", "blue 20, green 80", "green 100"] {
            until_live(world, live).await;
            let change = status(world).change.unwrap();
            let in_sync = change.in_sync_at.expect("what is verified is in sync");
            assert!(in_sync >= change.accepted_at && change.id.is_some(), "{change:?}");
            let verified_at = route_status(world, "api").intent.unwrap().verified_at.unwrap();
            assert!(verified_at >= in_sync, "{change:?}");
        }
        let intent = route_status(world, "api").intent;
        world.run_for(10 * MINUTE).await;
        assert_eq!(route_status(world, "api").intent, intent, "there is nothing to be done any more");
        let expected = [
            weights(&[("blue", 1)]),
            weights(&[("blue", 60), ("green", 40)]),
            weights(&[("blue", 20), ("green", 80)]),
            weights(&[("green", 1)]),
        ];
        assert_eq!(splits(world, &zone), expected, "{}", told(world));
        assert_eq!(calls(world, "ChangeResourceRecordSets"), 4);
        assert_eq!(ready(world).0, "Applied");
        // Nobody has a record without weight, and the memory stands beside.
        let there = records(world, &zone, NAME).await;
        assert_eq!(there.iter().map(RecordSet::weight).collect::<Vec<_>>(), [Some(1)], "{there:?}");
        assert_eq!(records(world, &zone, "_weir.api.shop.test").await.len(), 1);
    });
}

/// What a span costs: batches, pages of the zone besides those of rounds, and questions how far a change has come.
async fn cost(world: &mut World, change: impl AsyncFnOnce(&mut World)) -> [usize; 3] {
    let counted = |world: &World| {
        ["ChangeResourceRecordSets", "ListResourceRecordSets", "GetChange"].map(|operation| calls(world, operation))
    };
    let (before, began) = (counted(world), world.now());
    change(world).await;
    // A round reads the names once a minute.
    let rounds = usize::try_from(world.now().duration_since(began).as_secs() / 60).unwrap() + 1;
    let spent = counted(world);
    [spent[0] - before[0], (spent[1] - before[1]).saturating_sub(rounds), spent[2] - before[2]]
}

#[test]
fn a_step_costs_one_write_and_few_readings() {
    play(612, &[], async |world, zone| {
        world.apply(&name_route(&zone, NAME, "weights: {blue: 1}")).unwrap();
        until_live(world, "blue 100").await;
        world.run_for(10 * MINUTE).await;
        let [writes, pages, polls] = cost(world, async |world| {
            choose(world, &json!({"weights": {"blue": 50, "green": 50}}));
            until_live(world, "blue 50, green 50").await;
        })
        .await;
        assert_eq!(writes, 1);
        assert!(pages <= 2 && polls <= 7, "{pages} pages, {polls} polls");
        choose(world, &json!({"weights": null}));
        world.apply(&super::shifts::shift_name("green", &crate::stage::steps(&[75, 100], "3m"), "")).unwrap();
        super::super::until_applied(world, 75).await;
        world.run_for(2 * MINUTE).await;
        let [writes, pages, polls] = cost(world, async |world| super::super::until_applied(world, 100).await).await;
        assert_eq!(writes, 1);
        assert!(pages <= 2 && polls <= 7, "{pages} pages, {polls} polls");
    });
}

#[test]
fn a_rise_waits_for_targets_for_its_part_and_twenty_points_more() {
    play(613, &[], async |world, zone| {
        world.apply(&name_route(&zone, NAME, "weights: {blue: 1}")).unwrap();
        until_live(world, "blue 100").await;
        // Five percent may be a quarter for a minute: one of four targets; and with nobody healthy it is none.
        world.account().break_targets("green", 4);
        world.run_for(2 * MINUTE).await;
        choose(world, &json!({"weights": {"blue": 95, "green": 5}}));
        let message = until_reason(world, "Following").await;
        assert!(message.contains("green has 0 of the 1 healthy targets that it needs"), "{message}");
        world.run_for(10 * MINUTE).await;
        assert_eq!(splits(world, &zone).len(), 1);
        world.account().mend_targets("green");
        until_live(world, "blue 95, green 5").await;
        // Sixty percent may be eighty: of four targets all.
        world.account().break_targets("green", 1);
        world.run_for(2 * MINUTE).await;
        choose(world, &json!({"weights": {"blue": 40, "green": 60}}));
        let message = until_reason(world, "Following").await;
        assert!(message.contains("green has 3 of the 4 healthy targets that it needs"), "{message}");
        world.account().mend_targets("green");
        until_live(world, "blue 40, green 60").await;
    });
}

#[test]
fn addresses_of_both_families_move_together() {
    play_with(614, async |world, zone| {
        make_dual_stack(world);
        world.start_controller();
        let route =
            name_route(&zone, NAME, "weights: {blue: 3, green: 1}").replace(NAME, &format!("{NAME}, types: [A, AAAA]"));
        world.apply(&route).unwrap();
        until_live(world, "blue 75, green 25").await;
        choose(world, &json!({"weights": {"green": 1}}));
        until_live(world, "green 100").await;
        let there = records(world, &zone, NAME).await;
        let kinds: Vec<&str> = there.iter().map(|record| record.kind.as_str()).collect();
        assert_eq!(kinds, ["A", "AAAA"]);
        assert_eq!(calls(world, "ChangeResourceRecordSets"), 2, "each step is one batch");
    });
}

#[test]
fn a_balancer_without_ipv6_is_not_led_to_by_aaaa() {
    play(615, &[], async |world, zone| {
        let route = name_route(&zone, NAME, "weights: {blue: 1}").replace(NAME, &format!("{NAME}, types: [A, AAAA]"));
        world.apply(&route).unwrap();
        let message = until_reason(world, "BackendUnusable").await;
        assert!(message.contains("AAAA") && message.contains("dualstack"), "{message}");
        assert_eq!(splits(world, &zone), Vec::<Weights>::new());
    });
}

#[test]
fn a_change_that_aws_has_lost_is_written_again_and_is_nobody_s_edit() {
    play(616, &[], async |world, zone| {
        world.aws().set_zone_sync(Duration::from_secs(50)..=Duration::from_secs(50));
        world.apply(&name_route(&zone, NAME, "weights: {blue: 1}, drift: Correct")).unwrap();
        until_live(world, "blue 100").await;
        choose(world, &json!({"weights": {"green": 1}}));
        until(world, "it is written", |world| splits(world, &zone).len() == 2, HOUR).await;
        world.run_for(Duration::from_secs(20)).await;
        assert_eq!(world.aws().fail_over(&zone).unwrap().len(), 1, "the change is gone");
        assert_eq!(split(world, &zone).await, [("blue".to_owned(), 1)].into());
        until_live(world, "green 100").await;
        assert!(route_status(world, "api").reversals.is_empty(), "{}", told(world));
        assert_eq!(splits(world, &zone).last(), Some(&weights(&[("green", 1)])));
    });
}

#[test]
fn a_zone_that_is_busy_is_waited_for() {
    play(617, &[], async |world, zone| {
        world.apply(&name_route(&zone, NAME, "weights: {blue: 1}")).unwrap();
        until_live(world, "blue 100").await;
        world.aws().occupy_zone(&zone, Duration::from_secs(40)).unwrap();
        choose(world, &json!({"weights": {"green": 1}}));
        until_live(world, "green 100").await;
        assert_eq!(splits(world, &zone).len(), 2);
    });
}

#[test]
fn the_types_of_a_name_can_be_changed() {
    play_with(618, async |world, zone| {
        make_dual_stack(world);
        world.start_controller();
        world.apply(&name_route(&zone, NAME, "weights: {blue: 3, green: 1}")).unwrap();
        until_live(world, "blue 75, green 25").await;
        choose(world, &json!({"dns": {"types": ["A", "AAAA"], "evaluateTargetHealth": true}}));
        let is_so = |world: &World| status(world).epoch == Some(2);
        until(world, "it is written", is_so, HOUR).await;
        until_live(world, "blue 75, green 25").await;
        let there = records(world, &zone, NAME).await;
        assert_eq!(there.iter().filter(|record| record.kind.as_str() == "AAAA").count(), 2, "{there:?}");
        assert!(there.iter().all(|record| record.alias().unwrap().evaluate_target_health), "{there:?}");
        assert!(!told(world).contains("Drifted"), "{}", told(world));
    });
}
