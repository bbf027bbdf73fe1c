//! The bed with a real API server and the simulated AWS: the controllers in this process, on the machine's clock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::oneshot;
use weir_controller::{Grants, Metrics, Settings};
use weir_sim::aws::{Aws, AwsOptions};
use weir_sim::clock::Clock;

use crate::bed::Cluster;

use super::account::{self, Account};
use super::bed::{Bed, LEASE, OWNER, Place, ROUND, Weights};
use super::kubernetes::{Kubernetes, client};

/// How long the world goes on after a kill: what was sent to AWS arrives there.
const ON_THE_WAY: Duration = Duration::from_millis(100);

/// Runs a case here, unless what it needs is missing.
pub(crate) fn open(play: impl FnOnce(&mut dyn Bed)) {
    if let Some(mut bed) = RealCluster::open() {
        play(&mut bed);
    }
}

/// The bed.
pub(crate) struct RealCluster {
    pub(crate) kubernetes: Kubernetes,
    aws: Arc<Aws>,
    pub(crate) account: Account,
    running: Option<Running>,
}

/// A controller on a thread of its own.
struct Running {
    kill: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    metrics: Metrics,
}

impl RealCluster {
    /// A bed with the stage set and no controller, unless what it needs is missing.
    pub(crate) fn open() -> Option<Self> {
        let kubernetes = Kubernetes::open()?;
        let aws = Aws::new(Clock::starting_at(now()), 1, AwsOptions::default());
        let account = Account::furnish(&aws);
        while !account.is_healthy() {
            kubernetes.pass(Duration::from_millis(100));
        }
        Some(Self { kubernetes, aws, account, running: None })
    }
}

impl Bed for RealCluster {
    fn namespace(&self) -> &str {
        &self.kubernetes.namespace
    }

    fn name(&self, of: &str) -> String {
        account::name(of)
    }

    fn pass(&mut self, span: Duration) {
        self.kubernetes.pass(span);
    }

    fn try_apply(&mut self, manifests: &str) -> Result<(), String> {
        self.kubernetes.try_apply(manifests)
    }

    fn apply_from_before(&mut self, manifests: &str) {
        self.kubernetes.apply_from_before(manifests);
    }

    fn patch(&mut self, resource: &str, name: &str, patch: &Value) {
        self.kubernetes.patch(resource, name, patch);
    }

    fn wipe_status(&mut self, resource: &str, name: &str) {
        self.kubernetes.wipe_status(resource, name);
    }

    fn delete(&mut self, resource: &str, name: &str) {
        self.kubernetes.delete(resource, name);
    }

    fn list(&self, resource: &str) -> Vec<Value> {
        self.kubernetes.list(resource)
    }

    fn await_condition(&mut self, resource: &str, name: &str, condition: &str) {
        let waited = self.kubernetes.await_condition(resource, name, condition);
        waited.unwrap_or_else(|said| panic!("kubectl wait: {said}\n{}", (self as &dyn Bed).report()));
    }

    fn live(&self, place: Place) -> Weights {
        self.account.live(place)
    }

    fn tags(&self, place: Place) -> BTreeMap<String, String> {
        self.account.tags(place)
    }

    fn edit(&mut self, place: Place, weights: &[(&str, u32)]) {
        self.account.edit(place, weights);
    }

    fn break_targets(&mut self, environment: &str, count: usize) {
        self.account.break_targets(environment, count);
    }

    fn start(&mut self) {
        let (cluster, namespace) = (self.kubernetes.cluster, self.kubernetes.namespace.clone());
        self.running = Some(Running::start(cluster, namespace, Arc::clone(&self.aws)));
    }

    fn kill(&mut self) {
        drop(self.running.take());
    }

    fn metrics(&self) -> String {
        self.running.as_ref().expect("a controller runs").metrics.render()
    }

    fn requests(&self) -> Option<u64> {
        None
    }

    fn last_words(&self) -> String {
        format!("{:#?}", self.aws.effects())
    }
}

impl Running {
    fn start(cluster: &'static Cluster, namespace: String, aws: Arc<Aws>) -> Self {
        static LIVES: AtomicU32 = AtomicU32::new(1);
        let (kill, killed) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let body = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let settings = Settings {
                    namespace: Some(namespace.clone()),
                    resync_interval: ROUND,
                    lease_namespace: namespace,
                    lease_duration: LEASE,
                    identity: format!("life-{}", LIVES.fetch_add(1, Ordering::Relaxed)),
                    grants: Grants::everything(),
                    ..Settings::new(OWNER)
                };
                let client = client(cluster.kubeconfig()).await;
                let controller = weir_lab::controller(client, &aws, aws.clock(), settings).unwrap();
                tell.send(controller.metrics()).unwrap();
                tokio::select! {
                    biased;
                    _ = killed => {}
                    ended = controller.run(std::future::pending()) => panic!("the controller ended by itself: {ended:?}"),
                }
                tokio::time::sleep(ON_THE_WAY).await;
            });
        };
        let thread = thread::Builder::new().name("the controller".to_owned()).spawn(body).unwrap();
        let metrics = told.recv().expect("the controller starts");
        Self { kill: Some(kill), thread: Some(thread), metrics }
    }
}

impl Drop for Running {
    /// Dropping the controller's future is its crash.
    fn drop(&mut self) {
        drop(self.kill.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !thread::panicking()
        {
            panic!("the controller's thread has panicked");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this bed runs on the machine's clock, as its API server does")]
fn now() -> Timestamp {
    Timestamp::now()
}
