//! Everything the API server remembers: objects, their one version counter, the bounded history that watches read.
//!
//! Invariant: every change goes through [`Cluster::commit`], takes exactly one version, and is in the history until it
//! is compacted away. Nothing here is ordered by a hash.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::clock::Clock;

use super::kinds::Kind;
use super::kinds::{GroupResource, Kinds};
use super::log::Log;
use super::{KubeOptions, events};

/// Changes kept for watches; older ones are compacted away by themselves.
const HISTORY_LIMIT: usize = 10_000;

/// Where an object lies within its resource; the namespace of cluster-wide objects is empty.
pub(super) type ObjectKey = (String, String);

/// One change of one object.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) resource: GroupResource,
    pub(super) before: Option<Arc<Value>>,
    /// Absent when the object was removed; `last` then has its final state.
    pub(super) after: Option<Arc<Value>>,
    /// The object as an event about this change shows it.
    pub(super) last: Arc<Value>,
    /// When watches get to see it.
    pub(super) visible_at: Instant,
}

pub(super) struct Cluster {
    pub(super) clock: Clock,
    pub(super) kinds: Kinds,
    pub(super) log: Log,
    options: KubeOptions,
    version: u64,
    objects: BTreeMap<GroupResource, BTreeMap<ObjectKey, Arc<Value>>>,
    history: VecDeque<Change>,
    /// The newest version whose change is no longer in the history.
    compacted: u64,
    wakers: BTreeMap<u64, Waker>,
    watches: u64,
    identity: Rng,
    delays: Rng,
    visible_until: Instant,
    /// Watches with this number or a lower one are cut.
    cut_watches: u64,
    /// Until when watches tell every event twice.
    echo_until: Instant,
}

impl Cluster {
    pub(super) fn new(clock: Clock, seed: u64, options: KubeOptions) -> Self {
        let mut identity = Rng::with_seed(seed);
        let delays = identity.fork();
        Self {
            clock,
            kinds: Kinds::default(),
            log: Log::default(),
            options,
            version: 0,
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            compacted: 0,
            wakers: BTreeMap::new(),
            watches: 0,
            identity,
            delays,
            visible_until: Instant::now(),
            cut_watches: 0,
            echo_until: Instant::now(),
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn compacted(&self) -> u64 {
        self.compacted
    }

    /// The present instant as object metadata writes it, in whole seconds.
    pub(super) fn now(&self) -> String {
        self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// How long the next answer is under way.
    pub(super) fn latency(&mut self) -> Duration {
        let range = self.options.latency.clone();
        self.delay_within(range)
    }

    fn delay_within(&mut self, range: std::ops::RangeInclusive<Duration>) -> Duration {
        let micros = |duration: &Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let (low, high) = (micros(range.start()), micros(range.end()));
        Duration::from_micros(self.delays.u64(low..=high.max(low)))
    }

    /// When a watch that named no end is ended by the server: between 30 and 60 minutes.
    pub(super) fn watch_lifetime(&mut self) -> Duration {
        Duration::from_secs(self.delays.u64(1800..=3600))
    }

    /// A fresh uid.
    pub(super) fn uid(&mut self) -> String {
        let bits = self.identity.u128(..);
        let hex = format!("{bits:032x}");
        let variant = ["8", "9", "a", "b"][self.identity.usize(..4)];
        format!("{}-{}-4{}-{variant}{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }

    /// A name that starts with `base`, as the server generates it.
    pub(super) fn generate_name(&mut self, base: &str) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let base: String = base.chars().take(58).collect();
        let suffix = (0..5).map(|_| char::from(LETTERS[self.identity.usize(..LETTERS.len())]));
        base.chars().chain(suffix).collect()
    }

    pub(super) fn get(&self, resource: &GroupResource, place: &ObjectKey) -> Option<&Arc<Value>> {
        self.objects.get(resource)?.get(place)
    }

    /// The objects of a resource, in the order of namespace and name.
    pub(super) fn all(&self, resource: &GroupResource) -> impl Iterator<Item = (&ObjectKey, &Arc<Value>)> {
        self.objects.get(resource).into_iter().flatten()
    }

    /// Every stored object with where it lies.
    pub(super) fn everything(&self) -> impl Iterator<Item = (&GroupResource, &ObjectKey, &Arc<Value>)> {
        self.objects
            .iter()
            .flat_map(|(resource, objects)| objects.iter().map(move |(place, object)| (resource, place, object)))
    }

    /// Puts `object` at `place`, or takes away what is there, as one change with a version of its own.
    /// Returns the object as it now is; for a removal, as it was last.
    pub(super) fn commit(&mut self, resource: &GroupResource, place: &ObjectKey, object: Option<Value>) -> Arc<Value> {
        self.version += 1;
        let objects = self.objects.entry(resource.clone()).or_default();
        let before = objects.get(place).cloned();
        let stamped = |mut object: Value| {
            object["metadata"]["resourceVersion"] = json!(self.version.to_string());
            Arc::new(object)
        };
        let (after, last) = if let Some(object) = object {
            let object = stamped(object);
            objects.insert(place.clone(), object.clone());
            (Some(object.clone()), object)
        } else {
            let gone = before.as_deref().cloned().unwrap_or(Value::Null);
            objects.remove(place);
            (None, stamped(gone))
        };
        let range = self.options.watch_delay.clone();
        let visible_at = (Instant::now() + self.delay_within(range)).max(self.visible_until);
        self.visible_until = visible_at;
        let version = self.version;
        let change = Change { version, resource: resource.clone(), before, after, last: last.clone(), visible_at };
        self.history.push_back(change);
        if self.history.len() > HISTORY_LIMIT
            && let Some(oldest) = self.history.pop_front()
        {
            self.compacted = oldest.version;
        }
        self.wake();
        last
    }

    /// Forgets every change so far: a watch or a list that goes on from an older version is told that it expired.
    pub(super) fn compact(&mut self) {
        self.history.clear();
        self.compacted = self.version;
        self.wake();
    }

    /// Forgets the changes that were visible before an instant.
    pub(super) fn compact_before(&mut self, instant: Instant) {
        while let Some(oldest) = self.history.pop_front_if(|oldest| oldest.visible_at < instant) {
            self.compacted = oldest.version;
        }
    }

    /// The changes after `version`, oldest first; `None` if some of them are no longer known.
    pub(super) fn changes_after(&self, version: u64) -> Option<impl Iterator<Item = &Change>> {
        if version < self.compacted {
            return None;
        }
        let start = self.history.partition_point(|change| change.version <= version);
        Some(self.history.range(start..))
    }

    /// The state of a resource as it was at `version`; `None` if that is no longer known.
    pub(super) fn at_version(&self, resource: &GroupResource, version: u64) -> Option<BTreeMap<ObjectKey, Arc<Value>>> {
        let later: Vec<&Change> = self.changes_after(version)?.collect();
        let mut objects = self.objects.get(resource).cloned().unwrap_or_default();
        for change in later.into_iter().rev().filter(|change| change.resource == *resource) {
            let place = place_of(&change.last);
            match &change.before {
                Some(before) => objects.insert(place, before.clone()),
                None => objects.remove(&place),
            };
        }
        Some(objects)
    }

    /// No watch hears of any change to come before an instant.
    pub(super) fn hold_watches(&mut self, until: Instant) {
        self.visible_until = self.visible_until.max(until);
    }

    /// Ends every watch that is open now.
    pub(super) fn cut_watches(&mut self) {
        self.cut_watches = self.watches;
        self.wake();
    }

    /// Whether a watch was cut.
    pub(super) fn is_cut(&self, watch: u64) -> bool {
        watch <= self.cut_watches
    }

    /// Has watches tell every event twice until an instant.
    pub(super) fn echo_watches(&mut self, until: Instant) {
        self.echo_until = until;
    }

    /// Whether watches tell every event twice at an instant.
    pub(super) fn echoes(&self, now: Instant) -> bool {
        now < self.echo_until
    }

    /// A number for a new watch.
    pub(super) fn number_watch(&mut self) -> u64 {
        self.watches += 1;
        self.watches
    }

    /// Has `waker` woken at the next change.
    pub(super) fn wait(&mut self, watch: u64, waker: &Waker) {
        self.wakers.insert(watch, waker.clone());
    }

    pub(super) fn forget_watch(&mut self, watch: u64) {
        self.wakers.remove(&watch);
    }

    fn wake(&mut self) {
        for (_, waker) in std::mem::take(&mut self.wakers) {
            waker.wake();
        }
    }

    /// The object in the version of the API in which it is asked for.
    pub(super) fn shown_as(kind: &Kind, object: &Arc<Value>) -> Arc<Value> {
        let api_version = kind.api_version();
        if object["apiVersion"] == api_version.as_str() {
            return object.clone();
        }
        if kind.stored_as != kind.key {
            return Arc::new(events::from_core(object));
        }
        let mut shown = Value::clone(object);
        shown["apiVersion"] = json!(api_version);
        Arc::new(shown)
    }
}

/// Where an object says that it lies.
pub(super) fn place_of(object: &Value) -> ObjectKey {
    let part = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    (part("namespace"), part("name"))
}
