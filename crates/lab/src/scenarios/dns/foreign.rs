//! Weighted records of others at a name: their weight is taken from them where the route says so.

use super::*;

/// The record by which another tool sends the traffic of a name to an address.
fn ionroller(weight: u16) -> RecordEdit {
    let says = RecordSays::Values(60, vec!["192.0.2.7".to_owned()]);
    RecordEdit::weighted(NAME, RecordType::A, ("ionroller", weight.into()), says)
}

fn zeroing(zone: &str, extra: &str) -> String {
    name_route(zone, NAME, extra).replace(NAME, &format!("{NAME}, foreign: Zero"))
}

/// The weight that the other tool's record has.
async fn left(world: &World, zone: &str) -> Option<u16> {
    let there = records(world, zone, NAME).await;
    there.iter().find(|record| record.identifier() == "ionroller").and_then(RecordSet::weight)
}

async fn release(world: &World, zone: &str) {
    let there = records(world, zone, NAME).await;
    let old = by_hand(there.iter().find(|record| record.identifier() == "ionroller").unwrap());
    world.aws().edit_records(zone, &[old], &[ionroller(100)]).unwrap();
}

#[test]
fn a_name_is_taken_from_another_tool_in_one_change() {
    play(601, &[ionroller(100)], async |world, zone| {
        world.apply(&zeroing(&zone, "adopt: true, weights: {blue: 1}, drift: Correct")).unwrap();
        until_live(world, "blue 100").await;
        assert_eq!(calls(world, "ChangeResourceRecordSets"), 1, "{}", told(world));
        assert_eq!(left(world, &zone).await, Some(0));
        world.run_for(5 * MINUTE).await;
        // Each release of the other tool gives it all its weight back, which is told and put right, but not for ever.
        for _ in 0..4 {
            release(world, &zone).await;
            world.run_for(5 * MINUTE).await;
        }
        assert!(told(world).contains("found A 192.0.2.7 (TTL 60) (ionroller, weight 100)"), "{}", told(world));
        assert!(told(world).contains("Contested"), "{}", told(world));
        assert_eq!(left(world, &zone).await, Some(100), "it rests");
        super::super::assert_sound(world);
    });
}

#[test]
fn it_is_taken_when_somebody_can_carry_it() {
    play(602, &[ionroller(100)], async |world, zone| {
        world.account().break_targets("blue", 4);
        world.run_for(2 * MINUTE).await;
        world.apply(&zeroing(&zone, "adopt: true, weights: {blue: 1}")).unwrap();
        let message = until_reason(world, "Following").await;
        assert!(message.contains("blue has 0 of the 1 healthy targets that it needs"), "{message}");
        world.run_for(5 * MINUTE).await;
        assert_eq!(calls(world, "ChangeResourceRecordSets"), 0, "{}", told(world));
        world.account().mend_targets("blue");
        until_live(world, "blue 100").await;
        assert_eq!(left(world, &zone).await, Some(0));
        super::super::assert_sound(world);
    });
}

#[test]
fn what_leads_to_an_environment_is_kept_and_the_rest_is_taken() {
    play_with(603, async |world, zone| {
        let own = of_world(world, RecordEdit::weighted(NAME, RecordType::A, ("old", 50), alias("blue")));
        world.aws().add_records(&zone, &[own, ionroller(50)]).unwrap();
        world.start_controller();
        world.apply(&zeroing(&zone, "adopt: true, weights: {blue: 1}")).unwrap();
        until(world, "it is taken", |world| !splits(world, &zone).is_empty(), HOUR).await;
        until_live(world, "blue 100").await;
        assert_eq!(left(world, &zone).await, Some(0));
        // Taken over as it was, and then the rest.
        assert_eq!(status(world).epoch, Some(2));
    });
}

#[test]
fn nothing_is_taken_while_nobody_says_who_shall_have_it() {
    play(604, &[ionroller(100)], async |world, zone| {
        world.apply(&zeroing(&zone, "adopt: true")).unwrap();
        let message = until_reason(world, "NoTraffic").await;
        assert!(message.contains("give spec.weights"), "{message}");
        assert_eq!(left(world, &zone).await, Some(100));
        choose(world, &json!({"weights": {"green": 1}}));
        until_live(world, "green 100").await;
        assert_eq!(left(world, &zone).await, Some(0));
    });
}

#[test]
fn a_shift_takes_it_too() {
    play(605, &[ionroller(100)], async |world, zone| {
        world.apply(&zeroing(&zone, "adopt: true")).unwrap();
        world.apply(&crate::stage::shift("green", "{allAtOnce: {}}", "").replace("[checkout]", "[api]")).unwrap();
        super::super::until_complete(world, "checkout").await;
        assert_eq!(left(world, &zone).await, Some(0), "{}", told(world));
        assert_eq!(split(world, &zone).await["green"], 100);
        super::super::assert_sound(world);
    });
}

#[test]
fn without_a_word_nothing_is_taken() {
    play(606, &[ionroller(100)], async |world, zone| {
        world.apply(&name_route(&zone, NAME, "adopt: true, weights: {blue: 1}")).unwrap();
        let message = until_reason(world, "UnknownTarget").await;
        assert!(message.contains("spec.dns.foreign: Zero"), "{message}");
        let said =
            world.apply(&zeroing(&zone, "weights: {blue: 1}").replace("name: api}", "name: wrong}")).unwrap_err();
        assert!(said.contains("write adopt: true too"), "{said}");
        assert_eq!(calls(world, "ChangeResourceRecordSets"), 0);
    });
}

#[test]
fn what_may_lead_to_an_environment_that_is_not_known_yet_is_not_taken() {
    play_with(607, async |world, zone| {
        let old = of_world(world, RecordEdit::weighted(NAME, RecordType::A, ("old", 100), alias("red")));
        world.aws().add_records(&zone, &[old]).unwrap();
        world.delete("environments", "red").unwrap();
        world.start_controller();
        world.apply(&zeroing(&zone, "adopt: true, weights: {blue: 1}")).unwrap();
        let message = until_reason(world, "WaitingForEnvironment").await;
        assert!(message.contains("the Environment red does not exist"), "{message}");
        world.run_for(5 * MINUTE).await;
        assert_eq!(calls(world, "ChangeResourceRecordSets"), 0, "{}", told(world));
        world.apply(&environment("red")).unwrap();
        until_live(world, "blue 100").await;
        assert_eq!(status(world).epoch, Some(2), "taken over from red, and moved: {}", told(world));
        assert_eq!(split(world, &zone).await, [("blue".to_owned(), 1)].into());
    });
}

#[test]
fn a_shift_moves_what_is_the_environments_and_leaves_the_rest_to_drift() {
    play_with(608, async |world, zone| {
        let own = of_world(world, RecordEdit::weighted(NAME, RecordType::A, ("old", 10), alias("blue")));
        world.aws().add_records(&zone, &[own, ionroller(90)]).unwrap();
        world.start_controller();
        world.apply(&zeroing(&zone, "adopt: true, drift: Correct")).unwrap();
        let strategy = crate::stage::steps(&[50, 100], "2m");
        world.apply(&crate::stage::shift("green", &strategy, "").replace("[checkout]", "[api]")).unwrap();
        super::super::until_applied(world, 50).await;
        assert_eq!(left(world, &zone).await, Some(90), "{}", told(world));
        world.command("checkout", "abort/1").unwrap();
        super::super::until_complete(world, "checkout").await;
        assert_eq!(left(world, &zone).await, Some(90), "a way back takes nothing that others carry: {}", told(world));
        let is_taken = |world: &World| told(world).contains("is set again");
        until(world, "at rest it is put right", is_taken, HOUR).await;
        world.run_for(5 * MINUTE).await;
        assert_eq!(left(world, &zone).await, Some(0), "{}", told(world));
        assert!(!told(world).contains("GuardViolation"), "{}", told(world));
    });
}
