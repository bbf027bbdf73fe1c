//! Kubernetes objects as the engine sees them: identity, life cycle, spec and status, nothing of a client.

pub mod objects;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use smol_str::SmolStr;
use weir_api::{
    CONTROLLER_LABEL, EntryPointSpec, EntryPointStatus, EnvironmentSpec, EnvironmentStatus, FINALIZER,
    TrafficShiftSpec, TrafficShiftStatus, WeightedRouteSpec, WeightedRouteStatus,
};

use objects::Objects;

/// Namespace and name of an object. Of each there are many, in many places: clones cost nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its namespace.
    pub namespace: SmolStr,
    /// Its name.
    pub name: SmolStr,
}

impl Key {
    /// The key of an object.
    pub fn new(namespace: impl Into<SmolStr>, name: impl Into<SmolStr>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key of another object in the same namespace.
    #[must_use]
    pub fn sibling(&self, name: impl Into<SmolStr>) -> Self {
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

/// One object. Whatever of its status is missing or cannot be read is as by default: it counts as lost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object<Spec, Status> {
    /// Namespace and name.
    pub key: Key,
    /// Tells this object from an earlier one of the same name.
    pub uid: SmolStr,
    /// Rises with each change of the spec.
    pub generation: i64,
    /// The `resourceVersion`, opaque.
    pub version: SmolStr,
    /// When it was created.
    pub created: Timestamp,
    /// When its deletion was asked for.
    pub deleted: Option<Timestamp>,
    /// All finalizers, ours and those of others.
    pub finalizers: Vec<SmolStr>,
    /// The value of the command annotation.
    pub command: Option<String>,
    /// What the user wants.
    pub spec: Spec,
    /// What Weir has seen and set out to do.
    pub status: Status,
}

impl<Spec, Status> Object<Spec, Status> {
    /// Where the object stands in the one total order in which claims are settled: oldest first.
    pub fn creation_order(&self) -> (Timestamp, &Key, &str) {
        (self.created, &self.key, &self.uid)
    }

    /// Whether it carries Weir's finalizer.
    pub fn has_finalizer(&self) -> bool {
        self.finalizers.iter().any(|finalizer| finalizer == FINALIZER)
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
    pub entry_points: Objects<EntryPointSpec, EntryPointStatus>,
    /// The environments.
    pub environments: Objects<EnvironmentSpec, EnvironmentStatus>,
    /// The routes.
    pub routes: Objects<WeightedRouteSpec, WeightedRouteStatus>,
    /// The shifts.
    pub shifts: Objects<TrafficShiftSpec, TrafficShiftStatus>,
    /// The labels of the namespaces, as far as they could be read; `None` where the controller watches one namespace
    /// only, and so cannot know them.
    pub namespaces: Option<BTreeMap<String, BTreeMap<String, String>>>,
    /// The name of the controller, which has looked for objects with this name in their label only; without a name, for
    /// objects without the label.
    pub controller: Option<SmolStr>,
    /// The objects that are there and whose spec cannot be read: they are not among the others.
    pub refused: BTreeSet<ObjectRef>,
    /// The objects whose status is stored in the form of an earlier version: it is written anew, whatever is decided.
    pub outdated: BTreeSet<ObjectRef>,
}

impl Cluster {
    /// Whether the status of an object is stored in the form of an earlier version.
    pub fn is_outdated(&self, kind: KindName, key: &Key) -> bool {
        !self.outdated.is_empty() && self.outdated.contains(&ObjectRef::new(kind, key.clone()))
    }

    /// What to do about an object that is named and not seen: there may be none, or it may be another controller's.
    pub fn remedy(&self) -> String {
        match &self.controller {
            Some(name) => format!("create it, or, if it is there, give it the label {CONTROLLER_LABEL}: {name}"),
            None => format!("create it (one with the label {CONTROLLER_LABEL} is another controller's)"),
        }
    }
}
