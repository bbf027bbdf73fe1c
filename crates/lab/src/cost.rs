//! What a release costs in calls, counted in the world's own logs.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::evidence::Call;
use crate::stage::{self, BALANCER, PORT, on_virtual_time, shift, steps};
use crate::world::{Settings, World};

const HOUR: Duration = Duration::from_hours(1);
/// Twelve steps.
const WEIGHTS: [u32; 12] = [1, 2, 5, 10, 15, 20, 30, 40, 50, 60, 80, 100];

/// Calls by operation, those that speak of a resource.
fn count(calls: &[Call], operation: &str, resource: &str) -> usize {
    let speaks = |call: &&Call| {
        call.operation == operation && (resource.is_empty() || call.resources.iter().any(|named| named == resource))
    };
    calls.iter().filter(speaks).count()
}

fn between(world: &World, from: Timestamp, to: Timestamp) -> Vec<Call> {
    world.account().calls().into_iter().filter(|call| call.at > from && call.at <= to).collect()
}

/// How many requests the controller made of Kubernetes, by verb and resource, without its watches.
fn requests(world: &World) -> BTreeMap<(String, String), u64> {
    let mut counts = world.kube().request_counts();
    counts.retain(|(verb, _), _| verb != "watch" && verb != "list");
    counts
}

#[test]
fn a_step_costs_one_write_one_read_back_and_one_health_read() {
    on_virtual_time(async {
        // Without rounds, which come at their own times. A look at the listener before the write then stands in for
        // the round that would have come: all in all there is one look for each step beside the rounds, see below.
        let settings = Settings { round_interval: 10 * HOUR, ..Settings::seeded(201) };
        let mut world = stage::set(settings).await;
        world.apply(&shift("green", &steps(&WEIGHTS, "10m"), "")).unwrap();
        for weight in WEIGHTS {
            let applied = move |world: &World| {
                let run = world.shift("checkout").and_then(|shift| shift.status).and_then(|status| status.run);
                run.is_some_and(|run| u32::try_from(run.weight) == Ok(weight) && run.applied_at.is_some())
            };
            world.run_until(applied, HOUR).await.unwrap();
            // Everything around the write, without the health watch of the pause before it.
            let step = between(&world, world.now() - Duration::from_secs(5), world.now());
            let operations: Vec<&str> = step.iter().map(|call| call.operation.as_str()).collect();
            let mut expected = vec!["DescribeTargetHealth", "DescribeRules", "ModifyListener", "DescribeRules"];
            if weight == 100 {
                // The run's end is remembered on AWS.
                expected.extend(["DescribeRules", "AddTags", "DescribeTags"]);
            }
            assert_eq!(operations, expected, "at {weight} %");
            let (listener, green) = (world.account().listener_arn(BALANCER, PORT), world.account().group_arns());
            assert!(step[0].resources == [green["green"].clone()] && step[1].resources == [listener], "{step:?}");
        }
    });
}

#[test]
fn a_whole_release_costs_what_its_parts_cost() {
    on_virtual_time(async {
        let mut world = stage::set(Settings::seeded(202)).await;
        world.run_for(Duration::from_mins(1)).await;
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
        assert_eq!(of("ModifyListener"), 13);
        assert_eq!(of("AddTags"), 1);
        assert!(of("DescribeLoadBalancers") <= rounds);
        assert!(of("DescribeListeners") <= rounds);
        // One for each write beside the rounds, which do not read again what was just read.
        assert!(of("DescribeRules") <= rounds + 13 + 2, "{by_operation:?}");
        assert!(of("DescribeTargetHealth") <= seconds / 15 + 14, "{by_operation:?}");
        assert!(of("DescribeTags") <= 3 + seconds / 540, "{by_operation:?}");
        assert!(of("DescribeTargetGroupAttributes") <= 2, "{by_operation:?}");
        assert!(of("DescribeTargetGroups") <= 2, "{by_operation:?}");
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
        let tags = count(&calls, "DescribeTags", "");
        assert!((6..=7).contains(&tags), "{tags}");
        assert!(calls.len() - tags <= 120 * 3, "{} calls", calls.len());
        assert!(calls.len() >= 100 * 3, "{} calls: the rounds do not come", calls.len());
        let is_round = |call: &Call| {
            ["DescribeLoadBalancers", "DescribeListeners", "DescribeRules", "DescribeTags"]
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
        assert_eq!(count(&calls, "DescribeTargetHealth", ""), 0);
    });
}

#[test]
fn weights_that_the_user_owns_cost_nothing_between_rounds() {
    on_virtual_time(async {
        // Without rounds there is nothing but the route's own doing.
        let mut world = stage::set(Settings { round_interval: 10 * HOUR, ..Settings::seeded(205) }).await;
        let weights = serde_json::json!({"spec": {"weights": {"blue": 80, "green": 20}, "drift": "Correct"}});
        world.patch("weightedroutes", "checkout", &weights).unwrap();
        let green = |world: &World| stage::live(world).get("green") == Some(&20);
        world.run_until(green, HOUR).await.unwrap();
        world.run_for(Duration::from_mins(2)).await;
        let (began, before, events) = (world.now(), requests(&world), world.events().len());
        world.run_for(6 * HOUR).await;
        assert_eq!(requests(&world), before, "no GET, no status write, no event");
        assert_eq!((world.events().len(), between(&world, began, world.now()).len()), (events, 0));
    });
}
