//! The life of a release: installed, brought up to date, taken back, removed, and installed again.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::bed::{Cluster, eventually, own_cluster, places};

use super::helm::{Helm, chart, documents};

/// Where the release is.
const RELEASE: &str = "weir-system";
const REQUIRED: [&str; 3] =
    ["--set=ownerId=acme", "--set=allowEverything=true", "--set=image.repository=registry.example.org/weir"];

/// An object that the present kinds refuse with a long name, and take with a short one.
const TOO_LONG: &str = "{apiVersion: weir.dev/v1alpha1, kind: TrafficShift, metadata: {name: NAME}, spec: {routes: [r], \
                        to: green, strategy: {allAtOnce: {}}}}";

#[test]
fn a_release_is_installed_upgraded_taken_back_and_removed() {
    let Some(cluster) = own_cluster() else { return };
    let Some(helm) = Helm::of(&cluster) else { return };
    let old = older_chart();
    let (old, new) = (old.to_string_lossy().into_owned(), chart().to_string_lossy().into_owned());
    let release = ["--namespace", RELEASE];
    let long_name = "x".repeat(64);
    let try_long = || {
        let manifest = TOO_LONG.replace("NAME", &long_name);
        cluster.try_kubectl(&["create", "--dry-run=server", "-f", "-"], &manifest)
    };

    helm.run(&[&["install", "weir", &old, "--create-namespace", "--set=replicas=1"], &release[..], &REQUIRED].concat());
    cluster.await_kinds(&kinds(&cluster));
    cluster.apply(&TOO_LONG.replace("NAME", "kept"));
    try_long().expect("the older kinds let it through");

    // The newer kinds come with the newer chart, and values are kept as helm keeps them.
    helm.run(
        &[&["upgrade", "weir", &new, "--reset-then-reuse-values", "--set=logging.level=debug"], &release[..]].concat(),
    );
    eventually("the newer kinds refuse what is too long", || try_long().map_or_else(|_| Ok(()), Err));
    let deployment = get(&cluster, "deployment/weir");
    assert_eq!(deployment["spec"]["replicas"], 1, "a value of the first installation");
    assert!(deployment.to_string().contains("--log=debug"), "{deployment}");

    helm.run(&[&["rollback", "weir", "1"], &release[..]].concat());
    eventually("the older kinds are back", try_long);
    assert!(!get(&cluster, "deployment/weir").to_string().contains("--log=debug"));
    assert_eq!(kept(&cluster), "trafficshift.weir.dev/kept\n");

    // Whoever brings the kinds along by other means leaves them out here; they are no less there.
    helm.run(&[&["upgrade", "weir", &new, "--set=crds.install=false"], &release[..], &REQUIRED].concat());
    assert_eq!(kinds(&cluster).len(), 4);

    let said = helm.run(&[&["uninstall", "weir"], &release[..]].concat());
    assert!(said.contains("uninstalled"), "{said}");
    let made =
        ["get", "deployment,serviceaccount,service,poddisruptionbudget,role,rolebinding", "--namespace", RELEASE];
    let label = ["--selector=app.kubernetes.io/name=weir", "-o", "name"];
    assert_eq!(cluster.kubectl(&[&made[..], &label].concat()), "");
    assert_eq!(cluster.kubectl(&[&["get", "clusterrole,clusterrolebinding"], &label[..]].concat()), "");
    assert_eq!(kinds(&cluster).len(), 4, "the kinds stay");
    assert_eq!(kept(&cluster), "trafficshift.weir.dev/kept\n", "and so do the objects");

    helm.run(&[&["install", "weir", &new], &release[..], &REQUIRED].concat());
    eventually("the newer kinds refuse what is too long", || try_long().map_or_else(|_| Ok(()), Err));
    let said = helm.run(&[&["uninstall", "weir"], &release[..]].concat());
    assert!(said.contains("kept due to the resource policy"), "{said}");
    let remove = documented("kubectl delete crd");
    cluster.kubectl(&remove.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(kinds(&cluster), [""; 0]);
}

/// Kinds that were there before, of which helm knows nothing, are taken over when it is told to.
#[test]
fn kinds_that_were_there_before_are_taken_over() {
    let Some(cluster) = own_cluster() else { return };
    let Some(helm) = Helm::of(&cluster) else { return };
    crate::conformance::define_kinds(&cluster);
    let chart = chart().to_string_lossy().into_owned();
    let install = [&["install", "weir", &chart, "--create-namespace", "--namespace", RELEASE], &REQUIRED[..]].concat();
    let said = helm.try_run(&install).unwrap_err();
    assert!(said.contains("invalid ownership metadata"), "{said}");
    helm.run(&[&install[..], &["--take-ownership"]].concat());
    assert_eq!(kinds(&cluster).len(), 4);
}

/// The chart as it might have been once: of a lower version, and with kinds that took names of any length.
fn older_chart() -> std::path::PathBuf {
    let folder = places::scratch("older-chart").unwrap();
    copy(&chart(), &folder);
    let about = folder.join("Chart.yaml");
    let text = fs::read_to_string(&about).unwrap().replace("version: 0.1.0", "version: 0.0.9");
    assert!(text.contains("\nversion: 0.0.9"), "{text}");
    fs::write(&about, text).unwrap();
    for file in fs::read_dir(folder.join("files/crds")).unwrap() {
        let path = file.unwrap().path();
        let mut kind = documents(&fs::read_to_string(&path).unwrap()).remove(0);
        for version in kind["spec"]["versions"].as_array_mut().unwrap() {
            let fields = version["schema"]["openAPIV3Schema"]["properties"].as_object_mut().unwrap();
            fields.remove("metadata").expect("names are limited");
        }
        fs::write(path, kind.to_string()).unwrap();
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The arguments of the one command in docs/install.md that begins like this, after the program's name.
fn documented(beginning: &str) -> Vec<String> {
    let text = fs::read_to_string(places::top().join("docs/install.md")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("$ ").filter(|line| line.starts_with(beginning)));
    let line = line.unwrap_or_else(|| panic!("docs/install.md has no command {beginning}"));
    line.split_whitespace().skip(1).map(str::to_owned).collect()
}

fn get(cluster: &Cluster, object: &str) -> Value {
    serde_json::from_str(&cluster.kubectl(&["get", object, "--namespace", RELEASE, "-o", "json"])).unwrap()
}

fn kinds(cluster: &Cluster) -> Vec<String> {
    let kinds = cluster.kubectl(&["get", "crd", "-o", "name"]);
    let names = kinds.lines().filter_map(|kind| kind.strip_prefix("customresourcedefinition.apiextensions.k8s.io/"));
    names.filter(|name| name.ends_with(".weir.dev")).map(str::to_owned).collect()
}

fn kept(cluster: &Cluster) -> String {
    cluster.kubectl(&["get", "trafficshifts", "-o", "name"])
}
