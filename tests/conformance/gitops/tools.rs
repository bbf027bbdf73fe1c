//! How the tools apply objects and remove them.

use std::path::PathBuf;

use serde_json::{Value, json};
use weir_lab::manifest;

use crate::bed::{gitops, real_cluster_with_controllers};

use super::super::bed::Bed;
use super::super::cluster::RealCluster;
use super::judge::ask;

/// Makes a test of a case for each tool.
macro_rules! with_each_tool {
    ($case:ident) => {
        mod $case {
            #[test]
            fn argo_cd() {
                crate::conformance::gitops::tools::play(|_| super::Tool::ArgoCd, super::$case);
            }

            #[test]
            fn flux() {
                crate::conformance::gitops::tools::play(super::Tool::Flux, super::$case);
            }
        }
    };
}
pub(super) use with_each_tool;

/// A tool, in what it asks of the API server.
pub(super) enum Tool {
    /// With the sync option `ServerSideApply=true`, as the example has it.
    ArgoCd,
    /// The kustomize-controller, by the program that has its module.
    Flux(PathBuf),
}

/// Plays a case with a tool, unless what that needs is missing. Kubernetes' own controllers run, since they end what is
/// deleted in the foreground.
pub(super) fn play(tool: impl FnOnce(PathBuf) -> Tool, case: impl FnOnce(&mut RealCluster, &Tool)) {
    // The kinds come before the controllers, which look for new ones every half a minute only.
    let (Some(program), Some(mut bed)) = (gitops(), RealCluster::open()) else { return };
    if real_cluster_with_controllers().is_none() {
        return;
    }
    case(&mut bed, &tool(program));
}

/// Brings a release to 25 % and holds it there.
pub(super) fn half_way(bed: &mut RealCluster, tool: &Tool, manifests: &str) {
    bed.start();
    tool.apply(bed, manifests);
    (bed as &mut dyn Bed).until_phase("Paused", 25);
}

impl Tool {
    /// Applies what is in Git, as a sync does.
    #[track_caller]
    pub(super) fn apply(&self, bed: &RealCluster, manifests: &str) {
        match self {
            Tool::ArgoCd => {
                let arguments = [&ARGOCD_APPLY[..], &["--namespace", bed.namespace()]].concat();
                let applied = bed.kubernetes.cluster.try_kubectl(&arguments, &tracked(bed, manifests));
                applied.unwrap_or_else(|said| panic!("not accepted: {said}"));
            }
            Tool::Flux(_) => drop(self.reconcile(bed, manifests)),
        }
    }

    /// What differs between Git and the cluster, as the tool sees it: names of objects. Where Flux sees a difference it is
    /// gone afterwards.
    #[track_caller]
    pub(super) fn differences(&self, bed: &RealCluster, manifests: &str) -> Vec<String> {
        match self {
            Tool::ArgoCd => predicted_differences(bed, manifests),
            Tool::Flux(_) => {
                let done = self.reconcile(bed, manifests);
                let changed = done.as_object().unwrap().iter().filter(|(_, action)| *action != "unchanged");
                changed.map(|(subject, action)| format!("{subject} {action}")).collect()
            }
        }
    }

    /// Deletes objects that are not in Git any more, one after the other.
    #[track_caller]
    pub(super) fn prune(&self, bed: &RealCluster, objects: &[(&str, &str)]) {
        match self {
            // Foreground is Argo CD's default.
            Tool::ArgoCd => {
                for (kind, name) in objects {
                    bed.kubernetes.kubectl(&["delete", kind, name, "--cascade=foreground", "--wait=false"]);
                }
            }
            // One request each, for Flux sorts what it deletes at once.
            Tool::Flux(program) => {
                for (kind, name) in objects {
                    let object = json!({
                        "apiVersion": "weir.dev/v1alpha1",
                        "kind": kind,
                        "metadata": {"name": name, "namespace": bed.namespace()},
                    });
                    let done = ask(program, "flux-prune", &request(bed, vec![object])).unwrap();
                    let actions: Vec<&Value> = done.as_object().unwrap().values().collect();
                    assert_eq!(actions, ["deleted"], "{kind} {name}");
                }
            }
        }
    }

    fn reconcile(&self, bed: &RealCluster, manifests: &str) -> Value {
        let Tool::Flux(program) = self else { unreachable!("only Flux reconciles by its own module") };
        let mut objects = manifest::parse(manifests).unwrap();
        for object in &mut objects {
            object["metadata"]["namespace"] = bed.namespace().into();
        }
        ask(program, "flux-apply", &request(bed, objects)).unwrap_or_else(|said| panic!("not accepted: {said}"))
    }
}

/// The options are those of Argo CD's documentation of `ServerSideApply=true`.
const ARGOCD_APPLY: [&str; 6] =
    ["apply", "--server-side", "--force-conflicts", "--field-manager=argocd-controller", "--filename", "-"];

fn request(bed: &RealCluster, objects: Vec<Value>) -> Value {
    let kubeconfig = bed.kubernetes.cluster.kubeconfig();
    json!({"kubeconfig": kubeconfig, "name": "shop", "namespace": "flux-system", "objects": objects})
}

/// Manifests with the annotation by which Argo CD knows its objects again.
fn tracked(bed: &RealCluster, manifests: &str) -> String {
    let mut objects = manifest::parse(manifests).unwrap();
    for object in &mut objects {
        let id = format!("shop:weir.dev/{}:{}/{}", object["kind"], bed.namespace(), object["metadata"]["name"]);
        object["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = id.replace('"', "").into();
    }
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}

/// What a server-side diff finds: the object after a dry run of the apply, against the object as it is.
fn predicted_differences(bed: &RealCluster, manifests: &str) -> Vec<String> {
    let arguments =
        [&ARGOCD_APPLY[..], &["--namespace", bed.namespace(), "--dry-run=server", "--output=json"]].concat();
    let predicted = bed.kubernetes.cluster.try_kubectl(&arguments, &tracked(bed, manifests)).unwrap();
    let predicted: Value = serde_json::from_str(&predicted).unwrap();
    // One object comes without a list around it.
    let predicted = predicted["items"].as_array().cloned().unwrap_or_else(|| vec![predicted]);
    let mut found = Vec::new();
    for wanted in predicted {
        let (kind, name) = (wanted["kind"].as_str().unwrap(), wanted["metadata"]["name"].as_str().unwrap());
        let live = (bed as &dyn Bed).find(&format!("{}s", kind.to_lowercase()), name);
        let subject = format!("{kind}/{name}");
        if live.map(plain) != Some(plain(wanted)) {
            found.push(subject);
        }
    }
    found
}

/// An object without what each write changes, and without its status, which changes by itself.
fn plain(mut object: Value) -> Value {
    let metadata = object["metadata"].as_object_mut().unwrap();
    for field in ["managedFields", "resourceVersion"] {
        metadata.remove(field);
    }
    object.as_object_mut().unwrap().remove("status");
    object
}
