//! A world wired to controllers: a clock, a simulated AWS, a simulated Kubernetes, and the processes of a controller.
//!
//! The world carries its controller on only while somebody lets time pass (`run_for`, `run_until`): dropping the
//! controller's future is its crash, not polling it is its pause. On tokio's paused clock hours pass in
//! milliseconds and everything replays; on the real one the world runs in real time.

mod drive;
mod objects;
mod other_accounts;
mod replica;
mod rights;

pub use drive::GLANCE;
pub use objects::Told;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use weir_aws::{Accounts, Inventory};
use weir_controller::Snapshot;
use weir_engine::forecast::{Forecast, Question};
use weir_engine::{Grants, Key};
use weir_sim::aws::{Author, Aws, Change as Effected, Effect, TargetStickiness};
use weir_sim::clock::Clock;
use weir_sim::kube::Kube;
use weir_sim::traffic::{Traffic, TrafficSettings};

use self::other_accounts::OtherAccounts;
use crate::account::Account;
use crate::director::{Director, SplitLocation};
use crate::evidence::{Change, Evidence, Tags, Weights};
use crate::fault::{Fault, Planned};
use crate::journal::{Entry, Journal, What};
use crate::manifest;
use crate::process::identity;
use crate::wire::{
    ACCESS_KEY, Ahead, CrashPoint, Disturbance, KubeWire, Network, ProcessControl, Sort, persons_config, sdk_config,
};

use self::replica::Replica;

/// The definitions of Weir's kinds, made once for all worlds.
static DEFINITIONS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let definitions = weir_api::crds().into_iter();
    definitions.map(|definition| serde_json::to_value(definition).expect("a definition is plain data")).collect()
});

/// Namespace and name of the Lease by which it is settled which controller leads.
pub(crate) const LEASE: (&str, &str) = ("default", "weir");
/// The lease of a world that is not about who leads: renewals are rare, since there are thousands of such worlds.
pub(crate) const LONG_LEASE: Duration = Duration::from_mins(1);
/// The lease of one that is: the one of production.
pub(crate) const SHORT_LEASE: Duration = Duration::from_secs(15);

/// What a world is made from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// From which all chance is drawn.
    pub seed: u64,
    /// The instant at which the world begins.
    pub start: Timestamp,
    /// The namespace that is made, and in which manifests without one are applied.
    pub namespace: String,
    /// Names the installation of Weir.
    pub owner: String,
    /// How often a controller looks round on AWS.
    pub resync_interval: Duration,
    /// How long a controller's lease lasts without being renewed.
    pub lease: Duration,
    /// Which namespaces may name which roles.
    pub grants: Grants,
    /// Whether controllers compare the definitions of the API server with their own.
    pub compares: bool,
    /// How the simulated AWS behaves.
    pub aws: weir_sim::aws::AwsOptions,
    /// How the simulated Kubernetes behaves.
    pub kube: weir_sim::kube::KubeOptions,
}

impl Settings {
    /// A world of a seed that begins on a fixed day.
    pub fn seeded(seed: u64) -> Self {
        Self {
            seed,
            start: Timestamp::constant(1_795_255_200, 0),
            namespace: "shop".to_owned(),
            owner: "lab".to_owned(),
            resync_interval: Duration::from_secs(30),
            lease: LONG_LEASE,
            grants: Grants::everything(),
            compares: false,
            aws: weir_sim::aws::AwsOptions::default(),
            kube: weir_sim::kube::KubeOptions::default(),
        }
    }
}

/// A simulated world with a controller in it, or two: then one stands by.
pub struct World {
    settings: Settings,
    clock: Clock,
    aws: Arc<Aws>,
    kube: Arc<Kube>,
    account: Account,
    /// Other accounts and regions.
    other_accounts: OtherAccounts,
    journal: Journal,
    network: Network,
    /// The replica that most worlds have alone, and another beside it.
    replicas: [Replica; 2],
    processes: u32,
    crash_point: Option<(CrashPoint, Duration)>,
    marked: u64,
    director: Option<Arc<Director>>,
}

impl World {
    /// A world with the definitions of Weir's kinds and a namespace, and nothing else. Must be called inside a tokio
    /// runtime.
    ///
    /// # Panics
    ///
    /// When the simulated Kubernetes refuses Weir's own definitions, which is a bug.
    pub fn new(settings: Settings) -> Self {
        fastrand::seed(settings.seed);
        let clock = Clock::starting_at(settings.start);
        let aws = Aws::new(clock, settings.seed, settings.aws.clone());
        let kube = Kube::new(clock, settings.seed, settings.kube.clone());
        for definition in DEFINITIONS.iter() {
            kube.apply(definition).expect("the simulated API server takes the definitions of Weir's kinds");
        }
        let world = Self {
            account: Account::new(&aws),
            other_accounts: OtherAccounts::default(),
            settings,
            clock,
            aws,
            kube,
            journal: Journal::default(),
            network: Network::default(),
            replicas: Default::default(),
            processes: 0,
            crash_point: None,
            marked: 0,
            director: None,
        };
        world.restrict(&world.policy());
        world.make_namespace(&world.settings.namespace);
        world
    }

    fn make_namespace(&self, name: &str) {
        if self.kube.get("namespaces", "", name).is_none() {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            self.kube.apply(&namespace).expect("a namespace with a name is well formed");
        }
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The world's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The simulated AWS.
    pub fn aws(&self) -> &Arc<Aws> {
        &self.aws
    }

    /// The simulated Kubernetes.
    pub fn kube(&self) -> &Arc<Kube> {
        &self.kube
    }

    /// What was made on AWS for manifests.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// A client of the simulated Kubernetes, as a user has one; it goes on when the controller crashes.
    pub fn client(&self) -> kube::Client {
        let process_control = ProcessControl::new(0, Journal::default(), Network::default(), None);
        kube::Client::new(KubeWire::new(&self.kube, self.clock, &process_control), self.settings.namespace.clone())
    }

    /// An inventory of the simulated AWS beside the controller's own.
    ///
    /// # Panics
    ///
    /// Never: the simulated AWS has a region.
    pub fn inventory(&self) -> Inventory {
        let process_control = ProcessControl::new(0, Journal::default(), Network::default(), None);
        let clock = self.clock;
        let config = sdk_config(&self.aws, clock, &process_control);
        Inventory::new(&config, move || clock.now(), |_| ()).expect("the simulated AWS has a region")
    }

    /// Forecasts what shifts will do, as `weir plan` does: from the objects as they are and from what AWS has, which is only
    /// read. `None` where the simulated Kubernetes cannot be read.
    pub async fn forecast(&self, shifts: Vec<Key>) -> Option<(Question, Forecast)> {
        let client = self.client();
        let snapshot = Snapshot::read(&client, None).await.ok()?;
        let process_control = ProcessControl::new(0, Journal::default(), Network::default(), None);
        let (clock, owner) = (self.clock, self.settings.owner.clone());
        let config = persons_config(&self.aws, clock, &process_control);
        let accounts = Accounts::new(&config, &owner, move || clock.now(), |_| ()).ok()?;
        let question = Question { now: self.now(), owner, grants: Arc::new(self.settings.grants.clone()), shifts };
        let forecast = snapshot.forecast(&accounts, &question).await?;
        Some((question, forecast))
    }

    /// Clients that begin to send requests now. They are asked to go on by whoever holds them.
    pub fn traffic(&self, settings: TrafficSettings) -> Traffic {
        Traffic::new(Arc::clone(&self.aws), self.settings.seed, settings)
    }

    /// Makes on AWS what manifests expect to find there, with so many targets in each group.
    pub fn furnish(&mut self, manifests: &str, targets: u32) -> Result<(), String> {
        let mistakes = self.furnish_documents(&manifest::parse(manifests)?, targets);
        mistakes.into_iter().next().map_or(Ok(()), |mistake| Err(mistake.message))
    }

    /// Applies manifests in the order of the text, as `kubectl apply` does.
    pub fn apply(&self, manifests: &str) -> Result<(), String> {
        manifest::parse(manifests)?.into_iter().try_for_each(|document| self.apply_document(document))
    }

    /// Applies one object.
    pub fn apply_document(&self, mut document: Value) -> Result<(), String> {
        if document["metadata"]["namespace"].is_null() && document["kind"] != "Namespace" {
            document["metadata"]["namespace"] = json!(self.settings.namespace);
        }
        let name = format!("{} {}", document["kind"], document["metadata"]["name"]);
        self.kube.apply(&document).map(drop).map_err(|failure| format!("{name} was not accepted: {failure}"))
    }

    /// Deletes an object of the world's namespace, as `kubectl delete --wait=false` does.
    pub fn delete(&self, resource: &str, name: &str) -> Result<(), String> {
        let deleted = self.kube.delete(resource, &self.settings.namespace, name);
        deleted.map_err(|failure| format!("{resource} {name} was not deleted: {failure}"))
    }

    /// Makes a target group on AWS with so many targets, unless there is one of that name.
    pub fn add_group(&mut self, name: &str, targets: u32, stickiness: TargetStickiness) -> Result<(), String> {
        self.account.add_group(name, targets, stickiness)
    }

    /// Makes a target group for a Lambda function on AWS, without health checks, unless there is one of that name.
    pub fn add_function(&mut self, name: &str) -> Result<(), String> {
        self.account.add_function(name)
    }

    /// Lets something befall the controller's next calls of AWS.
    pub fn disturb(&self, disturbance: Disturbance) {
        self.network.add(disturbance);
    }

    /// Takes a right of the controllers away, such as `update` for `trafficshifts/status`.
    pub fn forbid(&self, verb: &'static str, resource: &'static str) {
        self.network.forbid(verb, resource);
    }

    /// Ends all that would still befall the requests of controllers.
    pub fn end_disturbances(&self) {
        self.network.clear();
    }

    /// Plans faults for the time from now on. Requests are counted from here.
    pub(crate) fn direct(&mut self, account: SplitLocation, plan: &[Planned]) {
        let places = (&self.aws, &self.kube, self.clock);
        let director = Director::new(places, self.journal.clone(), self.network.conditions(), account, plan);
        self.network.direct(&director);
        self.director = Some(director);
    }

    /// Something befalls the world now, where faults are planned.
    pub(crate) fn befall(&self, fault: &Fault) {
        if let Some(director) = &self.director {
            director.befall(fault);
        }
    }

    /// The requests that the controllers have made since faults were planned, by their sort.
    pub(crate) fn requests_made(&self) -> Vec<Sort> {
        self.director.as_ref().map(|director| director.requests()).unwrap_or_default()
    }

    /// The name of each of these requests, and how many of it there were by then.
    pub(crate) fn names_of_requests(&self) -> Vec<(String, u64)> {
        self.director.as_ref().map(|director| director.names()).unwrap_or_default()
    }

    /// The planned faults whose moment has not come.
    pub(crate) fn faults_due(&self) -> Vec<Planned> {
        self.director.as_ref().map(|director| director.due()).unwrap_or_default()
    }

    /// How many requests the controllers have made since faults were planned.
    pub(crate) fn request_count(&self) -> usize {
        self.director.as_ref().map_or(0, |director| director.request_count())
    }

    /// Whether nothing goes on or comes by itself any more.
    pub(crate) fn is_calm(&self) -> bool {
        self.director.as_ref().is_none_or(|director| director.next().is_none())
            && self.replicas.iter().all(Replica::is_calm)
    }

    /// From which all chance is drawn.
    pub(crate) fn seed(&self) -> u64 {
        self.settings.seed
    }

    /// The namespace of the world's objects.
    pub(crate) fn namespace(&self) -> &str {
        &self.settings.namespace
    }

    /// The installation of Weir.
    pub(crate) fn owner(&self) -> &str {
        &self.settings.owner
    }

    /// How many entries the journal has.
    pub(crate) fn evidence_length(&self) -> usize {
        self.journal.len()
    }

    /// Looks at the entries of the journal from a number on.
    pub(crate) fn read_entries<T>(&self, number: usize, look: impl FnOnce(&[Entry]) -> T) -> T {
        self.journal.read(number, look)
    }

    /// Ends all faults: nothing more befalls anybody, every target is well, and a controller is carried on.
    pub(crate) fn heal(&mut self) {
        self.network.clear();
        if let Some(director) = &self.director {
            director.heal();
        }
        self.mend_all();
        for number in 0..self.replicas.len() {
            self.replicas[number].resume_at = None;
            self.resume(number);
            let is_missing = self.replicas[number].process.is_none() && (number == 0 || self.replicas[number].is_taken);
            if is_missing {
                self.start(number);
            }
        }
    }

    /// Notes something that somebody did.
    pub(crate) fn note_manual_change(&self, words: impl Into<String>) {
        self.journal.add(self.now(), 0, What::Befell(words.into()));
    }

    /// Cuts the next process of the controller at a write, and starts another after a while.
    pub fn plan_crash(&mut self, crash_point: CrashPoint, restart_after: Duration) {
        self.crash_point = Some((crash_point, restart_after));
    }

    /// Starts a controller; one that runs crashes first.
    ///
    /// # Panics
    ///
    /// When the controller refuses its settings, which is a bug of the lab.
    pub fn start_controller(&mut self) {
        self.start(0);
    }

    /// Starts another controller beside the first, whose clock is so much ahead; one that runs there crashes first.
    ///
    /// # Panics
    ///
    /// When the controller refuses its settings, which is a bug of the lab.
    pub fn start_another(&mut self, ahead: SignedDuration) {
        self.replicas[1].ahead = Ahead::of(ahead);
        self.start(1);
    }

    /// Sets the clock of the controller's machine ahead by so many seconds, or back.
    pub fn step_clock(&mut self, seconds: i32) {
        self.replicas[0].ahead.step(seconds);
        self.note_manual_change(Fault::ClockStep(seconds).to_string());
    }

    /// Drops the controller in the middle of whatever it does.
    pub fn crash_controller(&mut self) {
        self.crash(0);
    }

    /// No longer carries the controller on, as if its process were stopped.
    pub fn pause_controller(&mut self) {
        self.pause(0);
    }

    /// Carries a paused controller on.
    pub fn resume_controller(&mut self) {
        self.resume(0);
    }

    /// Tells the controller to end, as SIGTERM does. It ends while time passes.
    pub fn stop_controller(&mut self) {
        if let Some(process) = &mut self.replicas[0].process {
            process.tell_to_end();
        }
    }

    /// Whether a controller is there, paused or not.
    pub fn has_controller(&self) -> bool {
        self.replicas[0].process.is_some()
    }

    /// Which process of the controllers leads, as the Lease says.
    pub fn leader(&self) -> Option<u32> {
        let lease = self.kube.get("leases", LEASE.0, LEASE.1)?;
        let holder = lease["spec"]["holderIdentity"].as_str()?;
        (1..=self.processes).find(|process| identity(*process) == holder)
    }

    /// The Lease as it is.
    pub fn lease(&self) -> Option<Arc<Value>> {
        self.kube.get("leases", LEASE.0, LEASE.1)
    }

    /// Somebody who is none of the controllers has the Lease for a while.
    pub fn take_lease(&self, seconds: u32) {
        crate::director::take_lease(&self.kube, seconds);
    }

    /// How many processes of the controller have begun.
    pub fn processes(&self) -> u32 {
        self.processes
    }

    /// How many writes the present process of the controller has attempted.
    pub fn writes(&self) -> u64 {
        self.replicas[0].process.as_ref().map_or(0, |process| process.control.writes())
    }

    /// Marks this moment: crashes are enumerated from here on.
    pub fn mark(&mut self) {
        self.marked = self.writes();
    }

    /// How many writes the process had attempted that ran at the marked moment.
    pub fn marked(&self) -> u64 {
        self.marked
    }

    /// What the present process of the controller counts.
    pub fn metrics(&self) -> Option<weir_controller::Metrics> {
        self.replicas[0].process.as_ref().map(|process| process.metrics.clone())
    }

    /// What the present processes of all controllers count.
    pub(crate) fn all_metrics(&self) -> Vec<weir_controller::Metrics> {
        self.replicas.iter().filter_map(|replica| Some(replica.process.as_ref()?.metrics.clone())).collect()
    }

    /// Everything that happened so far, for judges.
    pub fn evidence(&self) -> Evidence {
        let (changes, retaggings) = self.effects();
        Evidence {
            ended: self.now(),
            owner: self.settings.owner.clone(),
            entries: self.entries_with_health(),
            calls: self.calls(),
            changes,
            retaggings,
            lingering: self.lingering(),
            groups: self.group_names(),
        }
    }

    /// Every change of weights, in any account.
    pub fn changes(&self) -> Vec<Change<Weights>> {
        self.effects().0
    }

    /// Every change of weights and of tags, in any account.
    fn effects(&self) -> (Vec<Change<Weights>>, Vec<Change<Tags>>) {
        let (mut changes, mut retaggings) = (Vec::new(), Vec::new());
        for Effect { at, author, change, .. } in self.aws.effects() {
            let by_hand = !matches!(&author, Author::Caller(key) if **key == *ACCESS_KEY);
            match change {
                Effected::Weights { place, before, after } => {
                    changes.push(Change { at, place, by_hand, before, after });
                }
                Effected::Tags { resource: place, before, after } => {
                    retaggings.push(Change { at, place, by_hand, before, after });
                }
            }
        }
        (changes, retaggings)
    }

    /// The journal, with every change of the health of a group at the instant at which it came.
    fn entries_with_health(&self) -> Vec<Entry> {
        let mut entries = self.journal.entries();
        for (group, counts) in self.healthy_counts() {
            let counts = counts.into_iter();
            let entry = |(at, healthy)| Entry { at, process: 0, what: What::Health { group: group.clone(), healthy } };
            entries.extend(counts.map(entry));
        }
        // Entries of one instant stay in their order.
        entries.sort_by_key(|entry| entry.at);
        entries
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("World")
            .field("now", &self.now())
            .field("processes", &self.processes)
            .finish_non_exhaustive()
    }
}
