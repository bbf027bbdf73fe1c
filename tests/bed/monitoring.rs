//! The kinds of the Prometheus operator, as its own Go module has them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::binaries::required_version;
use super::places;

const MODULE: &str = "github.com/prometheus-operator/prometheus-operator";
/// The folder in `tests/testbed` whose `go.mod` says which version.
const FOLDER: &str = "prometheus-operator";
/// Where the definitions are in the module.
const DEFINITIONS: &str = "example/prometheus-operator-crd";

/// Files with the definitions of `ServiceMonitor` and `PrometheusRule`, or why there are none.
pub(super) fn find() -> Result<[PathBuf; 2], String> {
    let folder = places::sources().join(FOLDER);
    let version = required_version(&folder, MODULE)?;
    let cache = places::cache()?.join(format!("prometheus-operator-{version}"));
    let files =
        ["servicemonitors", "prometheusrules"].map(|kind| cache.join(format!("monitoring.coreos.com_{kind}.yaml")));
    if !files.iter().all(|file| file.is_file()) {
        let _claim = places::claim(&cache)?;
        let module = download(&folder)?;
        for file in &files {
            let name = file.file_name().expect("it was just named");
            let from = module.join(DEFINITIONS).join(name);
            let text = fs::read(&from).map_err(|error| format!("{} cannot be read: {error}", from.display()))?;
            let unfinished = file.with_extension(format!("{}.unfinished", std::process::id()));
            let put = fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, file));
            put.map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
        }
    }
    Ok(files)
}

/// The folder of the module in Go's own cache, where Go puts it if it is not there yet.
fn download(folder: &Path) -> Result<PathBuf, String> {
    let output = Command::new("go")
        .current_dir(folder)
        .args(["mod", "download", "-json", MODULE])
        .envs([("GOFLAGS", "-mod=readonly"), ("GOWORK", "off")])
        .output()
        .map_err(|error| format!("Go is needed to get {MODULE} and does not run ({error}): install Go"))?;
    let said = || String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let answer: Value = serde_json::from_slice(&output.stdout).map_err(|_| format!("go mod download: {}", said()))?;
    answer["Dir"].as_str().map(PathBuf::from).ok_or_else(|| format!("go mod download: {}", said()))
}
