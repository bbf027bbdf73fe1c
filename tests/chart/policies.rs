//! The admission policies among the examples, tried on a real API server: what they refuse, and what they let through.

use serde_json::{Value, json};

use crate::bed::{Cluster, eventually, own_cluster, places};
use crate::conformance::define_kinds;

use super::helm::{Helm, of_kind};

/// A user of a group, who may do everything else.
const DEVELOPER: [&str; 3] = ["--as=dora", "--as-group=system:masters", "--as-group=developers"];
const ENGINEER: [&str; 3] = ["--as=rene", "--as-group=system:masters", "--as-group=release-engineers"];

const ENTRY_POINT: &str = "{apiVersion: weir.dev/v1alpha1, kind: EntryPoint, metadata: {name: public}, spec: {existing: \
                           {name: public}, listeners: [{name: http, port: 80}]AWS}}";
const ROUTE: &str = "{apiVersion: weir.dev/v1alpha1, kind: WeightedRoute, metadata: {name: checkout, labels: {team: none}}, \
                     spec: {listener: {entryPoint: {name: public}, listener: http, match: {hosts: [shop.example.org]}}, backends: [{environment: blue}, \
                     {environment: green}], MORE}}";
const SHIFT: &str = "{apiVersion: weir.dev/v1alpha1, kind: TrafficShift, metadata: {name: checkout, annotations: {NOTE}}, \
                     spec: {routes: [checkout], to: green, strategy: {allAtOnce: {}}}}";

#[test]
fn the_policies_refuse_what_they_say_and_nothing_else() {
    let Some(cluster) = own_cluster() else { return };
    define_kinds(&cluster);
    for (namespace, label) in [("shop", "stage=production"), ("lab", "weir.dev/roles=allowed")] {
        cluster.kubectl(&["create", "namespace", namespace]);
        cluster.kubectl(&["label", "namespace", namespace, label]);
    }
    let folder = places::top().join("examples/policies");
    cluster.kubectl(&["apply", "-f", &folder.to_string_lossy()]);
    let apply = |user: &[&str], namespace: &str, manifest: &str| {
        cluster.try_kubectl(&[&["--namespace", namespace, "apply", "-f", "-"], user].concat(), manifest)
    };

    let with_role = ENTRY_POINT.replace("AWS", ", aws: {roleArn: 'arn:aws:iam::222222222222:role/shop'}");
    let without_role = ENTRY_POINT.replace("AWS", "");
    // A policy is in force a moment after it was made.
    refused_at_last(&cluster, "shop", &with_role, "the namespace shop may name no role; ask the platform team");
    apply(&[], "shop", &without_role).unwrap();
    apply(&[], "lab", &with_role).unwrap();

    let deleting = ROUTE.replace("MORE", "deletionPolicy: Delete");
    refused_at_last(&cluster, "shop", &deleting, "Delete is not for production; write Retain, or Restore");
    apply(&[], "lab", &deleting).unwrap();
    apply(&DEVELOPER, "shop", &ROUTE.replace("MORE", "deletionPolicy: Restore")).unwrap();

    let weighted = ROUTE.replace("MORE", "weights: {blue: 80, green: 20}");
    let commanded = SHIFT.replace("NOTE", "weir.dev/command: abort/1");
    refused_at_last(&cluster, "shop", &weighted, "in production only release-engineers set weights by hand");
    refused_at_last(&cluster, "shop", &commanded, "in production only release-engineers give commands");
    apply(&DEVELOPER, "shop", &SHIFT.replace("NOTE", "example.org/note: hello")).unwrap();
    apply(&DEVELOPER, "lab", &commanded).unwrap();
    for manifest in [&weighted, &commanded] {
        apply(&ENGINEER, "shop", manifest).unwrap();
    }
    // What was set by those who may, others leave as it is.
    apply(&DEVELOPER, "shop", &weighted.replace("team: none", "team: checkout")).unwrap();
    apply(&DEVELOPER, "shop", &SHIFT.replace("NOTE", "example.org/note: hello")).unwrap();
    let said = apply(&DEVELOPER, "shop", &ROUTE.replace("MORE", "")).unwrap_err();
    assert!(said.contains("in production only release-engineers set weights by hand"), "{said}");
}

#[test]
fn a_stolen_token_of_the_controller_changes_no_more_than_finalizers() {
    let (Some(cluster), Some(helm)) = (own_cluster(), Helm::alone()) else { return };
    define_kinds(&cluster);
    for namespace in ["weir-system", "shop"] {
        cluster.kubectl(&["create", "namespace", namespace]);
    }
    let objects = helm.render(&json!({"admissionPolicy": {"enabled": true}, "crds": {"install": false}}));
    let meant = ["ClusterRole", "ClusterRoleBinding", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];
    let objects: Vec<&Value> = meant.iter().flat_map(|kind| of_kind(&objects, kind)).collect();
    cluster.apply(&json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string());
    cluster.try_kubectl(&["apply", "-n", "shop", "-f", "-"], &SHIFT.replace("NOTE", "a: b")).unwrap();

    let patch = |user: &[&str], patch: &Value| {
        let patch = patch.to_string();
        let arguments = ["patch", "ts/checkout", "-n", "shop", "--type=merge", "-p", &patch];
        cluster.try_kubectl(&[&arguments[..], user].concat(), "")
    };
    let controller = ["--as=system:serviceaccount:weir-system:weir"];
    let undo = json!({"metadata": {"finalizers": ["weir.dev/undo"]}});
    patch(&controller, &undo).unwrap();
    let refused = [
        (json!({"spec": {"to": "evil"}}), "changes no spec"),
        (json!({"metadata": {"labels": {"team": "evil"}}}), "nothing of an object but its finalizer"),
        (
            json!({"metadata": {"annotations": {"weir.dev/command": "abort/1"}}}),
            "nothing of an object but its finalizer",
        ),
        (json!({"metadata": {"finalizers": ["weir.dev/undo", "example.org/mine"]}}), "no finalizer but weir.dev/undo"),
    ];
    for (change, why) in &refused {
        // A policy is in force a moment after it was made.
        eventually(why, || match patch(&[&controller[..], &["--dry-run=server"]].concat(), change) {
            Err(said) if said.contains(why) => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
    patch(&[], &json!({"spec": {"to": "blue"}, "metadata": {"finalizers": ["example.org/mine", "weir.dev/undo"]}}))
        .unwrap();
    patch(&controller, &json!({"metadata": {"finalizers": ["example.org/mine"]}})).unwrap();
    let left =
        cluster.kubectl(&["get", "ts/checkout", "-n", "shop", "-o", "jsonpath={.metadata.finalizers} {.spec.to}"]);
    assert_eq!(left, r#"["example.org/mine"] blue"#);
}

fn refused_at_last(cluster: &Cluster, namespace: &str, manifest: &str, expected: &str) {
    let create = ["--namespace", namespace, "apply", "--dry-run=server", "-f", "-"];
    eventually(expected, || match cluster.try_kubectl(&[&create[..], &DEVELOPER].concat(), manifest) {
        Err(said) if said.contains(expected) => Ok(()),
        other => Err(format!("{other:?}")),
    });
}
