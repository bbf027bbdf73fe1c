//! What is known of the cluster, fed by watches and by the replies to our own requests.
//!
//! Invariants: nothing older replaces anything newer; an object that was deleted does not come back by a late reply;
//! every change names all objects that must be looked at again.

mod namespaces;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;
use smol_str::SmolStr;
use weir_api::{EntryPointSpec, EnvironmentSpec, TrafficShiftSpec, WeightedRouteSpec};
use weir_engine::depend::Dependents;
use weir_engine::{Cluster, Key, KindName, ObjectRef};

use crate::convert::{self, Metadata, Received, Refusal};
use crate::document::Document;
use crate::kinds::Spec;

/// How many tombstones of deleted objects are kept against late replies. A reply is late by seconds at most.
const TOMBSTONES: usize = 1_024;

/// Where a document comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A watch, or the list that it began with.
    Watch,
    /// The answer to a request for this one object.
    Reply,
}

/// What a document has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The object.
    pub object: ObjectRef,
    /// How it has changed.
    pub kind: ChangeType,
    /// The other objects whose decisions look at it, as it was and as it is.
    pub dependents: BTreeSet<ObjectRef>,
    /// Whether its status is another than the one that was known.
    pub rewritten: bool,
}

/// How an object has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeType {
    /// It is new, or a user has asked for something else.
    Spec,
    /// Its status or finalizers are others.
    Status,
    /// It is no more.
    Deleted,
}

/// All objects, as far as they are known.
#[derive(Debug, Default)]
pub struct Store {
    cluster: Cluster,
    /// Those that cannot be decided on.
    refusals: BTreeMap<ObjectRef, Refusal>,
    lists: BTreeMap<KindName, Listing>,
    listed: BTreeSet<KindName>,
    namespaces: namespaces::Listing,
    tombstones: VecDeque<SmolStr>,
    /// What of statuses could not be read, and of which objects that is news.
    unreadable: BTreeMap<ObjectRef, Vec<String>>,
    news: BTreeSet<ObjectRef>,
}

/// A list that is coming in.
#[derive(Debug, Default)]
struct Listing {
    /// What it has shown so far.
    shown: BTreeSet<Key>,
    /// What replies have brought since it began: the list may be older.
    newer: BTreeSet<Key>,
}

impl Store {
    /// Nothing is known yet, by a controller of this name.
    pub fn of_controller(name: Option<&str>) -> Self {
        let cluster = Cluster { controller: name.map(SmolStr::new), ..Cluster::default() };
        Self { cluster, ..Self::default() }
    }

    /// The objects that can be decided on.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// What is known of an object, whether it can be decided on or not.
    pub fn metadata(&self, object: &ObjectRef) -> Option<Metadata> {
        let key = &object.key;
        let sound = match object.kind {
            KindName::EntryPoint => self.cluster.entry_points.get(key).map(Metadata::from),
            KindName::Environment => self.cluster.environments.get(key).map(Metadata::from),
            KindName::WeightedRoute => self.cluster.routes.get(key).map(Metadata::from),
            KindName::TrafficShift => self.cluster.shifts.get(key).map(Metadata::from),
        };
        sound.or_else(|| self.refusals.get(object).map(|refusal| refusal.metadata.clone()))
    }

    /// Why an object cannot be decided on, where it cannot.
    pub fn refusal(&self, object: &ObjectRef) -> Option<&Refusal> {
        self.refusals.get(object)
    }

    /// Whether all that is watched has been listed once, so that what is missing here is missing there.
    pub fn is_complete(&self) -> bool {
        self.listed.len() == KindName::ALL.len() && (self.cluster.namespaces.is_none() || self.namespaces.is_listed())
    }

    /// Every object that is known.
    pub fn objects(&self) -> BTreeSet<ObjectRef> {
        KindName::ALL.into_iter().flat_map(|kind| self.of_kind(kind)).collect()
    }

    /// Every object of a kind that is known.
    fn of_kind(&self, kind: KindName) -> Vec<ObjectRef> {
        let name = |key: &Key| ObjectRef::new(kind, key.clone());
        let mut found: Vec<ObjectRef> = match kind {
            KindName::EntryPoint => self.cluster.entry_points.keys().map(name).collect(),
            KindName::Environment => self.cluster.environments.keys().map(name).collect(),
            KindName::WeightedRoute => self.cluster.routes.keys().map(name).collect(),
            KindName::TrafficShift => self.cluster.shifts.keys().map(name).collect(),
        };
        found.extend(self.refusals.keys().filter(|object| object.kind == kind).cloned());
        found
    }

    /// A list of a kind begins.
    pub fn begin_list(&mut self, kind: KindName) {
        self.lists.insert(kind, Listing::default());
    }

    /// The list of a kind is complete: what it has not shown is no more.
    pub fn end_list(&mut self, kind: KindName) -> Vec<Change> {
        self.listed.insert(kind);
        let Some(list) = self.lists.remove(&kind) else { return Vec::new() };
        let mut known = self.of_kind(kind);
        known.retain(|object| !list.shown.contains(&object.key) && !list.newer.contains(&object.key));
        known.into_iter().map(|object| self.remove(object)).collect()
    }

    /// Takes in a document. `None` when it brings nothing new.
    pub fn put(&mut self, kind: KindName, document: Document, source: Source) -> Option<Change> {
        match kind {
            KindName::EntryPoint => self.receive(convert::read::<EntryPointSpec>(document)?, source),
            KindName::Environment => self.receive(convert::read::<EnvironmentSpec>(document)?, source),
            KindName::WeightedRoute => self.receive(convert::read::<WeightedRouteSpec>(document)?, source),
            KindName::TrafficShift => self.receive(convert::read::<TrafficShiftSpec>(document)?, source),
        }
    }

    /// A watch has seen the end of an object.
    pub fn delete(&mut self, kind: KindName, document: &Document) -> Option<Change> {
        let object = ObjectRef::new(kind, document.key()?);
        let uid = document.metadata.uid.as_deref().unwrap_or_default();
        let version = document.metadata.resource_version.as_deref().unwrap_or_default();
        let known = self.metadata(&object)?;
        if known.uid != uid && age(version, &known.version) == Age::Older {
            return None;
        }
        self.add_tombstone(uid.into());
        Some(self.remove(object))
    }

    /// A request found that an object is no more, having been sent when its version was the given one.
    pub fn gone(&mut self, object: &ObjectRef, version: Option<&str>) -> Option<Change> {
        let known = self.metadata(object)?;
        if Some(known.version.as_str()) != version {
            return None;
        }
        self.add_tombstone(known.uid);
        Some(self.remove(object.clone()))
    }

    fn receive<S: Spec>(&mut self, received: Received<S>, source: Source) -> Option<Change> {
        let object = ObjectRef::new(S::KIND, received.key.clone());
        let (before, metadata) = (self.metadata(&object), received.metadata());
        if !self.admits(&object, before.as_ref(), &metadata, source) {
            return None;
        }
        self.note_unreadable(&object, &received.lost);
        if received.outdated {
            self.cluster.outdated.insert(object.clone());
        } else {
            self.cluster.outdated.remove(&object);
        }
        let asked = before.as_ref().is_none_or(|before| metadata.asks_otherwise(before));
        let rewritten = before.is_some() && !self.has_status(&object, &received);
        let is_same = before.is_some_and(|before| metadata.equals(&before));
        if is_same && !rewritten && self.says_the_same(&object, &received) {
            self.advance::<S>(&object, metadata.version);
            return None;
        }
        let dependents = self.dependents(&object);
        match received.object {
            Ok(sound) => {
                self.refusals.remove(&object);
                self.cluster.refused.remove(&object);
                S::objects_mut(&mut self.cluster).insert(sound);
            }
            Err(refusal) => {
                self.refusals.insert(object.clone(), refusal);
                self.cluster.refused.insert(object.clone());
                S::objects_mut(&mut self.cluster).remove(&object.key);
            }
        }
        let kind = if asked { ChangeType::Spec } else { ChangeType::Status };
        let dependents = dependents.map(|dependents| dependents.after(&self.cluster)).unwrap_or_default();
        Some(Change { object, kind, dependents, rewritten })
    }

    fn note_unreadable(&mut self, object: &ObjectRef, lost: &[String]) {
        if lost.is_empty() {
            self.unreadable.remove(object);
        } else if self.unreadable.get(object).is_none_or(|known| known != lost) {
            self.unreadable.insert(object.clone(), lost.to_vec());
            self.news.insert(object.clone());
        }
    }

    /// The objects of whose statuses something cannot be read, and what: of each once.
    pub fn unreadable(&mut self) -> Vec<(ObjectRef, String)> {
        let news = std::mem::take(&mut self.news).into_iter();
        news.filter_map(|object| {
            let lost = self.unreadable.get(&object)?.join(", ");
            Some((object, lost))
        })
        .collect()
    }

    /// What this process has written as a status counts, whatever the API server has kept of it.
    pub fn hold(&mut self, object: &ObjectRef, status: &Value) {
        let (cluster, key) = (&mut self.cluster, &object.key);
        match object.kind {
            KindName::EntryPoint => hold::<EntryPointSpec>(cluster, key, status),
            KindName::Environment => hold::<EnvironmentSpec>(cluster, key, status),
            KindName::WeightedRoute => hold::<WeightedRouteSpec>(cluster, key, status),
            KindName::TrafficShift => hold::<TrafficShiftSpec>(cluster, key, status),
        }
    }

    /// Those who look at an object that is about to change. Until all is listed nobody does: then everyone looks at
    /// everything, and to seek them out for each object of a list would take longer than all else.
    fn dependents(&self, object: &ObjectRef) -> Option<Dependents> {
        self.is_complete().then(|| Dependents::before(&self.cluster, object))
    }

    /// Whether what came is to be taken in, by its age and source.
    fn admits(&mut self, object: &ObjectRef, known: Option<&Metadata>, metadata: &Metadata, source: Source) -> bool {
        let list = self.lists.get_mut(&object.kind);
        let trusted = match source {
            Source::Reply => {
                if self.tombstones.contains(&metadata.uid) {
                    return false;
                }
                if let Some(list) = list {
                    list.newer.insert(object.key.clone());
                }
                false
            }
            Source::Watch => {
                self.tombstones.retain(|uid| *uid != metadata.uid);
                // A list is the whole truth of its moment, even where versions went back because a cluster was
                // restored. Only a reply that came after its beginning may be newer.
                list.is_some_and(|list| {
                    list.shown.insert(object.key.clone());
                    !list.newer.contains(&object.key)
                })
            }
        };
        let Some(known) = known else { return true };
        match age(&metadata.version, &known.version) {
            Age::Newer | Age::Unknown => true,
            Age::Same => known.uid != metadata.uid,
            Age::Older => trusted,
        }
    }

    /// Whether the spec, or why it cannot be read, is what is known.
    fn says_the_same<S: Spec>(&self, object: &ObjectRef, received: &Received<S>) -> bool {
        match &received.object {
            Ok(sound) => S::objects(&self.cluster).get(&object.key).is_some_and(|known| known.spec == sound.spec),
            Err(refusal) => self.refusals.get(object).is_some_and(|known| known.message == refusal.message),
        }
    }

    /// Whether the status is what is known.
    fn has_status<S: Spec>(&self, object: &ObjectRef, received: &Received<S>) -> bool {
        let sound = S::objects(&self.cluster).get(&object.key);
        match (&received.object, sound, self.refusals.get(object)) {
            (Ok(new), Some(known), _) => new.status == known.status,
            (Err(new), None, Some(known)) => new.status == known.status,
            // It can be read, or no longer be read: how it stood is not asked.
            _ => true,
        }
    }

    /// Only the version is another.
    fn advance<S: Spec>(&mut self, object: &ObjectRef, version: SmolStr) {
        match self.refusals.get_mut(object) {
            Some(refusal) => refusal.metadata.version = version,
            None => S::objects_mut(&mut self.cluster).advance(&object.key, version),
        }
    }

    fn remove(&mut self, object: ObjectRef) -> Change {
        let dependents = self.dependents(&object);
        self.refusals.remove(&object);
        self.cluster.refused.remove(&object);
        self.cluster.outdated.remove(&object);
        self.unreadable.remove(&object);
        match object.kind {
            KindName::EntryPoint => drop(self.cluster.entry_points.remove(&object.key)),
            KindName::Environment => drop(self.cluster.environments.remove(&object.key)),
            KindName::WeightedRoute => drop(self.cluster.routes.remove(&object.key)),
            KindName::TrafficShift => drop(self.cluster.shifts.remove(&object.key)),
        }
        let dependents = dependents.map(|dependents| dependents.after(&self.cluster)).unwrap_or_default();
        Change { object, kind: ChangeType::Deleted, dependents, rewritten: false }
    }

    fn add_tombstone(&mut self, uid: SmolStr) {
        if self.tombstones.len() == TOMBSTONES {
            self.tombstones.pop_front();
        }
        self.tombstones.push_back(uid);
    }
}

fn hold<S: Spec>(cluster: &mut Cluster, key: &Key, status: &Value) {
    S::objects_mut(cluster).edit(key, |object| object.status = convert::status(S::KIND, status.clone()));
}

/// The age of one version against another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    Older,
    Same,
    Newer,
    /// Versions are opaque unless they are numbers, which may be compared since Kubernetes 1.35 says so.
    Unknown,
}

fn age(version: &str, than: &str) -> Age {
    if version == than {
        return Age::Same;
    }
    match (version.parse::<u128>(), than.parse::<u128>()) {
        (Ok(version), Ok(than)) if version < than => Age::Older,
        (Ok(_), Ok(_)) => Age::Newer,
        _ => Age::Unknown,
    }
}

#[cfg(test)]
mod tests;
