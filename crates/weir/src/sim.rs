//! `weir sim`: the simulated world on loopback, for everybody's own tools.
//!
//! Both faces are those of the laboratory: nothing is simulated here. What is here brings them onto ports, makes a world of
//! files, and tells tools the way.

mod access;
mod control;
mod serve;
mod stage;

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use console::style;
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use weir_lab::control::Control;

use access::Access;

use crate::files;

/// Serve a simulated AWS and Kubernetes on loopback, for kubectl, the AWS CLI and weir run
///
/// Both can be reached from this machine only. When they answer, a kubeconfig and a file of shell variables are written that
/// lead tools there. Nothing is kept: with the process the world ends. The kinds of Weir are there from the start; what there
/// is on AWS is made by calls, or by files given with -f.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Sim {
    /// Where the files kubeconfig and env are written; a new folder for temporary files, if not given
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// From which all chance in the simulated world is drawn
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// How many times as fast as life the world does what it does by itself, such as checking the health of targets; by its
    /// clock are the times that it tells
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    speed: u32,

    /// A policy of IAM, such as weir iam-policy prints: whoever signs with the access key `restricted` may do what it allows and
    /// no more; all others may do everything
    #[arg(long, value_name = "FILE")]
    iam: Option<PathBuf>,

    /// What there is on AWS: a world file, or manifests of Weir, for which is made what they name; a folder stands for the
    /// YAML and JSON files in it
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    files: Vec<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  weir sim -f examples/release
  weir sim --dir sim --speed 10 -f examples/sim/release.yaml

Then, in another shell, with the folder that is told:
  . sim/env
  kubectl get crds
  aws elbv2 describe-load-balancers
  weir run --owner-id sim --allow-everything";

/// Why the world is not there, or has ended.
#[derive(Debug, Error)]
pub enum Error {
    #[error("cannot listen on loopback: {0}")]
    Listen(io::Error),
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
    #[error(transparent)]
    Files(#[from] files::Error),
    #[error("cannot write {}: {cause}; give a folder that may be written to with --dir", path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

/// Serves the world until told to end.
pub fn run(arguments: &Sim) -> Result<ExitCode, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Listen)?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
        let stage = stage::set(arguments.seed, arguments.speed, &arguments.files)?;
        if let Some(policy) = &arguments.iam {
            stage.restrict(policy)?;
        }
        let control = Arc::new(Control::new(&stage.aws, &stage.kube));
        let ports = Ports {
            aws: serve::aws(&control).await.map_err(Error::Listen)?,
            kube: serve::kube(&control).await.map_err(Error::Listen)?,
            control: serve::serve(control::router(Arc::clone(&control), arguments.seed))
                .await
                .map_err(Error::Listen)?,
        };
        let access = Access::write(arguments.dir.as_deref(), &ports, &stage.aws.region())?;
        introduce(&access, &ports)?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = stage.go_on(&control) => {}
        }
        access.remove();
        Ok(ExitCode::SUCCESS)
    })
}

/// Where the world can be reached.
struct Ports {
    aws: SocketAddr,
    kube: SocketAddr,
    control: SocketAddr,
}

fn introduce(access: &Access, ports: &Ports) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let env = access.env();
    let Ports { aws, kube, control } = ports;
    writeln!(out, "{}: AWS at http://{aws}, Kubernetes at http://{kube}", style("weir sim").bold())?;
    writeln!(out, "what may be done to them: curl http://{control}")?;
    writeln!(out, "\nIn another shell:\n  . {env}\n  kubectl get crds\n  aws elbv2 describe-load-balancers")?;
    writeln!(out, "  weir run --owner-id sim --allow-everything")?;
    let how = if io::stdin().is_terminal() { "Ctrl-C" } else { "SIGTERM" };
    writeln!(out, "\n{how} ends it, and nothing is kept.")?;
    out.flush()
}
