//! The life of the process: it starts or says why not, tells how it is, and ends in time when it is told to.

use std::net::TcpListener;

use crate::bed::real_cluster;

use super::bed::{Bed, OWNER, Place, weights};
use super::kubernetes::install_kinds;
use super::manifests::{RELEASE, shift, stage};
use super::process::{Process, said_at_once};

/// How long the process may take to end after SIGTERM: the grace period of a pod that says nothing about it.
const GRACE_SECONDS: u32 = 30;

#[test]
fn it_ends_in_time_when_it_is_told_to_and_another_goes_on() {
    let Some(mut bed) = Process::open() else { return };
    bed.start();
    let user: &mut dyn Bed = &mut bed;
    user.apply(&[stage(user), shift("green", RELEASE, "")].concat());
    user.until("the run moves", |bed| bed.live(Place::Default).contains_key("green").then_some(()));
    assert_eq!(bed.take().terminate(GRACE_SECONDS), Ok(0));
    bed.start();
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(bed.live(Place::Default), weights(&[("blue", 0), ("green", 100)]));
}

#[test]
fn it_tells_how_it_is() {
    let Some(mut bed) = Process::open() else { return };
    bed.start();
    assert_eq!(bed.ask("/healthz"), (200, "live\n".to_owned()));
    assert_eq!(bed.ask("/readyz"), (200, "ready\n".to_owned()));
    let user: &mut dyn Bed = &mut bed;
    user.apply(&[stage(user), shift("green", RELEASE, "")].concat());
    user.await_condition("trafficshifts", "checkout", "Complete");
    let namespace = user.namespace().to_owned();
    let expected = [
        format!(r#"weir_route_weight_desired{{environment="green",namespace="{namespace}",route="checkout"}} 100"#),
        format!(r#"weir_route_weight_applied{{environment="blue",namespace="{namespace}",route="checkout"}} 0"#),
        format!(r#"weir_shift_phase{{namespace="{namespace}",phase="Succeeded",shift="checkout"}} 1"#),
        format!(r#"weir_shift_step{{namespace="{namespace}",shift="checkout"}} 4"#),
        // Green is attached without weight, then come the four steps.
        r#"weir_aws_calls_total{operation="ModifyListener",outcome="Ok",service="elbv2"} 5"#.to_owned(),
        // The route is marked as ours, and the end of the run is remembered.
        r#"weir_aws_calls_total{operation="AddTags",outcome="Ok",service="elbv2"} 2"#.to_owned(),
        "weir_guard_violations_total 0".to_owned(),
        "weir_panics_total 0".to_owned(),
    ];
    user.until("the metrics tell it all", |bed| {
        let metrics = bed.metrics();
        expected.iter().all(|line| metrics.lines().any(|found| found == line)).then_some(())
    });
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = said_at_once(&address, &[]);
    assert!(said.starts_with(&format!("error: cannot listen on {address}: Address already in use")), "{said}");
    assert!(said.ends_with("give another address with --listen, for example 127.0.0.1:0 for a free port\n"), "{said}");
}

#[test]
fn missing_kinds_are_named() {
    let Some(cluster) = real_cluster() else { return };
    let said = install_kinds(cluster);
    assert!(said.starts_with("error: the Kubernetes API server at https://127.0.0.1:"), "{said}");
    let expected = "does not have these kinds of weir.dev/v1alpha1: EntryPoint, Environment, WeightedRoute, TrafficShift. \
                    Install them:\n  weir crds | kubectl apply --server-side -f -\n";
    assert!(said.ends_with(expected), "{said}");
}

#[test]
fn an_api_server_that_is_not_there_is_named() {
    let folder = crate::bed::places::scratch("no-server").unwrap();
    let kubeconfig = folder.join("kubeconfig");
    let [port] = crate::bed::server::free_ports().unwrap();
    let text = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "none",
        "clusters": [{"name": "none", "cluster": {"server": format!("http://127.0.0.1:{port}")}}],
        "users": [{"name": OWNER, "user": {}}],
        "contexts": [{"name": "none", "context": {"cluster": "none", "user": OWNER}}],
    });
    std::fs::write(&kubeconfig, text.to_string()).unwrap();
    let said = said_at_once("127.0.0.1:0", &["--kubeconfig", &kubeconfig.to_string_lossy()]);
    assert!(said.contains(&format!("the Kubernetes API server at http://127.0.0.1:{port}/ does not answer")), "{said}");
    assert!(said.contains("--kubeconfig and --context"), "{said}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn with_nobody_there_to_read_what_it_says_it_ends_as_it_would() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(["run", "--owner-id", OWNER, "--listen", "127.0.0.1:0", "--log", "trace"]);
    command.args(["--allow-everything", "--kubeconfig", "/nowhere"]);
    let status = command.stdout(writer.try_clone().unwrap()).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(1), "a panic would end it with 101");
}
