//! Kubernetes objects as the engine sees them: identity, life cycle, spec and status, nothing of a client.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Deref;

use jiff::Timestamp;
use weir_api::{
    EntryPointSpec, EntryPointStatus, EnvironmentSpec, EnvironmentStatus, TrafficShiftSpec, TrafficShiftStatus,
    WeightedRouteSpec, WeightedRouteStatus,
};

/// Namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    /// The key of an object.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key of another object in the same namespace.
    #[must_use]
    pub fn beside(&self, name: impl Into<String>) -> Self {
        Self { namespace: self.namespace.clone(), name: name.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// The four kinds, in the order in which their controllers are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KindName {
    /// A permanent balancer.
    EntryPoint,
    /// An immutable stack.
    Environment,
    /// A place where traffic is split.
    WeightedRoute,
    /// A standing wish where traffic shall be.
    TrafficShift,
}

impl KindName {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::EntryPoint, Self::Environment, Self::WeightedRoute, Self::TrafficShift];

    /// The kind's name as Kubernetes writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::EntryPoint => "EntryPoint",
            Self::Environment => "Environment",
            Self::WeightedRoute => "WeightedRoute",
            Self::TrafficShift => "TrafficShift",
        }
    }
}

/// Names one object of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: KindName,
    /// Its namespace and name.
    pub key: Key,
}

impl ObjectRef {
    /// A reference to an object.
    pub fn new(kind: KindName, key: Key) -> Self {
        Self { kind, key }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind.word(), self.key)
    }
}

/// One object. A status that is missing or cannot be read is the default one: it counts as lost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object<Spec, Status> {
    /// Namespace and name.
    pub key: Key,
    /// Tells this object from an earlier one of the same name.
    pub uid: String,
    /// Rises with each change of the spec.
    pub generation: i64,
    /// The `resourceVersion`, opaque.
    pub version: String,
    /// When it was created.
    pub created: Timestamp,
    /// When its deletion was asked for.
    pub deleted: Option<Timestamp>,
    /// Whether it carries Weir's finalizer.
    pub finalizer: bool,
    /// The value of the command annotation.
    pub command: Option<String>,
    /// What the user wants.
    pub spec: Spec,
    /// What Weir has seen and set out to do.
    pub status: Status,
}

impl<Spec, Status> Object<Spec, Status> {
    /// Where the object stands in the one total order in which claims are settled: oldest first.
    pub fn seniority(&self) -> (Timestamp, &Key, &str) {
        (self.created, &self.key, &self.uid)
    }
}

/// An entry point with its status.
pub type EntryPointObject = Object<EntryPointSpec, EntryPointStatus>;
/// An environment with its status.
pub type EnvironmentObject = Object<EnvironmentSpec, EnvironmentStatus>;
/// A route with its status.
pub type RouteObject = Object<WeightedRouteSpec, WeightedRouteStatus>;
/// A shift with its status.
pub type ShiftObject = Object<TrafficShiftSpec, TrafficShiftStatus>;

/// All objects of our kinds, as far as the watches have shown them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cluster {
    /// The entry points.
    pub entry_points: BTreeMap<Key, EntryPointObject>,
    /// The environments.
    pub environments: BTreeMap<Key, EnvironmentObject>,
    /// The routes.
    pub routes: BTreeMap<Key, RouteObject>,
    /// The shifts.
    pub shifts: Shifts,
    /// The labels of the namespaces, as far as they could be read; `None` where the controller watches one namespace
    /// only, and so cannot know them.
    pub namespaces: Option<BTreeMap<String, BTreeMap<String, String>>>,
}

/// The shifts by key, and by the routes that they name: among thousands, only those that can make a difference are looked
/// at.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shifts {
    by_key: BTreeMap<Key, ShiftObject>,
    /// Each route with each shift that names it.
    naming: BTreeSet<(Key, Key)>,
}

impl Shifts {
    /// Takes in a shift, in the place of one of the same key.
    pub fn insert(&mut self, key: Key, shift: ShiftObject) -> Option<ShiftObject> {
        let before = self.remove(&key);
        self.naming.extend(shift.spec.routes.iter().map(|route| (key.beside(route), key.clone())));
        self.by_key.insert(key, shift);
        before
    }

    /// Takes out a shift.
    pub fn remove(&mut self, key: &Key) -> Option<ShiftObject> {
        let shift = self.by_key.remove(key)?;
        for route in &shift.spec.routes {
            self.naming.remove(&(key.beside(route), key.clone()));
        }
        Some(shift)
    }

    /// The shifts that name a route.
    pub fn naming(&self, route: &Key) -> Vec<&ShiftObject> {
        let first = (route.clone(), Key::new("", ""));
        let entries = self.naming.range(first..).take_while(|(named, _)| named == route);
        entries.filter_map(|(_, key)| self.by_key.get(key)).collect()
    }
}

impl Deref for Shifts {
    type Target = BTreeMap<Key, ShiftObject>;

    fn deref(&self) -> &Self::Target {
        &self.by_key
    }
}
