//! The context that the loop and its ticks share: clients, store, queue, caches, outbox and leadership.
//!
//! Everything runs on one thread, and no borrow is held while something is awaited.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures::FutureExt;
use jiff::Timestamp;
use tracing::{debug, error, info, warn};
use weir_api::CONTROLLER_LABEL;
use weir_aws::{Accounts, CallPriority, Family, ResyncReport, ResyncScope};
use weir_engine::depend;
use weir_engine::event::Event;
use weir_engine::fact::Query;
use weir_engine::tick::{Memory, Urgency};
use weir_engine::{Access, Arn, Cluster, Grants, Key, Kind, KindName, ObjectRef, Reason};

use crate::connectivity::Connectivity;
use crate::document::Document;
use crate::ignored_annotations::IgnoredAnnotations;
use crate::kinds::Decisions;
use crate::leadership::Leadership;
use crate::metrics::Metrics;
use crate::publish::Outbox;
use crate::queue::{Channel, Queue, Rank, Slots};
use crate::run::panic_message;
use crate::selection::Selection;
use crate::server::Server;
use crate::status_conflicts::{Fingerprint, SentStatuses};
use crate::store::{Change, ChangeType, Source, Store};
use crate::wall_clock::WallClock;
use crate::watch::{Notice, Subject};
use crate::watch_freshness::{self, WatchFreshness};
use crate::{Clock, Settings};

/// The time at which it is told first that somebody else writes a status over.
const TOLD_FIRST: u32 = 3;
/// After so many times the pauses are the longest, and each further time is told.
const TOLD_AGAIN: u32 = 10;

pub(crate) struct Context<D> {
    pub server: Server,
    pub accounts: Accounts,
    pub wall_clock: WallClock,
    pub owner: String,
    pub grants: Arc<Grants>,
    pub metrics: Metrics,
    pub selection: Selection,
    pub store: RefCell<Store>,
    pub queue: RefCell<Queue>,
    pub outbox: RefCell<Outbox>,
    pub memories: RefCell<BTreeMap<ObjectRef, Memory>>,
    /// What this process has written as statuses since it leads.
    pub sent_statuses: RefCell<SentStatuses>,
    /// Annotations that nobody acts on.
    ignored_annotations: RefCell<IgnoredAnnotations>,
    /// The priorities of the ticks under way.
    priorities: RefCell<BTreeMap<ObjectRef, CallPriority>>,
    /// Whether watches go on.
    pub watch_freshness: RefCell<WatchFreshness>,
    /// Whether the API server answers.
    pub connectivity: RefCell<Connectivity>,
    /// Whether this process leads: only then anything is decided, and written.
    pub leadership: Leadership,
    decisions: PhantomData<D>,
}

impl<D: Decisions> Context<D> {
    pub fn new(client: kube::Client, accounts: Accounts, clock: Clock, metrics: Metrics, settings: &Settings) -> Self {
        let mut store = Store::of_controller(settings.controller.as_deref());
        if settings.namespace.is_none() {
            store.await_namespaces();
        }
        let leadership = Leadership::new(clock.clone());
        let slots = Slots::new(settings.concurrency, settings.rollback_slots);
        Self {
            server: Server::new(client, settings.request_timeout),
            accounts,
            wall_clock: WallClock::new(clock),
            owner: settings.owner.clone(),
            grants: Arc::new(settings.grants.clone()),
            metrics,
            selection: Selection(settings.controller.clone()),
            store: RefCell::new(store),
            queue: RefCell::new(Queue::new(slots, settings.seed)),
            outbox: RefCell::new(Outbox::new(settings.instance.clone())),
            memories: RefCell::default(),
            sent_statuses: RefCell::default(),
            ignored_annotations: RefCell::default(),
            priorities: RefCell::default(),
            watch_freshness: RefCell::default(),
            connectivity: RefCell::new(Connectivity::asking("the API server")),
            leadership,
            decisions: PhantomData,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.wall_clock.now()
    }

    /// A watch has said something.
    pub fn handle_notice(&self, notice: Notice) {
        use Subject::{Kind, Namespaces};
        self.watch_freshness.borrow_mut().record(&notice, self.now());
        if matches!(notice, Notice::Complete(_) | Notice::Changed(..) | Notice::Deleted(..)) {
            self.api_answered();
        }
        let mut waking = BTreeSet::new();
        let mut status = None;
        let mut store = self.store.borrow_mut();
        let changes = match notice {
            Notice::Began(Kind(kind)) => {
                store.begin_list(kind);
                Vec::new()
            }
            Notice::Listed(Kind(kind), document) | Notice::Changed(Kind(kind), document) => {
                status = self.fingerprint(&document);
                self.see_annotations(kind, &document);
                Vec::from_iter(store.put(kind, document, Source::Watch))
            }
            Notice::Complete(Kind(kind)) => {
                debug!(kind = kind.word(), "listed");
                store.end_list(kind)
            }
            Notice::Deleted(Kind(kind), document) => Vec::from_iter(store.delete(kind, &document)),
            Notice::Began(Namespaces) => {
                store.begin_namespaces();
                Vec::new()
            }
            Notice::Listed(Namespaces, document) | Notice::Changed(Namespaces, document) => {
                waking = store.put_namespace(document);
                Vec::new()
            }
            Notice::Complete(Namespaces) => {
                waking = store.end_namespaces();
                Vec::new()
            }
            Notice::Deleted(Namespaces, document) => {
                waking = store.delete_namespace(&document);
                Vec::new()
            }
            Notice::Failed { subject, message, code, is_said } => {
                self.metrics.watch_failures.with_label_values(&[watch_freshness::word(subject)]).inc();
                // Of credentials that are not taken the election tells, once for all requests.
                if code.is_none_or(|code| code == 429 || code >= 500) {
                    debug!(?subject, "{message}");
                    self.api_failed(None, &message);
                } else if is_said || code == Some(401) {
                    debug!(?subject, "{message}");
                } else {
                    warn!(?subject, "{message}");
                }
                if subject == Namespaces && code == Some(403) {
                    store.forgo_namespaces();
                }
                Vec::new()
            }
        };
        let unreadable = store.unreadable();
        drop(store);
        self.tell_unreadable(&unreadable);
        for change in changes {
            self.defend(&change, status);
            self.settle(change, None);
        }
        self.wake_all(&waking);
    }

    /// This process leads from now on: all objects are looked at, and nothing that was known of AWS counts any more, since
    /// another may have written. Tells how many objects there are.
    pub fn start_leading(&self) -> usize {
        self.clear();
        self.accounts.forget();
        self.leadership.start_leading();
        let objects: BTreeSet<ObjectRef> = self.store.borrow().objects();
        let ignored_annotations = self.ignored_annotations.borrow().objects();
        for object in &ignored_annotations {
            self.tell_of_annotations(object);
        }
        self.wake_all(&objects);
        objects.len()
    }

    /// The clock was set: nothing that was told by it as it was counts any more, and everything is looked at anew.
    pub fn begin_anew(&self) {
        self.queue.borrow_mut().clear();
        self.memories.borrow_mut().clear();
        self.accounts.begin_anew();
        let objects = self.store.borrow().objects();
        self.wake_all(&objects);
    }

    /// Tells of annotations that nobody acts on. Whoever leads tells of those that it finds, and does so once.
    fn see_annotations(&self, kind: KindName, document: &Document) {
        let Some(object) = document.key().map(|key| ObjectRef::new(kind, key)) else { return };
        let is_new = self.ignored_annotations.borrow_mut().observe(&object, document);
        if is_new && self.leadership.is_leading() {
            self.tell_of_annotations(&object);
        }
    }

    fn tell_of_annotations(&self, object: &ObjectRef) {
        let ignored = self.ignored_annotations.borrow().event_of(object);
        if let Some((uid, event)) = ignored {
            self.tell(object, &uid, &[event]);
        }
    }

    /// A request of a tick of `asker` brought a document.
    pub fn learn(&self, kind: KindName, document: Document, asker: &ObjectRef) {
        self.api_answered();
        let status = self.fingerprint(&document);
        let change = self.store.borrow_mut().put(kind, document, Source::Reply);
        let unreadable = self.store.borrow_mut().unreadable();
        self.tell_unreadable(&unreadable);
        if let Some(change) = change {
            self.defend(&change, status);
            self.settle(change, Some(asker));
        }
    }

    /// A request to the API server was not answered, on behalf of an object or of all.
    pub fn api_failed(&self, of: Option<&ObjectRef>, why: &str) {
        let of = of.map(ToString::to_string);
        if let Some(words) = self.connectivity.borrow_mut().record_failure(self.now(), of.as_deref(), why) {
            warn!("{words}");
        }
    }

    /// The API server has answered.
    pub fn api_answered(&self) {
        if let Some(words) = self.connectivity.borrow_mut().record_success(self.now()) {
            info!("{words}");
        }
    }

    /// Of some statuses something cannot be read: the rest counts, and that is said once.
    fn tell_unreadable(&self, unreadable: &[(ObjectRef, String)]) {
        for (object, lost) in unreadable {
            self.metrics.unreadable.with_label_values(&[object.kind.word()]).inc();
            warn!(
                kind = object.kind.word(),
                object = %object.key,
                "of its status could not be read, as if it were not there: {lost}; expected a status of this version of Weir"
            );
        }
    }

    /// What a status that comes in is known by, where there is anything to compare it with.
    fn fingerprint(&self, document: &Document) -> Option<Fingerprint> {
        self.leadership.is_leading().then(|| Fingerprint::of(&document.status))
    }

    /// Sees to it that an object rests whose status somebody else writes over again and again.
    fn defend(&self, change: &Change, status: Option<Fingerprint>) {
        let object = &change.object;
        let is_written_over = |status| change.rewritten && self.sent_statuses.borrow().is_written_over(object, status);
        if !status.is_some_and(is_written_over) {
            return;
        }
        self.metrics.count_rewrite(object.kind);
        let times = self.queue.borrow_mut().contest(object, self.now());
        let uid = self.store.borrow().metadata(object).map(|metadata| metadata.uid).unwrap_or_default();
        // What goes on is told seldom: once it is no accident, and then each time, which by now is hardly ever.
        if times == TOLD_FIRST || times > TOLD_AGAIN {
            let message = format!(
                "somebody else has written over the status of this object ({times} times); most likely another controller \
                 looks at the same objects. It is written again after ever longer pauses. Give each controller objects of \
                 its own: a name (--controller-name) that they have in the label {CONTROLLER_LABEL}, or a namespace \
                 (--namespace)"
            );
            self.tell(object, &uid, &[Event::warning(Reason::StatusOverwritten, message)]);
        }
    }

    /// A request of a tick of `asker` found an object gone.
    pub fn lose(&self, object: &ObjectRef, version: Option<&str>, asker: &ObjectRef) {
        let change = self.store.borrow_mut().gone(object, version);
        if let Some(change) = change {
            self.settle(change, Some(asker));
        }
    }

    /// AWS has changed without us.
    pub fn notice_on_aws(&self, report: &ResyncReport) {
        let watchers: BTreeSet<ObjectRef> = {
            let store = self.store.borrow();
            let cluster = store.cluster();
            let watchers = report.changed.iter().flat_map(|arn| depend::watchers(cluster, arn));
            watchers.chain(report.names.iter().flat_map(|at| depend::at_name(cluster, at))).collect()
        };
        self.wake_all(&watchers);
    }

    /// This process no longer leads: nothing new is begun, and what was to be told is told by nobody.
    pub fn step_down(&self) {
        self.leadership.step_down();
        self.clear();
    }

    fn clear(&self) {
        self.queue.borrow_mut().clear();
        self.outbox.borrow_mut().clear();
        self.memories.borrow_mut().clear();
        self.sent_statuses.borrow_mut().clear();
    }

    fn wake_all(&self, objects: &BTreeSet<ObjectRef>) {
        if !self.leadership.is_leading() {
            return;
        }
        let now = self.now();
        let store = self.store.borrow();
        for object in objects {
            self.queue.borrow_mut().wake(object, now, self.rank(store.cluster(), object));
        }
    }

    /// The requests of routes were counted: whoever looks at them is looked at.
    pub fn notice_requests(&self, routes: &[Key]) {
        let store = self.store.borrow();
        let watchers: BTreeSet<ObjectRef> =
            routes.iter().flat_map(|route| weir_engine::depend::counters(store.cluster(), route)).collect();
        drop(store);
        self.wake_all(&watchers);
    }

    /// What must be counted, route by route, by the access that leads to it.
    pub fn measured(&self) -> BTreeMap<Access, BTreeMap<Key, BTreeSet<Query>>> {
        let store = self.store.borrow();
        let cluster = store.cluster();
        let mut found: BTreeMap<Access, BTreeMap<Key, BTreeSet<Query>>> = BTreeMap::new();
        for (key, questions) in weir_engine::share::measured(cluster) {
            let route = cluster.routes.get(&key);
            if let Some(Ok(access)) = route.map(|route| self.grants.of_route(cluster, route)) {
                found.entry(self.accounts.resolve(&access)).or_default().insert(key, questions);
            }
        }
        found
    }

    /// A tick of an object begins.
    pub fn begin(&self, object: &ObjectRef, urgency: Urgency) -> CallPriority {
        let priority = CallPriority::new(urgency);
        self.priorities.borrow_mut().insert(object.clone(), priority.clone());
        priority
    }

    /// The tick of an object has ended.
    pub fn end(&self, object: &ObjectRef) {
        self.priorities.borrow_mut().remove(object);
    }

    /// Makes a tick under way more urgent: it may be waiting for AWS on behalf of what is no longer wanted.
    pub fn raise_priority(&self, object: &ObjectRef, urgency: Urgency) {
        if self.priorities.borrow().get(object).is_some_and(|priority| priority.raise(urgency)) {
            self.accounts.reprioritize();
        }
    }

    /// The balancers that the entry points have found, by the access that leads to them.
    pub fn balancers(&self) -> BTreeMap<Access, BTreeSet<Arn>> {
        let store = self.store.borrow();
        let mut found: BTreeMap<Access, BTreeSet<Arn>> = BTreeMap::new();
        for entry_point in store.cluster().entry_points.values() {
            if let (Some(arn), Ok(access)) = (&entry_point.status.arn, self.grants.of_entry_point(entry_point)) {
                found.entry(self.accounts.resolve(&access)).or_default().insert(Arn::new(arn));
            }
        }
        found
    }

    /// What resyncs read, by the access that leads to it: the balancers that entry points have found, the
    /// target groups that environments have, and the names of routes.
    pub fn resync_scopes(&self) -> BTreeMap<Access, ResyncScope> {
        let mut found: BTreeMap<Access, ResyncScope> = BTreeMap::new();
        for (access, balancers) in self.balancers() {
            found.entry(access).or_default().balancers = balancers;
        }
        let store = self.store.borrow();
        for environment in store.cluster().environments.values() {
            if let Ok(access) = self.grants.of_environment(environment) {
                let groups = environment.status.target_groups.iter().map(|group| Arn::new(&group.arn));
                let groups: Vec<Arn> = groups.collect();
                if !groups.is_empty() {
                    found.entry(self.accounts.resolve(&access)).or_default().groups.extend(groups);
                }
            }
        }
        // Route 53 is asked by the controller's own access.
        let names = depend::names(store.cluster(), &self.grants);
        if !names.is_empty() {
            found.entry(self.accounts.resolve(&Access::default())).or_default().names = names;
        }
        found
    }

    /// Everything whose tags say who owns it: the balancers, and the rules and listeners that carry a route's marks.
    pub fn marked(&self) -> BTreeMap<Access, BTreeSet<Arn>> {
        let mut found = self.balancers();
        let store = self.store.borrow();
        for route in store.cluster().routes.values() {
            if let (Some(arn), Ok(access)) =
                (&route.status.listener_rule.marked, self.grants.of_route(store.cluster(), route))
            {
                found.entry(self.accounts.resolve(&access)).or_default().insert(Arn::new(arn));
            }
        }
        found
    }

    /// Does something beside the ticks. If that panics, it has brought nothing.
    pub fn beside<T: Default>(&self, what: &str, work: impl FnOnce() -> T) -> T {
        let done = catch_unwind(AssertUnwindSafe(work));
        done.unwrap_or_else(|panic| self.note_panic(what, &*panic))
    }

    /// The same of something that takes a while.
    pub async fn meanwhile<T: Default>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let done = AssertUnwindSafe(work).catch_unwind().await;
        done.unwrap_or_else(|panic| self.note_panic(what, &*panic))
    }

    fn note_panic<T: Default>(&self, what: &str, panic: &(dyn Any + Send)) -> T {
        self.metrics.panics.inc();
        error!("{what} panicked: {}", panic_message(panic));
        T::default()
    }

    /// Puts events about an object in the outbox and in the log.
    pub fn tell(&self, object: &ObjectRef, uid: &str, events: &[Event]) {
        let now = self.now();
        for event in events {
            let (kind, name, reason) = (object.kind.word(), &object.key, event.reason.as_str());
            if event.warning {
                warn!(kind, object = %name, reason, "{}", event.message);
            } else {
                info!(kind, object = %name, reason, "{}", event.message);
            }
            if !self.outbox.borrow_mut().add(now, object, uid, event) {
                self.metrics.events_dropped.inc();
                debug!(kind, object = %name, reason, "too many events wait; this one is not published");
            }
        }
    }

    /// How an object is to be looked at now.
    pub fn rank_of(&self, object: &ObjectRef) -> Rank {
        self.rank(self.store.borrow().cluster(), object)
    }

    fn rank(&self, cluster: &Cluster, object: &ObjectRef) -> Rank {
        let (urgency, channel) = (Self::urgency(cluster, object), self.channel(cluster, object));
        let route = cluster.routes.get(&object.key).filter(|_| channel.family == Family::Route53Change);
        let fare = route.map_or(1, |route| weir_engine::route::expected_changes(cluster, route));
        Rank { urgency, channel, fare: u32::try_from(fare).unwrap_or(u32::MAX) }
    }

    /// By which channel an object works on AWS: the ticks of an account or a service that does not answer are to hold up its own
    /// only. A shift looks where its first route is.
    fn channel(&self, cluster: &Cluster, object: &ObjectRef) -> Channel {
        let key = &object.key;
        let route = |key: &Key| self.grants.of_route(cluster, cluster.routes.get(key)?).ok();
        let access = match object.kind {
            KindName::EntryPoint => {
                cluster.entry_points.get(key).and_then(|found| self.grants.of_entry_point(found).ok())
            }
            KindName::Environment => {
                cluster.environments.get(key).and_then(|found| self.grants.of_environment(found).ok())
            }
            KindName::WeightedRoute => route(key),
            KindName::TrafficShift => {
                cluster.shifts.get(key).and_then(|shift| route(&key.sibling(shift.spec.routes.first()?)))
            }
        };
        let route = cluster.routes.get(key).filter(|_| object.kind == KindName::WeightedRoute);
        let is_of_a_name = route.is_some_and(|route| route.spec.entry.takes_balancers());
        let family = if is_of_a_name { Family::Route53Change } else { Family::Modify };
        // Where none is known or allowed, nothing is asked of AWS.
        Channel { access: access.unwrap_or_default(), family }
    }

    /// Wakes whom a change concerns. The asker, whose tick is running, sees it by itself.
    fn settle(&self, change: Change, asker: Option<&ObjectRef>) {
        let now = self.now();
        let store = self.store.borrow();
        let mut queue = self.queue.borrow_mut();
        let object = change.object;
        let rank = |object: &ObjectRef| {
            let rank = self.rank(store.cluster(), object);
            self.raise_priority(object, rank.urgency);
            rank
        };
        match change.kind {
            ChangeType::Deleted => {
                queue.forget(&object);
                self.memories.borrow_mut().remove(&object);
                self.sent_statuses.borrow_mut().forget(&object);
                self.ignored_annotations.borrow_mut().forget(&object);
            }
            // Whoever takes over looks at everything.
            ChangeType::Spec | ChangeType::Status if !self.leadership.is_leading() => {}
            ChangeType::Spec => queue.change(&object, now, rank(&object)),
            ChangeType::Status if asker == Some(&object) => {}
            ChangeType::Status => queue.wake(&object, now, rank(&object)),
        }
        let dependents = change.dependents.iter().filter(|dependent| Some(*dependent) != asker);
        for dependent in dependents.filter(|_| self.leadership.is_leading()) {
            queue.wake(dependent, now, rank(dependent));
        }
        self.metrics.show(store.cluster(), &object, store.refusal(&object).map(|refusal| &refusal.status));
    }

    fn urgency(cluster: &Cluster, object: &ObjectRef) -> Urgency {
        let judge = || match object.kind {
            KindName::EntryPoint => urgency::<D::EntryPoints>(cluster, object),
            KindName::Environment => urgency::<D::Environments>(cluster, object),
            KindName::WeightedRoute => urgency::<D::Routes>(cluster, object),
            KindName::TrafficShift => urgency::<D::Shifts>(cluster, object),
        };
        // The tick of the object will panic on the same object, and is reported then.
        catch_unwind(AssertUnwindSafe(judge)).unwrap_or(Urgency::Routine)
    }
}

fn urgency<K: Kind>(cluster: &Cluster, object: &ObjectRef) -> Urgency {
    K::find(cluster, &object.key).map_or(Urgency::Routine, |object| K::urgency(cluster, object))
}
