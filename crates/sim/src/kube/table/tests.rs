//! What stands in the columns.

use serde_json::json;

use super::*;

fn row(columns: &Value, object: &Value) -> Value {
    let columns = Columns::of_version(&json!({"additionalPrinterColumns": columns})).unwrap();
    let now = "2026-11-21T10:00:00Z".parse().unwrap();
    columns.table([object].into_iter(), Include::None, &Value::Null, now)["rows"][0]["cells"].clone()
}

#[test]
fn cells_have_the_types_of_their_columns() {
    let object = json!({
        "metadata": {"name": "checkout", "creationTimestamp": "2026-11-21T09:57:30Z"},
        "status": {
            "phase": "Baking", "count": 3,
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "Complete", "status": "False"}],
        },
        "spec": {"groups": [{"name": "web"}, {"name": "grpc"}]},
    });
    let column = |kind: &str, path: &str| json!({"name": "x", "type": kind, "jsonPath": path});
    let columns = json!([
        column("string", ".status.phase"),
        column("string", ".status.conditions[?(@.type=='Complete')].status"),
        column("string", ".spec.groups[*].name"),
        column("string", ".status.nothing"),
        column("integer", ".status.count"),
        column("integer", ".status.phase"),
        column("date", ".metadata.creationTimestamp"),
    ]);
    assert_eq!(row(&columns, &object), json!(["checkout", "Baking", "False", "web grpc", null, 3, null, "2m30s"]));
    assert_eq!(row(&json!([]), &object), json!(["checkout", "2m30s"]));
}

#[test]
fn a_path_that_is_none_is_refused_with_its_name() {
    let columns = json!([{"name": "x", "type": "string", "jsonPath": ".status.["}]);
    let said = Columns::of_version(&json!({"additionalPrinterColumns": columns})).unwrap_err();
    assert!(said.contains(".status.["), "{said}");
}

#[test]
fn ages_are_told_as_kubectl_does() {
    let told = [(0, "0s"), (119, "119s"), (120, "2m"), (150, "2m30s"), (600, "10m"), (10_800, "3h"), (12_000, "3h20m")];
    let longer =
        [(30_000, "8h"), (172_800, "2d"), (176_400, "2d1h"), (864_000, "10d"), (63_072_000, "2y"), (-5, "<invalid>")];
    for (seconds, words) in told.into_iter().chain(longer) {
        assert_eq!(age(seconds), words, "{seconds}");
    }
}
