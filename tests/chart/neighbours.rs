//! Two releases in one cluster stand side by side: each has what it needs, and nothing is both's.

use serde_json::Value;

use crate::bed::real_cluster_with_controllers;
use crate::conformance::install_kinds;

use super::helm::{Helm, chart};

#[test]
fn two_releases_stand_side_by_side() {
    let Some(cluster) = real_cluster_with_controllers() else { return };
    let Some(helm) = Helm::of(cluster) else { return };
    install_kinds(cluster);
    let releases = ["weir-one", "weir-two"].map(|name| (name, cluster.namespace("chart")));
    let chart = chart();
    let chart = chart.to_string_lossy();
    let bring = |verb: &str, (name, namespace): &(&str, String)| {
        let values = [
            &format!("--set=ownerId={name}"),
            "--set=allowEverything=true",
            &format!("--set=controllerName={name}"),
            "--set=image.repository=registry.example.org/weir",
            "--set=crds.install=false",
        ];
        let install = [verb, name, &chart, "--namespace", namespace];
        helm.run(&[&install[..], &values].concat());
    };
    let [one, two] = &releases;
    // Helm refuses to take what another release has.
    bring("install", one);
    bring("install", two);
    bring("upgrade", one);
    for (name, namespace) in &releases {
        let deployment = cluster.kubectl(&["--namespace", namespace, "get", "deployment", name, "-o", "json"]);
        let deployment: Value = serde_json::from_str(&deployment).unwrap();
        let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap().clone();
        for flag in ["owner-id", "controller-name", "lease-name"] {
            let own = format!("--{flag}={name}");
            assert!(arguments.iter().any(|argument| *argument == own), "{own} is not among {arguments:?}");
        }
    }
    helm.run(&["uninstall", two.0, "--namespace", &two.1]);
    let left = cluster.kubectl(&["get", "clusterroles,clusterrolebindings", "-o", "name"]);
    let named = |name: &str| left.lines().filter(|line| line.contains(name)).count();
    assert_eq!((named("weir-one"), named("weir-two")), (5, 0), "{left}");
    helm.run(&["uninstall", one.0, "--namespace", &one.1]);
}
