//! What a release costs in calls, counted in the world's own logs.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::evidence::Call;
use crate::stage::{self, on_virtual_time, shift, steps};
use crate::world::{SHORT_LEASE, Settings, World};

const HOUR: Duration = Duration::from_hours(1);
/// Twelve steps.
const WEIGHTS: [u32; 12] = [1, 2, 5, 10, 15, 20, 30, 40, 50, 60, 80, 100];

/// How many calls there are of an operation.
fn count(calls: &[Call], operation: &str) -> usize {
    calls.iter().filter(|call| call.operation == operation).count()
}

fn between(world: &World, from: Timestamp, to: Timestamp) -> Vec<Call> {
    world.account().calls().into_iter().filter(|call| call.at > from && call.at <= to).collect()
}

/// How many requests the controller made of Kubernetes, by verb and resource, without its watches and its election.
fn requests(world: &World) -> BTreeMap<(String, String), u64> {
    let mut counts = world.kube().request_counts();
    counts.retain(|(verb, resource), _| verb != "watch" && verb != "list" && !resource.starts_with("leases"));
    counts
}

#[test]
fn a_step_costs_one_write_one_read_back_and_a_look_at_health_and_marks() {
    on_virtual_time(async {
        // Without rounds, which come at their own times. A look at the listener before the write then stands in for
        // the round that would have come: all in all there is one look for each step beside the rounds, see below.
        let settings = Settings { resync_interval: 10 * HOUR, ..Settings::seeded(201) };
        let mut world = stage::set(settings).await;
        world.apply(&shift("green", &steps(&WEIGHTS, "10m"), "")).unwrap();
        for weight in WEIGHTS {
            let applied = move |world: &World| {
                let run = world.shift("checkout").and_then(|shift| shift.status).and_then(|status| status.run);
                run.is_some_and(|run| u32::try_from(run.weight) == Ok(weight) && run.applied_at.is_some())
            };
            world.run_until(applied, HOUR).await.unwrap();
            // Everything around the write, without the health watch of the pause before it.
            let mut step = between(&world, world.now() - Duration::from_secs(5), world.now());
            // Requests are counted once a minute, beside all this.
            step.retain(|call| call.operation != "GetMetricData");
            // The run's end is remembered on AWS.
            let end = usize::from(weight == 100);
            let most = [
                ("DescribeTargetHealth", 1),
                ("DescribeTags", 1 + end),
                ("ModifyListener", 1),
                ("DescribeRules", 2 + end),
                ("AddTags", end),
            ];
            for (operation, most) in most {
                assert!(count(&step, operation) <= most, "{operation} at {weight} %: {step:?}");
            }
            assert!(
                step.len() <= most.iter().map(|(_, most)| most).sum::<usize>(),
                "nothing else at {weight} %: {step:?}"
            );
        }
    });
}

#[test]
fn a_whole_release_costs_what_its_parts_cost() {
    on_virtual_time(async {
        let mut world = stage::set(Settings::seeded(202)).await;
        // Between two rounds: one that is under way during a write reads the rules again, since what it read is outdated.
        world.run_for(Duration::from_secs(75)).await;
        let began = world.now();
        world.apply(&shift("green", &steps(&WEIGHTS, "10m"), "")).unwrap();
        world.run_until(|world| world.is_complete("checkout"), 4 * HOUR).await.unwrap();
        let calls = between(&world, began, world.now());
        let seconds = usize::try_from(world.now().duration_since(began).as_secs()).unwrap();
        let rounds = seconds / 30 + 1;
        let by_operation = calls.iter().fold(BTreeMap::<&str, usize>::new(), |mut counts, call| {
            *counts.entry(&call.operation).or_default() += 1;
            counts
        });
        let of = |operation: &str| by_operation.get(operation).copied().unwrap_or(0);
        // Twelve weights and the candidate attached; the mark of adoption was made before, the memory is one.
        assert!(of("ModifyListener") <= 13, "{by_operation:?}");
        assert!(of("AddTags") <= 1, "{by_operation:?}");
        assert!(of("DescribeLoadBalancers") <= rounds);
        assert!(of("DescribeListeners") <= rounds);
        // One for each write beside the rounds, which do not read again what was just read.
        assert!(of("DescribeRules") <= rounds + 13 + 2, "{by_operation:?}");
        assert!(of("DescribeTargetHealth") <= seconds / 15 + 14, "{by_operation:?}");
        // Whose the listener is, is read before each write.
        assert!(of("DescribeTags") <= 13 + 3 + seconds / 540, "{by_operation:?}");
        assert!(of("DescribeTargetGroupAttributes") <= 2, "{by_operation:?}");
        // They are looked at in every third round, all of them in one call.
        assert!(of("DescribeTargetGroups") <= seconds / 75 + 2, "{by_operation:?}");
        assert!(of("GetMetricData") <= seconds / 60 + 1, "{by_operation:?}");
    });
}

#[test]
fn a_round_costs_two_calls_and_one_for_each_listener() {
    on_virtual_time(async {
        let mut world = stage::set(Settings::seeded(203)).await;
        world.run_for(Duration::from_mins(10)).await;
        let began = world.now();
        world.run_for(HOUR).await;
        let calls = between(&world, began, world.now());
        // Tags are looked at every nine minutes, all of them in one call.
        let tags = count(&calls, "DescribeTags");
        assert!((6..=7).contains(&tags), "{tags}");
        assert!(calls.len() - tags <= 120 * 3, "{} calls", calls.len());
        assert!(count(&calls, "DescribeRules") >= 100, "the rounds do not come");
        // What seldom changes is read in every third.
        for operation in ["DescribeListeners", "DescribeTargetGroups"] {
            assert!((33..=48).contains(&count(&calls, operation)), "{operation}");
        }
        let is_round = |call: &Call| {
            ["DescribeLoadBalancers", "DescribeListeners", "DescribeRules", "DescribeTags", "DescribeTargetGroups"]
                .contains(&call.operation.as_str())
        };
        assert!(calls.iter().all(is_round), "{calls:?}");
    });
}

#[test]
fn what_is_settled_costs_nothing() {
    on_virtual_time(async {
        let mut world = stage::set(Settings::seeded(204)).await;
        world.apply(&shift("green", &steps(&[50, 100], "1m"), "")).unwrap();
        world.run_until(|world| world.is_complete("checkout"), HOUR).await.unwrap();
        world.run_for(Duration::from_mins(2)).await;
        let (began, before, events) = (world.now(), requests(&world), world.events().len());
        world.run_for(HOUR).await;
        assert_eq!(requests(&world), before, "no GET, no status write, no event");
        assert_eq!(world.events().len(), events);
        let calls = between(&world, began, world.now());
        assert!(calls.len() <= 120 * 3 + 7, "{} calls", calls.len());
        assert_eq!(count(&calls, "DescribeTargetHealth"), 0);
    });
}

#[test]
fn to_lead_costs_a_write_every_two_seconds_and_to_stand_by_a_look_every_second() {
    on_virtual_time(async {
        let mut world = stage::set(Settings { lease: SHORT_LEASE, ..Settings::seeded(207) }).await;
        let election = |world: &World| {
            let counts = world.kube().request_counts().into_iter();
            let of_leases = counts.filter(|((_, resource), _)| resource.starts_with("leases"));
            of_leases.map(|((verb, _), count)| (verb, count)).collect::<BTreeMap<String, u64>>()
        };
        world.run_for(Duration::from_mins(1)).await;
        world.kube().forget_requests();
        world.run_for(HOUR).await;
        assert_eq!(election(&world), BTreeMap::from([("update".to_owned(), 1_800)]));
        world.start_another(SignedDuration::ZERO);
        world.run_for(Duration::from_mins(1)).await;
        world.kube().forget_requests();
        world.run_for(HOUR).await;
        let counts = election(&world);
        assert_eq!(counts["update"], 1_800);
        assert!((3_500..=3_600).contains(&counts["get"]), "{counts:?}");
    });
}

#[test]
fn weights_that_the_user_owns_cost_nothing_between_rounds() {
    on_virtual_time(async {
        // Without rounds there is nothing but the route's own doing.
        let mut world = stage::set(Settings { resync_interval: 10 * HOUR, ..Settings::seeded(205) }).await;
        let weights = json!({"spec": {"weights": {"blue": 80, "green": 20}, "drift": "Correct"}});
        world.patch("weightedroutes", "checkout", &weights).unwrap();
        let green = |world: &World| stage::live(world).get("green") == Some(&20);
        world.run_until(green, HOUR).await.unwrap();
        // By then it is said that nobody sends requests.
        world.run_for(Duration::from_mins(15)).await;
        let (began, before, events) = (world.now(), requests(&world), world.events().len());
        world.run_for(6 * HOUR).await;
        assert_eq!(requests(&world), before, "no GET, no status write, no event");
        assert_eq!(world.events().len(), events);
        // While traffic is split, its requests are counted once a minute.
        let calls = between(&world, began, world.now());
        assert!(calls.iter().all(|call| call.operation == "GetMetricData"), "{calls:?}");
        assert!(calls.len() <= 361, "{}", calls.len());
    });
}

#[test]
fn the_requests_of_a_hundred_moving_routes_cost_one_call_a_minute() {
    on_virtual_time(async {
        let mut world = World::new(Settings::seeded(206));
        let manifests = many(4, 25);
        world.furnish(&manifests, 1).unwrap();
        world.apply(&manifests).unwrap();
        world.start_controller();
        // Whole spans instead of a look at every object each second, which would take longer than all else.
        world.run_for(Duration::from_mins(4)).await;
        for number in 0..100 {
            let shift = format!("blue-{number}");
            assert!(world.is_complete(&shift), "{:?}", world.shift(&shift));
            let to = json!({"spec": {"to": format!("green-{number}")}});
            world.patch("trafficshifts", &shift, &to).unwrap();
        }
        world.run_for(Duration::from_mins(4)).await;
        for number in 0..100 {
            let status = world.route(&format!("route-{number}")).and_then(|route| route.status).unwrap();
            assert_eq!(status.live, Some(format!("blue-{number} 50, green-{number} 50")));
        }
        let (began, before) = (world.now(), requests(&world));
        world.run_for(Duration::from_mins(5)).await;
        let calls = between(&world, began, world.now());
        let counted = count(&calls, "GetMetricData");
        assert!((4..=6).contains(&counted), "{counted}");
        let written: u64 = requests(&world).values().sum::<u64>() - before.values().sum::<u64>();
        assert!(written <= 200, "{written} requests to Kubernetes while nothing moves");
    });
}

/// Balancers with so many rules each; every route has two environments of its own and a shift that is to rest at half.
fn many(balancers: usize, routes: usize) -> String {
    let mut text = String::new();
    for balancer in 0..balancers {
        text += &stage::ENTRY_POINT.replace("public", &format!("public-{balancer}"));
        for number in balancer * routes..(balancer + 1) * routes {
            let (blue, green) = (format!("blue-{number}"), format!("green-{number}"));
            text += &stage::environment(&blue);
            text += &stage::environment(&green);
            let priority = u32::try_from(number).unwrap() + 1;
            let route = stage::rule_route(&format!("route-{number}"), &[&blue, &green], priority, "");
            text += &route.replace("entryPoint: {name: public}", &format!("entryPoint: {{name: public-{balancer}}}"));
            let half = "{steps: [{weight: 50, pause: {}}, {weight: 100}]}";
            let shift = stage::shift(&blue, half, "").replace("name: checkout", &format!("name: {blue}"));
            text += &shift.replace("[checkout]", &format!("[route-{number}]"));
        }
        text += "---\n";
    }
    text
}
