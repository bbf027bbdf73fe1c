//! The Kubernetes half of the beds with a real API server: the user has kubectl, and looking often goes by a client.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::bed::{Cluster, eventually, real_cluster};

use super::manifests::{kinds, kinds_without_rules};
use super::process;

/// The longest that kubectl waits for a condition.
const WAIT: &str = "--timeout=60s";

/// A namespace of the real API server.
pub(crate) struct Kubernetes {
    pub(crate) cluster: &'static Cluster,
    pub(crate) namespace: String,
    runtime: Runtime,
    client: Client,
}

impl Kubernetes {
    /// A namespace of a case's own on the real API server, which has Weir's kinds by then.
    pub(crate) fn open() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let cluster = real_cluster()?;
        install_kinds(cluster);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async { client(cluster.kubeconfig()).await });
        // Always of one length, so that what is printed is aligned alike.
        let namespace = format!("n{:03}", NEXT.fetch_add(1, Ordering::Relaxed));
        let made = Namespace {
            metadata: ObjectMeta { name: Some(namespace.clone()), ..ObjectMeta::default() },
            ..Namespace::default()
        };
        runtime.block_on(Api::all(client.clone()).create(&PostParams::default(), &made)).unwrap();
        Some(Self { cluster, namespace, runtime, client })
    }

    /// Lets real time pass.
    pub(crate) fn pass(&self, span: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(span).await });
    }

    /// What is asked of the API server itself.
    pub(crate) fn ask<'a, T>(&'a self, question: impl AsyncFnOnce(&'a Client) -> T) -> T {
        self.runtime.block_on(question(&self.client))
    }

    /// What kubectl prints in the case's namespace.
    #[track_caller]
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        self.cluster.kubectl(&[&["--namespace", &self.namespace], arguments].concat())
    }

    pub(crate) fn try_apply(&self, manifests: &str) -> Result<(), String> {
        self.cluster.try_kubectl(&["--namespace", &self.namespace, "apply", "-f", "-"], manifests).map(drop)
    }

    /// Applies what the present rules refuse, while the kinds are without them for a moment.
    #[track_caller]
    pub(crate) fn apply_from_before(&self, manifests: &str) {
        let _alone = rules();
        self.define(&kinds_without_rules());
        eventually("the kinds are without rules", || self.try_apply(manifests));
        self.define(&kinds());
        let arguments = ["--namespace", &self.namespace, "create", "--dry-run=server", "-f", "-"];
        let another = manifests.replace("metadata: {name: ", "metadata: {name: another-");
        let refused = || self.cluster.try_kubectl(&arguments, &another).map_or_else(|_| Ok(()), Err);
        eventually("the kinds have their rules again", refused);
    }

    fn define(&self, kinds: &[Value]) {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": kinds}).to_string();
        let arguments = ["apply", "--server-side", "-f", "-"];
        self.cluster.try_kubectl(&arguments, &list).unwrap_or_else(|said| panic!("the kinds are refused: {said}"));
    }

    #[track_caller]
    pub(crate) fn patch(&self, resource: &str, name: &str, patch: &Value) {
        let patched = self.request(resource, async |api| {
            api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.map(drop)
        });
        patched.unwrap_or_else(|error| panic!("{resource} {name} is not changed by {patch}: {error}"));
    }

    #[track_caller]
    pub(crate) fn wipe_status(&self, resource: &str, name: &str) {
        let patch = json!({"status": null});
        let wiped = self.request(resource, async |api| {
            api.patch_status(name, &PatchParams::default(), &Patch::Merge(&patch)).await.map(drop)
        });
        wiped.unwrap_or_else(|error| panic!("{resource} {name} keeps its status: {error}"));
    }

    #[track_caller]
    pub(crate) fn delete(&self, resource: &str, name: &str) {
        let deleted = self.request(resource, async |api| api.delete(name, &DeleteParams::default()).await.map(drop));
        deleted.unwrap_or_else(|error| panic!("{resource} {name} is not deleted: {error}"));
    }

    #[track_caller]
    pub(crate) fn list(&self, resource: &str) -> Vec<Value> {
        let listed = self.request(resource, async |api| api.list(&ListParams::default()).await);
        let listed = listed.unwrap_or_else(|error| panic!("{resource} cannot be listed: {error}"));
        listed.items.into_iter().map(|object| serde_json::to_value(object).unwrap()).collect()
    }

    /// A request about one of Weir's kinds in the namespace. A kubectl for each would keep the machine busy.
    fn request<T>(
        &self,
        resource: &str,
        ask: impl AsyncFnOnce(Api<DynamicObject>) -> Result<T, kube::Error>,
    ) -> Result<T, kube::Error> {
        let api = Api::namespaced_with(self.client.clone(), &self.namespace, &api_resource(resource));
        self.runtime.block_on(ask(api))
    }

    #[track_caller]
    pub(crate) fn await_condition(&self, resource: &str, name: &str, condition: &str) -> Result<(), String> {
        let condition = format!("--for=condition={condition}");
        let arguments = ["--namespace", &self.namespace, "wait", &format!("{resource}/{name}"), &condition, WAIT];
        self.cluster.try_kubectl(&arguments, "").map(drop)
    }
}

/// A client of a real API server. Must be called inside the runtime in which it is used.
pub(crate) async fn client(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// Installs Weir's kinds once, as the program's help says. What the program says before that is kept: later there is
/// no API server without the kinds to try it on.
pub(crate) fn install_kinds(cluster: &Cluster) -> &'static str {
    static SAID_BEFORE: OnceLock<String> = OnceLock::new();
    SAID_BEFORE.get_or_init(|| {
        let said = process::said_at_once("127.0.0.1:0", &["--kubeconfig", &cluster.kubeconfig().to_string_lossy()]);
        define_kinds(cluster);
        said
    })
}

/// Installs Weir's kinds as the program's help says, and waits until they can be used.
pub(crate) fn define_kinds(cluster: &Cluster) {
    let definitions = process::definitions();
    let arguments = ["apply", "--server-side", "-f", "-"];
    cluster.try_kubectl(&arguments, &definitions).unwrap_or_else(|said| panic!("the kinds are refused: {said}"));
    let kinds: Vec<String> = weir_api::crds().into_iter().map(|kind| kind.metadata.name.unwrap()).collect();
    cluster.await_kinds(&kinds);
}

/// The right to rely on the rules of the kinds, or to take them away for a moment.
pub(crate) fn rules() -> MutexGuard<'static, ()> {
    static RULES: Mutex<()> = Mutex::new(());
    RULES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn api_resource(resource: &str) -> ApiResource {
    let kind = weir_api::crds().into_iter().find(|kind| kind.spec.names.plural == resource);
    let kind = kind.unwrap_or_else(|| panic!("{resource} are none of Weir's kinds")).spec.names.kind;
    ApiResource {
        group: weir_api::GROUP.to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: format!("{}/v1alpha1", weir_api::GROUP),
        kind,
        plural: resource.to_owned(),
    }
}
