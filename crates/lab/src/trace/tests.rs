//! The same seed gives the same trace, here and in other processes.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use crate::stage::{self, on_virtual_time, shift, steps};
use crate::wire::{Disturbance, Mischief, Which};
use crate::world::Settings;

use super::trace;

/// What the trace is printed behind, for the process that asked.
const SAYS: &str = "the trace is ";

/// A release in the middle of which AWS is throttled, the controller crashes, and the candidate breaks.
fn eventful(seed: u64) -> u64 {
    on_virtual_time(async {
        let mut world = stage::set(Settings::seeded(seed)).await;
        world.apply(&shift("green", &steps(&[5, 25, 50, 100], "1m"), "")).unwrap();
        world.run_for(Duration::from_secs(45)).await;
        world.disturb(Disturbance { which: Which::All, times: 10, until: None, mischief: Mischief::Throttled });
        world.run_for(Duration::from_mins(1)).await;
        world.crash_controller();
        world.run_for(Duration::from_secs(5)).await;
        world.start_controller();
        world.run_for(Duration::from_mins(1)).await;
        world.account().break_targets("green", 4);
        world.run_until(|world| world.is_complete("checkout"), Duration::from_hours(1)).await.unwrap();
        trace(&world)
    })
}

#[test]
fn the_same_seed_gives_the_same_trace_twice_in_one_process() {
    let first = eventful(7);
    println!("{SAYS}{first:016x}");
    assert_eq!(first, eventful(7));
}

#[test]
fn the_same_seed_gives_the_same_trace_in_other_processes() {
    let here = format!("{:016x}", eventful(7));
    let traces: BTreeSet<String> = (0..2).map(|_| in_another_process()).collect();
    assert_eq!(traces, BTreeSet::from([here]));
}

#[test]
fn another_seed_gives_another_trace() {
    assert_ne!(eventful(7), eventful(8));
}

/// The trace as this very binary tells it when it runs the first test above in a process of its own.
fn in_another_process() -> String {
    let test = "trace::tests::the_same_seed_gives_the_same_trace_twice_in_one_process";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let found = text.split(SAYS).nth(1).unwrap_or_else(|| panic!("no trace was told: {text}"));
    found.chars().take(16).collect()
}
