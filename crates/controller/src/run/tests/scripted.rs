//! Shifts whose decisions do what their `to` says: to see what the loop makes of them.

use jiff::{SignedDuration, Timestamp};
use weir_api::condition::{STALLED, Truth};
use weir_api::traffic_shift::Phase;
use weir_api::{Condition, TrafficShiftSpec, TrafficShiftStatus};
use weir_engine::event::Event;
use weir_engine::object::ShiftObject;
use weir_engine::reader::Reader;
use weir_engine::tick::{Context, Kind, Urgency, Verdict};
use weir_engine::{Cluster, Key, KindName, Reason, kinds};

use crate::Decisions;

pub enum Scripted {}

impl Decisions for Scripted {
    type EntryPoints = kinds::EntryPoints;
    type Environments = kinds::Environments;
    type Routes = kinds::Routes;
    type Shifts = Shifts;
}

pub enum Shifts {}

impl Kind for Shifts {
    type Spec = TrafficShiftSpec;
    type Status = TrafficShiftStatus;

    const NAME: KindName = KindName::TrafficShift;

    fn find<'a>(cluster: &'a Cluster, key: &Key) -> Option<&'a ShiftObject> {
        cluster.shifts.get(key)
    }

    fn decide(
        context: &Context,
        _: &Cluster,
        object: &ShiftObject,
        _: &mut Reader<'_>,
    ) -> Option<Verdict<TrafficShiftStatus>> {
        let phase = |phase| TrafficShiftStatus {
            observed_generation: Some(object.generation),
            phase: Some(phase),
            ..TrafficShiftStatus::default()
        };
        let verdict = match object.spec.to.as_str() {
            "panic" => panic!("the script says so"),
            "restless" => Verdict::record(phase(Phase::Shifting)).waking(context.now),
            "held" => Verdict { finalizer: object.deleted.is_none(), ..Verdict::record(phase(Phase::Shifting)) },
            "later" => {
                let end = object.created + SignedDuration::from_mins(5);
                if context.now < end {
                    Verdict::record(phase(Phase::Shifting)).waking(end)
                } else {
                    Verdict::record(phase(Phase::Succeeded))
                }
            }
            _ => Verdict::record(phase(Phase::Succeeded)),
        };
        Some(verdict)
    }

    fn events(old: &TrafficShiftStatus, new: &TrafficShiftStatus) -> Vec<Event> {
        if old.phase == new.phase {
            return Vec::new();
        }
        vec![Event::normal(Reason::StepApplied, format!("{:?} after {:?}", new.phase, old.phase))]
    }

    fn refused(now: Timestamp, status: &TrafficShiftStatus, generation: i64, message: &str) -> TrafficShiftStatus {
        let known = status.conditions.first().filter(|condition| condition.message == message);
        let stalled = known.cloned().unwrap_or_else(|| Condition {
            type_: STALLED.into(),
            status: Truth::True,
            reason: "Refused".into(),
            message: message.into(),
            last_transition_time: now,
            observed_generation: Some(generation),
        });
        TrafficShiftStatus { conditions: vec![stalled], ..status.clone() }
    }

    fn urgency(_: &Cluster, object: &ShiftObject) -> Urgency {
        if object.status.phase == Some(Phase::Shifting) { Urgency::Progress } else { Urgency::Routine }
    }
}
