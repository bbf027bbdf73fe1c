//! The model: the engine's ticks answered from memory, without any client, clock or I/O.
//!
//! It has the same order of things as the real loop, one tick of one object at a time, woken by changes of other
//! objects and by the instants that decisions asked for. It is small enough to be run thousands of times a second,
//! so it is where the laws of `decide` are tried on random courses.

mod aws;
mod laws;

#[cfg(test)]
mod sharing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use weir_api::condition::{CONTESTED, holds};
use weir_api::weighted_route::{EnvironmentWeight, RouteDeletionPolicy};
use weir_api::{EntryPointSpec, EnvironmentSpec, FINALIZER, TrafficShiftSpec, WeightedRouteSpec};
use weir_engine::depend::{Dependents, counters, dependents, of_namespace, watchers};
use weir_engine::event::Event;
use weir_engine::fact::Fact;
use weir_engine::kinds::{EntryPoints, Environments, Kept, Routes, Shifts};
use weir_engine::reader::Ask;
use weir_engine::share;
use weir_engine::tick::{Answer, Memory, Need, Tick, WriteError};
use weir_engine::weights;
use weir_engine::write::Write;
use weir_engine::{Arn, Cluster, Grants, Key, KindName, Object, ObjectRef};

pub use aws::ModelAws;

/// The namespace of all objects of a model.
pub const NAMESPACE: &str = "shop";
/// The installation of Weir in a model.
pub const OWNER: &str = "model";

/// How soon an object whose tick has failed is looked at again.
const RETRY: SignedDuration = SignedDuration::from_secs(5);
/// How often AWS is looked round.
const ROUND: SignedDuration = SignedDuration::from_secs(30);
/// How often tags are read again.
const MARKS: SignedDuration = SignedDuration::from_mins(10);

/// A cluster and an account in memory, with the ticks that are due.
#[derive(Clone, Debug)]
pub struct Model {
    /// The present instant.
    pub now: Timestamp,
    /// The objects.
    pub cluster: Cluster,
    /// The account.
    pub aws: ModelAws,
    /// Every write, in order.
    pub writes: Vec<(Timestamp, ObjectRef, Write)>,
    /// What users were told of routes and shifts, in order.
    pub told: Vec<(Timestamp, ObjectRef, Event)>,
    /// Every violation that the guard has found: there must be none.
    pub violations: Vec<String>,
    /// Which namespaces may name which roles.
    pub grants: Arc<Grants>,
    due: BTreeMap<ObjectRef, Timestamp>,
    memories: BTreeMap<ObjectRef, Memory>,
    next_round: Timestamp,
    next_count: Timestamp,
    next_marks: Timestamp,
    made: u64,
    /// How many ticks have run.
    pub ticks: u64,
}

impl Model {
    /// An empty cluster beside an account.
    pub fn new(now: Timestamp, aws: ModelAws) -> Self {
        Self {
            now,
            cluster: Cluster::default(),
            aws,
            writes: Vec::new(),
            told: Vec::new(),
            violations: Vec::new(),
            grants: Arc::new(Grants::everything()),
            due: BTreeMap::new(),
            memories: BTreeMap::new(),
            next_round: now + ROUND,
            next_count: now,
            next_marks: now + MARKS,
            made: 0,
            ticks: 0,
        }
    }

    fn object<Spec, Status: Default>(&mut self, key: &Key, spec: Spec) -> Object<Spec, Status> {
        self.made += 1;
        Object {
            key: key.clone(),
            uid: format!("uid-{}", self.made).into(),
            generation: 1,
            version: self.made.to_string().into(),
            created: self.now,
            deleted: None,
            finalizers: Vec::new(),
            command: None,
            spec,
            status: Status::default(),
        }
    }

    fn apply<K: Kept>(&mut self, key: Key, spec: K::Spec) {
        let before = K::find(&self.cluster, &key).cloned();
        let mut object = before.unwrap_or_else(|| self.object(&key, spec.clone()));
        if object.spec != spec {
            object.spec = spec;
            object.generation += 1;
        }
        let changed = ObjectRef::new(K::NAME, key);
        self.change(&changed, |cluster| K::objects(cluster).insert(object));
        self.wake_all([changed]);
    }

    /// Changes an object, if it is there.
    fn edit<K: Kept>(&mut self, name: &str, change: impl FnOnce(&mut Object<K::Spec, K::Status>)) {
        let key = Key::new(NAMESPACE, name);
        let changed = ObjectRef::new(K::NAME, key);
        if self.change(&changed, |cluster| K::objects(cluster).edit(&changed.key, change)).is_some() {
            self.wake_all([changed]);
        }
    }

    /// Creates an entry point, or changes its spec.
    pub fn apply_entry_point(&mut self, name: &str, spec: EntryPointSpec) {
        self.apply_entry_point_in(NAMESPACE, name, spec);
    }

    /// The same in any namespace.
    pub fn apply_entry_point_in(&mut self, namespace: &str, name: &str, spec: EntryPointSpec) {
        self.apply::<EntryPoints>(Key::new(namespace, name), spec);
    }

    /// Creates an environment, or changes its spec.
    pub fn apply_environment(&mut self, name: &str, spec: EnvironmentSpec) {
        self.apply_environment_in(NAMESPACE, name, spec);
    }

    /// The same in any namespace.
    pub fn apply_environment_in(&mut self, namespace: &str, name: &str, spec: EnvironmentSpec) {
        self.apply::<Environments>(Key::new(namespace, name), spec);
    }

    /// Creates a route, or changes its spec.
    pub fn apply_route(&mut self, name: &str, spec: WeightedRouteSpec) {
        self.apply_route_in(NAMESPACE, name, spec);
    }

    /// The same in any namespace.
    pub fn apply_route_in(&mut self, namespace: &str, name: &str, spec: WeightedRouteSpec) {
        self.apply::<Routes>(Key::new(namespace, name), spec);
    }

    /// Creates a shift, or changes its spec.
    pub fn apply_shift(&mut self, name: &str, spec: TrafficShiftSpec) {
        self.apply_shift_in(NAMESPACE, name, spec);
    }

    /// The same in any namespace.
    pub fn apply_shift_in(&mut self, namespace: &str, name: &str, spec: TrafficShiftSpec) {
        self.apply::<Shifts>(Key::new(namespace, name), spec);
    }

    /// Gives a shift a command.
    pub fn command(&mut self, name: &str, command: &str) {
        self.edit::<Shifts>(name, |shift| shift.command = Some(command.to_owned()));
    }

    /// Gives a route a command.
    pub fn command_route(&mut self, name: &str, command: &str) {
        self.edit::<Routes>(name, |route| route.command = Some(command.to_owned()));
    }

    /// Gives a namespace labels, or takes it away.
    pub fn label(&mut self, namespace: &str, labels: Option<BTreeMap<String, String>>) {
        let namespaces = self.cluster.namespaces.get_or_insert_default();
        match labels {
            Some(labels) => drop(namespaces.insert(namespace.to_owned(), labels)),
            None => drop(namespaces.remove(namespace)),
        }
        let concerned = of_namespace(&self.cluster, namespace);
        self.wake_all(concerned);
    }

    /// Takes a route and the shift of the same name away at once.
    pub fn remove_route_in(&mut self, namespace: &str, name: &str) {
        let key = Key::new(namespace, name);
        for kind in [KindName::TrafficShift, KindName::WeightedRoute] {
            let object = ObjectRef::new(kind, key.clone());
            self.memories.remove(&object);
            self.due.remove(&object);
            self.change(&object, |cluster| {
                cluster.shifts.remove(&key);
                if kind == KindName::WeightedRoute {
                    cluster.routes.remove(&key);
                }
            });
        }
    }

    /// Deletes an object: at once, or marked where it carries the finalizer.
    pub fn delete(&mut self, kind: KindName, name: &str) {
        let object = ObjectRef::new(kind, Key::new(NAMESPACE, name));
        let now = self.now;
        self.change(&object, |cluster| match kind {
            KindName::EntryPoint => delete::<EntryPoints>(cluster, &object.key, now),
            KindName::Environment => delete::<Environments>(cluster, &object.key, now),
            KindName::WeightedRoute => delete::<Routes>(cluster, &object.key, now),
            KindName::TrafficShift => delete::<Shifts>(cluster, &object.key, now),
        });
        self.wake_all([object]);
    }

    /// Deletes a route.
    pub fn delete_route(&mut self, name: &str) {
        self.delete(KindName::WeightedRoute, name);
    }

    /// Deletes a shift.
    pub fn delete_shift(&mut self, name: &str) {
        self.delete(KindName::TrafficShift, name);
    }

    /// Loses the status of every object, as a restore from manifests would.
    pub fn lose_statuses(&mut self) {
        lose_statuses::<EntryPoints>(&mut self.cluster);
        lose_statuses::<Environments>(&mut self.cluster);
        lose_statuses::<Routes>(&mut self.cluster);
        lose_statuses::<Shifts>(&mut self.cluster);
        self.restart();
    }

    /// Forgets all that a process keeps in memory, and looks at every object anew.
    pub fn restart(&mut self) {
        self.memories.clear();
        let keys = |kind: KindName, keys: Vec<Key>| keys.into_iter().map(move |key| ObjectRef::new(kind, key));
        let all: Vec<ObjectRef> = keys(KindName::EntryPoint, self.cluster.entry_points.keys().cloned().collect())
            .chain(keys(KindName::Environment, self.cluster.environments.keys().cloned().collect()))
            .chain(keys(KindName::WeightedRoute, self.cluster.routes.keys().cloned().collect()))
            .chain(keys(KindName::TrafficShift, self.cluster.shifts.keys().cloned().collect()))
            .collect();
        self.wake_all(all);
    }

    /// Wakes whoever looks at a balancer or listener that was changed behind Weir's back; the round finds it.
    pub fn aws_changed(&mut self, resource: &Arn) {
        let watching = watchers(&self.cluster, resource);
        self.wake_all(watching);
    }

    /// Runs every tick that is due until an instant, and stops there.
    pub fn run_until(&mut self, end: Timestamp) {
        self.run_each(end, Self::tick);
    }

    /// The same with something else in the place of the tick of an object.
    fn run_each(&mut self, end: Timestamp, mut tick: impl FnMut(&mut Self, &ObjectRef)) {
        loop {
            let (at, object) = self.next_due();
            self.now = self.now.max(at.min(end));
            self.aws.advance(self.now);
            match object {
                _ if at > end => break,
                Some(object) => tick(self, &object),
                None => self.round(),
            }
        }
    }

    /// Runs for a span of time.
    pub fn run_for(&mut self, span: SignedDuration) {
        self.run_until(self.now + span);
    }

    /// The tick that is due next, or the next round where that comes first.
    fn next_due(&self) -> (Timestamp, Option<ObjectRef>) {
        let next = self.due.iter().min_by_key(|(object, at)| (**at, (*object).clone()));
        match next {
            Some((object, at)) if *at <= self.next_round => (*at, Some(object.clone())),
            _ => (self.next_round, None),
        }
    }

    fn round(&mut self) {
        self.next_round = self.now + ROUND;
        for listener in self.aws.take_changed_listeners() {
            self.aws_changed(&listener);
        }
        if self.now >= self.next_marks {
            self.next_marks = self.now + MARKS;
            for resource in self.aws.take_changed_tags() {
                self.aws_changed(&resource);
            }
        }
        self.count_requests();
    }

    /// Counts the requests of the routes whose shares are worth knowing, once a minute.
    fn count_requests(&mut self) {
        let measured = share::measured(&self.cluster);
        if measured.is_empty() || self.now < self.next_count {
            return;
        }
        self.next_count = self.now + share::MEASURE_INTERVAL;
        self.aws.measure(self.now, &measured.values().flatten().cloned().collect());
        let watching: Vec<ObjectRef> = measured.keys().flat_map(|route| counters(&self.cluster, route)).collect();
        self.wake_all(watching);
    }

    fn wake_all(&mut self, objects: impl IntoIterator<Item = ObjectRef>) {
        for object in objects {
            self.due.insert(object, self.now);
        }
    }

    /// Changes an object and wakes those whom it concerns.
    fn change<R>(&mut self, object: &ObjectRef, change: impl FnOnce(&mut Cluster) -> R) -> R {
        let concern = Dependents::before(&self.cluster, object);
        let looking = dependents(&self.cluster, object);
        let before = (!looking.is_empty()).then(|| self.cluster.clone());
        let changed = change(&mut self.cluster);
        let concerned = concern.after(&self.cluster);
        if let Some(before) = before {
            for other in looking.difference(&concerned) {
                self.is_unconcerned(&before, other);
            }
        }
        self.wake_all(concerned);
        changed
    }

    fn tick(&mut self, object: &ObjectRef) {
        self.due.remove(object);
        self.ticks += 1;
        match object.kind {
            KindName::EntryPoint => self.tick_of::<EntryPoints>(object),
            KindName::Environment => self.tick_of::<Environments>(object),
            KindName::WeightedRoute => self.tick_of::<Routes>(object),
            KindName::TrafficShift => self.tick_of::<Shifts>(object),
        }
    }

    fn tick_of<K: Kept>(&mut self, object: &ObjectRef) {
        let memory = self.memories.remove(object).unwrap_or_default();
        let mut tick: Tick<K> =
            Tick::new(object.key.clone(), self.now, OWNER.to_owned(), memory).granting(Arc::clone(&self.grants));
        let mut answer = Answer::Begin;
        let mut acts = 0;
        loop {
            answer = match tick.next(self.now, &self.cluster, answer) {
                Need::Read(asks) => {
                    assert!(!asks.is_empty(), "{object}: a tick asked for nothing");
                    Answer::Read(asks.into_iter().map(|ask| self.answer(ask)).collect())
                }
                Need::Board => Answer::Boarded,
                Need::Get(_) => Answer::Stored,
                Need::Finalizer(wanted) => {
                    self.set_finalizer::<K>(object, wanted);
                    Answer::Stored
                }
                Need::Record(status) => {
                    let record = |stored: &mut Object<K::Spec, K::Status>| {
                        let events = K::events(&stored.status, &status);
                        stored.status = status;
                        events
                    };
                    let events = self.change(object, |cluster| K::objects(cluster).edit(&object.key, record));
                    let events = events.into_iter().flatten();
                    self.told.extend(events.map(|event| (self.now, object.clone(), event)));
                    Answer::Stored
                }
                Need::Act(permit) => {
                    acts += 1;
                    assert_eq!(acts, 1, "{object}: a tick wrote twice");
                    self.may_write(object, permit.write());
                    self.writes.push((self.now, object.clone(), permit.write().clone()));
                    Answer::Acted(self.aws.perform(self.now, permit.write()).map(|()| None))
                }
                Need::Done(rest) => {
                    if let Some(WriteError::Violation(violation)) = &rest.memory.write_error
                        && rest.failed
                    {
                        self.violations.push(format!("{} {object}: {violation}", self.now));
                    }
                    let wake = if rest.failed { Some(self.now + RETRY) } else { rest.wake };
                    if let Some(wake) = wake {
                        self.due.insert(object.clone(), wake.max(self.now));
                    }
                    if K::find(&self.cluster, &object.key).is_some() {
                        self.memories.insert(object.clone(), rest.memory);
                    }
                    self.obeys_the_laws::<K>(object, acts, wake);
                    return;
                }
            };
        }
    }

    /// No weights are written for a route that is contested, and none but the user's own where the user owns them.
    fn may_write(&self, object: &ObjectRef, write: &Write) {
        let Some(route) = self.cluster.routes.get(&object.key) else { return };
        let puts_back = route.deleted.is_some() && route.spec.deletion_policy == RouteDeletionPolicy::Restore;
        if object.kind != KindName::WeightedRoute || write.forward().is_none() || puts_back {
            return;
        }
        let status = &route.status;
        assert!(!holds(&status.conditions, CONTESTED), "{object} is contested and writes {write:?}");
        let follow = status.intent.as_ref().and_then(|intent| intent.follow.as_ref());
        assert_eq!(route.spec.weights.is_some(), follow.is_some(), "{object} writes {write:?} for {:?}", status.intent);
        let is_step = status.intent.as_ref().is_some_and(|intent| intent.correction.is_none());
        let live = &status.weights;
        if let (Some(follow), Some(intent), true) = (follow, &status.intent, is_step && weights::total(live) > 0) {
            for entry in live.iter().chain(&intent.weights) {
                // In hundredths of a percent point; rounding may give or take a whole one.
                let part = |weights: &[EnvironmentWeight]| {
                    weights::of(weights, &entry.environment) * 10_000 / weights::total(weights)
                };
                let (old, new, end) = (part(live), part(&intent.weights), part(&follow.goal));
                let is_straight = new >= old.min(end) - 101 && new <= old.max(end) + 101;
                assert!(is_straight, "{object}: {} goes from {old} to {new} on its way to {end}", entry.environment);
            }
        }
    }

    fn answer(&self, ask: Ask) -> (Ask, Fact) {
        let (_, fact) = self.aws.answer(self.now, ask.query.clone());
        (ask, fact)
    }

    fn set_finalizer<K: Kept>(&mut self, object: &ObjectRef, wanted: bool) {
        let gone = K::objects(&mut self.cluster).edit(&object.key, |stored| {
            assert!(!wanted || stored.deleted.is_none(), "{object} is being deleted and takes no new finalizer");
            stored.finalizers = wanted.then(|| FINALIZER.into()).into_iter().collect();
            !wanted && stored.deleted.is_some()
        });
        if gone == Some(true) {
            self.change(object, |cluster| K::objects(cluster).remove(&object.key));
        }
    }
}

/// What the API server does on a deletion: what has the finalizer stays, marked.
fn delete<K: Kept>(cluster: &mut Cluster, key: &Key, now: Timestamp) {
    let Some(mut object) = K::objects(cluster).remove(key) else { return };
    if object.has_finalizer() {
        object.deleted = object.deleted.or(Some(now));
        K::objects(cluster).insert(object);
    }
}

fn lose_statuses<K: Kept>(cluster: &mut Cluster) {
    let keys: Vec<Key> = K::objects(cluster).keys().cloned().collect();
    for key in keys {
        K::objects(cluster).edit(&key, |object| object.status = K::Status::default());
    }
}
