//! Twenty tenants share one balancer, and one of them is hostile: what it does by the objects that the role `edit`, or even a
//! way in of its own, lets it write takes nothing from the others, shows it nothing of theirs, and does not slow them down.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use weir_engine::grant::{Grant, Grants, Subject};
use weir_sim::aws::{HttpRequest, RuleAction};

use crate::evidence::{Call, Change, Weights};
use crate::stage::{self, BALANCER, PORT, on_virtual_time};
use crate::world::{Settings, World};

use super::sharing::{answered_by, host, join, open, route, weights};
use super::{MINUTE, assert_sound_but, told, until};

/// How many tenants mean well.
const TENANTS: usize = 19;
/// The hostile one.
const HOSTILE: &str = "deals";
/// What only a proxy in front of the balancer and its owner know.
const SECRET: &str = "s3cret";

/// Each namespace may name its own target groups, and the platform the balancer. That the hostile one may name it too is a
/// mistake of whoever runs the controller.
fn grants() -> Grants {
    let grant = |namespace: &str, subject, pattern: &str| Grant {
        namespace: namespace.to_owned(),
        subject,
        pattern: pattern.to_owned(),
    };
    let own = tenants().into_iter().chain([HOSTILE.to_owned()]);
    let own = own.map(|name| grant(&name, Subject::TargetGroup, &format!("{name}-*")));
    let balancers = ["shop", HOSTILE].map(|name| grant(name, Subject::Balancer, BALANCER));
    let platform = [grant("shop", Subject::TargetGroup, "*")];
    Grants(own.chain(balancers).chain(platform).collect())
}

fn tenants() -> Vec<String> {
    (1..=TENANTS).map(|number| format!("tenant-{number:02}")).collect()
}

/// The objects with which the hostile tenant goes for the others, each under a name of its own.
fn attacks() -> Vec<(&'static str, String)> {
    let by = |name: &str, entry_point: &str, rest: &str| {
        format!(
            "---
apiVersion: weir.dev/v1alpha1
kind: WeightedRoute
metadata: {{name: {name}, namespace: {HOSTILE}}}
spec:
  listener: {{entryPoint: {entry_point}, listener: https{rest}}}
  backends: [{{environment: v1}}, {{environment: v2}}]
  adopt: true
---
apiVersion: weir.dev/v1alpha1
kind: TrafficShift
metadata: {{name: {name}, namespace: {HOSTILE}}}
spec: {{routes: [{name}], to: v1, strategy: {{allAtOnce: {{}}}}}}
"
        )
    };
    let (own, shared) = ("{name: mine}", "{name: public, namespace: shop}");
    vec![
        ("all", by("all", own, ", match: {paths: ['/*']}, priority: 1")),
        ("default", by("default", own, "")),
        ("wide", by("wide", own, ", match: {hosts: ['*.shop.test']}, priority: 2")),
        ("legacy", by("legacy", own, ", match: {hosts: [legacy.shop.test]}, priority: 900")),
        ("adopts", by("adopts", shared, ", match: {hosts: [legacy.shop.test]}")),
        ("wider", by("wider", shared, ", match: {hosts: ['*?.shop.test'], paths: ['/*']}")),
        ("claims", by("claims", shared, ", match: {hosts: [tenant-01.shop.test], paths: ['/cart']}")),
        ("reads", by("reads", own, ", match: {hosts: [deals.shop.test]}, priority: 7")),
    ]
}

/// The way in of the hostile tenant, and an environment with the group of another one.
fn ways_in() -> String {
    format!(
        "---
apiVersion: weir.dev/v1alpha1
kind: EntryPoint
metadata: {{name: mine, namespace: {HOSTILE}}}
spec:
  existing: {{name: {BALANCER}}}
  listeners: [{{name: https, port: {PORT}}}]
  allowedRoutes: {{namespaces: {{from: All}}, hosts: ['*'], adopt: true}}
---
apiVersion: weir.dev/v1alpha1
kind: Environment
metadata: {{name: theirs, namespace: {HOSTILE}}}
spec: {{targetGroups: [{{name: web, existing: {{name: tenant-01-v1}}}}]}}
"
    )
}

/// Which group answers for each host that somebody has.
async fn answers(world: &mut World) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in tenants().into_iter().chain(["legacy".to_owned()]) {
        let request = HttpRequest::get(format!("{name}.shop.test"), "/cart");
        let group = answered_by(world, request).await.unwrap_or_else(|cause| format!("{cause:?}"));
        found.push((name, group));
    }
    found
}

/// Everything that the hostile namespace can read: its objects with their statuses, and the events about them.
fn readable(world: &World) -> String {
    let kinds = ["entrypoints", "environments", "weightedroutes", "trafficshifts"];
    let objects = kinds.iter().flat_map(|kind| world.kube().list(kind, HOSTILE));
    let objects: Vec<String> = objects.map(|object| object.to_string()).collect();
    objects.concat() + &told(world)
}

#[test]
fn a_hostile_tenant_takes_nothing_sees_nothing_and_slows_nobody() {
    on_virtual_time(async {
        let settings = Settings { grants: grants(), ..Settings::seeded(1201) };
        let mut world = stage::furnished(settings).await;
        let world = &mut world;
        world.start_controller();
        open(world);
        let listener = world.account().listener_arn(BALANCER, PORT);
        world.add_group("legacy", 2, weir_sim::aws::TargetStickiness::Off).unwrap();
        let legacy = world.account().group_arns()["legacy"].clone();
        let legacy = RuleAction::Forward { groups: vec![(legacy, 1)], sticky_seconds: None };
        world.aws().add_rule(&listener, 900, (&["legacy.shop.test"], &[]), &legacy).unwrap();
        let rule =
            world.aws().add_rule(&listener, 7, (&["origin.shop.test"], &[]), &RuleAction::FixedResponse(403)).unwrap();
        let header = |field: &str| format!("Conditions.member.1.{field}");
        let config = |field: &str| header(&format!("HttpHeaderConfig.{field}"));
        let form = [
            ("RuleArn", rule.as_str()),
            (&header("Field"), "http-header"),
            (&config("HttpHeaderName"), "x-origin"),
            (&config("Values.member.1"), SECRET),
        ];
        world.aws().by_hand("ModifyRule", &form).unwrap();
        for name in tenants() {
            join(world, &name, &host(&name)).await;
        }
        let before = answers(world).await;
        let expected: Vec<(String, String)> =
            tenants().into_iter().map(|name| (name.clone(), format!("{name}-v1"))).collect();
        assert_eq!(before[..TENANTS], expected, "{}", told(world));
        assert_eq!(before[TENANTS].1, "legacy");

        join(world, HOSTILE, &host(HOSTILE)).await;
        world.apply(&ways_in()).unwrap();
        for (_, manifest) in attacks() {
            world.apply(&manifest).unwrap();
        }
        // Meanwhile a tenant releases, and its candidate dies.
        let release = json!({"spec": {"to": "v2"}});
        world.kube().merge("trafficshifts", "tenant-01", "web", &release).unwrap();
        let half = stage::weights(&[("tenant-01-v1", 50), ("tenant-01-v2", 50)]);
        until(world, "half is live", |world| weights(world, "tenant-01") == half, 10 * MINUTE).await;
        world.account().break_targets("tenant-01-v2", 4);
        let mut flood = 0;
        let dead = |world: &World| world.account().healthy("tenant-01-v2") == 0;
        let back = |world: &World| weights(world, "tenant-01").get("tenant-01-v2") == Some(&0);
        let mut died_at = None;
        while !back(world) {
            assert!(flood < 20_000, "the traffic does not go back: {}", told(world));
            for (name, _) in attacks() {
                let patch = json!({"spec": {"weights": {"v1": flood % 99 + 1, "v2": 1}}});
                world.kube().merge("weightedroutes", HOSTILE, name, &patch).unwrap();
                flood += 1;
            }
            died_at = died_at.or_else(|| dead(world).then(|| world.now()));
            world.run_for(Duration::from_millis(100)).await;
        }
        let died_at = died_at.expect("the targets died first");
        let took = world.now().duration_since(died_at);
        // Health is looked at every fifteen seconds; from then on it is the controller that takes its time.
        assert!(took.as_secs() <= 16, "{took:#}");
        let evidence = world.evidence();
        let group = world.account().group_arns()["tenant-01-v2"].clone();
        let is_told = |call: &&Call| call.operation == "DescribeTargetHealth" && call.resources.contains(&group);
        let known =
            evidence.calls.iter().filter(is_told).find(|call| call.at >= died_at).expect("health was looked at").at;
        let is_back = |change: &&Change<Weights>| change.at >= died_at && change.after.get("tenant-01-v2") == Some(&0);
        let written = evidence.changes.iter().find(is_back).expect("it was written").at;
        let waited = written.duration_since(known);
        println!(
            "{flood} changes of the hostile tenant; back {took:#} after the candidate died, {waited:#} after it was known"
        );
        assert!(waited <= SignedDuration::from_secs(1), "{waited:#}");
        world.run_for(10 * MINUTE).await;

        let after = answers(world).await;
        assert_eq!(after, before, "whatever {HOSTILE} does, everybody's requests go where they went");
        // The hosts that are nobody's it may have, behind all that are somebody's.
        for (name, _) in attacks() {
            let found = world.kube().get("weightedroutes", HOSTILE, name).expect("it is there");
            assert_eq!(
                found["status"]["listenerRule"]["marked"].is_null(),
                name != "wider",
                "{name}: {}",
                found["status"]
            );
        }
        assert_eq!(stalled(world, "environments", "theirs"), "TargetGroupNotAllowed");
        assert_eq!(stalled(world, "weightedroutes", "reads"), "NotAllowed");
        let all = readable(world);
        assert!(!all.contains(SECRET), "the secret of a rule can be read: {all}");
        assert_eq!(route(world, HOSTILE).live.as_deref(), Some("v1 100"), "what is its own it has");
        // Whoever changes specs ten times a second has their statuses written as often.
        assert_sound_but(world, |breach| breach.contains("EndlessFight") && breach.contains(HOSTILE));
    });
}

/// Why an object of the hostile tenant is of no use.
fn stalled(world: &World, resource: &str, name: &str) -> String {
    let found = world.kube().get(resource, HOSTILE, name).expect("it is there");
    let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let stalled = conditions.iter().find(|condition| condition["type"] == "Stalled" && condition["status"] == "True");
    stalled.and_then(|stalled| stalled["reason"].as_str()).unwrap_or_default().to_owned()
}
