//! Finds the programs that are written in Go, or builds them once from the Go modules in `tests/testbed`.
//!
//! Looked for, in this order: the folder named by `KUBEBUILDER_ASSETS`, the newest usable version that `setup-envtest`
//! installed, the cache folder; what none of them has is built into the cache folder. Several test processes may ask at
//! once: a file lock lets one build and the others wait, and a binary appears under its name only when it is complete.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use super::{places, skipping};

/// The programs that the test bed runs.
#[derive(Clone, Copy)]
pub(crate) enum Tool {
    Etcd,
    /// Argo CD's interpreter of health checks and Flux' own modules, in a program of the test bed's.
    Gitops,
    Helm,
    KubeApiserver,
    KubeControllerManager,
    Kubectl,
    Promtool,
}

/// What a program is built from.
struct Source {
    /// The folder of the Go module in `tests/testbed`.
    module: &'static str,
    /// The module whose version counts; none where the folder has the program itself.
    requirement: Option<&'static str>,
    /// The package to build.
    package: String,
    /// The build tags.
    tags: &'static str,
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Tool::Etcd => "etcd",
            Tool::Gitops => "gitops",
            Tool::Helm => "helm",
            Tool::KubeApiserver => "kube-apiserver",
            Tool::KubeControllerManager => "kube-controller-manager",
            Tool::Kubectl => "kubectl",
            Tool::Promtool => "promtool",
        }
    }

    fn source(self) -> Source {
        let of = |module, requirement, folder: &str| {
            let package = format!("{requirement}{folder}");
            Source { module, requirement: Some(requirement), package, tags: "" }
        };
        match self {
            Tool::Etcd => of("etcd", "go.etcd.io/etcd/server/v3", ""),
            Tool::Gitops => Source { module: "gitops", requirement: None, package: ".".to_owned(), tags: "" },
            Tool::Helm => of("helm", "helm.sh/helm/v4", "/cmd/helm"),
            Tool::KubeApiserver | Tool::KubeControllerManager | Tool::Kubectl => {
                of("kubernetes", "k8s.io/kubernetes", &format!("/cmd/{}", self.name()))
            }
            // Without the clients of all the clouds that a Prometheus can find its targets in.
            Tool::Promtool => Source {
                tags: "remove_all_sd",
                ..of("prometheus", "github.com/prometheus/prometheus", "/cmd/promtool")
            },
        }
    }

    /// The path of the program, which is built first where nothing else provides it; or why there is none.
    pub(crate) fn find(self) -> Result<PathBuf, String> {
        let source = self.source();
        let folder = places::sources().join(source.module);
        let version = match source.requirement {
            Some(requirement) => required_version(&folder, requirement)?,
            None => digest(&folder)?,
        };
        let cache = places::cache()?.join(format!("{}-{version}", source.module));
        let cached = cache.join(self.name());
        let provided = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from).into_iter().chain(newest_envtest());
        if let Some(found) = provided.map(|folder| folder.join(self.name())).find(|path| path.is_file()) {
            return Ok(found);
        }
        if !cached.is_file() {
            let _claim = places::claim(&cache)?;
            if !cached.is_file() {
                build(&folder, &source, &version, &cached)?;
            }
        }
        Ok(cached)
    }
}

/// Builds one package of a Go module; the program appears at `target` only when it is complete.
fn build(module: &Path, source: &Source, version: &str, target: &Path) -> Result<(), String> {
    let package = &source.package;
    let missing = |error: io::Error| {
        format!(
            "Go is needed to build {package} and does not run ({error}): \
             install Go, or set KUBEBUILDER_ASSETS to a folder with the Kubernetes binaries"
        )
    };
    Command::new("go").arg("version").output().map_err(missing)?;
    skipping::notice(&format!("building {package} of {} {version} with Go; once, takes minutes", source.module));
    let unfinished = target.with_extension(format!("{}.unfinished", process::id()));
    let built = Command::new("go")
        .current_dir(module)
        .args(["build", "-trimpath", "-buildvcs=false", "-tags", source.tags])
        .args(["-ldflags", &linker_flags(source.requirement, version), "-o"])
        .arg(&unfinished)
        .arg(package)
        // The committed sums decide what is built; and without C no compiler is needed but Go's.
        .envs([("GOFLAGS", "-mod=readonly"), ("GOWORK", "off"), ("CGO_ENABLED", "0")])
        .output()
        .map_err(missing)?;
    if !built.status.success() {
        let _ = fs::remove_file(&unfinished);
        let said = String::from_utf8_lossy(&built.stderr);
        let last: Vec<&str> = said.lines().rev().take(5).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        return Err(format!("go build of {package} failed ({}): {}", built.status, last.join(" / ")));
    }
    fs::rename(&unfinished, target).map_err(|error| format!("{} cannot be put in place: {error}", target.display()))
}

/// A Kubernetes server that does not know its version reports one that clients stumble over.
fn linker_flags(requirement: Option<&str>, version: &str) -> String {
    if requirement != Some("k8s.io/kubernetes") {
        return "-s -w".to_owned();
    }
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let variable = "k8s.io/component-base/version.git";
    format!("-s -w -X {variable}Version={version} -X {variable}Major={major} -X {variable}Minor={minor}")
}

/// What stands for the version of a program whose sources are in `folder`.
fn digest(folder: &Path) -> Result<String, String> {
    let failed = |error: io::Error| format!("{} cannot be read: {error}", folder.display());
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).map_err(failed)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        (file.file_name(), fs::read(&file).map_err(failed)?).hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// The version of `requirement` in the `go.mod` of `folder`.
pub(super) fn required_version(folder: &Path, requirement: &str) -> Result<String, String> {
    let path = folder.join("go.mod");
    let text = fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    version_in(&text, requirement).ok_or_else(|| format!("{} does not require {requirement}", path.display()))
}

fn version_in(go_mod: &str, requirement: &str) -> Option<String> {
    go_mod.lines().find_map(|line| {
        let mut words = line.trim().trim_start_matches("require ").split_whitespace();
        (words.next() == Some(requirement)).then(|| words.next().map(str::to_owned)).flatten()
    })
}

/// The folder of the newest binaries that `setup-envtest` installed in its default place, if they are new enough.
fn newest_envtest() -> Option<PathBuf> {
    let home = places::home().ok()?;
    let base = if cfg!(target_os = "macos") {
        home.join("Library/Application Support/io.kubebuilder.envtest")
    } else {
        env::var_os("XDG_DATA_HOME")
            .filter(|value| !value.is_empty())
            .map_or_else(|| home.join(".local/share"), PathBuf::from)
            .join("kubebuilder-envtest")
    };
    let installed = fs::read_dir(base.join("k8s")).ok()?;
    let names = installed.filter_map(|entry| Some(entry.ok()?.file_name()));
    newest_usable(names).map(|name| base.join("k8s").join(name))
}

/// The newest of folders named like `1.34.1-linux-amd64`. Servers older than 1.33 are passed over: Weir's API types are
/// those of 1.33.
fn newest_usable(names: impl Iterator<Item = OsString>) -> Option<OsString> {
    names
        .filter_map(|name| {
            let numbers = name.to_str()?.split('-').next()?.to_owned();
            let version: Vec<u32> = numbers.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
            (version >= vec![1, 33]).then_some((version, name))
        })
        .max()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_both_forms_of_a_requirement() {
        let go_mod = "module m\nrequire one.example/a v1.2.3\nrequire (\n\ttwo.example/b v0.1.0 // indirect\n)\n";
        assert_eq!(version_in(go_mod, "one.example/a").as_deref(), Some("v1.2.3"));
        assert_eq!(version_in(go_mod, "two.example/b").as_deref(), Some("v0.1.0"));
        assert_eq!(version_in(go_mod, "three.example/c"), None);
    }

    #[test]
    fn the_newest_server_is_taken_by_number_and_not_by_letter() {
        let names = ["1.33.0-linux-amd64", "1.9.9-linux-amd64", "1.100.0-linux-amd64", "notes"].map(OsString::from);
        assert_eq!(newest_usable(names.into_iter()), Some(OsString::from("1.100.0-linux-amd64")));
        assert_eq!(newest_usable([OsString::from("1.32.5-linux-amd64")].into_iter()), None);
    }

    #[test]
    fn a_server_is_told_its_version() {
        assert!(linker_flags(Some("k8s.io/kubernetes"), "v1.36.3").ends_with("gitVersion=v1.36.3 -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36"));
    }
}
