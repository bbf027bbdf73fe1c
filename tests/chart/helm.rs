//! Helm, and what it makes of the chart.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::bed::{Cluster, helm, places};

/// The chart.
pub(crate) fn chart() -> PathBuf {
    places::top().join("charts/weir")
}

/// Helm, with nothing of the user's own settings, and with the rights of a kubeconfig if it has one.
pub(crate) struct Helm {
    program: PathBuf,
    folder: PathBuf,
    kubeconfig: Option<PathBuf>,
}

impl Helm {
    /// Helm without a cluster, for what can be done without one.
    pub(crate) fn alone() -> Option<Self> {
        Some(Self { program: helm()?, folder: places::scratch("helm").unwrap(), kubeconfig: None })
    }

    /// Helm as an administrator of a cluster.
    pub(crate) fn of(cluster: &Cluster) -> Option<Self> {
        Some(Self { kubeconfig: Some(cluster.kubeconfig().to_owned()), ..Self::alone()? })
    }

    /// The folder of the program, for scripts that call it by its name.
    pub(crate) fn program_folder(&self) -> &Path {
        self.program.parent().expect("a program is in a folder")
    }

    /// What keeps a helm that is started elsewhere from the user's settings too.
    pub(crate) fn variables(&self) -> Vec<(&'static str, PathBuf)> {
        let folder = |name: &str| self.folder.join(name);
        let mut variables = vec![
            ("HELM_CACHE_HOME", folder("cache")),
            ("HELM_CONFIG_HOME", folder("config")),
            ("HELM_DATA_HOME", folder("data")),
            ("KUBECACHEDIR", folder("kube")),
        ];
        variables.push(("KUBECONFIG", self.kubeconfig.clone().unwrap_or_else(|| folder("no-kubeconfig"))));
        variables
    }

    /// What helm prints for these arguments; as an error what it says when it fails.
    pub(crate) fn try_run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(&self.program)
            .args(arguments)
            .envs(self.variables())
            .output()
            .unwrap_or_else(|error| panic!("{} does not run: {error}", self.program.display()));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr) + &text(&output.stdout))
        }
    }

    /// What helm prints for these arguments; the test fails with helm's words if helm does.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.try_run(arguments).unwrap_or_else(|said| panic!("helm {}: {said}", arguments.join(" ")))
    }

    /// What the chart renders for these values in the namespace `weir-system`; as an error what helm says.
    pub(crate) fn try_render(&self, values: &Value) -> Result<Vec<Value>, String> {
        let chart = chart();
        let arguments = ["template", "weir", &chart.to_string_lossy(), "--namespace", "weir-system"];
        let text = self.try_run(&[&arguments[..], &["--set-json", &values.to_string()]].concat())?;
        Ok(documents(&text))
    }

    /// What the chart renders for these values, with all that must be given.
    #[track_caller]
    pub(crate) fn render(&self, values: &Value) -> Vec<Value> {
        let values = with_required(values);
        self.try_render(&values).unwrap_or_else(|said| panic!("helm template with {values}: {said}"))
    }
}

/// Values with all that must be given.
pub(crate) fn with_required(values: &Value) -> Value {
    let mut values = values.clone();
    values["ownerId"] = json!("acme");
    if values["allow"].is_null() {
        values["allowEverything"] = json!(true);
    }
    if values["image"].is_null() {
        values["image"] = json!({});
    }
    values["image"]["repository"] = json!("registry.example.org/weir");
    values
}

/// The objects of a text in YAML.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

/// The objects of a kind.
pub(crate) fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

/// The one object of a kind.
#[track_caller]
pub(crate) fn only<'a>(objects: &'a [Value], kind: &'a str) -> &'a Value {
    let found: Vec<&Value> = of_kind(objects, kind).collect();
    assert_eq!(found.len(), 1, "objects of the kind {kind}");
    found[0]
}
