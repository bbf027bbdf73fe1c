//! The objects of one kind by key, and by the objects that they name: among thousands, only those that can make a
//! difference are looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Index;

use jiff::Timestamp;
use smol_str::SmolStr;
use weir_api::{
    EntryPointSpec, EntryPointStatus, EnvironmentSpec, EnvironmentStatus, TrafficShiftSpec, TrafficShiftStatus,
};

use crate::object::{Key, KindName, Object, ObjectRef};

/// A spec, as far as it names other objects.
pub trait Names: Sized {
    /// What Weir records of such an object.
    type Status;

    /// The objects that it names, for an object of the given key.
    fn named(&self, key: &Key) -> Vec<ObjectRef>;

    /// The object on which there is not room for any number of those that name it, and whether this one has its place
    /// there already.
    fn place(_: &Object<Self, Self::Status>) -> Option<(Key, bool)> {
        None
    }
}

impl Names for EntryPointSpec {
    type Status = EntryPointStatus;

    fn named(&self, _: &Key) -> Vec<ObjectRef> {
        Vec::new()
    }
}

impl Names for EnvironmentSpec {
    type Status = EnvironmentStatus;

    fn named(&self, _: &Key) -> Vec<ObjectRef> {
        Vec::new()
    }
}

impl Names for TrafficShiftSpec {
    type Status = TrafficShiftStatus;

    fn named(&self, key: &Key) -> Vec<ObjectRef> {
        self.routes.iter().map(|route| ObjectRef::new(KindName::WeightedRoute, key.sibling(route))).collect()
    }
}

/// The objects of one kind. Each has a place of its own beside the map, whose nodes are half empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Objects<Spec, Status> {
    by_key: BTreeMap<Key, Box<Object<Spec, Status>>>,
    /// Each object that is named, with the key of each object that names it.
    naming: BTreeSet<(ObjectRef, Key)>,
    /// Where there is not room for any number: those that want to be there, by their namespaces.
    ranked: BTreeMap<Key, BTreeMap<SmolStr, BTreeSet<Rank>>>,
}

/// Where an object stands among those of its namespace: first those that have their place, then the older ones.
type Rank = (bool, Timestamp, SmolStr);

impl<Spec, Status> Default for Objects<Spec, Status> {
    fn default() -> Self {
        Self { by_key: BTreeMap::new(), naming: BTreeSet::new(), ranked: BTreeMap::new() }
    }
}

impl<Spec: Names<Status = Status>, Status> Objects<Spec, Status> {
    /// Takes in an object, in the place of one of the same key.
    pub fn insert(&mut self, object: Object<Spec, Status>) {
        self.remove(&object.key);
        self.naming.extend(object.spec.named(&object.key).into_iter().map(|named| (named, object.key.clone())));
        if let Some((place, rank)) = rank(&object) {
            let there = self.ranked.entry(place).or_default();
            there.entry(object.key.namespace.clone()).or_default().insert(rank);
        }
        self.by_key.insert(object.key.clone(), Box::new(object));
    }

    /// Takes out an object.
    pub fn remove(&mut self, key: &Key) -> Option<Object<Spec, Status>> {
        let object = *self.by_key.remove(key)?;
        for named in object.spec.named(key) {
            self.naming.remove(&(named, key.clone()));
        }
        if let Some((place, rank)) = rank(&object) {
            let there = self.ranked.entry(place.clone()).or_default();
            let beside = there.entry(key.namespace.clone()).or_default();
            beside.remove(&rank);
            if beside.is_empty() {
                there.remove(&key.namespace);
            }
            if there.is_empty() {
                self.ranked.remove(&place);
            }
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

    /// Those that come first on a place where there is not room for any number: of each namespace those that have their
    /// place, and of the others so many of the oldest that together they are not more than `most`.
    pub fn first_on(&self, place: &Key, most: usize) -> impl Iterator<Item = &Object<Spec, Status>> {
        let namespaces = self.ranked.get(place).into_iter().flatten();
        namespaces.flat_map(move |(namespace, ranks)| {
            let first = ranks.iter().enumerate().take_while(move |(index, rank)| !rank.0 || *index < most);
            first.filter_map(move |(_, (_, _, name))| self.get(&Key::new(namespace.clone(), name.clone())))
        })
    }

    /// Whether an object is none of these.
    pub fn is_beyond(&self, object: &Object<Spec, Status>, most: usize) -> bool {
        let Some((place, rank)) = rank(object) else { return false };
        let beside = self.ranked.get(&place).and_then(|there| there.get(&object.key.namespace));
        let before = beside.and_then(|beside| beside.range(..&rank).nth(most.saturating_sub(1)));
        rank.0 && before.is_some()
    }
}

fn rank<Spec: Names<Status = Status>, Status>(object: &Object<Spec, Status>) -> Option<(Key, Rank)> {
    let (place, has_place) = Spec::place(object)?;
    Some((place, (!has_place, object.created, object.key.name.clone())))
}

impl<Spec: Names<Status = Status>, Status> FromIterator<Object<Spec, Status>> for Objects<Spec, Status> {
    fn from_iter<T: IntoIterator<Item = Object<Spec, Status>>>(objects: T) -> Self {
        let mut found = Self::default();
        objects.into_iter().for_each(|object| found.insert(object));
        found
    }
}

impl<Spec, Status> Index<&Key> for Objects<Spec, Status> {
    type Output = Object<Spec, Status>;

    /// The object of a key that is known to be there.
    fn index(&self, key: &Key) -> &Self::Output {
        &self.by_key[key]
    }
}
