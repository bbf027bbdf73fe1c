//! Which crate may know which: the arrows between our crates, and the walls around async, AWS and Kubernetes clients.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::{env, fs};

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::bed::places;

/// Every crate of the workspace and those of ours that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("weir-api", &[]),
    ("weir-engine", &["weir-api"]),
    ("weir-aws", &["weir-engine"]),
    ("weir-controller", &["weir-api", "weir-engine", "weir-aws"]),
    ("weir-sim", &[]),
    ("weir-lab", &["weir-controller", "weir-sim", "weir-aws", "weir-engine", "weir-api"]),
    // The program builds the SDK's configuration and hands it to `aws`.
    ("weir", &["weir-controller", "weir-lab", "weir-api", "weir-aws"]),
];

/// The package that holds the integration tests, which look at everything.
const TESTED_BY: &str = "weir";

/// The simulated world, and the crates whose own tests play in it. That is no arrow: no program holds it.
const WORLD: &str = "weir-sim";
const PLAYING: &[&str] = &["weir-aws", "weir-controller"];

/// Outside crates that only some of ours may depend on. The first wall that fits a name counts.
const WALLS: &[Wall] = &[
    Wall { crates: "aws-sdk-*", only: &["weir-aws"] },
    // The wire format of the answers; no client and no configuration.
    Wall { crates: "aws-smithy-*", only: &["weir-aws", "weir-sim", "weir-lab", "weir"] },
    // What a client is wired from.
    Wall { crates: "aws-*", only: &["weir-aws", "weir-lab", "weir"] },
    Wall { crates: "kube[client]", only: KUBERNETES_CLIENTS },
    Wall { crates: "kube[runtime]", only: KUBERNETES_CLIENTS },
    Wall { crates: "kube[default]", only: &[] },
    Wall { crates: "kube-client", only: &[] },
    Wall { crates: "kube-runtime", only: &[] },
    Wall { crates: "kube[derive]", only: &["weir-api"] },
    Wall { crates: "tokio*", only: &["weir-sim", "weir-aws", "weir-controller", "weir-lab", "weir"] },
    Wall { crates: "futures*", only: &["weir-sim", "weir-aws", "weir-controller", "weir-lab", "weir"] },
    Wall { crates: "fastrand", only: &["weir-sim", "weir-aws", "weir-controller", "weir-lab", "weir"] },
    Wall { crates: "hyper*", only: &[] },
    Wall { crates: "reqwest", only: &[] },
];

const KUBERNETES_CLIENTS: &[&str] = &["weir-controller", "weir-lab", "weir"];

/// What may not be reached even through other crates: for whom, and which.
const UNREACHABLE: &[(&str, &[&str])] = &[
    ("weir-api", &["tokio*", "hyper*", "reqwest", "kube-client", "kube-runtime", "aws-*"]),
    ("weir-engine", &["tokio*", "hyper*", "reqwest", "kube-client", "kube-runtime", "aws-*"]),
    ("weir-aws", &["kube-client", "kube-runtime"]),
    ("weir-sim", &["weir-*", "hyper", "kube-client", "kube-runtime", "aws-sdk-*", "aws-config"]),
];

/// What the program that is installed must not hold: the laboratory, the simulated world, and what only they need.
const NOT_INSTALLED: &[&str] =
    &["weir-lab", "weir-sim", "kube-cel", "cel", "antlr4rust", "chrono", "comfy-table", "mimalloc", "proptest"];

/// How the program that is installed is built.
const INSTALLED: &str = "--no-default-features";

/// Names of crates, with a trailing `*` for any ending or a feature in brackets, and our crates that may have them.
struct Wall {
    crates: &'static str,
    only: &'static [&'static str],
}

/// One line of a manifest: a crate of ours depends on another crate. `names` holds the other crate's name, and the same
/// name with each feature asked for in brackets.
#[derive(Debug, Clone)]
struct Dependency {
    of: String,
    names: Vec<String>,
    for_tests: bool,
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// What is wrong with these dependencies of the crates called `members`.
fn broken_arrows(members: &BTreeSet<String>, dependencies: &[Dependency]) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let unknown = members.iter().filter(|name| !allowed.contains_key(name.as_str()));
    let mut broken: Vec<String> =
        unknown.map(|name| format!("{name} has no place among the arrows: say in ARROWS what it may know")).collect();
    for Dependency { of, names, for_tests } in dependencies {
        if of == TESTED_BY && *for_tests {
            continue;
        }
        let name = &names[0];
        // The tests of a crate may ask it for a feature that no program has.
        if *for_tests && (name == of || name == WORLD && PLAYING.contains(&of.as_str())) {
            continue;
        }
        if members.contains(name) && !allowed.get(of.as_str()).is_some_and(|known| known.contains(&name.as_str())) {
            broken.push(format!("{of} may not know {name}"));
        }
        for name in names {
            // Tests may drive a crate with clients that the crate itself must not know.
            let wall = WALLS.iter().find(|wall| !for_tests && fits(wall.crates, name));
            if let Some(wall) = wall.filter(|wall| !wall.only.contains(&of.as_str())) {
                broken.push(format!("{of} may not depend on {name}: only {:?} may", wall.only));
            }
        }
    }
    broken
}

/// Which of `reached` the crate must not reach.
fn unreachable<'a>(of: &str, reached: impl Iterator<Item = &'a str>) -> Vec<String> {
    let patterns = UNREACHABLE.iter().find(|(name, _)| *name == of).map_or(&[][..], |(_, patterns)| patterns);
    let forbidden = |name: &&str| *name != of && patterns.iter().any(|pattern| fits(pattern, name));
    reached.filter(forbidden).map(|name| format!("{of} reaches {name}")).collect()
}

fn manifest() -> std::path::PathBuf {
    places::top().join("Cargo.toml")
}

fn dependency(of: &str, declared: &cargo_metadata::Dependency) -> Dependency {
    let features = declared.features.iter().map(String::as_str);
    let default = declared.uses_default_features.then_some("default");
    let with_features = features.chain(default).map(|feature| format!("{}[{feature}]", declared.name));
    Dependency {
        of: of.to_owned(),
        names: [declared.name.clone()].into_iter().chain(with_features).collect(),
        for_tests: declared.kind == DependencyKind::Development,
    }
}

#[test]
fn the_crates_know_each_other_only_along_the_arrows() {
    let metadata = MetadataCommand::new().manifest_path(manifest()).no_deps().exec().unwrap();
    let members: BTreeSet<String> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    assert_eq!(members, ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect(), "the crates of the workspace");
    let dependencies: Vec<Dependency> = metadata
        .packages
        .iter()
        .flat_map(|package| package.dependencies.iter().map(|declared| dependency(&package.name, declared)))
        .collect();
    assert_eq!(broken_arrows(&members, &dependencies), Vec::<String>::new());
}

/// What a crate of ours is built from, without its tests: each crate with its features, as `name` and `feature,feature`.
///
/// `cargo tree` counts the features that this crate alone asks for; the metadata has those of the whole workspace
/// together.
fn built_from(of: &str, further: &[&str]) -> BTreeSet<(String, String)> {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["tree", "--locked", "--offline", "--edges=normal", "--prefix=none", "--format={p}|{f}", "--package", of])
        .args(further)
        .arg("--manifest-path")
        .arg(manifest())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once('|'));
    let found: BTreeSet<(String, String)> = lines
        .map(|(package, features)| {
            let name = package.split(' ').next().unwrap_or_default();
            (name.to_owned(), features.trim_end_matches(" (*)").to_owned())
        })
        .collect();
    assert!(found.iter().any(|(name, _)| name == of) && found.len() > 10, "{of} reaches next to nothing: {text}");
    found
}

#[test]
fn no_forbidden_crate_is_reached_through_another() {
    for (of, _) in UNREACHABLE {
        let found = built_from(of, &[]);
        assert_eq!(unreachable(of, found.iter().map(|(name, _)| name.as_str())), Vec::<String>::new());
    }
}

#[test]
fn what_is_installed_holds_no_laboratory_and_no_program_a_planted_bug() {
    let installed = built_from("weir", &[INSTALLED]);
    let held = |name: &&str| installed.iter().any(|(held, _)| held == name);
    assert_eq!(NOT_INSTALLED.iter().copied().filter(held).collect::<Vec<_>>(), Vec::<&str>::new());
    let image = fs::read_to_string(places::top().join("Dockerfile")).unwrap();
    let build = image.lines().find(|line| line.contains("build --profile dist")).unwrap();
    assert!(build.contains(INSTALLED), "{build}");

    let with_demo = built_from("weir", &[]);
    let features = with_demo.iter().find_map(|(name, features)| (name == "weir-lab").then_some(features.as_str()));
    assert_eq!(features, Some(""), "weir-lab is built for the demo, with no feature");
}

#[test]
fn a_broken_arrow_is_found() {
    let members: BTreeSet<String> = ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let line = |of: &str, names: &[&str], for_tests| Dependency {
        of: of.to_owned(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        for_tests,
    };
    let found = |dependency| broken_arrows(&members, &[dependency]);
    assert_eq!(found(line("weir-engine", &["weir-aws"], false)), ["weir-engine may not know weir-aws"]);
    assert_eq!(found(line("weir-sim", &["weir-api"], true)), ["weir-sim may not know weir-api"]);
    assert_eq!(found(line("weir", &["weir-sim"], false)), ["weir may not know weir-sim"]);
    assert_eq!(found(line("weir", &["weir-sim"], true)), [""; 0]);
    assert_eq!(found(line("weir-controller", &["weir-sim"], false)), ["weir-controller may not know weir-sim"]);
    assert_eq!(found(line("weir-controller", &["weir-sim"], true)), [""; 0]);
    assert_eq!(found(line("weir-controller", &["weir-lab"], true)), ["weir-controller may not know weir-lab"]);
    assert_eq!(found(line("weir-engine", &["weir-sim"], true)), ["weir-engine may not know weir-sim"]);
    assert_eq!(found(line("weir-lab", &["weir-lab", "weir-lab[bugs]"], true)), [""; 0]);
    assert_eq!(found(line("weir-engine", &["weir-api"], false)), [""; 0]);
    let walls: [(&str, &[&str]); 7] = [
        ("weir-engine", &["tokio"]),
        ("weir-api", &["reqwest"]),
        ("weir-controller", &["aws-sdk-elasticloadbalancingv2"]),
        ("weir-controller", &["aws-config"]),
        ("weir-api", &["kube", "kube[client]"]),
        ("weir-aws", &["kube", "kube[runtime]"]),
        ("weir-controller", &["kube", "kube[default]"]),
    ];
    for (of, names) in walls {
        assert_eq!(found(line(of, names, false)).len(), 1, "{of} with {names:?}");
    }
    assert_eq!(found(line("weir-aws", &["aws-sdk-elasticloadbalancingv2"], false)), [""; 0]);
    assert_eq!(found(line("weir-controller", &["kube", "kube[client]", "kube[runtime]"], false)), [""; 0]);
    let stranger = members.iter().cloned().chain(["weir-extra".to_owned()]).collect();
    assert_eq!(broken_arrows(&stranger, &[]).len(), 1);
}

#[test]
fn a_forbidden_crate_behind_others_is_found() {
    let reached = ["weir-engine", "weir-api", "kube-core", "kube-client", "tokio-macros", "aws-sdk-route53"];
    let found = unreachable("weir-engine", reached.into_iter());
    assert_eq!(
        found,
        ["weir-engine reaches kube-client", "weir-engine reaches tokio-macros", "weir-engine reaches aws-sdk-route53"]
    );
    assert_eq!(unreachable("weir-sim", ["weir-sim", "weir-api", "tokio"].into_iter()), ["weir-sim reaches weir-api"]);
}
