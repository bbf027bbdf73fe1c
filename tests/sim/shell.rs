//! A running `weir sim`, and a shell that was led to it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::bed::server::Server;
use crate::bed::{Cluster, aws_cli, places, real_cluster};

/// How long the world may take to answer.
const START_SECONDS: u32 = 60;

/// A running world.
pub(crate) struct Sim {
    server: Server,
    folder: PathBuf,
    tools: String,
    /// Of a cluster that is asked in the place of the simulated one.
    kubeconfig: Option<PathBuf>,
    /// What runs in the shell besides.
    beside: Vec<Server>,
}

impl Sim {
    /// Serves a world of files; `None` where kubectl or the AWS CLI are missing.
    pub(crate) fn start(files: &[&str]) -> Option<Self> {
        Self::start_with(&[], files)
    }

    /// The same, with more arguments.
    pub(super) fn start_with(arguments: &[&str], files: &[&str]) -> Option<Self> {
        let (cluster, aws) = (real_cluster()?, aws_cli()?);
        let tools = tools(cluster, &aws);
        let folder = places::scratch("sim-files").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command.arg("sim").args(arguments).arg("--dir").arg(&folder);
        for file in files {
            command.arg("-f").arg(places::top().join(file));
        }
        let server = Server::start("weir sim", places::scratch("sim").unwrap(), &command).unwrap();
        let mut sim = Self { server, folder, tools, kubeconfig: None, beside: Vec::new() };
        let env = sim.env();
        let ready = |_: &Server| env.exists().then_some(());
        sim.server.wait_until(START_SECONDS, ready).unwrap_or_else(|said| panic!("{said}"));
        Some(sim)
    }

    /// The same, with a cluster in the place of the simulated one: what is simulated is AWS alone.
    pub(super) fn beside(mut self, cluster: &Cluster) -> Self {
        self.kubeconfig = Some(cluster.kubeconfig().to_owned());
        self
    }

    /// The file by which clients of Kubernetes find the world.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// The file of shell variables.
    pub(super) fn env(&self) -> PathBuf {
        self.folder.join("env")
    }

    /// Runs a command line as a user does who has read the variables; what it prints, and as an error what it says when it
    /// fails.
    pub(super) fn try_run(&self, line: &str) -> Result<String, String> {
        let Output { status, stdout, stderr } = self.shell(line).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if status.success() { Ok(text(&stdout)) } else { Err(format!("{}{}", text(&stdout), text(&stderr))) }
    }

    /// Runs a command line that must succeed.
    #[track_caller]
    pub(crate) fn run(&self, line: &str) -> String {
        self.try_run(line).unwrap_or_else(|said| panic!("{line}: {said}\n{}", self.server.log()))
    }

    /// Runs a command line that must fail; what it says.
    #[track_caller]
    pub(super) fn fails(&self, line: &str) -> String {
        self.try_run(line).map_or_else(|said| said, |said| panic!("{line} succeeds: {said}"))
    }

    /// Starts `weir run` in the same shell.
    pub(super) fn start_controller(&mut self) {
        let line = format!("{} run --owner-id sim --allow-everything --listen 127.0.0.1:0", env!("CARGO_BIN_EXE_weir"));
        self.beside.push(self.start_beside("weir run", &line));
    }

    /// Starts a command line that goes on until it is dropped.
    pub(super) fn start_beside(&self, name: &'static str, line: &str) -> Server {
        Server::start(name, places::scratch("sim-shell").unwrap(), &self.shell(&format!("exec {line}"))).unwrap()
    }

    /// Ends the world as a service manager does; its exit code.
    pub(super) fn terminate(self) -> i32 {
        self.server.terminate(30).unwrap()
    }

    fn shell(&self, line: &str) -> Command {
        let mut shell = Command::new("sh");
        let cluster = self.kubeconfig.as_ref().map(|path| format!("export KUBECONFIG={}; ", path.display()));
        let line = format!(". {}; {}{line}", self.env().display(), cluster.unwrap_or_default());
        shell.args(["-c", &line]).current_dir(places::top()).env_clear();
        shell.env("PATH", &self.tools).env("HOME", &self.folder).envs([("AWS_PAGER", ""), ("LC_ALL", "C.UTF-8")]);
        shell
    }
}

/// Where tools are looked for.
fn tools(cluster: &Cluster, aws: &Path) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let (kubectl, aws) = (cluster.kubectl_folder().display(), aws.parent().unwrap().display());
    format!("{kubectl}:{aws}:{path}")
}
