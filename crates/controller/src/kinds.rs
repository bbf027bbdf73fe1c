//! The four kinds as the loop needs them: where their objects are kept, and who decides for them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use weir_api::{
    EntryPointSpec, EntryPointStatus, EnvironmentSpec, EnvironmentStatus, TrafficShiftSpec, TrafficShiftStatus,
    WeightedRouteSpec, WeightedRouteStatus,
};
use weir_engine::objects::{Names, Objects};
use weir_engine::{Cluster, Kind, KindName, kinds};

/// A spec whose objects have a place in the [`Cluster`].
pub trait Spec:
    Names<Status: Clone + Eq + Default + DeserializeOwned + Serialize> + Clone + Eq + DeserializeOwned + Serialize
{
    /// The kind.
    const KIND: KindName;

    /// The objects of the kind.
    fn objects(cluster: &Cluster) -> &Objects<Self, Self::Status>;

    /// The same, to be changed.
    fn objects_mut(cluster: &mut Cluster) -> &mut Objects<Self, Self::Status>;
}

macro_rules! kept {
    ($($spec:ty, $kind:ident, $field:ident;)*) => {$(
        impl Spec for $spec {
            const KIND: KindName = KindName::$kind;

            fn objects(cluster: &Cluster) -> &Objects<Self, Self::Status> {
                &cluster.$field
            }

            fn objects_mut(cluster: &mut Cluster) -> &mut Objects<Self, Self::Status> {
                &mut cluster.$field
            }
        }
    )*};
}

kept! {
    EntryPointSpec, EntryPoint, entry_points;
    EnvironmentSpec, Environment, environments;
    WeightedRouteSpec, WeightedRoute, routes;
    TrafficShiftSpec, TrafficShift, shifts;
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
