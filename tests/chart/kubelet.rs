//! A node for the pods of the chart, without containers.
//!
//! Kubernetes' own controllers make pods of a Deployment. Here `weir run` is started for each of them with the arguments
//! and the environment of its container, and with a token of its service account that is bound to the pod, as a kubelet
//! asks for it. Only where things are is said anew: the kubeconfig, the port and AWS. A pod is ready when its probe says
//! so, and a pod that is deleted gets SIGTERM and the time that its template grants.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fs, mem};

use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Binding, ObjectReference, Pod, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::bed::Cluster;
use crate::bed::places;
use crate::bed::server::Server;
use crate::conformance::{address, client, get};

/// How often the pods are looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// A node that runs the pods of a namespace until it is dropped.
pub(crate) struct Kubelet {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Kubelet {
    /// A node for a namespace of the cluster. The variables come on top of those of the containers: where AWS is.
    pub(crate) fn start(cluster: &Cluster, namespace: &str, variables: Vec<(&'static str, String)>) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let kubeconfig = fs::read_to_string(cluster.kubeconfig()).unwrap();
        let kubeconfig: Value = serde_json::from_str(&kubeconfig).unwrap();
        let (namespace, path, end) = (namespace.to_owned(), cluster.kubeconfig().to_owned(), Arc::clone(&ended));
        let body = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let node = Node { client: client(&path).await, namespace, kubeconfig, variables };
                let mut running = BTreeMap::new();
                while !end.load(Ordering::Relaxed) {
                    node.look(&mut running).await;
                    tokio::time::sleep(GLANCE).await;
                }
            });
        };
        Self { ended, thread: Some(thread::Builder::new().name("kubelet".to_owned()).spawn(body).unwrap()) }
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let ended = mem::take(&mut self.thread).map(JoinHandle::join);
        assert!(thread::panicking() || !matches!(ended, Some(Err(_))), "the node has failed; its words are above");
    }
}

struct Node {
    client: Client,
    namespace: String,
    /// The administrator's.
    kubeconfig: Value,
    variables: Vec<(&'static str, String)>,
}

/// The process of a pod.
struct Running {
    server: Server,
    is_ready: bool,
}

impl Node {
    async fn look(&self, running: &mut BTreeMap<String, Running>) {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        for pod in pods.list(&ListParams::default()).await.unwrap() {
            let name = pod.metadata.name.clone().unwrap();
            if pod.metadata.deletion_timestamp.is_some() {
                let grace = pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds).unwrap();
                if let Some(Running { server, .. }) = running.remove(&name) {
                    let ended = server.terminate(u32::try_from(grace).unwrap());
                    assert_eq!(ended, Ok(0), "the pod {name} ends well, and in time");
                }
                pods.delete(&name, &DeleteParams::default().grace_period(0)).await.unwrap();
            } else if let Some(running) = running.get_mut(&name) {
                if running.server.has_ended() {
                    let said = running.server.log();
                    assert!(address(&said).is_none(), "the pod {name} had begun, and has ended:\n{said}");
                    // As a kubelet does: the kinds may not be served yet when the first containers start.
                    running.server = self.run(&pod).await;
                }
                self.probe(&pods, &pod, running).await;
            } else {
                bind(&pods, &name).await;
                running.insert(name, Running { server: self.run(&pod).await, is_ready: false });
            }
        }
    }

    /// Starts the container of a pod.
    async fn run(&self, pod: &Pod) -> Server {
        let (name, spec) = (pod.metadata.name.clone().unwrap(), pod.spec.as_ref().unwrap());
        let folder = places::scratch("pod").unwrap();
        let kubeconfig = folder.join("kubeconfig");
        fs::write(&kubeconfig, self.kubeconfig_of(pod).await.to_string()).unwrap();
        let [container] = &spec.containers[..] else { panic!("the pod {name} has one container") };
        let variables = container.env.iter().flatten().map(|variable| {
            (variable.name.clone(), variable.value.clone().expect("a variable has its value in the template"))
        });
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_weir"));
        command
            .args(container.args.iter().flatten())
            .envs(variables)
            .envs(self.variables.iter().cloned())
            .env("KUBECONFIG", kubeconfig)
            .env("WEIR_LISTEN", "127.0.0.1:0")
            .env("HOSTNAME", &name);
        Server::start("a pod's weir run", folder, &command).unwrap_or_else(|said| panic!("{said}"))
    }

    /// A kubeconfig with the rights of a pod.
    async fn kubeconfig_of(&self, pod: &Pod) -> Value {
        let (metadata, spec) = (&pod.metadata, pod.spec.as_ref().unwrap());
        assert_eq!(spec.automount_service_account_token, Some(true), "a pod gets a token");
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &self.namespace);
        let bound_object_ref = BoundObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: metadata.name.clone(),
            uid: metadata.uid.clone(),
        };
        let spec_of_token = TokenRequestSpec { bound_object_ref: Some(bound_object_ref), ..Default::default() };
        let request = TokenRequest { spec: spec_of_token, ..TokenRequest::default() };
        let account = spec.service_account_name.as_deref().expect("a pod has a service account");
        let token = accounts.create_token_request(account, &PostParams::default(), &request).await.unwrap();
        let mut kubeconfig = self.kubeconfig.clone();
        kubeconfig["users"][0]["user"]["token"] = json!(token.status.unwrap().token);
        kubeconfig["contexts"][0]["context"]["namespace"] = json!(self.namespace);
        kubeconfig
    }

    /// Asks a container whether it is ready, as its probe says.
    async fn probe(&self, pods: &Api<Pod>, pod: &Pod, running: &mut Running) {
        let container = &pod.spec.as_ref().unwrap().containers[0];
        let path = |probe: &Option<k8s_openapi::api::core::v1::Probe>| {
            let asked = probe.as_ref().and_then(|probe| probe.http_get.as_ref()).expect("a container has its probes");
            asked.path.clone().unwrap()
        };
        let Some(address) = address(&running.server.log()) else { return };
        let says_yes = |path: String| get(&address, &path).is_ok_and(|(status, _)| status == 200);
        let is_ready = says_yes(path(&container.readiness_probe));
        assert!(says_yes(path(&container.liveness_probe)), "a pod that tells where it listens is live");
        if is_ready != running.is_ready {
            running.is_ready = is_ready;
            let ready = if is_ready { "True" } else { "False" };
            let conditions = ["Ready", "ContainersReady"].map(|kind| json!({"type": kind, "status": ready}));
            let status = json!({"status": {"phase": "Running", "conditions": conditions}});
            let name = pod.metadata.name.as_deref().unwrap();
            pods.patch_status(name, &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
        }
    }
}

/// Takes a pod to this node.
async fn bind(pods: &Api<Pod>, name: &str) {
    let target =
        ObjectReference { kind: Some("Node".to_owned()), name: Some("bed".to_owned()), ..ObjectReference::default() };
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let binding = Binding { metadata, target };
    pods.create_subresource::<Binding, Value>("binding", name, &PostParams::default(), &binding).await.unwrap();
}
