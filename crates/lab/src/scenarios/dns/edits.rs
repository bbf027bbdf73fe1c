//! What others do to a name that is a route's.

use super::*;

/// Sets the weight of a record that stands there.
async fn edit(world: &World, zone: &str, environment: &str, weight: u16) {
    let there = records(world, zone, NAME).await;
    let record = there.iter().find(|record| leads_to(record) == environment).unwrap();
    let old = by_hand(record);
    let edited = RecordEdit { weighted: Some((record.identifier().to_owned(), weight.into())), ..old.clone() };
    world.aws().edit_records(zone, &[old], &[edited]).unwrap();
}

#[test]
fn another_weight_is_told_and_left_or_put_right() {
    for (policy, ends) in [("Alert", 9), ("Correct", 1)] {
        play(641, &[], async |world, zone| {
            world.apply(&name_route(&zone, NAME, &format!("weights: {{blue: 1, green: 1}}, drift: {policy}"))).unwrap();
            until_live(world, "blue 50, green 50").await;
            edit(world, &zone, "green", 9).await;
            let is_told = |world: &World| ["Drifted", "Correcting"].iter().any(|word| told(world).contains(word));
            until(world, "it is told", is_told, HOUR).await;
            world.run_for(10 * MINUTE).await;
            assert_eq!(split(world, &zone).await["green"], ends, "{policy}: {}", told(world));
        });
    }
}

#[test]
fn a_fight_ends() {
    play(642, &[], async |world, zone| {
        world.apply(&name_route(&zone, NAME, "weights: {blue: 1, green: 1}, drift: Correct")).unwrap();
        until_live(world, "blue 50, green 50").await;
        for _ in 0..4 {
            edit(world, &zone, "green", 9).await;
            world.run_for(5 * MINUTE).await;
        }
        assert!(told(world).contains("Contested"), "{}", told(world));
        assert_eq!(split(world, &zone).await["green"], 9, "it rests");
    });
}

#[test]
fn records_that_are_gone_are_made_again_where_the_route_says_so() {
    for (policy, is_back) in [("Alert", false), ("Correct", true)] {
        play(643, &[], async |world, zone| {
            world.apply(&name_route(&zone, NAME, &format!("weights: {{blue: 1}}, drift: {policy}"))).unwrap();
            until_live(world, "blue 100").await;
            let mut there = records(world, &zone, NAME).await;
            there.extend(records(world, &zone, "_weir.api.shop.test").await);
            let gone: Vec<RecordEdit> = there.iter().map(by_hand).collect();
            world.aws().edit_records(&zone, &gone, &[]).unwrap();
            world.run_for(10 * MINUTE).await;
            assert_eq!(!split(world, &zone).await.is_empty(), is_back, "{policy}: {}", told(world));
            if !is_back {
                let (reason, message) = ready(world);
                assert!(reason == "RuleGone" && message.contains("resume"), "{reason} {message}");
            }
        });
    }
}

#[test]
fn a_record_of_another_s_beside_ours_is_told() {
    play(644, &[], async |world, zone| {
        world.apply(&name_route(&zone, NAME, "weights: {blue: 1}")).unwrap();
        until_live(world, "blue 100").await;
        let values = RecordSays::Values(60, vec!["192.0.2.9".to_owned()]);
        let stranger = RecordEdit::weighted(NAME, RecordType::A, ("stranger", 1), values);
        world.aws().edit_records(&zone, &[], &[stranger]).unwrap();
        world.run_for(5 * MINUTE).await;
        let (reason, message) = ready(world);
        assert!(reason == "UnknownTarget" && message.contains("192.0.2.9"), "{reason} {message}");
        choose(world, &json!({"weights": {"green": 1}}));
        world.run_for(5 * MINUTE).await;
        assert_eq!(splits(world, &zone).len(), 1, "nothing is written beside it");
    });
}

#[test]
fn a_status_that_is_lost_is_found_again_at_the_name() {
    play(645, &[], async |world, zone| {
        world.apply(&name_route(&zone, NAME, "weights: {blue: 3, green: 1}")).unwrap();
        until_live(world, "blue 75, green 25").await;
        world.lose_statuses();
        until_live(world, "blue 75, green 25").await;
        assert_eq!(splits(world, &zone).len(), 1, "{}", told(world));
        choose(world, &json!({"weights": {"green": 1}}));
        until_live(world, "green 100").await;
        assert_eq!(status(world).epoch, Some(2));
    });
}
