//! What `weir plan` says of a release is what the controllers then do.

use std::collections::BTreeMap;

use weir_engine::forecast::{End, What};
use weir_engine::write::Write;
use weir_engine::{Key, KindName};

use super::*;
use crate::evidence::Call;
use crate::load::Load;
use crate::stage::{furnished, rule_route, shift, steps};

const SECOND: Duration = Duration::from_secs(1);
/// Calls by operation, without those of the rounds: each describes the balancer once, and once the rules of its listener.
fn counted<'a>(calls: impl Iterator<Item = &'a Call>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::<String, u64>::new();
    for call in calls {
        *counts.entry(call.operation.clone()).or_default() += 1;
    }
    let rounds = counts.remove("DescribeLoadBalancers").unwrap_or(0);
    if let Some(rules) = counts.get_mut("DescribeRules") {
        *rules = rules.saturating_sub(rounds);
    }
    counts
}

#[test]
fn what_is_planned_is_what_is_written_and_costs_what_was_said() {
    on_virtual_time(async {
        let mut world = furnished(Settings::seeded(1)).await;
        world.start_controller();
        world.apply(&shift("blue", "{allAtOnce: {}}", "")).unwrap();
        world.run_until(|world| world.is_complete("checkout"), MINUTE * 5).await.unwrap();
        world.run_for(MINUTE * 3).await;
        world.apply(&shift("green", &steps(&[10, 50, 100], "20s"), "")).unwrap();
        let (_, forecast) = world.forecast(vec![Key::new("shop", "checkout")]).await.unwrap();
        let from = world.now();
        let took = world.run_until(|world| world.is_complete("checkout"), MINUTE * 10).await.unwrap();
        world.run_for(MINUTE).await;
        let evidence = world.evidence();
        let calls = || evidence.calls.iter().filter(|call| call.at > from);
        let written: Vec<&str> = calls().filter(|call| call.write).map(|call| call.operation.as_str()).collect();
        let planned: Vec<&str> = forecast.writes().map(Write::operation).collect();
        assert_eq!(planned, written, "{forecast:#?}");
        let mut live = Vec::new();
        for change in evidence.changes.iter().filter(|change| change.at > from) {
            live.push(change.after.clone());
        }
        let weights = forecast.entries.iter().filter_map(|entry| match &entry.what {
            What::Write { weights, .. } if !weights.is_empty() => Some(weights),
            _ => None,
        });
        let weights: Vec<BTreeMap<String, u32>> = weights
            .map(|weights| {
                weights.iter().map(|(name, weight)| (name.clone(), u32::try_from(*weight).unwrap())).collect()
            })
            .collect();
        assert_eq!(weights, live);
        let [End::Ends { after, .. }] = &forecast.ends[..] else { panic!("{forecast:#?}") };
        assert!(after.unsigned_abs() <= took + SECOND && took <= after.unsigned_abs() + MINUTE, "{after:?}, {took:?}");
        let (made, said) = (counted(calls()), &forecast.reads);
        for (operation, slack) in [("DescribeRules", 2), ("DescribeTags", 2), ("DescribeTargetHealth", 2)] {
            let (made, said) = (made[operation], said.get(operation).copied().unwrap_or(0));
            assert!(made.abs_diff(said) <= slack, "{operation}: {made} were made, {said} were said");
        }
        assert!(forecast.entries.iter().all(|entry| entry.object.kind != KindName::EntryPoint));
    });
}

#[test]
fn a_quota_that_stands_in_the_way_is_foreseen() {
    let of_rules = (0, 100, "would have 1 rules, and the quota rules-per-application-load-balancer is 0");
    let of_groups =
        (100, 1, "would have 2 target groups, and the quota target-groups-per-application-load-balancer is 1");
    for (name, (rules, groups, words)) in [("web", of_rules), ("checkout", of_groups)] {
        on_virtual_time(async {
            let mut world = furnished(Settings::seeded(1)).await;
            world.apply(&rule_route("web", &["blue"], 7, "")).unwrap();
            let to = if name == "web" { "blue" } else { "green" };
            world.apply(&shift(to, "{allAtOnce: {}}", "").replace("checkout", name)).unwrap();
            let planned = async |world: &World| world.forecast(vec![Key::new("shop", name)]).await.unwrap().1;
            let free = planned(&world).await;
            assert!(matches!(free.ends[..], [End::Ends { .. }]), "{free:#?}");
            assert_eq!(free.unread_quotas, []);
            world.aws().set_quotas(rules, groups);
            let full = planned(&world).await;
            assert!(matches!(&full.ends[..], [End::Blocked(why)] if why.contains(words)), "{full:#?}");
            // What is foreseen is what AWS then says.
            world.start_controller();
            world.run_for(MINUTE * 5).await;
            let evidence = world.evidence();
            assert!(evidence.calls.iter().any(|call| call.write && call.code.starts_with("TooMany")), "{name}");
        });
    }
}

#[test]
fn a_plan_only_reads_and_reads_no_more_of_a_thousand_routes_than_a_round() {
    on_virtual_time(async {
        let load = Load { balancers: 20, listeners: 3, routes: 1_000, own_environments: false };
        let world = load.furnish(Settings::seeded(1)).await;
        world.apply(&Load::shift(0, "g0", "strategy: {allAtOnce: {}}")).unwrap();
        let before = world.evidence().calls.len();
        let (_, forecast) = world.forecast(vec![Key::new("shop", "s0")]).await.unwrap();
        let evidence = world.evidence();
        let calls = &evidence.calls[before..];
        assert!(calls.iter().all(|call| !call.write), "{calls:?}");
        assert!(calls.len() <= 30, "{} calls", calls.len());
        assert!(matches!(forecast.ends[..], [End::Ends { .. }]), "{forecast:#?}");
    });
}
