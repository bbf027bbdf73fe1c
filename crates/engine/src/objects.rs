//! The objects of one kind by key, and by the objects that they name: among thousands, only those that can make a
//! difference are looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Index;

use smol_str::SmolStr;
use weir_api::{EntryPointSpec, EnvironmentSpec, TrafficShiftSpec, WeightedRouteSpec};

use crate::object::{Key, KindName, Object, ObjectRef};

/// A spec, as far as it names other objects.
pub trait Names {
    /// The objects that it names, for an object of the given key.
    fn named(&self, key: &Key) -> Vec<ObjectRef>;
}

impl Names for EntryPointSpec {
    fn named(&self, _: &Key) -> Vec<ObjectRef> {
        Vec::new()
    }
}

impl Names for EnvironmentSpec {
    fn named(&self, _: &Key) -> Vec<ObjectRef> {
        Vec::new()
    }
}

impl Names for WeightedRouteSpec {
    fn named(&self, key: &Key) -> Vec<ObjectRef> {
        let entry_point = &self.listener.entry_point;
        let namespace = entry_point.namespace.as_deref().unwrap_or(&key.namespace);
        let entry_point = ObjectRef::new(KindName::EntryPoint, Key::new(namespace, &entry_point.name));
        let environments = self.backends.iter().map(|backend| key.beside(&backend.environment));
        environments.map(|key| ObjectRef::new(KindName::Environment, key)).chain([entry_point]).collect()
    }
}

impl Names for TrafficShiftSpec {
    fn named(&self, key: &Key) -> Vec<ObjectRef> {
        self.routes.iter().map(|route| ObjectRef::new(KindName::WeightedRoute, key.beside(route))).collect()
    }
}

/// The objects of one kind. Each has a place of its own beside the map, whose nodes are half empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Objects<Spec, Status> {
    by_key: BTreeMap<Key, Box<Object<Spec, Status>>>,
    /// Each object that is named, with the key of each object that names it.
    naming: BTreeSet<(ObjectRef, Key)>,
}

impl<Spec, Status> Default for Objects<Spec, Status> {
    fn default() -> Self {
        Self { by_key: BTreeMap::new(), naming: BTreeSet::new() }
    }
}

impl<Spec: Names, Status> Objects<Spec, Status> {
    /// Takes in an object, in the place of one of the same key.
    pub fn insert(&mut self, object: Object<Spec, Status>) {
        self.remove(&object.key);
        self.naming.extend(object.spec.named(&object.key).into_iter().map(|named| (named, object.key.clone())));
        self.by_key.insert(object.key.clone(), Box::new(object));
    }

    /// Takes out an object.
    pub fn remove(&mut self, key: &Key) -> Option<Object<Spec, Status>> {
        let object = *self.by_key.remove(key)?;
        for named in object.spec.named(key) {
            self.naming.remove(&(named, key.clone()));
        }
        Some(object)
    }

    /// Notes a newer version of an object of which nothing else is new.
    pub fn advance(&mut self, key: &Key, version: SmolStr) {
        if let Some(object) = self.by_key.get_mut(key) {
            object.version = version;
        }
    }

    /// Changes an object; nothing where there is none.
    pub fn edit<T>(&mut self, key: &Key, change: impl FnOnce(&mut Object<Spec, Status>) -> T) -> Option<T> {
        let mut object = self.remove(key)?;
        let changed = change(&mut object);
        self.insert(object);
        Some(changed)
    }

    /// The object of a key.
    pub fn get(&self, key: &Key) -> Option<&Object<Spec, Status>> {
        self.by_key.get(key).map(Box::as_ref)
    }

    /// Whether there is an object of a key.
    pub fn contains_key(&self, key: &Key) -> bool {
        self.by_key.contains_key(key)
    }

    /// The keys, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.by_key.keys()
    }

    /// The objects, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &Object<Spec, Status>> {
        self.by_key.values().map(Box::as_ref)
    }

    /// The objects that name another one, in the order of their keys.
    pub fn naming(&self, kind: KindName, key: &Key) -> impl Iterator<Item = &Object<Spec, Status>> {
        let named = ObjectRef::new(kind, key.clone());
        let first = (named.clone(), Key::new("", ""));
        let entries = self.naming.range(first..).take_while(move |(other, _)| *other == named);
        entries.filter_map(|(_, key)| self.get(key))
    }
}

impl<Spec: Names, Status> FromIterator<Object<Spec, Status>> for Objects<Spec, Status> {
    fn from_iter<T: IntoIterator<Item = Object<Spec, Status>>>(objects: T) -> Self {
        let mut found = Self::default();
        objects.into_iter().for_each(|object| found.insert(object));
        found
    }
}

impl<Spec: Names, Status> Index<&Key> for Objects<Spec, Status> {
    type Output = Object<Spec, Status>;

    /// The object of a key that is known to be there.
    fn index(&self, key: &Key) -> &Self::Output {
        &self.by_key[key]
    }
}
