//! The verdicts of Argo CD and Flux on objects.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};
use weir_lab::manifest;

use crate::bed::{gitops, places};

/// Where the health checks of Argo CD are in its `ConfigMap`, by kind.
const HEALTH: &str = "resource.customizations.health.weir.dev_";

/// What the tools make of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    /// The health in Argo CD.
    pub(super) argo: String,
    /// What Argo CD shows with it.
    pub(super) message: String,
    /// The status in Flux with the expressions of the example.
    pub(super) flux: String,
    /// The status by kstatus alone.
    pub(super) kstatus: String,
}

/// One who judges with the files of `examples/gitops`.
pub(super) struct Judge {
    program: PathBuf,
    health: Map<String, Value>,
    expressions: Value,
}

impl Judge {
    /// The judge, unless what it needs is missing.
    pub(super) fn open() -> Option<Self> {
        let program = gitops()?;
        let settings = argocd_settings();
        let settings = settings.as_object().unwrap().iter();
        let health = settings.filter_map(|(key, script)| Some((key.strip_prefix(HEALTH)?.to_owned(), script.clone())));
        let expressions = example("flux-waiting.yaml")["spec"]["healthCheckExprs"].take();
        Some(Self { program, health: health.collect(), expressions })
    }

    /// One judgement for each object.
    #[track_caller]
    pub(super) fn judge(&self, objects: &[Value]) -> Vec<Judgement> {
        let request = json!({"health": self.health, "healthCheckExprs": self.expressions, "objects": objects});
        let said = ask(&self.program, "judge", &request).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let read = |said: &Value| Judgement {
            argo: text(&said["argo"]["status"]),
            message: text(&said["argo"]["message"]),
            flux: text(&said["flux"]["status"]),
            kstatus: text(&said["kstatus"]["status"]),
        };
        said.as_array().unwrap().iter().map(read).collect()
    }
}

/// What the program answers; as an error what it says when it fails.
pub(super) fn ask(program: &Path, verb: &str, request: &Value) -> Result<Value, String> {
    let mut command = Command::new(program);
    command.arg(verb).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    // A program that does not read ends by itself and says why.
    let _ = running.stdin.take().unwrap().write_all(request.to_string().as_bytes());
    let output = running.wait_with_output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap())
}

/// The settings of Argo CD in the example.
pub(super) fn argocd_settings() -> Value {
    example("argocd-cm.yaml")["data"].take()
}

/// A file of the example.
pub(super) fn example(name: &str) -> Value {
    manifest::parse(&fs::read_to_string(folder().join(name)).unwrap()).unwrap().remove(0)
}

/// The folder of the example.
pub(super) fn folder() -> PathBuf {
    places::top().join("examples/gitops")
}
