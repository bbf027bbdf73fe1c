//! Measures how many whole plans a second one core plays: releases of twelve steps with ten minutes of pause between
//! them, through the real clients. Run it with `cargo run --release -p weir-lab --example plans`.

use std::time::Duration;

use weir_lab::stage::{self, on_virtual_time, shift, steps};
use weir_lab::{Settings, World};

/// For how long plans are played.
const MEASURED: Duration = Duration::from_secs(10);

const WEIGHTS: [u32; 12] = [1, 2, 5, 10, 15, 20, 30, 40, 50, 60, 80, 100];

/// Plays one plan and tells how many calls of AWS and requests of Kubernetes it took.
fn play(seed: u64) -> (usize, u64) {
    on_virtual_time(async {
        let mut world = stage::set(Settings::seeded(seed)).await;
        world.apply(&shift("green", &steps(&WEIGHTS, "10m"), "")).expect("the shift is valid");
        let complete = |world: &World| world.is_complete("checkout");
        world.run_until(complete, Duration::from_hours(4)).await.expect("the plan ends");
        (world.account().calls().len(), world.kube().request_counts().values().sum())
    })
}

#[expect(clippy::disallowed_methods, reason = "real time is what is measured here")]
fn main() {
    let began = std::time::Instant::now();
    let (mut plans, mut calls, mut requests) = (0_u32, 0, 0);
    while began.elapsed() < MEASURED {
        (calls, requests) = play(u64::from(plans));
        plans += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{plans} plans in {seconds:.1} s: {:.1} plans a second", f64::from(plans) / seconds);
    println!("each with {calls} calls of AWS and {requests} requests of Kubernetes");
}
