//! What others do to a name that is a route's.

use super::*;

/// Sets the weight of a record that stands there.
pub(super) async fn edit(world: &World, zone: &str, environment: &str, weight: u16) {
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
            let left = status(world).left;
            let answers_until = left.first().and_then(|left| left.answers_until);
            if !is_back {
                assert!(left[0].environment == "blue" && answers_until.is_some(), "{left:?}");
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

/// Has the record of an environment lead to the balancer of another.
pub(super) async fn lead(world: &World, zone: &str, environment: &str, other: &str) {
    let there = records(world, zone, NAME).await;
    let old = by_hand(there.iter().find(|record| leads_to(record) == environment).unwrap());
    let edited = of_world(world, RecordEdit { says: alias(other), ..old.clone() });
    world.aws().edit_records(zone, &[old], &[edited]).unwrap();
}

#[test]
fn a_record_that_is_led_elsewhere_is_told_by_where_it_leads() {
    for (seed, policy, ends) in [(646, "Alert", "red"), (647, "Correct", "blue")] {
        play(seed, &[], async |world, zone| {
            world.apply(&name_route(&zone, NAME, &format!("weights: {{blue: 1}}, drift: {policy}"))).unwrap();
            until_live(world, "blue 100").await;
            lead(world, &zone, "blue", "red").await;
            let says = ["found red 100; expected blue 100", "blue 100 is set again over red 100"];
            let is_told = |world: &World| says.iter().any(|says| told(world).contains(says));
            until(world, "it is told", is_told, HOUR).await;
            world.run_for(5 * MINUTE).await;
            let there: Vec<String> = split(world, &zone).await.into_keys().collect();
            assert_eq!(there, [ends], "{policy}: {}", told(world));
        });
    }
}

#[test]
fn a_route_at_rest_tells_that_a_record_leads_nowhere_it_knows() {
    for (seed, policy, ends) in [(593, "Alert", "stranger"), (648, "Correct", "blue")] {
        play(seed, &[], async |world, zone| {
            world.apply(&name_route(&zone, NAME, "weights: {blue: 1}")).unwrap();
            until_live(world, "blue 100").await;
            choose(world, &json!({ "weights": null, "drift": policy }));
            world.run_for(2 * MINUTE).await;
            assert_eq!(ready(world).0, "Held");
            let there = records(world, &zone, NAME).await;
            world.aws().add_balancer("stranger-lb").unwrap();
            let old = by_hand(&there[0]);
            let target = world.aws().balancer_dns("stranger-lb").unwrap().0;
            let says = RecordSays::Balancer { name: target, evaluates: false };
            let edited = RecordEdit { says, ..old.clone() };
            world.aws().edit_records(&zone, &[old], &[edited]).unwrap();
            let says = ["found the record of blue as an alias of stranger-lb", "blue 100 is set again, with what else"];
            let is_told = |world: &World| says.iter().any(|says| told(world).contains(says));
            until(world, "it is told", is_told, HOUR).await;
            world.run_for(5 * MINUTE).await;
            let there: Vec<String> = split(world, &zone).await.into_keys().collect();
            assert_eq!(there, [ends], "{policy}: {}", told(world));
            assert_eq!(ready(world).0 == "Held", policy == "Correct", "{:?}", ready(world));
            if policy == "Alert" {
                let resume = json!({"metadata": {"annotations": {"weir.dev/command": "resume/1"}}});
                world.patch("weightedroutes", "api", &resume).unwrap();
                world.run_for(MINUTE).await;
                let result = route_status(world, "api").last_command.unwrap().result;
                let says = "ignored: the record of blue is an alias of stranger-lb";
                assert!(result.starts_with(says) && result.contains("or write drift: Correct"), "{result}");
            }
        });
    }
}

#[test]
fn a_record_that_an_earlier_change_has_left_has_its_part_and_goes_with_the_next() {
    play(649, &[], async |world, zone| {
        world.apply(&name_route(&zone, NAME, "weights: {blue: 1}")).unwrap();
        until_live(world, "blue 100").await;
        let old = by_hand(&records(world, &zone, NAME).await[0]);
        choose(world, &json!({"weights": {"green": 1}}));
        until_live(world, "green 100").await;
        world.run_for(5 * MINUTE).await;
        world.aws().edit_records(&zone, &[], &[old]).unwrap();
        let is_told = |world: &World| told(world).contains("found blue 50, green 50; expected green 100");
        until(world, "it is told", is_told, HOUR).await;
        choose(world, &json!({"weights": {"blue": 1}}));
        until_live(world, "blue 100").await;
        assert_eq!(split(world, &zone).await, [("blue".to_owned(), 1)].into());
    });
}

/// Destroys the balancer of an environment.
pub(super) fn destroy(world: &World, environment: &str) {
    let arn = world.aws().balancer_arn(&dns_name(environment)).unwrap();
    world.aws().by_hand("DeleteLoadBalancer", &[("LoadBalancerArn", &arn)]).unwrap();
}

#[test]
fn a_name_is_moved_off_a_balancer_that_is_gone_in_one_step() {
    for (seed, with_group) in [(591, false), (592, true)] {
        play(seed, &[], async |world, zone| {
            let pace = "weights: {blue: 1}, pace: {maxStep: 10, interval: 10m}";
            world.apply(&name_route(&zone, NAME, pace)).unwrap();
            until_live(world, "blue 100").await;
            world.run_for(5 * MINUTE).await;
            destroy(world, "blue");
            if with_group {
                let arn = world.aws().group_arn("blue").unwrap();
                world.aws().by_hand("DeleteTargetGroup", &[("TargetGroupArn", &arn)]).unwrap();
            }
            choose(world, &json!({"weights": {"green": 1}}));
            until_live(world, "green 100").await;
            assert_eq!(splits(world, &zone).len(), 2, "{}", told(world));
        });
    }
}

#[test]
fn a_balancer_that_is_made_again_under_its_name_is_led_to_again() {
    play(594, &[], async |world, zone| {
        world.apply(&name_route(&zone, NAME, "weights: {blue: 1}, drift: Correct")).unwrap();
        until_live(world, "blue 100").await;
        world.run_for(5 * MINUTE).await;
        let old = world.aws().balancer_dns("blue-lb").unwrap().0;
        destroy(world, "blue");
        world.aws().add_balancer("blue-lb").unwrap();
        let listener =
            world.aws().add_listener("blue-lb", "HTTPS", 443, &weir_sim::aws::RuleAction::forward(&[("blue", 1)]));
        listener.unwrap();
        let new = world.aws().balancer_dns("blue-lb").unwrap().0;
        assert_ne!(old, new);
        world.run_for(10 * MINUTE).await;
        let there = records(world, &zone, NAME).await;
        let targets: Vec<&str> = there.iter().map(|record| record.alias().unwrap().target.as_str()).collect();
        assert_eq!(targets, [new.trim_end_matches('.')], "{}", told(world));
    });
}
