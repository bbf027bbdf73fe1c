//! The four kinds as the loop needs them: where their objects are kept, and who decides for them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use weir_api::{
    EntryPointSpec, EntryPointStatus, EnvironmentSpec, EnvironmentStatus, TrafficShiftSpec, TrafficShiftStatus,
    WeightedRouteSpec, WeightedRouteStatus,
};
use weir_engine::{Cluster, Key, Kind, KindName, Object, kinds};

/// A spec whose objects have a place in the [`Cluster`].
pub trait Spec: Clone + Eq + DeserializeOwned + Serialize {
    /// The status that belongs to it.
    type Status: Clone + Eq + Default + DeserializeOwned + Serialize;

    /// The kind.
    const KIND: KindName;

    /// An object of the kind.
    fn find<'a>(cluster: &'a Cluster, key: &Key) -> Option<&'a Object<Self, Self::Status>>;

    /// Puts an object into its place.
    fn put(cluster: &mut Cluster, object: Object<Self, Self::Status>);

    /// Takes an object out.
    fn take(cluster: &mut Cluster, key: &Key) -> Option<Object<Self, Self::Status>>;
}

macro_rules! kept {
    ($($spec:ty, $status:ty, $kind:ident, $field:ident;)*) => {$(
        impl Spec for $spec {
            type Status = $status;

            const KIND: KindName = KindName::$kind;

            fn find<'a>(cluster: &'a Cluster, key: &Key) -> Option<&'a Object<Self, Self::Status>> {
                cluster.$field.get(key)
            }

            fn put(cluster: &mut Cluster, object: Object<Self, Self::Status>) {
                cluster.$field.insert(object.key.clone(), object);
            }

            fn take(cluster: &mut Cluster, key: &Key) -> Option<Object<Self, Self::Status>> {
                cluster.$field.remove(key)
            }
        }
    )*};
}

kept! {
    EntryPointSpec, EntryPointStatus, EntryPoint, entry_points;
    EnvironmentSpec, EnvironmentStatus, Environment, environments;
    WeightedRouteSpec, WeightedRouteStatus, WeightedRoute, routes;
    TrafficShiftSpec, TrafficShiftStatus, TrafficShift, shifts;
}

/// A kind whose status can be read and written.
pub trait Decider: Kind<Status: DeserializeOwned + Serialize> {}

impl<K: Kind<Status: DeserializeOwned + Serialize>> Decider for K {}

/// Who decides for each kind. There is one set in production; tests of the loop bring their own, to see what the
/// loop makes of decisions that no sound engine would take.
pub trait Decisions: 'static {
    /// Decides for entry points.
    type EntryPoints: Kind<Spec = EntryPointSpec, Status = EntryPointStatus>;
    /// Decides for environments.
    type Environments: Kind<Spec = EnvironmentSpec, Status = EnvironmentStatus>;
    /// Decides for routes.
    type Routes: Kind<Spec = WeightedRouteSpec, Status = WeightedRouteStatus>;
    /// Decides for shifts.
    type Shifts: Kind<Spec = TrafficShiftSpec, Status = TrafficShiftStatus>;
}

/// The decisions of the engine.
#[derive(Debug)]
pub enum Weir {}

impl Decisions for Weir {
    type EntryPoints = kinds::EntryPoints;
    type Environments = kinds::Environments;
    type Routes = kinds::Routes;
    type Shifts = kinds::Shifts;
}
