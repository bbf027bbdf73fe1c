//! What the chart lets users do: those who have Kubernetes' own roles in a namespace have Weir's kinds there too.

use crate::bed::{eventually, real_cluster_with_controllers};
use crate::conformance::install_kinds;

use super::helm::{Helm, chart};

fn reads_only(verb: &str) -> bool {
    ["get", "list", "watch"].contains(&verb)
}

#[test]
fn the_roles_of_kubernetes_reach_the_kinds() {
    let Some(cluster) = real_cluster_with_controllers() else { return };
    let Some(helm) = Helm::of(cluster) else { return };
    install_kinds(cluster);
    let (release, shop) = (cluster.namespace("chart"), cluster.namespace("chart"));
    for (role, user) in [("view", "vera"), ("edit", "edda"), ("admin", "adam")] {
        let binding = [&format!("--clusterrole={role}"), &format!("--user={user}"), "--namespace", &shop];
        cluster.kubectl(&[&["create", "rolebinding", user], &binding[..]].concat());
    }
    let can = |user: &str, verb: &str, what: &str, namespace: &str| {
        let what: Vec<&str> = what.split(' ').collect();
        let asked = [&["auth", "can-i", "--as", user, "--namespace", namespace, verb], &what[..]].concat();
        // The answer is printed in either case; a no is told by the exit code too.
        cluster.try_kubectl(&asked, "").is_ok_and(|said| said.trim() == "yes")
    };
    assert!(!can("adam", "get", "trafficshifts.weir.dev", &shop), "Kubernetes knows nothing of Weir by itself");
    let values = [
        "--set=ownerId=users",
        "--set=allowEverything=true",
        "--set=image.repository=registry.example.org/weir",
        "--set=crds.install=false",
        "--set=fullnameOverride=weir-users",
    ];
    let chart = chart();
    let install = ["install", "weir", &chart.to_string_lossy(), "--namespace", &release];
    helm.run(&[&install[..], &values].concat());

    let kinds = weir_api::crds().into_iter().map(|kind| kind.metadata.name.unwrap());
    for kind in kinds {
        for (user, reads, writes) in [("vera", true, false), ("edda", true, true), ("adam", true, true)] {
            for (verbs, may) in [
                (["get", "list", "watch"].as_slice(), reads),
                (&["create", "update", "patch", "delete", "deletecollection"], writes),
            ] {
                for verb in verbs {
                    // Entry points open balancers: they are for a role of whoever runs these.
                    let may = may && !(writes && kind.starts_with("entrypoints") && !reads_only(verb));
                    // Kubernetes adds the rules to its roles a moment later.
                    let is_so = || (can(user, verb, &kind, &shop) == may).then_some(()).ok_or_else(String::new);
                    eventually(&format!("{user} {verb} {kind}: {may}"), is_so);
                }
            }
            assert!(
                !can(user, "update", &format!("{kind} --subresource=status"), &shop),
                "the status is the controller's"
            );
            assert!(!can(user, "get", &kind, &release), "{user} has a role in another namespace only");
        }
    }
    let binding = ["--clusterrole=weir-users-platform", "--user=petra", "--namespace", &shop];
    cluster.kubectl(&[&["create", "rolebinding", "petra"], &binding[..]].concat());
    for verb in ["get", "create", "delete"] {
        let is_so = || can("petra", verb, "entrypoints.weir.dev", &shop).then_some(()).ok_or_else(String::new);
        eventually(&format!("petra may {verb} entry points"), is_so);
    }
    helm.run(&["uninstall", "weir", "--namespace", &release]);
}
