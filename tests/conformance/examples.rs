//! The examples as a reader of theirs tries them: applied by kubectl, watched by kubectl and by the AWS CLI.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use weir_lab::manifest;

use crate::bed::pages::steps;
use crate::bed::places;

use super::bed::{Bed, Weights, condition_of, weights};
use super::kubernetes::Kubernetes;
use super::process::{Listener, Process};

/// The balancer of the examples, as their manifests name it.
const BALANCER: &str = "shop-public";
/// Their groups.
const GROUPS: [&str; 6] = ["checkout-blue", "checkout-green", "checkout-red", "search-1", "search-2", "checkout-pr7"];
/// What their page calls itself.
const PAGE: &str = "examples/README.md";

#[test]
fn the_examples_move_traffic_as_they_say() {
    let Some(mut bed) = Process::open() else { return };
    let groups: BTreeMap<&str, String> = GROUPS.iter().map(|group| (*group, bed.add_group(group))).collect();
    let listener =
        bed.add_balancer(BALANCER, &[Listener { port: 443, forward: &[(&groups["checkout-blue"], 1)] }]).remove(0);
    bed.start();
    let shown = |bed: &Process, priority: &str| shown_by_cli(bed, &listener, priority, &groups);

    bed.kubernetes.kubectl(&["apply", "-f", &example("release")]);
    for (number, weight) in [5, 25, 50].into_iter().enumerate() {
        let user: &mut dyn Bed = &mut bed;
        user.until_phase("Paused", weight);
        assert_eq!(shown(&bed, "default"), weights(&[("checkout-blue", 100 - weight), ("checkout-green", weight)]));
        // The pauses of the example are for people; whoever has seen enough says so.
        let command = format!("weir.dev/command=promote/{number}");
        bed.kubernetes.kubectl(&["annotate", "--overwrite", "ts/checkout", &command]);
    }
    bed.await_condition("trafficshifts", "checkout", "Complete");
    assert_eq!(shown(&bed, "default"), weights(&[("checkout-blue", 0), ("checkout-green", 100)]));
    a_retry_is_waited_for(&mut bed);

    bed.kubernetes.kubectl(&["apply", "-f", &example("rule")]);
    bed.await_condition("trafficshifts", "search", "Complete");
    assert_eq!(shown(&bed, "20"), weights(&[("search-1", 100)]));

    let preview = steps(PAGE, "## Previews, and names with a suffix");
    let [begin, wait, end] = &preview[..] else { panic!("{preview:?}") };
    type_in(&bed, &begin.words());
    assert_eq!(type_in(&bed, &wait.words()), wait.shown);
    let route = (&bed as &dyn Bed).get("weightedroutes", "checkout-pr7");
    let priority = route["status"]["listenerRule"]["priority"].to_string();
    assert_eq!(shown(&bed, &priority), weights(&[("checkout-pr7", 100)]));
    type_in(&bed, &end.words());
    let user: &mut dyn Bed = &mut bed;
    user.until_gone("weightedroutes", "checkout-pr7");
    assert_eq!(shown(&bed, &priority), weights(&[]), "the rule goes with its route");

    for step in steps(PAGE, "## Taking leave") {
        type_in(&bed, &step.words());
    }
}

/// A run that has ended as rolled back, `retry`, and the page's way to wait for the new run instead of the old end.
fn a_retry_is_waited_for(bed: &mut Process) {
    let patch = r#"{"spec":{"to":"red"}}"#;
    bed.kubernetes.kubectl(&["patch", "ts/checkout", "--type=merge", "--patch", patch]);
    let user: &mut dyn Bed = bed;
    user.until_phase("Paused", 5);
    bed.kubernetes.kubectl(&["annotate", "--overwrite", "ts/checkout", "weir.dev/command=abort/before"]);
    bed.await_condition("trafficshifts", "checkout", "Complete");
    let all = steps(PAGE, "## Commands");
    let [.., retry, taken, complete] = &all[..] else { panic!("{all:?}") };
    type_in(bed, &retry.words());
    type_in(bed, &taken.words());
    let shift = (bed as &dyn Bed).get("trafficshifts", "checkout");
    assert!(condition_of(&shift, "Complete").is_none_or(|complete| !complete.holds), "{shift}");
    bed.kubernetes.kubectl(&["annotate", "--overwrite", "ts/checkout", "weir.dev/command=abort/after"]);
    type_in(bed, &complete.words());
}

/// What a command of the page prints, typed in the case's namespace, with the examples where they are.
pub(super) fn type_in(bed: &Process, words: &[String]) -> String {
    assert_eq!(words[0], "kubectl", "{words:?}");
    let examples = example("");
    let word = |word: &String| match word.as_str() {
        "shop" => bed.kubernetes.namespace.clone(),
        word => word.replace("examples/", &examples),
    };
    let words: Vec<String> = words[1..].iter().map(word).collect();
    bed.kubernetes.cluster.kubectl(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// With a suffix every object has another name, and each reference leads to one that is there.
#[test]
fn a_suffix_changes_the_references_too() {
    let Some(kubernetes) = Kubernetes::open() else { return };
    for (folder, count) in [("release", 5), ("rule", 4), ("preview/base", 3)] {
        let folder = from_root(&example(folder));
        let with_suffix = |components: &str| {
            let overlay = places::scratch("overlay").unwrap();
            let up = "../".repeat(overlay.canonicalize().unwrap().components().count() - 1);
            let text = format!("resources: [{up}{folder}]\nnameSuffix: -pr7\n{}", components.replace("UP", &up));
            fs::write(overlay.join("kustomization.yaml"), text).unwrap();
            overlay.to_string_lossy().into_owned()
        };
        let references = |overlay: &str| {
            let built = manifest::parse(&kubernetes.kubectl(&["kustomize", overlay])).unwrap();
            references_and_names(&built)
        };
        let (asked, names) = references(&with_suffix(""));
        assert!(asked.is_disjoint(&names), "left alone, kustomize changes names only: {asked:?}, {names:?}");
        let component = from_root(&example("kustomize"));
        let overlay = with_suffix(&format!("components: [UP{component}]"));
        let (asked, names) = references(&overlay);
        assert_eq!(asked.len(), count, "{asked:?}");
        // The entry point of a preview is there already.
        let elsewhere: Vec<_> = asked.difference(&names).collect();
        let public = ("EntryPoint".to_owned(), "public".to_owned());
        assert!(elsewhere.is_empty() || folder.ends_with("base") && elsewhere == [&public], "{elsewhere:?}");
        kubernetes.kubectl(&["apply", "--dry-run=server", "--validate=strict", "-k", &overlay]);
    }
}

/// A folder as it is reached from the root, for paths that begin with a way up.
fn from_root(folder: &str) -> String {
    let folder = Path::new(folder).canonicalize().unwrap();
    folder.strip_prefix("/").unwrap().to_string_lossy().into_owned()
}

type Named = BTreeSet<(String, String)>;

/// What objects refer to, and what there is, each by kind and name.
fn references_and_names(objects: &[Value]) -> (Named, Named) {
    let (mut references, mut names) = (Named::new(), Named::new());
    for object in objects {
        let spec = &object["spec"];
        let mut refer = |kind: &str, name: &Value| {
            references.insert((kind.to_owned(), name.as_str().unwrap().to_owned()));
        };
        match object["kind"].as_str().unwrap() {
            "WeightedRoute" => {
                refer("EntryPoint", &spec["listener"]["entryPoint"]["name"]);
                for backend in spec["backends"].as_array().unwrap() {
                    refer("Environment", &backend["environment"]);
                }
            }
            "TrafficShift" => {
                refer("Environment", &spec["to"]);
                for route in spec["routes"].as_array().unwrap() {
                    refer("WeightedRoute", route);
                }
            }
            _ => {}
        }
        names.insert((
            object["kind"].as_str().unwrap().to_owned(),
            object["metadata"]["name"].as_str().unwrap().to_owned(),
        ));
    }
    (references, names)
}

/// The folder of an example.
fn example(name: &str) -> String {
    places::top().join("examples").join(name).to_string_lossy().into_owned()
}

/// The weights of a rule as `aws elbv2 describe-rules` shows them.
fn shown_by_cli(bed: &Process, listener: &str, priority: &str, groups: &BTreeMap<&str, String>) -> Weights {
    let query = format!("Rules[?Priority=='{priority}'].Actions[].ForwardConfig.TargetGroups[]");
    let shown = bed.moto.aws(&["elbv2", "describe-rules", "--listener-arn", listener, "--query", &query]);
    let weight = |tuple: &Value| {
        let group =
            groups.iter().find(|(_, arn)| tuple["TargetGroupArn"] == **arn).expect("it is one of the example's");
        ((*group.0).to_owned(), u32::try_from(tuple["Weight"].as_u64().unwrap()).unwrap())
    };
    shown.as_array().unwrap().iter().map(weight).collect()
}
