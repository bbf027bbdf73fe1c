//! What CI's scripts do, with stand-ins for the tools that they call.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bed::places;

const DIGEST: &str = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A folder of tools, each of which notes how it was called and then does what its script says.
struct Tools(PathBuf);

/// How a script ended.
struct Ended {
    good: bool,
    /// The lines that it printed, those of errors last.
    said: Vec<String>,
    /// How tools were called.
    calls: Vec<String>,
}

impl Tools {
    /// Without tools, in a folder of this name.
    fn none(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("bin")).unwrap();
        Self(folder)
    }

    fn with(self, tool: &str, script: &str) -> Self {
        let path = self.0.join(tool);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let log = self.0.join("calls").display().to_string();
        fs::write(&path, format!("#!/usr/bin/env bash\necho \"{name} $*\" >> '{log}'\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn run(&self, script: &str, arguments: &[&str]) -> Ended {
        let _ = fs::remove_file(self.0.join("calls"));
        let path = format!("{}:{}", self.0.join("bin").display(), std::env::var("PATH").unwrap());
        let output = Command::new(places::top().join(script))
            .args(arguments)
            .env("PATH", path)
            .env("XDG_CACHE_HOME", self.0.join("cache"))
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let calls = fs::read_to_string(self.0.join("calls")).unwrap_or_default();
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        Ended { good: output.status.success(), said: lines(&String::from_utf8_lossy(&said)), calls: lines(&calls) }
    }
}

/// The checks with a database of advisories that git reaches or not, and a `cargo fmt` that is content or not.
fn checks(name: &str, git: &str, cargo: &str) -> Ended {
    let script = fs::read_to_string(places::top().join(".ci/run")).unwrap();
    let version = script.lines().find_map(|line| line.strip_prefix("deny_version=")).unwrap();
    let deny = format!("cache/weir/tools/cargo-deny-{version}/bin/cargo-deny");
    let tools = Tools::none(name).with(&deny, "exit 0").with("bin/git", git).with("bin/cargo", cargo);
    tools.run(".ci/run", &["deny", "format"])
}

fn says_unchecked(line: &str) -> bool {
    line.starts_with("NOT CHECKED: advisories of the dependencies")
}

#[test]
fn advisories_that_cannot_be_checked_are_the_last_thing_that_ci_says() {
    let away = checks("advisories-away", "exit 128", "exit 0");
    assert!(away.good && away.said.last().is_some_and(|line| says_unchecked(line)), "{:?}", away.said);
    let failed = checks("advisories-away-and-failed", "exit 128", "exit 1");
    assert!(!failed.good && failed.said.last().is_some_and(|line| says_unchecked(line)), "{:?}", failed.said);
    let there = checks("advisories-there", "exit 0", "exit 0");
    assert!(there.good && !there.said.iter().any(|line| says_unchecked(line)), "{:?}", there.said);
    assert!(there.calls.iter().any(|call| call.ends_with("check advisories")), "{:?}", there.calls);
}

/// A release with the tools it needs, of a checkout with so many changes.
fn release(name: &str, changes: &str, arguments: &[&str]) -> Ended {
    let git = format!("case $1 in status) printf '%s' '{changes}' ;; rev-parse) echo c0ffee ;; esac");
    let docker = "while [ $# -gt 0 ]; do
        [ \"$1\" != --metadata-file ] || echo '{\"containerimage.digest\": \"sha256:aaaa\", \"size\": 1}' > \"$2\"
        shift
    done";
    let helm = "[ \"$1\" != push ] || echo 'Digest: sha256:bbbb' >&2";
    let tools = Tools::none(name).with("bin/git", &git).with("bin/docker", docker).with("bin/helm", helm);
    tools.with("bin/cosign", "exit 0").run(".ci/release", arguments)
}

#[test]
fn a_release_is_built_with_what_tells_of_it_and_signed_by_digest() {
    let rust = format!("rust:1.95.0-bookworm@{DIGEST}");
    let version = env!("CARGO_PKG_VERSION");
    let ended = release("release", "", &["registry.example.org/weir", version, &rust]);
    assert!(ended.good, "{:?}", ended.said);
    let build = ended.calls.iter().find(|call| call.starts_with("docker buildx build ")).unwrap();
    for part in ["--sbom=true", "--provenance=mode=max", "linux/amd64,linux/arm64", &rust, "--push", "revision=c0ffee"]
    {
        assert!(build.contains(part), "{part} in {build}");
    }
    let signed: Vec<&String> = ended.calls.iter().filter(|call| call.starts_with("cosign sign ")).collect();
    assert_eq!(signed.len(), 2, "{signed:?}");
    assert!(signed[0].ends_with("--recursive registry.example.org/weir/weir@sha256:aaaa"), "{signed:?}");
    assert!(signed[1].ends_with("registry.example.org/weir/charts/weir@sha256:bbbb"), "{signed:?}");
}

#[test]
fn a_release_of_something_else_than_the_commit_and_its_version_is_refused() {
    let rust = format!("rust:1.95.0-bookworm@{DIGEST}");
    let version = env!("CARGO_PKG_VERSION");
    let cases = [
        ("release-by-name", "", [version, "rust:1.95.0-bookworm"], "expected one with its digest"),
        ("release-of-another-version", "", ["9.9.9", &rust], "Cargo.toml has"),
        ("release-of-changes", " M Cargo.toml", [version, &rust], "not committed"),
    ];
    for (name, changes, [version, rust], why) in cases {
        let ended = release(name, changes, &["registry.example.org/weir", version, rust]);
        assert!(!ended.good && ended.said.iter().any(|line| line.contains(why)), "{name}: {:?}", ended.said);
        assert!(!ended.calls.iter().any(|call| call.starts_with("docker")), "{name}: {:?}", ended.calls);
    }
}

/// What an image is built from can be named by its digest, and is one image of a whole version where it is not.
#[test]
fn the_image_is_built_from_one_image_of_a_whole_version() {
    let recipe = fs::read_to_string(places::top().join("Dockerfile")).unwrap();
    let from: Vec<&str> = recipe.lines().filter(|line| line.starts_with("FROM ")).collect();
    assert_eq!(from, ["FROM --platform=$BUILDPLATFORM ${RUST_IMAGE} AS build", "FROM scratch"]);
    let named = recipe.lines().find_map(|line| line.strip_prefix("ARG RUST_IMAGE=rust:")).unwrap();
    let version = named.split('-').next().unwrap();
    assert!(version.starts_with(concat!(env!("CARGO_PKG_RUST_VERSION"), ".")), "{named}");
    assert!(!recipe.contains("# syntax="), "another image, which no digest names, would read the recipe");
}
