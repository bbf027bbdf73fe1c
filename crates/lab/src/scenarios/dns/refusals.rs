//! Names that a route cannot have, and what it says of it.

use weir_engine::grant::{Grant, Grants, Subject};

use super::*;

fn text(name: &str, value: &str) -> RecordEdit {
    RecordEdit::simple(name, RecordType::Txt, RecordSays::Values(300, vec![format!("\"{value}\"")]))
}

#[test]
fn a_name_that_external_dns_keeps_is_not_taken() {
    let registry = "heritage=external-dns,external-dns/owner=prod,external-dns/resource=ingress/shop/api";
    for at in ["a-api.shop.test", NAME] {
        play(631, &[text(at, registry)], async |world, zone| {
            world.apply(&name_route(&zone, NAME, "adopt: true, weights: {blue: 1}")).unwrap();
            let message = until_reason(world, "OwnedByAnother").await;
            assert!(message.contains("external-dns.kubernetes.io/controller: weir"), "{message}");
            world.run_for(5 * MINUTE).await;
            assert_eq!(splits(world, &zone), Vec::<Weights>::new());
        });
    }
}

#[test]
fn a_name_below_a_delegation_is_not_made() {
    let cut = RecordEdit::simple("shop.test", RecordType::Ns, RecordSays::Values(300, vec!["ns.example.".to_owned()]));
    let cut = RecordEdit { name: "b.shop.test".to_owned(), ..cut };
    play(632, &[cut], async |world, zone| {
        world.apply(&name_route(&zone, "a.b.shop.test", "weights: {blue: 1}")).unwrap();
        let message = until_reason(world, "NotAllowed").await;
        assert!(message.contains("NS records at b.shop.test"), "{message}");
    });
}

#[test]
fn a_name_that_a_wildcard_answers_is_made_only_on_purpose() {
    play_with(633, async |world, zone| {
        let wildcard = of_world(world, RecordEdit::simple("*.shop.test", RecordType::A, alias("red")));
        world.aws().add_records(&zone, &[wildcard]).unwrap();
        world.start_controller();
        world.apply(&name_route(&zone, NAME, "weights: {blue: 1}")).unwrap();
        let message = until_reason(world, "NotAdopted").await;
        assert!(message.contains("*.shop.test") && message.contains("adopt: true"), "{message}");
        choose(world, &json!({"adopt": true}));
        until_live(world, "blue 100").await;
    });
}

#[test]
fn the_older_of_two_routes_has_the_name() {
    play(634, &[], async |world, zone| {
        world.apply(&name_route(&zone, NAME, "weights: {blue: 1}")).unwrap();
        world.run_for(Duration::from_secs(2)).await;
        let other = name_route(&zone, NAME, "weights: {green: 1}").replace("name: api}", "name: other}");
        world.apply(&other).unwrap();
        until_live(world, "blue 100").await;
        world.run_for(2 * MINUTE).await;
        let said = route_status(world, "other").conditions;
        let said = find(&said, READY).unwrap();
        assert_eq!(said.reason, "Conflict", "{}", said.message);
        assert_eq!(splits(world, &zone), [weights(&[("blue", 1)])]);
        // What the first leaves is not the other's without more ado.
        world.delete("weightedroutes", "api").unwrap();
        world.run_for(2 * MINUTE).await;
        let said = route_status(world, "other").conditions;
        assert_eq!(find(&said, READY).unwrap().reason, "OwnedByAnother");
    });
}

#[test]
fn a_namespace_names_what_it_may_and_no_more() {
    on_virtual_time(async {
        let grant =
            |subject, pattern: &str| Grant { namespace: "shop".to_owned(), subject, pattern: pattern.to_owned() };
        let own = [Subject::Balancer, Subject::TargetGroup].map(|subject| grant(subject, "*"));
        let grants = Grants(own.into_iter().chain([grant(Subject::Zone, "*/own.shop.test")]).collect());
        let (mut world, zone) = furnished(Settings { grants, ..Settings::seeded(635) }).await;
        let world = &mut world;
        world.start_controller();
        world.apply(&name_route(&zone, NAME, "weights: {blue: 1}")).unwrap();
        let message = until_reason(world, "ZoneNotAllowed").await;
        assert!(message.contains(&format!("--allow-zone shop={zone}/{NAME}")), "{message}");
        world.run_for(2 * MINUTE).await;
        assert_eq!(calls(world, "ListResourceRecordSets"), 0, "nothing is asked");
        let own = name_route(&zone, "own.shop.test", "weights: {blue: 1}").replace("name: api}", "name: own}");
        world.apply(&own).unwrap();
        let is_ready = |world: &World| route_status(world, "own").live.as_deref() == Some("blue 100");
        until(world, "own is live", is_ready, HOUR).await;
    });
}

#[test]
fn mistakes_are_told_with_what_to_write() {
    play(636, &[], async |world, zone| {
        world.apply(&name_route(&zone, "api.other.test", "weights: {blue: 1}")).unwrap();
        let message = until_reason(world, "Invalid").await;
        assert!(message.contains("api.other.test") && message.contains("shop.test"), "{message}");
        world.delete("weightedroutes", "api").unwrap();
        world.run_for(MINUTE).await;
        world.apply(&name_route("Z0NOSUCHZONE", NAME, "weights: {blue: 1}")).unwrap();
        let message = until_reason(world, "Denied").await;
        assert!(message.contains("Z0NOSUCHZONE"), "{message}");
        let refused = |manifest: &str| world.apply(manifest).unwrap_err();
        let route = |extra: &str| name_route(&zone, NAME, extra);
        let wildcard = format!("'*.{}shop.test'", format!("{}.", "a".repeat(58)).repeat(4));
        for (manifest, says) in [
            (route("weights: {blue: 256, green: 1}"), "from 0 to 255"),
            (route("stickiness: {enabled: true, duration: 5m}"), "no stickiness"),
            (route("pace: {maxStep: 5, interval: 1m}"), "give spec.weights too"),
            (route("").replace(NAME, "https://api.shop.test"), "without scheme, port or final dot"),
            (route("").replace(NAME, "api.shop.test."), "without scheme, port or final dot"),
            (route("").replace(NAME, "a.*.shop.test"), "without scheme, port or final dot"),
            (route("").replace(NAME, "_weir.api.shop.test"), "without _weir. or _any."),
            (route("").replace(NAME, &wildcard), "at most 244 characters"),
            (route("").replace(NAME, &format!("{NAME}, types: [CNAME]")), "supported values: \"A\", \"AAAA\""),
            (route("").replace(NAME, &format!("{NAME}, types: []")), "at least 1"),
            (route("").replace(&zone, "/hostedzone/Z1"), "without /hostedzone/"),
            (
                route("").replace(&format!("  dns: {{zone: {{id: {zone}}}, name: {NAME}}}\n"), ""),
                "exactly one of spec.listener and spec.dns",
            ),
            (
                route("listener: {entryPoint: {name: blue}, listener: https}"),
                "exactly one of spec.listener and spec.dns",
            ),
        ] {
            let said = refused(&manifest.replace("name: api}", "name: wrong}"));
            assert!(said.contains(says), "{manifest}\n{said}");
        }
        let said = refused(&name_route(&zone, "other.shop.test", ""));
        assert!(said.contains("cannot be changed"), "{said}");
    });
}

#[test]
fn a_balancer_that_uses_no_group_of_the_environment_has_no_capacity() {
    play(638, &[], async |world, _| {
        let wrong = environment("blue").replace("{name: blue-lb}", "{name: green-lb}");
        world.apply(&wrong).unwrap();
        world.run_for(2 * MINUTE).await;
        let conditions = world.environment("blue").and_then(|found| found.status).unwrap_or_default().conditions;
        let ready = find(&conditions, READY).unwrap();
        assert!(ready.reason == "GroupNotUsable" && ready.message.contains("spec.targetGroups"), "{}", ready.message);
    });
}
