//! The kinds of other projects, as their own Go modules have them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::binaries::required_version;
use super::places;

/// Definitions of kinds in a Go module.
pub(super) struct Kinds {
    /// The folder in `tests/testbed` whose `go.mod` says which version.
    folder: &'static str,
    module: &'static str,
    /// Where the definitions are in the module.
    definitions: &'static str,
    files: &'static [&'static str],
}

/// `ServiceMonitor` and `PrometheusRule`.
pub(super) const MONITORING: Kinds = Kinds {
    folder: "prometheus-operator",
    module: "github.com/prometheus-operator/prometheus-operator",
    definitions: "example/prometheus-operator-crd",
    files: &["monitoring.coreos.com_servicemonitors.yaml", "monitoring.coreos.com_prometheusrules.yaml"],
};

/// `Application`.
pub(super) const ARGOCD: Kinds = Kinds {
    folder: "argocd",
    module: "github.com/argoproj/argo-cd/v3",
    definitions: "manifests/crds",
    files: &["application-crd.yaml"],
};

impl Kinds {
    /// The files, or why there are none.
    pub(super) fn find(&self) -> Result<Vec<PathBuf>, String> {
        let folder = places::sources().join(self.folder);
        let version = required_version(&folder, self.module)?;
        let cache = places::cache()?.join(format!("{}-{version}", self.folder));
        let files: Vec<PathBuf> = self.files.iter().map(|file| cache.join(file)).collect();
        if files.iter().all(|file| file.is_file()) {
            return Ok(files);
        }
        let _claim = places::claim(&cache)?;
        let module = self.download(&folder)?;
        for (name, file) in self.files.iter().zip(&files) {
            let from = module.join(self.definitions).join(name);
            let text = fs::read(&from).map_err(|error| format!("{} cannot be read: {error}", from.display()))?;
            let unfinished = file.with_extension(format!("{}.unfinished", std::process::id()));
            let put = fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, file));
            put.map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
        }
        Ok(files)
    }

    /// The folder of the module in Go's own cache, where Go puts it if it is not there yet.
    fn download(&self, folder: &Path) -> Result<PathBuf, String> {
        let module = self.module;
        let output = Command::new("go")
            .current_dir(folder)
            .args(["mod", "download", "-json", module])
            .envs([("GOFLAGS", "-mod=readonly"), ("GOWORK", "off")])
            .output()
            .map_err(|error| format!("Go is needed to get {module} and does not run ({error}): install Go"))?;
        let said = || String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let answer: Value =
            serde_json::from_slice(&output.stdout).map_err(|_| format!("go mod download: {}", said()))?;
        answer["Dir"].as_str().map(PathBuf::from).ok_or_else(|| format!("go mod download: {}", said()))
    }
}
