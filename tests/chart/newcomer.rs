//! A newcomer's path: the README's section about installing, and that of docs/install.md about removing, typed as they are.
//!
//! Only the image is not built here, as there is no Docker: what the README calls it must be what pods are made with.

use crate::bed::pages::{Step, steps};
use crate::bed::{own_cluster_with_controllers, own_moto};
use crate::conformance::{Listener, add_balancer, add_group};

use super::helm::Helm;
use super::kubelet::Kubelet;
use super::rights::{ACCOUNT, on_aws};
use super::script::Shell;

/// What the example refers to.
const BALANCER: &str = "shop-public";
const GROUPS: [&str; 3] = ["checkout-blue", "checkout-green", "checkout-red"];

#[test]
fn the_readme_takes_a_newcomer_there() {
    let (Some(cluster), Some(moto)) = (own_cluster_with_controllers(), own_moto()) else { return };
    let Some(helm) = Helm::of(&cluster) else { return };
    let groups = GROUPS.map(|group| add_group(&moto, ACCOUNT, group));
    add_balancer(&moto, ACCOUNT, BALANCER, &[Listener { port: 443, forward: &[(&groups[0], 1)] }]);
    let _kubelet = Kubelet::start(&cluster, "weir-system", on_aws(&moto));
    let shell = Shell::new(&cluster, &helm);
    let (docker, rest): (Vec<Step>, Vec<Step>) =
        steps("README.md", "## Install").into_iter().partition(|step| step.command.starts_with("docker "));
    for step in &rest {
        shell.run(step);
    }
    let image =
        ["get", "deployment", "weir", "-n", "weir-system", "-o", "jsonpath={.spec.template.spec.containers[0].image}"];
    let image = cluster.kubectl(&image);
    let built: Vec<&str> = docker.iter().map(|step| step.command.as_str()).collect();
    assert_eq!(built, [format!("docker build -t {image} ."), format!("docker push {image}")]);
    // What helm says when it has installed leads there too.
    let notes = helm.run(&["get", "notes", "weir", "--namespace", "weir-system"]);
    let commands = notes.lines().filter_map(|line| line.strip_prefix("  kubectl "));
    let commands: Vec<Step> = commands.map(|command| Step::new(format!("kubectl {command}"))).collect();
    assert_eq!(commands.len(), 4, "{notes}");
    // A namespace can be made once.
    let is_made = |command: &Step| command.command == "kubectl create namespace shop";
    let commands: Vec<Step> = commands.into_iter().filter(|command| !is_made(command)).collect();
    assert_eq!(commands.len(), 3, "it is made in the same words as in the README: {notes}");
    for step in
        commands.iter().chain(&steps("docs/install.md", "## Upgrade")).chain(&steps("docs/install.md", "## Remove"))
    {
        shell.run(step);
    }
    let left = cluster.kubectl(&["get", "all,crd,clusterrole,clusterrolebinding", "-A", "-o", "name"]);
    assert!(!left.contains("weir"), "nothing is left: {left}");
}
