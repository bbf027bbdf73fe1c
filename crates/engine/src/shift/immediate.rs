//! Immediate cutover to an environment that is known to be good: one that has carried all the traffic of every route before,
//! with the same target groups, and has the healthy capacity for all of it now.

use weir_api::traffic_shift::{Course, KnownGood, Run};

use crate::Arn;
use crate::object::ShiftObject;
use crate::reason::Reason;

use super::progress::RouteProgress;

/// How a run to an environment shall get there, as far as that can be told when it begins.
pub(super) fn course(shift: &ShiftObject, routes: &[RouteProgress<'_>]) -> Course {
    let to = &shift.spec.to;
    let gradual = |reason: Reason, message: String| Course { immediate: false, reason: reason.to_string(), message };
    if shift.spec.known_good == KnownGood::Gradual {
        return gradual(Reason::Gradual, "by the strategy, since spec.knownGood is Gradual".to_owned());
    }
    for route in routes {
        let groups: &[Arn] = route.member(to).map_or(&[], |member| &member.groups);
        let mut times = route.object.status.full_traffic.iter().filter(|known| known.environment == *to).peekable();
        if times.peek().is_none() {
            let message = format!(
                "by the strategy, since {to} is not known to have carried all the traffic of route {}",
                route.part.name
            );
            return gradual(Reason::NeverCarriedAll, message);
        }
        if !times.any(|known| known.target_groups.iter().eq(groups.iter().map(Arn::as_str))) {
            let message = format!(
                "by the strategy, since the {to} that carried all the traffic of route {} had another target group",
                route.part.name
            );
            return gradual(Reason::OtherTargetGroup, message);
        }
    }
    let last = |route: &RouteProgress<'_>| {
        route.object.status.full_traffic.iter().find(|known| known.environment == *to)?.until
    };
    let until = routes.iter().filter_map(last).max();
    let until = until.map_or_else(|| " before".to_owned(), |until| format!(" until {until:.0}"));
    Course {
        immediate: true,
        reason: Reason::KnownGood.to_string(),
        message: format!("everything at once, since {to} carried all the traffic{until}"),
    }
}

/// Whether a run moves everything in one step.
pub(super) fn is_immediate(run: &Run) -> bool {
    run.course.as_ref().is_some_and(|course| course.immediate)
}
