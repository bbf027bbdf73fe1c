//! The four kinds, each with the decisions that belong to it.

use jiff::Timestamp;
use weir_api::traffic_shift::Phase;
use weir_api::{
    Condition, EntryPointSpec, EntryPointStatus, EnvironmentSpec, EnvironmentStatus, TrafficShiftSpec,
    TrafficShiftStatus, WeightedRouteSpec, WeightedRouteStatus,
};

use crate::event::Event;
use crate::object::{Cluster, EntryPointObject, EnvironmentObject, Key, KindName, Object, RouteObject, ShiftObject};
use crate::sight::Sight;
use crate::standing::{Conditions, Standing, because};
use crate::tick::{Context, Kind, Urgency, Verdict};
use crate::{claim, entry_point, environment, route, shift};

/// Entry points.
#[derive(Debug)]
pub enum EntryPoints {}

/// Environments.
#[derive(Debug)]
pub enum Environments {}

/// Weighted routes.
#[derive(Debug)]
pub enum Routes {}

/// Traffic shifts.
#[derive(Debug)]
pub enum Shifts {}

fn refusal(now: Timestamp, old: &[Condition], generation: i64, message: &str) -> Vec<Condition> {
    let standing = Standing::Stalled(because("Invalid", message));
    Conditions::after(old, now, generation).standing(&standing).finish()
}

/// How urgent an object is that follows this shift.
fn urgency_of(shift: &ShiftObject) -> Urgency {
    let is_moving = shift.status.run.as_ref().is_some_and(|run| run.ended_at.is_none());
    match shift.status.phase {
        Some(Phase::RollingBack) => Urgency::Rollback,
        _ if is_moving || shift.deleted.is_some() => Urgency::Progress,
        _ => Urgency::Routine,
    }
}

impl Kind for EntryPoints {
    type Spec = EntryPointSpec;
    type Status = EntryPointStatus;

    const NAME: KindName = KindName::EntryPoint;

    fn find<'a>(cluster: &'a Cluster, key: &Key) -> Option<&'a EntryPointObject> {
        cluster.entry_points.get(key)
    }

    fn decide(
        context: &Context,
        _: &Cluster,
        object: &EntryPointObject,
        sight: &mut Sight<'_>,
    ) -> Option<Verdict<EntryPointStatus>> {
        entry_point::decide(context, object, sight)
    }

    fn events(old: &EntryPointStatus, new: &EntryPointStatus) -> Vec<Event> {
        route::stalled(&old.conditions, &new.conditions).into_iter().collect()
    }

    fn refused(now: Timestamp, status: &EntryPointStatus, generation: i64, message: &str) -> EntryPointStatus {
        let conditions = refusal(now, &status.conditions, generation, message);
        EntryPointStatus { observed_generation: Some(generation), conditions, ..status.clone() }
    }

    fn urgency(_: &Cluster, _: &Object<EntryPointSpec, EntryPointStatus>) -> Urgency {
        Urgency::Routine
    }
}

impl Kind for Environments {
    type Spec = EnvironmentSpec;
    type Status = EnvironmentStatus;

    const NAME: KindName = KindName::Environment;

    fn find<'a>(cluster: &'a Cluster, key: &Key) -> Option<&'a EnvironmentObject> {
        cluster.environments.get(key)
    }

    fn decide(
        context: &Context,
        _: &Cluster,
        object: &EnvironmentObject,
        sight: &mut Sight<'_>,
    ) -> Option<Verdict<EnvironmentStatus>> {
        environment::decide(context, object, sight)
    }

    fn events(old: &EnvironmentStatus, new: &EnvironmentStatus) -> Vec<Event> {
        route::stalled(&old.conditions, &new.conditions).into_iter().collect()
    }

    fn refused(now: Timestamp, status: &EnvironmentStatus, generation: i64, message: &str) -> EnvironmentStatus {
        let conditions = refusal(now, &status.conditions, generation, message);
        EnvironmentStatus { observed_generation: Some(generation), conditions, ..status.clone() }
    }

    fn urgency(_: &Cluster, _: &EnvironmentObject) -> Urgency {
        Urgency::Routine
    }
}

impl Kind for Routes {
    type Spec = WeightedRouteSpec;
    type Status = WeightedRouteStatus;

    const NAME: KindName = KindName::WeightedRoute;

    fn find<'a>(cluster: &'a Cluster, key: &Key) -> Option<&'a RouteObject> {
        cluster.routes.get(key)
    }

    fn decide(
        context: &Context,
        cluster: &Cluster,
        object: &RouteObject,
        sight: &mut Sight<'_>,
    ) -> Option<Verdict<WeightedRouteStatus>> {
        route::decide(context, cluster, object, sight)
    }

    fn events(old: &WeightedRouteStatus, new: &WeightedRouteStatus) -> Vec<Event> {
        route::events(old, new)
    }

    fn refused(now: Timestamp, status: &WeightedRouteStatus, generation: i64, message: &str) -> WeightedRouteStatus {
        let conditions = refusal(now, &status.conditions, generation, message);
        WeightedRouteStatus { observed_generation: Some(generation), conditions, ..status.clone() }
    }

    fn urgency(cluster: &Cluster, object: &RouteObject) -> Urgency {
        claim::holder(cluster, &object.key).map_or(Urgency::Routine, urgency_of)
    }
}

impl Kind for Shifts {
    type Spec = TrafficShiftSpec;
    type Status = TrafficShiftStatus;

    const NAME: KindName = KindName::TrafficShift;

    fn find<'a>(cluster: &'a Cluster, key: &Key) -> Option<&'a ShiftObject> {
        cluster.shifts.get(key)
    }

    fn decide(
        context: &Context,
        cluster: &Cluster,
        object: &ShiftObject,
        sight: &mut Sight<'_>,
    ) -> Option<Verdict<TrafficShiftStatus>> {
        shift::decide(context, cluster, object, sight)
    }

    fn events(old: &TrafficShiftStatus, new: &TrafficShiftStatus) -> Vec<Event> {
        shift::events(old, new)
    }

    fn refused(now: Timestamp, status: &TrafficShiftStatus, generation: i64, message: &str) -> TrafficShiftStatus {
        let conditions = refusal(now, &status.conditions, generation, message);
        TrafficShiftStatus { observed_generation: Some(generation), conditions, ..status.clone() }
    }

    fn urgency(_: &Cluster, object: &ShiftObject) -> Urgency {
        urgency_of(object)
    }
}
