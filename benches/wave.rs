//! A wave of weights: how long it takes until many routes have changed, and what that costs in calls of AWS.
//!
//! `cargo bench --bench wave` with, after `--`, the number of routes (50), of balancers (1) and of waves (3). Worlds are
//! simulated, with time of their own, so the same program prints the same figures on every machine. Calls are compared with
//! the fewest that a wave can need: for each route a look at the health of what gains, and the write.

use std::env;

use weir_lab::load::Load;
use weir_lab::sim::aws::Rates;
use weir_lab::wave::{Cost, Mover, Wave};

fn main() {
    let numbers: Vec<usize> = env::args().filter_map(|argument| argument.parse().ok()).collect();
    let number = |at: usize, usual: usize| numbers.get(at).copied().unwrap_or(usual);
    let (routes, balancers, waves) = (number(0, 50), number(1, 1), number(2, 3));
    let load = Load { balancers, listeners: 1, own_environments: true, ..Load::of(routes) };
    let profiles = [("none", None), ("2026", Some(Rates::of_2026())), ("legacy", Some(Rates::legacy()))];
    for mover in [Mover::Weights, Mover::Shifts] {
        for (profile, rates) in profiles {
            println!(
                "{routes} routes on {balancers} balancers, moved by {mover:?}, AWS throttles by the profile {profile}"
            );
            for (wave, cost) in (Wave { load, mover, rates, seed: 7 }).play(waves).iter().enumerate() {
                println!("  wave {}: {}", wave + 1, words(cost, routes));
            }
        }
    }
}

fn words(cost: &Cost, routes: usize) -> String {
    let complete = cost.complete.map_or(String::new(), |span| format!(", {:.1} s until complete", span.as_secs_f64()));
    let least = 2 * routes;
    let hundredths = cost.all_calls() * 100 / least.max(1);
    let ratio = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    let mut calls: Vec<(&String, &usize)> = cost.calls.iter().collect();
    calls.sort_by(|one, other| other.1.cmp(one.1));
    let calls: Vec<String> = calls.iter().map(|(operation, count)| format!("{count} {operation}")).collect();
    format!(
        "{:.1} s until live{complete}; {} calls, {ratio} times the fewest, {} throttled: {}",
        cost.live.as_secs_f64(),
        cost.all_calls(),
        cost.throttled,
        calls.join(", ")
    )
}
