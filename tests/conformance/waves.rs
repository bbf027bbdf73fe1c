//! A wave of weights on a real API server and moto: fifty routes on one balancer change at once, by their own
//! `spec.weights` and by shifts. `docs/performance.md` has the figures.
//!
//! Figures are printed, since machines are noisy; what is judged is that no wave costs many times what it should. The
//! simulated world holds the number of calls (`weir_lab::wave`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::bed::Bed;
use super::process::{Listener, Process};

const ROUTES: usize = 50;
/// The port of the listener that the routes are on.
const PORT: u16 = 9_000;
/// Between two waves: no longer than it takes until the tokens are there again.
const REST: Duration = Duration::from_secs(10);

/// What has been spent, by the process's own count and the kernel's.
struct Spent {
    calls: BTreeMap<String, u64>,
    processor_s: f64,
}

/// What a wave took.
struct Cost {
    live_s: f64,
    all_s: f64,
    spent: Spent,
}

#[test]
fn fifty_routes_change_at_once() {
    let Some(mut process) = Process::open() else { return };
    furnish(&mut process);
    process.arguments = ["--inventory-interval", "30s"].map(str::to_owned).into();
    process.start();
    for to in ["g", "b", "g"] {
        let began = begin(&mut process, "weightedroutes", "Synced");
        for route in 0..ROUTES {
            process.patch("weightedroutes", &format!("r{route}"), &json!({"spec": {"weights": weights(route, to)}}));
        }
        let cost = end(&mut process, began, to, "weightedroutes", "Synced");
        cost.print(&format!("spec.weights to {to}"));
        cost.assert_at_most(400);
    }
    for route in 0..ROUTES {
        process.patch("weightedroutes", &format!("r{route}"), &json!({"spec": {"weights": null}}));
    }
    let shifts: String = (0..ROUTES).map(shift).collect();
    process.try_apply(&shifts).unwrap();
    for to in ["b", "g"] {
        let began = begin(&mut process, "trafficshifts", "Complete");
        for route in 0..ROUTES {
            process.patch("trafficshifts", &format!("s{route}"), &json!({"spec": {"to": format!("{to}{route}")}}));
        }
        let cost = end(&mut process, began, to, "trafficshifts", "Complete");
        cost.print(&format!("shifts to {to}"));
        cost.assert_at_most(700);
    }
}

/// A balancer, and fifty routes on it that forward to groups of their own.
fn furnish(process: &mut Process) {
    let mut manifests = String::new();
    let mut group = String::new();
    for environment in (0..ROUTES).flat_map(|route| ["b", "g"].map(|side| format!("{side}{route}"))) {
        group = process.name(&format!("wave-{environment}"));
        let existing = format!("[{{name: web, existing: {{name: {group}}}}}]");
        group = process.add_group(&group);
        let spec = format!("spec: {{targetGroups: {existing}}}");
        write!(
            manifests,
            "---\napiVersion: weir.dev/v1alpha1\nkind: Environment\nmetadata: {{name: {environment}}}\n{spec}\n"
        )
        .unwrap();
    }
    let balancer = process.name("wave");
    process.add_balancer(&balancer, &[Listener { port: PORT, forward: &[(&group, 1)] }]);
    write!(
        manifests,
        "---\napiVersion: weir.dev/v1alpha1\nkind: EntryPoint\nmetadata: {{name: wave}}\n\
         spec: {{existing: {{name: {balancer}}}, listeners: [{{name: http, port: {PORT}}}]}}\n"
    )
    .unwrap();
    for route in 0..ROUTES {
        let weights = weights(route, "b");
        write!(
            manifests,
            "---\napiVersion: weir.dev/v1alpha1\nkind: WeightedRoute\nmetadata: {{name: r{route}}}\n\
             spec:\n  listener:\n    entryPoint: {{name: wave}}\n    listener: http\n    \
             match: {{hosts: [r{route}.shop.test]}}\n    priority: {}\n  \
             backends: [{{environment: b{route}}}, {{environment: g{route}}}]\n  weights: {weights}\n",
            route + 1
        )
        .unwrap();
    }
    process.try_apply(&manifests).unwrap();
}

fn weights(route: usize, to: &str) -> Value {
    let weight = |side: &str| if side == to { 100 } else { 0 };
    json!({format!("b{route}"): weight("b"), format!("g{route}"): weight("g")})
}

fn shift(route: usize) -> String {
    format!(
        "---\napiVersion: weir.dev/v1alpha1\nkind: TrafficShift\nmetadata: {{name: s{route}}}\n\
         spec: {{routes: [r{route}], to: g{route}, strategy: {{allAtOnce: {{}}}}}}\n"
    )
}

/// Waits until the last wave is over, and the tokens that it took are there again.
#[expect(clippy::disallowed_methods, reason = "real time is what is measured")]
fn begin(process: &mut Process, resource: &str, condition: &str) -> (Instant, Spent) {
    let bed: &mut dyn Bed = process;
    bed.until("all routes have settled", |bed| all(bed, resource, |object| is_true(object, condition)).then_some(()));
    bed.pass(REST);
    (Instant::now(), spent(process))
}

/// Waits until the traffic of each route is where the wave brings it, and until the objects say that all is done.
fn end(process: &mut Process, (began, before): (Instant, Spent), to: &str, resource: &str, condition: &str) -> Cost {
    let bed: &mut dyn Bed = process;
    let is_live = |route: &Value| {
        let number = route["metadata"]["name"].as_str().unwrap().trim_start_matches('r');
        route["status"]["live"].as_str().is_some_and(|live| live.contains(&format!("{to}{number} 100")))
    };
    bed.until("all weights are live", |bed| all(bed, "weightedroutes", is_live).then_some(()));
    let live_s = began.elapsed().as_secs_f64();
    bed.until("all is done", |bed| all(bed, resource, |object| is_true(object, condition)).then_some(()));
    let all_s = began.elapsed().as_secs_f64();
    let mut spent = spent(process);
    for (operation, count) in &mut spent.calls {
        *count -= before.calls.get(operation).copied().unwrap_or(0);
    }
    spent.calls.retain(|_, count| *count > 0);
    spent.processor_s -= before.processor_s;
    Cost { live_s, all_s, spent }
}

fn all(bed: &dyn Bed, resource: &str, is_it: impl Fn(&Value) -> bool) -> bool {
    let objects = bed.list(resource);
    objects.len() == ROUTES && objects.iter().all(is_it)
}

fn is_true(object: &Value, condition: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let generation = &object["metadata"]["generation"];
    let is_it = |found: &&Value| found["type"] == condition && found["observedGeneration"] == *generation;
    conditions.filter(is_it).any(|found| found["status"] == "True")
}

fn spent(process: &mut Process) -> Spent {
    let mut calls = BTreeMap::new();
    for line in process.metrics().lines().filter(|line| line.starts_with("weir_aws_calls_total{")) {
        let operation = line.split("operation=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let count: u64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        *calls.entry(operation.to_owned()).or_default() += count;
    }
    Spent { calls, processor_s: process.processor_s() }
}

impl Cost {
    fn print(&self, wave: &str) {
        let calls: Vec<String> =
            self.spent.calls.iter().map(|(operation, count)| format!("{count} {operation}")).collect();
        println!(
            "{wave}: live after {:.1} s, all said after {:.1} s; {} calls: {}; {:.2} s of processor time",
            self.live_s,
            self.all_s,
            self.all(),
            calls.join(", "),
            self.spent.processor_s
        );
    }

    fn all(&self) -> u64 {
        self.spent.calls.values().sum()
    }

    /// On a busy machine readings grow old while others are awaited, and are made again.
    fn assert_at_most(&self, calls: u64) {
        assert!(self.of("ModifyRule") >= 50 && self.all() <= calls, "{:?}", self.spent.calls);
    }

    fn of(&self, operation: &str) -> u64 {
        self.spent.calls.get(operation).copied().unwrap_or(0)
    }
}
