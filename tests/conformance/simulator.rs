//! The bed in which everything is simulated: the lab's world, in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Runtime;
use weir_lab::{Settings, World};

use super::account::{self, Account};
use super::bed::{Bed, LEASE, OWNER, Place, ROUND, Weights};
use super::manifests::{kinds, kinds_without_rules};

/// Each world has one namespace.
const NAMESPACE: &str = "case";

/// Runs a case here.
pub(crate) fn open(play: impl FnOnce(&mut dyn Bed)) {
    play(&mut Simulator::open());
}

/// The bed.
pub(crate) struct Simulator {
    world: World,
    account: Account,
    runtime: Runtime,
}

impl Simulator {
    /// A bed with the stage set and no controller.
    pub(crate) fn open() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let settings = Settings {
            namespace: NAMESPACE.to_owned(),
            owner: OWNER.to_owned(),
            resync_interval: ROUND,
            lease: LEASE,
            ..Settings::seeded(1)
        };
        let (mut world, account) = {
            let _inside = runtime.enter();
            let world = World::new(settings);
            let account = Account::furnish(world.aws());
            (world, account)
        };
        while !runtime.block_on(async { account.is_healthy() }) {
            runtime.block_on(world.run_for(Duration::from_secs(1)));
        }
        Self { world, account, runtime }
    }

    /// Only inside the runtime is it virtual time.
    fn inside<T>(&self, look: impl FnOnce(&Self) -> T) -> T {
        let _inside = self.runtime.enter();
        look(self)
    }
}

impl Bed for Simulator {
    fn namespace(&self) -> &'static str {
        NAMESPACE
    }

    fn name(&self, of: &str) -> String {
        account::name(of)
    }

    fn pass(&mut self, span: Duration) {
        self.runtime.block_on(async {
            self.world.run_for(span).await;
            // Whoever waits for the end of this turn of the runtime must be woken before the runtime is left.
            tokio::task::yield_now().await;
        });
    }

    fn try_apply(&mut self, manifests: &str) -> Result<(), String> {
        self.inside(|bed| bed.world.apply(manifests))
    }

    fn apply_from_before(&mut self, manifests: &str) {
        self.inside(|bed| {
            let define = |definition: &Value| bed.world.kube().apply(definition).map(drop).unwrap();
            kinds_without_rules().iter().for_each(define);
            bed.world.apply(manifests).unwrap();
            kinds().iter().for_each(define);
        });
    }

    fn patch(&mut self, resource: &str, name: &str, patch: &Value) {
        self.inside(|bed| bed.world.patch(resource, name, patch)).unwrap();
    }

    fn wipe_status(&mut self, resource: &str, name: &str) {
        self.inside(|bed| bed.world.kube().wipe_status(resource, bed.namespace(), name)).unwrap();
    }

    fn delete(&mut self, resource: &str, name: &str) {
        self.inside(|bed| bed.world.delete(resource, name)).unwrap();
    }

    fn list(&self, resource: &str) -> Vec<Value> {
        self.inside(|bed| {
            bed.world.kube().list(resource, bed.namespace()).into_iter().map(Arc::unwrap_or_clone).collect()
        })
    }

    fn await_condition(&mut self, resource: &str, name: &str, condition: &str) {
        (self as &mut dyn Bed).until_true(resource, name, condition);
    }

    fn live(&self, place: Place) -> Weights {
        self.inside(|bed| bed.account.live(place))
    }

    fn tags(&self, place: Place) -> BTreeMap<String, String> {
        self.inside(|bed| bed.account.tags(place))
    }

    fn edit(&mut self, place: Place, weights: &[(&str, u32)]) {
        self.inside(|bed| bed.account.edit(place, weights));
    }

    fn break_targets(&mut self, environment: &str, count: usize) {
        self.inside(|bed| bed.account.break_targets(environment, count));
    }

    fn start(&mut self) {
        let _inside = self.runtime.enter();
        self.world.start_controller();
    }

    fn kill(&mut self) {
        let _inside = self.runtime.enter();
        self.world.crash_controller();
    }

    fn metrics(&self) -> String {
        self.world.metrics().expect("a controller runs").render()
    }

    fn requests(&self) -> Option<u64> {
        // Renewing the lease is what remains.
        let counts = self.world.kube().request_counts().into_iter();
        Some(counts.filter(|((_, resource), _)| !resource.starts_with("leases")).map(|(_, count)| count).sum())
    }

    fn last_words(&self) -> String {
        let events: Vec<String> = self.world.events().iter().map(|told| format!("{told:?}")).collect();
        events.join("\n")
    }
}
