//! The files of `examples/gitops`, and what `docs/gitops.md` shows of them.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use weir_api::command::{Command, Verb};
use weir_lab::manifest;

use crate::bed::{argocd_kinds, gitops, real_cluster};

use super::super::bed::Bed;
use super::super::manifests::{HELD_AT_25, shift, stage};
use super::super::simulator;
use super::judge::{argocd_settings, ask, example, folder};

const GUIDE: &str = include_str!("../../../docs/gitops.md");

/// The definition of Argo CD's kind has a schema, by which the API server judges.
#[test]
fn the_application_is_one() {
    let (Some(cluster), Some(kinds)) = (real_cluster(), argocd_kinds()) else { return };
    for kind in &kinds {
        cluster.kubectl(&["apply", "--server-side", "--filename", &kind.to_string_lossy()]);
    }
    cluster.await_kinds(&["applications.argoproj.io".to_owned()]);
    let namespace = cluster.namespace("argocd");
    let file = folder().join("argocd-application.yaml");
    let mut application = manifest::parse(&fs::read_to_string(file).unwrap()).unwrap().remove(0);
    application["metadata"]["namespace"] = namespace.clone().into();
    let create =
        |object: &Value| cluster.try_kubectl(&["create", "--validate=strict", "--filename", "-"], &object.to_string());
    assert_eq!(create(&application), Ok("application.argoproj.io/shop created\n".to_owned()));
    application["spec"]["syncPolicy"]["automated"]["heal"] = true.into();
    let said = create(&application).unwrap_err();
    assert!(said.contains(r#"unknown field "spec.syncPolicy.automated.heal""#), "{said}");
}

#[test]
fn the_patch_of_argo_cds_settings_can_be_applied() {
    let Some(cluster) = real_cluster() else { return };
    let namespace = cluster.namespace("argocd");
    let before = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "namespace": namespace},
        "data": {"url": "https://argocd.example.org"},
    });
    cluster.apply(&before.to_string());
    let file = folder().join("argocd-cm.yaml");
    let patch = ["patch", "configmap", "argocd-cm", "--patch-file", &file.to_string_lossy(), "--namespace", &namespace];
    cluster.kubectl(&patch);
    let after = cluster.kubectl(&["get", "configmap", "argocd-cm", "--namespace", &namespace, "--output=json"]);
    let after: Value = serde_json::from_str(&after).unwrap();
    let mut wanted = argocd_settings();
    wanted["url"] = "https://argocd.example.org".into();
    assert_eq!(after["data"], wanted, "what was there stays, and the program that judges reads the same");
}

#[test]
fn the_kustomizations_are_ones() {
    let Some(program) = gitops() else { return };
    for file in ["flux.yaml", "flux-waiting.yaml"] {
        let mut kustomization = example(file);
        let read = ask(&program, "flux-kustomization", &kustomization).unwrap();
        assert_eq!(read["spec"]["healthCheckExprs"], kustomization["spec"]["healthCheckExprs"]);
        kustomization["spec"]["healthChecksExprs"] = json!([]);
        let said = ask(&program, "flux-kustomization", &kustomization).unwrap_err();
        assert!(said.contains("unknown field"), "{said}");
    }
}

/// What Argo CD's menu has for a shift: which actions may be chosen, and the verbs that they give.
#[track_caller]
fn menu(bed: &dyn Bed) -> BTreeMap<String, (bool, Verb)> {
    let program = gitops().unwrap();
    let settings = argocd_settings();
    let actions = settings["resource.customizations.actions.weir.dev_TrafficShift"].as_str().unwrap();
    let actions = manifest::parse(actions).unwrap().remove(0);
    let definitions = actions["definitions"].as_array().unwrap().iter();
    let definitions: BTreeMap<&str, &Value> =
        definitions.map(|action| (action["name"].as_str().unwrap(), &action["action.lua"])).collect();
    let shift = bed.get("trafficshifts", "checkout");
    let request = json!({"discovery": actions["discovery.lua"], "definitions": definitions, "object": shift});
    let answers = ask(&program, "actions", &request).unwrap();
    let read = |(name, answer): (&String, &Value)| {
        let command = answer["object"]["metadata"]["annotations"]["weir.dev/command"].as_str().unwrap();
        let command: Command = command.parse().unwrap();
        assert_eq!(answer["object"]["spec"]["to"], shift["spec"]["to"], "the rest of the object is as it was");
        (name.clone(), (answer["disabled"] == false, command.verb))
    };
    answers.as_object().unwrap().iter().map(read).collect()
}

/// The actions that may be chosen; each gives the command of its name.
#[track_caller]
fn choices(bed: &dyn Bed) -> Vec<String> {
    let menu = menu(bed);
    for (name, (_, verb)) in &menu {
        assert_eq!(name, verb.word());
    }
    assert_eq!(menu.len(), Verb::ALL.len());
    menu.into_iter().filter(|(_, (may, _))| *may).map(|(name, _)| name).collect()
}

#[test]
fn the_actions_are_the_commands_that_make_sense() {
    if gitops().is_none() {
        return;
    }
    simulator::open(|bed| {
        bed.start();
        bed.apply(&[stage(bed), shift("green", HELD_AT_25, "")].concat());
        bed.until_phase("Paused", 25);
        assert_eq!(choices(bed), ["abort", "pause", "promote", "resume"]);
        bed.command("abort/1");
        bed.await_condition("trafficshifts", "checkout", "Complete");
        assert_eq!(choices(bed), ["retry"]);
        bed.command("retry/2");
        bed.until_phase("Paused", 25);
        bed.command("promote/3");
        bed.await_condition("trafficshifts", "checkout", "Complete");
    });
}

/// The commands of the guide name files that are there.
#[test]
fn the_guide_names_files_that_are_there() {
    let words = GUIDE.split(|letter: char| letter.is_whitespace() || "`()".contains(letter));
    let named: Vec<&str> = words.filter_map(|word| word.strip_prefix("examples/gitops/")).collect();
    assert!(!named.is_empty());
    for file in named {
        assert!(folder().join(file).is_file(), "{file}");
    }
}
