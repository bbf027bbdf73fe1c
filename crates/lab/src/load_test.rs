//! Many routes in one account: what they cost in calls, and how long traffic that goes back waits among them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use weir_api::TrafficShiftStatus;
use weir_sim::aws::Rates;

use crate::evidence::Call;
use crate::load::Load;
use crate::stage::{on_virtual_time, steps};
use crate::world::{Settings, World};

const MINUTE: Duration = Duration::from_mins(1);

fn by_operation(calls: &[Call]) -> BTreeMap<&str, usize> {
    calls.iter().fold(BTreeMap::new(), |mut counts, call| {
        *counts.entry(call.operation.as_str()).or_default() += 1;
        counts
    })
}

fn since(world: &World, from: Timestamp) -> Vec<Call> {
    world.account().calls().into_iter().filter(|call| call.at > from).collect()
}

#[test]
fn a_thousand_settled_routes_cost_a_round_of_less_than_a_hundred_calls() {
    on_virtual_time(async {
        let load = Load { balancers: 20, ..Load::of(1000) };
        let mut world = load.furnish(Settings::seeded(301)).await;
        let began = world.now();
        world.start_controller();
        let took = world.run_until(|world| load.is_settled(world), 5 * MINUTE).await.unwrap();
        let first_sight = since(&world, began);
        eprintln!("first sight: {took:?}, {} calls: {:?}", first_sight.len(), by_operation(&first_sight));
        let tags = by_operation(&first_sight).get("DescribeTags").copied().unwrap_or(0);
        // Twenty in each call, and one more for a listener whose rules were read last.
        assert!(tags <= 55, "{tags} calls for the tags of 1000 rules");
        assert!(first_sight.len() <= 200, "{:?}", by_operation(&first_sight));
        world.run_for(2 * MINUTE).await;

        let (began, requests) = (world.now(), world.kube().request_counts());
        world.run_for(10 * MINUTE).await;
        let rounds = since(&world, began);
        eprintln!("20 rounds: {} calls: {:?}", rounds.len(), by_operation(&rounds));
        assert!(rounds.len() <= 20 * 100, "{:?}", by_operation(&rounds));
        // The rules of sixty listeners in each, the rest more seldom.
        assert!(rounds.len() >= 19 * 60, "{:?}: the rounds do not come", by_operation(&rounds));
        let settled = |mut counts: BTreeMap<(String, String), u64>| {
            counts.retain(|(verb, resource), _| verb != "watch" && verb != "list" && !resource.starts_with("leases"));
            counts
        };
        assert_eq!(settled(world.kube().request_counts()), settled(requests), "no GET, no status write, no event");
        assert!(rounds.iter().all(|call| call.code == "OK"), "nothing is throttled");
    });
}

fn shift(route: usize, to: &str) -> String {
    let strategy = steps(&[5, 20, 40, 60, 80, 100], "5m");
    Load::shift(route, to, &format!("progressDeadline: 2h\n  strategy: {strategy}"))
}

fn status(world: &World, route: usize) -> TrafficShiftStatus {
    world.shift(&format!("s{route}")).and_then(|shift| shift.status).unwrap_or_default()
}

/// The weight of a run that moves and does not go back.
fn weight(world: &World, route: usize) -> Option<i32> {
    let run = status(world, route).run.filter(|run| run.ended_at.is_none() && run.rollback.is_none())?;
    Some(run.weight)
}

/// Whether its rule sends traffic to the candidate.
fn carries(world: &World, load: &Load, route: usize) -> bool {
    load.live(world, route).get(&format!("g{route}")).is_some_and(|weight| *weight > 0)
}

/// A rollback that was asked for, and when it was decided.
struct Rollback {
    route: usize,
    /// The instant of the command; that of the decision where the controller found the candidate broken.
    asked: Option<Timestamp>,
}

/// How long it took from the decision until AWS had taken the write by which everything went back, in milliseconds.
fn took(world: &World, load: &Load, rollbacks: &[Rollback]) -> Vec<i64> {
    let changes = world.changes();
    let mut spans = Vec::new();
    for Rollback { route, asked } in rollbacks {
        let decided = status(world, *route).run.and_then(|run| run.rollback).map(|cause| cause.since);
        let Some(from) = asked.or(decided) else { panic!("s{route} was not rolled back") };
        let (balancer, port, priority) = load.place(*route);
        let rule = world.account().rule_arn(&format!("lb-{balancer}"), port, priority);
        let candidate = format!("g{route}");
        let back = changes.iter().find(|change| {
            Some(&change.place) == rule.as_ref()
                && change.at >= from
                && change.after.get(&candidate).copied().unwrap_or(0) == 0
        });
        let Some(back) = back else { panic!("r{route} was not brought back") };
        spans.push(i64::try_from(back.at.duration_since(from).as_millis()).unwrap());
    }
    spans.sort_unstable();
    spans
}

#[test]
fn among_five_hundred_runs_a_rollback_is_written_within_a_second() {
    on_virtual_time(async {
        let load = Load { balancers: 20, own_environments: true, ..Load::of(620) };
        let mut settings = Settings::seeded(303);
        settings.aws.rates = Some(Rates::legacy());
        let mut world = load.furnish(settings).await;
        world.start_controller();
        world.run_until(|world| load.is_settled(world), 10 * MINUTE).await.unwrap();
        for route in 0..load.routes {
            world.apply(&shift(route, &format!("g{route}"))).unwrap();
        }
        let applied = world.now();
        let moving = |world: &World| (0..load.routes).filter(|route| weight(world, *route) >= Some(5)).count();
        while moving(&world) < load.routes {
            assert!(world.now() < applied + 30 * MINUTE, "only {} runs have begun", moving(&world));
            world.run_for(Duration::from_secs(20)).await;
        }
        let took_to_move = world.now().duration_since(applied);
        let began = world.now();
        let mut chance = fastrand::Rng::with_seed(303);
        let mut rollbacks: Vec<Rollback> = Vec::new();
        while rollbacks.len() < 110 {
            world.run_for(Duration::from_millis(chance.u64(200..3800))).await;
            let route = chance.usize(0..load.routes);
            if rollbacks.iter().any(|rollback| rollback.route == route)
                || weight(&world, route).is_none()
                || !carries(&world, &load, route)
            {
                continue;
            }
            if rollbacks.len() % 10 == 9 {
                world.account().break_targets(&format!("g{route}"), 2);
                rollbacks.push(Rollback { route, asked: None });
                continue;
            }
            rollbacks.push(Rollback { route, asked: Some(world.now()) });
            if rollbacks.len().is_multiple_of(3) {
                let back = json!({"spec": {"to": format!("b{route}")}});
                world.patch("trafficshifts", &format!("s{route}"), &back).unwrap();
            } else {
                world.command(&format!("s{route}"), "abort/1").unwrap();
            }
        }
        let is_back = |world: &World| {
            rollbacks.iter().all(|rollback| status(world, rollback.route).run.is_some_and(|run| run.ended_at.is_some()))
        };
        let ended = world.run_until(is_back, 20 * MINUTE).await.unwrap();
        let moving = (0..load.routes)
            .filter(|route| status(&world, *route).run.is_some_and(|run| run.ended_at.is_none()))
            .count();
        let calls = since(&world, began);
        let throttled = calls.iter().filter(|call| call.code == "Throttling").count();
        let spans = took(&world, &load, &rollbacks);
        eprintln!(
            "all moving after {took_to_move:?}, {moving} still at the end, the last rollback ended after {ended:?}; {} calls in {}, \
             {throttled} throttled: {:?}; rollbacks in ms {spans:?}",
            calls.len(),
            world.now().duration_since(began),
            by_operation(&calls)
        );
        assert!(moving >= 500, "only {moving} runs are in flight");
        let p99 = spans[(spans.len() * 99).div_ceil(100) - 1];
        assert!(p99 <= 1000, "{p99} ms at p99 of {spans:?}");
        assert!(throttled * 20 <= calls.len(), "{throttled} of {} calls were throttled", calls.len());
    });
}
