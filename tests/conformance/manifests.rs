//! The manifests of the cases: what a user would write for the stage.

use serde_json::Value;

use super::bed::{Bed, ENVIRONMENTS, PORT};

/// The entry point, the environments and a route over the listener's default action, which it adopts.
pub(crate) fn stage(bed: &dyn Bed) -> String {
    [things(bed), route("checkout", "", "adopt: true")].concat()
}

/// The entry point and the environments.
pub(crate) fn things(bed: &dyn Bed) -> String {
    let mut text = format!(
        "---
apiVersion: weir.dev/v1alpha1
kind: EntryPoint
metadata: {{name: public}}
spec:
  existing: {{name: {}}}
  listeners: [{{name: http, port: {PORT}}}]
",
        bed.name("public")
    );
    for name in ENVIRONMENTS {
        text += &environment(name, &bed.name(name));
    }
    text
}

/// An environment with one target group.
pub(crate) fn environment(name: &str, group: &str) -> String {
    format!(
        "---
apiVersion: weir.dev/v1alpha1
kind: Environment
metadata: {{name: {name}}}
spec: {{targetGroups: [{{name: web, existing: {{name: {group}}}}}]}}
"
    )
}

/// A route with all environments. `place` goes into its listener entry, `extra` into its spec.
pub(crate) fn route(name: &str, place: &str, extra: &str) -> String {
    format!(
        "---
apiVersion: weir.dev/v1alpha1
kind: WeightedRoute
metadata: {{name: {name}}}
spec:
  listener: {{entryPoint: {{name: public}}, listener: http{place}}}
  backends: [{{environment: blue}}, {{environment: green}}, {{environment: red}}]
  {extra}
"
    )
}

/// A shift of the route `checkout`. `extra` goes into its spec.
pub(crate) fn shift(to: &str, strategy: &str, extra: &str) -> String {
    shift_named("checkout", to, strategy, extra)
}

/// A shift of the route `checkout` under any name.
pub(crate) fn shift_named(name: &str, to: &str, strategy: &str, extra: &str) -> String {
    format!(
        "---
apiVersion: weir.dev/v1alpha1
kind: TrafficShift
metadata: {{name: {name}}}
spec:
  routes: [checkout]
  to: {to}
  strategy: {strategy}
  {extra}
"
    )
}

/// The steps 5, 25, 50, 100 with a pause after each of them but the last.
pub(crate) const RELEASE: &str = "{steps: [{weight: 5, pause: {duration: 1s}}, {weight: 25, pause: {duration: 1s}}, \
                                  {weight: 50, pause: {duration: 1s}}, {weight: 100}]}";

/// A step to 25 which holds until it is told to go on, then all.
pub(crate) const HELD_AT_25: &str = "{steps: [{weight: 25, pause: {}}, {weight: 100}]}";

/// All in one step.
pub(crate) const ALL_AT_ONCE: &str = "{allAtOnce: {}}";

/// The definitions of Weir's kinds.
pub(crate) fn kinds() -> Vec<Value> {
    weir_api::crds().into_iter().map(|kind| serde_json::to_value(kind).unwrap()).collect()
}

/// The definitions as they might have been once, before they had rules.
pub(crate) fn kinds_without_rules() -> Vec<Value> {
    let mut kinds = kinds();
    kinds.iter_mut().for_each(remove_rules);
    kinds
}

fn remove_rules(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.remove("x-kubernetes-validations");
            fields.values_mut().for_each(remove_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_rules),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
