//! A Kubernetes API server with etcd, on loopback ports, and kubectl for it.
//!
//! The server makes its own certificate when it starts. Its key also signs the service account tokens, so that no other
//! program is needed to make keys: a service account token is judged by the same process that issued it.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::binaries::Tool;
use super::places;
use super::server::{Server, free_ports};
use super::waiting::eventually;

/// A slow machine that also compiles takes its time.
const START_SECONDS: u32 = 120;

/// The file in the API server's folder that audit events go to.
const AUDIT_LOG: &str = "audit.log";

/// The controllers of Kubernetes that a test may ask for: those that end what is deleted, make the pods of Deployments,
/// and add rules to the roles that Kubernetes brings.
const CONTROLLERS: &str = "--controllers=namespace-controller,garbage-collector-controller,deployment-controller,\
                           replicaset-controller,clusterrole-aggregation-controller";

/// The programs that a cluster needs.
#[derive(Clone)]
pub(crate) struct Programs {
    etcd: PathBuf,
    kube_apiserver: PathBuf,
    kubectl: PathBuf,
}

impl Programs {
    /// Finds or builds them; or says what is missing.
    pub(crate) fn find() -> Result<&'static Programs, String> {
        static PROGRAMS: OnceLock<Result<Programs, String>> = OnceLock::new();
        let found = PROGRAMS.get_or_init(|| {
            Ok(Programs {
                etcd: Tool::Etcd.find()?,
                kube_apiserver: Tool::KubeApiserver.find()?,
                kubectl: Tool::Kubectl.find()?,
            })
        });
        found.as_ref().map_err(String::clone)
    }
}

/// Who asked for what is noted of service accounts alone: what they may do is on trial, and they ask seldom.
const AUDIT_POLICY: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: Metadata, userGroups: [\"system:serviceaccounts\"]}
  - {level: None}
";

/// A running Kubernetes API server whose only user is a cluster administrator.
pub(crate) struct Cluster {
    programs: Programs,
    kubeconfig: PathBuf,
    controllers: OnceLock<Result<Server, String>>,
    servers: [Server; 2],
}

impl Cluster {
    /// Starts etcd and the API server and waits until the latter is ready.
    pub(crate) fn start(programs: &Programs) -> Result<Cluster, String> {
        let mut attempt = 1;
        loop {
            match Cluster::start_on_free_ports(programs) {
                // Another process was quicker to take a port that was free when it was looked for.
                Err(reason) if reason.contains("address already in use") && attempt < 3 => {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn start_on_free_ports(programs: &Programs) -> Result<Cluster, String> {
        let [client_port, peer_port, api_port] = free_ports()?;
        let etcd = start_etcd(programs, client_port, peer_port)?;
        let folder = places::scratch("kube-apiserver")?;
        let token = random_token()?;
        let kubeconfig = folder.join("kubeconfig");
        write(&folder.join("tokens.csv"), &format!("{token},admin,1,\"system:masters\"\n"))?;
        write(&folder.join("audit.yaml"), AUDIT_POLICY)?;
        write(&kubeconfig, &kubeconfig_text(&folder, api_port, &token))?;
        let mut apiserver = start_apiserver(programs, folder, client_port, api_port)?;
        apiserver.wait_until(START_SECONDS, |_| {
            let answer = kubectl(&programs.kubectl, &kubeconfig).args(["get", "--raw=/readyz"]).output().ok()?;
            (answer.stdout == b"ok").then_some(())
        })?;
        Ok(Cluster { programs: programs.clone(), kubeconfig, controllers: OnceLock::new(), servers: [apiserver, etcd] })
    }

    /// The folder of kubectl, for scripts that call it by its name.
    pub(crate) fn kubectl_folder(&self) -> &Path {
        self.programs.kubectl.parent().expect("a program is in a folder")
    }

    /// The file that lets any Kubernetes client in, as an administrator.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// What service accounts have asked the API server for, as audit events of `audit.k8s.io/v1` in their order.
    pub(crate) fn asked_by_service_accounts(&self) -> Vec<Value> {
        let [apiserver, _] = &self.servers;
        let log = fs::read_to_string(apiserver.folder().join(AUDIT_LOG)).unwrap_or_default();
        // The last line may be in the making.
        let lines = log.lines().filter_map(|line| serde_json::from_str(line).ok());
        lines.collect()
    }

    /// Makes a namespace that no other test uses; its name begins with `prefix`.
    pub(crate) fn namespace(&self, prefix: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.kubectl(&["create", "namespace", &name]);
        name
    }

    /// What kubectl prints for these arguments; the test fails with kubectl's words if kubectl does.
    #[track_caller]
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        self.try_kubectl(arguments, "").unwrap_or_else(|said| panic!("kubectl {}: {said}", arguments.join(" ")))
    }

    /// Applies manifests, given as YAML or JSON; returns what kubectl printed.
    #[track_caller]
    pub(crate) fn apply(&self, manifests: &str) -> String {
        self.try_kubectl(&["apply", "-f", "-"], manifests)
            .unwrap_or_else(|said| panic!("kubectl apply: {said}\n{manifests}"))
    }

    /// Waits until kubectl knows these kinds, each named by its resource and its group, and the API server serves them.
    ///
    /// That a definition is `Established` comes a moment before both; and `kubectl wait` fails where a definition is so new
    /// that its conditions are `null`.
    #[track_caller]
    pub(crate) fn await_kinds(&self, kinds: &[String]) {
        let kinds = kinds.join(",");
        let get = ["get", &kinds, "--all-namespaces", "--output=name"];
        eventually(&format!("{kinds} are served"), || self.try_kubectl(&get, ""));
    }

    /// What kubectl prints for these arguments and this standard input; as an error what it says when it fails.
    pub(crate) fn try_kubectl(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut running = kubectl(&self.programs.kubectl, &self.kubeconfig)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{} does not run: {error}", self.programs.kubectl.display()))?;
        if let Some(mut stdin) = running.stdin.take() {
            // A kubectl that does not read ends by itself and says why.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = running.wait_with_output().map_err(|error| format!("kubectl was lost: {error}"))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Starts Kubernetes' own controllers, unless they run already.
    pub(crate) fn controllers(&self, manager: &Path) -> &Result<Server, String> {
        self.controllers.get_or_init(|| {
            let mut command = Command::new(manager);
            command.arg(format!("--kubeconfig={}", self.kubeconfig.display())).args([
                CONTROLLERS,
                "--leader-elect=false",
                "--secure-port=0",
            ]);
            let mut manager =
                Server::start("kube-controller-manager", places::scratch("kube-controller-manager")?, &command)?;
            manager.wait_until(START_SECONDS, |manager| {
                manager.log().contains("Proceeding to collect garbage").then_some(())
            })?;
            Ok(manager)
        })
    }
}

fn start_etcd(programs: &Programs, client_port: u16, peer_port: u16) -> Result<Server, String> {
    let folder = places::scratch("etcd")?;
    let client_url = format!("http://127.0.0.1:{client_port}");
    let mut command = Command::new(&programs.etcd);
    command
        .arg(format!("--data-dir={}", folder.join("data").display()))
        .args([format!("--listen-client-urls={client_url}"), format!("--advertise-client-urls={client_url}")])
        .arg(format!("--listen-peer-urls=http://127.0.0.1:{peer_port}"))
        // Nothing here is to survive a loss of power.
        .arg("--unsafe-no-fsync");
    let mut etcd = Server::start("etcd", folder, &command)?;
    etcd.wait_until(START_SECONDS, |_| TcpStream::connect(("127.0.0.1", client_port)).ok())?;
    Ok(etcd)
}

fn start_apiserver(programs: &Programs, folder: PathBuf, etcd_port: u16, port: u16) -> Result<Server, String> {
    let in_folder = |flag: &str, name: &str| format!("--{flag}={}", folder.join(name).display());
    let mut command = Command::new(&programs.kube_apiserver);
    command
        .arg(format!("--etcd-servers=http://127.0.0.1:{etcd_port}"))
        .arg(format!("--secure-port={port}"))
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--service-cluster-ip-range=10.0.0.0/24"])
        .arg(in_folder("cert-dir", "certificates"))
        .arg(in_folder("token-auth-file", "tokens.csv"))
        .arg(in_folder("service-account-key-file", "certificates/apiserver.key"))
        .arg(in_folder("service-account-signing-key-file", "certificates/apiserver.key"))
        .arg("--service-account-issuer=https://localhost")
        .arg("--authorization-mode=RBAC")
        .arg(in_folder("audit-policy-file", "audit.yaml"))
        .arg(in_folder("audit-log-path", AUDIT_LOG));
    Server::start("kube-apiserver", folder, &command)
}

/// A kubectl that knows this cluster alone and leaves nothing in the user's home folder.
fn kubectl(program: &Path, kubeconfig: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("KUBECONFIG", kubeconfig).env("KUBECACHEDIR", kubeconfig.with_file_name("kubectl-cache"));
    command
}

fn kubeconfig_text(folder: &Path, port: u16, token: &str) -> String {
    let server = format!("https://127.0.0.1:{port}");
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": {
            "server": server,
            "certificate-authority": folder.join("certificates/apiserver.crt"),
        }}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "admin"}}],
        "current-context": "testbed",
    })
    .to_string()
}

/// A token that no other server accepts, should two ever meet on a port.
fn random_token() -> Result<String, String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| std::io::Read::read_exact(&mut source, &mut bytes))
        .map_err(|error| format!("/dev/urandom cannot be read: {error}"))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()))
}
