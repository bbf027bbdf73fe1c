//! The stage on which most scenarios play: one balancer, a route with environments, a shift, and virtual time.

use std::future::Future;
use std::time::Duration;

use crate::evidence::Weights;
use crate::world::{Settings, World};

/// The name of the stage's balancer.
pub const BALANCER: &str = "shop-public";
/// The port of the stage's listener.
pub const PORT: u16 = 443;

/// The entry point of the stage.
pub const ENTRY_POINT: &str = "
apiVersion: weir.dev/v1alpha1
kind: EntryPoint
metadata: {name: public}
spec:
  existing: {name: shop-public}
  listeners: [{name: https, port: 443}]
";

/// An environment whose one target group has its name.
pub fn environment(name: &str) -> String {
    format!(
        "---
apiVersion: weir.dev/v1alpha1
kind: Environment
metadata: {{name: {name}}}
spec: {{targetGroups: [{{name: web, existing: {{name: {name}}}}}]}}
"
    )
}

/// A route over the listener's default action, which it adopts. `extra` is put into its spec.
pub fn route(name: &str, backends: &[&str], extra: &str) -> String {
    let backends: Vec<String> = backends.iter().map(|name| format!("{{environment: {name}}}")).collect();
    format!(
        "---
apiVersion: weir.dev/v1alpha1
kind: WeightedRoute
metadata: {{name: {name}}}
spec:
  listener: {{entryPoint: {{name: public}}, listener: https}}
  backends: [{}]
  adopt: true
  {extra}
",
        backends.join(", ")
    )
}

/// A route over a rule for the host `<name>.shop.test`. `extra` is put into its spec.
pub fn rule_route(name: &str, backends: &[&str], priority: u32, extra: &str) -> String {
    let matches = format!("listener: https, match: {{hosts: [{name}.shop.test]}}, priority: {priority}");
    route(name, backends, extra).replace("listener: https", &matches).replace("  adopt: true\n", "")
}

/// A shift of the route `checkout`. `strategy` and `extra` are put into its spec.
pub fn shift(to: &str, strategy: &str, extra: &str) -> String {
    format!(
        "---
apiVersion: weir.dev/v1alpha1
kind: TrafficShift
metadata: {{name: checkout}}
spec:
  routes: [checkout]
  to: {to}
  strategy: {strategy}
  {extra}
"
    )
}

/// Steps with a pause after each of them but the last.
pub fn steps(weights: &[u32], pause: &str) -> String {
    let step = |weight: &u32| match weight {
        100 => "{weight: 100}".to_owned(),
        weight => format!("{{weight: {weight}, pause: {{duration: {pause}}}}}"),
    };
    format!("{{steps: [{}]}}", weights.iter().map(step).collect::<Vec<_>>().join(", "))
}

/// Plays a scenario on a current-thread runtime of its own whose time is virtual.
///
/// # Panics
///
/// When no runtime can be built.
pub fn on_virtual_time<T>(scenario: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O can be built");
    runtime.block_on(scenario)
}

/// The stage without a controller: blue carries all the traffic and is healthy, green is there, and the objects are
/// applied.
///
/// # Panics
///
/// When the stage's own manifests are refused, which is a bug.
pub async fn furnished(settings: Settings) -> World {
    let mut world = World::new(settings);
    let manifests = [ENTRY_POINT.to_owned(), environment("blue"), environment("green")].concat();
    world.furnish(&manifests, 4).expect("the stage's manifests name what exists");
    world.account().forward(BALANCER, PORT, &[("blue", 100)]);
    world.run_for(Duration::from_mins(2)).await;
    world.apply(&manifests).expect("the stage's manifests are valid");
    world.apply(&route("checkout", &["blue", "green"], "")).expect("the stage's route is valid");
    world
}

/// The stage with a controller that begins to run.
pub async fn set(settings: Settings) -> World {
    let mut world = furnished(settings).await;
    world.start_controller();
    world
}

/// What is live on the stage's listener.
pub fn live(world: &World) -> Weights {
    world.account().weights(BALANCER, PORT)
}

/// Weights by name of the group.
pub fn weights(entries: &[(&str, u32)]) -> Weights {
    entries.iter().map(|(group, weight)| ((*group).to_owned(), *weight)).collect()
}
