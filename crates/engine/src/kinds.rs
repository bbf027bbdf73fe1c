//! The four kinds, each with the decisions that belong to it.

use jiff::Timestamp;
use weir_api::traffic_shift::Phase;
use weir_api::{
    Condition, EntryPointSpec, EntryPointStatus, EnvironmentSpec, EnvironmentStatus, TrafficShiftSpec,
    TrafficShiftStatus, WeightedRouteSpec, WeightedRouteStatus,
};

use crate::dates::{Dated, Dates};
use crate::event::Event;
use crate::guard::Recorded;
use crate::object::objects::{Names, Objects};
use crate::object::{Cluster, Key, KindName, Object, RouteObject, ShiftObject};
use crate::reader::{Asked, Reader};
use crate::ready_state::{ReadyState, StatusConditions, because};
use crate::reason::Reason;
use crate::tick::{Context, Kind, Urgency, Verdict};
use crate::{claim, entry_point, environment, route, shift};

/// A kind with the place of its objects in a cluster.
pub trait Kept: Kind<Spec: Names<Status = <Self as Kind>::Status>> {
    /// Its objects, to be changed.
    fn objects(cluster: &mut Cluster) -> &mut Objects<Self::Spec, Self::Status>;
}

/// Declares a kind: its marker type, its types, where its objects are, and the functions that are its own.
macro_rules! kind {
    (
        $(#[$doc:meta])* $marker:ident: $name:ident($spec:ty, $status:ty) in $objects:ident,
        decide: $decide:expr, $(recorded: $recorded:expr,)?
        events: $events:expr, stands: $stands:expr, urgency: $urgency:expr
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $marker {}

        impl Kept for $marker {
            fn objects(cluster: &mut Cluster) -> &mut Objects<$spec, $status> {
                &mut cluster.$objects
            }
        }

        impl Kind for $marker {
            type Spec = $spec;
            type Status = $status;

            const NAME: KindName = KindName::$name;

            fn find<'a>(cluster: &'a Cluster, key: &Key) -> Option<&'a Object<$spec, $status>> {
                cluster.$objects.get(key)
            }

            fn decide(
                context: &Context,
                cluster: &Cluster,
                object: &Object<$spec, $status>,
                reader: &mut Reader<'_>,
            ) -> Asked<Verdict<$status>> {
                $decide(context, cluster, object, reader)
            }

            $(fn recorded<'a>(owner: &'a str, cluster: &'a Cluster, key: &Key) -> Option<Recorded<'a>> {
                $recorded(owner, cluster, key)
            })?

            fn events(old: &$status, new: &$status) -> Vec<Event> {
                $events(old, new)
            }

            fn refused(now: Timestamp, status: &$status, generation: i64, message: &str) -> $status {
                let mut refused = status.clone();
                refused.observed_generation = Some(generation);
                let stands: Option<String> = $stands(status);
                let message = stands.map_or_else(|| message.to_owned(), |stands| format!("{message}; {stands}"));
                refused.conditions = refusal(now, &status.conditions, generation, &message);
                refused
            }

            fn redate(status: &mut $status, dates: &Dates) {
                status.redate(dates);
            }

            fn urgency(cluster: &Cluster, object: &Object<$spec, $status>) -> Urgency {
                $urgency(cluster, object)
            }
        }
    };
}

kind! {
    /// Entry points.
    EntryPoints: EntryPoint(EntryPointSpec, EntryPointStatus) in entry_points,
    decide: entry_point::decide,
    events: |old: &EntryPointStatus, new: &EntryPointStatus| stood(&old.conditions, &new.conditions),
    stands: |_| None,
    urgency: routine
}

kind! {
    /// Environments.
    Environments: Environment(EnvironmentSpec, EnvironmentStatus) in environments,
    decide: environment::decide,
    events: |old: &EnvironmentStatus, new: &EnvironmentStatus| stood(&old.conditions, &new.conditions),
    stands: |_| None,
    urgency: routine
}

kind! {
    /// Weighted routes.
    Routes: WeightedRoute(WeightedRouteSpec, WeightedRouteStatus) in routes,
    decide: route::decide,
    recorded: Recorded::of_route,
    events: route::events,
    stands: |_| None,
    urgency: |cluster, route: &RouteObject| {
        let alone = match () {
            () if route.deleted.is_some() || route::is_following(route) => Urgency::Progress,
            () if route::is_correcting(route) => Urgency::Repair,
            () => Urgency::Routine,
        };
        claim::holder(cluster, &route.key).map_or(alone, |shift| urgency_of(shift).min(alone))
    }
}

kind! {
    /// Traffic shifts.
    Shifts: TrafficShift(TrafficShiftSpec, TrafficShiftStatus) in shifts,
    decide: shift::decide,
    events: shift::events,
    stands: shift::stands_still,
    urgency: |_, shift| urgency_of(shift)
}

/// The conditions of an object whose spec cannot be understood.
fn refusal(now: Timestamp, old: &[Condition], generation: i64, message: &str) -> Vec<Condition> {
    let ready_state = ReadyState::Stalled(because(Reason::Invalid, message));
    StatusConditions::after(old, now, generation).ready_state(&ready_state).finish()
}

/// The events of kinds that have none of their own.
fn stood(old: &[Condition], new: &[Condition]) -> Vec<Event> {
    route::stalled(old, new).into_iter().collect()
}

/// Nothing about these objects is urgent.
fn routine<Spec, Status>(_: &Cluster, _: &Object<Spec, Status>) -> Urgency {
    Urgency::Routine
}

/// How urgent an object is that follows this shift.
fn urgency_of(shift: &ShiftObject) -> Urgency {
    let is_moving = shift.status.run.as_ref().is_some_and(|run| run.ended_at.is_none());
    match shift.status.phase {
        Some(Phase::RollingBack) if !shift::only_watches(shift) => Urgency::Rollback,
        _ if is_moving && shift::may_turn_round(shift) => Urgency::Rollback,
        _ if is_moving || shift.deleted.is_some() => Urgency::Progress,
        _ => Urgency::Routine,
    }
}
