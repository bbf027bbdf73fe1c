//! Whether Kubernetes takes what the chart renders: strictly, with the rules of Pod Security, and without a warning.

use std::collections::BTreeMap;
use std::process::Command;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

use crate::bed::{monitoring_kinds, own_cluster};

use super::helm::{Helm, chart, of_kind, only, with_required};

/// Sets of values, each with more of the chart in it than the defaults.
fn sets() -> Vec<(&'static str, Value)> {
    let toleration = json!({"key": "spot", "operator": "Exists", "effect": "NoSchedule"});
    let node =
        json!({"nodeSelectorTerms": [{"matchExpressions": [{"key": "arch", "operator": "In", "values": ["arm64"]}]}]});
    let scraper = json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}});
    let proxy = json!({"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}], "ports": [{"port": 3128, "protocol": "TCP"}]});
    vec![
        ("the defaults", json!({})),
        ("one namespace", json!({"watchNamespace": "shop", "rbac": {"aggregate": false}})),
        (
            "everything",
            json!({
                "replicas": 3,
                "image": {"digest": format!("sha256:{}", "a".repeat(64)), "pullSecrets": [{"name": "registry"}]},
                "aws": {"region": "eu-central-1", "instanceMetadata": true},
                "allow": [{"namespace": "shop-*", "balancers": ["shop-public"], "roles": ["arn:aws:iam::222222222222:role/weir"]}],
                "logging": {"level": "debug"},
                "extraEnv": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111111111111:role/weir"}},
                "podLabels": {"team": "platform"},
                "podAnnotations": {"note": "yes"},
                "priorityClassName": "system-cluster-critical",
                "nodeSelector": {"kubernetes.io/os": "linux"},
                "tolerations": [toleration],
                "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": node}},
                "admissionPolicy": {"enabled": true},
                "podDisruptionBudget": {"maxUnavailable": "50%"},
                "networkPolicy": {"enabled": true, "ingressFrom": [scraper], "extraEgress": [proxy]},
                "metrics": {
                    "serviceMonitor": {"enabled": true, "labels": {"release": "prometheus"}},
                    "prometheusRule": {"enabled": true, "labels": {"release": "prometheus"}},
                },
            }),
        ),
        (
            "as little as possible",
            json!({
                "replicas": 1,
                "resources": {},
                "topologySpreadConstraints": [],
                "crds": {"install": false},
                "rbac": {"create": false, "aggregate": false},
                "serviceAccount": {"create": false, "name": "default"},
                "podDisruptionBudget": {"enabled": false},
                "metrics": {"service": {"enabled": false}},
            }),
        ),
    ]
}

#[test]
fn kubernetes_takes_what_is_rendered_without_a_warning() {
    let (Some(cluster), Some(helm), Some(monitoring)) = (own_cluster(), Helm::alone(), monitoring_kinds()) else {
        return;
    };
    for namespace in ["weir-system", "shop"] {
        cluster.kubectl(&["create", "namespace", namespace]);
    }
    // Warnings are given for a Deployment's template, refusals for the pods that are made of it.
    let label = |mode: &str| format!("pod-security.kubernetes.io/{mode}=restricted");
    cluster.kubectl(&["label", "namespace", "weir-system", &label("enforce"), &label("warn")]);
    for account in ["weir", "default"] {
        cluster.kubectl(&["create", "serviceaccount", account, "--namespace", "weir-system"]);
    }
    for kind in monitoring {
        cluster.kubectl(&["create", "-f", &kind.to_string_lossy()]);
    }
    cluster.await_kinds(&["servicemonitors", "prometheusrules"].map(|kind| format!("{kind}.monitoring.coreos.com")));
    for (what, values) in sets() {
        let objects = helm.render(&values);
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
        let apply =
            ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-"];
        let taken = cluster.try_kubectl(&apply, &list).unwrap_or_else(|said| panic!("{what}: {said}"));
        assert_eq!(taken.lines().count(), objects.len(), "{what}: {taken}");
        let pod = as_pod(&objects);
        let create = ["create", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-"];
        cluster.try_kubectl(&create, &pod.to_string()).unwrap_or_else(|said| panic!("{what}: {said}"));
    }
    // The judge is awake: a pod that could become root is refused.
    let mut pod = as_pod(&helm.render(&json!({})));
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
    let said = cluster.try_kubectl(&["create", "--dry-run=server", "-f", "-"], &pod.to_string()).unwrap_err();
    assert!(said.contains("violates PodSecurity \"restricted"), "{said}");
}

/// A pod as a Deployment makes it.
fn as_pod(objects: &[Value]) -> Value {
    let deployment = of_kind(objects, "Deployment").next().expect("there is a Deployment");
    let mut pod = deployment["spec"]["template"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("weir");
    pod["metadata"]["namespace"] = json!("weir-system");
    pod
}

#[test]
fn helm_finds_nothing_to_object_to() {
    let Some(helm) = Helm::alone() else { return };
    let chart = chart();
    for (what, values) in sets() {
        let values = with_required(&values).to_string();
        let said = helm.run(&["lint", "--strict", &chart.to_string_lossy(), "--set-json", &values]);
        assert!(said.contains("1 chart(s) linted, 0 chart(s) failed"), "{what}: {said}");
        assert!(!said.contains("[WARNING]") && !said.contains("[ERROR]"), "{what}: {said}");
    }
}

/// The package has all that the chart needs: what is rendered from it is what is rendered from the folder.
#[test]
fn the_chart_can_be_packed_and_used_alone() {
    let Some(helm) = Helm::alone() else { return };
    let folder = crate::bed::places::scratch("package").unwrap();
    let (destination, chart) = (folder.to_string_lossy().into_owned(), chart());
    helm.run(&["package", &chart.to_string_lossy(), "--destination", &destination]);
    let package = folder.join(concat!("weir-", env!("CARGO_PKG_VERSION"), ".tgz"));
    let values = with_required(&json!({})).to_string();
    let render = |chart: &str| helm.run(&["template", "weir", chart, "--set-json", &values]);
    assert_eq!(render(&package.to_string_lossy()), render(&chart.to_string_lossy()));
    let listed = Command::new("tar").arg("-tzf").arg(&package).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("weir/files/crds/trafficshifts.weir.dev.yaml"), "{listed}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_kinds_of_the_chart_are_those_of_the_program() {
    let Some(helm) = Helm::alone() else { return };
    let objects = helm.render(&json!({}));
    let rendered = of_kind(&objects, "CustomResourceDefinition").cloned().map(serde_json::from_value);
    let mut rendered: Vec<CustomResourceDefinition> = rendered.collect::<Result<_, _>>().unwrap();
    for kind in &mut rendered {
        let annotations = kind.metadata.annotations.take().unwrap();
        assert_eq!(annotations, BTreeMap::from([("helm.sh/resource-policy".to_owned(), "keep".to_owned())]));
        assert_eq!(kind.metadata.labels.take().unwrap()["app.kubernetes.io/managed-by"], "Helm");
    }
    let mut own = weir_api::crds();
    for kinds in [&mut rendered, &mut own] {
        kinds.sort_by_key(|kind| kind.metadata.name.clone());
    }
    assert!(rendered == own, "the chart's kinds are others than the program's; run `just generate`");
    let without = helm.render(&json!({"crds": {"install": false}}));
    assert_eq!(of_kind(&without, "CustomResourceDefinition").count(), 0);
}

#[test]
fn what_selects_finds_what_is_meant() {
    let Some(helm) = Helm::alone() else { return };
    let (_, values) = sets().remove(2);
    let objects = helm.render(&values);
    let template = &only(&objects, "Deployment")["spec"]["template"];
    let service = only(&objects, "Service");
    let chosen = |selector: &Value, labels: &Value| {
        let selector = selector.as_object().filter(|selector| selector.len() == 2).expect("a selector of two labels");
        selector.iter().all(|(label, value)| labels[label] == *value)
    };
    let pods = [
        &only(&objects, "Deployment")["spec"]["selector"]["matchLabels"],
        &only(&objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        &only(&objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        &template["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
        &service["spec"]["selector"],
    ];
    assert!(pods.iter().all(|selector| chosen(selector, &template["metadata"]["labels"])), "{pods:?}");
    let monitor = &only(&objects, "ServiceMonitor")["spec"];
    assert!(chosen(&monitor["selector"]["matchLabels"], &service["metadata"]["labels"]));
    assert_eq!(monitor["endpoints"][0]["port"], service["spec"]["ports"][0]["name"]);
    let port = &template["spec"]["containers"][0]["ports"][0]["name"];
    let named = [
        &service["spec"]["ports"][0]["targetPort"],
        &only(&objects, "NetworkPolicy")["spec"]["ingress"][0]["ports"][0]["port"],
    ];
    assert!(named.iter().all(|name| *name == port), "{named:?}");
}
