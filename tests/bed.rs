//! The real test bed: a Kubernetes API server, moto and the AWS CLI, none of which was written here.
//!
//! A test asks for what it needs and goes on only if it gets it: where Go or Python is missing the test is skipped
//! aloud (see [`skipping`]), and with `WEIR_REQUIRE_REAL=1` it fails instead. What is there but does not start is a
//! failure in any case. Nothing needs openssl, Docker or a privilege, and no server outlives the test process.
//!
//! One Kubernetes server serves the whole test process: tests keep apart by namespaces of their own
//! ([`Cluster::namespace`]); what looks at all namespaces has a server of its own ([`own_cluster`]). The state of moto is one for each of its processes: [`moto`] hands out one that is shared
//! in turns and empty at the start of each turn, [`own_moto`] starts another one.

mod binaries;
mod cluster;
mod kinds;
pub(crate) mod moto;
pub(crate) mod pages;
pub(crate) mod places;
mod python;
pub(crate) mod server;
mod skipping;
#[cfg(test)]
mod tests;
mod waiting;

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use binaries::Tool;
pub(crate) use cluster::Cluster;
use cluster::Programs;
pub(crate) use moto::Moto;
use python::Python;
use skipping::found_or_skipped;
pub(crate) use waiting::eventually;

/// The Kubernetes server of this test process, with etcd below it and no controllers: nothing but the test acts in it,
/// so namespaces are not emptied on deletion and nothing is garbage-collected.
pub(crate) fn real_cluster() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Result<Cluster, String>> = OnceLock::new();
    let programs = found_or_skipped(Programs::find())?;
    Some(started(CLUSTER.get_or_init(|| Cluster::start(programs))))
}

/// A Kubernetes server of the caller's own, for what looks at all namespaces; it ends when it is dropped.
pub(crate) fn own_cluster() -> Option<Cluster> {
    let programs = found_or_skipped(Programs::find())?;
    Some(Cluster::start(programs).unwrap_or_else(|reason| panic!("{reason}")))
}

/// A Kubernetes server of the caller's own, with Kubernetes' own controllers.
pub(crate) fn own_cluster_with_controllers() -> Option<Cluster> {
    let manager = found_or_skipped(Tool::KubeControllerManager.find())?;
    let cluster = own_cluster()?;
    started(cluster.controllers(&manager));
    Some(cluster)
}

/// The Kubernetes server of this test process, with Kubernetes' own controllers running from now on.
pub(crate) fn real_cluster_with_controllers() -> Option<&'static Cluster> {
    let manager = found_or_skipped(Tool::KubeControllerManager.find())?;
    let cluster = real_cluster()?;
    started(cluster.controllers(&manager));
    Some(cluster)
}

/// The moto of this test process, for this caller alone until the value is dropped, and empty.
pub(crate) fn moto() -> Option<MotoTurn> {
    static MOTO: OnceLock<Result<Mutex<Moto>, String>> = OnceLock::new();
    let python = found_or_skipped(Python::prepare())?;
    let shared = started(MOTO.get_or_init(|| Moto::start(python).map(Mutex::new)));
    // A test that failed while it had its turn leaves nothing behind that the reset does not take away.
    let turn = shared.lock().unwrap_or_else(PoisonError::into_inner);
    turn.reset();
    Some(MotoTurn(turn))
}

/// A moto of the caller's own; it ends when it is dropped.
pub(crate) fn own_moto() -> Option<Moto> {
    let python = found_or_skipped(Python::prepare())?;
    Some(Moto::start(python).unwrap_or_else(|reason| panic!("{reason}")))
}

/// Helm.
pub(crate) fn helm() -> Option<PathBuf> {
    found_or_skipped(Tool::Helm.find())
}

/// Prometheus' own judge of rules.
pub(crate) fn promtool() -> Option<PathBuf> {
    found_or_skipped(Tool::Promtool.find())
}

/// Files with the definitions of the Prometheus operator's kinds that the chart uses.
pub(crate) fn monitoring_kinds() -> Option<Vec<PathBuf>> {
    found_or_skipped(kinds::MONITORING.find())
}

/// The file with the definition of Argo CD's kind `Application`.
pub(crate) fn argocd_kinds() -> Option<Vec<PathBuf>> {
    found_or_skipped(kinds::ARGOCD.find())
}

/// The program that judges, applies and removes as GitOps tools do.
pub(crate) fn gitops() -> Option<PathBuf> {
    found_or_skipped(Tool::Gitops.find())
}

/// The AWS CLI.
pub(crate) fn aws_cli() -> Option<PathBuf> {
    Some(found_or_skipped(Python::prepare())?.program("aws"))
}

/// The right to use the shared moto.
pub(crate) struct MotoTurn(MutexGuard<'static, Moto>);

impl Deref for MotoTurn {
    type Target = Moto;

    fn deref(&self) -> &Moto {
        &self.0
    }
}

/// What has started, or a failure of the test: a server that is there and does not start is never a reason to skip.
fn started<T>(start: &Result<T, String>) -> &T {
    start.as_ref().unwrap_or_else(|reason| panic!("{reason}"))
}
