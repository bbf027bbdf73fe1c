//! The test bed put to the test: it answers, it keeps tests apart, and its servers end with the process that has them.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use std::{env, fs};

use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;

use super::server::{Server, signal};
use super::{moto, own_moto, places, real_cluster, real_cluster_with_controllers};

/// Where the process that is to be killed notes its server.
const NOTE: &str = "WEIR_BED_NOTE";

#[test]
fn the_kubernetes_server_is_ready_and_tells_its_version() {
    let Some(cluster) = real_cluster() else {
        return;
    };
    assert_eq!(cluster.kubectl(&["get", "--raw=/readyz"]), "ok");
    let version: serde_json::Value = serde_json::from_str(&cluster.kubectl(&["get", "--raw=/version"])).unwrap();
    assert_eq!(version["major"], "1", "{version}");
    assert!(version["gitVersion"].as_str().is_some_and(|text| text.starts_with("v1.")), "{version}");
}

#[test]
fn the_client_that_weir_uses_is_let_in_by_the_kubeconfig() {
    let Some(cluster) = real_cluster() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let version = runtime.block_on(async {
        let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        kube::Client::try_from(config).unwrap().apiserver_version().await.unwrap()
    });
    assert_eq!(version.major, "1");
}

#[test]
fn a_namespace_is_the_tests_own_and_what_is_applied_is_there() {
    let Some(cluster) = real_cluster() else {
        return;
    };
    let (one, other) = (cluster.namespace("bed"), cluster.namespace("bed"));
    assert_ne!(one, other);
    let manifest = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note", "namespace": one}, "data": {"a": "b"}});
    assert_eq!(cluster.apply(&manifest.to_string()), "configmap/note created\n");
    assert_eq!(cluster.kubectl(&["get", "configmap/note", "-n", &one, "-o", "jsonpath={.data.a}"]), "b");
    let said = cluster.try_kubectl(&["get", "configmap/note", "-n", &other], "").unwrap_err();
    assert!(said.contains("NotFound"), "{said}");
}

#[test]
fn tokens_of_service_accounts_are_accepted_and_carry_their_rights_only() {
    let Some(cluster) = real_cluster() else {
        return;
    };
    let namespace = cluster.namespace("bed");
    cluster.kubectl(&["create", "serviceaccount", "reader", "-n", &namespace]);
    let token = cluster.kubectl(&["create", "token", "reader", "-n", &namespace]);
    let who =
        cluster.kubectl(&["auth", "whoami", "--token", token.trim(), "-o", "jsonpath={.status.userInfo.username}"]);
    assert_eq!(who, format!("system:serviceaccount:{namespace}:reader"));
    let said = cluster.try_kubectl(&["get", "namespaces", "--token", token.trim()], "").unwrap_err();
    assert!(said.contains("Forbidden"), "{said}");
}

#[test]
fn with_controllers_a_deleted_namespace_goes_away() {
    let Some(cluster) = real_cluster_with_controllers() else {
        return;
    };
    let namespace = cluster.namespace("bed");
    cluster.kubectl(&["create", "configmap", "note", "-n", &namespace]);
    cluster.kubectl(&["delete", "namespace", &namespace, "--timeout=3m"]);
    let said = cluster.try_kubectl(&["get", "namespace", &namespace], "").unwrap_err();
    assert!(said.contains("NotFound"), "{said}");
}

#[test]
fn moto_answers_the_aws_cli_and_is_empty_at_each_turn() {
    let create =
        ["elbv2", "create-target-group", "--name", "blue", "--protocol", "HTTP", "--port", "80", "--target-type", "ip"];
    let describe = ["elbv2", "describe-target-groups", "--query", "TargetGroups[].TargetGroupName"];
    {
        let Some(moto) = moto() else { return };
        assert_eq!(moto.aws(&["elbv2", "describe-load-balancers"]), json!({"LoadBalancers": []}));
        let vpc = moto.aws(&["ec2", "create-vpc", "--cidr-block", "10.0.0.0/16", "--query", "Vpc.VpcId"]);
        moto.aws(&[&create[..], &["--vpc-id", vpc.as_str().unwrap()]].concat());
        assert_eq!(moto.aws(&describe), json!(["blue"]));
        let said = moto.try_aws(&["elbv2", "describe-target-groups", "--names", "green"]).unwrap_err();
        assert!(said.contains("TargetGroupNotFound"), "{said}");
    }
    let Some(moto) = moto() else { return };
    assert_eq!(moto.aws(&describe), json!([]));
}

#[test]
fn a_moto_of_ones_own_shares_nothing_and_ends_when_dropped() {
    let (Some(one), Some(other)) = (own_moto(), own_moto()) else {
        return;
    };
    assert_ne!(one.endpoint(), other.endpoint());
    one.aws(&["route53", "create-hosted-zone", "--name", "weir.test", "--caller-reference", "1"]);
    let zones = ["route53", "list-hosted-zones", "--query", "HostedZones[].Name"];
    assert_eq!(one.aws(&zones), json!(["weir.test."]));
    assert_eq!(other.aws(&zones), json!([]));
    let endpoint = one.endpoint();
    drop(one);
    let address = endpoint.strip_prefix("http://").unwrap();
    assert!(std::net::TcpStream::connect(address).is_err(), "{endpoint} still answers");
}

/// The test starts itself a second time, as the process that has a server and is killed.
#[test]
fn a_server_ends_even_when_the_test_process_is_killed() {
    if let Some(note) = env::var_os(NOTE) {
        return wait_with_a_server(Path::new(&note));
    }
    let folder = places::scratch("killed").unwrap();
    let note = folder.join("note");
    let mut process = Command::new(env::current_exe().unwrap())
        .args(["--exact", "bed::tests::a_server_ends_even_when_the_test_process_is_killed"])
        .env(NOTE, &note)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let text = eventually(|| fs::read_to_string(&note).ok()).expect("the process says which server it has");
    let (pid, server_folder) = text.split_once('\n').unwrap();
    assert!(runs(pid), "the server runs before its process is killed");
    process.kill().unwrap();
    process.wait().unwrap();
    let gone = || (!runs(pid) && !fs::exists(server_folder).unwrap()).then_some(());
    eventually(gone).expect("the server is gone, and its folder with it");
    fs::remove_dir_all(folder).unwrap();
}

/// Starts a server, notes its process and its folder, and waits to be killed.
fn wait_with_a_server(note: &Path) {
    let mut sleeper = Command::new("sh");
    sleeper.args(["-c", "exec sleep 600"]);
    let mut server = Server::start("a sleeper", places::scratch("sleeper").unwrap(), &sleeper).unwrap();
    let pid = server.wait_until(30, |server| {
        let pid = fs::read_to_string(server.folder().join("pid")).ok()?;
        pid.ends_with('\n').then_some(pid)
    });
    let unfinished = note.with_extension("unfinished");
    fs::write(&unfinished, format!("{}{}", pid.unwrap(), server.folder().display())).unwrap();
    fs::rename(unfinished, note).unwrap();
    sleep(Duration::from_mins(1));
}

#[test]
fn a_server_that_ends_by_itself_is_reported_with_its_last_words() {
    let mut failing = Command::new("sh");
    failing.args(["-c", "echo the disk is full; exit 7"]);
    let folder = places::scratch("failing").unwrap();
    let mut server = Server::start("a server", folder.clone(), &failing).unwrap();
    let said = server.wait_until(30, |_| None::<()>).unwrap_err();
    assert!(said.contains("a server ended by itself (exit status: 7)") && said.contains("the disk is full"), "{said}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_server_may_be_asked_to_end_and_says_how_it_did() {
    let start = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut server = Server::start("a server", places::scratch("asked").unwrap(), &command).unwrap();
        server.wait_until(30, |server| server.log().contains("ready").then_some(())).unwrap();
        server
    };
    let waits = "echo ready; while :; do sleep 0.1; done";
    assert_eq!(start(&format!("trap 'exit 3' TERM; {waits}")).terminate(30), Ok(3));
    let said = start(&format!("trap '' TERM; {waits}")).terminate(1).unwrap_err();
    assert!(said.starts_with("a server still runs 1 s after SIGTERM"), "{said}");
}

fn runs(pid: &str) -> bool {
    signal("0", pid).unwrap()
}

/// Asks every 100 ms, for half a minute at most.
fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    (0..300).find_map(|_| {
        let answer = ask();
        if answer.is_none() {
            sleep(Duration::from_millis(100));
        }
        answer
    })
}
