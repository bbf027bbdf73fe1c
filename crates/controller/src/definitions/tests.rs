//! What older definitions lack.

use serde_json::{Value, json};

use super::{Definitions, Lacking, in_words};

fn wanted() -> Vec<Value> {
    weir_api::crds().iter().map(|definition| serde_json::to_value(definition).unwrap()).collect()
}

fn lacking(served: &Value) -> Lacking {
    super::lacking(&Definitions::of(&weir_api::crds()), &serde_json::from_value(served.clone()).unwrap())
}

/// The description of an API that has these definitions.
fn served(definitions: &[Value]) -> Value {
    let schemas = definitions.iter().map(|definition| {
        let spec = &definition["spec"];
        let mut schema = spec["versions"][0]["schema"]["openAPIV3Schema"].clone();
        let named = json!([{"group": spec["group"], "kind": spec["names"]["kind"], "version": "v1alpha1"}]);
        schema["x-kubernetes-group-version-kind"] = named;
        (format!("dev.weir.v1alpha1.{}", spec["names"]["kind"].as_str().unwrap()), schema)
    });
    json!({"components": {"schemas": schemas.collect::<serde_json::Map<_, _>>()}})
}

fn of_shift(served: &mut Value) -> &mut Value {
    &mut served["components"]["schemas"]["dev.weir.v1alpha1.TrafficShift"]["properties"]
}

#[test]
fn the_same_definitions_lack_nothing() {
    assert!(lacking(&served(&wanted())).is_empty());
}

#[test]
fn fields_and_values_that_are_lacking_are_named_where_they_are() {
    let mut older = served(&wanted());
    let shift = of_shift(&mut older);
    let run = shift["status"]["properties"]["run"]["properties"].as_object_mut().unwrap();
    run.remove("blindSince").unwrap();
    run["routes"]["items"]["properties"].as_object_mut().unwrap().remove("home").unwrap();
    shift["status"]["properties"]["phase"]["enum"].as_array_mut().unwrap().retain(|phase| phase != "Degraded");
    shift["spec"]["properties"].as_object_mut().unwrap().remove("evidence").unwrap();
    let found = lacking(&older);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["TrafficShift"]);
    let expected = ["spec.evidence", "status.phase=Degraded", "status.run.blindSince", "status.run.routes[].home"]
        .map(str::to_owned);
    let mut fields = found["TrafficShift"].clone();
    fields.sort();
    assert_eq!(fields, expected);
    let words = in_words(&found).unwrap();
    assert!(words.contains("TrafficShift (spec.evidence, status.phase=Degraded"), "{words}");
    assert!(words.contains("`weir crds`"), "{words}");
}

#[test]
fn newer_definitions_lack_nothing() {
    let mut newer = served(&wanted());
    of_shift(&mut newer)["status"]["properties"]["novel"] = json!({"type": "string"});
    assert!(lacking(&newer).is_empty());
}

#[test]
fn a_kind_that_is_not_told_of_is_not_judged() {
    assert!(lacking(&json!({"components": {"schemas": {}}})).is_empty());
}
