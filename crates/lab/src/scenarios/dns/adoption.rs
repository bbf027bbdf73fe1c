//! Names that others have made, taken over without a change of the traffic.

use super::*;

#[test]
fn an_alias_is_taken_over_and_moves_on() {
    play_with(621, async |world, zone| {
        let old = of_world(world, RecordEdit::simple(NAME, RecordType::A, alias("blue")));
        world.aws().add_records(&zone, &[old]).unwrap();
        world.start_controller();
        world.apply(&name_route(&zone, NAME, "")).unwrap();
        let message = until_reason(world, "NotAdopted").await;
        assert!(message.contains("A alias of") && message.contains("adopt: true"), "{message}");
        world.run_for(5 * MINUTE).await;
        assert_eq!(splits(world, &zone), Vec::<Weights>::new());
        choose(world, &json!({"adopt": true}));
        until_reason(world, "Held").await;
        assert_eq!(split(world, &zone).await, [("blue".to_owned(), 100)].into());
        assert_eq!(status(world).before.as_deref().map(<[String]>::len), Some(1));
        choose(world, &json!({"weights": {"blue": 80, "green": 20}}));
        until_live(world, "blue 80, green 20").await;
    });
}

#[test]
fn a_cname_becomes_addresses_and_its_ttl_is_waited_for() {
    play_with(622, async |world, zone| {
        let target = world.aws().balancer_dns("blue-lb").unwrap().0;
        let old = RecordEdit::simple(NAME, RecordType::Cname, RecordSays::Values(300, vec![target]));
        world.aws().add_records(&zone, &[old]).unwrap();
        world.start_controller();
        world.apply(&name_route(&zone, NAME, "adopt: true")).unwrap();
        until_reason(world, "Held").await;
        let there = records(world, &zone, NAME).await;
        assert_eq!(there.iter().map(|record| record.kind.as_str()).collect::<Vec<_>>(), ["A"], "in one batch");
        assert_eq!(status(world).change.unwrap().ttl_seconds, 300, "resolvers keep the old answer for so long");
        choose(world, &json!({"weights": {"green": 100}}));
        until_live(world, "green 100").await;
        let change = status(world).change.unwrap();
        assert_eq!(change.epoch, 2);
        assert!((61..=300).contains(&change.ttl_seconds), "some may still keep the CNAME: {change:?}");
    });
}

#[test]
fn weighted_records_are_taken_over_with_their_weights() {
    play_with(623, async |world, zone| {
        let record = |name: &str, weight: u32| {
            of_world(world, RecordEdit::weighted(NAME, RecordType::A, (&format!("hand-{name}"), weight), alias(name)))
        };
        let second = of_world(world, RecordEdit::weighted(NAME, RecordType::A, ("hand-second", 10), alias("blue")));
        let old = [record("blue", 30), record("green", 10), record("red", 0), second];
        world.aws().add_records(&zone, &old).unwrap();
        world.start_controller();
        world.apply(&name_route(&zone, NAME, "adopt: true")).unwrap();
        until_reason(world, "Held").await;
        let split = split(world, &zone).await;
        assert_eq!(split["blue"], 4 * split["green"], "{split:?}");
        assert!(!split.contains_key("red"), "{split:?}");
        let there = records(world, &zone, NAME).await;
        assert!(there.iter().all(|record| record.identifier().contains(".weir-")), "{there:?}");
    });
}

#[test]
fn records_that_health_may_hide_are_not_taken_over() {
    play_with(625, async |world, zone| {
        let record = |name: &str| {
            let says = RecordSays::Balancer { name: dns_name(name), evaluates: true };
            of_world(world, RecordEdit::weighted(NAME, RecordType::A, (&format!("hand-{name}"), 50), says))
        };
        let old = [record("blue"), record("green")];
        world.aws().add_records(&zone, &old).unwrap();
        world.start_controller();
        world.apply(&name_route(&zone, NAME, "adopt: true")).unwrap();
        let message = until_reason(world, "NotAdopted").await;
        assert!(message.contains("Write evaluateTargetHealth: true"), "{message}");
        choose(world, &json!({"dns": {"evaluateTargetHealth": true}}));
        until_reason(world, "Held").await;
        assert_eq!(split(world, &zone).await.into_keys().collect::<Vec<_>>(), ["blue", "green"]);
    });
}

#[test]
fn types_that_are_split_in_two_ways_are_not_taken_over() {
    play_with(626, async |world, zone| {
        make_dual_stack(world);
        let record = |kind: RecordType, name: &str| of_world(world, RecordEdit::simple(NAME, kind, alias(name)));
        let old = [record(RecordType::A, "blue"), record(RecordType::Aaaa, "green")];
        world.aws().add_records(&zone, &old).unwrap();
        world.start_controller();
        let route = name_route(&zone, NAME, "adopt: true").replace(NAME, &format!("{NAME}, types: [A, AAAA]"));
        world.apply(&route).unwrap();
        let message = until_reason(world, "NotAdopted").await;
        assert!(message.contains("of A in another way than that of AAAA"), "{message}");
        assert_eq!(splits(world, &zone), Vec::<Weights>::new());
    });
}

#[test]
fn a_cname_of_a_dual_stack_balancer_becomes_addresses_of_both_types() {
    play_with(627, async |world, zone| {
        make_dual_stack(world);
        let target = world.aws().balancer_dns("blue-lb").unwrap().0;
        let old = RecordEdit::simple(NAME, RecordType::Cname, RecordSays::Values(300, vec![target]));
        world.aws().add_records(&zone, &[old]).unwrap();
        world.start_controller();
        world.apply(&name_route(&zone, NAME, "adopt: true")).unwrap();
        let message = until_reason(world, "Invalid").await;
        assert!(message.contains("Add AAAA to spec.dns.types"), "{message}");
        choose(world, &json!({"dns": {"types": ["A", "AAAA"]}}));
        until_reason(world, "Held").await;
        let there = records(world, &zone, NAME).await;
        assert_eq!(there.iter().map(|record| record.kind.as_str()).collect::<Vec<_>>(), ["A", "AAAA"]);
    });
}

#[test]
fn what_leads_elsewhere_is_left_alone() {
    play(
        624,
        &[RecordEdit::simple(NAME, RecordType::A, RecordSays::Values(60, vec!["192.0.2.1".to_owned()]))],
        async |world, zone| {
            world.apply(&name_route(&zone, NAME, "adopt: true, weights: {blue: 1}")).unwrap();
            let message = until_reason(world, "UnknownTarget").await;
            assert!(message.contains("192.0.2.1") && message.contains("spec.loadBalancers"), "{message}");
            world.run_for(5 * MINUTE).await;
            assert_eq!(splits(world, &zone), Vec::<Weights>::new());
            let gone = RecordEdit::simple(NAME, RecordType::A, RecordSays::Values(60, vec!["192.0.2.1".to_owned()]));
            world.aws().edit_records(&zone, &[gone], &[]).unwrap();
            until_live(world, "blue 100").await;
        },
    );
}
