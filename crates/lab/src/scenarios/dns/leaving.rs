//! Routes of names that are deleted.

use super::*;

async fn deleted(world: &mut World) {
    world.delete("weightedroutes", "api").unwrap();
    until(world, "the route is gone", |world| world.route("api").is_none(), HOUR).await;
}

#[test]
fn what_was_there_is_put_back() {
    play_with(651, async |world, zone| {
        let old = of_world(world, RecordEdit::simple(NAME, RecordType::A, alias("blue")));
        world.aws().add_records(&zone, std::slice::from_ref(&old)).unwrap();
        world.start_controller();
        world.apply(&name_route(&zone, NAME, "adopt: true, deletionPolicy: Restore, weights: {green: 1}")).unwrap();
        until_live(world, "green 100").await;
        deleted(world).await;
        let there = records(world, &zone, NAME).await;
        assert_eq!(there.iter().map(by_hand).collect::<Vec<_>>(), [old]);
        assert_eq!(records(world, &zone, "_weir.api.shop.test").await, []);
    });
}

#[test]
fn it_is_put_back_when_it_can_carry_that() {
    play_with(652, async |world, zone| {
        let old = of_world(world, RecordEdit::simple(NAME, RecordType::A, alias("blue")));
        world.aws().add_records(&zone, &[old]).unwrap();
        world.start_controller();
        world.apply(&name_route(&zone, NAME, "adopt: true, deletionPolicy: Restore, weights: {green: 1}")).unwrap();
        until_live(world, "green 100").await;
        world.account().break_targets("blue", 4);
        world.run_for(2 * MINUTE).await;
        world.delete("weightedroutes", "api").unwrap();
        let message = until_reason(world, "DeletionBlocked").await;
        assert!(message.contains("blue has 0 of the 4 healthy targets"), "{message}");
        world.account().mend_targets("blue");
        until(world, "the route is gone", |world| world.route("api").is_none(), HOUR).await;
        assert_eq!(split(world, &zone).await, [("blue".to_owned(), 1)].into());
    });
}

#[test]
fn what_leads_nowhere_any_more_is_not_put_back() {
    play_with(656, async |world, zone| {
        let old = of_world(world, RecordEdit::simple(NAME, RecordType::A, alias("blue")));
        world.aws().add_records(&zone, &[old]).unwrap();
        world.start_controller();
        world.apply(&name_route(&zone, NAME, "adopt: true, deletionPolicy: Restore, weights: {green: 1}")).unwrap();
        until_live(world, "green 100").await;
        let backends = json!([{"environment": "green"}, {"environment": "red"}]);
        world.patch("weightedroutes", "api", &json!({"spec": {"backends": backends}})).unwrap();
        world.run_for(5 * MINUTE).await;
        world.delete("weightedroutes", "api").unwrap();
        let message = until_reason(world, "DeletionBlocked").await;
        assert!(message.contains("leads to no balancer of an environment that is known"), "{message}");
        assert_eq!(split(world, &zone).await, [("green".to_owned(), 1)].into());
    });
}

#[test]
fn a_name_of_weir_s_own_goes_with_delete_and_one_of_others_does_not() {
    play(653, &[], async |world, zone| {
        world.apply(&name_route(&zone, NAME, "deletionPolicy: Delete, weights: {blue: 1}")).unwrap();
        until_live(world, "blue 100").await;
        deleted(world).await;
        assert_eq!(records(world, &zone, NAME).await, []);
        assert_eq!(records(world, &zone, "_weir.api.shop.test").await, []);
    });
    play_with(654, async |world, zone| {
        let old = of_world(world, RecordEdit::simple(NAME, RecordType::A, alias("blue")));
        world.aws().add_records(&zone, &[old]).unwrap();
        world.start_controller();
        world.apply(&name_route(&zone, NAME, "adopt: true, deletionPolicy: Delete, weights: {blue: 1}")).unwrap();
        until_live(world, "blue 100").await;
        world.delete("weightedroutes", "api").unwrap();
        let message = until_reason(world, "DeletionBlocked").await;
        assert!(message.contains("write deletionPolicy: Restore"), "{message}");
        world.run_for(15 * MINUTE).await;
        assert!(world.route("api").is_none(), "it goes after ten minutes");
        assert!(told(world).contains("LeftBehind"), "{}", told(world));
        assert_eq!(split(world, &zone).await.keys().collect::<Vec<_>>(), ["blue"]);
    });
}

#[test]
fn what_is_retained_is_found_again_by_a_route_of_the_same_name() {
    play(655, &[], async |world, zone| {
        let route = name_route(&zone, NAME, "weights: {blue: 3, green: 1}");
        world.apply(&route).unwrap();
        until_live(world, "blue 75, green 25").await;
        deleted(world).await;
        let left = split(world, &zone).await;
        world.apply(&route).unwrap();
        until_live(world, "blue 75, green 25").await;
        assert_eq!(split(world, &zone).await, left);
        assert_eq!(splits(world, &zone).len(), 1, "nothing was written");
    });
}
